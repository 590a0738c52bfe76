"""The proxy's other side: back ends are asked, and their answers carried.

Role: HTTP by httpx, which is loaded when it is first needed, and WebSockets by websockets; `proxy` has what
there is to decide. Invariant: of what one side sends and the other does not take, only a few chunks or
messages wait.

A back end gets one connection a request, unless by TLS: a development server that serves one client at a time
would be held by an idle one, and one that restarts would leave dead ones behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from contextlib import aclosing, suppress
from functools import cached_property
from typing import TYPE_CHECKING, cast

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.uri import WebSocketURI

from hotchannel.channel.printable import printable
from hotchannel.devserver.proxy import (
    NO_CODE,
    Refusal,
    close_code,
    handshake_headers,
    request_headers,
    response_headers,
    subprotocols,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from hotchannel.devserver.proxy import Headers, Route
    from hotchannel.websocket.asgi import Message, Receive, Scope, Send

__all__ = ["BackEnd", "Body", "Tunnel", "answer"]

_log = logging.getLogger("hotchannel.proxy")

_CONNECT_TIME = 10.0
"""Seconds to connect. To answer, a back end has all the time that its debugger takes."""

_CLOSE_TIME = _LOG_PAUSE = 1.0
_EVENTS = "text/event-stream"

_MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message of a back end; uvicorn takes no larger ones from clients."""

_MAX_FRAMES = 4
"""Frames of a back end that wait for a client to read."""

_GOING_AWAY = 1001
_SERVICE_RESTART = 1012
_BAD_GATEWAY = 1014


class Body:
    """What a client sends, piece by piece.

    Args:
        first: the first message.
        receive: gives the others.
    """

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first = first
        self._receive = receive
        self._complete = asyncio.Event()

    def content(self) -> bytes | AsyncIterator[bytes]:
        """Return the body, or where it is not there yet, what brings it."""
        if not self._first.get("more_body", False):
            self._complete.set()
            return bytes(self._first.get("body", b""))
        return self._chunks()

    async def sender_gone(self) -> None:
        """Return when the client has hung up after its request."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _chunks(self) -> AsyncIterator[bytes]:
        message = self._first
        while True:
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client hung up")
            if chunk := message.get("body", b""):
                yield chunk
            if not message.get("more_body", False):
                break
            message = await self._receive()
        self._complete.set()


class BackEnd:
    """One back end, and what has to be said about it."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._quiet_until = 0.0
        self._unsaid = 0

    async def http(self, target: str, scope: Scope, body: Body, send: Send) -> None:
        """Ask, and pass the answer on."""
        import httpx

        transport = self._open_transport()
        try:
            response = await transport.handle_async_request(self._request(target, scope, body))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            await answer(scope, send, self.trouble("is not reachable", error, target))
            return
        except httpx.LocalProtocolError as error:
            await answer(
                scope, send, Refusal(400, f"The request cannot be passed on: {printable(str(error))}.")
            )
            return
        except httpx.TransportError as error:
            await answer(scope, send, self.trouble("did not answer", error, target))
            return
        try:
            headers = response_headers(response.status_code, response.headers.raw)
            if headers is None:
                await answer(scope, send, self.trouble("answered what cannot be passed on", None, target))
                return
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await self._relay(response, target, send)
        finally:
            await response.aclose()

    async def _relay(self, response: httpx.Response, target: str, send: Send) -> None:
        import httpx

        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            async with aclosing(aiter(response.stream)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx.TransportError as error:
            # The server in front hangs up, which tells the client that something is missing.
            self.trouble("broke off in the middle of its answer", error, target)
            return
        except asyncio.CancelledError:
            # Where the client is still there, this server ends; events have no end that could be missed.
            if response.headers.get("content-type", "").startswith(_EVENTS):
                with suppress(OSError):
                    await send({"type": "http.response.body"})
            raise
        await send({"type": "http.response.body"})

    def _request(self, target: str, scope: Scope, body: Body) -> httpx.Request:
        import httpx

        headers = self.headers(scope)
        content = body.content()
        if not isinstance(content, bytes):
            # Without, httpx sends it in chunks; of what is there already, it says the length itself.
            headers += [field for field in scope["headers"] if field[0] == b"content-length"]
        if not self.route.secure:
            headers.append((b"connection", b"close"))
        return httpx.Request(
            scope["method"],
            self.route.url,
            headers=headers,
            content=content,
            # The target goes as it is: as part of the URL, it would be normalised.
            extensions={"target": target.encode("latin-1"), "timeout": {"connect": _CONNECT_TIME}},
        )

    def headers(self, scope: Scope) -> Headers:
        """Return the headers of a scope, as this back end gets them."""
        client, scheme = scope.get("client"), scope.get("scheme", "http")
        address = str(client[0]) if client else ""
        return request_headers(scope["headers"], self.route, client=address, scheme=scheme)

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Return how it is asked for its certificate; None without TLS."""
        if not self.route.secure:
            return None
        context = ssl.create_default_context()
        if not self.route.options.secure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def trouble(self, what: str, error: BaseException | None, target: str) -> Refusal:
        """Log that something is wrong with the back end, and return what a client is told."""
        why = f": {printable(_reason(error))}" if error is not None else ""
        line = f"{self.route.url} {what}{why}"
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            # A page that asks every moment would fill the terminal.
            self._unsaid += 1
        else:
            more = f" (and {self._unsaid} more)" if self._unsaid else ""
            _log.warning("%s: %s%s", printable(target.partition("?")[0], 80), line, more)
            self._quiet_until, self._unsaid = now + _LOG_PAUSE, 0
        return Refusal(502, f"{line}.\n\nThe option `proxy` says that it answers {self.route.key}.")

    async def close(self) -> None:
        """Let go of connections."""
        if self._transport is not None:
            await self._transport.aclose()

    def _open_transport(self) -> httpx.AsyncHTTPTransport:
        import httpx

        if self._transport is None:
            # Not a client: that would follow redirects, keep cookies and unpack bodies.
            self._transport = httpx.AsyncHTTPTransport(
                verify=self.tls or False,
                limits=httpx.Limits(max_keepalive_connections=20 if self.route.secure else 0),
                trust_env=False,
            )
        return self._transport


class Tunnel:
    """A WebSocket of a client, and one to the back end."""

    def __init__(self, back_end: BackEnd, target: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._back_end = back_end
        self._target = target
        self._scope = scope
        self._receive = receive
        self._send = send
        self._opened: asyncio.Future[ClientConnection] = asyncio.get_running_loop().create_future()
        self._left: tuple[int, str] | None = None

    async def to_client(self) -> None:
        """Open the back end's side, then the client's, and carry until the back end closes."""
        try:
            connection = await self._dial()
        except InvalidStatus as error:
            await self._pass_refusal_on(error.response)
        except InvalidHandshake as error:
            await self._refuse("did not accept the WebSocket", error)
        except OSError as error:
            await self._refuse("is not reachable", error)
        else:
            self._opened.set_result(connection)
            assert connection.response is not None
            accept = {"type": "websocket.accept", "subprotocol": connection.subprotocol}
            headers = response_headers(200, _raw_headers(connection.response)) or []
            await self._send({**accept, "headers": handshake_headers(headers)})
            with suppress(ConnectionClosed):
                while True:
                    message = await connection.recv()
                    kind = "text" if isinstance(message, str) else "bytes"
                    await self._send({"type": "websocket.send", kind: message})

    async def to_back_end(self) -> None:
        """Carry until the client closes."""
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                self._left = (event.get("code") or NO_CODE, event.get("reason") or "")
                return
            text = event.get("text")
            connection = await asyncio.shield(self._opened)
            # Once the back end has closed, nobody listens; what it said before is still on its way.
            with suppress(ConnectionClosed):
                await connection.send(event["bytes"] if text is None else text)

    async def end(self, *, is_closing: bool) -> None:
        """Tell each side what the other one's last word was."""
        if not self._opened.done():
            return
        connection = self._opened.result()
        code, reason = self._left or (_GOING_AWAY, "")
        if self._left is None:
            lost = close_code(connection.close_code, lost=_BAD_GATEWAY)
            await self._say_goodbye(_SERVICE_RESTART if is_closing else lost, connection.close_reason or "")
        # A close frame without a code is one too; and where the back end has closed, this does nothing.
        sent = None if code == NO_CODE else close_code(code, lost=_GOING_AWAY)
        await connection.close(sent, reason)  # type: ignore[arg-type]

    def abort(self) -> None:
        """Drop the back end's side."""
        if self._opened.done():
            self._opened.result().transport.abort()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        with suppress(OSError):
            try:
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
            except OSError:
                raise
            except Exception:
                # daphne sends 1000 and 3000 to 4999, and raises for all others.
                await self._send({"type": "websocket.close"})

    async def _dial(self) -> ClientConnection:
        route = self._back_end.route
        uri = WebSocketURI(route.secure, route.host, route.port, self._target, "")
        protocol = _Handshake(uri, subprotocols(self._scope["headers"]), self._back_end.headers(self._scope))
        # Not `connect`: that would follow redirects, and take the target apart.
        async with asyncio.timeout(_CONNECT_TIME):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: ClientConnection(
                    protocol, ping_interval=None, close_timeout=_CLOSE_TIME, max_queue=_MAX_FRAMES
                ),
                route.host,
                route.port,
                ssl=self._back_end.tls,
            )
        try:
            await connection.handshake(user_agent_header=None)
        except BaseException:
            connection.transport.abort()
            raise
        return connection

    async def _pass_refusal_on(self, response: Response) -> None:
        headers = response_headers(response.status_code, _raw_headers(response))
        if headers is None:
            await self._refuse("answered what cannot be passed on", None)
            return
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        await _respond(self._scope, self._send, response.status_code, kept, bytes(response.body or b""))

    async def _refuse(self, what: str, error: BaseException | None) -> None:
        await answer(self._scope, self._send, self._back_end.trouble(what, error, self._target))


class _Handshake(ClientProtocol):
    """The client's handshake, made anew.

    Args:
        uri: what is asked for.
        offered: the subprotocols.
        headers: all others, Host included, which need not be the host that is dialled.
    """

    def __init__(self, uri: WebSocketURI, offered: list[str], headers: Headers) -> None:
        # What is compressed on one side need not be on the other, and mostly is on this machine.
        super().__init__(uri, subprotocols=cast("list[Subprotocol]", offered) or None, max_size=_MAX_MESSAGE)
        self._own = handshake_headers(headers)

    def connect(self) -> Request:
        request = super().connect()
        del request.headers["Host"]
        for name, value in self._own:
            request.headers[name.decode("latin-1")] = value.decode("latin-1")
        return request


async def answer(scope: Scope, send: Send, told: Refusal) -> None:
    """Answer a request or a WebSocket's handshake with a sentence."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await _respond(scope, send, told.status, headers, f"{told.message}\n".encode())


async def _respond(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    if kind != "http.response" and kind not in (scope.get("extensions") or {}):
        # The server in front has an answer of its own, 403.
        await send({"type": "websocket.close"})
        return
    fields = [*headers, (b"content-length", str(len(body)).encode("ascii"))]
    await send({"type": f"{kind}.start", "status": status, "headers": fields})
    await send({"type": f"{kind}.body", "body": body})


def _raw_headers(response: Response) -> Headers:
    items = response.headers.raw_items()
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in items]


def _reason(error: BaseException) -> str:
    """Return what the system says is wrong, which libraries wrap in words of their own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, ConnectionError) and cause.errno:
            return os.strerror(cause.errno)
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
