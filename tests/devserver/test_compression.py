"""Text goes compressed to clients that a network is between, and to nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hotchannel.devserver.app import DevServer
from hotchannel.devserver.compression import accepts_gzip, compresses, is_local, is_worthwhile
from hotchannel.devserver.http import Request, Response
from hotchannel.errors import OptionError
from hotchannel.options import DevOptions
from support.asgi_servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# What is decided.


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("", True),
        ("testclient", True),
        ("192.168.1.5", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("2001:db8::1", False),
        ("127.0.0.1.evil.com", True),
    ],
)
def test_who_is_on_this_machine(host: str, local: bool) -> None:
    assert is_local(host) == local


@pytest.mark.parametrize(
    ("option", "host", "expected"),
    [
        ("auto", "127.0.0.1", False),
        ("auto", "10.0.0.1", True),
        (True, "127.0.0.1", True),
        (False, "10.0.0.1", False),
    ],
)
def test_for_whom(option: Any, host: str, expected: bool) -> None:
    assert compresses(option, host) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br,GZIP ; q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip;q=1.0", True),
        ("x-gzip2", False),
        ("gzip;q=", False),
        (";;,,=q", False),
    ],
)
def test_who_takes_it(header: str, expected: bool) -> None:
    assert accepts_gzip(header) == expected


LONG = b"x" * 1024


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, True, id="text"),
        pytest.param({"kind": "text/javascript; charset=utf-8"}, True, id="module"),
        pytest.param({"kind": "application/json"}, True, id="json"),
        pytest.param({"kind": "image/svg+xml"}, True, id="svg"),
        pytest.param({"kind": "application/wasm"}, True, id="wasm"),
        pytest.param({"kind": "image/png"}, False, id="png"),
        pytest.param({"kind": "font/woff2"}, False, id="woff2"),
        pytest.param({"kind": "application/octet-stream"}, False, id="unknown"),
        pytest.param({"body": LONG[:-1]}, False, id="short"),
        pytest.param({"method": "HEAD"}, False, id="HEAD"),
        pytest.param({"status": 206}, False, id="206"),
        pytest.param({"status": 304, "body": b""}, False, id="304"),
        pytest.param({"status": 404}, False, id="404"),
        pytest.param({"further": {"content-encoding": "gzip"}}, False, id="encoded"),
        pytest.param({"further": {"content-range": "bytes 0-1/2"}}, False, id="range"),
    ],
)
def test_what_is_worth_it(change: dict[str, Any], expected: bool) -> None:
    headers = {"content-type": change.get("kind", "text/plain"), **change.get("further", {})}
    response = Response(change.get("status", 200), headers, change.get("body", LONG))
    assert is_worthwhile(Request(change.get("method", "GET"), "/", {}), response) == expected


def test_wrong_option() -> None:
    with pytest.raises(OptionError, match="compress"):
        DevOptions(compress="yes")  # type: ignore[arg-type]


# What is sent.

FILES = {
    "index.html": "<!doctype html><title>x</title>" + "<p>paragraph</p>\n" * 200,
    "a.js": "export const a = 'some text';\n" * 200,
    "a.css": "p { color: red }\n" * 200,
    "a.json": '{"a": "some text"}\n' * 200,
    "a.svg": "<svg></svg>" * 200,
    "long.txt": "".join(f"line {number}\n" for number in range(200_000)),
    "long.js": "".join(f"export const a{number} = {number};\n" for number in range(20_000)),
}
REMOTE = {"X-Forwarded-For": "10.0.0.5"}
"""As a tunnel on this machine says it, which is believed."""


@contextlib.asynccontextmanager
async def served(folder: Path, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    for name, content in FILES.items():
        (folder / name).write_text(content)
    (folder / "a.png").write_bytes(LONG * 4)
    (folder / "small.txt").write_text("small")
    async with (
        DevServer(folder, DevOptions(port=0, **options)) as server,
        httpx.AsyncClient(base_url=server.local_urls[0], timeout=PATIENCE) as browser,
    ):
        yield browser


async def fetch(browser: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """A response, and its body as it came."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with browser.stream("GET", path, headers=named) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


async def test_a_body_is_the_same_in_fewer_bytes(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with served(tmp_path) as browser:
        for name in (*FILES, "@vite/client"):
            with subtests.test(name):
                local, plain = await fetch(browser, name, Accept_Encoding="gzip")
                assert not {"content-encoding", "vary"} & set(local.headers)
                unable, body = await fetch(browser, name, Accept_Encoding="identity", **REMOTE)
                assert (body, unable.headers["vary"]) == (plain, "Accept-Encoding")
                assert "content-encoding" not in unable.headers
                remote, packed = await fetch(browser, name, Accept_Encoding="gzip, br", **REMOTE)
                assert remote.headers["content-encoding"] == "gzip"
                assert remote.headers["vary"] == "Accept-Encoding"
                assert gzip.decompress(packed) == plain
                assert len(packed) < len(plain) / 2
                assert int(remote.headers.get("content-length", len(packed))) == len(packed)
                assert "accept-ranges" not in remote.headers
                assert remote.headers.get("etag") == local.headers.get("etag")
                if tag := remote.headers.get("etag"):
                    assert tag.startswith('W/"')
                    same, nothing = await fetch(browser, name, If_None_Match=tag, **REMOTE)
                    assert (same.status_code, nothing) == (304, b"")
                    assert "content-encoding" not in same.headers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("a.png", {}, 200, id="image"),
        pytest.param("small.txt", {}, 200, id="small"),
        pytest.param("long.txt", {"Range": "bytes=0-9999"}, 206, id="range"),
        pytest.param("missing.txt", {}, 404, id="missing"),
    ],
)
async def test_what_goes_as_it_is(tmp_path: Path, path: str, headers: dict[str, str], status: int) -> None:
    async with served(tmp_path, compress=True) as browser:
        answer, body = await fetch(browser, path, Accept_Encoding="gzip", **headers)
    assert answer.status_code == status
    assert not {"content-encoding", "vary"} & set(answer.headers)
    assert int(answer.headers["content-length"]) == len(body)


async def test_head_is_not_touched(tmp_path: Path) -> None:
    async with served(tmp_path, compress=True) as browser:
        answer = await browser.head("long.txt", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-length"] == str(len(FILES["long.txt"]))
    assert "content-encoding" not in answer.headers


async def test_a_client_of_http_1_0_has_no_chunks(tmp_path: Path) -> None:
    async with served(tmp_path, compress=True) as browser:
        reader, writer = await asyncio.open_connection("127.0.0.1", browser.base_url.port)
        writer.write(b"GET /long.txt HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
    assert b"chunked" not in head
    assert body == FILES["long.txt"].encode()


async def test_caches_are_told_of_everything_that_an_answer_depends_on(tmp_path: Path) -> None:
    async with served(tmp_path, compress=True, cors=True) as browser:
        answer, _ = await fetch(browser, "a.js", Accept_Encoding="gzip", Origin="http://x")
    assert answer.headers["vary"] == "Origin, Accept-Encoding"


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with served(tmp_path, compress=False) as browser:
        answer, _ = await fetch(browser, "a.js", Accept_Encoding="gzip", **REMOTE)
    assert not {"content-encoding", "vary"} & set(answer.headers)
