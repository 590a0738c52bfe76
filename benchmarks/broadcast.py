"""What does a client cost the server? hotchannel beside npm's Vite, `ws`, `websockets` and a loop in C.

Prints three things, all of them the server's own, since a rate swings with whatever else a machine does:

- memory: how much a server's resident set grows with each idle client, beyond the first ones, which find
  room that the start has left; what the kernel holds for a socket is not counted;
- broadcast: processor time for each message and client, to 1000 clients that are connected at once, for
  messages of 350 bytes and of 8 KiB; each contestant serialises where its interface does so;
- handshake: processor time for one that is accepted, its greeting and its end included, and for one that
  is refused (a browser's, with a wrong token), on servers that have answered thousands before.

The contestants run all at one time and take turns round by round, so that noise hits all alike. A figure
is the median of the rounds; a ratio is the median of the rounds' ratios. A round counts only if every client
got every byte. No client offers compression, no server pings. Processor time is user and system time of
the whole process, all threads. Needs what `make bench` installs, and a C compiler.

hotchannel's aims: a broadcast costs at most 1.25 times the loop in C (1.3 times through uvicorn's port) and
0.8 times Vite; an idle client 0.8 times the memory of Vite's; a handshake, accepted or refused, no more than
Vite's. Plain ASGI has no aim: there framing is the other server's. The loop in Python is there to
tell what of the distance to C is Python's own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peers.processes import PATIENCE, PEERS, REPOSITORY, Child, ChildError, Server, python, running
from peers.tables import Aim, Report, Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "BATCH",
    "CLIENTS",
    "GREETING",
    "PAUSE",
    "Contestant",
    "Line",
    "in_turn",
    "main",
    "node",
    "run_from_terminal",
    "up",
]

CLIENTS = 1000
SIZES = {350: "350 bytes", 8192: "8 KiB"}
FRAME_HEAD = 4
GREETING = len('{"type":"connected"}') + 2
BATCH = 10
"""Broadcasts in a round."""

PAUSE = 20
"""Milliseconds between two broadcasts: clients read all of one before the next."""

SETTLE = 0.05
"""Seconds for what a server does after the last byte has arrived."""

MISSED, NOT_MEASURED = 1, 2
"""Exit statuses."""

LIMIT, VITE = "C, a loop of send()", "Vite"


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is done."""

    fresh_starts: int = 2
    first_clients: int = 1000
    idle_clients: int = 3000
    rounds: int = 14
    knocks: int = 400
    knock_rounds: int = 11


