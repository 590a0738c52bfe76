"""Stylesheets: swapped where a `<link>` loads them, replaced where JavaScript imports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.project import StartProject
    from support.tab import Tab

LINKED = """<!doctype html>
<html><head><link rel="stylesheet" href="style.css"></head><body><p id="out">text</p></body></html>
"""
IMPORTING = """<!doctype html>
<html><head></head><body><p id="out">text</p><script type="module" src="src/main.js"></script></body></html>
"""


def colour(level: int, selector: str = "body") -> str:
    """A rule that sets a colour no browser has by itself."""
    return f"{selector} {{ color: rgb({level}, {level}, {level}); }}\n"


def test_a_linked_stylesheet_is_swapped_without_a_flash(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": LINKED, "style.css": colour(1)})
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")
    tab.page.evaluate(
        """() => {
            window.seen = new Set();
            const look = () => {
                seen.add(getComputedStyle(document.body).color);
                requestAnimationFrame(look);
            };
            look();
            const everything = { childList: true, attributes: true, subtree: true };
            new MutationObserver(look).observe(document.head, everything);
        }"""
    )
    site.write("style.css", colour(2))
    tab.style("rgb(2, 2, 2)")
    tab.page.wait_for_function("document.querySelectorAll('link[rel=stylesheet]').length === 1")
    assert tab.page.evaluate("[...seen].sort()") == ["rgb(1, 1, 1)", "rgb(2, 2, 2)"]
    assert tab.kept
    assert [update["type"] for update in tab.received("update")[0]["updates"]] == ["css-update"]


def test_a_link_keeps_its_place_and_attributes(project: StartProject, tab: Tab) -> None:
    page = LINKED.replace(
        '<link rel="stylesheet" href="style.css">',
        '<link rel="stylesheet" href="style.css" media="screen" data-mine="1">'
        '<link rel="stylesheet" href="last.css">',
    )
    site = project({"index.html": page, "style.css": colour(1), "last.css": colour(9, "p")})
    tab.open(site.url)
    site.write("style.css", colour(2) + colour(2, "p"))
    tab.style("rgb(2, 2, 2)")
    tab.style("rgb(9, 9, 9)", "#out")
    link = tab.page.locator("link[data-mine='1']")
    link.and_(tab.page.locator("[href*='t=']")).wait_for(state="attached")
    assert link.first.get_attribute("media") == "screen"


def test_an_imported_stylesheet_is_replaced(project: StartProject, tab: Tab) -> None:
    site = project(
        {"index.html": IMPORTING, "src/main.js": 'import "./style.css";\n', "src/style.css": colour(1)}
    )
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")
    site.write("src/style.css", colour(2))
    tab.style("rgb(2, 2, 2)")
    assert tab.page.locator("style[data-vite-dev-id]").count() == 1
    assert tab.kept


def test_an_imported_stylesheet_goes_with_its_import(project: StartProject, tab: Tab) -> None:
    main = 'import "./style.css";\nimport.meta.hot.accept();\n'
    site = project({"index.html": IMPORTING, "src/main.js": main, "src/style.css": colour(1)})
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")

    site.write("src/main.js", "import.meta.hot.accept();\n")
    tab.style("rgb(0, 0, 0)")
    assert tab.page.locator("style[data-vite-dev-id]").count() == 0

    site.write("src/main.js", main)
    tab.style("rgb(1, 1, 1)")
    assert tab.kept


def test_imported_stylesheets_stand_in_the_order_of_their_imports(project: StartProject, tab: Tab) -> None:
    main = 'import "./first.css";\nimport "./second.css";\n'
    files = {"src/main.js": main, "src/first.css": colour(1), "src/second.css": colour(2)}
    site = project({"index.html": IMPORTING, **files})
    tab.open(site.url)
    tab.style("rgb(2, 2, 2)")
    site.write("src/first.css", colour(3) + "p { margin-top: 7px; }\n")
    tab.style("7px", "#out", "margin-top")
    tab.style("rgb(2, 2, 2)")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"index.html": LINKED, "style.css": '@import "./css/a.css";\n'}, id="linked"),
        pytest.param(
            {
                "index.html": IMPORTING,
                "src/main.js": 'import "../style.css";\n',
                "style.css": '@import url("css/a.css");\n',
            },
            id="imported",
        ),
    ],
)
def test_a_stylesheet_deep_in_a_chain_of_imports_is_hot(
    project: StartProject, tab: Tab, files: dict[str, str]
) -> None:
    site = project({**files, "css/a.css": '@import "./deep/b.css";\n', "css/deep/b.css": colour(1)})
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")
    for level in (2, 3):
        site.write("css/deep/b.css", colour(level))
        tab.style(f"rgb({level}, {level}, {level})")
    site.write("css/a.css", colour(4))
    tab.style("rgb(4, 4, 4)")
    assert tab.kept


def test_urls_in_an_imported_stylesheet_are_relative_to_it(project: StartProject, tab: Tab) -> None:
    css = "body { background-image: url(./img/dot.svg); }\n"
    dot = '<svg xmlns="http://www.w3.org/2000/svg">' + "<g/>" * 1200 + "</svg>"
    main = 'import "./theme/style.css";\n'
    site = project(
        {
            "index.html": IMPORTING,
            "src/main.js": main,
            "src/theme/style.css": css,
            "src/theme/img/dot.svg": dot,
        }
    )
    tab.open(site.url)
    tab.style(f'url("{site.url}src/theme/img/dot.svg")', name="background-image")


@pytest.mark.ours
def test_a_stylesheet_that_is_not_utf8_is_told_and_survived(project: StartProject, tab: Tab) -> None:
    site = project(
        {"index.html": IMPORTING, "src/main.js": 'import "./style.css";\n', "src/style.css": colour(1)}
    )
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")
    site.write("src/style.css", b"body { color: red; content: '\xff\xfe'; }\n")
    overlay = tab.page.locator("vite-error-overlay")
    overlay.filter(has_text="UTF-8").wait_for()
    assert site.alive
    tab.errors.clear()
    site.write("src/style.css", colour(2))
    tab.style("rgb(2, 2, 2)")
    overlay.wait_for(state="detached")


@pytest.mark.ours
def test_one_stylesheet_linked_twice_is_swapped_twice(project: StartProject, tab: Tab) -> None:
    link = '<link rel="stylesheet" href="style.css">'
    site = project({"index.html": LINKED.replace(link, link + link), "style.css": colour(1)})
    tab.open(site.url)
    site.write("style.css", colour(2))
    tab.page.wait_for_function("document.querySelectorAll('link[href*=\"t=\"]').length === 2")
    tab.page.wait_for_function("document.querySelectorAll('link').length === 2")
    tab.style("rgb(2, 2, 2)")
