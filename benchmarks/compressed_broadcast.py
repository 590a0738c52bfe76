"""What does compression cost a server, and what does it save? One frame for all clients beside one for each.

Prints, for broadcasts of 8 KiB to 1000 clients that are connected at once,

- processor time for each message and client: the server's, user and system, all threads;
- bytes for each message and client: what arrives, framing included.

A message is a list of updates, as Vite would send it, and no two in a round are the same. Contestants are
hotchannel on a port of its own, the `websockets` library with its `broadcast`, and npm's `ws` with
`perMessageDeflate`; each compressed, to clients that offer what Chromium offers, and plain, to clients that
offer nothing. Settings are as they come. `websockets` and `ws` compress for each client anew, and keep a
window for each; in return a message that resembles the one before becomes smaller.

They all run at one time and take turns round by round. A figure is the median of the rounds; a ratio is the
median of the rounds' ratios. A round counts only if every client got every message. Needs what `make bench`
installs.

hotchannel's aims: compressed, a broadcast costs at most 1.25 times what its own plain one costs, and at
most 0.15 times the bytes.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from broadcast import (
    BATCH,
    CLIENTS,
    GREETING,
    PAUSE,
    Contestant,
    Line,
    in_turn,
    node,
    run_from_terminal,
    up,
)
from peers.processes import PATIENCE, Child, python
from peers.tables import Aim, Report, Samples

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["main"]

SIZE = 8192
ROUNDS, QUICK_ROUNDS = 14, 3

CHROMIUM = "permessage-deflate;client_max_window_bits"

OURS_PLAIN, OURS = "hotchannel, plain", "hotchannel, compressed"

CONTESTANTS = [
    Contestant(OURS_PLAIN, python("servers", "standalone", "asyncio"), GREETING),
    Contestant(OURS, python("servers", "standalone", "asyncio"), GREETING, offer=CHROMIUM),
    Contestant("websockets, plain", python("servers", "websockets", "asyncio")),
    Contestant("websockets, compressed", python("servers", "websockets", "asyncio"), offer=CHROMIUM),
    Contestant("ws, plain", node("ws")),
    Contestant("ws, compressed", node("ws", "deflate"), offer=CHROMIUM),
]

COST_AIM = Aim(OURS, OURS_PLAIN, 1.25)
SIZE_AIM = Aim(OURS, OURS_PLAIN, 0.15)


def messages() -> list[object]:
    """The data of a round's broadcasts, of `SIZE` bytes or little more: updates of modules."""
    chance = random.Random(1)
    words = ("button", "list", "chart", "header", "form", "table", "menu", "dialog", "route", "store")
    names = list(itertools.product(words, words, ("view", "model", "style")))
    made: list[object] = []
    for stamp in range(1_764_000_000_000, 1_764_000_000_000 + 777 * BATCH, 777):
        entries: list[dict[str, object]] = []
        size = 0
        while size < SIZE:
            path = "/src/{}/{}-{}.js".format(*chance.choice(names))
            entry = {"type": "js-update", "path": path, "acceptedPath": path, "timestamp": stamp}
            entries.append(entry)
            size += len(json.dumps(entry, separators=(",", ":"))) + 1
        made.append({"updates": entries})
    return made


def measure(lines: list[Line], file: Path, rounds: int) -> tuple[Samples, Samples]:
    """Processor time and bytes of each."""
    costs: Samples = {line.name: [] for line in lines}
    sizes: Samples = {line.name: [] for line in lines}

    def broadcast(line: Line) -> tuple[float, float]:
        heard = f"frames {line.key('all')} {BATCH} {PATIENCE / 2}"
        cost, (size,) = line.cost(f"tell {file} {PAUSE}", heard)
        return cost, float(size) / BATCH

    for line in in_turn(lines, 2):
        # Engines that compile what runs often are to be through with that.
        broadcast(line)
    for line in in_turn(lines, rounds):
        cost, size = broadcast(line)
        costs[line.name].append(cost)
        sizes[line.name].append(size)
    return costs, sizes


def run(folder: Path, clients: Child, rounds: int) -> bool:
    """Measure and print everything; whether all aims are met."""
    file = folder / "messages.json"
    file.write_text(json.dumps(messages()))
    report = Report({OURS_PLAIN: "plain"})
    with ExitStack() as cleanup:
        lines = up(CONTESTANTS, clients, folder, cleanup)
        for line in lines:
            line.open("all", CLIENTS)
        costs, sizes = measure(lines, file, rounds)
        for line in lines:
            line.close("all")
    about = f"for each message and each of {CLIENTS} clients"
    report.add("Broadcast of 8 KiB", f"microseconds {about}", costs, [COST_AIM], [OURS_PLAIN])
    report.add("On the wire", f"bytes {about}", sizes, [SIZE_AIM], [OURS_PLAIN])
    return report.summarise()


def main() -> int:
    """Measure; the exit status."""
    return run_from_terminal(
        __doc__,
        takes="a minute or two",
        quick="fewer rounds, half a minute in all",
        contestants=len(CONTESTANTS) + 1,
        run=lambda folder, clients, quick: run(folder, clients, QUICK_ROUNDS if quick else ROUNDS),
    )


if __name__ == "__main__":
    sys.exit(main())
