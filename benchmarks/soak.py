"""Does the server stay well? Thousands of clients, good and bad, come and go for minutes, and then all leave.

A server of hotchannel, in a process and on a port of its own, has 2000 clients at any time. Most keep the
rules: they talk, close politely, hang up without a word, or are killed and come back to resume. The others
flood, do not read, answer no ping, never finish their handshake, break the protocol, vanish in the middle
of a message, or are refused. Meanwhile numbered broadcasts go out at a steady rate.

The run fails unless

- every client that keeps the rules gets every broadcast from its coming to its going, in order;
- every client that breaks one is sent away, with the right words, and of every kind there were some;
- the server logs no error, and prints no traceback;
- of the clients nothing is left: no object, timer, task or file descriptor, nor anything that the
  interpreter has allocated for each of them;
- the server's memory is what it was before, within 5 %.

*Before* is after two rounds of warm-up with the same clients at full number, since an interpreter and an
allocator keep what they once had for the next; the larger of both counts, for how much they keep is also
chance. Every time all clients are gone and the allocator has been told to give back what is free
(`malloc_trim`): that shows no leak as less than it is, since what leaks is in use. Needs Linux with glibc.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from peers.processes import Child, ChildError, Server, python

__all__ = ["main"]

MIB = 2**20

GROWTH = 0.05
"""The share by which the resident set may be larger afterwards."""

BLOCKS = 0.1
"""Blocks of the interpreter for each connection that may be more afterwards: what grows with none of them."""

SETTLE = 20.0
"""Seconds that the server has to be done with everybody who left."""

FAILED, NOT_MEASURED = 1, 2
"""Exit statuses."""

KINDS = (
    "closed politely",
    "killed",
    "resumed",
    "hung up without closing",
    "floods closed with 1008",
    "slow readers dropped",
    "silent clients dropped",
    "half-open handshakes ended",
    "protocol violations answered",
    "gone amid a message",
    "handshakes refused",
)
"""What must have happened at least once, or the run has shown nothing about it."""


@dataclass(frozen=True, slots=True)
class State:
    """The server with no client there.

    Attributes:
        resident: bytes of its resident set.
        files: file descriptors.
        figures: what it says of itself, see `peers/soak_server.py`.
    """

    resident: int
    files: int
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One phase.

    Attributes:
        clients: what clients counted, see `peers/soak_clients.py`.
        after: the server when all had left.
        peak: bytes of the largest resident set that was seen.
        seconds: from the first client to the last.
        clients_cpu: seconds of processor time of the clients' process.
    """

    clients: dict[str, Any]
    after: State
    peak: int
    seconds: float
    clients_cpu: float


class Soak:
    """Both phases, on one server.

    Args:
        server: its process.
        clients: the process with all of them.
        count: how many there are at any time.
        rate: broadcasts a second.
    """

    def __init__(self, server: Server, clients: Child, count: int, rate: float) -> None:
        self._server = server
        self._clients = clients
        self._count = count
        self._rate = rate
        self._process = psutil.Process(server.process.pid)

    def phase(self, seconds: float) -> Outcome:
        """Let clients come and go for so long, see them all off, and look at what is left."""
        begun = time.monotonic()
        clients_cpu = _cpu(self._clients)
        peak = 0
        self._server.ask(f"tick {self._rate}", "ok")
        self._clients.ask(f"come {self._server.port} {self._server.token} {self._count}", "ok")
        while time.monotonic() - begun < seconds:
            time.sleep(min(1.0, seconds))
            peak = max(peak, self._process.memory_info().rss)
        self._clients.ask("leave", "ok")
        self._server.ask("tick 0", "ok")
        lasted = time.monotonic() - begun
        counted = self._clients.figures("count")
        self._settle()
        figures = self._server.figures("measure")
        after = State(self._process.memory_info().rss, self._process.num_fds(), figures)
        return Outcome(counted, after, peak, lasted, _cpu(self._clients) - clients_cpu)

    def _settle(self) -> None:
        """Wait until nothing of the clients is left; what never goes is found when it is measured."""
        end = time.monotonic() + SETTLE
        while time.monotonic() < end and _left(self._server.figures("count")):
            time.sleep(0.5)


def _cpu(child: Child) -> float:
    times = psutil.Process(child.process.pid).cpu_times()
    return float(times.user + times.system)


def _left(figures: dict[str, Any]) -> dict[str, int]:
    """What the server still holds although nobody is there; one task is the one that answers."""
    held = {**figures["held"], "tasks": figures["held"]["tasks"] - 1}
    return {name: count for name, count in held.items() if count}


def grown(rounds: list[Outcome], soaked: Outcome) -> float:
    """By what share the resident set is larger than it was."""
    return soaked.after.resident / max(warm.after.resident for warm in rounds) - 1


def failures(rounds: list[Outcome], soaked: Outcome, stderr: str) -> list[str]:
    """What was not as it must be."""
    warm = rounds[-1]
    found: list[str] = []
    for name, outcome in (*(("warm-up", each) for each in rounds), ("soak", soaked)):
        if outcome.clients["problems"]:
            told = "; ".join(
                f"{problem} ({count} times)" for problem, count in outcome.clients["most_common"].items()
            )
            found.append(f"{outcome.clients['problems']} problems of clients in the {name}: {told}")
        left = _left(outcome.after.figures)
        if left:
            found.append(f"left after the {name}: {left}")
    found += [f"did not happen: {kind}" for kind in KINDS if not soaked.clients["counts"].get(kind)]
    errors = {
        level: count
        for level, count in soaked.after.figures["levels"].items()
        if level in ("ERROR", "CRITICAL")
    }
    if errors:
        found.append(f"errors in the server's log: {errors}")
    if stderr:
        found.append(f"the server's stderr:\n{stderr[-4000:]}")
    if soaked.after.files > warm.after.files:
        found.append(f"{soaked.after.files - warm.after.files} file descriptors more than before")
    blocks = soaked.after.figures["blocks"] - warm.after.figures["blocks"]
    if blocks > BLOCKS * soaked.clients["counts"]["connections made"]:
        found.append(f"{blocks} of the interpreter's blocks more than before")
    growth = grown(rounds, soaked)
    if growth > GROWTH:
        found.append(f"the resident set grew by {growth:.1%}, more than {GROWTH:.0%}")
    return found


