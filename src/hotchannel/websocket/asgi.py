"""The entrance through any ASGI server.

Role: `AsgiEntrance(server, app)` is an ASGI application that takes the channel's own WebSockets and
leaves everything else to `app`. It works on every server that speaks ASGI (uvicorn, hypercorn, granian,
daphne), and costs more than bytes do: framing, compression and backpressure are the server's, a message a
call. Follows the ASGI specification's WebSocket part, version 2.

What cannot be seen from here, the bytes before and below ASGI, is that server's business: the size of a
head, the time a handshake takes, pings, frames that break RFC 6455. `docs/entrances.md` has the table.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from hotchannel.modules.urls import below, request_target
from hotchannel.websocket.handshake import PING, Accept, HandshakeRequest, Pass, Reason, Reject
from hotchannel.websocket.head import refusal_parts
from hotchannel.websocket.limits import message_bucket
from hotchannel.websocket.transports import shown_address

if TYPE_CHECKING:
    from hotchannel.websocket.frames import Outgoing
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["STATE_KEY", "AsgiApp", "AsgiEntrance", "below_root", "root_of", "target_of"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE_KEY = "hotchannel.websocket"
"""Where the lifespan's state names the server, for `uvicorn.TakeOver`."""

_log = logging.getLogger("hotchannel.server")

_NORMAL_CLOSURE = 1000
_POLICY_VIOLATION = 1008
_MESSAGE_TOO_BIG = 1009

_LINGER = 1.0
"""Seconds that a peer has to take what it is still owed."""

_CHECKED_BY_THE_SERVER = (
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
)
"""A `websocket` scope says that these were right; over HTTP/2 they do not even exist (RFC 8441)."""


class AsgiEntrance:
    """An ASGI application: the channel's sockets are `server`'s, everything else is `app`'s.

        app = AsgiEntrance(server, app)

    `server` becomes integrated: `listen` opens no port. It is closed when the lifespan ends.

    Args:
        server: gets the connections that are its own.
        app: the application behind; None where there is none, and then nothing else is answered.
    """

    def __init__(self, server: WebSocketServer, app: AsgiApp | None = None) -> None:
        server.attach()
        self._server = server
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        match scope["type"]:
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await self._lifespan(scope, receive, send)
            case _ if self._app is not None:
                await self._app(scope, receive, send)
            case "http":
                await _respond(send, "http", Reject(426, Reason.PLAIN_HTTP, (("Upgrade", "websocket"),)))
            case other:
                raise RuntimeError(f"{other} is not answered here")

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        client = scope.get("client")
        host = str(client[0]) if client else ""
        match self._server.judge(request, host, exclusive=self._app is None):
            case Pass() if self._app is not None:
                await self._app(scope, receive, send)
            case Accept() as accept:
                await receive()
                await _Connection(self._server, client, receive, send).serve(accept, request)
            case Reject() as reject:
                self._server.refused(reject.reason, shown_address(client), request)
                await receive()
                if "websocket.http.response" in (scope.get("extensions") or {}):
                    await _respond(send, "websocket.http", reject)
                else:
                    await send({"type": "websocket.close"})

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.get("state")
        if state is not None:
            state[STATE_KEY] = self._server

        async def receive_and_close() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._server.close()
            return message

        if self._app is not None:
            await self._app(scope, receive_and_close, send)
            return
        while True:
            message = await receive_and_close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


class _Connection:
    """One client on an ASGI server; to `WebSocketServer` the same as `connection.Connection`."""

    def __init__(
        self, server: WebSocketServer, peer: tuple[str, int] | None, receive: Receive, send: Send
    ) -> None:
        self._server = server
        self._options = server.options
        self._tally = server.tally
        self._peer = peer
        self._receive = receive
        self._send = send
        self._open = False
        self._ended = False
        self._outbox: deque[Outgoing] = deque()
        self._waiting = 0
        self._goodbye: Message | None = None
        self._something = asyncio.Event()
        self._dropped = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""
        return self._open

    @property
    def ended(self) -> bool:
        """Whether the connection is gone."""
        return self._ended

    @property
    def address(self) -> str:
        """The peer's address and port, for the log."""
        return shown_address(self._peer)

    @property
    def host(self) -> str:
        """The peer's IP address; empty where the server does not tell."""
        return str(self._peer[0]) if self._peer else ""

    @property
    def waiting(self) -> int:
        """Bytes that the server in front has not taken yet."""
        return self._waiting

    def deliver(self, message: Outgoing) -> None:
        """Send one message of the channel; a peer that does not read is cut off rather than waited for."""
        if not self._open:
            return
        self._waiting += len(message.encoded)
        if self._waiting > self._options.max_outbox_size:
            _log.warning("dropped %s: it does not read, %d bytes are waiting", self.address, self._waiting)
            self._tally.dropped += 1
            self.abort()
            return
        self._tally.messages_out += 1
        self._outbox.append(message)
        self._something.set()

    def close(self, code: int, reason: str = "", *, linger: float = _LINGER) -> None:
        """Close: what waits, for which the peer has `linger` seconds, then a close frame.

        Whether its answer is waited for is the server's business.
        """
        if self._goodbye is None:
            self._goodbye = {"type": "websocket.close", "code": code, "reason": reason}
            self._something.set()
            asyncio.get_running_loop().call_later(linger, self._dropped.set)
            self._leave(None)

    def abort(self) -> None:
        """Be done with the peer; how its transport ends is the server's business."""
        self._leave(None)
        self._dropped.set()

    def look(self) -> None:
        """Nothing: pings are the server's business."""

    async def serve(self, accept: Accept, request: HandshakeRequest) -> None:
        """Take the handshake, and return when the connection is over."""
        ping = accept.subprotocol == PING
        extra = () if ping else self._server.response_headers(request)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in extra]
        await self._send({"type": "websocket.accept", "subprotocol": accept.subprotocol, "headers": headers})
        self._tally.accepted += 1
        self._server.connected(self)
        error: Exception | None = None
        try:
            if ping:
                self.close(_NORMAL_CLOSURE)
            else:
                self._open = True
                self._server.opened(self, accept, request)
            error = await self._run()
        finally:
            self._ended = True
            self._leave(error)
            self._server.disconnected(self)

    async def _run(self) -> Exception | None:
        """Read and write until one of both is over; what went wrong, if anything did."""
        tasks = [asyncio.ensure_future(part()) for part in (self._read, self._write, self._dropped.wait)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._goodbye is not None:
            # Not while a `receive` is pending: granian lets the close wait for it. And no longer than the
            # peer may take: a server that has stopped never sends it.
            await self._until_dropped(self._say_goodbye(self._goodbye))
        errors = (task.exception() for task in done)
        return next((error for error in errors if isinstance(error, Exception)), None)

    async def _until_dropped(self, sending: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.ensure_future(sending), asyncio.ensure_future(self._dropped.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _say_goodbye(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception as error:
            # daphne sends 1000 and 3000 to 4999 and raises for all others; and the peer may be gone.
            _log.debug("%s: the server does not send %s: %s", self.address, message["code"], error)
            with suppress(Exception):
                await self._send({"type": "websocket.close", "code": _NORMAL_CLOSURE})

    async def _read(self) -> None:
        now = asyncio.get_running_loop().time
        bucket = message_bucket(self._options, now())
        while self._goodbye is None:
            event = await self._receive()
            if event["type"] != "websocket.receive":
                return
            text = event.get("text")
            message: str | bytes = event["bytes"] if text is None else text
            size = len(message) if text is None or text.isascii() else len(text.encode())
            self._tally.bytes_in += size
            if size > self._options.max_message_size:
                self.close(_MESSAGE_TOO_BIG)
            elif not bucket.take(now()):
                _log.warning("dropped %s: too many messages (ws.max_messages_per_second)", self.address)
                self._tally.dropped += 1
                self.close(_POLICY_VIOLATION, "too many messages")
            else:
                self._tally.messages_in += 1
                self._server.received(self, message)
        # Nobody listens any more, but what waits is still to be written.
        await self._dropped.wait()

    async def _write(self) -> None:
        while True:
            while self._outbox:
                message = self._outbox.popleft()
                # Before the peer has it, who may ask what was sent.
                self._tally.bytes_out += len(message.encoded)
                try:
                    await self._send({"type": "websocket.send", **_said(message)})
                except Exception:
                    # The peer is gone, but what it said last may not have been read yet.
                    asyncio.get_running_loop().call_later(_LINGER, self._dropped.set)
                    await self._dropped.wait()
                    raise
                self._waiting -= len(message.encoded)
            if self._goodbye is not None:
                return
            self._something.clear()
            await self._something.wait()

    def _leave(self, error: Exception | None) -> None:
        was_open, self._open = self._open, False
        if was_open:
            self._server.closed(self, error)


def _said(message: Outgoing) -> Message:
    return {"bytes": message.encoded} if message.is_binary else {"text": message.text}


def target_of(scope: Scope) -> str:
    """Return the request target of a scope; not every server tells how it was written."""
    query = scope.get("query_string", b"").decode("latin-1")
    raw_path = scope.get("raw_path")
    if raw_path is None:
        return request_target(scope["path"], query)
    path: str = raw_path.decode("latin-1")
    return f"{path}?{query}" if query else path


def root_of(scope: Scope) -> str:
    """Return the path that the application is served below, without a slash at the end."""
    root: str = scope.get("root_path") or ""
    return root.rstrip("/")


def below_root(scope: Scope) -> Scope:
    """Return a scope whose path says what is asked of the application, whatever it is served below.

    By the ASGI specification the path has the root path in it; hypercorn and others, and FastAPI's own
    `root_path`, leave it out where a proxy has.
    """
    path = below(scope["path"], f"{root_of(scope)}/")
    return scope if path == scope["path"] else {**scope, "path": path, "raw_path": None}


def _request(scope: Scope) -> HandshakeRequest:
    """The handshake as the server tells of it."""
    known = {name for name, _ in _CHECKED_BY_THE_SERVER}
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    kept = [(name, value) for name, value in headers if name not in known]
    return HandshakeRequest("GET", target_of(scope), (*kept, *_CHECKED_BY_THE_SERVER))


async def _respond(send: Send, kind: str, reject: Reject) -> None:
    fields, body = refusal_parts(reject.status, reject.headers)
    headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in fields]
    await send({"type": f"{kind}.response.start", "status": reject.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})
