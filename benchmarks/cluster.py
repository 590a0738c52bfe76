"""What does a shared channel cost, and does it hold? Redis and NATS between three processes.

    python benchmarks/cluster.py [--engine redis|nats|both] [--quick]

- Messages a second: every process sends as fast as it can, and has ten clients; until all of them have all.
  Beside it, one process whose channel is its own.
- Added latency: from `send` in one process to the client of another, 200 messages a second, p50 and p99; and
  the same in a process whose channel is its own.
- The storm: three processes, 300 clients, 10,000 messages from all three at once. One process is killed at a
  quarter, and its clients come back to another; the engine is killed at a half, and started again. Counted is
  what any client misses of what the engine had acknowledged, and what came twice or out of order.

Everything is on loopback, and clients share the machine's cores with the processes: compare within one run.
Needs redis-server and nats-server.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.engines import Engine, EngineKind
from support.storm import Storm

PATIENCE = 300.0
CLIENTS_OF_EACH = 10


async def throughput(url: str, nodes: int, count: int) -> float:
    """Messages a second that reach every client of `nodes` processes, each sending `count`."""
    storm = Storm()
    try:
        await storm.start(url, nodes=nodes, clients=CLIENTS_OF_EACH * nodes)
        started = time.monotonic()
        for node in storm.nodes:
            node.send(count, 0)
        names = [node.name.encode() for node in storm.nodes]
        done = await storm.until(
            lambda: all(client.heard.get(name) == count for client in storm.clients for name in names),
            patience=PATIENCE,
        )
        check(done, "not every client has everything")
        return nodes * count / (time.monotonic() - started)
    finally:
        await storm.close()


async def latency(url: str, count: int) -> tuple[float, float]:
    """Median and 99th percentile of the milliseconds from a process to the client of another, or its own."""
    storm = Storm()
    try:
        nodes = 2 if url else 1
        await storm.start(url, nodes=nodes, clients=nodes)
        storm.nodes[0].send(count, 200)
        listener = storm.clients[-1]
        check(
            await storm.until(lambda: listener.heard.get(b"a") == count, patience=PATIENCE),
            "messages are missing",
        )
        delays = sorted(1000 * delay for delay in listener.delays)
        return statistics.median(delays), delays[len(delays) * 99 // 100]
    finally:
        await storm.close()


async def storm(engine: Engine, clients: int, count: int) -> None:
    """Print what became of `count` messages from three processes at once."""
    storm = Storm()
    # One of three ends at a quarter: that makes a little more in all.
    each = count // 2
    try:
        await storm.start(engine.url, nodes=3, clients=clients)
        started = time.monotonic()
        for node in storm.nodes:
            node.send(each, 150)
        killed, first = storm.nodes[2], storm.nodes[0]
        check(
            await storm.until(lambda: killed.acknowledged > each // 4, patience=PATIENCE), "nothing is sent"
        )
        await killed.kill()
        check(await storm.until(lambda: first.acknowledged > each // 2, patience=PATIENCE), "nothing is sent")
        engine.kill()
        await asyncio.sleep(1)
        engine.start()
        check(
            await storm.until(
                lambda: all(node.acknowledged == each for node in storm.nodes[:2]), patience=PATIENCE
            ),
            "the engine did not take everything",
        )
        complete = await storm.until(storm.has_everything, patience=30)
        took = time.monotonic() - started
        acknowledged = {node.name: node.acknowledged for node in storm.nodes}
        missing = sum(
            max(0, node.acknowledged - client.heard.get(node.name.encode(), 0))
            for client in storm.clients
            for node in storm.nodes
        )
        wrong = sum(len(client.wrong) for client in storm.clients)
        back = sum(client.returns for client in storm.clients)
        heard = sum(sum(client.heard.values()) for client in storm.clients)
        print(f"  storm: {clients} clients, acknowledged {acknowledged}, {heard} received in {took:.1f} s")
        print(
            f"         {missing} missing, {wrong} twice or out of order, {back} clients came back elsewhere"
        )
        check(complete and not wrong, "a client misses messages, or has some twice")
    finally:
        await storm.close()


def check(holds: bool, problem: str) -> None:
    """End where a measurement is none.

    Raises:
        SystemExit: it does not hold.
    """
    if not holds:
        sys.exit(f"not measured: {problem}")


async def measure(kind: EngineKind, *, quick: bool) -> None:
    """Print all figures of an engine."""
    count = 500 if quick else 5000
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(kind, Path(folder))
        engine.start()
        try:
            print(f"{kind}")
            alone = await throughput("", 1, count)
            print(f"  messages a second, own channel, 1 process: {alone:8.0f}   1.00")
            for nodes in (1, 2, 3):
                rate = await throughput(f"{engine.url}?channel=rate{nodes}", nodes, count)
                print(f"  messages a second, shared, {nodes} processes:    {rate:8.0f}   {rate / alone:.2f}")
            own = await latency("", 200 if quick else 2000)
            shared = await latency(f"{engine.url}?channel=latency", 200 if quick else 2000)
            print(f"  send to client, own channel:    p50 {own[0]:6.2f} ms   p99 {own[1]:6.2f} ms")
            print(f"  send to client of another:      p50 {shared[0]:6.2f} ms   p99 {shared[1]:6.2f} ms")
            added = [other - mine for other, mine in zip(shared, own, strict=True)]
            print(f"  added:                          p50 {added[0]:6.2f} ms   p99 {added[1]:6.2f} ms")
            await storm(engine, *((30, 900) if quick else (300, 10_000)))
        finally:
            engine.stop()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="What a shared channel costs, and whether it holds.")
    parser.add_argument("--engine", choices=("redis", "nats", "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="fewer messages and clients")
    options = parser.parse_args()
    kinds: tuple[EngineKind, ...] = ("redis", "nats") if options.engine == "both" else (options.engine,)
    for kind in kinds:
        asyncio.run(measure(kind, quick=options.quick))


if __name__ == "__main__":
    main()