def show(rounds: list[Outcome], soaked: Outcome) -> None:
    """Print the figures."""
    warm = rounds[-1]
    before, after = warm.after.figures, soaked.after.figures
    counts: dict[str, int] = soaked.clients["counts"]

    def row(label: str, value: float, note: str = "") -> None:
        print(f"  {label:40}{value:>14,}{note}")

    print(f"\nWhat clients saw, in {soaked.seconds:.0f} s")
    row("connections made", counts["connections made"])
    for kind in KINDS:
        row(kind, counts.get(kind, 0))
    row("given up at the end", counts.get("given up at an end", 0))
    row("broadcasts received", counts["broadcasts received"])
    row("answers received", counts["answers received"])
    row("order violations, gaps among them", counts.get("order violations", 0))
    row("problems of any kind", soaked.clients["problems"])

    print("\nWhat the server counted meanwhile")
    for label, key in (
        ("broadcasts", "broadcasts"),
        ("handshakes accepted", "accepted"),
        ("handshakes refused", "refused"),
        ("clients dropped", "dropped"),
        ("messages in", "heard"),
        ("messages out", "messages_out"),
    ):
        row(label, after[key] - before[key])
    row("MiB out", round((after["bytes_out"] - before["bytes_out"]) / MIB))
    for level, count in after["levels"].items():
        row(f"log records, {level}", count - before["levels"].get(level, 0))
    for text, count in after["texts"].items():
        row(f'  "{text[:34]}"', count - before["texts"].get(text, 0))
    cpu = after["cpu"] - before["cpu"]
    row("seconds of processor time", round(cpu, 1), f"  ({cpu / soaked.seconds:.0%} of one core)")
    share = soaked.clients_cpu / soaked.seconds
    row("the same, of all clients", round(soaked.clients_cpu, 1), f"  ({share:.0%} of one core)")

    print("\nWhat it held with everybody gone        after warm-up   after the soak")
    rows: list[tuple[str, Any, Any]] = [
        (name, count, after["held"][name]) for name, count in before["held"].items()
    ]
    rows += [
        ("file descriptors", warm.after.files, soaked.after.files),
        ("the interpreter's blocks", before["blocks"], after["blocks"]),
        ("in use of the C allocator, KiB", before["malloc"] // 1024, after["malloc"] // 1024),
        ("RSS, KiB", warm.after.resident // 1024, soaked.after.resident // 1024),
        ("largest RSS with clients, KiB", warm.peak // 1024, soaked.peak // 1024),
    ]
    for name, first, second in rows:
        print(f"  {name:38}{first:>14,}{second:>17,}")
    print(
        f"  RSS: {grown(rounds, soaked):+.2%} of the larger after a warm-up "
        "(each after a full collection and malloc_trim)",
        flush=True,
    )


def run(arguments: argparse.Namespace) -> list[str]:
    """Measure and print everything; what failed."""
    seconds = 60 * arguments.minutes
    warm_up = min(60.0, max(30.0, seconds / 2))
    print(
        f"{arguments.clients} clients on {arguments.loop}, {arguments.rate:g} broadcasts a second: "
        f"twice {warm_up:.0f} s of warm-up, {seconds:.0f} s of soak (seed {arguments.seed})",
        flush=True,
    )
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="hotchannel-soak-")))
        command = python("soak_server", arguments.loop)
        server = cleanup.enter_context(Server("server", command, folder / "server.log"))
        server.await_ready()
        command = python("soak_clients", arguments.seed)
        clients = cleanup.enter_context(Child("clients", command, folder / "clients.log"))
        soak = Soak(server, clients, arguments.clients, arguments.rate)
        rounds = []
        for _ in range(2):
            rounds.append(soak.phase(warm_up))
            print(
                f"Warming up: RSS {rounds[-1].after.resident // 1024:,} KiB with all clients gone", flush=True
            )
        soaked = soak.phase(seconds)
        show(rounds, soaked)
        return failures(rounds, soaked, server.errors())


def main() -> int:
    """Read the command line and run; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0 all is well, 1 something is not, 2 not measured.",
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, beside the warm-up (default 5)")
    parser.add_argument("--clients", type=int, default=2000, help="how many at any time (default 2000)")
    parser.add_argument("--rate", type=float, default=10.0, help="broadcasts a second (default 10)")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop", help="the server's")
    parser.add_argument("--seed", type=int, default=1, help="of the chance that rules clients (default 1)")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = arguments.clients + 1000
    if most != resource.RLIM_INFINITY and most < needed:
        print(f"{needed} open files are needed, {most} are allowed (ulimit -Hn)", file=sys.stderr)
        return NOT_MEASURED
    try:
        failed = run(arguments)
    except ChildError as exc:
        print(exc, file=sys.stderr)
        return NOT_MEASURED
    print("\nAll is well." if not failed else "\nFAILED")
    for failure in failed:
        print(f"  {failure}")
    return FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
