"""Graphs of a hundred thousand modules: no recursion, and no more work than there are modules and imports.

Each graph is made 16 times as large, and what is measured may take 64 times as long: what goes by the square
of the size takes 256 times. The processor's time counts, not that of a clock on the wall.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from hotchannel.hmr.graph import ModuleGraph, ModuleNode, Names
from hotchannel.hmr.propagation import Propagation, propagate
from hotchannel.hmr.updates import apply, plan, plan_invalidation
from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LARGE = 100_000
FACTOR = 16
ALLOWANCE = 4
SHORTEST = 0.002
"""Seconds; what is faster says nothing about growth."""


@pytest.fixture(autouse=True)
def without_garbage() -> Iterator[None]:
    """Leave the garbage alone: its collector looks at all that was built, whoever works meanwhile."""
    gc.disable()
    yield
    gc.enable()


class Graph:
    """Modules by number, with who imports whom; `accepting` ones accept themselves."""

    def __init__(self, size: int, edges: Iterable[tuple[int, int]], accepting: Iterable[int] = ()) -> None:
        self.graph = ModuleGraph()
        self.nodes = [
            self.graph.ensure(ModuleId(f"/{i}"), ModuleUrl(f"/{i}"), FilePath(f"/site/{i}"), "js")
            for i in range(size)
        ]
        imported: list[dict[ModuleNode, Names]] = [{} for _ in range(size)]
        for importer, dependency in edges:
            imported[importer][self.nodes[dependency]] = None
        is_accepting = set(accepting)
        for number, node in enumerate(self.nodes):
            self.graph.connect(node, imports=imported[number], self_accepting=number in is_accepting)


def chain(size: int) -> Graph:
    """0 imports 1 imports 2 and so on; 0 accepts itself."""
    return Graph(size, ((i, i + 1) for i in range(size - 1)), [0])


def wide(size: int) -> Graph:
    """All import the last one and accept themselves."""
    return Graph(size, ((i, size - 1) for i in range(size - 1)), range(size - 1))


def wide_in_a_cycle(size: int) -> Graph:
    """The first imports all others, which import the last one, which imports the first."""
    edges = [(0, i) for i in range(1, size - 1)] + [(i, size - 1) for i in range(1, size - 1)]
    return Graph(size, [*edges, (size - 1, 0)], range(1, size - 1))


def comb(size: int) -> Graph:
    """A chain each of whose modules imports an accepting one, which imports the last module."""
    half = (size - 1) // 2
    spine = [(i, i + 1) for i in range(half - 1)]
    teeth = [edge for i in range(half) for edge in ((i, half + i), (half + i, size - 1))]
    return Graph(size, spine + teeth, range(half, 2 * half))


def one_cycle(size: int) -> Graph:
    """A ring with one module that accepts itself."""
    return Graph(size, ((i, (i + 1) % size) for i in range(size)), [0])


def accepting_cycle(size: int) -> Graph:
    """A ring all of whose modules import another one, and accept themselves."""
    ring = size - 1
    edges = [edge for i in range(ring) for edge in ((i, (i + 1) % ring), (i, ring))]
    return Graph(size, edges, range(ring))


def small_cycles(size: int) -> Graph:
    """Rings of four, all of which import the last module and accept themselves."""
    rings = (size - 1) // 4
    edges = [(4 * ring + i, 4 * ring + (i + 1) % 4) for ring in range(rings) for i in range(4)]
    return Graph(size, edges + [(i, size - 1) for i in range(4 * rings)], range(4 * rings))


def layers(size: int) -> Graph:
    """Layers of ten that import all of the layer below: more paths than anyone could walk."""
    edges = ((i, 10 * (i // 10 + 1) + j) for i in range(size - 10) for j in range(10))
    return Graph(size, edges, range(10))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return max(time.process_time() - begun, SHORTEST)


def check(make: Callable[[int], Callable[[], object]], large: int = LARGE) -> None:
    """Compare what `make` returns for a small size and for a large one."""
    small = _seconds(make(large // FACTOR))
    bound = small * FACTOR * ALLOWANCE
    work = make(large)
    taken = _seconds(work)
    if taken > bound:
        taken = min(_seconds(work) for _ in range(3))
    assert taken <= bound, f"{taken / small:.0f} times as long for {FACTOR} times the size"


SHAPES = [
    pytest.param(chain, 1, id="chain"),
    pytest.param(wide, LARGE - 1, id="wide"),
    pytest.param(wide_in_a_cycle, LARGE - 2, id="wide, in a cycle"),
    pytest.param(comb, (LARGE - 1) // 2, id="comb"),
    pytest.param(one_cycle, 1, id="one cycle"),
    pytest.param(accepting_cycle, LARGE - 1, id="cycle that accepts"),
    pytest.param(small_cycles, (LARGE - 1) // 4 * 4, id="small cycles"),
    pytest.param(layers, 10, id="layers"),
]


@pytest.mark.parametrize(("shape", "boundaries"), SHAPES)
def test_an_edit_of_the_last_module_and_of_all(shape: Callable[[int], Graph], boundaries: int) -> None:
    last: list[Propagation] = []

    def make(size: int) -> Callable[[], object]:
        made = shape(size)

        def work() -> None:
            last.append(propagate(made.nodes[-1]))
            apply(made.graph, plan(made.nodes, timestamp=1, triggered_by="/site/x"))

        return work

    check(make)
    assert last[-1].dead_end is None
    assert len(last[-1].boundaries) == boundaries
    is_cyclic = shape in (wide_in_a_cycle, one_cycle, accepting_cycle, small_cycles)
    assert {each.is_within_circular_import for each in last[-1].boundaries} == {is_cyclic}


def test_everything_at_once_where_nothing_accepts() -> None:
    def make(size: int) -> Callable[[], object]:
        nodes = Graph(size, ((i, i + 1) for i in range(size - 1))).nodes
        return lambda: plan(nodes[::-1], timestamp=1, triggered_by="/site/x")

    check(make)


def test_a_module_of_many_importers_invalidates_itself() -> None:
    def make(size: int) -> Callable[[], object]:
        last = wide_in_a_cycle(size).nodes[-1]
        last.self_accepting = True
        last.timestamp = 1
        return lambda: plan_invalidation(last, timestamp=2, first_invalidated_by="/x")

    check(make)


@pytest.mark.parametrize("shape", [chain, wide_in_a_cycle])
def test_dropping_everything(shape: Callable[[int], Graph]) -> None:
    pruned: list[int] = []

    def make(size: int) -> Callable[[], object]:
        made = shape(size)
        made.nodes[0].is_entry = True

        def drop() -> None:
            dropped = made.graph.connect(made.nodes[0], imports={}, self_accepting=True)
            pruned.append(len(made.graph.prune(dropped)))

        return drop

    check(make)
    assert pruned[1] == LARGE - 1


def test_waiting_for_many_files() -> None:
    def make(size: int) -> Callable[[], object]:
        made = Graph(size, ())
        files = [FilePath(f"/site/missing/{i}") for i in range(size)]
        for node, file in zip(made.nodes, files, strict=True):
            made.graph.mark_unresolved(node, [file])
        return lambda: [made.graph.awaiting(file) for file in files]

    check(make)
