"""WebSockets of back ends, and proxies by TLS, behind other servers and from the command line."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from attacks.handshakes import ACCEPTED, ELSEWHERE, REFUSED, TOKEN, head
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions, ProxyOptions, WsOptions
from support.asgi_servers import PATIENCE, AsgiKind, serve
from support.back_ends import (
    PROTOCOL,
    Asked,
    api,
    back_end,
    closed_port,
    echo,
    events,
    lines,
    raw,
    raw_back_end,
    served,
    socket_back_end,
)
from support.entrances import ASGI_KINDS, Peer, certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

    from support.project import StartProject


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
