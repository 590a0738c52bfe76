"""Which requests go to a back end, and what becomes of them on the way.

Role: the decisions of the proxy (the option `proxy`, as Vite's `server.proxy`), as functions of what came;
`Proxy` is the shell that runs an exchange until one of both sides is gone, and `upstream` does the talking.
Invariants: a request goes to the one back end that its key names, whatever its own target or Host says; its
path is never normalised; what framed a message on one connection never frames one on the other. Follows RFC
9110 section 7.6 (what an intermediary forwards) and RFC 9112 section 6.
"""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hotchannel.errors import HotChannelError
from hotchannel.options import ProxyOptions
from hotchannel.websocket.handshake import HMR, PING

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from hotchannel.devserver.upstream import BackEnd
    from hotchannel.websocket.asgi import Message, Receive, Scope, Send
    from hotchannel.websocket.handshake import HandshakeRequest

__all__ = [
    "NO_CODE",
    "Headers",
    "Proxy",
    "Refusal",
    "Route",
    "Routes",
    "close_code",
    "handshake_headers",
    "refusal",
    "request_headers",
    "response_headers",
    "subprotocols",
]

Headers = list[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case, in order."""

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer"
    b" transfer-encoding upgrade".split()
)
_NEVER_NAMED = frozenset((b"host", b"content-length"))
"""Not for `Connection` to strip: they say for whom a message is, and where it ends."""

_MADE_ANEW = (b"host", b"content-length", b"expect")
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
"""What a client says of where it comes from is replaced by what is seen of it."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ADDRESS = re.compile(r"[0-9A-Za-z.:%_-]{1,64}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SEPARATORS = re.compile(r"[/\\]")

_SENDABLE = frozenset((*range(1000, 1004), *range(1007, 1015)))
"""Codes that may stand in a close frame (RFC 6455 section 7.4), below those of applications."""

_NORMAL_CLOSURE = 1000
NO_CODE = 1005
"""What stands for a close frame without a code."""
_CLOSE_TIME = 1.0


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the table.

    Attributes:
        key: the path that stands for it, or an expression that starts with `^`.
        options: as the user gave them.
        secure: whether the back end is spoken to by TLS.
        host: of the back end.
        port: of the back end.
        path: in front of the paths that it is asked for; without a slash at its end.
    """

    key: str
    options: ProxyOptions
    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The back end, without the path."""
        return f"{'https' if self.secure else 'http'}://{self.authority}"

    def matches(self, target: str) -> bool:
        """Tell whether the key stands for this request target; a path does up to the end of a segment."""
        if self.key.startswith("^"):
            return re.search(self.key, target) is not None
        path = target.partition("?")[0]
        rest = path[len(self.key) :]
        return path.startswith(self.key) and (not rest or rest[0] == "/" or self.key.endswith("/"))

    def target(self, target: str) -> str:
        """Return what the back end is asked for instead of `target`, which matches."""
        if self.options.strip_prefix:
            path, mark, query = target.partition("?")
            is_expression = self.key.startswith("^")
            path = re.sub(self.key, "", path, count=1) if is_expression else path[len(self.key) :]
            target = f"{'' if path.startswith('/') else '/'}{path}{mark}{query}"
        return self.path + target


class Routes:
    """The table: which request goes where.

    Args:
        table: back ends by path or expression.
        own: beginnings of paths that are served here whatever the table says.
        channel_path: where the channel's socket is, decoded; its upgrades stay here.
    """

    def __init__(
        self, table: Mapping[str, ProxyOptions | str], *, own: Iterable[str], channel_path: str
    ) -> None:
        self._own = tuple(own)
        self._channel_path = channel_path
        self._routes = [_route(key, options) for key, options in table.items()]
        # Expressions, which can say what they are not for, in their order; then paths, the longest first.
        self._routes.sort(key=lambda route: math.inf if route.key[0] == "^" else len(route.key), reverse=True)

    def find(self, target: str) -> Route | None:
        """Return the back end for a request target; None where it is answered here."""
        if not target.startswith("/") or target.startswith(self._own):
            return None
        return next((route for route in self._routes if route.matches(target)), None)

    def find_for_upgrade(self, request: HandshakeRequest) -> Route | None:
        """Return the back end for a WebSocket; None where there is none.

        The channel's own path, and whoever asks for its subprotocols, is never sent elsewhere.
        """
        path = unquote(request.target.partition("?")[0])
        names = ",".join(request.values("sec-websocket-protocol")).split(",")
        if path == self._channel_path or {name.strip(" \t") for name in names} & {HMR, PING}:
            return None
        route = self.find(request.target)
        return route if route is not None and route.options.ws else None


def _route(key: str, options: ProxyOptions | str) -> Route:
    options = ProxyOptions(target=options) if isinstance(options, str) else options
    url = urlsplit(options.target)
    secure = url.scheme in ("https", "wss")
    assert url.hostname is not None, "ProxyOptions has checked it"
    port = url.port or (443 if secure else 80)
    return Route(key, options, secure, url.hostname, port, url.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not passed on: a status and a sentence."""

    status: int
    message: str


_ENDING = Refusal(503, "This server is ending.")


def refusal(method: str, target: str, headers: Headers, http_version: str) -> Refusal | None:
    """Return why a request would mean something else to the back end; None where it does not."""
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if method == "CONNECT":
        return Refusal(405, "CONNECT is not passed on.")
    if _climbs(target):
        # The back end might take it for a path that was never meant to be reached from here.
        return Refusal(400, "A path with `..` in it is not passed on.")
    if [name for name, _ in headers].count(b"host") > 1:
        return Refusal(400, "Expected one Host header.")
    if any(_CONTROL.search(value) for _, value in headers):
        return Refusal(400, "A header has control characters in it.")
    if codings and http_version == "1.0":
        return Refusal(400, "HTTP/1.0 has no Transfer-Encoding.")
    if codings not in ([], [b"chunked"]):
        return Refusal(501, "No Transfer-Encoding but chunked is understood.")
    if not all(_TOKEN.fullmatch(name) for name in subprotocols(headers)):
        return Refusal(400, "A subprotocol is malformed.")
    return None


def _climbs(target: str) -> bool:
    """Tell whether a path has `..` in it for anybody: encoded, with backslashes, with parameters."""
    path = unquote(target.partition("?")[0], "latin-1")
    return any(segment.partition(";")[0] == ".." for segment in _SEPARATORS.split(path))


def subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols that a client offers."""
    values = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
    return [name.strip(" \t") for name in ",".join(values).split(",")] if values else []


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers that are meant for the other end, names in lower case."""
    lowered = [(name.lower(), value) for name, value in headers]
    connection = b",".join(value for name, value in lowered if name == b"connection")
    named = {token.strip().lower() for token in connection.split(b",")}
    dropped = _HOP_BY_HOP | (named - _NEVER_NAMED)
    return [(name, value) for name, value in lowered if name not in dropped]


def request_headers(headers: Headers, route: Route, *, client: str, scheme: str) -> Headers:
    """Return the headers for a back end, `host` first, without those that frame the body.

    Args:
        headers: of the request.
        route: where it goes.
        client: the IP address that asks; empty where it is not known.
        scheme: by which it asks: `http`, `https`, `ws` or `wss`.
    """
    # Frameworks on WSGI take `_` for `-`.
    kept = [
        (name, value)
        for name, value in _end_to_end(headers)
        if name not in _MADE_ANEW and not name.replace(b"_", b"-").startswith(_FORWARDED)
    ]
    authority = route.authority.encode("ascii")
    asked = next((value for name, value in headers if name == b"host"), b"")
    forwarded = [(b"x-forwarded-proto", b"https" if scheme in ("https", "wss") else b"http")]
    if asked:
        forwarded.append((b"x-forwarded-host", asked))
    if _ADDRESS.fullmatch(client):
        forwarded.append((b"x-forwarded-for", client.encode("ascii")))
    own = {n.lower().encode("ascii"): v.encode("latin-1") for n, v in route.options.headers.items()}
    host = own.pop(b"host", authority if route.options.change_origin else asked or authority)
    passed = [(name, value) for name, value in (*kept, *forwarded) if name not in own]
    return [(b"host", host), *passed, *own.items()]


def response_headers(status: int, headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
    """Return the headers of a back end's answer for the client; None where the answer cannot be passed on.

    The server in front frames the body, and dates the answer.
    """
    headers = list(headers)
    if not 200 <= status <= 599 or any(_CONTROL.search(value) for _, value in headers):
        return None
    dropped = {b"date"}
    # A 304 may tell the length of what it does not bring; a server that frames by it would wait.
    if status in (204, 304) or any(name.lower() == b"transfer-encoding" for name, _ in headers):
        dropped.add(b"content-length")
    return [(name, value) for name, value in _end_to_end(headers) if name not in dropped]


def handshake_headers(headers: Headers) -> Headers:
    """Return the headers that are not the handshake's; each side has a handshake of its own."""
    return [
        (name, value)
        for name, value in headers
        if name != b"content-length" and not name.startswith(b"sec-websocket-")
    ]


def close_code(code: int | None, *, lost: int) -> int:
    """Return the close code that one end is told when the other's was `code`.

    Args:
        code: of a close frame; None or 1005 where that had none, which ASGI has no way to say.
        lost: what is said where there was no such frame at all, but the line broke.
    """
    if code is None or code == NO_CODE:
        return _NORMAL_CLOSURE
    return code if code in _SENDABLE or 3000 <= code <= 4999 else lost


class _Noted:
    """A `send` that knows whether it was used."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.used = False

    async def __call__(self, message: Message) -> None:
        self.used = True
        await self._send(message)


class Proxy:
    """Passes requests and WebSockets on.

    Args:
        routes: says where to.

    Raises:
        HotChannelError: httpx is not installed.
    """

    def __init__(self, routes: Routes) -> None:
        # Looked for, but not loaded: that would take longer than all else at the start.
        if find_spec("httpx") is None:
            raise HotChannelError('the option `proxy` needs httpx: pip install "hotchannel[proxy]"')
        self.routes = routes
        self._back_ends: dict[str, BackEnd] = {}
        self._running: set[asyncio.Task[object]] = set()
        self._closing: asyncio.Future[None] | None = None
        self._is_closed = False

    async def http(self, route: Route, target: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an `http` scope on."""
        from hotchannel.devserver.upstream import Body

        if await self._refuses(scope["method"], target, scope, send):
            return
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        body, noted = Body(first, receive), _Noted(send)
        work = self._back_end(route).http(route.target(target), scope, body, noted)
        await self._until_either_ends(scope, noted, work, body.sender_gone())

    async def websocket(self, route: Route, target: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a `websocket` scope on, of which nothing was received yet."""
        from hotchannel.devserver.upstream import Tunnel

        await receive()
        if await self._refuses("GET", target, scope, send):
            return
        noted = _Noted(send)
        tunnel = Tunnel(self._back_end(route), route.target(target), scope, receive, noted)
        try:
            await self._until_either_ends(scope, noted, tunnel.to_client(), tunnel.to_back_end())
            await tunnel.end(is_closing=self._is_closed)
        finally:
            tunnel.abort()

    async def refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a `websocket` scope, of which nothing was received yet, without a reason."""
        from hotchannel.devserver.upstream import answer

        await receive()
        await answer(scope, send, Refusal(400, "Bad Request"))

    async def close(self) -> None:
        """End what is under way, and let go of all connections."""
        self._is_closed = True
        if self._closing is not None and not self._closing.done():
            self._closing.set_result(None)
        if self._running:
            await asyncio.wait(self._running, timeout=_CLOSE_TIME)
        for back_end in self._back_ends.values():
            await back_end.close()

    async def _refuses(self, method: str, target: str, scope: Scope, send: Send) -> bool:
        from hotchannel.devserver.upstream import answer

        version = scope.get("http_version", "1.1")
        told = _ENDING if self._is_closed else refusal(method, target, scope["headers"], version)
        if told is not None:
            await answer(scope, send, told)
        return told is not None

    def _back_end(self, route: Route) -> BackEnd:
        from hotchannel.devserver.upstream import BackEnd

        return self._back_ends.setdefault(route.key, BackEnd(route))

    async def _until_either_ends(
        self, scope: Scope, send: _Noted, work: Coroutine[Any, Any, None], gone: Coroutine[Any, Any, None]
    ) -> None:
        """Run both until one of them ends, or the server does."""
        from hotchannel.devserver.upstream import answer

        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_future()
        if (task := asyncio.current_task()) is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        parts = [asyncio.ensure_future(work), asyncio.ensure_future(gone)]
        try:
            await asyncio.wait([*parts, self._closing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            ended = await asyncio.gather(*parts, return_exceptions=True)
        for error in ended:
            # The client may be gone in the middle of a `send` or `receive`: then nobody is left to tell.
            if isinstance(error, Exception) and not isinstance(error, OSError):
                raise error
        if self._is_closed and not send.used:
            await answer(scope, send, _ENDING)
