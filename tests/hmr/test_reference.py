"""Walks and plans on any small graph, beside the definition written down as plainly as it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from hmr.graphs import Module, build
from hotchannel.hmr.cycles import Cycles
from hotchannel.hmr.propagation import propagate
from hotchannel.hmr.updates import plan
from hotchannel.wire.payloads import FullReload, Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotchannel.hmr.graph import ModuleNode


@dataclass
class Walk:
    """The definition: recursive, one walk for every start, every question asked anew."""

    boundaries: list[tuple[ModuleNode, ModuleNode]] = field(default_factory=list)
    visited: list[ModuleNode] = field(default_factory=list)

    def meets_dead_end(self, node: ModuleNode) -> bool:
        """Walk on from `node`; True where the page has to reload."""
        if node in self.visited:
            return False
        self.visited.append(node)
        if node.self_accepting is None:
            return False
        if node.type == "css":
            is_boundary = node.is_entry or not node.importers
        else:
            is_boundary = bool(node.self_accepting) or node.accepted_exports is not None
        if is_boundary:
            self.boundaries.append((node, node))
            if node.type == "js" and node.self_accepting:
                return False
        elif node.is_entry or not node.importers:
            return True
        self.boundaries += [(importer, node) for importer in node.importers if node in importer.accepted]
        return any(
            self.meets_dead_end(importer)
            for importer in node.importers
            if node not in importer.accepted and not _is_covered(importer, node)
        )


def _is_covered(importer: ModuleNode, node: ModuleNode) -> bool:
    names = importer.imports[node]
    return node.accepted_exports is not None and names is not None and names <= node.accepted_exports


def _above(node: ModuleNode) -> set[ModuleNode]:
    reached: set[ModuleNode] = set()
    pending = {importer for importer in node.importers if importer is not node}
    while pending:
        reached |= pending
        pending = {importer for each in pending for importer in each.importers} - reached
    return reached


def _imports_itself(node: ModuleNode) -> bool:
    return node in _above(node)


def _runs_again_with(node: ModuleNode) -> set[ModuleNode]:
    """What `node` imports that imports it, unless it is told of `node` otherwise."""
    around = {each for each in _above(node) if node in _above(each)}
    again = {node}
    while (
        more := {
            importer
            for each in again
            for importer in each.importers
            if importer in around and each not in importer.accepted
        }
        - again
    ):
        again |= more
    return again


def _expected(
    starts: Sequence[ModuleNode],
) -> tuple[list[tuple[ModuleNode, ModuleNode]], set[ModuleNode]] | None:
    """Return boundaries and visited modules; None where the page reloads."""
    boundaries: dict[tuple[ModuleNode, ModuleNode], None] = {}
    visited: set[ModuleNode] = set()
    for start in starts:
        walk = Walk()
        if walk.meets_dead_end(start) or (not walk.boundaries and start.self_accepting is not None):
            return None
        boundaries |= dict.fromkeys(walk.boundaries)
        visited |= set(walk.visited)
    for module, via in boundaries:
        if module is via:
            visited |= _runs_again_with(module)
    return list(boundaries), visited


NAMES = ["a", "b", "c", "d", "e", "f", "g.css", "h.css"]
_names = st.sampled_from(NAMES)


@st.composite
def _modules(draw: st.DrawFn) -> dict[str, Module]:
    """Modules of which some were never served: what is only imported is not described."""
    modules: dict[str, Module] = {}
    for name in draw(st.lists(_names, unique=True, min_size=1)):
        imported = draw(
            st.dictionaries(_names, st.none() | st.frozensets(st.sampled_from("xy"), max_size=2), max_size=4)
        )
        accepted = draw(st.lists(st.sampled_from(sorted(imported)), max_size=2)) if imported else []
        exports = draw(st.none() | st.none() | st.frozensets(st.sampled_from("xy"), max_size=2))
        is_accepting = name.endswith(".css") or (exports is None and draw(st.booleans()))
        modules[name] = Module(imported, is_accepting, tuple(accepted), exports)
    return modules


@settings(max_examples=500, deadline=None)
@given(_modules(), st.sets(_names, max_size=2), st.lists(_names, unique=True, min_size=1, max_size=4))
def test_a_walk_ends_where_the_definition_says(
    modules: dict[str, Module], entries: set[str], changed: list[str]
) -> None:
    _, nodes = build(modules)
    for name in entries & nodes.keys():
        nodes[name].is_entry = True
    starts = [nodes[name] for name in changed if name in nodes]
    expected = _expected(starts)

    walk = propagate(*starts)
    made = plan(starts, timestamp=1, triggered_by="/site/x")

    assert made.touched == walk.visited
    assert set(starts) <= set(walk.visited)
    if expected is None:
        assert walk.dead_end is not None
        assert walk.boundaries == ()
        assert made.payload == FullReload(path="*", triggered_by="/site/x")
        return
    boundaries, visited = expected
    assert walk.dead_end is None
    assert [(each.module, each.accepted_via) for each in walk.boundaries] == boundaries
    assert set(walk.visited) == visited
    assert [each.is_within_circular_import for each in walk.boundaries] == [
        _imports_itself(module) for module, _ in boundaries
    ]
    if not boundaries:
        assert made.payload is None
        return
    assert isinstance(made.payload, Update)
    assert [(entry.path, entry.accepted_path) for entry in made.payload.updates] == [
        (module.url, via.url) for module, via in boundaries
    ]


@settings(max_examples=500, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20), st.permutations(range(10)))
def test_who_is_in_a_cycle_does_not_depend_on_who_is_asked_first(
    edges: set[tuple[int, int]], order: list[int]
) -> None:
    imported = {str(a): {str(b): None for c, b in edges if c == a} for a in range(10)}
    _, nodes = build({name: Module(targets) for name, targets in imported.items()})
    cycles = Cycles()

    for number in order:
        assert (nodes[str(number)] in cycles) == _imports_itself(nodes[str(number)])
