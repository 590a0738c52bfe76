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
