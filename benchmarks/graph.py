"""How long does it take to know what a save means, in graphs of up to 100,000 modules?

Prints, for shapes that real projects are made of and for the worst ones, milliseconds of

- save: from one changed module to the plan, with timestamps written into the graph;
- all: the same where every module changed at once, as after a switch of branches;
- boundaries: how many entries the message of the first has.

No peer beside it: npm's Vite keeps its walk, which is recursive, to itself. The processor's time is measured.
Without `--collect` Python's garbage collector waits meanwhile: it would look at the whole graph, and the
figures would say how large that is.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from typing import TYPE_CHECKING

from hotchannel.hmr.graph import ModuleGraph, ModuleNode, Names
from hotchannel.hmr.updates import apply, plan
from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["main"]

Edges = list[tuple[int, int]]
"""Importer and imported, by number."""

REPETITIONS = 5


def tree(size: int) -> tuple[Edges, Iterable[int]]:
    """Each imports ten others; the entry accepts itself: what most projects look like."""
    return [((i - 1) // 10, i) for i in range(1, size)], [0]


def chain(size: int) -> tuple[Edges, Iterable[int]]:
    """Each imports the next; the entry accepts itself."""
    return [(i, i + 1) for i in range(size - 1)], [0]


def wide(size: int) -> tuple[Edges, Iterable[int]]:
    """All import the last one and accept themselves."""
    return [(i, size - 1) for i in range(size - 1)], range(size - 1)


def layers(size: int) -> tuple[Edges, Iterable[int]]:
    """Layers of ten, each module of which imports all of the next layer."""
    return [(i, 10 * (i // 10 + 1) + j) for i in range(size - 10) for j in range(10)], range(10)


def one_cycle(size: int) -> tuple[Edges, Iterable[int]]:
    """A ring with one module that accepts itself."""
    return [(i, (i + 1) % size) for i in range(size)], [0]


def accepting_cycle(size: int) -> tuple[Edges, Iterable[int]]:
    """A ring whose modules all accept themselves and import one more module."""
    ring = size - 1
    return [edge for i in range(ring) for edge in ((i, (i + 1) % ring), (i, ring))], range(ring)


def small_cycles(size: int) -> tuple[Edges, Iterable[int]]:
    """Rings of four, all of whose modules accept themselves and import the last module."""
    rings = (size - 1) // 4
    edges = [(4 * ring + i, 4 * ring + (i + 1) % 4) for ring in range(rings) for i in range(4)]
    return edges + [(i, size - 1) for i in range(4 * rings)], range(4 * rings)


SHAPES = [tree, chain, wide, layers, one_cycle, accepting_cycle, small_cycles]


def build(size: int, edges: Edges, accepting: Iterable[int]) -> tuple[ModuleGraph, list[ModuleNode]]:
    """Make a graph of `size` modules."""
    graph = ModuleGraph()
    nodes = [
        graph.ensure(ModuleId(f"/m{i}.js"), ModuleUrl(f"/m{i}.js"), FilePath(f"/site/m{i}.js"), "js")
        for i in range(size)
    ]
    imports: list[dict[ModuleNode, Names]] = [{} for _ in range(size)]
    for importer, imported in edges:
        imports[importer][nodes[imported]] = None
    accepts = set(accepting)
    for number, node in enumerate(nodes):
        graph.connect(node, imports=imports[number], self_accepting=number in accepts)
    return graph, nodes


def measure(graph: ModuleGraph, changed: Sequence[ModuleNode]) -> tuple[float, int]:
    """Give the median milliseconds from `changed` to a graph that is up to date, and the boundaries."""
    samples: list[float] = []
    boundaries = 0
    for turn in range(REPETITIONS):
        begun = time.process_time()
        made = plan(changed, timestamp=turn + 1, triggered_by="/site/x.js")
        apply(graph, made)
        samples.append((time.process_time() - begun) * 1000)
        boundaries = len(getattr(made.payload, "updates", ()))
    return statistics.median(samples), boundaries


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--collect", action="store_true", help="leave the garbage collector at work")
    arguments = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, median of {REPETITIONS}\n")
    print(f"{'':16}{'modules':>10}{'imports':>10}{'save':>12}{'all':>12}{'boundaries':>12}")
    for shape in SHAPES:
        for size in arguments.sizes:
            edges, accepting = shape(size)
            graph, nodes = build(size, edges, accepting)
            if not arguments.collect:
                gc.disable()
            one, boundaries = measure(graph, nodes[-1:])
            every, _ = measure(graph, nodes)
            gc.enable()
            name = shape.__name__.replace("_", " ")
            print(
                f"{name:16}{size:>10}{len(edges):>10}{one:>9.2f} ms{every:>9.2f} ms{boundaries:>12}",
                flush=True,
            )


if __name__ == "__main__":
    main()
