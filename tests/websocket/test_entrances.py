"""The tables of protocol.md, sections 1 to 3, over raw sockets and through every entrance."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from hotchannel.websocket.handshake import Reason
from support.entrances import CLOSE, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.entrances import Entrance, Kind, OpenEntrance

GOOD_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TOKEN = "AAAAAAAAAAAA"
ORIGIN = {"Origin": "http://localhost:5173"}


def head(
    line: str = "GET / HTTP/1.1", *add: tuple[str, str], change: Mapping[str, str | None] | None = None
) -> bytes:
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": GOOD_KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "vite-hmr",
        **(change or {}),
    }
    pairs = [*headers.items(), *add]
    return "\r\n".join([line, *(f"{k}: {v}" for k, v in pairs if v is not None), "", ""]).encode("latin-1")


def with_token(query: str, **origin: str) -> bytes:
    return head(f"GET /{query} HTTP/1.1", change={**ORIGIN, **origin})


ACCEPTED: dict[str, bytes] = {
    "no Origin, no token": head(),
    "token": with_token(f"?token={TOKEN}"),
    "token and foreign Origin": with_token(f"?token={TOKEN}", Origin="https://evil.com"),
    "token and Origin null": with_token(f"?token={TOKEN}", Origin="null"),
    "token and malformed Origin": with_token(f"?token={TOKEN}", Origin="http://[::1"),
    "token and 8 kB of Origin": with_token(f"?token={TOKEN}", Origin="http://" + "a" * 8000),
    "token and non-ASCII Origin": with_token(f"?token={TOKEN}", Origin="http://\xfc\xff"),
    "token, percent-encoded": with_token("?token=" + "%41" * 12),
    "first of two tokens": with_token(f"?token={TOKEN}&token=wrong"),
    "token behind other parameters": with_token(f"?a=1&token={TOKEN}&b"),
    "Host with port": head(change={"Host": "localhost:5173"}),
    "upgrade in other letters": head(change={"Upgrade": "WebSocket", "Connection": "upgrade"}),
}

REFUSED: dict[str, tuple[bytes, int, Reason]] = {
    "no token": (with_token(""), 400, Reason.TOKEN),
    "empty token": (with_token("?token="), 400, Reason.TOKEN),
    "token without value": (with_token("?token"), 400, Reason.TOKEN),
    "wrong token of equal length": (with_token("?token=BAAAAAAAAAAA"), 400, Reason.TOKEN),
    "token cut short": (with_token("?token=AAAAAAAAAAA"), 400, Reason.TOKEN),
    "token and NUL": (with_token(f"?token={TOKEN}%00"), 400, Reason.TOKEN),
    "token behind an emoji": (with_token(f"?token=%F0%9F%94%A5{TOKEN}"), 400, Reason.TOKEN),
    "token of 8 kB": (with_token("?token=" + "A" * 8000), 400, Reason.TOKEN),
    "token, not UTF-8": (with_token("?token=%ff%fe"), 400, Reason.TOKEN),
    "wrong token, then the right one": (with_token(f"?token=x&token={TOKEN}"), 400, Reason.TOKEN),
    "Token": (with_token(f"?Token={TOKEN}"), 400, Reason.TOKEN),
    "Origin null without token": (with_token("", Origin="null"), 400, Reason.TOKEN),
    "empty Origin without token": (with_token("", Origin=""), 400, Reason.TOKEN),
    "lookalike Origin": (with_token("", Origin="http://localhost.evil.com"), 400, Reason.TOKEN),
    "two Origins": (head("GET / HTTP/1.1", ("Origin", "a"), change=ORIGIN), 400, Reason.ORIGIN_HEADER),
    "two Hosts": (head("GET / HTTP/1.1", ("Host", "localhost")), 400, Reason.HOST_HEADER),
    "no Host": (head(change={"Host": None}), 400, Reason.HOST_HEADER),
    "foreign Host": (head(change={"Host": "evil.com"}), 400, Reason.HOST),
    "foreign Host with token": (
        head(f"GET /?token={TOKEN} HTTP/1.1", change={**ORIGIN, "Host": "localhost.evil.com"}),
        400,
        Reason.HOST,
    ),
    "empty Host": (head(change={"Host": ""}), 400, Reason.HOST),
    "ping first in a list": (
        head(change={"Sec-WebSocket-Protocol": "vite-ping, vite-hmr"}),
        400,
        Reason.SUBPROTOCOL,
    ),
    "ping last in a list": (
        head(change={"Sec-WebSocket-Protocol": "vite-hmr,vite-ping"}),
        400,
        Reason.SUBPROTOCOL,
    ),
    "ping in a second header": (
        head("GET / HTTP/1.1", ("Sec-WebSocket-Protocol", "vite-ping")),
        400,
        Reason.SUBPROTOCOL,
    ),
    "absolute-form target": (head("GET http://localhost/ HTTP/1.1"), 400, Reason.TARGET),
    "absolute-form target elsewhere": (head("GET http://127.0.0.1:1/ HTTP/1.1"), 400, Reason.TARGET),
    "two slashes": (head("GET // HTTP/1.1"), 400, Reason.TARGET),
    "two slashes and a host": (head("GET //evil.com/ HTTP/1.1"), 400, Reason.TARGET),
    "POST": (head("POST / HTTP/1.1"), 405, Reason.METHOD),
    "no key": (head(change={"Sec-WebSocket-Key": None}), 400, Reason.KEY),
    "short key": (head(change={"Sec-WebSocket-Key": "AAAA"}), 400, Reason.KEY),
    "key that is not base64": (head(change={"Sec-WebSocket-Key": "!" * 22 + "=="}), 400, Reason.KEY),
    "two keys": (head("GET / HTTP/1.1", ("Sec-WebSocket-Key", GOOD_KEY)), 400, Reason.KEY),
    "version 12": (head(change={"Sec-WebSocket-Version": "12"}), 426, Reason.VERSION),
    "no version": (head(change={"Sec-WebSocket-Version": None}), 426, Reason.VERSION),
}

# With an application behind, all of these are its own.
ELSEWHERE: dict[str, tuple[bytes, int, Reason]] = {
    "no subprotocol": (head(change={"Sec-WebSocket-Protocol": None}), 400, Reason.SUBPROTOCOL),
    "foo": (head(change={"Sec-WebSocket-Protocol": "foo"}), 400, Reason.SUBPROTOCOL),
    "VITE-HMR": (head(change={"Sec-WebSocket-Protocol": "VITE-HMR"}), 400, Reason.SUBPROTOCOL),
    "hmr in a list": (head(change={"Sec-WebSocket-Protocol": "vite-hmr, foo"}), 400, Reason.SUBPROTOCOL),
    "hmr twice": (head("GET / HTTP/1.1", ("Sec-WebSocket-Protocol", "vite-hmr")), 400, Reason.SUBPROTOCOL),
    "wrong path": (head("GET /chat HTTP/1.1"), 404, Reason.PATH),
    "ping on a wrong path": (
        head("GET /chat HTTP/1.1", change={"Sec-WebSocket-Protocol": "vite-ping"}),
        404,
        Reason.PATH,
    ),
    "dot segment": (head("GET /./ HTTP/1.1"), 404, Reason.PATH),
    "dot dot segment": (head("GET /a/.. HTTP/1.1"), 404, Reason.PATH),
    "encoded dot": (head("GET /%2e HTTP/1.1"), 404, Reason.PATH),
    "encoded slash": (head("GET /%2f HTTP/1.1"), 404, Reason.PATH),
    "malformed escape": (head("GET /%zz HTTP/1.1"), 404, Reason.PATH),
}

# What uvicorn itself refuses before a guest sees anything, or hides from it.
HEADS: dict[str, tuple[bytes, dict[Kind, int]]] = {
    "@ target": (head("GET @evil/ HTTP/1.1"), {"standalone": 400, "guest": 400, "dev": 400}),
    "backslash": (head("GET /\\ HTTP/1.1"), {"standalone": 400, "guest": 400, "dev": 400}),
    "hash": (head(f"GET /?#token={TOKEN} HTTP/1.1"), {"standalone": 400, "guest": 400, "dev": 400}),
    "control character": (head("GET /\x01 HTTP/1.1"), {"standalone": 400, "guest": 400, "dev": 400}),
    "non-ASCII target": (head("GET /\xff HTTP/1.1"), {"standalone": 400, "guest": 400, "dev": 400}),
    "20 kB": (head("GET / HTTP/1.1", ("X", "x" * 20_000)), {"standalone": 431, "guest": 431, "dev": 431}),
    "20 kB of a line that does not end": (b"GET /" + b"a" * 20_000, {"standalone": 431, "dev": 431}),
    "2000 headers": (
        head("GET / HTTP/1.1", *[(f"X-{i}", "1") for i in range(2000)]),
        {"standalone": 431, "guest": 431, "dev": 431},
    ),
    "12k blanks": (
        head(change={"Sec-WebSocket-Protocol": "a" + " " * 12_000 + "b"}),
        {"standalone": 400, "dev": 400},
    ),
    "32k blanks": (
        head(change={"Sec-WebSocket-Protocol": "a" + " " * 32_000 + "b"}),
        {"standalone": 431, "guest": 431, "dev": 431},
    ),
    "garbage": (b"\x16\x03\x01\x02\x00\r\n\r\n", {"standalone": 400, "guest": 400, "dev": 400}),
    "bare line feeds": (
        head().replace(b"\r\nUpgrade", b"\nUpgrade"),
        {"standalone": 400, "guest": 400, "dev": 400},
    ),
    "blank before the colon": (
        head().replace(b"Host:", b"Host :"),
        {"standalone": 400, "guest": 400, "dev": 400},
    ),
    "folded line": (
        head().replace(b"Host: local", b"Host: local\r\n "),
        {"standalone": 400, "guest": 400, "dev": 400},
    ),
    "HTTP/1.0": (head("GET / HTTP/1.0"), {"standalone": 400}),
    "h2c on the socket": (head(change={"Upgrade": "h2c"}), {"standalone": 400, "guest": 200, "dev": 400}),
    "h2c elsewhere": (
        head("GET /page HTTP/1.1", change={"Upgrade": "h2c", "Sec-WebSocket-Protocol": None}),
        {"standalone": 426, "guest": 200, "dev": 200},
    ),
    "non-ASCII subprotocol": (
        head(change={"Sec-WebSocket-Protocol": "vite\xff"}),
        {"standalone": 400, "guest": 400, "dev": 400},
    ),
    "plain HTTP": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", {"standalone": 426, "guest": 200, "dev": 200}),
    "hash in plain HTTP": (b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", {"standalone": 426, "dev": 400}),
}

ALLOWED_HOSTS: Sequence[str] = (
    "localhost",
    "localhost:5173",
    "foo.localhost",
    "LOCALHOST",
    "127.0.0.1:80",
    "0.0.0.0",
    "[::1]",
    "[::1]:5173",
    "[::ffff:127.0.0.1]",
    "example.com",
    "example.com:8080",
    "Example.com",
    "mydomain.com",
    "a.b.mydomain.com",
)
REFUSED_HOSTS: Sequence[str] = (
    "",
    "localhost.evil.com",
    "evillocalhost",
    "127.1",
    "127.0.0.1.",
    "127.0.0.01",
    "256.0.0.1",
    "2130706433",
    "0x7f.0.0.1",
    "[::1",
    "[]",
    "[127.0.0.1]",
    "[localhost]",
    "::1",
    "sub.example.com",
    "user@example.com",
    "example.com/evil",
    "evilmydomain.com",
    "http://localhost",
    "localhost:80@evil.com",
    "evil.com?.localhost",
    "[::1]x",
    "example.com:abc",
    "ex\xe4mple.com",
)


@pytest.fixture
async def entrance(open_entrance: OpenEntrance, kind: Kind) -> Entrance:
    return await open_entrance(kind, token=TOKEN)


async def still_serves(entrance: Entrance) -> None:
    peer = await entrance.join()
    await peer.say({"type": "ping"})
    entrance.server.send("still:there", 1)
    assert await peer.message() == {"type": "custom", "event": "still:there", "data": 1}


async def test_accepted(entrance: Entrance, subtests: pytest.Subtests) -> None:
    for name, request in ACCEPTED.items():
        with subtests.test(name):
            peer = await entrance.open()
            await peer.write(request)
            answer = await peer.answer()
            assert answer.status == 101
            assert answer.headers["sec-websocket-protocol"] == "vite-hmr"
            assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            assert await peer.receive() == (TEXT, b'{"type":"connected"}')


async def test_refused(entrance: Entrance, subtests: pytest.Subtests) -> None:
    for name, (request, status, reason) in REFUSED.items():
        with subtests.test(name):
            before = entrance.server.stats().refused.get(reason, 0)
            answer = await entrance.ask(request)
            assert (answer.status, answer.hung_up) == (status, True)
            assert answer.headers["content-type"].startswith("text/plain")
            assert answer.headers["connection"].startswith("close")
            assert TOKEN.encode() not in answer.body
            assert entrance.server.stats().refused[reason] == before + 1
            assert ("sec-websocket-version" in answer.headers) == (status == 426)
    await still_serves(entrance)


async def test_what_belongs_to_the_host_application(entrance: Entrance, subtests: pytest.Subtests) -> None:
    for name, (request, status, reason) in ELSEWHERE.items():
        with subtests.test(name):
            answer = await entrance.ask(request)
            if entrance.exclusive:
                assert (answer.status, answer.hung_up) == (status, True)
                assert entrance.server.stats().refused[reason] >= 1
            else:
                assert answer.status == 101
                assert answer.headers["x-answered-by"] == "the host application"
    assert len(entrance.server.clients) == 0
    await still_serves(entrance)


async def test_request_heads(entrance: Entrance, subtests: pytest.Subtests) -> None:
    for name, (request, statuses) in HEADS.items():
        if entrance.kind in statuses:
            with subtests.test(name):
                answer = await entrance.ask(request)
                assert answer.status == statuses[entrance.kind]
    await still_serves(entrance)


async def test_hosts(open_entrance: OpenEntrance, kind: Kind, subtests: pytest.Subtests) -> None:
    entrance = await open_entrance(kind, allowed_hosts=("example.com", ".mydomain.com"))
    for host in ALLOWED_HOSTS:
        with subtests.test(host):
            assert (await entrance.ask(head(change={"Host": host}))).status == 101
    for host in REFUSED_HOSTS:
        with subtests.test(host):
            assert (await entrance.ask(head(change={"Host": host}))).status == 400


async def test_all_hosts_allowed(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, allowed_hosts=True)
    assert (await entrance.ask(head(change={"Host": "evil.com"}))).status == 101


async def test_ping_is_answered_and_closed(entrance: Entrance) -> None:
    opened: list[object] = []
    entrance.server.on("connection", lambda client, request: opened.append(client))
    peer = await entrance.open()
    await peer.write(
        head(change={"Sec-WebSocket-Protocol": "vite-ping", "Host": "evil.com", "Origin": "http://evil.com"})
    )
    answer = await peer.answer()
    assert answer.status == 101
    assert answer.headers["sec-websocket-protocol"] == "vite-ping"
    assert await peer.receive() == (CLOSE, b"\x03\xe8")
    await peer.send(CLOSE, b"\x03\xe8")
    assert await peer.hung_up() == b""
    assert (opened, len(entrance.server.clients)) == ([], 0)


async def test_ping_is_hung_up_on_until_pages_are_served(open_entrance: OpenEntrance) -> None:
    listening = False
    entrance = await open_entrance("standalone", pages_listening=lambda: listening)
    ping = head(change={"Sec-WebSocket-Protocol": "vite-ping"})
    assert (await entrance.ask(ping)).hung_up
    listening = True
    assert (await entrance.ask(ping)).status == 101


async def test_token_asked_of_everyone(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, token=TOKEN, require_token="always")
    assert (await entrance.ask(head())).status == 400
    assert (await entrance.ask(head(f"GET /?token={TOKEN} HTTP/1.1"))).status == 101


async def test_token_asked_of_nobody(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, skip_web_socket_token_check=True)
    assert (await entrance.ask(with_token(""))).status == 101
    assert (await entrance.ask(head(change={**ORIGIN, "Host": "evil.com"}))).status == 400


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("/app/", "/", "/app/"),
        ("/", "/hmr", "/hmr"),
        ("/app/", "/hmr", "/app/hmr"),
        ("/mein büro/", "/", "/mein%20b%C3%BCro/"),
    ],
)
async def test_socket_below_base(
    open_entrance: OpenEntrance, kind: Kind, base: str, path: str, target: str
) -> None:
    entrance = await open_entrance(kind, base=base, path=path)
    assert (await entrance.ask(head(f"GET {target} HTTP/1.1"))).status == 101
    answer = await entrance.ask(head())
    assert answer.status == 404 if entrance.exclusive else answer.headers["x-answered-by"]


async def test_plain_http_on_the_own_port(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    answer = await entrance.ask(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.status, answer.body) == (426, b"Upgrade Required")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["upgrade"] == "websocket"


async def test_host_application_keeps_its_websockets(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("guest")
    guest = await entrance.join()
    peer = await entrance.open()
    await peer.write(head("GET /chat HTTP/1.1", change={"Sec-WebSocket-Protocol": None}))
    assert (await peer.answer()).headers["x-answered-by"] == "the host application"
    for word in (b"one", b"two"):
        await peer.send(TEXT, word)
        assert await peer.receive() == (TEXT, word.upper())
    entrance.server.send("to:ours", None)
    assert (await guest.message())["event"] == "to:ours"
    await peer.send(CLOSE, b"\x03\xe8")
    assert await peer.close_code() == 1000


async def test_half_a_request_then_silence(open_entrance: OpenEntrance, kind: Kind) -> None:
    if kind.startswith("takeover"):
        # uvicorn waits for ever, and a guest is not asked: `dev` closes that gap.
        kind = "dev"
    entrance = await open_entrance(kind, handshake_timeout=0.2)
    silent = [await entrance.open() for _ in range(50)]
    for number, peer in enumerate(silent):
        await peer.write(head()[: 3 * number])
    await still_serves(entrance)
    for peer in silent:
        assert await peer.hung_up() == b""
    assert entrance.server.stats().refused[Reason.TIMEOUT] == 50


async def test_a_request_byte_by_byte(entrance: Entrance) -> None:
    peer = await entrance.open()
    for byte in head():
        await peer.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await peer.answer()).status == 101


async def test_frames_that_come_with_the_handshake(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    heard: list[object] = []
    entrance.server.on("early", lambda data, client: heard.append(data))
    peer = await entrance.open()
    message = b'{"type":"custom","event":"early","data":7}'
    await peer.write(head() + frame(TEXT, message))
    assert (await peer.answer()).status == 101
    await entrance.until(lambda: heard == [7])


async def test_refusals_are_logged_without_the_token_and_without_a_flood(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hotchannel")
    for _ in range(30):
        await entrance.ask(head(f"GET /?token=secret{TOKEN} HTTP/1.1", change={"Origin": "\x9b31m\x85"}))
    await entrance.server.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "hotchannel.handshake"]
    assert len(lines) < 30
    assert "token" in lines[0]
    assert "token 2" in lines[-1]
    assert not any(TOKEN in line or "\x9b" in line or "\x85" in line for line in lines)


async def test_nobody_comes_in_after_close(entrance: Entrance) -> None:
    peer = await entrance.join()
    await entrance.server.close()
    assert await peer.close_code() == 1012
    if entrance.kind == "standalone":
        with pytest.raises(ConnectionError):
            await entrance.open()
    else:
        assert (await entrance.ask(head())).status == 503
