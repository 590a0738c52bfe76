"""Two dev servers of one folder, with one channel: whichever a page is at, an edit means the same."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from backplane.cluster import PATIENCE, Page, until
from hotchannel import DevOptions, DevServer, WsOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.engines import Engine

FILES = {
    "index.html": '<!doctype html><html><head></head><body><script type="module" src="/main.js"></script>',
    "main.js": 'import { n } from "./dep.js"; import.meta.hot.accept("./dep.js", () => {});',
    "dep.js": "export const n = 1;",
}


async def get(server: DevServer, path: str) -> str:
    """Ask as a page asks for a module."""

    def ask() -> str:
        headers = {"Sec-Fetch-Dest": "script", "Accept": "*/*"}
        with urlopen(Request(f"http://localhost:{server.port}{path}", headers=headers)) as answer:
            return str(answer.read(), "utf-8")

    return await asyncio.to_thread(ask)


class Pair:
    """The leader, the other one, and a page at each."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._url = url
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        servers = []
        for _ in range(2):
            options = DevOptions(port=0, ws=WsOptions(backplane=self._url))
            servers.append(await self._stack.enter_async_context(DevServer(self.folder, options)))
        await until(lambda: any(server.channel.is_leader for server in servers), "a leader")
        self.leader, self.other = sorted(servers, key=lambda server: not server.channel.is_leader)
        self.pages = [await self.page(server) for server in (self.leader, self.other)]

    async def page(self, server: DevServer) -> Page:
        """A page at a server of the two."""
        page = await Page(server.channel, server.channel.position(), port=server.port).open()
        self._stack.push_async_callback(page.close)
        return page

    async def load(self, server: DevServer) -> None:
        """Load all there is from one of them."""
        for path in ("/", "/main.js", "/dep.js"):
            await get(server, path)

    def save(self, version: int) -> None:
        (self.folder / "dep.js").write_text(f"export const n = {version};")

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def pair(engine: Engine, tmp_path: Path) -> AsyncIterator[Pair]:
    folder = tmp_path / "site"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    pair = Pair(folder, engine.url)
    await pair.open()
    yield pair
    await pair.close()


async def greets_with_an_error(server: DevServer) -> bool:
    """Tell whether a page that comes now is told of an error."""
    newcomer = await Page(server.channel, None, port=server.port).open()
    # What belongs to the greeting is there before anything that is sent now.
    server.channel.send("greeted")
    await newcomer.gets("custom")
    await newcomer.close()
    return any(message["type"] == "error" for message in newcomer.messages)


def updates(page: Page) -> list[dict[str, object]]:
    return [update for message in page.messages for update in message.get("updates", ())]


async def test_what_another_has_served_is_updated_in_all(pair: Pair) -> None:
    await pair.load(pair.other)
    pair.save(2)
    for page in pair.pages:
        await page.gets("update")
    seen = [[(update["path"], update["acceptedPath"]) for update in updates(page)] for page in pair.pages]
    assert seen == [[("/main.js", "/dep.js")]] * 2
    # All serve the same URLs from then on.
    stamp = updates(pair.pages[0])[0]["timestamp"]
    for server in (pair.other, pair.leader):
        assert f"/dep.js?t={stamp}" in await get(server, "/main.js")


async def test_an_invalidation_is_taken_in_once_wherever_it_is_said(pair: Pair) -> None:
    (pair.folder / "dep.js").write_text("export const n = 1; import.meta.hot.accept();")
    await pair.load(pair.other)
    (pair.folder / "dep.js").write_text("export const n = 2; import.meta.hot.accept();")
    for page in pair.pages:
        await page.gets("update")
    for page in pair.pages:
        await page.send("vite:invalidate", {"path": "/dep.js", "message": "no"})
    for page in pair.pages:
        await page.gets("full-reload")
    pair.leader.channel.send("n", 1)
    for page in pair.pages:
        await page.hears(1)
    kinds = [[message["type"] for message in page.messages] for page in pair.pages]
    assert kinds == [["connected", "update", "full-reload", "custom"]] * 2


async def test_the_next_leader_knows_what_was_served(pair: Pair) -> None:
    await pair.load(pair.leader)
    # Of what it has served itself, it tells nobody before it ends; what the other has served, that one knows.
    await pair.load(pair.other)
    pair.save(2)
    for page in pair.pages:
        await page.gets("update")
    await get(pair.other, "/dep.js?t=1")
    await pair.leader.__aexit__()
    await until(lambda: pair.other.channel.is_leader, "the other to lead")
    page = pair.pages[1]
    count = len(updates(page))
    pair.save(3)
    await until(lambda: len(updates(page)) == count + 1, "the update of the next leader")
    assert updates(page)[-1]["path"] == "/main.js"
    stamps = [update["timestamp"] for update in updates(page)]
    assert stamps == sorted(set(map(int, map(str, stamps))))


async def test_an_error_that_another_finds_goes_when_the_leader_sees_it_mended(pair: Pair) -> None:
    (pair.folder / "dep.js").write_text("export const n = {;")
    for path in ("/", "/main.js"):
        await get(pair.other, path)
    with pytest.raises(OSError, match="500"):
        await get(pair.other, "/dep.js")
    for page in pair.pages:
        await page.gets("error")
    pair.save(2)
    for page in pair.pages:
        await page.gets("update")
    # Each hears in its own time that the error is over: then nobody who comes is told of it.
    async with asyncio.timeout(PATIENCE):
        for server in (pair.leader, pair.other):
            while await greets_with_an_error(server):
                pass
