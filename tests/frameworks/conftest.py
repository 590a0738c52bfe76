"""One server of the table at a time, for all tests that ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frameworks.servers import SERVERS, RunningApp
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*abilities): only with projects that have these")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not _fits(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _fits(item)]


def _fits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("needs")
    if marker is None:
        return True
    assert isinstance(item, pytest.Function)
    row = SERVERS[str(item.callspec.params["server"])]
    return row.application.abilities.issuperset(marker.args)


@pytest.fixture(scope="session", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[RunningApp]:
    """A server of the table. By `browser`, its tests are among those with browsers, and so stay together."""
    folder = tmp_path_factory.mktemp(request.param)
    running = RunningApp(SERVERS[request.param], folder / "project", folder / "run", free_port())
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def site(server: RunningApp) -> Iterator[RunningApp]:
    """That server, with all files as in the beginning."""
    seen = len(server.log)
    yield server
    # pytest shows this, with the rest of what was captured, when the test failed.
    print(server.log[seen:])
    if server.restore() or not server.is_alive:
        server.stop()
        server.start()
