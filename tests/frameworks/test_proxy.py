"""In front of a back end that goes away: who asks is told so, and is shown the page when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from frameworks.servers import SERVERS, RunningApp
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from support.tab import Tab


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[RunningApp]:
    folder = tmp_path_factory.mktemp("proxy")
    running = RunningApp(SERVERS["proxy-http-server"], folder / "project", folder / "run", free_port())
    try:
        running.start()
        yield running
    finally:
        running.stop()
        print(running.log)


def test_a_back_end_that_is_down_is_waited_for(
    site: RunningApp, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    tab.open(site.url)
    tab.text("drawn once", "#drawn")
    tab.page.fill("#typed", "typed")

    site.stop_back_end()
    late = new_tab()
    answer = late.page.goto(site.url)
    assert answer is not None
    assert answer.status == 502
    assert answer.headers["cache-control"] == "no-store"
    expect(late.page.get_by_role("heading")).to_have_text("The back end does not answer")
    # What is not asked for as a page gets no page.
    assert b"<h1>" not in site.get("/data", Accept="application/json").body
    tab.text("First", "h1")

    site.start_back_end()
    expect(late.page.get_by_role("heading")).to_have_text("First")
    expect(late.page.locator("#drawn")).to_have_text("drawn once")
    site.edit("index.html", "<h1>First</h1>", "<h1>Second</h1>")
    for each in (tab, late):
        each.text("Second", "h1")
    assert tab.kept
    assert tab.value("document.querySelector('#typed').value") == "typed"
    assert tab.value("[window.inlineRuns, window.moduleRuns, window.loads]") == [1, 1, 1]


def test_what_was_saved_while_the_back_end_was_down_shows_when_it_is_back(site: RunningApp, tab: Tab) -> None:
    tab.open(site.url)
    tab.text("drawn once", "#drawn")
    tab.page.fill("#typed", "typed")
    site.stop_back_end()
    site.edit("index.html", "<h1>First</h1>", "<h1>Second</h1>")
    # Static files need no back end.
    site.edit("static/style.css", "rgb(255, 0, 0)", "rgb(0, 128, 0)")
    tab.style("rgb(0, 128, 0)", "h1")
    tab.text("First", "h1")
    site.start_back_end()
    expect(tab.page.locator("h1")).to_have_text("Second")
    assert tab.kept
    assert tab.value("document.querySelector('#typed').value") == "typed"
