"""hotchannel for any WSGI application, as middleware.

    app = HotChannelMiddleware(app, enabled=True, static={"/static": "static"})

Role: translates between WSGI (PEP 3333) and `Host`, and decides nothing. WSGI knows no WebSockets: the
channel has a port of its own, 24678 or the next that is free. Nothing begins before the first request, and
nothing at all where hotchannel is off.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from hotchannel.devserver.http import PASS, Request, Response
from hotchannel.integrations.background import Background
from hotchannel.integrations.exchange import FETCHED, Headers, Visit, changed_page, failure_page, is_page
from hotchannel.integrations.middleware import Middleware
from hotchannel.integrations.tracebacks import error_detail
from hotchannel.integrations.werkzeug import on_debugger_page
from hotchannel.modules.urls import request_target
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hotchannel.integrations.settings import Arguments
    from hotchannel.integrations.worker import Worker
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["ERROR_KEY", "HotChannelMiddleware"]

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = "Callable[..., Callable[[bytes], object]]"
WsgiApp: TypeAlias = "Callable[[Environ, StartResponse], Iterable[bytes]]"

ERROR_KEY = "hotchannel.error"
"""Where a framework's adapter leaves the exception that the framework has made an answer of."""

_DEBUGGER_KEY = "werkzeug.debug.preserve_context"
"""Set by Werkzeug's debugger, which makes an answer of what is raised."""


class HotChannelMiddleware(Middleware):
    """Makes a WSGI application hot; WSGI has no debug switch, and tells of no static files.

    Args:
        app: the application.
        arguments: see `Arguments`.

    Raises:
        OptionError: a setting has a wrong name or value.
    """

    def __init__(self, app: WsgiApp, **arguments: Unpack[Arguments]) -> None:
        super().__init__(**arguments)
        self.app = app
        self._base = "/"
        self._background = Background(self._make)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not self.is_on(self.is_debug()):
            return self.app(environ, start_response)
        visit = _visit(environ)
        self._base = f"{visit.prefix}/"
        if self._background.hot(visit.server).concerns(visit.path, visit.accept):
            head, request = _head(environ, visit)
            address = f"{environ.get('REMOTE_ADDR', '')}:{environ.get('REMOTE_PORT', '')}"
            response = self._background.call(visit.server, lambda host: host.respond(head, request, address))
            if response is not PASS:
                return _respond(response, visit.method, start_response)
        if visit.navigates:
            # A save that comes while the page is made is not in it for sure.
            position = self._background.call(visit.server, lambda host: host.position())
            visit = replace(visit, position=position)
        answer = _Answer(visit, self._background, start_response)
        try:
            made = answer.of(self.app(environ, answer.start))
        except Exception as error:
            detail = error_detail(error, self.settings.project)
            self._background.failed(visit, detail)
            if answer.is_started or not visit.navigates:
                raise
            if _DEBUGGER_KEY in environ:
                on_debugger_page(answer.changed)
                raise
            environ["wsgi.errors"].write(traceback.format_exc())
            return answer.failed(detail)
        if (raised := environ.get(ERROR_KEY)) is not None:
            detail = error_detail(raised, self.settings.project)
            self._background.failed(visit, detail)
        return made

    def _make(self, server: str) -> Worker:
        return self.make_worker(server, self.static_folders(), shares_port=False, base=self._base)

    # What a framework knows better.

    def is_debug(self) -> bool:
        """Tell whether the framework's debug switch is on."""
        return False

    def static_folders(self) -> Iterable[tuple[str, str]]:
        """Return pairs of URL prefix and folder."""
        return ()


