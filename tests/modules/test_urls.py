"""How specifiers, request targets and wire paths relate."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.modules.urls import (
    browser_url,
    decode_path,
    is_bare,
    is_external,
    join_specifier,
    module_url,
    path_of,
    without_parameters,
)


@pytest.mark.parametrize(
    ("importer", "specifier", "expected"),
    [
        pytest.param("/src/a.js", "./b.js", ("/src/b.js", ""), id="sibling"),
        pytest.param("/src/a.js", "../b.js", ("/b.js", ""), id="parent"),
        pytest.param("/src/a.js", "/b.js", ("/b.js", ""), id="root"),
        pytest.param("/a.js", "../../b.js", ("/b.js", ""), id="stops-at-the-root"),
        pytest.param("/src/a.js", "./b.svg?raw", ("/src/b.svg", "raw"), id="query"),
        pytest.param("/src/a.js", "./b.js?x=1#part", ("/src/b.js", "x=1"), id="fragment"),
        pytest.param("/src/a.js", "./caf%C3%A9.js", ("/src/café.js", ""), id="escaped"),
        pytest.param("/src/a.js", "./café 1.js", ("/src/café 1.js", ""), id="raw-unicode"),
        pytest.param("/src/a.js", "./folder/", ("/src/folder/", ""), id="folder"),
        pytest.param("/src/a.js", "//b.js", ("/b.js", ""), id="two-slashes-are-no-host-here"),
        pytest.param("/src/a.js", "./%zz.js", None, id="malformed"),
    ],
)
def test_a_specifier_is_joined_as_a_browser_does(
    importer: str, specifier: str, expected: tuple[str, str] | None
) -> None:
    assert join_specifier(importer, specifier) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/%",
        "/%zz",
        "/%ff.html",
        "/a%00",
        "/a\x00",
        "/a%5cb",
        "/a\\b",
        "/a%2fb",
        "/a%2Fb",
        "/a%0d%0ab",
        "/a%7f",
    ],
)
def test_a_malformed_path_is_none(path: str) -> None:
    assert decode_path(path) is None


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\\x7f")))
def test_any_name_survives_the_way_through_a_url(name: str) -> None:
    assert decode_path("/" + quote(name)) == "/" + name


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\\x7f"), min_size=1))
def test_any_file_name_can_stand_in_served_code(name: str) -> None:
    url = module_url(f"/{name}")

    path, _, query = browser_url(url, timestamp=5).partition("?")
    assert query == "t=5"
    assert "#" not in path
    assert decode_path(path) == f"/{name}" == path_of(url)


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        pytest.param("/a.js", {}, "/a.js", id="plain"),
        pytest.param("/a.js", {"base": "/app/"}, "/app/a.js", id="base"),
        pytest.param("/a.js", {"timestamp": 3}, "/a.js?t=3", id="stamped"),
        pytest.param("/a.js?x=1", {"timestamp": 3}, "/a.js?t=3&x=1", id="query-last-as-the-client-builds-it"),
        pytest.param(
            "/a.svg?raw", {"timestamp": 3, "explicit_import": True}, "/a.svg?import&t=3&raw", id="import"
        ),
        pytest.param(module_url("/50%#?.js"), {}, "/50%25%23%3F.js", id="syntax-is-escaped"),
        pytest.param("/ä b.js", {}, "/ä b.js", id="the-rest-is-left-to-the-browser"),
    ],
)
def test_a_module_url_is_rendered(url: str, options: dict[str, object], expected: str) -> None:
    assert browser_url(url, **options) == expected  # type: ignore[arg-type]


def test_parameters_go_and_others_stay_as_they_stand() -> None:
    assert without_parameters("t=1&x=%20&import&raw", "t", "import") == "x=%20&raw"


@pytest.mark.parametrize("specifier", ["lodash", "@scope/name", "a.js", "#internal"])
def test_bare(specifier: str) -> None:
    assert is_bare(specifier)


@pytest.mark.parametrize(
    "specifier", ["./a", "../a", "/a", "https://x/a.js", "data:text/javascript,1", "//cdn/a.js"]
)
def test_not_bare(specifier: str) -> None:
    assert not is_bare(specifier)


@pytest.mark.parametrize(
    "specifier", ["https://x/a.js", "data:text/javascript,1", "//cdn/a.js", "blob:x", "node:fs"]
)
def test_external(specifier: str) -> None:
    assert is_external(specifier)
