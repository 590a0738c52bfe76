"""Exceptions in templates: the place is the template's line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jinja2
import pytest
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError

from hotchannel.integrations.tracebacks import error_detail
from integrations.raised import caret, place, run, where

if TYPE_CHECKING:
    from pathlib import Path


def fail() -> float:
    """What a template calls, and no file of the project."""
    return 1 / 0


@pytest.mark.parametrize(
    ("template", "kind", "line", "expected"),
    [
        pytest.param("<p>\n{% if %}\n", jinja2.TemplateSyntaxError, 2, "{% if %}", id="syntax"),
        pytest.param(
            "<p>\n  {{ no.such.name }}", jinja2.UndefinedError, 2, "{{ no.such.name }}", id="undefined"
        ),
        pytest.param("{{ 1 }}\n\n{{ fail() }}", ZeroDivisionError, 3, "{{ fail() }}", id="what it calls"),
        pytest.param(
            "\n{% include 'no' %}", jinja2.TemplateNotFound, 2, "{% include 'no' %}", id="not found"
        ),
    ],
)
def test_jinja(tmp_path: Path, template: str, kind: type[Exception], line: int, expected: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(template)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path))
    with pytest.raises(kind) as raised:
        environment.get_template("page.html").render(fail=fail)
    detail = error_detail(raised.value, str(tmp_path))
    assert (place(detail)[:2], caret(detail)) == ((str(file), line), expected)


@pytest.mark.parametrize(
    ("template", "kind", "line", "expected"),
    [
        pytest.param("<p>\n{% if %}\n", TemplateSyntaxError, 2, "{% if %}", id="syntax"),
        pytest.param("<b>&amp;<i>{{ fail }}", ZeroDivisionError, 1, "{{ fail }}", id="what it calls"),
        pytest.param("\n{% include 'no' %}", TemplateDoesNotExist, 2, "{% include 'no' %}", id="not found"),
    ],
)
@pytest.mark.parametrize("template_name", ["page.html", "outer.html"])
def test_django(
    tmp_path: Path,
    template_name: str,
    template: str,
    kind: type[Exception],
    line: int,
    expected: str,
) -> None:
    file = tmp_path / "page.html"
    file.write_text(template)
    (tmp_path / "outer.html").write_text("{% include 'page.html' %}")
    engine = Engine(dirs=[str(tmp_path)], debug=True)
    with pytest.raises(kind) as raised:
        engine.get_template(template_name).render(Context({"fail": fail}))
    detail = error_detail(raised.value, str(tmp_path))
    assert (place(detail)[:2], caret(detail)) == ((str(file), line), expected)


def test_django_says_the_template_ahead_of_what_it_calls(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ run }}")
    engine = Engine(dirs=[str(tmp_path)], debug=True)

    def run_own() -> None:
        raise run(tmp_path / "models.py", "1 / 0")

    with pytest.raises(ZeroDivisionError) as raised:
        engine.get_template("page.html").render(Context({"run": run_own}))
    detail = error_detail(raised.value, str(tmp_path))
    assert place(detail) == (str(tmp_path / "page.html"), 1, 0)
    assert re.findall(r"(\w+\.\w+)\", line", detail.stack)[:2] == ["page.html", "models.py"]


def test_template_that_is_no_file(tmp_path: Path) -> None:
    error = run(tmp_path / "app.py", "a = 1\nparse('{% if %}')", parse=jinja2.Environment().from_string)
    assert where(error_detail(error, str(tmp_path))) == (2, 0)
