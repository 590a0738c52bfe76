"""Several tabs of one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.project import StartProject
    from support.tab import Tab

MAIN = 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot.accept();\n'
PAGE = """<!doctype html>
<html><head></head><body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""


def test_two_tabs_are_updated_and_keep_a_state_of_their_own(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    main = (
        "import.meta.hot.data.clicks ??= 0;\n"
        "window.press = () => { import.meta.hot.data.clicks += 1; };\n"
        'document.querySelector("#out").textContent = `v1 ${import.meta.hot.data.clicks}`;\n'
        "import.meta.hot.accept();\n"
    )
    site = project({"index.html": PAGE, "src/main.js": main})
    other = new_tab()
    tab.open(site.url)
    other.open(site.url)
    tab.page.evaluate("press()")
    other.page.evaluate("press(); press()")
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2 1")
    other.text("v2 2")
    assert tab.kept
    assert other.kept


def test_a_tab_that_was_closed_disturbs_nobody(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project({"index.html": PAGE, "src/main.js": MAIN})
    closing = new_tab()
    tab.open(site.url)
    closing.open(site.url)
    closing.page.close()
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept
