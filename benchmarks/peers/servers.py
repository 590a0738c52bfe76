"""The servers in Python, one a process: `python -m peers.servers KIND LOOP`.

Role: what `broadcast.py` and `compressed_broadcast.py` measure. KIND is an entrance of hotchannel or the
`websockets` library, LOOP is `asyncio` or `uvloop`. All have pings switched off, since the clients of the
benchmark count bytes; everything else is as it comes. Commands come on stdin, one a line, and each is
answered with a line:

    send SIZE COUNT PAUSE    that many broadcasts of SIZE bytes, PAUSE milliseconds after each
    tell FILE PAUSE          the same with each JSON object of the list in FILE as data
    cpu                      microseconds of processor time that the process has had

The server stops when stdin ends.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
import uvloop
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.typing import Subprotocol

from hotchannel import WebSocketServer
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.websocket.uvicorn import take_over

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from websockets.http11 import Request, Response

__all__ = ["main"]

EVENT = "bench:event"
AROUND = len('{"type":"custom","event":"bench:event","data":{"text":""}}')
TOKEN = "the-token-of-a-benchmark"
NEVER = 86_400.0
"""Seconds between pings."""


class Peer:
    """What the control line needs of a server."""

    def __init__(self, port: int, token: str, broadcast: Callable[[str, dict[str, Any]], None]) -> None:
        self.port = port
        self.token = token
        self.broadcast = broadcast


@asynccontextmanager
async def standalone() -> AsyncIterator[Peer]:
    """hotchannel on a port of its own."""
    async with WebSocketServer(host="127.0.0.1", port=0, ping_interval=NEVER) as server:
        assert server.port is not None, "it listens"
        yield Peer(server.port, server.token, server.send)


@asynccontextmanager
async def take_over_of_uvicorn() -> AsyncIterator[Peer]:
    """hotchannel on the port of a site that uvicorn serves, below ASGI."""
    server = WebSocketServer(ping_interval=NEVER)
    async with _uvicorn(uvicorn.Config(_site, ws=take_over(server), log_level="warning")) as port:
        yield Peer(port, server.token, server.send)
    await server.close()


@asynccontextmanager
async def asgi() -> AsyncIterator[Peer]:
    """hotchannel as an ASGI application of uvicorn, whose own protocol frames every message."""
    server = WebSocketServer(ping_interval=NEVER)
    config = uvicorn.Config(AsgiEntrance(server), log_level="warning", ws_ping_interval=None)
    async with _uvicorn(config) as port:
        yield Peer(port, server.token, server.send)


@asynccontextmanager
async def websockets() -> AsyncIterator[Peer]:
    """The `websockets` library with its own `broadcast`."""

    def check(connection: ServerConnection, request: Request) -> Response | None:
        if parse_qs(urlsplit(request.path).query).get("token") == [TOKEN]:
            return None
        return connection.respond(403, "Forbidden\n")

    server: Server
    async with serve(
        lambda connection: connection.wait_closed(),
        "127.0.0.1",
        0,
        process_request=check,
        subprotocols=[Subprotocol("vite-hmr")],
        ping_interval=None,
    ) as server:

        def send(event: str, data: dict[str, Any]) -> None:
            message = {"type": "custom", "event": event, "data": data}
            broadcast(server.connections, json.dumps(message, separators=(",", ":")))

        yield Peer(next(iter(server.sockets)).getsockname()[1], TOKEN, send)


KINDS = {"standalone": standalone, "take-over": take_over_of_uvicorn, "asgi": asgi, "websockets": websockets}


class _Uvicorn(uvicorn.Server):
    """A uvicorn that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        self.up.set()


async def _site(scope: Any, receive: Any, send: Any) -> None:
    """A site that nobody asks anything of."""
    assert scope["type"] == "lifespan", scope
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


@asynccontextmanager
async def _uvicorn(config: uvicorn.Config) -> AsyncIterator[int]:
    server = _Uvicorn(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    await server.up.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def obey(peer: Peer) -> None:
    """Do what stdin says until it ends."""
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    print(f"ready {peer.port} {peer.token}", flush=True)
    async for line in commands:
        match line.split():
            case [b"send", size, count, pause]:
                await send_all(peer, [{"text": "x" * (int(size) - AROUND)}] * int(count), int(pause))
            case [b"tell", file, pause]:
                await send_all(peer, read_messages(file.decode()), int(pause))
            case _:
                used = resource.getrusage(resource.RUSAGE_SELF)
                print(f"cpu {round((used.ru_utime + used.ru_stime) * 1e6)}", flush=True)


def read_messages(file: str) -> list[dict[str, Any]]:
    """What a benchmark has written."""
    messages: list[dict[str, Any]] = json.loads(Path(file).read_text())
    return messages


async def send_all(peer: Peer, messages: list[dict[str, Any]], pause: int) -> None:
    """Broadcast one after another, and say when that is done."""
    for data in messages:
        peer.broadcast(EVENT, data)
        await asyncio.sleep(pause / 1000)
    print("sent", flush=True)


async def _run(kind: str) -> None:
    async with KINDS[kind]() as peer:
        await obey(peer)


def main() -> None:
    """Run the server that the command line names."""
    kind, loop = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(kind))


if __name__ == "__main__":
    main()
