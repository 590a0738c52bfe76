"""Fixtures of the tests with a real browser: a folder that a real server makes hot, and a real Chromium.

Nothing here is skipped: a missing browser or server is a failure.

The same behaviour tests run against npm's Vite with `pytest tests/browser --server vite`, which is
how the tests themselves are checked. Tests marked `ours` are left out then: there hotchannel differs
from Vite on purpose.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from support.chromium import launch
from support.engines import Engine
from support.entrance_fixtures import runs_on_its_loop
from support.outcomes import Outcomes
from support.project import Project, free_port, hotchannel_command, script_command, vite_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, BrowserContext

    from support.engines import EngineKind
    from support.project import StartProject
    from support.tab import Tab


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        choices=("hotchannel", "vite"),
        default="hotchannel",
        help="what serves the browser tests' projects; vite checks the tests themselves",
    )
    parser.addoption(
        "--pack",
        choices=("auto", "on", "off"),
        default="auto",
        help="the setting `pack` of hotchannel for the browser tests; their pages are too small for `auto`",
    )
    parser.addoption(
        "--backplane",
        choices=("redis", "nats"),
        help="share the channels of the browser tests' projects by such an engine",
    )
    parser.addoption(
        "--record-outcomes",
        action="store_true",
        help="write what foreign servers answered to attacks into docs/entrances.md",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: hotchannel differs from stock Vite here on purpose")
    config.addinivalue_line("markers", "browser: opens pages in Chromium; set by itself")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Browsers last: a quick failure shows first, and Playwright keeps an event loop running in this
    # thread from its first use on, so that no asyncio test could start after it.
    items[:] = [item for item in items if runs_on_its_loop(item)]
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if config.getoption("--server") == "vite":
        left_out = [item for item in items if item.get_closest_marker("ours")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("ours")]


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The table of docs/entrances.md."""
    table = Outcomes(record=request.config.getoption("--record-outcomes"))
    yield table
    table.write()


@pytest.fixture(scope="session")
def shared_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str | None]:
    """URL of the engine that `--backplane` asks for."""
    kind: EngineKind | None = request.config.getoption("--backplane")
    if kind is None:
        yield None
        return
    engine = Engine(kind, tmp_path_factory.mktemp("engine") / kind)
    engine.start()
    yield engine.url
    engine.stop()


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path: Path, shared_engine: str | None
) -> Iterator[StartProject]:
    """Write files into a folder (or copy one), serve it, and stop the server after the test."""
    # Each test has a channel of its own.
    backplane = None if shared_engine is None else f"{shared_engine}?channel=t{uuid4().hex}"
    # Stock Vite drops a save that comes within 50 ms of the last one; ours has to keep every one.
    command, pause = (
        (vite_command, 0.06)
        if request.config.getoption("--server") == "vite"
        else (
            partial(hotchannel_command, pack=request.config.getoption("--pack"), backplane=backplane),
            0.0,
        )
    )
    started: list[Project] = []

    def start(
        files: Mapping[str, str | bytes] | Path, *, base: str = "/", script: str | None = None
    ) -> Project:
        root = tmp_path / f"project{len(started)}"
        port = free_port()
        argv = command(root, port, base) if script is None else script_command(script, root, port)
        made = Project(root, tmp_path / f"server{len(started)}.log", argv, pause)
        if isinstance(files, Path):
            shutil.copytree(files, root)
        else:
            for path, content in files.items():
                made.write(path, content)
        started.append(made)
        made.start()
        return made

    yield start
    for made in started:
        made.stop()
        # pytest shows this, with the rest of what was captured, when the test failed.
        print(made.log)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    from playwright.sync_api import expect, sync_playwright

    from support.tab import WAIT

    expect.set_options(timeout=WAIT * 1000)
    with sync_playwright() as playwright:
        chromium = launch(playwright.chromium)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile for each test: nothing is cached from the last one."""
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    yield made
    made.close()


@pytest.fixture
def new_tab(context: BrowserContext) -> Iterator[Callable[[], Tab]]:
    """Open tabs, all in one profile. An uncaught error in one of them fails the test."""
    from support.tab import Tab

    tabs: list[Tab] = []

    def new() -> Tab:
        tabs.append(Tab(context.new_page()))
        return tabs[-1]

    yield new
    assert [error for tab in tabs for error in tab.errors] == []


@pytest.fixture
def tab(new_tab: Callable[[], Tab]) -> Tab:
    """One tab."""
    return new_tab()
