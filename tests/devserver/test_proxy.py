"""Requests and WebSockets that back ends answer: what goes there, what comes back, and what never does."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from attacks.handshakes import ACCEPTED, ELSEWHERE, REFUSED, TOKEN, head
from hotchannel.cli.config import build_options, load
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.proxy import Routes, close_code, request_headers, response_headers
from hotchannel.devserver.upstream import BackEnd
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import DevOptions, ProxyOptions, WsOptions
from hotchannel.websocket.handshake import HandshakeRequest
from support.asgi_servers import PATIENCE, AsgiKind, serve, serve_uvicorn
from support.entrances import ASGI_KINDS, Peer, certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

    from support.project import StartProject

OWN = ("/@vite/", "/__open-in-editor")


# Which requests.


TABLE = {
    "/api": "http://short",
    "/api/v2": "http://long",
    "/tree/": "http://tree",
    "^/(img|css)/.*[.]gen": "http://generated",
    "^/api/v2/special$": "http://special",
}


@pytest.mark.parametrize(
    ("target", "host"),
    [
        pytest.param("/api", "short", id="itself"),
        pytest.param("/api/x", "short", id="below"),
        pytest.param("/api/", "short", id="slash"),
        pytest.param("/api?x", "short", id="query"),
        pytest.param("/apix", None, id="longer-word"),
        pytest.param("/api.js", None, id="suffix"),
        pytest.param("/API", None, id="capitals"),
        pytest.param("/x/api", None, id="not-at-the-start"),
        pytest.param("/x?/api", None, id="in-the-query"),
        pytest.param("/%61pi/x", None, id="encoded"),
        pytest.param("//api/x", None, id="two-slashes"),
        pytest.param("/api/v2", "long", id="longest"),
        pytest.param("/api/v2/x", "long", id="below-the-longest"),
        pytest.param("/api/v22", "short", id="longest-ends-at-a-boundary"),
        pytest.param("/tree/x", "tree", id="key-with-slash"),
        pytest.param("/tree", None, id="key-with-slash-needs-one"),
        pytest.param("/img/a.gen?v", "generated", id="expression"),
        pytest.param("/x/img/a.gen", None, id="expression-from-the-start"),
        pytest.param("/api/v2/special", "special", id="expressions-first"),
        pytest.param("/api/v2/special?x", "long", id="expressions-see-the-query"),
        pytest.param("*", None, id="asterisk"),
        pytest.param("http://api/api", None, id="absolute"),
    ],
)
def test_a_request_goes_to_the_back_end_of_its_path(target: str, host: str | None) -> None:
    route = Routes(TABLE, own=OWN, channel_path="/").find(target)
    assert (route.host if route else None) == host


@pytest.mark.parametrize("target", ["/@vite/client", "/__open-in-editor?file=x"])
@pytest.mark.parametrize("key", ["/", "^.*"])
def test_the_clients_own_paths_are_never_passed_on(key: str, target: str) -> None:
    routes = Routes({key: "http://all"}, own=OWN, channel_path="/")
    assert routes.find(target) is None
    assert routes.find("/x") is not None


@pytest.mark.parametrize(
    ("key", "options", "target", "asked"),
    [
        pytest.param("/api", {}, "/api/x?y=/api", "/api/x?y=/api", id="as-it-is"),
        pytest.param("/api", {"strip_prefix": True}, "/api/x?y=/api", "/x?y=/api", id="stripped"),
        pytest.param("/api", {"strip_prefix": True}, "/api", "/", id="stripped-to-nothing"),
        pytest.param("/api", {"strip_prefix": True}, "/api?y", "/?y", id="stripped-to-a-query"),
        pytest.param("/api/", {"strip_prefix": True}, "/api/x", "/x", id="key-with-slash"),
        pytest.param("/api", {"strip_prefix": True}, "/api//evil/x", "//evil/x", id="two-slashes-stay"),
        pytest.param("^/v[0-9]+", {"strip_prefix": True}, "/v12/x/v1", "/x/v1", id="expression"),
        pytest.param(
            "/api", {"target": "http://b:1/base/"}, "/api/x", "/base/api/x", id="path-of-the-target"
        ),
        pytest.param(
            "/api", {"target": "http://b/base", "strip_prefix": True}, "/api/x", "/base/x", id="both"
        ),
        pytest.param("/api", {}, "/api/a%2Fb%20;c?%zz", "/api/a%2Fb%20;c?%zz", id="nothing-is-decoded"),
    ],
)
def test_what_a_back_end_is_asked_for(key: str, options: Any, target: str, asked: str) -> None:
    routes = Routes({key: ProxyOptions(**{"target": "http://b", **options})}, own=OWN, channel_path="/")
    route = routes.find(target)
    assert route is not None
    assert route.target(target) == asked


@pytest.mark.parametrize(
    ("target", "subprotocols", "is_passed_on"),
    [
        pytest.param("/api/ws", [], True, id="none"),
        pytest.param("/api/ws", ["chat, json"], True, id="its-own"),
        pytest.param("/api/ws", ["vite-hmr"], False, id="ours"),
        pytest.param("/api/ws", ["vite-ping"], False, id="a-ping"),
        pytest.param("/api/ws", ["chat, vite-ping"], False, id="a-ping-in-a-list"),
        pytest.param("/api/ws", ["chat", "vite-hmr"], False, id="ours-in-a-second-header"),
        pytest.param("/api/socket", [], False, id="the-channel's-path"),
        pytest.param("/%61pi/socket?x", [], False, id="the-channel's-path-encoded"),
        pytest.param("/quiet/ws", [], False, id="switched-off"),
        pytest.param("/x", [], False, id="nobody's"),
    ],
)
def test_which_websockets_are_passed_on(target: str, subprotocols: list[str], is_passed_on: bool) -> None:
    table: Any = {
        "^/%61pi": "http://b",
        "/api": "http://b",
        "/quiet": ProxyOptions(target="http://b", ws=False),
    }
    routes = Routes(table, own=OWN, channel_path="/api/socket")
    headers = tuple(("sec-websocket-protocol", value) for value in subprotocols)
    assert (routes.find_for_upgrade(HandshakeRequest("GET", target, headers)) is not None) == is_passed_on


# Headers.


def sent(got: list[tuple[bytes, bytes]], client: str = "10.0.0.1", **options: Any) -> dict[str, str]:
    """What a back end gets, its own name being `b:1`."""
    routes = Routes({"/": ProxyOptions(target="http://b:1", **options)}, own=OWN, channel_path="/")
    route = routes.find("/x")
    assert route is not None
    passed = request_headers([(b"host", b"here:5173"), *got], route, client=client, scheme="https")
    fields = {name.decode(): value.decode("latin-1") for name, value in passed}
    assert len(fields) == len(passed)
    return fields


FORWARDED = {
    "host": "here:5173",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "here:5173",
    "x-forwarded-for": "10.0.0.1",
}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"connection", b"close"), (b"keep-alive", b"1")], id="hop-by-hop"),
        pytest.param([(b"connection", b"X-A, x-b"), (b"x-a", b"1"), (b"x-b", b"1")], id="named"),
        pytest.param([(b"connection", b"host, X-Forwarded-For,x-forwarded-host")], id="named-of-ours"),
        pytest.param([(b"te", b"trailers"), (b"trailer", b"x"), (b"upgrade", b"h2c")], id="other-hops"),
        pytest.param([(b"transfer-encoding", b"chunked"), (b"content-length", b"5")], id="framing"),
        pytest.param([(b"proxy-authorization", b"x"), (b"proxy-connection", b"x")], id="proxy"),
        pytest.param([(b"x-forwarded-for", b"127.0.0.1"), (b"forwarded", b"for=x")], id="forwarded"),
        pytest.param([(b"x_forwarded_for", b"127.0.0.1"), (b"x-real-ip", b"1")], id="forwarded-in-disguise"),
        pytest.param([(b"x-forwarded-prefix", b"/x"), (b"x-forwarded-port", b"1")], id="all-forwarded"),
        pytest.param([(b"expect", b"100-continue")], id="expect"),
    ],
)
def test_headers_that_stay_here(headers: list[tuple[bytes, bytes]]) -> None:
    assert sent(headers) == FORWARDED


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"change_origin": True}, {"host": "b:1"}, id="change_origin"),
        pytest.param({"headers": {"X-Key": "é"}}, {"x-key": "é"}, id="further"),
        pytest.param({"headers": {"Cookie": "mine"}}, {"cookie": "mine"}, id="replaced"),
        pytest.param({"headers": {"Host": "other"}}, {"host": "other"}, id="host"),
    ],
)
def test_options_of_headers(options: Any, expected: dict[str, str]) -> None:
    got = sent([(b"cookie", b"a"), (b"origin", b"http://x")], **options)
    assert got == {**FORWARDED, "cookie": "a", "origin": "http://x", **expected}


@pytest.mark.parametrize("client", ["", "a, b", "1\r\nX: y", "[::1]"])
def test_a_client_of_no_address_is_not_told(client: str) -> None:
    assert "x-forwarded-for" not in sent([], client)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        pytest.param(200, [(b"X-A", b"1"), (b"x-a", b"2")], [(b"x-a", b"1"), (b"x-a", b"2")], id="several"),
        pytest.param(200, [(b"Connection", b"x-a"), (b"X-A", b"1"), (b"Keep-Alive", b"1")], [], id="hops"),
        pytest.param(200, [(b"Date", b"now")], [], id="dated-by-the-server"),
        pytest.param(200, [(b"content-length", b"5")], [(b"content-length", b"5")], id="length"),
        pytest.param(
            200, [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")], [], id="two-lengths"
        ),
        pytest.param(
            200,
            [(b"connection", b"Content-Length, x"), (b"content-length", b"5"), (b"x", b"1")],
            [(b"content-length", b"5")],
            id="the-length-is-no-hop's",
        ),
        pytest.param(304, [(b"content-length", b"5"), (b"etag", b"x")], [(b"etag", b"x")], id="304"),
        pytest.param(204, [(b"content-length", b"0")], [], id="204"),
        pytest.param(101, [], None, id="101"),
        pytest.param(999, [], None, id="999"),
        pytest.param(200, [(b"x", b"a\x01b")], None, id="control-character"),
    ],
)
def test_headers_of_an_answer(status: int, headers: Any, expected: Any) -> None:
    assert response_headers(status, headers) == expected


@pytest.mark.parametrize(
    ("code", "told"),
    [
        *[(None, 1000), (1000, 1000), (1001, 1001), (1004, 99), (1005, 1000), (1006, 99), (1011, 1011)],
        *[(1014, 1014), (1015, 99), (2999, 99), (3000, 3000), (4999, 4999), (5000, 99)],
    ],
)
def test_close_codes(code: int | None, told: int) -> None:
    assert close_code(code, lost=99) == told


# Options.


@pytest.mark.parametrize(
    ("key", "back_end"),
    [
        pytest.param("api", "http://b", id="no-slash"),
        pytest.param("/a?b", "http://b", id="query-in-key"),
        pytest.param("^(", "http://b", id="expression"),
        pytest.param("/a", "b:8000", id="no-scheme"),
        pytest.param("/a", "ftp://b", id="scheme"),
        pytest.param("/a", "http://", id="no-host"),
        pytest.param("/a", "http://user:secret@b", id="credentials"),
        pytest.param("/a", "http://b:99999", id="port"),
        pytest.param("/a", "http://b/?x", id="query"),
        pytest.param("/a", "http://b\r\nX: y", id="two-lines"),
        pytest.param("/a", 8000, id="number"),
        pytest.param("/a", {"target": "http://b", "headers": {"A B": "c"}}, id="header-name"),
        pytest.param("/a", {"target": "http://b", "headers": {"A": "b\r\nc: d"}}, id="header-value"),
        pytest.param("/a", {"target": "http://b", "headers": {"Content-Length": "1"}}, id="framing"),
        pytest.param("/a", {"target": "http://b", "strip_prefx": True}, id="name"),
        pytest.param("/a", {"target": "http://b", "ws": "yes"}, id="type"),
        pytest.param("/a", {"ws": True}, id="no-target"),
    ],
)
def test_wrong_options(key: str, back_end: Any) -> None:
    with pytest.raises(OptionError):
        build_options({"proxy": {key: back_end}})


def test_the_table_of_a_file_and_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "hotchannel.toml").write_text(
        '[proxy]\n"/a" = "http://file"\n"/b" = "http://file"\n'
        '[proxy."/c"]\ntarget = "wss://file:1/x"\nstrip_prefix = true\nchange_origin = true\n'
        'headers = { X-Key = "1" }\n'
    )
    arguments = {"proxy": ("/b=http://line", "^/x=y/.*=https://line:1")}
    assert load(tmp_path, tmp_path, arguments).proxy == {
        "/a": "http://file",
        "/b": "http://line",
        "^/x=y/.*": "https://line:1",
        "/c": ProxyOptions(
            target="wss://file:1/x", strip_prefix=True, change_origin=True, headers={"X-Key": "1"}
        ),
    }
    assert len(load(tmp_path, tmp_path, {"proxy": ()}).proxy) == 3


@pytest.mark.parametrize("value", ["/api", "/api=8000", "=http://b", "http://b"])
def test_an_argument_that_names_no_back_end(tmp_path: Path, value: str) -> None:
    with pytest.raises(OptionError, match=r"/api=http://127\.0"):
        load(tmp_path, tmp_path, {"proxy": (value,)})


def test_the_error_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotchannel.devserver.proxy.find_spec", lambda _: None)
    with pytest.raises(HotChannelError, match=r'pip install "hotchannel\[proxy\]"'):
        DevServer(tmp_path, DevOptions(proxy={"/api": "http://b"}))


@pytest.mark.parametrize(
    ("proxy", "unwanted"),
    [
        pytest.param({}, ["httpx", "hotchannel.devserver.upstream"], id="without"),
        pytest.param({"/api": "http://b"}, ["httpx"], id="with"),
    ],
)
def test_a_start_loads_no_more_than_it_needs(tmp_path: Path, proxy: Any, unwanted: list[str]) -> None:
    code = (
        "import sys; from hotchannel import DevServer, DevOptions;"
        f"DevServer({str(tmp_path)!r}, DevOptions(proxy={proxy!r}));"
        f"print(*[name for name in {unwanted!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


# Running servers.

PROTOCOL = "Sec-WebSocket-Protocol"


class Asked:
    """What a back end was asked, and what it saw end."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()
        self.gone = asyncio.Event()


