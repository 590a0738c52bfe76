"""The examples of applications do what their pages say of them, each started by its command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.applications.running import UVICORN, raise_and_mend

if TYPE_CHECKING:
    from browser.applications.running import Start
    from support.project import Project
    from support.tab import Tab

pytestmark = pytest.mark.ours

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
        command=UVICORN,
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