QUICK = Effort(fresh_starts=1, first_clients=500, idle_clients=2000, rounds=3, knocks=300, knock_rounds=3)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One kind of server.

    Attributes:
        name: in the tables.
        command: starts it.
        greeting: bytes that it sends to each newcomer.
        refusal: the status that it refuses a wrong token with; none where it refuses nobody.
        over_limit: how many times the loop in C a broadcast may cost; none where nothing is aimed at.
        warm_up: handshakes of each kind until they cost what they always will; engines that compile what
            runs often need thousands.
        offer: the compression that its clients offer; none where they do not.
    """

    name: str
    command: Sequence[str]
    greeting: int = 0
    refusal: str = ""
    over_limit: float | None = None
    warm_up: int = 500
    offer: str = ""


def node(*arguments: str) -> Sequence[str]:
    """The command that starts a server on Node."""
    return ("node", str(PEERS / "servers.mjs"), *arguments)


def contestants(folder: Path) -> list[Contestant]:
    """All of them; makes in `folder` what they need."""
    project = folder / "project"
    project.mkdir()
    (project / "index.html").write_text("<!doctype html>\n<title>Benchmark</title>\n")
    limit = folder / "limit"
    subprocess.run(["cc", "-O2", "-o", str(limit), str(PEERS / "limit.c")], check=True, timeout=PATIENCE)

    def ours(name: str, kind: str, loop: str, over_limit: float | None) -> Contestant:
        command = python("servers", kind, loop)
        return Contestant(f"hotchannel, {name}, {loop}", command, GREETING, "400", over_limit)

    return [
        ours("own port", "standalone", "asyncio", 1.25),
        ours("own port", "standalone", "uvloop", 1.25),
        ours("uvicorn's port", "take-over", "asyncio", 1.3),
        ours("uvicorn's port", "take-over", "uvloop", 1.3),
        ours("ASGI in uvicorn", "asgi", "uvloop", None),
        Contestant(VITE, node("vite", str(project)), GREETING, "400", warm_up=6000),
        Contestant("ws", node("ws"), 0, "401", warm_up=6000),
        Contestant("websockets, asyncio", python("servers", "websockets", "asyncio"), 0, "403"),
        Contestant("Python, the loop of send()", python("limit")),
        Contestant(LIMIT, (str(limit),)),
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A running contestant, and the process with all clients, which can reach it.

    Attributes:
        contestant: which one.
        server: its process.
        clients: theirs.
    """

    contestant: Contestant
    server: Server
    clients: Child

    @property
    def name(self) -> str:
        """In the tables."""
        return self.contestant.name

    def open(self, group: str, count: int) -> None:
        """Connect that many, and keep them as `group`."""
        where = f"{self.server.port} {self.server.token}"
        how = f"{self.contestant.greeting} {self.contestant.offer}"
        self.clients.ask(f"open {self.key(group)} {where} {count} {how}", "ok")

    def close(self, group: str) -> None:
        """Hang up."""
        self.clients.ask(f"close {self.key(group)}", "ok")

    def broadcast(self, group: str, size: int) -> float:
        """A batch of broadcasts of `size` bytes; microseconds for each message and client."""
        heard = f"expect {self.key(group)} {(size + FRAME_HEAD) * BATCH} {PATIENCE / 2}"
        cost, _ = self.cost(f"send {size} {BATCH} {PAUSE}", heard)
        return cost

    def cost(self, said: str, heard: str) -> tuple[float, list[str]]:
        """The same for what the server is told, and what the clients answer to that."""
        before = self.server.cpu
        self.clients.tell(heard)
        self.server.ask(said, "sent")
        answer = self.clients.hear("ok")
        time.sleep(SETTLE)
        return (self.server.cpu - before) / (BATCH * CLIENTS), answer

    def knock(self, count: int, *, refused: bool) -> float:
        """That many handshakes; microseconds for each."""
        before = self.server.cpu
        token = "wrong" if refused else self.server.token
        answer = f"{self.contestant.refusal} 0" if refused else f"101 {self.contestant.greeting}"
        self.clients.ask(f"knock {self.server.port} {token} {count} {answer}", "ok")
        time.sleep(SETTLE)
        return (self.server.cpu - before) / count

    def key(self, group: str) -> str:
        """What the clients call it."""
        return f"{group}-{self.server.process.pid}"


class Benchmark:
    """All measurements.

    Args:
        folder: for what contestants need, and for their logs.
        clients: the process with all clients.
        effort: how often everything is done.
    """

    def __init__(self, folder: Path, clients: Child, effort: Effort) -> None:
        self._folder = folder
        self._clients = clients
        self._effort = effort
        self._kinds = contestants(folder)
        self._report = Report({LIMIT: "C"})

    def run(self) -> bool:
        """Measure and print everything; whether all aims are met."""
        # The loops take handshakes to get their sockets; they keep nothing, and refuse nobody.
        guarded = [kind for kind in self._kinds if kind.refusal]
        about = f"KiB for each of {self._effort.idle_clients} idle clients"
        self._report.add("Memory", about, self._memory(guarded), self._aims(VITE, 0.8), [VITE])
        with ExitStack() as cleanup:
            lines = up(self._kinds, self._clients, self._folder, cleanup)
            for line in lines:
                line.open("all", CLIENTS)
            about = f"microseconds for each message and each of {CLIENTS} clients"
            for size, called in SIZES.items():
                aims = self._aims(LIMIT, None) + self._aims(VITE, 0.8)
                samples = self._broadcasts(lines, size)
                self._report.add(f"Broadcast of {called}", about, samples, aims, [LIMIT, VITE])
            for line in lines:
                line.close("all")
            guards = [line for line in lines if line.contestant.refusal]
            for refused, called in ((False, "accepted"), (True, "refused")):
                samples = self._handshakes(guards, refused=refused)
                self._report.add(
                    f"Handshake, {called}", "microseconds for each", samples, self._aims(VITE, 1.0), [VITE]
                )
        return self._report.summarise()

    def _aims(self, yardstick: str, most: float | None) -> list[Aim]:
        """Those of hotchannel's entrances; without `most`, each has its own."""
        return [
            Aim(kind.name, yardstick, kind.over_limit if most is None else most)
            for kind in self._kinds
            if kind.over_limit is not None
        ]

    def _memory(self, kinds: list[Contestant]) -> Samples:
        samples: Samples = {kind.name: [] for kind in kinds}
        for _ in range(self._effort.fresh_starts):
            for kind in kinds:
                with ExitStack() as cleanup:
                    (line,) = up([kind], self._clients, self._folder, cleanup)
                    line.open("first", self._effort.first_clients)
                    before = line.server.memory
                    line.open("idle", self._effort.idle_clients)
                    grown = line.server.memory - before
                    samples[kind.name].append(grown / self._effort.idle_clients / 1024)
                    line.close("first")
                    line.close("idle")
        return samples

    def _broadcasts(self, lines: list[Line], size: int) -> Samples:
        samples: Samples = {line.name: [] for line in lines}
        for line in in_turn(lines, 2):
            # Engines that compile what runs often are to be through with that.
            line.broadcast("all", size)
        for line in in_turn(lines, self._effort.rounds):
            samples[line.name].append(line.broadcast("all", size))
        return samples

    def _handshakes(self, lines: list[Line], *, refused: bool) -> Samples:
        samples: Samples = {line.name: [] for line in lines}
        for line in lines:
            line.knock(line.contestant.warm_up, refused=refused)
        for line in in_turn(lines, self._effort.knock_rounds):
            samples[line.name].append(line.knock(self._effort.knocks, refused=refused))
        return samples