Handler: TypeAlias = "Callable[[Asked, Any, Any, Any], Awaitable[None]]"


async def whole_body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def respond(send: Any, body: bytes = b"", *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body that it was sent."""
    body = await whole_body(receive)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    target = scope["raw_path"].decode() + (f"?{query}" if query else "")
    asked.requests.append((scope["method"], target, headers, body))
    await respond(send, body)


@contextlib.asynccontextmanager
async def back_end(handler: Handler) -> AsyncIterator[tuple[str, Asked]]:
    """A back end on a free port; gives its URL."""
    asked = Asked()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(asked, scope, receive, send)

    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    async with serve_uvicorn(uvicorn.Server(config)) as port:
        yield f"http://127.0.0.1:{port}", asked


@contextlib.asynccontextmanager
async def raw_back_end(answers: Mapping[str, bytes]) -> AsyncIterator[str]:
    """A back end that says these bytes to requests of these paths, and hangs up."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            line = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
            writer.write(answers[line.split()[1].decode()])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def served(
    folder: Path, back_end: str | ProxyOptions, **options: Any
) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """A dev server whose `/api` is the back end's; gives its port, and a client of it."""
    async with DevServer(folder, DevOptions(port=0, proxy={"/api": back_end}, **options)) as server:
        base_url = f"http://localhost:{server.port}"
        async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as browser:
            yield server.port, browser


async def raw(port: int, data: bytes) -> bytes:
    """Everything that comes back to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read(-1)
    writer.close()
    return answer


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the proxy has logged; nothing of it, and of others, is a traceback."""
    assert not [record for record in caplog.records if record.exc_info]
    return [record.getMessage() for record in caplog.records if record.name == "hotchannel.proxy"]


# HTTP.


async def test_every_method_is_passed_on(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with back_end(echo) as (url, asked), served(tmp_path, url) as (port, browser):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for body in (b"", b"body"):
                with subtests.test(method, body=body):
                    # A preflight, as far as the site is concerned; but it is not asked.
                    headers = {"Origin": "http://x", "Access-Control-Request-Method": "PUT"}
                    answer = await browser.request(method, "/api/x?y", content=body, headers=headers)
                    assert answer.status_code == 200
                    assert answer.content == (b"" if method == "HEAD" else body)
                    asked_method, target, got, asked_body = asked.requests.pop()
                    assert (asked_method, target, asked_body) == (method, "/api/x?y", body)
                    assert "transfer-encoding" not in got
                    assert got["host"] == got["x-forwarded-host"] == f"localhost:{port}"
                    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")
        assert asked.requests == []


PACKED = gzip.compress(b"text" * 1000)
ANSWERS = {
    "length": (201, b"Content-Length: 2\r\n\r\nok", b"ok"),
    "until-closed": (200, b"\r\nto the end", b"to the end"),
    "chunks": (200, b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    "204": (204, b"\r\n", b""),
    "304": (304, b"Content-Length: 9\r\nETag: x\r\n\r\n", b""),
    "redirect": (302, b"Location: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", b""),
    "404": (404, b"Content-Length: 1\r\n\r\nx", b"x"),
    "500": (500, b"Content-Length: 1\r\n\r\nx", b"x"),
    "gzip": (200, b"Content-Encoding: gzip\r\n\r\n" + PACKED, PACKED),
    "text": (200, b"Content-Type: text/plain\r\n\r\n" + b"text" * 1000, b"text" * 1000),
}


async def test_answers_come_back_as_they_are(tmp_path: Path, subtests: pytest.Subtests) -> None:
    cookies = b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nAccess-Control-Allow-Origin: http://x\r\n"
    said = {
        f"/api/{name}": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 %d Status\r\n" % status + cookies + rest
        for name, (status, rest, _) in ANSWERS.items()
    }
    async with raw_back_end(said) as url:
        options: Any = {"headers": {"X-Mine": "yes"}, "compress": True}
        async with served(tmp_path, url, **options) as (_, browser):
            for name, (status, _, body) in ANSWERS.items():
                with subtests.test(name):
                    async with browser.stream("GET", f"/api/{name}") as got:
                        assert b"".join([chunk async for chunk in got.aiter_raw()]) == body
                    assert got.status_code == status
                    assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]
                    # What the site says of its own answers, it does not say of others'.
                    assert got.headers["access-control-allow-origin"] == "http://x"
                    ours = {"x-mine", "cross-origin-resource-policy", "x-content-type-options", "vary"}
                    assert not ours & set(got.headers)
                    assert len(got.headers.get_list("date")) == 1


async def test_the_length_of_an_answer_to_head_is_that_of_the_back_end(tmp_path: Path) -> None:
    said = {"/api": b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"}
    async with raw_back_end(said) as url, served(tmp_path, url) as (_, browser):
        answer = await browser.head("/api")
    assert (answer.headers["content-length"], answer.content) == ("12345", b"")


async def test_a_body_is_passed_on_while_it_comes(tmp_path: Path) -> None:
    async def upload(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
        seen = (await receive())["body"]
        asked.came.set()
        await respond(send, seen + await whole_body(receive))

    async with back_end(upload) as (url, asked), served(tmp_path, url) as (_, browser):

        async def chunks() -> AsyncIterator[bytes]:
            yield b"one "
            # The second piece comes only when the first has arrived.
            await asked.came.wait()
            yield b"two"

        assert (await browser.post("/api", content=chunks())).content == b"one two"
        assert len((await browser.post("/api", content=b"x" * 3_000_000)).content) == 3_000_000


async def events(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
    """Server-sent events, the second of which waits for leave."""
    await receive()
    start = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    waiting = [asyncio.ensure_future(part) for part in (asked.go_on.wait(), receive())]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for part in pending:
        part.cancel()
    if waiting[1] in done:
        asked.gone.set()
    else:
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})


async def test_events_come_at_once(tmp_path: Path) -> None:
    async with (
        back_end(events) as (url, asked),
        served(tmp_path, url) as (_, browser),
        browser.stream("GET", "/api") as answer,
    ):
        chunks = answer.aiter_raw()
        assert await anext(chunks) == b"data: 1\n\n"
        asked.go_on.set()
        assert await anext(chunks) == b"data: 2\n\n"


async def test_a_client_that_hangs_up_ends_the_request(tmp_path: Path) -> None:
    async with back_end(events) as (url, asked), served(tmp_path, url) as (_, browser):
        async with browser.stream("GET", "/api") as answer:
            await anext(answer.aiter_raw())
        async with asyncio.timeout(PATIENCE):
            await asked.gone.wait()


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"\r\n", id="before the answer"),
        pytest.param(b"Content-Length: 9\r\n\r\nabc", id="in a body of known length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", id="in a chunked body"),
    ],
)
async def test_a_request_that_breaks_off(tmp_path: Path, rest: bytes) -> None:
    async def never(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            assert message["more_body"] == (rest != b"\r\n")
            asked.came.set()
        asked.gone.set()

    async with back_end(never) as (url, asked), served(tmp_path, url) as (port, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api HTTP/1.1\r\nHost: localhost\r\n" + rest)
        async with asyncio.timeout(PATIENCE):
            await asked.came.wait()
            writer.transport.abort()
            await asked.gone.wait()


async def test_the_end_of_the_server_ends_events(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with back_end(events) as (url, asked), httpx.AsyncClient(timeout=PATIENCE) as browser:
        async with DevServer(tmp_path, DevOptions(port=0, proxy={"/api": url})) as server:
            answer = await browser.send(
                browser.build_request("GET", f"{server.local_urls[0]}api"), stream=True
            )
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"data: 1\n\n"
        assert [chunk async for chunk in chunks] == []
        async with asyncio.timeout(PATIENCE):
            await asked.gone.wait()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_end_of_the_server_answers_who_still_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heads: asyncio.Queue[bytes] = asyncio.Queue()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as back, asyncio.timeout(PATIENCE):
        url = f"http://127.0.0.1:{back.sockets[0].getsockname()[1]}"
        async with served(tmp_path, url) as (port, _):
            upgrade = head("GET /api HTTP/1.1", change={PROTOCOL: None})
            asked = [asyncio.create_task(raw(port, data)) for data in (request(GET), upgrade)]
            for _ in asked:
                await heads.get()
        for answer in asyncio.as_completed(asked):
            assert (await answer).startswith(b"HTTP/1.1 503 ")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Back ends in trouble.


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_back_end_that_is_down(tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str) -> None:
    url = f"http://{host}:{closed_port()}"
    async with served(tmp_path, url) as (port, browser):
        answer = await browser.get("/api/x?secret")
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://localhost:{port}/api/ws")
    response = refused.value.response
    for status, body in (
        (answer.status_code, answer.text),
        (response.status_code, bytes(response.body or b"").decode()),
    ):
        assert status == 502
        assert f"{url} is not reachable: Connection refused" in body
        assert "answers /api" in body
    assert lines(caplog)[0] == f"/api/x: {url} is not reachable: Connection refused"


async def test_a_flood_of_failures_is_a_line_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = Routes({"/": "http://b"}, own=OWN, channel_path="/").find("/x")
    assert route is not None
    failing = BackEnd(route)
    for now in (10.0, 10.1, 10.9, 11.0, 11.5, 12.5):
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "time", lambda now=now: now)
            failing.trouble("is down", None, "/\x1b?secret")
    assert lines(caplog) == [
        "/\\x1b: http://b is down",
        "/\\x1b: http://b is down (and 2 more)",
        "/\\x1b: http://b is down (and 1 more)",
    ]


OK = b"HTTP/1.1 200 OK\r\n"
NONSENSE = {
    "nothing": b"",
    "garbage": b"\x16\x03\x01\x00\r\n\r\n",
    "huge-header": OK + b"A: " + b"x" * 200_000 + b"\r\n\r\n",
    "many-headers": OK + b"A: x\r\n" * 50_000 + b"\r\n",
    "two-lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "control": OK + b"A: b\x01\r\nContent-Length: 0\r\n\r\n",
    "folded": OK + b"A: b\r\n\x0bC: d\r\nContent-Length: 0\r\n\r\n",
    "999": b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
}


async def test_a_back_end_that_answers_nonsense(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    said = {f"/api/{name}": data for name, data in NONSENSE.items()}
    async with raw_back_end(said) as url, served(tmp_path, url) as (port, browser):
        for name in NONSENSE:
            with subtests.test(name):
                answer = await browser.get(f"/api/{name}")
                assert (answer.status_code, answer.text.partition("\n")[0].startswith(url)) == (502, True)
                with pytest.raises(InvalidStatus) as refused:
                    await connect(f"ws://localhost:{port}/api/{name}")
                # The answer of a plain 200 is passed on, whatever its headers.
                assert refused.value.response.status_code in (502, 200)
    assert lines(caplog)[0].startswith(f"/api/nothing: {url} did not answer")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"Content-Length: 100\r\n\r\npart", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", id="chunks"),
    ],
)
async def test_an_answer_that_breaks_off_is_not_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, start: bytes
) -> None:
    async with raw_back_end({"/api": OK + start}) as url, served(tmp_path, url) as (_, browser):
        with pytest.raises(httpx.RemoteProtocolError):
            await browser.get("/api")
    assert "broke off in the middle of its answer" in lines(caplog)[0]


