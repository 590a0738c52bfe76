"""Channels of several processes, each in the loop of the test."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hotchannel import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.engines import Engine

__all__ = ["Cluster", "Page", "until"]

PATIENCE = 20.0


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what nobody tells of."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


class Page:
    """A client that keeps what it hears.

    Args:
        server: where it connects to.
        resume: the position that it comes back with; None for a stock client, which has none.
        port: where the pages are, if the channel has no port of its own.
    """

    def __init__(self, server: WebSocketServer, resume: str | None, *, port: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self._url = f"ws://localhost:{port or server.port}/?token={server.token}"
        if resume is not None:
            self._url += f"&resume={resume}"
        self._epoch = "" if resume is None else resume.partition(":")[0]
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> Page:
        subprotocols: Any = ["vite-hmr"]
        self._socket = await connect(self._url, subprotocols=subprotocols, max_size=None)
        self._reading = asyncio.create_task(self._read(self._socket))
        await until(lambda: bool(self.messages), "the first message")
        return self

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self.messages.append(json.loads(message))
        except ConnectionClosed:
            pass

    async def close(self) -> None:
        if self._socket is not None and self._reading is not None:
            await self._socket.close()
            await self._reading

    async def send(self, event: str, data: object) -> None:
        """Say something to the server."""
        assert self._socket is not None
        await self._socket.send(json.dumps({"type": "custom", "event": event, "data": data}))

    @property
    def is_open(self) -> bool:
        return self._reading is not None and not self._reading.done()

    @property
    def position(self) -> str:
        """What it comes back with, as the browser's client has it."""
        epoch, seq, ahead = self._epoch, 0, ""
        for message in self.messages:
            mark = message.get("seq")
            if isinstance(mark, str):
                whole, _, rest = mark.rpartition(":")
                seq = 0 if whole not in ("", epoch) else seq
                epoch = whole or epoch
                digits, tilde, ahead = rest.partition("~")
                ahead = tilde + ahead
                seq = max(seq, int(digits))
            elif mark is not None:
                seq, ahead = max(seq, mark), ""
        return f"{epoch}:{seq}{ahead}"

    def data(self, event: str = "n") -> list[Any]:
        """What came with an event, in order."""
        return [message["data"] for message in self.messages if message.get("event") == event]

    async def hears(self, *data: Any, event: str = "n") -> None:
        """Wait until exactly this has come, in order."""
        await until(lambda: len(self.data(event)) >= len(data), f"{data!r}, instead of {self.data(event)!r}")
        assert self.data(event) == list(data)

    async def gets(self, kind: str) -> dict[str, Any]:
        """Wait for a message of a type."""
        await until(lambda: any(message["type"] == kind for message in self.messages), kind)
        return next(message for message in self.messages if message["type"] == kind)


class Cluster:
    """Servers that share a channel, and their pages."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._servers: list[WebSocketServer] = []
        self._pages: list[Page] = []

    async def server(self, **options: Any) -> WebSocketServer:
        """One more server; it has joined, where the engine is there."""
        settings: dict[str, Any] = {"port": 0, "backplane": self.engine.url} | options
        server = WebSocketServer(**settings)
        self._servers.append(server)
        await server.listen()
        return server

    async def servers(self, count: int) -> list[WebSocketServer]:
        """Several servers, each of which knows of the others."""
        return [await self.server() for _ in range(count)]

    async def page(self, server: WebSocketServer, resume: str | None = None) -> Page:
        """A page of ours; at the server's own position where it does not come back with another."""
        page = await Page(server, server.position() if resume is None else resume).open()
        self._pages.append(page)
        return page

    async def stock_page(self, server: WebSocketServer) -> Page:
        """A page with stock Vite's client."""
        page = await Page(server, None).open()
        self._pages.append(page)
        return page

    async def close(self) -> None:
        closing: list[Awaitable[None]] = [page.close() for page in self._pages]
        closing += [server.close() for server in self._servers]
        await asyncio.gather(*closing)