def up(kinds: list[Contestant], clients: Child, folder: Path, cleanup: ExitStack) -> list[Line]:
    """Their servers, running until `cleanup`; logs go to `folder`."""
    commands = {kind.name: kind.command for kind in kinds}
    servers = cleanup.enter_context(running(commands, folder))
    return [Line(kind, servers[kind.name], clients) for kind in kinds]


def in_turn(lines: list[Line], rounds: int) -> Iterator[Line]:
    """Each of them in every round; another one begins each time."""
    for turn in range(rounds):
        first = turn % len(lines)
        yield from lines[first:] + lines[:first]


def _missing(contestants: int) -> str | None:
    """What is not there although it is needed by that many, and how to get it."""
    for there, what in (
        ((REPOSITORY / "node_modules/vite").is_dir(), "npm's Vite"),
        ((REPOSITORY / "node_modules/ws").is_dir(), "npm's ws"),
        (shutil.which("node"), "node"),
    ):
        if not there:
            return f"{what} is missing: `make bench` installs what this needs"
    if not shutil.which("cc"):
        return "cc is missing: the limit is a program in C (Debian: apt-get install gcc libc6-dev)"
    # One process holds the clients of all contestants.
    needed = contestants * CLIENTS
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < needed:
        return f"{needed} open files are needed, {most} are allowed: raise the hard limit (ulimit -Hn)"
    return None


def run_from_terminal(
    about: str | None, *, takes: str, quick: str, contestants: int, run: Callable[[Path, Child, bool], bool]
) -> int:
    """Read the command line, check that everything is there, and run.

    Args:
        about: the benchmark's docstring.
        takes: how long all of it takes, for `--help`.
        quick: what `--quick` does.
        contestants: how many there are.
        run: measures and prints, in a folder, with a process of clients, quickly or not; tells whether all
            aims are met.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"Takes {takes}. Exit status: 0 all aims met, 1 some missed, 2 not measured.",
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    arguments = parser.parse_args()
    lacking = _missing(contestants)
    if lacking:
        print(lacking, file=sys.stderr)
        return NOT_MEASURED
    print(f"On {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="hotchannel-benchmark-") as name:
        folder = Path(name)
        try:
            with Child("clients", python("clients"), folder / "clients.log") as clients:
                met = run(folder, clients, arguments.quick)
        except (ChildError, subprocess.SubprocessError) as exc:
            print(exc, file=sys.stderr)
            return NOT_MEASURED
    return 0 if met else MISSED


def main() -> int:
    """Measure; the exit status."""
    return run_from_terminal(
        __doc__,
        takes="four to six minutes",
        quick="fewer repetitions, a minute or two in all",
        contestants=11,
        run=lambda folder, clients, quick: Benchmark(folder, clients, QUICK if quick else Effort()).run(),
    )


if __name__ == "__main__":
    sys.exit(main())
