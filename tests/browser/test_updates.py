"""A page that is used between its saves; case by case, `test_hmr.py` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><title>Test</title></head>
<body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""

COUNTER = """
const hot = document.querySelector("#out");
import.meta.hot.data.clicks ??= 0;
const show = () => { hot.textContent = `v1 clicks=${import.meta.hot.data.clicks}`; };
window.press = () => { import.meta.hot.data.clicks += 1; show(); };
show();
import.meta.hot.accept();
"""


def test_a_module_that_accepts_itself_is_replaced_and_keeps_its_data(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": COUNTER})
    tab.open(site.url)
    tab.page.evaluate("press(); press()")
    tab.text("v1 clicks=2")

    site.edit("src/main.js", "v1", "v2")

    tab.text("v2 clicks=2")
    tab.page.evaluate("press()")
    tab.text("v2 clicks=3")
    assert tab.kept
    [message] = tab.received("update")
    [update] = message["updates"]
    assert (update["type"], update["path"], update["acceptedPath"]) == (
        "js-update",
        "/src/main.js",
        "/src/main.js",
    )


@pytest.mark.ours
def test_a_module_that_fails_to_load_leaves_the_old_one_at_work(project: StartProject, tab: Tab) -> None:
    main = COUNTER + "import.meta.hot.dispose(() => { window.disposed = true; });\n"
    site = project({"index.html": PAGE, "src/main.js": main})
    tab.open(site.url)
    site.write("src/main.js", main + "let broken = ;\n")
    tab.page.wait_for_selector("vite-error-overlay", state="attached")
    assert tab.page.evaluate("window.disposed") is None
    tab.page.evaluate("press()")
    tab.text("v1 clicks=1")
    tab.errors.clear()
    site.write("src/main.js", main.replace("v1", "v3"))
    tab.text("v3 clicks=1")
    assert tab.page.evaluate("window.disposed") is True
    assert tab.kept
