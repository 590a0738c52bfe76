"""The Python client with bytes: both ways with hotchannel, and in base64 from whoever knows no better."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import serve

from hotchannel.channel.invoke import INVOKE_EVENT
from hotchannel.cli.remote import line
from hotchannel.devserver.app import DevServer
from hotchannel.errors import HotChannelError
from hotchannel.options import DevOptions
from hotchannel.remote import connect, connect_sync
from hotchannel.remote.payloads import parse
from hotchannel.websocket.server import WebSocketServer
from hotchannel.wire.binary import BinaryData, pack
from hotchannel.wire.payloads import Binary, Connected, Custom

if TYPE_CHECKING:
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection

PATIENCE = 20.0
IMAGE = np.arange(6, dtype=np.float32).reshape(2, 3)


async def test_both_ways() -> None:
    async with WebSocketServer(host="127.0.0.1", port=0) as server, asyncio.timeout(PATIENCE):
        server.on("image", lambda data, client: client.send("image", data.data, {"meta": data.meta}))
        async with connect(f"ws://127.0.0.1:{server.port}/?token={server.token}") as remote:
            assert await anext(remote) == Connected()
            await remote.send("image", IMAGE.T, {"shape": [3, 2]})
            answer = await anext(remote)
            assert answer == Binary("image", IMAGE.T.tobytes(), {"meta": {"shape": [3, 2]}})
            await remote.send("image", memoryview(b""))
            assert await anext(remote) == Binary("image", b"", {"meta": None})
            server.send("image", bytearray(b"to all"))
            assert await anext(remote) == Binary("image", b"to all")
            for data, meta in ((b"", object()), ("text", 1)):
                with pytest.raises(HotChannelError, match="meta"):
                    await remote.send("image", data, meta)
            await remote.send("image", b"still there")
            assert await anext(remote) == Binary("image", b"still there", {"meta": None})


async def test_a_script_without_a_loop() -> None:
    async with WebSocketServer(host="127.0.0.1", port=0) as server:
        server.on("image", lambda data, client: client.send("image", data.data, data.meta))

        def script() -> list[object]:
            with connect_sync(f"ws://127.0.0.1:{server.port}/") as remote:
                remote.send("image", IMAGE, 1)
                return [next(remote), next(remote)]

        assert await asyncio.to_thread(script) == [Connected(), Binary("image", IMAGE.tobytes(), 1)]


async def test_a_server_that_knows_nothing_of_it() -> None:
    asked: list[str] = []
    heard: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def stock(socket: ServerConnection) -> None:
        assert socket.request is not None
        asked.append(socket.request.path)
        await socket.send(json.dumps({"type": "custom", "event": "image", "data": {"data": "AP8="}}))
        async for message in socket:
            heard.put_nowait(message)

    async with (
        serve(stock, "127.0.0.1", 0, subprotocols=["vite-hmr"]) as server,  # type: ignore[list-item]
        asyncio.timeout(PATIENCE),
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/hot?token=t", reconnect=False) as remote:
            assert await anext(remote) == Custom("image", {"data": "AP8="})
            await remote.send("image", b"1")
            assert await heard.get() == pack(Binary("image", b"1"))
    assert asked == ["/hot?token=t&binary=1"]


@given(st.binary(max_size=60))
def test_whatever_comes_is_read(message: bytes) -> None:
    parse(b"\x00" + message)


def test_a_number_in_it_is_passed_over() -> None:
    assert parse(pack(Binary("image", b"1", {}), 7)) == Binary("image", b"1", {})
    assert parse(pack(Binary("image", b"1"))[:9]) is None


def test_the_command_line_shows_how_much_there_was() -> None:
    assert line(Binary("image", bytes(9))) == "image 9 bytes"
    assert line(Binary("image", b"", {"größe": 1})) == 'image 0 bytes {"größe": 1}'


async def test_listeners_of_the_server_s_own_take_no_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is in may send bytes where data is expected."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    options = DevOptions(port=0, forward_console=True)
    async with DevServer(tmp_path, options) as server, asyncio.timeout(PATIENCE):
        heard: list[object] = []
        server.channel.on("image", lambda data, client: heard.append(data))
        async with connect(server.local_urls[0]) as remote:
            for event in (INVOKE_EVENT, "vite:invalidate", "vite:forward-console", "hotchannel:loaded"):
                await remote.send(event, b"{}", {"path": "/index.html"})
            await remote.send("image", b"")
            await remote.ping()
            assert heard == [BinaryData(b"", None)]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
