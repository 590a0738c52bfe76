"""Three applications with one channel: whichever a page asks, it gets its text as it was sent."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from backplane.cluster import until
from hotchannel.integrations.host import Host
from hotchannel.integrations.pages import AppPage
from hotchannel.integrations.settings import read_settings
from integrations.conftest import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.engines import Engine


class Applications:
    """Processes that serve the same folder."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.engine = engine
        self._folder = folder
        self._stack = AsyncExitStack()
        self.hosts: list[Host] = []

    async def start(self) -> Host:
        settings = {"static": {"/static": "static"}, "templates": [], "backplane": self.engine.url}
        host = Host(
            read_settings(self._folder, settings),
            forget_templates=lambda: None,
            hosts_option="allowed_hosts",
            shares_port=True,
        )
        self._stack.push_async_callback(host.close)
        await host.start()
        self.hosts.append(host)
        return host

    async def ask(self, host: Host, name: str) -> tuple[int, object]:
        """Ask a process for a text, as a page does."""
        response = await get(host, f"/@hotchannel/page/{name}?token={host.channel.token}")
        return response.status, response.body

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def applications(engine: Engine, tmp_path: Path) -> AsyncIterator[Applications]:
    folder = tmp_path / "project"
    (folder / "static").mkdir(parents=True)
    (folder / "static" / "style.css").write_text("h1 { color: red }")
    made = Applications(folder, engine)
    for _ in range(3):
        await made.start()
    yield made
    await made.close()


async def send(host: Host, words: str) -> tuple[str, bytes]:
    """Send a page; returns the name of its text, and the text."""
    source = f"<!doctype html><html><head></head><body>{words}\udcff</body></html>"
    sent = await host.page(AppPage("/", "localhost", "GET", 200, source), [], "http://localhost")
    assert sent is not None
    return sent.name, source.encode(errors="surrogateescape")


async def test_every_process_answers_for_the_pages_of_all(applications: Applications) -> None:
    sent = [await send(host, f"of {number}") for number, host in enumerate(applications.hosts)]
    for host in applications.hosts:
        answers = await asyncio.gather(*(applications.ask(host, name) for name, _ in sent))
        assert answers == [(200, text) for _, text in sent]
        # Who does not know the token learns nothing.
        assert (await get(host, f"/@hotchannel/page/{sent[0][0]}?token=no")).status == 403
    assert (await applications.ask(applications.hosts[0], "of-nobody-12"))[0] == 404


async def test_a_large_page_finds_its_way(applications: Applications) -> None:
    one, other, _ = applications.hosts
    name, text = await send(one, "".join(f"<p>{number}</p>" for number in range(50_000)))
    assert await applications.ask(other, name) == (200, text)


async def test_who_comes_later_hears_of_it_and_has_none_of_it(applications: Applications) -> None:
    one, other, third = applications.hosts
    name, text = await send(one, "a page")
    assert await applications.ask(other, name) == (200, text)
    newcomer = await applications.start()
    for host in (one, other):
        await host.close()
    heard: list[Any] = []
    newcomer.channel.heard("last", heard.append)
    third.channel.tell("last", 1)
    await until(lambda: heard == [1], "all that was said")
    assert (await applications.ask(newcomer, name))[0] == 404


async def test_what_is_asked_while_the_engine_is_away_harms_nobody(applications: Applications) -> None:
    one, other, third = applications.hosts
    name, text = await send(one, "a page")
    applications.engine.kill()
    assert (await applications.ask(other, name))[0] == 404
    applications.engine.start()
    await until(lambda: not other.channel.unacknowledged, "the engine to have the question")
    assert await applications.ask(third, name) == (200, text)


async def test_the_next_leader_does_not_have_to_know_who_has_asked_for_a_text(
    applications: Applications,
) -> None:
    one, other, third = applications.hosts
    reports: list[Any] = []
    third.channel.heard("served", reports.append)
    name, text = await send(one, "a page")
    assert await applications.ask(other, name) == (200, text)
    await get(other, "/static/style.css", sec_fetch_dest="style")
    await until(lambda: bool(reports), "what was served last")
    assert [asked[0] for report in reports for asked in report[1]] == ["/static/style.css"]
