"""One scenario for every server of the table: what is saved shows in the page, and the page's state stays.

Each test leaves the files as they were, and waits until the page shows that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from frameworks.servers import RunningApp
    from support.tab import Tab

RED, GREEN = "rgb(255, 0, 0)", "rgb(0, 128, 0)"
RUNS = "[window.inlineRuns, window.moduleRuns, window.loads]"
OPEN_ECHO = """() => new Promise((resolve, reject) => {
    window.echo = new WebSocket(`ws://${location.host}/echo`);
    echo.onopen = resolve;
    echo.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
})"""
ECHO = """(text) => new Promise((resolve, reject) => {
    echo.onmessage = ({ data }) => resolve(JSON.parse(data).text);
    echo.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    echo.send(text);
})"""


def overlay(tab: Tab) -> Locator:
    return tab.page.locator("vite-error-overlay")


def notice(tab: Tab) -> Locator:
    return tab.page.locator("hotchannel-notice")


def show(tab: Tab, site: RunningApp) -> None:
    """Open the page, let its scripts run, and type something."""
    tab.open(site.url)
    tab.text("drawn once", "#drawn")
    tab.page.fill("#typed", "typed")


def assert_kept(tab: Tab) -> None:
    """It is still the same page, and what was typed is in it."""
    assert tab.kept
    assert tab.value("document.querySelector('#typed').value") == "typed"
    assert tab.value(RUNS) == [1, 1, 1]


def test_css_is_swapped(site: RunningApp, tab: Tab) -> None:
    sheet = f"{site.application.static}/style.css"
    show(tab, site)
    tab.style(RED, "h1")
    for old, new in ((RED, GREEN), (GREEN, RED)):
        site.edit(sheet, old, new)
        tab.style(new, "h1")
    assert_kept(tab)
    kinds = [update["type"] for message in tab.received("update") for update in message["updates"]]
    assert set(kinds) == {"css-update"}


def test_an_accepted_module_is_replaced(site: RunningApp, tab: Tab) -> None:
    module = f"{site.application.static}/text.js"
    show(tab, site)
    for old, new in (("once", "twice"), ("twice", "once")):
        site.edit(module, old, new)
        tab.text(f"drawn {new}", "#drawn")
    assert_kept(tab)


def test_a_template_changes_only_what_it_says(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    tab.page.focus("#typed")
    tab.value(
        "document.querySelector('ul').append(Object.assign(document.createElement('li'), { id: 'added' }))"
    )
    tab.value("window.added = document.querySelector('#added')")
    tab.value("scrollTo(0, 400)")
    for old, new in (("First", "Second"), ("Second", "First")):
        site.edit(site.application.template, f"<h1>{old}</h1>", f"<h1>{new}</h1>")
        tab.text(new, "h1")
    assert_kept(tab)
    assert tab.value("document.activeElement.id") == "typed"
    assert tab.value("window.added.isConnected && window.added.parentNode.localName") == "ul"
    assert tab.value("scrollY") == 400


def test_an_element_may_ask_for_a_reload(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    for old, new in (("first", "second"), ("second", "first")):
        site.edit(site.application.template, f"{old} state", f"{new} state")
        tab.wait_for_reload()
        tab.text(f"{new} state", "#state")
        assert tab.value(RUNS) == [1, 1, 1]


@pytest.mark.needs("post")
def test_a_page_that_answers_a_form_offers_a_reload(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    with tab.page.expect_navigation() as navigation:
        tab.page.click("#post")
    assert navigation.value is not None
    assert navigation.value.request.method == "POST"
    tab.wait_for_reload()
    tab.page.fill("#typed", "typed")
    site.edit(site.application.template, "<h1>First</h1>", "<h1>Second</h1>")
    expect(notice(tab)).to_contain_text("This page has changed on the server.")
    tab.text("First", "h1")
    assert_kept(tab)
    notice(tab).get_by_role("button", name="Reload").click()
    tab.wait_for_reload()
    tab.text("Second", "h1")
    site.edit(site.application.template, "<h1>Second</h1>", "<h1>First</h1>")
    expect(notice(tab)).to_have_count(1)
    assert tab.kept


@pytest.mark.needs("errors")
def test_errors_that_are_answers_are_none(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    assert [site.get(path).status for path in ("/missing", "/teapot")] == [404, 418]
    # What comes later on the same socket is there: so nothing else will.
    site.edit(f"{site.application.static}/style.css", RED, GREEN)
    tab.style(GREEN, "h1")
    site.edit(f"{site.application.static}/style.css", GREEN, RED)
    tab.style(RED, "h1")
    assert tab.received("error") == []
    expect(overlay(tab)).to_have_count(0)
    assert_kept(tab)


@pytest.mark.needs("errors")
def test_a_broken_template_shows_until_it_is_mended(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    template = site.application.template
    site.edit(template, "<h1>First</h1>", "<h1>{% if %}</h1>")
    expect(overlay(tab)).to_contain_text("TemplateSyntaxError")
    expect(overlay(tab)).to_contain_text(f"{template}:11")
    # The overlay has one too.
    tab.text("First", "body > h1")
    site.edit(template, "<h1>{% if %}</h1>", "<h1>Second</h1>")
    tab.text("Second", "body > h1")
    expect(overlay(tab)).to_have_count(0)
    site.edit(template, "<h1>Second</h1>", "<h1>First</h1>")
    tab.text("First", "body > h1")
    assert_kept(tab)


@pytest.mark.needs("code", "errors")
def test_an_exception_shows_until_it_is_mended(
    site: RunningApp, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    show(tab, site)
    code = site.application.code
    line = next(number for number, text in enumerate(site.code.splitlines(), 1) if " / 1" in text)
    site.edit_code(" / 1", " / 0")
    answer = site.until_status("/boom", 500)
    assert site.row.error_page in answer.body.decode()
    failed = new_tab()
    failed.open(f"{site.url}boom")
    for each in (tab, failed):
        expect(overlay(each)).to_contain_text("ZeroDivisionError")
        expect(overlay(each)).to_contain_text(f"{code}:{line}")
        # The name is in the source, the value nowhere.
        expect(overlay(each)).to_contain_text("len(password) / 0")
    everything = [json.dumps([tab.messages, failed.messages])]
    if not site.application.shows_values:
        everything += [answer.body.decode(), failed.page.content()]
    assert all("open sesame" not in text for text in everything)

    site.edit_code(" / 0", " / 1")
    expect(overlay(tab)).to_have_count(0)
    assert_kept(tab)
    expect(failed.page.locator("#greeting")).to_have_text("quiet 11")
    expect(overlay(failed)).to_have_count(0)


@pytest.mark.needs("code")
def test_new_code_shows_in_the_live_page(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    greeting = tab.page.locator("#greeting")
    for old, new in (("one", "two"), ("two", "one")):
        site.edit_code(f'GREETING = "{old}"', f'GREETING = "{new}"')
        expect(greeting).to_have_text(new)
    assert_kept(tab)
    expect(overlay(tab)).to_have_count(0)
    expect(notice(tab)).to_have_count(0)
    if "echo" in site.application.abilities:
        tab.page.evaluate(OPEN_ECHO)
        assert tab.page.evaluate(ECHO, "hello") == "hello"


@pytest.mark.needs("code")
def test_code_that_cannot_be_read_is_waited_for(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    seen = len(site.log)
    site.edit_code('GREETING = "one"', 'GREETING = = "one"')
    if site.row.imports_late:
        expect(overlay(tab)).to_contain_text("SyntaxError")
    else:
        expect(notice(tab)).to_contain_text("reconnecting")
    if site.row.survives:
        site.until_logged("SyntaxError", since=seen)
    else:
        site.wait_for_end()
    tab.text("one", "#greeting")
    assert_kept(tab)
    site.edit_code('GREETING = = "one"', 'GREETING = "three"')
    if not site.row.survives:
        site.start()
    expect(tab.page.locator("#greeting")).to_have_text("three")
    expect(overlay(tab)).to_have_count(0)
    expect(notice(tab)).to_have_count(0)
    assert_kept(tab)
    site.edit_code('GREETING = "three"', 'GREETING = "one"')
    expect(tab.page.locator("#greeting")).to_have_text("one")


@pytest.mark.needs("echo")
def test_a_socket_of_the_application_is_its_own(site: RunningApp, tab: Tab) -> None:
    show(tab, site)
    tab.page.evaluate(OPEN_ECHO)
    assert tab.page.evaluate(ECHO, "hello") == "hello"
    for old, new in ((RED, GREEN), (GREEN, RED)):
        site.edit(f"{site.application.static}/style.css", old, new)
        tab.style(new, "h1")
        assert tab.page.evaluate(ECHO, f"still there: {new}") == f"still there: {new}"
    if site.row.says_sockets is not None:
        # What is taken over never comes to what would log it.
        assert ("/?token=" in site.log) is site.row.says_sockets
        assert '/echo" [accepted]' in site.log
