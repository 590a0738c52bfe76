"""One process of a cluster: python node.py URL NAME

Prints JSON lines: first its port, token and position, then how many of its messages are acknowledged, and
whether it leads. Reads a line to send: `COUNT PER_SECOND`, where 0 is as fast as it can.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from hotchannel import WebSocketServer

TICK = 0.01
"""Seconds between two handfuls of messages."""


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)


async def send(server: WebSocketServer, name: str, count: int, rate: int) -> None:
    """Send numbered messages, each with the time at which it is sent, and say what the engine has."""
    started = time.monotonic()
    sent = 0
    while sent < count:
        due = count if not rate else min(count, int((time.monotonic() - started) * rate) + 1)
        for _ in range(min(due - sent, 500)):
            sent += 1
            server.send("n", [name, sent, time.monotonic_ns()])
        say(acknowledged=sent - server.unacknowledged)
        await asyncio.sleep(TICK if rate else 0)
    while server.unacknowledged:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(TICK)
    say(acknowledged=sent)


async def main(url: str, name: str) -> None:
    # Its clients answer no pings.
    server = WebSocketServer(
        port=0,
        backplane=url or None,
        journal_messages=20_000,
        journal_bytes=64 * 1024 * 1024,
        ping_interval=3600,
    )
    async with server:
        say(port=server.port, token=server.token, position=server.position())
        say(leads=server.is_leader)
        server.led(lambda is_leader: say(leads=is_leader))
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, rate = map(int, line.split())
            await send(server, name, count, rate)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
