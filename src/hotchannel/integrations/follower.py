"""A worker that does not have the channel: what `Host` is, by way of the owner.

Role: hands on what this worker is asked and has made, and carries browsers' sockets to the owner. Where the
owner is gone, or too busy, the application answers as if nobody were here; that lasts until the next owner.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hotchannel.devserver.http import PASS, Request, Response
from hotchannel.integrations.link import PATIENCE, Line, page_to, payload_to, sent_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotchannel.integrations.pages import AppPage, SentPage
    from hotchannel.integrations.rendezvous import Meeting
    from hotchannel.websocket.asgi import Message, Receive, Scope, Send
    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.wire.payloads import ErrorDetail, HotPayload

__all__ = ["Follower"]

_SERVICE_RESTART = 1012

_CARRIED = ("type", "path", "raw_path", "query_string", "headers", "client", "http_version", "scheme")
"""What the owner needs of a scope."""


class Follower:
    """Asks the owner.

    Args:
        line: to the owner.
        meeting: how to reach it.
        socket_path: where the channel's sockets are on the application's port; None where they are not.
        concerns: tells, by path and Accept, whether a request may be ours.
        forget_templates: drops what this worker has kept of its templates.
    """

    clients: frozenset[WebSocketClient] = frozenset()
    """None: the owner knows them."""

    def __init__(
        self,
        line: Line,
        meeting: Meeting,
        *,
        socket_path: str | None,
        concerns: Callable[[str, str], bool],
        forget_templates: Callable[[], object],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.concerns = concerns
        self.socket_path = socket_path
        self._meeting = meeting
        self._line = line
        self._forget_templates = forget_templates
        self.failing: set[str] = set()
        self._sockets: set[Line] = set()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    async def listen(self) -> None:
        """Hear the owner; returns when it is gone."""
        while (said := await self._line.read()) is not None:
            match said:
                case {"id": int(number), "answer": answer}:
                    self._answered(number, answer)
                case {"news": "failing", "sources": sources}:
                    self.failing = set(sources)
                case {"news": "templates"}:
                    self._forget_templates()
        for number in tuple(self._asked):
            self._answered(number, None)

    async def respond(self, head: HandshakeRequest, request: Request, address: str) -> Response:
        """Answer as the owner does; `PASS` where the application has to."""
        question = {"method": head.method, "target": head.target, "headers": head.headers, "address": address}
        made = await self._ask("respond", question)
        return PASS if made is None else Response(*made)

    async def position(self) -> str:
        """Return what a page that is made from now on is up to date with; empty where nobody tells."""
        return await self._ask("position", {}) or ""

    async def page(self, page: AppPage, policies: Iterable[str], origin: str) -> SentPage | None:
        """Return a page as it is sent; None where it is left as it is."""
        question = {"page": page_to(page), "policies": list(policies), "origin": origin}
        made = await self._ask("page", question)
        return None if made is None else sent_from(made)

    def failed(self, source: str, detail: ErrorDetail) -> None:
        """A view has raised."""
        self.failing.add(source)
        self._line.write({"ask": "failed", "source": source, "detail": detail})

    def succeeded(self, source: str) -> None:
        """The same URL was answered."""
        if source in self.failing:
            self._line.write({"ask": "succeeded", "source": source})

    def send(self, payload: HotPayload) -> None:
        """Send to every page."""
        self._line.write({"ask": "send", "payload": payload_to(payload)})

    def on(self, event: str, listener: Callable[..., object]) -> None:
        """Do nothing: events of pages reach listeners in the owner."""

    def off(self, event: str, listener: Callable[..., object]) -> None:
        """Do nothing; see `on`."""

    def watch_templates(self, folders: Iterable[str]) -> None:
        """Have folders of templates watched."""
        self._line.write({"ask": "templates", "folders": list(folders)})

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry a browser's socket to the owner."""
        try:
            line = await Line.open(self._meeting, "socket")
        except OSError:
            await receive()
            await send({"type": "websocket.close", "code": _SERVICE_RESTART})
            return
        self._sockets.add(line)
        line.write({name: scope[name] for name in _CARRIED if name in scope})

        async def to_owner() -> None:
            message: Message = {"type": ""}
            while message["type"] != "websocket.disconnect":
                message = await receive()
                line.write(message)
                await line.drain()

        async def to_browser() -> None:
            while (message := await line.read()) is not None:
                await send(message)

        parts = [asyncio.ensure_future(to_owner()), asyncio.ensure_future(to_browser())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            self._sockets.discard(line)
            line.close()
        with suppress(Exception):
            # Where the owner has ended it, the server says so: this is one word too many then.
            await send({"type": "websocket.close", "code": _SERVICE_RESTART})

    async def close(self) -> None:
        """Hang up, and let the browsers find another worker."""
        for line in (self._line, *self._sockets):
            line.close()

    async def _ask(self, what: str, question: Mapping[str, object]) -> Any:
        self._count += 1
        number = self._count
        asked = self._asked[number] = self.loop.create_future()
        self._line.write({"ask": what, "id": number, **question})
        try:
            async with asyncio.timeout(PATIENCE):
                return await asked
        except TimeoutError:
            return None
        finally:
            self._asked.pop(number, None)

    def _answered(self, number: int, answer: Any) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None and not asked.done():
            asked.set_result(answer)
