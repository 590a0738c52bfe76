"""Every entrance to the channel behind one face, and a peer made of raw bytes.

`standalone` is the channel's own port, `tls` the same encrypted; `takeover-...` is uvicorn with one of its
HTTP protocols and an application that takes every WebSocket itself, `dev` is uvicorn as `hotchannel dev`
runs it; `asgi-...` is plain ASGI in front of the same application.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import uvicorn

from hotchannel.options import HttpsOptions
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.websocket.guarded_http import guarded_http
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.tls import self_signed
from hotchannel.websocket.uvicorn import take_over
from support.asgi_servers import PATIENCE, AsgiKind, serve, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0

OwnKind = Literal["standalone", "tls", "takeover-httptools", "takeover-h11", "dev"]
Kind = OwnKind | AsgiKind

ASGI_KINDS: tuple[AsgiKind, ...] = get_args(AsgiKind)
OWN_KINDS: tuple[OwnKind, ...] = get_args(OwnKind)
KINDS: tuple[Kind, ...] = (*OWN_KINDS, *ASGI_KINDS)
EXCLUSIVE_KINDS: tuple[Kind, ...] = ("standalone", "tls", "dev")

HOST_APPLICATION = b"the host application"


async def host_application(scope: Any, receive: Any, send: Any) -> None:
    """Takes every WebSocket and answers every request."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20")]})
        await send({"type": "http.response.body", "body": HOST_APPLICATION})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": HOST_APPLICATION.decode()})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": event["text"].upper()})


def refusal(kind: Kind, status: int) -> int:
    """What a refusal with `status` arrives as: one server says 403 to all (docs/entrances.md)."""
    return 403 if kind == "asgi-daphne" else status


def goodbye(kind: Kind, code: int, reason: bytes = b"") -> bytes:
    """What a close frame says that is to say this: one server knows few codes and no reasons."""
    if kind == "asgi-daphne":
        code, reason = (code if code >= 3000 else 1000), b""
    return code.to_bytes(2, "big") + reason


def handshake(target: str) -> bytes:
    """The head of a good handshake, without Origin."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: vite-hmr\r\n\r\n"
    ).encode()


@dataclass(frozen=True)
class Answer:
    """What came back before the peer hung up, or stopped talking after a 101."""

    status: int
    headers: dict[str, str]
    body: bytes
    hung_up: bool


class Peer:
    """A client that sends exactly what it is told to.

    Attributes:
        inflates: whether it and the server have agreed on compression.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.inflates = False

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        """The response; to anything but a 101 the server hangs up afterwards."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])
            }
            status = int(lines[0].split()[1])
            if status == 101:
                return Answer(status, headers, b"", False)
            if headers.get("connection", "").startswith("close"):
                return Answer(status, headers, await self.reader.read(-1), True)
            size = int(headers.get("content-length", 0))
            return Answer(status, headers, await self.reader.readexactly(size), False)

    async def send(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
    ) -> None:
        await self.write(frame(opcode, payload, fin=fin, rsv=rsv, masked=masked))

    async def say(self, message: object) -> None:
        await self.send(TEXT, json.dumps(message).encode())

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; the server's frames are whole and unmasked."""
        first, payload = await self.receive_frame()
        assert first & 0xF0 == 0x80 or (self.inflates and first & 0xF0 == 0xC0)
        return first & 0x0F, payload

    async def receive_frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame, as they come."""
        # A server in front that has not switched Nagle's algorithm off would wait 40 ms for it.
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        async with asyncio.timeout(PATIENCE):
            first, second = await self.reader.readexactly(2)
            assert second & 0x80 == 0
            size = second
            if second == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif second == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first, await self.reader.readexactly(size)

    async def message(self) -> Any:
        """The next message, decoded."""
        opcode, payload = await self.receive()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    async def close_code(self) -> int | None:
        """The code of the close frame that comes next; None where the line is just cut."""
        try:
            opcode, payload = await self.receive()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big")

    async def hung_up(self) -> bytes:
        """What came until the server hung up."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    def vanish(self, *, reset: bool = False) -> None:
        """Be gone without a word: TCP's own goodbye, or `reset` instead of it."""
        if reset:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A client's frame."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = bytes((first, mask_bit | len(payload)))
    elif len(payload) < 1 << 16:
        head = struct.pack("!BBH", first, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, len(payload))
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + payload


