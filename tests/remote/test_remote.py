"""The Python client against npm's Vite and against hotchannel: one behaviour."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import serve

from hotchannel.errors import HotChannelError, RemoteError, TransportError
from hotchannel.remote import connect, connect_sync, wait_until_ready
from hotchannel.websocket.server import WebSocketServer
from hotchannel.wire.payloads import Connected, Custom, Update
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection

    from hotchannel.remote import Remote
    from support.project import Project

PATIENCE = 20.0


async def load(server: Project, path: str) -> None:
    """Ask for a module, which makes it known to the server."""

    def ask() -> None:
        request = urllib.request.Request(server.url + path, headers={"Accept": "*/*"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            answer.read()

    await asyncio.to_thread(ask)


async def test_an_event_and_its_answer(server: Project) -> None:
    data = {"text": "grüße 🎈", "numbers": [1, 2.5, None]}
    async with asyncio.timeout(PATIENCE), connect(server.url) as remote:
        assert await anext(remote) == Connected()
        await remote.send("my:echo", data)
        assert await anext(remote) == Custom("my:echoed", data)


async def test_a_save_is_a_typed_update(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url) as remote:
        await anext(remote)
        await load(server, "main.js")
        hearing = asyncio.ensure_future(anext(remote))
        number = 0
        # A watcher may need a moment longer than the server.
        while not hearing.done():
            number += 1
            server.write("main.js", f"import.meta.hot.accept();\nexport const changed = {number};\n")
            await asyncio.wait({hearing}, timeout=1)
        payload = await hearing
    assert isinstance(payload, Update)
    assert [entry.path for entry in payload.updates] == ["/main.js"]


async def test_a_ping_takes_its_time(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url) as remote:
        assert 0 < await remote.ping() < PATIENCE


async def test_a_function_that_does_not_exist(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url, timeout=5) as remote:
        with pytest.raises((RemoteError, TransportError)):
            await remote.invoke("nobody-knows-me", 1)
        assert await remote.ping() > 0


async def test_a_restart_is_outlived(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url) as remote:
        assert await anext(remote) == Connected()
        await asyncio.to_thread(server.restart)
        assert await anext(remote) == Connected()
        await remote.send("my:echo", 1)
        assert await anext(remote) == Custom("my:echoed", 1)


async def test_what_is_said_while_it_restarts_is_said_afterwards(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url, timeout=5) as remote:
        await anext(remote)
        await asyncio.to_thread(server.stop)
        while True:
            try:
                await remote.ping()
            except TransportError:
                break
        saying = asyncio.create_task(remote.send("my:echo", "later"))
        await asyncio.to_thread(server.start)
        await saying
        assert [await anext(remote), await anext(remote)] == [Connected(), Custom("my:echoed", "later")]


async def test_without_reconnection_it_ends(server: Project) -> None:
    async with asyncio.timeout(PATIENCE), connect(server.url, reconnect=False) as remote:
        await anext(remote)
        await asyncio.to_thread(server.stop)
        assert [payload async for payload in remote] == []
        assert [payload async for payload in remote] == []
        with pytest.raises(TransportError):
            await remote.send("my:echo")


def test_a_script_without_a_loop(server: Project) -> None:
    with connect_sync(server.url) as remote:
        assert next(remote) == Connected()
        remote.send("my:echo", [1])
        assert next(remote) == Custom("my:echoed", [1])
        assert 0 < remote.ping() < PATIENCE
        with pytest.raises(HotChannelError, match="JSON"):
            remote.send("my:echo", object())


async def test_ready_is_who_answers(server: Project) -> None:
    await wait_until_ready(server.url, PATIENCE)

    await asyncio.to_thread(server.stop)
    with pytest.raises(TransportError, match=r"not ready after 0\.1 s"):
        await wait_until_ready(server.url, 0.1)
    waiting = asyncio.create_task(wait_until_ready(server.url, PATIENCE))
    await asyncio.to_thread(server.start)
    await waiting


@pytest.mark.parametrize(
    ("path", "words"),
    [("none/", "answers 404|serves no client"), ("main.js", "")],
)
async def test_the_path_may_be_any_of_its_pages(server: Project, path: str, words: str) -> None:
    if words:
        with pytest.raises(TransportError, match=words):
            await connect(server.url + path).__aenter__()
    else:
        async with connect(server.url + path) as remote:
            assert await anext(remote) == Connected()


# Servers that do what these never do.


async def test_nobody_there() -> None:
    port = free_port()
    for url in (f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/?token=x"):
        with pytest.raises(TransportError, match="nobody answers"):
            async with connect(url, timeout=2):
                pass
    with pytest.raises(TransportError, match="nobody answers"), connect_sync(f"http://127.0.0.1:{port}"):
        pass


async def test_no_url() -> None:
    for url in ("ftp://x/", "http://", "http://[", ""):
        with pytest.raises(TransportError):
            async with connect(url, timeout=2):
                pass


async def at(script: Callable[[ServerConnection], Awaitable[None]]) -> tuple[Any, str]:
    """A server that does what `script` says with each client, and its URL."""
    server = await serve(script, "127.0.0.1", 0, subprotocols=["vite-hmr"])  # type: ignore[list-item]
    port = next(iter(server.sockets)).getsockname()[1]
    return server, f"ws://127.0.0.1:{port}/?token=T"


async def test_odd_messages_harm_nobody() -> None:
    told: list[str | bytes] = [
        '{"type":"tomorrow"}',
        "no JSON",
        "[]",
        '{"type":"custom","event":"vite:invoke","data":7}',
        b"\xff",
    ]

    async def say(client: ServerConnection) -> None:
        for each in told:
            await client.send(each)
        await client.send('{"type":"custom","event":"over"}')
        await client.wait_closed()

    server, url = await at(say)
    async with server, asyncio.timeout(PATIENCE), connect(url) as remote:
        heard = [await anext(remote) for _ in range(3)]
    assert heard == [{"type": "tomorrow"}, Custom("vite:invoke", 7), Custom("over")]


async def test_invoking() -> None:
    async def answer(client: ServerConnection) -> None:
        async for message in client:
            asked = json.loads(message)["data"]
            name, identity = asked["name"], asked["id"].removeprefix("send:")
            result: dict[str, Any] = {"result": sum(asked["data"])}
            if name == "fails":
                result = {"error": {"name": "TypeError", "message": "no sum", "stack": "at home"}}
            if name != "silent":
                data = {"name": name, "id": f"response:{identity}", "data": result}
                await client.send(json.dumps({"type": "custom", "event": "vite:invoke", "data": data}))

    server, url = await at(answer)
    async with server, asyncio.timeout(PATIENCE), connect(url, timeout=0.3) as remote:
        assert list(await asyncio.gather(remote.invoke("sum", 1, 2), remote.invoke("sum", 3))) == [3, 3]
        with pytest.raises(RemoteError, match="TypeError: no sum") as failure:
            await remote.invoke("fails")
        assert (failure.value.name, failure.value.message, failure.value.stack) == (
            "TypeError",
            "no sum",
            "at home",
        )
        with pytest.raises(TransportError, match="has not answered silent"):
            await remote.invoke("silent")


async def test_leaving_ends_what_is_under_way() -> None:
    async def silent(client: ServerConnection) -> None:
        await client.wait_closed()

    server, url = await at(silent)
    async with server, asyncio.timeout(PATIENCE):
        remote: Remote
        async with connect(url) as remote:
            waiting = asyncio.create_task(remote.invoke("f"))
            await asyncio.sleep(0)
        with pytest.raises(TransportError):
            await waiting
        assert [payload async for payload in remote] == []


async def test_large_messages_come_compressed() -> None:
    async with WebSocketServer(host="127.0.0.1", port=0) as server, asyncio.timeout(PATIENCE):
        async with connect(f"ws://127.0.0.1:{server.port}/") as remote:
            assert await anext(remote) == Connected()
            server.send("large", "x" * 100_000)
            assert await anext(remote) == Custom("large", "x" * 100_000)
        assert server.stats().bytes_out < 1000
