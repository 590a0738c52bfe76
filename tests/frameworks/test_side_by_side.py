"""Servers beside each other whose channels have ports of their own: none hears of the others' files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from frameworks.servers import SERVERS, RunningApp
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from support.tab import Tab

ROWS = ("django-runserver", "django42-runserver", "flask-run")
RED, GREEN = "rgb(255, 0, 0)", "rgb(0, 128, 0)"


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[list[RunningApp]]:
    """One server of each row, and another of the last: all for the same user."""
    folder = tmp_path_factory.mktemp("beside")
    shared = folder / "shared"
    shared.mkdir()
    servers = []
    for number, name in enumerate([*ROWS, ROWS[-1]]):
        row = SERVERS[name]
        row = replace(row, environ={**row.environ, "XDG_RUNTIME_DIR": str(shared)})
        root = folder / f"project{number}"
        servers.append(RunningApp(row, root, folder / f"run{number}", free_port()))
    try:
        for running in servers:
            running.start()
        yield servers
    finally:
        for running in servers:
            running.stop()
            print(running.log)


def test_each_has_a_port_and_its_own_files(sites: list[RunningApp], new_tab: Callable[[], Tab]) -> None:
    tabs = [new_tab() for _ in sites]
    sockets: list[str] = []
    for tab, site in zip(tabs, sites, strict=True):
        tab.page.on("websocket", lambda socket: sockets.append(socket.url))
        tab.open(site.url)
        tab.text("drawn once", "#drawn")
    ports = [int(found[1]) for url in sockets if (found := re.search(r":(\d+)/", url))]
    assert len(set(ports)) == len(sites)
    assert all(port >= 24678 for port in ports)

    for changed in sites:
        sheet = f"{changed.application.static}/style.css"
        for old, new in ((RED, GREEN), (GREEN, RED)):
            changed.edit(sheet, old, new)
            tabs[sites.index(changed)].style(new, "h1")
    for tab in tabs:
        assert tab.kept
        updates = [update["path"] for message in tab.received("update") for update in message["updates"]]
        assert updates == ["/static/style.css"] * 2


def test_one_that_restarts_leaves_the_others_alone(
    sites: list[RunningApp], new_tab: Callable[[], Tab]
) -> None:
    tabs = [new_tab() for _ in sites]
    for tab, site in zip(tabs, sites, strict=True):
        tab.open(site.url)
        tab.text("one", "#greeting")
    changed, first = sites[0], tabs[0]
    for old, new in (("one", "two"), ("two", "one")):
        changed.edit(changed.application.code, f'GREETING = "{old}"', f'GREETING = "{new}"')
        expect(first.page.locator("#greeting")).to_have_text(new)
    for tab in tabs:
        assert tab.kept
    assert len(first.received("connected")) > 1
    for tab in tabs[1:]:
        assert [message["type"] for message in tab.messages] == ["connected"]


def test_each_runs_the_django_that_it_names(sites: list[RunningApp]) -> None:
    assert "Django version 4.2" in sites[1].log
    assert "Django version 4.2" not in sites[0].log
