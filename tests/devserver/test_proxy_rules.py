"""Which requests a proxy passes on, with which headers, and which options are right."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.cli.config import build_options, load
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.proxy import Routes, close_code, request_headers, response_headers
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import DevOptions, ProxyOptions
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from pathlib import Path


OWN = ("/@vite/", "/__open-in-editor")


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
