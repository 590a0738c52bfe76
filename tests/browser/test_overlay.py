"""Errors: shown in the page with message, file and place, and gone once they are mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head></head><body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""
GOOD = 'const out = document.querySelector("#out");\nout.textContent = "v1";\nimport.meta.hot.accept();\n'
UNCLOSED = 'const out = document.querySelector("#out");\nconst list = [1, 2;\nimport.meta.hot.accept();\n'


def overlay(tab: Tab) -> Locator:
    return tab.page.locator("vite-error-overlay")


def test_an_error_that_the_server_finds_is_shown_and_mended(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    tab.text("v1")

    site.write("src/main.js", UNCLOSED)
    expect(overlay(tab)).to_contain_text("main.js")
    expect(overlay(tab)).to_contain_text("const list = [1, 2;")
    [error] = [message["err"] for message in tab.received("error")]
    assert error["id"] == error["loc"]["file"] == str(site.root / "src/main.js")
    assert error["frame"].count("const list") == 1
    tab.errors.clear()

    site.write("src/main.js", GOOD.replace("v1", "v2"))
    expect(overlay(tab)).to_have_count(0)
    tab.text("v2")
    assert tab.kept


def test_escape_closes_the_overlay(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    site.write("src/main.js", UNCLOSED)
    expect(overlay(tab)).to_have_count(1)
    tab.page.keyboard.press("Escape")
    expect(overlay(tab)).to_have_count(0)
    tab.errors.clear()
    assert tab.kept


def test_an_error_at_the_first_load_is_shown_and_mended(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": UNCLOSED})
    tab.open(site.url)
    expect(overlay(tab)).to_contain_text("const list = [1, 2;")
    tab.errors.clear()
    site.write("src/main.js", GOOD)
    tab.text("v1")
    expect(overlay(tab)).to_have_count(0)


def test_an_error_in_a_dependency_names_that_file(project: StartProject, tab: Tab) -> None:
    main = (
        'import { value } from "./dep.js";\ndocument.querySelector("#out").textContent = value;\n'
        "import.meta.hot.accept();\n"
    )
    site = project({"index.html": PAGE, "src/main.js": main, "src/dep.js": 'export const value = "v1";\n'})
    tab.open(site.url)
    site.write("src/dep.js", 'export const value = "v2;\n')
    expect(overlay(tab)).to_contain_text("dep.js")
    tab.errors.clear()
    site.write("src/dep.js", 'export const value = "v3";\n')
    tab.text("v3")
    expect(overlay(tab)).to_have_count(0)


def test_an_import_of_a_missing_file_is_told_with_the_importer(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    site.write("src/main.js", 'import "./nowhere.js";\n' + GOOD)
    expect(overlay(tab)).to_contain_text("./nowhere.js")
    expect(overlay(tab)).to_contain_text("main.js")
    tab.errors.clear()
    site.write("src/main.js", GOOD.replace("v1", "v2"))
    tab.text("v2")
    expect(overlay(tab)).to_have_count(0)


@pytest.mark.ours
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("const list = [1, 2;", id="bracket"),
        pytest.param("const text = 'open;", id="string"),
        pytest.param("const text = `open;", id="template"),
        pytest.param("const found = /open;", id="regex"),
        pytest.param("/* open", id="comment"),
    ],
)
def test_the_server_says_where_something_is_not_closed(project: StartProject, tab: Tab, broken: str) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    site.write("src/main.js", GOOD + broken + "\n")
    expect(overlay(tab)).to_contain_text(broken)
    assert tab.received("error")[0]["err"]["loc"]["line"] == 4
    assert site.alive
    tab.errors.clear()


@pytest.mark.ours
def test_the_column_is_that_of_the_source(
    request: pytest.FixtureRequest, project: StartProject, tab: Tab
) -> None:
    source = "import.meta.hot.accept(); document.title = import.meta.env.MODE; let a = ;\n"
    site = project({"index.html": PAGE, "src/main.js": source})
    tab.page.goto(site.url)
    # Of a pack the browser counts columns of its own in the first line; the caret is at the line's end then.
    column = len(source) if request.config.getoption("--pack") == "on" else source.rindex(";") + 1
    expect(overlay(tab)).to_contain_text(f"main.js:1:{column}")
    expect(overlay(tab)).to_contain_text("let a = ;")
    expect(overlay(tab)).not_to_contain_text("BASE_URL")
    tab.errors.clear()


@pytest.mark.ours
def test_typescript_without_a_plugin_says_so(project: StartProject, tab: Tab) -> None:
    page = PAGE.replace("main.js", "main.ts")
    site = project({"index.html": page, "src/main.ts": "const a: number = 1;\n"})
    tab.page.goto(site.url)
    expect(overlay(tab)).to_contain_text("TypeScript and JSX need a plugin")
    tab.errors.clear()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        pytest.param("let a = ;", 3, id="missing expression", marks=pytest.mark.ours),
        pytest.param("const a = 1;\nconst a = 2;", 4, id="declared twice", marks=pytest.mark.ours),
        pytest.param("return 1;", 3, id="return outside a function", marks=pytest.mark.ours),
        pytest.param("function (", None, id="unclosed"),
    ],
)
def test_an_error_that_only_the_browser_finds_is_shown(
    project: StartProject, tab: Tab, broken: str, line: int | None
) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    lines = GOOD.splitlines(keepends=True)
    site.write("src/main.js", "".join([*lines[:2], broken + "\n", *lines[2:]]))
    expect(overlay(tab)).to_contain_text("main.js" if line is None else f"main.js:{line}:")
    expect(overlay(tab)).to_contain_text(broken.splitlines()[-1])
    tab.errors.clear()
    site.write("src/main.js", GOOD.replace("v1", "v2"))
    tab.text("v2")
    expect(overlay(tab)).to_have_count(0)
    assert tab.kept


@pytest.mark.ours
def test_an_error_that_only_the_browser_finds_is_shown_at_the_first_load(
    project: StartProject, tab: Tab
) -> None:
    site = project(
        {"index.html": PAGE, "src/main.js": 'import "./dep.js";\n' + GOOD, "src/dep.js": "let a = ;\n"}
    )
    tab.open(site.url)
    expect(overlay(tab)).to_contain_text("dep.js:1:")
    expect(overlay(tab)).to_contain_text("let a = ;")
    tab.errors.clear()
    site.write("src/dep.js", "export const a = 1;\n")
    tab.text("v1")
    expect(overlay(tab)).to_have_count(0)


@pytest.mark.ours
def test_an_export_that_does_not_exist_is_named(project: StartProject, tab: Tab) -> None:
    main = 'import { absent } from "./dep.js";\nabsent();\n'
    site = project({"index.html": PAGE, "src/main.js": main, "src/dep.js": "export const present = 1;\n"})
    tab.open(site.url)
    expect(overlay(tab)).to_contain_text("absent")
    tab.errors.clear()


@pytest.mark.ours
def test_a_bare_import_that_no_map_knows_says_how_to_add_it(project: StartProject, tab: Tab) -> None:
    site = project(
        {"index.html": PAGE, "src/main.js": 'import confetti from "canvas-confetti";\nconfetti();\n'}
    )
    tab.open(site.url)
    expect(overlay(tab)).to_contain_text("canvas-confetti")
    expect(overlay(tab)).to_contain_text("importmap")
    tab.errors.clear()


@pytest.mark.ours
def test_a_tab_opened_while_something_is_broken_is_told(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    site.write("src/main.js", UNCLOSED)
    expect(overlay(tab)).to_have_count(1)
    late = new_tab()
    late.open(site.url)
    expect(overlay(late)).to_contain_text("const list = [1, 2;")
    for each in (tab, late):
        each.errors.clear()
    site.write("src/main.js", GOOD.replace("v1", "v2"))
    for each in (tab, late):
        each.text("v2")
        expect(overlay(each)).to_have_count(0)


RUNS = (
    "import.meta.hot.data.runs = (import.meta.hot.data.runs ?? 0) + 1;\n"
    'document.querySelector("#out").textContent = `runs ${import.meta.hot.data.runs}`;\n'
    "import.meta.hot.accept();\n"
)


@pytest.mark.ours
def test_mending_one_of_two_errors_shows_the_other(project: StartProject, tab: Tab) -> None:
    pair = {"src/a.js": "import.meta.hot.accept();\n", "src/b.js": RUNS}
    site = project({"index.html": PAGE, "src/main.js": 'import "./a.js";\nimport "./b.js";\n', **pair})
    tab.open(site.url)
    site.write("src/a.js", "const first = [;\n")
    expect(overlay(tab)).to_contain_text("const first")
    site.write("src/b.js", "const second = [;\n")
    expect(overlay(tab)).to_contain_text("const second")
    tab.errors.clear()
    site.write("src/b.js", RUNS + "// mended\n")
    tab.text("runs 2")
    expect(overlay(tab)).to_contain_text("const first")
    site.write("src/a.js", pair["src/a.js"])
    expect(overlay(tab)).to_have_count(0)
    assert tab.kept


@pytest.mark.ours
def test_an_update_elsewhere_does_not_hide_an_error_that_stands(project: StartProject, tab: Tab) -> None:
    pair = {"src/a.js": "import.meta.hot.accept();\n", "src/b.js": RUNS}
    site = project({"index.html": PAGE, "src/main.js": 'import "./a.js";\nimport "./b.js";\n', **pair})
    tab.open(site.url)
    site.write("src/a.js", "const first = [;\n")
    expect(overlay(tab)).to_contain_text("const first")
    tab.errors.clear()
    site.write("src/b.js", RUNS + "// edited\n")
    tab.text("runs 2")
    expect(overlay(tab)).to_contain_text("const first")
    site.write("src/a.js", pair["src/a.js"] + "// mended\n")
    expect(overlay(tab)).to_have_count(0)
    assert tab.kept


def test_an_error_text_is_text_and_no_markup(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": GOOD})
    tab.open(site.url)
    site.write("src/main.js", 'const list = ["<img src=x onerror=window.pwned=1>";\n')
    expect(overlay(tab)).to_contain_text("<img src=x")
    assert tab.page.evaluate("window.pwned") is None
    tab.errors.clear()
