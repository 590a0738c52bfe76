"""All clients of `soak.py`, in one process: `python -m peers.soak_clients SEED`.

Role: keeps a number of visitors at the server, each of a kind and for a time that chance decides, and sends
the next when one is gone. Commands come on stdin, one a line, and each is answered with a line:

    come PORT TOKEN COUNT    send COUNT visitors, and from now on one for each that is gone
    leave                    send no more; guests go politely, others are given a while and then given up
    count                    what has been counted since `come`, and what went wrong
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

import uvloop

from peers.intruders import Flooder, HalfOpen, Silent, Slow, Stranger, Violator
from peers.visitors import Guest, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

ARRIVALS = 400
"""Visitors a second while the crowd gathers."""

AT_THE_DOOR = 200
"""Handshakes under way: a machine that is slow to serve would lose those that the system cannot queue."""

DEPARTURES = 1000
"""Guests a second that ask to leave at the end."""

SAYERS = 20
"""Visitors that are asked ten times a second to say something; only guests do.

The answers are tasks, of which the server has so many at one time and no more: it must be able to stand still
for seconds, as it does on a busy machine, without dropping one.
"""

A_WHILE = 5.0
"""Seconds in which the server sends away whom it must, except those whom it can only wait for."""

COMES_BACK = 0.5
"""The share of those killed that come back and resume."""

SHOWN = 20
"""Problems that are told in words."""

KINDS: dict[str, int] = {
    "close": 40,
    "kill": 20,
    "hang up": 5,
    "flooder": 4,
    "slow": 4,
    "silent": 4,
    "half-open": 4,
    "violator": 12,
    "stranger": 7,
}
"""Of a hundred visits, how many are what."""


class _Crowd:
    """The visitors that are there; to them it is their `Crowd`."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.port = 0
        self.token = ""
        self._counts: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._visitors: list[Visitor] = []
        self._places: dict[Visitor, int] = {}
        self._coming = False
        self._empty = asyncio.Event()
        self._door = asyncio.Semaphore(AT_THE_DOOR)
        self._tasks: set[asyncio.Task[None]] = set()

    # What visitors tell.

    def count(self, what: str) -> None:
        """Something happened that was to happen."""
        self._counts[what] += 1

    def complain(self, problem: str) -> None:
        """Something happened that must not, or the other way round."""
        self._problems[problem] += 1

    def answered(self) -> None:
        """Another may knock."""
        self._door.release()

    def gone(self, visitor: Visitor) -> None:
        """Send the next in its place."""
        place = self._places.pop(visitor)
        last = self._visitors.pop()
        if last is not visitor:
            self._visitors[place] = last
            self._places[last] = place
        if not self._visitors:
            self._empty.set()
        if self._coming:
            self._start(self._visit(visitor, self.random.uniform(0, 0.5)))

    # What the benchmark says.

    async def obey(self) -> None:
        """Do what stdin says until it ends."""
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
        )
        async for line in commands:
            match line.decode().split():
                case ["come", port, token, count]:
                    await self._come(int(port), token, int(count))
                    print("ok", flush=True)
                case ["leave"]:
                    await self._leave()
                    print("ok", flush=True)
                case _:
                    shown = dict(self._problems.most_common(SHOWN))
                    figures = {
                        "counts": self._counts,
                        "problems": self._problems.total(),
                        "most_common": shown,
                    }
                    print(f"count {json.dumps(figures)}", flush=True)

    async def _come(self, port: int, token: str, count: int) -> None:
        self.port, self.token = port, token
        self._counts.clear()
        self._problems.clear()
        self._coming = True
        self._start(self._talk())
        for _ in range(count):
            self._start(self._visit(None, 0))
            await asyncio.sleep(1 / ARRIVALS)

    async def _leave(self) -> None:
        self._coming = False
        # Those who are on their way arrive first.
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        for visitor in tuple(self._visitors):
            if isinstance(visitor, Guest):
                visitor.leave()
                await asyncio.sleep(1 / DEPARTURES)
        await self._until_gone()
        for visitor in tuple(self._visitors):
            if isinstance(visitor, Guest):
                self.complain("a guest was not let go")
            visitor.give_up()
        await self._until_gone()

    async def _until_gone(self) -> None:
        if self._visitors:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(A_WHILE):
                    await self._empty.wait()

    async def _talk(self) -> None:
        while self._coming:
            await asyncio.sleep(0.1)
            for visitor in self.random.sample(self._visitors, min(SAYERS, len(self._visitors))):
                if isinstance(visitor, Guest):
                    visitor.say()

    async def _visit(self, before: Visitor | None, pause: float) -> None:
        await asyncio.sleep(pause)
        await self._door.acquire()
        visitor = self._next(before)
        line = socket.socket()
        line.setblocking(False)
        if visitor.narrow:
            # With segments as large as loopback's, the server's kernel would take megabytes.
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(line, ("127.0.0.1", self.port))
        except OSError as exc:
            line.close()
            self._door.release()
            self.complain(f"cannot connect: {exc}")
            return
        self.count("connections made")
        self._places[visitor] = len(self._visitors)
        self._visitors.append(visitor)
        await loop.create_connection(lambda: visitor, sock=line)

    def _next(self, before: Visitor | None) -> Visitor:
        if isinstance(before, Guest) and before.position and self.random.random() < COMES_BACK:
            self.count("resumed")
            return Guest(self, "close", before.position)
        (kind,) = self.random.choices(tuple(KINDS), tuple(KINDS.values()))
        make: dict[str, Callable[[], Visitor]] = {
            "flooder": lambda: Flooder(self),
            "slow": lambda: Slow(self),
            "silent": lambda: Silent(self),
            "half-open": lambda: HalfOpen(self),
            "violator": lambda: Violator(self),
            "stranger": lambda: Stranger(self),
        }
        return make[kind]() if kind in make else Guest(self, kind)

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.complain(f"a visit failed: {error!r}")


async def _run(seed: int) -> None:
    crowd = _Crowd(seed)
    loop = asyncio.get_running_loop()
    # What is wrong with a client is no less a reason to distrust the run.
    loop.set_exception_handler(
        lambda _loop, context: crowd.complain(f"{context['message']}: {context.get('exception')!r}")
    )
    await crowd.obey()


def main() -> None:
    """Send visitors until stdin ends."""
    (seed,) = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(int(seed)))


if __name__ == "__main__":
    main()
