"""Requests that never reach a back end, or not as they were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotchannel.options import WsOptions
from support.back_ends import GET, Asked, back_end, echo, raw, request, respond, served

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"0\r\n\r\n"
POST = "POST /api HTTP/1.1"
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