@dataclass(slots=True)
class _Answer:
    """What the application sends; pages get the client on their way."""

    visit: Visit
    background: Background
    start_response: StartResponse
    is_started: bool = False
    _page: tuple[str, list[tuple[str, str]]] | None = None
    _written: list[bytes] = field(default_factory=list)

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """The application's `start_response`: what is no page goes on at once."""
        code = int(status[:3])
        if code < 500:
            self.background.succeeded(self.visit)
        if is_page(self.visit.method, code, _fields(headers)):
            self._page = (status, headers)
            return self._written.append
        self._page = None
        self.is_started = True
        return self.start_response(status, headers, *(() if exc_info is None else (exc_info,)))

    def of(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body that is sent for the one that the application has made."""
        if self.is_started:
            return body
        parts = iter(body)
        # A generator says what it answers only now.
        first = [] if self._page is not None else [part for part in (next(parts, None),) if part is not None]
        if self._page is None:
            return _Rest(first, parts, body)
        status, headers = self._page
        is_whole = isinstance(body, (list, tuple)) or "content-length" in dict(_fields(headers))
        if not is_whole:
            self._send(status, headers)
            return _Rest([*self._written, *first], parts, body)
        try:
            text = b"".join([*self._written, *first, *parts])
        finally:
            if hasattr(body, "close"):
                body.close()
        return [self._made(status, headers, text)]

    def failed(self, detail: ErrorDetail) -> Iterable[bytes]:
        """Answer in place of an application that has raised."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        return [self._made("500 Internal Server Error", headers, failure_page(detail).encode())]

    def changed(self, page: str) -> str:
        """Return the page of a debugger with the client in it."""
        headers = [("content-type", "text/html; charset=utf-8")]
        sent = self._change(500, headers, page.encode())
        return page if sent is None else sent[1].decode()

    def _made(self, status: str, headers: list[tuple[str, str]], text: bytes) -> bytes:
        sent = self._change(int(status[:3]), _fields(headers), text)
        if sent is None:
            self._send(status, headers)
            return text
        self._send(status, sent[0])
        return sent[1]

    def _change(self, status: int, headers: Headers, text: bytes) -> tuple[Headers, bytes] | None:
        return self.background.call(
            self.visit.server, lambda host: changed_page(host, self.visit, status, headers, text)
        )

    def _send(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.is_started = True
        self.start_response(status, headers)


class _Rest:
    """A body whose first parts were taken already."""

    def __init__(self, first: list[bytes], parts: Iterator[bytes], body: Iterable[bytes]) -> None:
        self._first = first
        self._parts = parts
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._first
        yield from self._parts

    def close(self) -> None:
        """Let the application clean up."""
        if hasattr(self._body, "close"):
            self._body.close()


def _visit(environ: Environ) -> Visit:
    prefix = _text(environ.get("SCRIPT_NAME", ""))
    return Visit(
        method=environ["REQUEST_METHOD"],
        path=_text(environ.get("PATH_INFO", "/")),
        query=environ.get("QUERY_STRING", ""),
        scheme=environ.get("wsgi.url_scheme", "http"),
        host=environ.get("HTTP_HOST", ""),
        accept=environ.get("HTTP_ACCEPT", ""),
        is_fetched=_FETCHED in environ,
        server=f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}",
        prefix=prefix.rstrip("/"),
    )


_FETCHED = "HTTP_" + FETCHED.upper().replace("-", "_")


def _text(value: str) -> str:
    """Return a path as text: WSGI has bytes in it, each a character (PEP 3333, "Unicode Issues")."""
    return value.encode("latin-1").decode(errors="replace")


def _head(environ: Environ, visit: Visit) -> tuple[HandshakeRequest, Request]:
    fields = {
        name[5:].lower().replace("_", "-"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    target = request_target(visit.path, visit.query)
    return HandshakeRequest(visit.method, target, tuple(fields.items())), Request(
        visit.method, target, fields
    )


def _fields(headers: list[tuple[str, str]]) -> Headers:
    return [(name.lower(), value) for name, value in headers]


def _respond(response: Response, method: str, start_response: StartResponse) -> Iterable[bytes]:
    body = response.body
    assert isinstance(body, bytes), "only what is compiled is answered here"
    headers = list(response.headers.items())
    if response.status not in (204, 304):
        headers.append(("content-length", str(len(body))))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    return [] if method == "HEAD" else [body]
