"""The three ways to share uvicorn's port, in processes of its own where its command line is one of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from hotchannel.errors import OptionError
from hotchannel.websocket.server import WebSocketServer
from support.asgi_servers import PATIENCE, serve_uvicorn
from support.entrances import host_application
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

APPLICATION = """
from contextlib import asynccontextmanager
from hotchannel import AsgiEntrance, WebSocketServer

async def site(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "the site's own"})
        await receive()
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the site"})

server = WebSocketServer(path="/@vite/ws")
app = AsgiEntrance(server, site)
"""

TAKE_OVER = ("--ws", "hotchannel.websocket.uvicorn:TakeOver")


@contextlib.contextmanager
def uvicorn_command(folder: Path, *arguments: str) -> Iterator[int]:
    """`uvicorn site:app` in a process; gives its port once it listens."""
    (folder / "site_app.py").write_text(APPLICATION)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "site_app:app", "--port", str(port), *arguments]
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        eventually(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE).close())
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "Traceback" not in log.read_text(), log.read_text()


@contextlib.contextmanager
def joined(port: int) -> Iterator[ClientConnection]:
    """A client of the channel, greeted."""
    with connect(
        f"ws://127.0.0.1:{port}/@vite/ws",
        subprotocols=["vite-hmr"],  # type: ignore[list-item]
        open_timeout=PATIENCE,
    ) as client:
        assert json.loads(client.recv(PATIENCE)) == {"type": "connected"}
        yield client


def join_and_leave(port: int) -> None:
    """Come in and go."""
    with joined(port):
        pass


def eventually(action: Callable[[], None]) -> None:
    """Do what fails while nobody listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return action()
        except OSError:
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.02)


def close_code(client: ClientConnection, patience: float = PATIENCE) -> int | None:
    """The code with which the server closes."""
    try:
        message = client.recv(patience)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    pytest.fail(f"instead of closing, the server says {message!r}")


@pytest.mark.parametrize(
    ("arguments", "taken_over"),
    [
        pytest.param(TAKE_OVER, True, id="take-over"),
        pytest.param((*TAKE_OVER, "--http", "h11"), True, id="take-over-h11"),
        pytest.param((*TAKE_OVER, "--loop", "asyncio"), True, id="take-over-asyncio"),
        pytest.param((*TAKE_OVER, "--lifespan", "off"), False, id="without-lifespan"),
        pytest.param((), False, id="plain-asgi"),
    ],
)
def test_by_the_command_line(tmp_path: Path, arguments: tuple[str, ...], taken_over: bool) -> None:
    with uvicorn_command(tmp_path, *arguments) as port:
        with connect(f"ws://127.0.0.1:{port}/elsewhere") as own:
            assert own.recv(PATIENCE) == "the site's own"
        with joined(port) as client:
            # uvicorn's own protocol signs what it answers.
            assert client.response is not None
            assert ("server" not in client.response.headers) == taken_over
            assert client.ping().wait(PATIENCE)


@pytest.mark.parametrize("arguments", [pytest.param(TAKE_OVER, id="take-over"), pytest.param((), id="plain")])
def test_a_reload_is_not_held_up(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with uvicorn_command(tmp_path, "--reload", *arguments) as port:
        with joined(port) as client:
            for moment in range(int(PATIENCE / 0.1)):
                # Saved more than once, since uvicorn notes what there is only after it has started; and each
                # time later than ever before, whenever it notes.
                saved = time.time() + 1 + moment
                os.utime(tmp_path / "site_app.py", (saved, saved))
                with contextlib.suppress(TimeoutError):
                    assert close_code(client, 0.1) == 1012
                    break
            else:
                pytest.fail("the page was not told that the server ends")
        eventually(lambda: join_and_leave(port))


async def test_by_option_until_it_is_closed() -> None:
    config = uvicorn.Config(host_application, lifespan="off", log_config=None)
    server = WebSocketServer(server=config)
    assert server.mode == "integrated"
    hooked = config.ws_protocol_class
    async with serve_uvicorn(uvicorn.Server(config)) as port:
        await server.listen()
        assert server.port is None
        reached = await _speaks_to(port)
        assert reached == {"type": "connected"}
        await server.close()
        assert config.ws_protocol_class is not hooked
        # What the channel had is the application's again, which greets in its own way.
        assert await _speaks_to(port) == "the host application"


async def test_by_option_of_a_server_and_beside_another() -> None:
    config = uvicorn.Config(host_application, lifespan="off", log_config=None)
    front = uvicorn.Server(config)
    first = WebSocketServer(server=front, path="/first")
    second = WebSocketServer(server=front, path="/second")
    async with serve_uvicorn(front) as port:
        for path in ("first", "second"):
            assert await _speaks_to(port, path) == {"type": "connected"}
        await second.close()
        assert await _speaks_to(port, "first") == {"type": "connected"}
        await first.close()
        assert await _speaks_to(port, "first") == "the host application"


def test_something_else_is_no_server() -> None:
    with pytest.raises(OptionError, match=r"ws\.server.*a uvicorn\.Config or uvicorn\.Server"):
        WebSocketServer(server="localhost:8000")


async def _speaks_to(port: int, path: str = "") -> Any:
    """What greets a client of the channel at `path`."""
    from websockets.asyncio.client import connect

    async with connect(
        f"ws://127.0.0.1:{port}/{path}",
        subprotocols=["vite-hmr"],  # type: ignore[list-item]
        open_timeout=PATIENCE,
    ) as client:
        greeting = await client.recv()
        return json.loads(greeting) if greeting[:1] == "{" else greeting
