"""An application's host without a server: folders, a loop, and what went to the browsers."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.devserver.http import Request
from hotchannel.integrations.host import Host
from hotchannel.integrations.settings import read_settings
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from hotchannel.devserver.http import Response
    from hotchannel.integrations.worker import Hot

    StartHost = Callable[..., AbstractAsyncContextManager[Host]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A project with `static` and `templates`."""
    (tmp_path / "static").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "static" / "style.css").write_text("h1 { color: red }")
    (tmp_path / "static" / "main.js").write_text('import "./dep.js";\nimport.meta.hot?.accept();\n')
    (tmp_path / "static" / "dep.js").write_text("export const a = 1;\n")
    (tmp_path / "static" / "logo.svg").write_text("<svg/>")
    (tmp_path / "templates" / "index.html").write_text("<h1>One</h1>")
    return tmp_path


@pytest.fixture
def host(site: Path) -> StartHost:
    """Start a host for the project; further settings may be given, and what an adapter gives a host."""

    @asynccontextmanager
    async def start(
        *, shares_port: bool = True, port: int | None = None, **settings: Any
    ) -> AsyncIterator[Host]:
        given = {"static": {"/static": "static"}, "templates": ["templates"], **settings}
        made = Host(
            read_settings(site, given),
            forget_templates=lambda: None,
            hosts_option="allowed_hosts",
            shares_port=shares_port,
            port=port,
        )
        await made.start()
        try:
            yield made
        finally:
            await made.close()

    return start


async def get(made: Hot, target: str, **headers: str) -> Response:
    """Ask a host as a browser on this machine does."""
    fields = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = HandshakeRequest("GET", target, tuple(fields.items()))
    return await made.respond(head, Request("GET", target, fields), "127.0.0.1:50000")


class Browser:
    """A page's end of the socket, in memory."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()

    _task: asyncio.Task[None]

    async def connect(
        self,
        app: Callable[..., Coroutine[Any, Any, None]],
        path: str = "/",
        *,
        root_path: str = "",
        position: str = "",
        binary: bool = False,
    ) -> None:
        """Open a socket, as a page that was served at `position` does; ends with `close`.

        Without `binary`, as a stock client that gets all in JSON.
        """
        query = [f"resume={position}"] * bool(position) + ["binary=1"] * binary
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": root_path,
            "query_string": "&".join(query).encode(),
            "headers": [(b"host", b"localhost"), (b"sec-websocket-protocol", b"vite-hmr")],
            "subprotocols": ["vite-hmr"],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 8000),
        }
        self._to_server.put_nowait({"type": "websocket.connect"})

        async def send(message: Any) -> None:
            if message["type"] == "websocket.send":
                await self._reading.wait()
                text = message.get("text")
                self._messages.put_nowait(message["bytes"] if text is None else json.loads(text))

        self._task = asyncio.create_task(app(scope, self._to_server.get, send))
        assert (await self.next())["type"] == "connected"

    async def next(self) -> Any:
        """Return the next message: JSON decoded, or bytes."""
        async with asyncio.timeout(10):
            return await self._messages.get()

    def say(self, event: str, data: object) -> None:
        """Send an event."""
        text = json.dumps({"type": "custom", "event": event, "data": data})
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, message: bytes) -> None:
        """Send a binary frame."""
        self._to_server.put_nowait({"type": "websocket.receive", "bytes": message})

    def stop_reading(self) -> None:
        """Take nothing any more, until `close`."""
        self._reading.clear()

    async def close(self) -> None:
        """Go away."""
        self._reading.set()
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self._task


@pytest.fixture
async def visitor() -> AsyncIterator[Browser]:
    """A page that is not connected yet."""
    made = Browser()
    yield made
    await made.close()
