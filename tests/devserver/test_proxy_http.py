"""Requests that back ends answer: what goes there, and what comes back."""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from attacks.handshakes import head
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.proxy import Routes
from hotchannel.devserver.upstream import BackEnd
from hotchannel.options import DevOptions
from support.asgi_servers import PATIENCE
from support.back_ends import (
    GET,
    PROTOCOL,
    Asked,
    back_end,
    closed_port,
    echo,
    events,
    lines,
    raw,
    raw_back_end,
    request,
    respond,
    served,
    whole_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


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
    route = Routes({"/": "http://b"}, own=("/@vite/",), channel_path="/").find("/x")
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
