"""The server of `soak.py`, on a port of its own: `python -m peers.soak_server LOOP` (`asyncio` or `uvloop`).

Role: as a user's server would be, with listeners sync and async, and with limits so low that clients can
reach them within seconds. Beside serving it tells what it holds and what it has logged, so that the
benchmark sees every leak and every error that the clients would not. Commands come on stdin, one a line,
and each is answered with a line:

    tick RATE    from now on that many broadcasts a second, numbered and of different sizes; 0 for no more
    count        what it holds: see `_Soaked._count`
    measure      the same, after giving back to the system what is free

Broadcasts have the numbers that the server's own journal gives them. A newcomer is told the position that
it came in at; whoever says something or wants to leave, the last number that it should have got.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import logging
import resource
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import uvloop

from hotchannel import WebSocketServer

if TYPE_CHECKING:
    from hotchannel.websocket.client import WebSocketClient

__all__ = ["main"]

SIZES = (80, 350, 2000, 8000)
"""Characters in a broadcast, in turn."""

OPTIONS: dict[str, Any] = {
    "ping_interval": 10.0,
    "handshake_timeout": 5.0,
    "max_outbox_size": 128 * 1024,
    "journal_messages": 600,
}

COUNTED = ("Connection", "Session", "WebSocketClient", "TokenBucket")
"""Types of hotchannel that each client has one of."""

LATE = 1.0
"""Seconds of broadcasts that may come in a burst."""

TRANSPORTS = ("TCPTransport", "_SelectorSocketTransport")


class _Counts(logging.Handler):
    """Counts what is logged; errors are shown in full as well."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.levels[record.levelname] += 1
        if record.levelno >= logging.WARNING:
            self.texts[str(record.msg)] += 1
        if record.levelno >= logging.ERROR or record.exc_info:
            print(logging.Formatter().format(record), file=sys.stderr, flush=True)


class _Ticker:
    """Broadcasts at a steady rate."""

    def __init__(self, server: WebSocketServer) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None
        self.last = 0

    def set_rate(self, rate: float) -> None:
        """Begin, or end with 0."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if rate:
            self._task = asyncio.create_task(self._tick(1 / rate))

    def tick(self, count: int = 1) -> None:
        """Broadcast now."""
        for _ in range(count):
            self.last += 1
            text = "x" * SIZES[self.last % len(SIZES)]
            self._server.send("soak:tick", {"number": self.last, "text": text})

    async def _tick(self, interval: float) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self.tick()
            # What is late is made up for; but a machine that stood still is not to be flooded afterwards.
            due = max(due + interval, clock() - LATE)
            await asyncio.sleep(due - clock())


class _Soaked:
    """The server, its log and its broadcasts."""

    def __init__(self, server: WebSocketServer, log: _Counts) -> None:
        self._server = server
        self._log = log
        self._ticker = _Ticker(server)
        self._heard = 0
        server.on("vite:client:connect", self._greet)
        server.on("soak:say", self._answer)
        server.on("soak:bye", self._dismiss)
        server.on("message", self._hear)

    async def obey(self) -> None:
        """Do what stdin says until it ends."""
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
        )
        print(f"ready {self._server.port} {self._server.token}", flush=True)
        async for line in commands:
            match line.split():
                case [b"tick", rate]:
                    self._ticker.set_rate(float(rate))
                    print("ok", flush=True)
                case [b"measure"]:
                    # What was made among things of clients that are gone now keeps their pages. The
                    # journal is all there is of that kind: made anew, it lies elsewhere.
                    self._ticker.tick(OPTIONS["journal_messages"])
                    # Pages whose last object is gone stay with the allocator, more or fewer by chance. A
                    # leak is in use, and no trimming gives it back.
                    gc.collect()
                    ctypes.CDLL(None).malloc_trim(0)
                    self._print_count()
                case _:
                    self._print_count()

    def _greet(self, _data: object, client: WebSocketClient) -> None:
        client.send("soak:joined", {"position": self._server.position()})

    async def _answer(self, data: object, client: WebSocketClient) -> None:
        # As a task that waits, so that clients leave while they are being answered.
        await asyncio.sleep(0)
        client.send("soak:said", {"number": self._ticker.last, "turn": data})

    def _dismiss(self, _data: object, client: WebSocketClient) -> None:
        client.send("soak:dismissed", {"number": self._ticker.last})

    def _hear(self, _client: WebSocketClient, _message: str | bytes) -> None:
        self._heard += 1

    def _print_count(self) -> None:
        print(f"count {json.dumps(self._count())}", flush=True)

    def _count(self) -> dict[str, Any]:
        """What is held now, by the interpreter's own books, and what has been counted since the start."""
        stats = self._server.stats()
        by_type = Counter(type(each).__name__ for each in gc.get_objects())
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "held": {
                "clients": stats.clients,
                **{name: by_type[name] for name in COUNTED},
                "transports": sum(by_type[name] for name in TRANSPORTS),
                "timers": by_type["TimerHandle"],
                "tasks": len(asyncio.all_tasks()),
            },
            "blocks": sys.getallocatedblocks(),
            "malloc": _in_use(),
            "cpu": used.ru_utime + used.ru_stime,
            "broadcasts": self._ticker.last,
            "heard": self._heard,
            "accepted": stats.accepted,
            "refused": sum(stats.refused.values()),
            "dropped": stats.dropped,
            "messages_out": stats.messages_out,
            "bytes_out": stats.bytes_out,
            "levels": self._log.levels,
            "texts": self._log.texts,
        }


class _MallInfo(ctypes.Structure):
    """What `mallinfo2` of the C library gives: see its manual page."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def _in_use() -> int:
    """Bytes that the C allocator has given out and not got back; the interpreter's blocks are beside them."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


async def _run() -> None:
    log = _Counts()
    logging.basicConfig(level=logging.INFO, handlers=[log])
    # What a destructor or a callback of C raises is printed, and an error like any other.
    sys.unraisablehook = lambda raised: logging.error("unraisable", exc_info=raised.exc_value or True)
    async with WebSocketServer(host="127.0.0.1", port=0, **OPTIONS) as server:
        await _Soaked(server, log).obey()


def main() -> None:
    """Serve until stdin ends."""
    (loop,) = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run())


if __name__ == "__main__":
    main()
