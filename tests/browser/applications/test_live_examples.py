"""The examples that draw what Python sends: their windows stay in step, and edits change what is drawn."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.applications.running import UVICORN, raise_and_mend

if TYPE_CHECKING:
    from collections.abc import Callable

    from browser.applications.running import Start
    from support.project import Project
    from support.tab import Tab

pytestmark = pytest.mark.ours


@pytest.fixture
def chart(start: Start, tab: Tab) -> Project:
    """The chart, open in the tab, with some points."""
    site = start("live-chart", UVICORN, "")
    tab.open(site.url)
    tab.text("live", "#status")
    until_points(tab, 5)
    return site


def points(tab: Tab) -> int:
    return int(tab.page.inner_text("#count").replace(",", ""))


def until_points(tab: Tab, number: int) -> None:
    tab.until(lambda: points(tab) >= number, f"{number} points")


def rate(tab: Tab) -> float:
    """Points a second, measured over ten."""
    first = points(tab)
    began = tab.value("performance.now()")
    until_points(tab, first + 10)
    return (points(tab) - first) * 1000 / float(tab.value("performance.now()") - began)


def colour(tab: Tab) -> str:
    """The canvas' colour at the line's last point, which lies at its right edge."""
    value: str = tab.value("""(() => {
        const canvas = document.querySelector("#chart");
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(width - 9, 0, 1, height);
        const at = [...Array(height).keys()].find((row) => data[4 * row + 3] === 255);
        return at === undefined ? "" : [...data.slice(4 * at, 4 * at + 3)].join();
    })()""")
    return value


def test_the_slider_changes_how_fast_points_come_in_every_window(
    chart: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    other = new_tab()
    other.open(chart.url)
    tab.page.fill("#speed", "40")
    tab.text("40 a second", "#rate")
    other.text("40 a second", "#rate")
    fast = rate(tab)

    other.page.fill("#speed", "4")

    tab.text("4 a second", "#rate")
    assert rate(tab) < fast / 2


def test_a_window_that_is_opened_later_has_the_line_from_its_beginning(
    chart: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    until_points(tab, 20)
    tab.page.fill("#speed", "1")
    tab.text("1 a second", "#rate")

    other = new_tab()
    other.open(chart.url)

    until_points(other, 20)
    other.text("1 a second", "#rate")


def test_the_chart_keeps_its_points_when_its_module_is_edited(chart: Project, tab: Tab) -> None:
    until_points(tab, 20)
    shown = tab.page.inner_text("#count")
    assert shown != "0"

    chart.edit("static/chart.js", "count.toLocaleString", "`kept ${count}`.toLocaleString")

    kept = tab.page.locator("#count")
    expect(kept).to_have_text(re.compile("kept"))
    assert int(kept.inner_text().removeprefix("kept ")) >= int(shown)
    assert tab.kept


def test_the_line_has_the_accent_of_the_style_sheet(chart: Project, tab: Tab) -> None:
    tab.until(lambda: colour(tab) == "91,75,224", "the line in its own colour")

    chart.edit("static/style.css", "#5b4be0", "#010203")

    tab.until(lambda: colour(tab) == "1,2,3", "the line in the new colour")
    assert tab.kept


def is_without_chance(tab: Tab) -> bool:
    """Whether the last points follow from each other, and do not lie at 0, where Python starts."""
    events = [each for each in tab.received("custom") if each["event"] == "chart:point"]
    last = [float(each["data"]["value"]) for each in events[-6:]]
    return last[-1] != 0 and all(abs(new - old * 0.99) <= 0.001 for old, new in pairwise(last))


def test_the_line_goes_on_from_where_it_was_when_python_is_edited(chart: Project, tab: Tab) -> None:
    tab.page.fill("#speed", "30")
    until_points(tab, 30)
    shown = points(tab)

    chart.edit("main.py", "VOLATILITY = 1.0", "VOLATILITY = 0.0")

    tab.until(lambda: is_without_chance(tab), "points of the restarted server")
    tab.text("30 a second", "#rate")
    assert points(tab) > shown
    assert tab.kept


def test_the_line_goes_on_when_the_template_is_edited(chart: Project, tab: Tab) -> None:
    tab.page.fill("#speed", "30")
    shown = points(tab)

    chart.edit("templates/index.html", "<span>Speed</span>", "<span>How fast</span>")

    tab.text("How fast", ".speed span")
    tab.text("30 a second", "#rate")
    until_points(tab, shown + 10)
    assert tab.kept


def test_the_line_that_raises_shows_the_overlay_of_the_chart(chart: Project, tab: Tab) -> None:
    raise_and_mend(chart, tab, "main.py", "The line has no end")

    assert tab.kept


# Of the picture: how many colours it has, and one of them.
_COLOURS = """(() => {
    const canvas = document.querySelector("#water");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [new Set(new Uint32Array(data.buffer)).size, [...data.slice(0, 4)].join()];
})()"""
_CALM = [1, "20,116,160,255"]


@pytest.fixture
def water(start: Start, tab: Tab) -> Project:
    """The water, open in the tab, with rain."""
    site = start("live-image", UVICORN, "")
    tab.open(site.url)
    tab.text("live", "#status")
    until_pictures(tab)
    return site


def until_pictures(tab: Tab) -> None:
    """Wait for some more pictures, as bytes, with drops in them."""
    before = len(tab.received("binary"))
    tab.until(lambda: len(tab.received("binary")) >= before + 5, "pictures")
    assert tab.received("binary")[-1]["size"] == 320 * 180 * 4
    tab.until(lambda: tab.value(_COLOURS)[0] > 50, "waves")


def stop_rain(tab: Tab) -> None:
    tab.page.fill("#rain", "0")
    tab.until(lambda: tab.value(_COLOURS) == _CALM, "the water to be calm")


def test_the_slider_stops_the_rain_in_every_window_and_a_touch_is_a_drop(
    water: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    other = new_tab()
    other.open(water.url)
    until_pictures(other)
    other.page.fill("#rain", "0")
    # The tab in front is the one that draws.
    tab.page.bring_to_front()
    tab.text("no rain", "#amount")
    tab.until(lambda: tab.value(_COLOURS) == _CALM, "the water to be calm")

    tab.page.click("#water")

    tab.until(lambda: tab.value(_COLOURS)[0] > 5, "the waves of a drop")


def test_the_water_goes_on_when_its_module_or_the_template_is_edited(water: Project, tab: Tab) -> None:
    tab.page.fill("#rain", "30")

    water.edit("static/image.js", 'TINT = "none"', 'TINT = "sepia(1)"')
    tab.style("sepia(1)", "#water", "filter")
    water.edit("templates/index.html", "<span>Rain</span>", "<span>Drops</span>")
    tab.text("Drops", ".rain span")

    until_pictures(tab)
    tab.text("30 drops a second", "#amount")
    assert tab.kept


def test_edited_python_has_other_colours_and_the_rain_that_there_was(water: Project, tab: Tab) -> None:
    stop_rain(tab)

    water.edit("main.py", "(20, 116, 160)", "(1, 2, 3)")

    tab.until(lambda: tab.value(_COLOURS) == [1, "1,2,3,255"], "calm water of another colour")
    tab.text("no rain", "#amount")
    assert tab.kept


def test_the_line_that_raises_shows_the_overlay_of_the_water(water: Project, tab: Tab) -> None:
    raise_and_mend(water, tab, "main.py", "The water is gone")

    until_pictures(tab)
    assert tab.kept
