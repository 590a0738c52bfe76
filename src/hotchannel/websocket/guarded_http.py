"""uvicorn's HTTP protocol with the limits that it lacks.

Role: what arrives before an upgrade is uvicorn's to read. Of its own it waits for ever for the end of
a request head, takes heads of any size, and lets odd targets through. `hotchannel dev` meets the
table in protocol.md section 2 with `uvicorn.Config(app, http=guarded_http(server), ws=take_over(...))`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hotchannel.websocket.handshake import HandshakeRequest, Reason, Reject
from hotchannel.websocket.head import refusal

if TYPE_CHECKING:
    import asyncio

    from hotchannel.websocket.server import WebSocketServer

__all__ = ["GuardedHttpProtocol", "guarded_http"]

_LINGER = 1.0
"""Seconds a refused peer has to read its answer and hang up."""

_BAD_TARGET = re.compile(rb"[\x00-\x20\x7f#]")


class _RefusedError(Exception):
    """Ends the parser's work in the middle of a request."""


class GuardedHttpProtocol(HttpToolsProtocol):
    """HTTP with bounded request heads. `guarded_http` makes the class for a server."""

    guarded_for: ClassVar[WebSocketServer]

    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0
    _field_bytes = 0
    _reject: Reject | None = None
    _hung_up = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._hung_up:
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Any other upgrade was answered as plain HTTP already (RFC 9110 section 7.8).
            if self._should_upgrade():
                self.handle_websocket_upgrade()
        except httptools.HttpParserCallbackError:
            if self._reject is None:
                raise
            self._hang_up(self._reject)
        except httptools.HttpParserError:
            self._hang_up(Reject(400, Reason.HEAD))
        else:
            # A line that has no end is only seen here: the parser tells of whole fields.
            if self._in_head and self._head_bytes > self.guarded_for.options.max_header_size:
                self._hang_up(Reject(431, Reason.HEAD_SIZE))

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._field_bytes = 0
        if self._head_timer is None:
            self._start_head_timer()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))
        if _BAD_TARGET.search(url):
            self._refuse(Reject(400, Reason.TARGET))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + len(": \r\n"))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        if self._should_upgrade() and self.parser.get_http_version() != "1.1":
            # What is handed on is rebuilt as HTTP/1.1.
            self._refuse(Reject(400, Reason.HTTP_VERSION))
        if any(name == b"upgrade" for name, _ in self.headers) and not self._should_upgrade():
            decision = self.guarded_for.judge(
                self._request(), self.client[0] if self.client else "", exclusive=False
            )
            if isinstance(decision, Reject):
                self._refuse(decision)
        if not self._is_url():
            self._refuse(Reject(400, Reason.TARGET))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _is_url(self) -> bool:
        """Tell whether uvicorn can take the target apart; the parser of heads lets more of them through."""
        try:
            return httptools.parse_url(self.url).path is not None
        except httptools.HttpParserInvalidURLError:
            return False

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > self.guarded_for.options.max_header_size:
            self._refuse(Reject(431, Reason.HEAD_SIZE))

    def _refuse(self, reject: Reject) -> NoReturn:
        self._reject = reject
        raise _RefusedError

    def _hang_up(self, reject: Reject) -> None:
        self._hung_up = True
        self._stop_head_timer()
        self.guarded_for.refused(reject.reason, self._address(), None)
        self.transport.write(refusal(reject.status, reject.headers))
        # As in `Connection`: closing at once, with bytes unread, could destroy the response.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        self._head_timer = self.loop.call_later(_LINGER, self.transport.abort)

    def _request(self) -> HandshakeRequest:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers)
        method: bytes = self.parser.get_method()
        return HandshakeRequest(
            method.decode("ascii"), self.url.decode("latin-1"), headers, self.parser.get_http_version()
        )

    def _address(self) -> str:
        return f"{self.client[0]}:{self.client[1]}" if self.client else "local peer"

    def _start_head_timer(self) -> None:
        seconds = self.guarded_for.options.handshake_timeout
        self._head_timer = self.loop.call_later(seconds, self._head_timed_out)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timed_out(self) -> None:
        self._head_timer = None
        self.guarded_for.refused(Reason.TIMEOUT, self._address(), None)
        self.transport.close()


def guarded_http(server: WebSocketServer) -> type[asyncio.Protocol]:
    """The class for `uvicorn.Config(http=...)`.

    Args:
        server: tells how long a head may take, and counts what is refused.
    """
    return type("GuardedHttp", (GuardedHttpProtocol,), {"guarded_for": server, "__module__": __name__})
