"""`examples/counter` does what its page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.project import REPOSITORY

if TYPE_CHECKING:
    from support.project import Project, StartProject
    from support.tab import Tab

EXAMPLE = REPOSITORY / "examples/counter"


@pytest.fixture
def example(project: StartProject, tab: Tab) -> Project:
    """The example, open in the tab and counted up to 3."""
    site = project(EXAMPLE)
    tab.open(site.url)
    for _ in range(3):
        tab.page.click("#more")
    tab.text("3", "#count")
    tab.text("live", "#status")
    return site


def test_the_number_stays_when_its_module_is_edited(example: Project, tab: Tab) -> None:
    example.edit("src/counter.js", "STEP = 1", "STEP = 10")
    tab.text("counting by 10", "#caption")
    tab.page.click("#more")
    tab.text("13", "#count")
    assert tab.kept
    expect(tab.page.locator("#log")).to_contain_text("updated /src/counter.js")


def test_the_accent_changes_without_a_reload(example: Project, tab: Tab) -> None:
    source = (example.root / "src/style.css").read_text()
    example.write("src/style.css", source.replace("#0d8a72", "#010203"))
    tab.style("rgb(1, 2, 3)", "#count")
    tab.text("3", "#count")
    assert tab.kept


def test_an_edit_of_the_page_reloads_it(example: Project, tab: Tab) -> None:
    example.edit("index.html", "Count a little", "Count a lot")
    tab.wait_for_reload()
    tab.text("Count a lot, then edit", "#try")
    tab.text("0", "#count")


def test_the_number_is_written_anew_when_its_format_is_edited(example: Project, tab: Tab) -> None:
    example.edit("src/format.js", "digits.format(count)", "`no. ${digits.format(count)}`")
    tab.text("no. 3", "#count")
    assert tab.kept


def test_the_imported_theme_is_replaced(example: Project, tab: Tab) -> None:
    example.edit("src/theme.css", "width: 4.5rem", "width: 99px")
    tab.style("99px", "#more", "width")
    assert tab.kept


@pytest.mark.ours
def test_an_open_bracket_shows_the_overlay_and_its_fix_takes_it_away(example: Project, tab: Tab) -> None:
    source = (example.root / "src/counter.js").read_text()
    example.write("src/counter.js", source + "const open = [;\n")
    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text("counter.js")
    expect(overlay).to_contain_text("const open")
    tab.errors.clear()
    example.write("src/counter.js", source)
    expect(overlay).to_have_count(0)
    tab.text("3", "#count")
    assert tab.kept