class Entrance:
    """A running server and the way in.

    Attributes:
        kind: which way.
        server: the server behind it.
        port: where to connect on 127.0.0.1.
        uvicorn: the server in front, where there is one.
    """

    def __init__(self, kind: Kind, server: WebSocketServer, port: int, front: uvicorn.Server | None) -> None:
        self.kind = kind
        self.server = server
        self.port = port
        self.uvicorn = front
        self.peers: list[Peer] = []
        self.tls = ssl._create_unverified_context() if kind == "tls" else None

    @property
    def connections(self) -> int:
        """How many connections the front knows of; 0 where there is no front."""
        return len(self.uvicorn.server_state.connections) if self.uvicorn else 0

    @property
    def exclusive(self) -> bool:
        """Whether no host application stands behind."""
        return self.kind in EXCLUSIVE_KINDS

    async def open(self, *, buffer: int | None = None) -> Peer:
        """A TCP connection.

        Args:
            buffer: bytes that are taken in before anybody reads them, in the kernel and above it; None for
                what the system takes, which may be megabytes.
        """
        if buffer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        else:
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
            name = "127.0.0.1" if self.tls else None
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=self.tls, server_hostname=name, limit=buffer
            )
        self.peers.append(Peer(reader, writer))
        return self.peers[-1]

    async def ask(self, head: bytes) -> Answer:
        """Send one request and take the answer."""
        peer = await self.open()
        await peer.write(head)
        return await peer.answer()

    async def connect(self, query: str = "", *, buffer: int | None = None) -> Peer:
        """A peer that is in; what it was greeted with is still to be received."""
        peer = await self.open(buffer=buffer)
        await peer.write(handshake(f"/{query}"))
        answer = await peer.answer()
        assert answer.status == 101
        return peer

    async def join(self, query: str = "", *, buffer: int | None = None) -> Peer:
        """A peer that is in and has been told so; see `open` for `buffer`."""
        peer = await self.connect(query, buffer=buffer)
        message = await peer.message()
        assert message["type"] == "connected"
        return peer

    async def abandon(self) -> None:
        """All peers vanish, and the server sees it: it need not wait for their answers to its goodbye."""
        for peer in self.peers:
            peer.vanish()
        await self.until(lambda: len(self.server.clients) == 0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what no message tells of."""
        async with asyncio.timeout(PATIENCE):
            # Asked again and again, since some conditions are uvicorn's, which tells nobody.
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


class OpenEntrance:
    """Opens entrances and closes them after the test."""

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(self, kind: Kind, **options: Any) -> Entrance:
        if kind in ("standalone", "tls"):
            options.setdefault("port", 0)
        if kind == "tls":
            options["https"] = HttpsOptions(cert=str(certificate()))
        server = WebSocketServer(**options)
        await self._stack.enter_async_context(_closing(server))
        front: uvicorn.Server | None = None
        if kind == "standalone" or kind == "tls":
            await server.listen()
            assert server.port is not None
            port = server.port
        elif kind == "dev" or kind == "takeover-httptools" or kind == "takeover-h11":
            config = uvicorn.Config(
                host_application,
                http=guarded_http(server) if kind == "dev" else kind.removeprefix("takeover-"),
                ws=take_over(server, exclusive=kind == "dev"),
                lifespan="off",
                log_config=None,
            )
            front = uvicorn.Server(config)
            port = await self._stack.enter_async_context(serve_uvicorn(front))
        else:
            app = AsgiEntrance(server, host_application)
            port = await self._stack.enter_async_context(serve(kind, app))
        entrance = Entrance(kind, server, port, front)
        self._stack.push_async_callback(entrance.abandon)
        return entrance


@contextlib.asynccontextmanager
async def _closing(server: WebSocketServer) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await server.close()


@cache
def certificate() -> Path:
    """A self-signed certificate with its key, one for all tests."""
    return self_signed(folder=Path(tempfile.mkdtemp(prefix="hotchannel-tests-")))
