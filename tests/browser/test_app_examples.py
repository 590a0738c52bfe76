"""The examples of applications do what their pages say of them, each started by its command."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import pytest
from playwright.sync_api import expect

from support.project import REPOSITORY, START_TIMEOUT, Project, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.tab import Tab

pytestmark = pytest.mark.ours

Start: TypeAlias = "Callable[[str, str, str], Project]"
"""Start the example of this name by a command; the last is `Example.folder`."""

_UVICORN = "-m uvicorn --app-dir {root} main:app --reload --reload-dir {root} --port {port}"
_FLOUR = ".ingredients li:nth-child(1)"
_EGGS = ".ingredients li:nth-child(3)"


@dataclass(frozen=True)
class Example:
    """What of an example is edited, and what shows that it was.

    Attributes:
        name: of its folder.
        command: what `python` is started with.
        field: what one types into.
        button: what one clicks, for a state that is kept.
        state: an element, and what it shows after the click.
        style: a colour in `static/style.css`, and the elements that have it.
        module: file, old text, new text, an element and what it shows then.
        template: the file; in it the text of `heading` is changed.
        heading: an element with nothing in it but text.
        code: the same as `module`, of Python.
        folder: below the example's, where all of these are.
    """

    name: str
    command: str
    field: str
    button: str
    state: tuple[str, str]
    style: tuple[str, str]
    module: tuple[str, str, str, str, str]
    template: str
    heading: str
    code: tuple[str, str, str, str, str]
    folder: str = ""


EXAMPLES = [
    Example(
        name="fastapi",
        command=_UVICORN,
        field="#find",
        button='[data-title="Kindred"]',
        state=("#plan", "for 1 book, 288 pages, at 30 a day"),
        style=("#0b7285", "#days"),
        module=("static/plan.js", "DAY = 30", "DAY = 144", "#plan", "for 1 book, 288 pages, at 144 a day"),
        template="templates/index.html",
        heading="Reading list",
        code=("main.py", "1979, 288", "1979, 300", "#plan", "for 1 book, 300 pages, at 30 a day"),
    ),
    Example(
        name="flask",
        command="-m flask --app {root}/main run --debug --port {port}",
        field="#notes",
        button="#more",
        state=(_FLOUR, "315 g flour"),
        style=("#b4451f", "#people"),
        module=("static/amounts.js", "= true", "= false", _EGGS, "2.5 eggs"),
        template="templates/index.html",
        heading="Pancakes",
        code=("main.py", '"flour", 250', '"flour", 400', _FLOUR, "500 g flour"),
    ),
    Example(
        name="django",
        command="manage.py runserver {port}",
        field="#to",
        button='[data-train="07:15 Vienna"]',
        state=("#note", "You take the 07:15 to Vienna, track 2, +5 min."),
        style=("#ffb938", ".late"),
        module=(
            "static/trains.js",
            "HOURS = 24",
            "HOURS = 12",
            "#note",
            "You take the 7:15am to Vienna, track 2, +5 min.",
        ),
        template="templates/board.html",
        heading="Departures",
        code=("views.py", "late=5", "late=8", "#note", "You take the 07:15 to Vienna, track 2, +8 min."),
        folder="timetable",
    ),
]


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Copy an example, start it, and stop it after the test."""
    monkeypatch.delenv("HOTCHANNEL", raising=False)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    started: list[Project] = []

    def run(name: str, command: str, folder: str = "") -> Project:
        root = tmp_path / name
        shutil.copytree(REPOSITORY / "examples" / name, root, ignore=shutil.ignore_patterns("__pycache__"))
        if name == "fastapi":  # the others are on by their debug mode, or by what their code says
            monkeypatch.setenv("HOTCHANNEL", "1")
        port = free_port()
        argv = [word.format(root=root, port=port) for word in command.split()]
        site = Project(root, tmp_path / "server.log", [sys.executable, *argv], 0)
        started.append(site)
        site.start()
        # A server with a reloader says its URL before it listens there.
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(port):
            assert time.monotonic() < deadline, f"nobody listens:\n{site.log}"
            time.sleep(0.05)
        site.root = root / folder
        return site

    yield run
    for site in started:
        site.stop()
        print(site.log)


@pytest.fixture(params=EXAMPLES, ids=lambda example: example.name)
def example(request: pytest.FixtureRequest) -> Example:
    made: Example = request.param
    return made


@pytest.fixture
def site(example: Example, start: Start, tab: Tab) -> Project:
    """The example, open in the tab, with something typed and something clicked."""
    site = start(example.name, example.command, example.folder)
    tab.open(site.url)
    tab.text("live", "#status")
    tab.page.click(example.button)
    tab.text(example.state[1], example.state[0])
    tab.page.fill(example.field, "an")
    return site


def check_kept(tab: Tab, example: Example) -> None:
    assert tab.kept
    expect(tab.page.locator(example.field)).to_have_value("an")


def test_colours_change_without_a_reload(example: Example, site: Project, tab: Tab) -> None:
    colour, selector = example.style

    site.edit("static/style.css", colour, "#010203")

    tab.style("rgb(1, 2, 3)", f"{selector} >> nth=0")
    tab.text(example.state[1], example.state[0])
    check_kept(tab, example)


def test_an_edited_module_keeps_its_state(example: Example, site: Project, tab: Tab) -> None:
    path, old, new, selector, text = example.module

    site.edit(path, old, new)

    tab.text(text, selector)
    check_kept(tab, example)


def test_an_edited_template_keeps_what_was_typed(example: Example, site: Project, tab: Tab) -> None:
    tab.text(example.heading, "h1")

    site.edit(example.template, f">{example.heading}<", ">Other words<")

    tab.text("Other words", "h1")
    tab.text(example.state[1], example.state[0])
    check_kept(tab, example)


def raise_and_mend(site: Project, tab: Tab, path: str, words: str | re.Pattern[str]) -> None:
    """Let the line raise that is there for it: the overlay says what and where, until that is mended."""
    site.edit(path, "# raise", "raise")

    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text(words)
    expect(overlay).to_contain_text(path)

    site.edit(path, "    raise", "    # raise")

    expect(overlay).to_have_count(0)


def test_edited_python_restarts_the_server_and_the_page_goes_on(
    example: Example, site: Project, tab: Tab
) -> None:
    path, old, new, selector, text = example.code

    site.edit(path, old, new)

    tab.text(text, selector)
    tab.text("live", "#status")
    check_kept(tab, example)


def test_the_line_that_raises_shows_the_overlay_and_without_it_the_page_goes_on(
    example: Example, site: Project, tab: Tab
) -> None:
    raise_and_mend(site, tab, example.code[0], re.compile("LookupError|RuntimeError"))

    tab.text(example.state[1], example.state[0])
    check_kept(tab, example)


@pytest.fixture
def chart(start: Start, tab: Tab) -> Project:
    """The chart, open in the tab, with some points."""
    site = start("live-chart", _UVICORN, "")
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
    site = start("live-image", _UVICORN, "")
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
