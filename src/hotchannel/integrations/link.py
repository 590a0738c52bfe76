"""The link between the workers of one server: what the owner of the channel offers the others.

Role: MessagePack in frames of a four-byte length, over TCP on loopback, for who knows the secret. A worker
has one connection for questions and news, and one more for every browser's socket that came to it, on which
ASGI's own messages travel: so a socket is the owner's, whichever worker it came to.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from hotchannel.devserver.http import PASS, Request
from hotchannel.integrations.pages import AppPage, SentPage
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.websocket.handshake import HandshakeRequest
from hotchannel.wire.binary import header
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Binary, ErrorDetail, JsonPayload

if TYPE_CHECKING:
    from hotchannel.integrations.host import Host
    from hotchannel.integrations.rendezvous import Meeting
    from hotchannel.websocket.asgi import Message
    from hotchannel.wire.payloads import HotPayload

__all__ = ["PATIENCE", "Line", "LinkServer", "page_from", "page_to", "payload_to", "sent_from"]

_log = logging.getLogger("hotchannel.server")

_MAX_FRAME = 64 * 1024 * 1024

PATIENCE = 5.0
"""Seconds for an answer, and for the first word of whoever connects."""


class Line:
    """One connection, of which either end writes and reads objects."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, meeting: Meeting, purpose: str) -> Line:
        """Connect to the owner.

        Raises:
            OSError: nobody is there.
        """
        line = cls(*await asyncio.open_connection("127.0.0.1", meeting.port))
        line.write({"secret": meeting.secret, "purpose": purpose})
        return line

    def write(self, value: object) -> None:
        """Send an object; nothing once the other end is gone."""
        if not self._writer.is_closing():
            encoded = msgspec.msgpack.encode(value)
            self._writer.write(len(encoded).to_bytes(4, "big") + encoded)

    async def drain(self) -> None:
        """Wait while the other end takes less than is written.

        Raises:
            OSError: it is gone.
        """
        await self._writer.drain()

    async def read(self) -> Any:
        """Return the next object; None at the end, and where it is none."""
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if size > _MAX_FRAME:
                return None
            return msgspec.msgpack.decode(await self._reader.readexactly(size))
        except (OSError, EOFError, msgspec.DecodeError):
            return None

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class LinkServer:
    """The owner's end.

    Args:
        host: answers.
    """

    def __init__(self, host: Host) -> None:
        self.secret = secrets.token_urlsafe(24)
        self._host = host
        self._workers: set[Line] = set()
        self._lines: set[Line] = set()

    async def start(self) -> int:
        """Listen on loopback; return the port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Hang up on all."""
        self._server.close()
        for line in self._lines:
            line.close()

    def tell(self, news: dict[str, object]) -> None:
        """Tell all other workers."""
        for line in self._workers:
            line.write(news)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self._lines.add(line)
        try:
            async with asyncio.timeout(PATIENCE):
                first = await line.read()
            said = str(first.get("secret")) if isinstance(first, dict) else ""
            if not hmac.compare_digest(said.encode(errors="replace"), self.secret.encode()):
                _log.warning("somebody connected to the workers' link without its secret")
            elif first["purpose"] == "socket":
                await self._socket(line)
            else:
                await self._worker(line)
        except TimeoutError:
            _log.warning("somebody connected to the workers' link, and said nothing")
        finally:
            self._lines.discard(line)
            line.close()

    async def _worker(self, line: Line) -> None:
        self._workers.add(line)
        line.write({"news": "failing", "sources": sorted(self._host.failing)})
        try:
            async with asyncio.TaskGroup() as answering:
                while (question := await line.read()) is not None:
                    if question["ask"] == "respond":
                        # One that waits, for the end of a save or for another process, holds up no others.
                        answering.create_task(self._respond(line, question))
                    else:
                        await self._hear(line, question)
        finally:
            self._workers.discard(line)

    async def _respond(self, line: Line, said: dict[str, Any]) -> None:
        head = HandshakeRequest(said["method"], said["target"], tuple(map(tuple, said["headers"])))
        request = Request(head.method, head.target, dict(head.headers))
        made = await self._host.respond(head, request, said["address"])
        answer = None if made is PASS else [made.status, made.headers, made.body]
        line.write({"id": said["id"], "answer": answer})

    async def _hear(self, line: Line, said: dict[str, Any]) -> None:
        host = self._host
        match said["ask"]:
            case "position":
                line.write({"id": said["id"], "answer": await host.position()})
            case "page":
                sent = await host.page(page_from(said["page"]), said["policies"], said["origin"])
                line.write({"id": said["id"], "answer": None if sent is None else _sent_to(sent)})
            case "failed":
                host.failed(said["source"], msgspec.convert(said["detail"], ErrorDetail))
            case "succeeded":
                host.succeeded(said["source"])
            case "send":
                host.send(_payload_from(said["payload"]))
            case "templates":
                host.watch_templates(said["folders"])

    async def _socket(self, line: Line) -> None:
        """Serve a browser's socket that came to another worker."""
        channel = self._host.channel
        if channel.mode != "integrated":
            # Its sockets come by a port of its own, or by none where that could not be had.
            return
        scope = await line.read()

        async def receive() -> Message:
            return await line.read() or {"type": "websocket.disconnect", "code": 1006}

        async def send(message: Message) -> None:
            line.write(message)
            # A browser that does not read is then slow to the channel too, which bounds what waits for it.
            await line.drain()

        await AsgiEntrance(channel)(scope, receive, send)


# Texts of pages may hold bytes that are no UTF-8 (`surrogateescape`), and travel as bytes.


def page_to(page: AppPage) -> dict[str, object]:
    """Return what travels of a page."""
    return {**asdict(page), "source": page.source.encode(errors="surrogateescape")}


def page_from(fields: dict[str, Any]) -> AppPage:
    """Return the page that has travelled."""
    return AppPage(**{**fields, "source": fields["source"].decode(errors="surrogateescape")})


# Payloads travel as JSON, which says more than MessagePack: numbers of any size, text that is no UTF-8.


def payload_to(payload: HotPayload) -> object:
    """Return what travels of a payload.

    Raises:
        HotChannelError: it cannot be sent.
    """
    return (header(payload), payload.data) if isinstance(payload, Binary) else encode(payload)


def _payload_from(said: Any) -> HotPayload:
    if isinstance(said, bytes):
        payload: HotPayload = msgspec.convert(json.loads(said), JsonPayload)
        return payload
    head, data = said
    return Binary(data=data, **json.loads(head))


def _sent_to(sent: SentPage) -> dict[str, object]:
    return {**asdict(sent), "text": sent.text.encode(errors="surrogateescape")}


def sent_from(fields: dict[str, Any]) -> SentPage:
    """Return what the owner has made of a page."""
    text = fields["text"].decode(errors="surrogateescape")
    return SentPage(**{**fields, "text": text, "policies": tuple(fields["policies"])})
