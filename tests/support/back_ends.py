"""Back ends for a proxy to pass requests on to, and a dev server that does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import uvicorn
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as serve_websockets

from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions, ProxyOptions
from support.asgi_servers import PATIENCE, serve_uvicorn

__all__ = [
    "GET",
    "PROTOCOL",
    "Asked",
    "Handler",
    "api",
    "back_end",
    "closed_port",
    "echo",
    "events",
    "lines",
    "raw",
    "raw_back_end",
    "request",
    "respond",
    "served",
    "socket_back_end",
    "whole_body",
]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    import pytest
    from websockets.asyncio.server import ServerConnection


GET = "GET /api HTTP/1.1"
PROTOCOL = "Sec-WebSocket-Protocol"


class Asked:
    """What a back end was asked, and what it saw end."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()
        self.gone = asyncio.Event()


Handler: TypeAlias = "Callable[[Asked, Any, Any, Any], Awaitable[None]]"


async def whole_body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def respond(send: Any, body: bytes = b"", *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body that it was sent."""
    body = await whole_body(receive)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    target = scope["raw_path"].decode() + (f"?{query}" if query else "")
    asked.requests.append((scope["method"], target, headers, body))
    await respond(send, body)


@contextlib.asynccontextmanager
async def back_end(handler: Handler) -> AsyncIterator[tuple[str, Asked]]:
    """A back end on a free port; gives its URL."""
    asked = Asked()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(asked, scope, receive, send)

    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    async with serve_uvicorn(uvicorn.Server(config)) as port:
        yield f"http://127.0.0.1:{port}", asked


@contextlib.asynccontextmanager
async def raw_back_end(answers: Mapping[str, bytes]) -> AsyncIterator[str]:
    """A back end that says these bytes to requests of these paths, and hangs up."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            line = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
            writer.write(answers[line.split()[1].decode()])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def served(
    folder: Path, back_end: str | ProxyOptions, **options: Any
) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """A dev server whose `/api` is the back end's; gives its port, and a client of it."""
    async with DevServer(folder, DevOptions(port=0, proxy={"/api": back_end}, **options)) as server:
        base_url = f"http://localhost:{server.port}"
        async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as browser:
            yield server.port, browser


async def raw(port: int, data: bytes) -> bytes:
    """Everything that comes back to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read(-1)
    writer.close()
    return answer


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the proxy has logged; nothing of it, and of others, is a traceback."""
    assert not [record for record in caplog.records if record.exc_info]
    return [record.getMessage() for record in caplog.records if record.name == "hotchannel.proxy"]


@contextlib.asynccontextmanager
async def socket_back_end(
    handler: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    """A back end of WebSockets; gives its URL."""
    async with serve_websockets(handler, "127.0.0.1", 0, max_size=None, **options) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def api(port: int, path: str = "/api/ws", **options: Any) -> Any:
    return connect(f"ws://localhost:{port}{path}", max_size=None, **options)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    return (
        "\r\n".join([line, f"Host: {host}", "Connection: close", *headers, "", ""]).encode("latin-1") + body
    )


async def events(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
    """Server-sent events, the second of which waits for leave."""
    await receive()
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    waiting = [asyncio.ensure_future(part) for part in (asked.go_on.wait(), receive())]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for part in pending:
        part.cancel()
    if waiting[1] in done:
        asked.gone.set()
    else:
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})
