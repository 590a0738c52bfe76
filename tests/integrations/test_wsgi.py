"""The WSGI middleware, called as a server calls it (PEP 3333)."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest

import hotchannel
from hotchannel.integrations.wsgi import HotChannelMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PAGE = b"<!doctype html><html><head><title>T</title></head><body>page</body></html>"
HTML = ("Content-Type", "text/html; charset=utf-8")


class Server:
    """Calls an application once, and keeps what it said."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.status = ""
        self.headers: dict[str, str] = {}
        self.starts = 0
        self.errors = io.StringIO()

    def get(self, path: str = "/", **environ: Any) -> bytes:
        self.starts = 0
        given = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "HTTP_HOST": "localhost:8000",
            "HTTP_ACCEPT": "text/html",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.errors": self.errors,
            **environ,
        }
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self.starts += 1
            self.status = status
            self.headers = {name.lower(): value for name, value in headers}
            return written.append

        body = self.app(given, start_response)
        try:
            return b"".join([*written, *body])
        finally:
            if hasattr(body, "close"):
                body.close()


@pytest.fixture
def hot(site: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Server]:
    """Put the middleware around an application."""
    monkeypatch.chdir(site)
    (site / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(site / "run"))

    def wrap(app: Any) -> Server:
        static = {"/static": "static"}
        return Server(HotChannelMiddleware(app, enabled=True, static=static, templates=[], ws={"port": 0}))

    return wrap


def listed(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [HTML])
    return [PAGE]


def in_pieces(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [HTML, ("Content-Length", str(len(PAGE)))])
    yield PAGE[:20]
    yield PAGE[20:]


def written(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [HTML])(PAGE)
    return []


@pytest.mark.parametrize("app", [listed, in_pieces, written], ids=lambda app: app.__name__)
def test_a_page_gets_the_client(hot: Callable[[Any], Server], app: Any) -> None:
    server = hot(app)
    body = server.get()
    assert body.count(b'src="/@vite/client"') == 1
    assert server.headers["content-length"] == str(len(body))
    assert server.starts == 1


def streamed(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [HTML])
    yield PAGE[:20]
    yield PAGE[20:]


def encoded(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [HTML, ("Content-Encoding", "gzip")])
    return [PAGE]


def data(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


def fragment(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [HTML, ("ETag", '"1"')])
    return [b"<p>part</p>"]


def partial(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("206 Partial Content", [HTML, ("Content-Range", "bytes 0-1/2")])
    return [PAGE]


def ebcdic(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-16")])
    return [PAGE.decode().encode("utf-16")]


@pytest.mark.parametrize(
    "app", [streamed, encoded, data, fragment, partial, ebcdic], ids=lambda app: app.__name__
)
def test_all_else_is_left_as_it_is(hot: Callable[[Any], Server], app: Any) -> None:
    plain, changed = Server(app), hot(app)
    assert changed.get() == plain.get()
    assert (changed.status, changed.headers) == (plain.status, plain.headers)


def test_below_a_prefix_the_page_names_what_is_answered(hot: Callable[[Any], Server]) -> None:
    server = hot(listed)
    assert b'src="/app/@vite/client"' in server.get("/", SCRIPT_NAME="/app")
    client = server.get("/@vite/client", SCRIPT_NAME="/app")
    assert b'base = "/app/"' in client
    assert b'wsBase = "/"' in client, "the channel has a port of its own"
    script = {"HTTP_SEC_FETCH_DEST": "script", "HTTP_SEC_FETCH_MODE": "cors"}
    module = server.get("/static/main.js", SCRIPT_NAME="/app", **script)
    assert b'from "/app/@vite/client"' in module
    assert b'import "/app/static/dep.js"' in module


def test_what_is_sent_while_a_page_is_made_is_not_taken_to_be_in_it(hot: Callable[[Any], Server]) -> None:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        hotchannel.get_channel().send("saved", 1)
        return listed(environ, start_response)

    server = hot(application)
    for sent_before in range(3):
        assert b':%d" data-page=' % sent_before in server.get()


def test_modules_are_answered_and_pictures_are_not(hot: Callable[[Any], Server]) -> None:
    server = hot(data)
    assert b"createHotContext" in server.get("/static/main.js", HTTP_SEC_FETCH_DEST="script")
    assert b"wsToken" in server.get("/@vite/client")
    assert server.get("/static/logo.svg", HTTP_SEC_FETCH_DEST="image") == b"{}"
    server.get("/", HTTP_ACCEPT="text/x-vite-ping")
    assert server.status == "204 No Content"


def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/boom":
        raise ZeroDivisionError("division by zero")
    return listed(environ, start_response)


def test_an_exception_is_a_page_that_says_so(hot: Callable[[Any], Server]) -> None:
    server = hot(raising)
    body = server.get("/boom")
    assert server.status.startswith("500")
    assert b"ZeroDivisionError" in body
    assert b'data-failed="500"' in body
    assert "ZeroDivisionError" in server.errors.getvalue()
    with pytest.raises(ZeroDivisionError):
        server.get("/boom", HTTP_ACCEPT="application/json")


def test_off_means_that_the_application_is_called_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTCHANNEL", "0")
    threads = threading.active_count()
    for middleware in (HotChannelMiddleware(streamed), HotChannelMiddleware(streamed, enabled=False)):
        assert Server(middleware).get() == PAGE
    assert threading.active_count() == threads
