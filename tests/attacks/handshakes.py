"""Opening handshakes, good and bad: the tables of protocol.md, sections 2 and 3, and their neighbours.

A row is the request, byte by byte, what `hotchannel dev` and the channel's own port answer, and the
reason that they log and count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.websocket.handshake import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ACCEPTED",
    "ALLOWED_HOSTS",
    "ELSEWHERE",
    "HEADS",
    "ORIGIN",
    "REFUSED",
    "REFUSED_HOSTS",
    "TOKEN",
    "head",
    "with_token",
]

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

# Heads that are odd before they are a handshake.
HEADS: dict[str, tuple[bytes, str, str]] = {
    "@ target": (head("GET @evil/ HTTP/1.1"), "400", "400"),
    "backslash": (head("GET /\\ HTTP/1.1"), "400", "400"),
    "hash": (head(f"GET /?#token={TOKEN} HTTP/1.1"), "400", "400"),
    "control character": (head("GET /\x01 HTTP/1.1"), "400", "400"),
    "non-ASCII target": (head("GET /\xff HTTP/1.1"), "400", "400"),
    "20 kB": (head("GET / HTTP/1.1", ("X", "x" * 20_000)), "431", "431"),
    "20 kB of a line that does not end": (b"GET /" + b"a" * 20_000, "431", "431"),
    "2000 headers": (head("GET / HTTP/1.1", *[(f"X-{i}", "1") for i in range(2000)]), "431", "431"),
    "12k blanks": (head(change={"Sec-WebSocket-Protocol": "a" + " " * 12_000 + "b"}), "400", "400"),
    "32k blanks": (head(change={"Sec-WebSocket-Protocol": "a" + " " * 32_000 + "b"}), "431", "431"),
    "500 subprotocols": (head(change={"Sec-WebSocket-Protocol": "vite-hmr," * 500}), "400", "400"),
    "garbage": (b"\x16\x03\x01\x02\x00\r\n\r\n", "400", "400"),
    "bare line feeds": (head().replace(b"\r\nUpgrade", b"\nUpgrade"), "400", "400"),
    "blank before the colon": (head().replace(b"Host:", b"Host :"), "400", "400"),
    "folded line": (head().replace(b"Host: local", b"Host: local\r\n "), "400", "400"),
    "NUL in a header": (head(change={"Origin": "a\x00b"}), "400", "400"),
    "HTTP/1.0": (head("GET / HTTP/1.0"), "400", "400"),
    "h2c on the socket": (head(change={"Upgrade": "h2c"}), "400", "400"),
    "h2c elsewhere": (
        head("GET /page HTTP/1.1", change={"Upgrade": "h2c", "Sec-WebSocket-Protocol": None}),
        "426",
        "200 application",
    ),
    "non-ASCII subprotocol": (head(change={"Sec-WebSocket-Protocol": "vite\xff"}), "400", "400"),
    "plain HTTP": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426", "200 application"),
    "Connection without upgrade": (head(change={"Connection": "keep-alive"}), "426", "200 application"),
    "hash in plain HTTP": (b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "426", "400"),
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
