"""What scenarios need: a server, pages, and the document that says what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import pytest

from browser.conformance import Conformance
from browser.scenario import play
from browser.serving import Servers
from browser.stage import Stage
from browser.tables import SCENARIOS
from support.project import Folder
from support.tab import Tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from support.project import StartProject


PACK: dict[str, Literal["auto"] | bool] = {"auto": "auto", "on": True, "off": False}


class Play(Protocol):
    """What the fixture `playing` is: run the scenario of this name, and hold its row of the document too."""

    def __call__(self, name: str) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-conformance",
        action="store_true",
        help="write what the scenarios brought into docs/hmr-conformance.md",
    )


@pytest.fixture(scope="session")
def conformance(request: pytest.FixtureRequest) -> Iterator[Conformance]:
    """The table of docs/hmr-conformance.md."""
    # Whoever runs all tests reads this file too late for its option to be known.
    table = Conformance(record=request.config.getoption("--record-conformance", default=False))
    yield table
    table.write()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Our dev server, in this process."""
    with Servers(pack=PACK[request.config.getoption("--pack")]) as running:
        yield running


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Iterator[list[Page]]:
    """Pages that scenarios use one after another: each has an origin of its own, so nothing is left over."""
    context = browser.new_context()
    yield [context.new_page()]
    context.close()


@pytest.fixture
def tabs(pages: list[Page]) -> Iterator[Callable[[int], list[Tab]]]:
    """Tabs of those pages. An uncaught error in one of them fails the test."""
    used: list[Tab] = []

    def take(count: int) -> list[Tab]:
        while len(pages) < count:
            pages.append(pages[0].context.new_page())
        used.extend(Tab(page) for page in pages[:count])
        return used

    yield take
    for tab in used:
        tab.release()
    assert [error for tab in used for error in tab.errors] == []


@pytest.fixture
def playing(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    project: StartProject,
    servers: Servers,
    tabs: Callable[[int], list[Tab]],
    conformance: Conformance,
) -> Iterator[Play]:
    """Run a scenario against the server that this run is for."""
    stock = request.config.getoption("--server") == "vite"
    ending: list[Callable[[], None]] = []

    def run(name: str) -> None:
        scenario = SCENARIOS[name]
        files = scenario.all_files(stock=stock)
        if stock:
            site = project(files)
            play(scenario, site, site.url, tabs(len(scenario.tabs)), stock=True)
        else:
            folder = Folder(tmp_path / "project", 0)
            for path, content in files.items():
                folder.write(path, content)
            server = servers.start(folder.root, scenario.serve)
            ending.append(lambda: servers.stop(server))
            play(scenario, folder, server.local_urls[0], tabs(len(scenario.tabs)), stock=False)
        conformance.check(name, stock=stock)

    yield run
    for end in ending:
        end()


@pytest.fixture(scope="module")
def one_page(browser: Browser) -> Iterator[Stage]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Stage(context.new_page())
    context.close()


@pytest.fixture
def stage(one_page: Stage) -> Iterator[Stage]:
    """A page of its own for each test, though in the same tab. An uncaught error in it fails the test."""
    one_page.errors.clear()
    yield one_page
    assert one_page.errors == []