# Attacks.


def request(line: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    return (
        "\r\n".join([line, f"Host: {host}", "Connection: close", *headers, "", ""]).encode("latin-1") + body
    )


SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"0\r\n\r\n"
POST = "POST /api HTTP/1.1"
GET = "GET /api HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"

REPELLED = {
    "length and chunks": (request(POST, "Content-Length: 5", CHUNKED, body=LAST + SMUGGLED), 400),
    "chunks and length": (request(POST, CHUNKED, "Content-Length: 5", body=LAST + SMUGGLED), 400),
    "two lengths": (request(POST, "Content-Length: 0", "Content-Length: 50", body=SMUGGLED), 400),
    "xchunked": (request(POST, "Transfer-Encoding: xchunked", body=LAST + SMUGGLED), 400),
    "two codings": (request(POST, CHUNKED, "Transfer-Encoding: x", body=LAST), 400),
    "gzip, chunked": (request(POST, "Transfer-Encoding: gzip, chunked", body=LAST), 501),
    "blank before the colon": (request(POST, "Transfer-Encoding : chunked", body=LAST + SMUGGLED), 400),
    "vertical tab": (request(POST, "Transfer-Encoding:\x0bchunked", body=LAST + SMUGGLED), 400),
    "HTTP/1.0 in chunks": (request("POST /api HTTP/1.0", CHUNKED, body=LAST + SMUGGLED), 400),
    "bare line feed": (request(GET, "A: b\nX-Injected: 1"), 400),
    "bare carriage return": (request(GET, "A: b\rX-Injected: 1"), 400),
    "NUL": (request(GET, "A: b\x00c"), 400),
    "folded line": (request(GET, "A: b", " folded: 1"), 400),
    "malformed subprotocol": (request(GET, "Sec-WebSocket-Protocol: a b"), 400),
    "CONNECT": (request("CONNECT /api HTTP/1.1"), 405),
    "..": (request("GET /api/../admin HTTP/1.1"), 400),
    ".. at the end": (request("GET /api/.. HTTP/1.1"), 400),
    ".. encoded": (request("GET /api/%2e%2E/admin HTTP/1.1"), 400),
    "slashes encoded": (request("GET /api/x%2f..%2fadmin HTTP/1.1"), 400),
    "backslash encoded": (request("GET /api/..%5cadmin HTTP/1.1"), 400),
    ".. with a parameter": (request("GET /api/..;x/admin HTTP/1.1"), 400),
    "two Hosts": (request(GET, "Host: localhost"), 400),
    "no Host": (b"GET /api HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "foreign Host": (request(GET, host="evil.com"), 403),
    "overridden Host": (request(GET, "X-Forwarded-Host: localhost", host="evil.com"), 403),
    "head of 20 kB": (request(GET, "A: " + "x" * 20_000), 431),
}


async def test_requests_that_never_reach_a_back_end(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with back_end(echo) as (url, asked), served(tmp_path, url) as (port, browser):
        for name, (data, status) in REPELLED.items():
            with subtests.test(name):
                answer = await raw(port, data)
                assert answer.startswith(b"HTTP/1.1 %d " % status)
                assert answer.count(b"HTTP/1.1 ") == 1
        assert (await browser.get("/api/next")).status_code == 200
    assert [target for _, target, *_ in asked.requests] == ["/api/next"]


async def test_with_all_hosts_allowed_there_is_still_one(tmp_path: Path, subtests: pytest.Subtests) -> None:
    ws = WsOptions(allowed_hosts=True)
    async with back_end(echo) as (url, asked), served(tmp_path, url, ws=ws) as (port, _):
        for host, status in (("a.com\r\nHost: b.com", 400), ("a.com", 200), ("a b/c@d", 200), ("", 200)):
            with subtests.test(host):
                assert (await raw(port, request(GET, host=host))).startswith(b"HTTP/1.1 %d " % status)
    assert [got["host"] for _, _, got, _ in asked.requests] == ["a.com", "a b/c@d", url.rpartition("/")[2]]


BROKEN_CHUNKS = {
    "size": b"1\r\nx\r\nzz\r\n",
    "too much": b"1\r\nxx\r\n0\r\n\r\n",
    "bare line feeds": b"1\nx\n0\n\n",
    "negative": b"-1\r\nx\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff\r\nx",
}


async def test_chunks_are_made_anew(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async def upload(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                asked.requests.append((scope["method"], "", {}, body))
                await respond(send)
                return

    async with back_end(upload) as (url, asked), served(tmp_path, url) as (port, _):
        for name, chunks in BROKEN_CHUNKS.items():
            with subtests.test(name):
                answer = await raw(port, request(POST, CHUNKED, body=chunks))
                assert answer.startswith(b"HTTP/1.1 400 ")
        whole = b"1;a=b\r\nx\r\n0\r\nTrailer: y\r\n\r\n"
        assert (await raw(port, request(POST, CHUNKED, body=whole))).startswith(b"HTTP/1.1 200 ")
    assert [body for *_, body in asked.requests] == [b"x"]


TARGETS = {
    "http://127.0.0.1:1/api/x?y": "/api/x?y",
    "http://evil.com/api": "/api",
    "/api/@evil.com/": "/api/@evil.com/",
    "/api//evil.com/%2e%2x": "/api//evil.com/%2e%2x",
    "/api/http://evil.com": "/api/http://evil.com",
    "/api/%0d%0aX:%20y?%0d%0a": "/api/%0d%0aX:%20y?%0d%0a",
    "/api/./x": "/api/./x",
    "/api/%252e%252e/x": "/api/%252e%252e/x",
}


async def test_the_target_never_says_where_to(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with back_end(echo) as (url, asked), served(tmp_path, url) as (port, _):
        for target, passed_on in TARGETS.items():
            with subtests.test(target):
                answer = await raw(port, request(f"GET {target} HTTP/1.1"))
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert asked.requests.pop()[1] == passed_on


async def test_a_request_in_a_body_is_a_body(tmp_path: Path) -> None:
    first = request("POST /api/a HTTP/1.1", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED)
    async with back_end(echo) as (url, asked), served(tmp_path, url) as (port, _):
        await raw(port, first.replace(b"Connection: close\r\n", b"") + request("GET /api/b HTTP/1.1"))
    assert [(target, body) for _, target, _, body in asked.requests] == [
        ("/api/a", SMUGGLED),
        ("/api/b", b""),
    ]


# WebSockets.


@contextlib.asynccontextmanager
async def socket_back_end(
    handler: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    """A back end of WebSockets; gives its URL."""
    async with serve_websockets(handler, "127.0.0.1", 0, max_size=None, **options) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def api(port: int, path: str = "/api/ws", **options: Any) -> Any:
    return connect(f"ws://localhost:{port}{path}", max_size=None, **options)


async def test_messages_go_both_ways(tmp_path: Path) -> None:
    asked: list[Any] = []

    async def talk(connection: ServerConnection) -> None:
        asked.append(connection.request)
        async for message in connection:
            await connection.send(message)

    async with (
        socket_back_end(talk, subprotocols=[Subprotocol("second")]) as url,
        served(tmp_path, url) as (port, _),
        api(
            port,
            "/api/ws?a=b",
            subprotocols=[Subprotocol("first"), Subprotocol("second")],
            origin=Origin("http://x"),
            additional_headers={"Cookie": "c=d", "X-Forwarded-For": "evil\t"},
        ) as ours,
        asyncio.timeout(PATIENCE),
    ):
        assert ours.subprotocol == "second"
        for message in ("text", "", "ü\x00", b"\x00\xff", b"", "x" * 2_000_000):
            await ours.send(message)
            assert await ours.recv() == message
    (request_of,) = asked
    assert request_of.path == "/api/ws?a=b"
    fields = [(name.lower(), value) for name, value in request_of.headers.raw_items()]
    got = dict(fields)
    assert len(got) == len(fields)
    assert got["origin"] == "http://x"
    assert got["cookie"] == "c=d"
    assert got["host"] == got["x-forwarded-host"] == f"localhost:{port}"
    assert got["sec-websocket-protocol"] == "first, second"
    assert "sec-websocket-extensions" not in got


@pytest.mark.parametrize(
    ("code", "seen"), [(1000, 1000), (1001, 1001), (1011, 1011), (3000, 3000), (4321, 4321), (None, 1005)]
)
async def test_a_close_code_goes_to_the_back_end(tmp_path: Path, code: Any, seen: int) -> None:
    closed: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.set_result((connection.close_code, connection.close_reason))

    async with socket_back_end(wait) as url, served(tmp_path, url) as (port, _):
        async with api(port) as ours:
            await ours.close(code, "" if code is None else "why")
        async with asyncio.timeout(PATIENCE):
            assert await closed == (seen, "" if code is None else "why")


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        (1000, 1000),
        (1008, 1008),
        (4321, 4321),
        pytest.param(None, 1000, id="none"),
        pytest.param(0, 1014, id="cut"),
    ],
)
async def test_a_close_code_comes_from_the_back_end(tmp_path: Path, code: Any, seen: int) -> None:
    async def say_and_close(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(str(number))
        if code == 0:
            # What was said is heard before the line breaks.
            assert await connection.recv() == "heard"
            connection.transport.abort()
        else:
            await connection.close(code, "" if code is None else "why")

    async with socket_back_end(say_and_close) as url, served(tmp_path, url) as (port, _), api(port) as ours:
        async with asyncio.timeout(PATIENCE):
            assert [await ours.recv() for _ in range(100)] == [str(number) for number in range(100)]
            if code == 0:
                await ours.send("heard")
            with pytest.raises(ConnectionClosed):
                await ours.recv()
        assert (ours.close_code, ours.close_reason) == (seen, "why" if code else "")


REFUSALS = {
    "401": b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nsure",
    "404": b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nsure",
    "302": b"HTTP/1.1 302 No\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 4\r\n\r\nsure",
    "307": b"HTTP/1.1 307 No\r\nLocation: /api/401\r\nContent-Length: 4\r\n\r\nsure",
}


async def test_a_back_end_that_refuses(tmp_path: Path, subtests: pytest.Subtests) -> None:
    said = {f"/api/{name}": data for name, data in REFUSALS.items()}
    async with raw_back_end(said) as url, served(tmp_path, url) as (port, _):
        for name in REFUSALS:
            with subtests.test(name):
                answer = await raw(port, head(f"GET /api/{name} HTTP/1.1", change={PROTOCOL: None}))
                assert answer.startswith(f"HTTP/1.1 {name} ".encode())
                assert answer.endswith(b"\r\n\r\nsure")


async def test_a_foreign_host_has_no_websocket_either(tmp_path: Path) -> None:
    async def unwanted(connection: ServerConnection) -> None:
        raise AssertionError("the back end was asked")

    async with socket_back_end(unwanted) as url, served(tmp_path, url) as (port, _):
        for host in ("evil.com", "localhost\r\nHost: localhost", ""):
            answer = await raw(port, head("GET /api HTTP/1.1", change={PROTOCOL: None, "Host": host}))
            assert answer.startswith(b"HTTP/1.1 400 ")


async def test_the_channels_handshakes_are_what_they_were(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Every row of protocol.md, section 2, with a proxy beside the channel, and with one around it."""

    async def unwanted(connection: ServerConnection) -> None:
        raise AssertionError("the back end was asked")

    for key, refused in (("/api", {**REFUSED, **ELSEWHERE}), ("/", REFUSED)):
        async with socket_back_end(unwanted) as url:
            options = DevOptions(port=0, proxy={key: url}, ws=WsOptions(token=TOKEN))
            async with DevServer(tmp_path, options) as server:
                for name, (data, status, reason) in refused.items():
                    with subtests.test(name, key=key):
                        before = server.channel.stats().refused.get(reason, 0)
                        answer = await raw(server.port, data)
                        assert answer.startswith(b"HTTP/1.1 %d " % status)
                        assert b"Connection: close" in answer
                        assert server.channel.stats().refused[reason] == before + 1
                for name, data in ACCEPTED.items():
                    with subtests.test(name, key=key):
                        peer = Peer(*await asyncio.open_connection("127.0.0.1", server.port))
                        await peer.write(data)
                        assert (await peer.answer()).status == 101
                        assert (await peer.message())["type"] == "connected"
                        peer.vanish()


async def test_the_end_of_the_server_ends_websockets(tmp_path: Path) -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.set_result(connection.close_code)

    async with socket_back_end(wait) as url:
        async with DevServer(tmp_path, DevOptions(port=0, proxy={"/api": url})) as server:
            ours: ClientConnection = await api(server.port)
        async with asyncio.timeout(PATIENCE):
            await ours.wait_closed()
            assert (ours.close_code, await closed) == (1012, 1001)


async def test_a_client_that_gives_up_before_the_back_end_has_accepted(tmp_path: Path) -> None:
    came, gone = asyncio.Event(), asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as back:
        url = f"http://127.0.0.1:{back.sockets[0].getsockname()[1]}"
        async with served(tmp_path, url) as (port, _), asyncio.timeout(PATIENCE):
            peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
            await peer.write(head("GET /api HTTP/1.1", change={PROTOCOL: None}))
            await came.wait()
            peer.vanish()
            await gone.wait()


MESSAGE = bytes(64 * 1024)
MESSAGES = 4096
MOST = 96 * 1024 * 1024
"""Bytes that may be on their way: what the system keeps for four sockets, which is megabytes each."""


async def until_it_stands_still(count: Callable[[], int], browser: httpx.AsyncClient) -> int:
    """Wait until a count no longer grows while others are served many times over."""
    seen = -1
    while seen != count():
        seen = count()
        for _ in range(40):
            assert (await browser.get("/missing")).status_code == 404
    return seen


@pytest.mark.parametrize("slow", ["back end", "client"])
async def test_who_does_not_read_is_not_read_for(tmp_path: Path, slow: str) -> None:
    go_on, done = asyncio.Event(), asyncio.Event()
    sent = 0

    async def flood(connection: Any) -> None:
        nonlocal sent
        for _ in range(MESSAGES):
            await connection.send(MESSAGE)
            sent += 1

    async def drink(connection: Any) -> None:
        await go_on.wait()
        for _ in range(MESSAGES):
            assert len(await connection.recv()) == len(MESSAGE)
        done.set()

    async def behind(connection: ServerConnection) -> None:
        await (drink if slow == "back end" else flood)(connection)
        await done.wait()

    options: Any = {"compression": None, "max_queue": 1}
    async with (
        socket_back_end(behind, **options) as url,
        served(tmp_path, url) as (port, browser),
        api(port, **options) as ours,
        asyncio.timeout(10 * PATIENCE),
    ):
        running = asyncio.create_task((flood if slow == "back end" else drink)(ours))
        try:
            stuck = await until_it_stands_still(lambda: sent, browser)
            assert stuck * len(MESSAGE) < MOST
            go_on.set()
            await asyncio.gather(running, done.wait())
        finally:
            running.cancel()
            done.set()
            go_on.set()


# By TLS, behind other servers, and from the command line.


async def test_back_ends_by_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate())

    async def talk(connection: ServerConnection) -> None:
        await connection.send(await connection.recv())

    def plain(connection: ServerConnection, asked: Any) -> Any:
        return None if "Upgrade" in asked.headers else connection.respond(200, "by TLS")

    async with socket_back_end(talk, ssl=tls, process_request=plain) as url:
        url = url.replace("ws:", "https:")
        async with served(tmp_path, ProxyOptions(target=url, secure=False)) as (port, browser):
            assert (await browser.get("/api")).text == "by TLS"
            async with api(port) as ours:
                await ours.send("hello")
                assert await ours.recv() == "hello"
        async with served(tmp_path, url) as (port, browser):
            answer = await browser.get("/api")
            assert (answer.status_code, "certificate verify failed" in answer.text) == (502, True)
            with pytest.raises(InvalidStatus, match="502"):
                await api(port)
    assert "certificate verify failed" in lines(caplog)[0]


@pytest.mark.parametrize("kind", ASGI_KINDS)
async def test_behind_other_servers(tmp_path: Path, kind: AsgiKind) -> None:
    async def talk(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)
            if message == "bye":
                await connection.close(4000)

    async with back_end(echo) as (url, _), socket_back_end(talk) as sockets:
        proxy = {"/api": url, "/ws": sockets, "/down": f"http://127.0.0.1:{closed_port()}"}
        dev = DevServer(tmp_path, DevOptions(middleware=True, proxy=proxy, ws=WsOptions(port=0)))
        async with dev, serve(kind, dev) as port, asyncio.timeout(PATIENCE):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
                answer = await browser.post("/api/x", content=b"x" * 300_000)
                assert (answer.status_code, len(answer.content)) == (200, 300_000)
                assert (await browser.head("/api")).status_code == 200
                assert (await browser.get("/down")).status_code == 502
            async with api(port, "/ws/x") as ours:
                for message in ("text", b"bytes", "bye"):
                    await ours.send(message)
                    assert await ours.recv() == message
                with pytest.raises(ConnectionClosed):
                    await ours.recv()
                assert ours.close_code == 4000
            for path in ("/down", "/nobody"):
                with pytest.raises(InvalidStatus):
                    await api(port, path)


async def test_from_the_command_line(project: StartProject) -> None:
    async def talk(asked: Asked, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await events(asked, scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    down = f"http://127.0.0.1:{closed_port()}"
    async with back_end(talk) as (url, asked), httpx.AsyncClient(timeout=PATIENCE) as browser:
        table = f'[proxy]\n"/down" = "{down}"\n[proxy."/api"]\ntarget = "{url}"\n'
        made = project({"hotchannel.toml": table, "index.html": "<!doctype html>"})
        assert (await browser.get(f"{made.url}down")).status_code == 502
        async with (
            api(int(made.url.rpartition(":")[2].strip("/"))) as ours,
            browser.stream("GET", f"{made.url}api") as answer,
            asyncio.timeout(2 * PATIENCE),
        ):
            await ours.send("hello")
            assert await ours.recv() == "hello"
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b"data: 1\n\n"
            await asyncio.to_thread(made.stop)
            assert [chunk async for chunk in chunks] == []
            await ours.wait_closed()
            await asked.gone.wait()
    assert ours.close_code == 1012
    assert f"/down: {down} is not reachable: Connection refused" in made.log
    assert not [word for word in ("Traceback", "Exception", "Cancel") if word in made.log]
