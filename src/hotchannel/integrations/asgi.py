"""hotchannel for any ASGI application, as middleware.

    app.add_middleware(HotChannelMiddleware)          # Starlette, FastAPI
    app = HotChannelMiddleware(app, static={"/static": "static"})

Role: translates between ASGI and `Host`, and decides nothing. Nothing begins before the first request, and
nothing at all where hotchannel is off: then the application is called as if this were not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from hotchannel.devserver.http import PASS, Request, Response
from hotchannel.integrations.applications import find_application, is_debug, static_folders
from hotchannel.integrations.asgi_worker import AsgiWorker, server_of
from hotchannel.integrations.exchange import (
    FETCHED,
    MAX_PAGE,
    Headers,
    Visit,
    changed_page,
    failure_page,
    is_page,
)
from hotchannel.integrations.middleware import Middleware
from hotchannel.integrations.tracebacks import error_detail
from hotchannel.websocket.asgi import below_root, root_of, target_of
from hotchannel.websocket.handshake import HandshakeRequest
from hotchannel.websocket.transports import shown_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.integrations.settings import Arguments
    from hotchannel.integrations.worker import Hot, Worker
    from hotchannel.websocket.asgi import AsgiApp, Message, Receive, Scope, Send
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["HotChannelMiddleware"]


class HotChannelMiddleware(Middleware):
    """Makes an ASGI application hot; its debug switch is `app.debug`, its static files `StaticFiles` mounts.

    Args:
        app: the application.
        arguments: see `Arguments`.

    Raises:
        OptionError: a setting has a wrong name or value.
    """

    debug_switch = "`debug=True` in the application"

    waits_for_pages = False
    """Whether a page whose length is not known is waited for too, and so gets the client."""

    def __init__(self, app: AsgiApp, **arguments: Unpack[Arguments]) -> None:
        super().__init__(**arguments)
        self.app = app
        self._is_on: bool | None = None
        self._worker = AsgiWorker(app, self._make)
        self._has_shown_page = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if self._is_on is None:
            self._is_on = self.is_on(is_debug(find_application(self.app, scope)))
        if not self._is_on:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._worker.websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._worker.lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _make(self, scope: Scope) -> Worker:
        static = static_folders(find_application(self.app, scope))
        return self.make_worker(server_of(scope), static, shares_port=True, base=f"{root_of(scope)}/")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = await self._worker.hot(scope)
        below = below_root(scope)
        path = below["path"]
        if host.concerns(path, _header(scope, b"accept") if path == "/" else ""):
            head, request = _head(below)
            response = await host.respond(head, request, shown_address(scope.get("client")))
            if response is not PASS:
                await _respond(response, scope["method"], send)
                return
        answer = _Answer(self, host, scope, path, send)
        if "text/html" in _header(scope, b"accept"):
            # A save that comes while the page is made is not in it for sure.
            answer.position = await host.position()
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:
            if getattr(error, "status_code", 500) >= 500:
                await answer.failed(error_detail(error, self.settings.project))
            raise
        finally:
            await answer.flush()

    def page_made(self, host: Hot) -> None:
        """A page was made: by now there is an environment of templates, if the application has one."""
        if self._has_shown_page:
            return
        self._has_shown_page = True
        folders = self.template_folders()
        if self.settings.templates is None:
            host.watch_templates(folders)


class _Answer:
    """What the application sends; pages get the client on their way."""

    __slots__ = (
        "_body",
        "_held",
        "_host",
        "_is_sent",
        "_middleware",
        "_path",
        "_prefix",
        "_scope",
        "_send",
        "_start",
        "position",
    )

    def __init__(
        self, middleware: HotChannelMiddleware, host: Hot, scope: Scope, path: str, send: Send
    ) -> None:
        self._middleware = middleware
        self._host = host
        self._scope = scope
        # Routers change the scope that they get.
        self._path = path
        self._prefix = root_of(scope)
        self.position = ""
        self._send = send
        self._held: list[Message] = []
        self._start: Message | None = None
        self._body: list[bytes] = []
        self._is_sent = False

    async def send(self, message: Message) -> None:
        """Take a message of the application's."""
        if message["type"] == "http.response.start":
            self._is_sent = True
            # Most answers are none of this, and are not made to wait for more than these two questions.
            if message["status"] >= 500:
                await self._hold(message)
                return
            if self._host.failing:
                self._host.succeeded(self._visit().source)
            if self._is_page(message):
                # What becomes of its headers, the text says.
                self._start = message
                return
        elif self._held:
            self._held.append(message)
            return
        elif self._start is not None:
            if message["type"] == "http.response.body":
                await self._page(message)
                return
            # The server sends a file by itself (`http.response.pathsend`), whatever is in it.
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    async def flush(self) -> None:
        """The application has ended: what was held back goes out."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)

    async def _hold(self, start: Message) -> None:
        """Begin an answer that says that something went wrong; what it was is raised only behind it."""
        if self._is_page(start):
            self._start = start
        elif self._visit().navigates:
            self._held.append(start)
        else:
            await self._send(start)

    def _is_page(self, start: Message) -> bool:
        # The first question is asked of every answer, the second of few.
        return _is_html(start) and is_page(self._scope["method"], start["status"], _fields(start))

    async def failed(self, detail: ErrorDetail) -> None:
        """The application has raised: say so in the pages, and to who waits for this one."""
        visit = self._visit()
        self._host.failed(visit.source, detail)
        if (self._is_sent and not self._held) or not visit.navigates:
            return
        self._held.clear()
        body = failure_page(detail).encode()
        headers: Headers = [("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store")]
        self._start = {"type": "http.response.start", "status": 500, "headers": _raw(headers)}
        self._is_sent = True
        await self._page({"type": "http.response.body", "body": body})

    def _visit(self) -> Visit:
        scope = self._scope
        return Visit(
            method=scope["method"],
            path=self._path,
            query=scope["query_string"].decode("latin-1"),
            scheme=scope["scheme"],
            host=_header(scope, b"host"),
            accept=_header(scope, b"accept"),
            is_fetched=bool(_header(scope, _FETCHED)),
            server=server_of(scope),
            prefix=self._prefix,
            position=self.position,
        )

    async def _page(self, message: Message) -> None:
        assert self._start is not None  # asked by whoever calls
        start, has_more = self._start, message.get("more_body", False)
        self._body.append(message.get("body", b""))
        fields = _fields(start)
        waits = self._middleware.waits_for_pages or "content-length" in dict(fields)
        if has_more and waits and sum(map(len, self._body)) <= MAX_PAGE:
            return
        self._start = None
        body, self._body = b"".join(self._body), []
        # Without a length it is a stream, which nobody wants to wait for the end of.
        sent = None if has_more else await self._changed(start["status"], fields, body)
        if sent is None:
            await self._send(start)
            await self._send({**message, "body": body})
            return
        headers, body = sent
        await self._send({**start, "headers": _raw(headers)})
        await self._send({"type": "http.response.body", "body": body})

    async def _changed(self, status: int, fields: Headers, body: bytes) -> tuple[Headers, bytes] | None:
        self._middleware.page_made(self._host)
        return await changed_page(self._host, self._visit(), status, fields, body)


def _is_html(message: Message) -> bool:
    for name, value in message.get("headers", ()):
        if name.lower() == b"content-type":
            return bool(value[:9].lower() == b"text/html")
    return False


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return ""


_FETCHED = FETCHED.encode()


def _head(scope: Scope) -> tuple[HandshakeRequest, Request]:
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    method, target = scope["method"], target_of(scope)
    return HandshakeRequest(method, target, fields), Request(method, target, dict(fields))


def _fields(message: Message) -> Headers:
    pairs: Iterable[tuple[bytes, bytes]] = message.get("headers", ())
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs]


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _respond(response: Response, method: str, send: Send) -> None:
    body = response.body
    assert isinstance(body, bytes), "only what is compiled is answered here"
    fields = {**response.headers, "content-length": str(len(body))}
    if response.status in (204, 304):
        del fields["content-length"]
    await send(
        {"type": "http.response.start", "status": response.status, "headers": _raw(list(fields.items()))}
    )
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
