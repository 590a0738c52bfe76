"""In front of any back end: what `hotchannel proxy` serves.

Role: an ASGI application that passes everything on, with a page of its own where the back end does not
answer, and the word for the pages when it is back. `HotChannelMiddleware` around it does the rest.
"""

from __future__ import annotations

import asyncio
import logging
from html import escape
from typing import TYPE_CHECKING, Unpack
from urllib.parse import urlsplit

from hotchannel.devserver.http import plain_page
from hotchannel.devserver.proxy import Proxy, Routes
from hotchannel.integrations.asgi import HotChannelMiddleware
from hotchannel.integrations.channel import get_channel
from hotchannel.options import ProxyOptions
from hotchannel.websocket.asgi import target_of
from hotchannel.wire.payloads import FullReload

if TYPE_CHECKING:
    from hotchannel.integrations.settings import Arguments
    from hotchannel.websocket.asgi import Message, Receive, Scope, Send

__all__ = ["FrontMiddleware", "front"]

_log = logging.getLogger("hotchannel.server")

_LOOK = 0.3
"""Seconds between two looks for a back end that is down."""

_DOWN = frozenset((502, 504))


class FrontMiddleware(HotChannelMiddleware):
    """The middleware for what is passed on: many back ends send a page in pieces of unknown number."""

    waits_for_pages = True


def front(url: str, **arguments: Unpack[Arguments]) -> FrontMiddleware:
    """Return the application that stands in front of the back end at `url`.

    Args:
        url: of the back end.
        arguments: see `Arguments`; it is on.

    Raises:
        OptionError: the URL or a setting is wrong.
        HotChannelError: httpx is not installed.
    """
    arguments["enabled"] = True
    return FrontMiddleware(_BackEnd(url), **arguments)


class _BackEnd:
    """Passes everything on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._proxy = Proxy(Routes({"/": ProxyOptions(target=url)}, own=(), channel_path="/"))
        self._returning: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            if self._returning is not None:
                self._returning.cancel()
            await self._proxy.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        target = target_of(scope)
        route = self._proxy.routes.find(target)
        if route is None:
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"The request target is malformed.\n"})
        elif scope["type"] == "websocket":
            await self._proxy.websocket(route, target, scope, receive, send)
        else:
            page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
            passed = {**scope, "headers": _readable(scope["headers"])} if page else scope
            await self._proxy.http(route, target, passed, receive, _Answer(self, send, page=page).send)

    @property
    def page(self) -> bytes:
        """What stands in place of a page while the back end is down."""
        return plain_page(
            "502 Bad Gateway",
            "<h1>The back end does not answer</h1>"
            f"<p>Nothing answers at <code>{escape(self._url)}</code>: it is down, or just restarting. "
            "This page comes back by itself when it does.</p>",
        ).encode()

    def is_down(self) -> None:
        """The back end did not answer: tell the pages when it does."""
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        url = urlsplit(self._url)
        port = url.port or (443 if url.scheme in ("https", "wss") else 80)
        while True:
            await asyncio.sleep(_LOOK)
            try:
                _, writer = await asyncio.open_connection(url.hostname, port)
            except OSError:
                continue
            writer.close()
            _log.info("%s answers again", self._url)
            get_channel().send(FullReload(path="*", morph=True))
            return


class _Answer:
    """What is passed back; in place of a page that there is none of, one that says so."""

    def __init__(self, back_end: _BackEnd, send: Send, *, page: bool) -> None:
        self._back_end = back_end
        self._send = send
        self._is_page = page
        self._is_replaced = False

    async def send(self, message: Message) -> None:
        """Take a message of the proxy's."""
        if message["type"] == "http.response.start" and message["status"] in _DOWN:
            self._back_end.is_down()
            self._is_replaced = self._is_page
            if self._is_replaced:
                headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]
                await self._send({**message, "headers": headers})
                await self._send({"type": "http.response.body", "body": self._back_end.page})
        if not self._is_replaced:
            await self._send(message)


def _readable(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request for a page that is to come uncompressed."""
    return [(name, b"identity" if name == b"accept-encoding" else value) for name, value in headers]
