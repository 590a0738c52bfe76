"""What an inspector hears of binary messages."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions
from hotchannel.wire.binary import pack
from hotchannel.wire.payloads import Binary

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 10


async def test_of_binary_messages_event_and_size_are_told(tmp_path: Path) -> None:
    async with DevServer(tmp_path, DevOptions(port=0)) as server:

        def open_inspector() -> None:
            urllib.request.urlopen(server.inspector_url, timeout=PATIENCE).close()

        await asyncio.to_thread(open_inspector)
        socket = f"{server.local_urls[0].replace('http', 'ws')}?token={server.channel.token}"
        protocols = [Subprotocol("vite-hmr")]
        async with (
            connect(socket, subprotocols=protocols) as page,
            connect(socket, subprotocols=protocols) as me,
        ):
            await me.send(json.dumps({"type": "custom", "event": "hotchannel:inspect"}))
            told: list[dict[str, Any]] = []

            async def hear(event: str) -> dict[str, Any]:
                while not any(message["event"] == event for message in told):
                    said = json.loads(await me.recv())
                    told.extend(said.get("data", {}).get("messages", ()))
                return next(message for message in told if message["event"] == event)

            async with asyncio.timeout(PATIENCE):
                # The first word comes when all of it has begun.
                await me.recv()
                await me.recv()
                server.channel.send("frame", b"\x00" * 5000, {"n": 1})
                await page.send(pack(Binary("page:frame", b"abc")))
                out, came = await hear("frame"), await hear("page:frame")
        keys = ("way", "type", "size", "text")
        assert [out[key] for key in keys] == ["out", "binary", 5000, "frame, 5000 bytes"]
        assert [came[key] for key in keys] == ["in", "binary", 3, "page:frame, 3 bytes"]
