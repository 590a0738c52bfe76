"""How far an edit reaches: the walk from changed modules to the boundaries that take them in.

Role: pure decision, reads the graph and changes nothing. Follows Vite's `propagateUpdate` with partial
acceptance (`acceptExports`) always on. See section 5 of the protocol notes. Invariants: iterative, because
a chain of imports may be deeper than Python's stack; and linear in what is walked, however many modules
changed at once and however many boundaries there are, because a switch of branches changes thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.hmr.cycles import Cycles

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from hotchannel.hmr.graph import ModuleNode

__all__ = ["Boundary", "Propagation", "propagate"]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A module that takes an update in.

    Attributes:
        module: the one whose callback runs.
        accepted_via: the one that is imported again; `module` itself where it is self-accepting.
        is_within_circular_import: `module` is part of an import cycle, so that running it again may
            meet a half-initialised module.
    """

    module: ModuleNode
    accepted_via: ModuleNode
    is_within_circular_import: bool


@dataclass(frozen=True, slots=True)
class Propagation:
    """Where a walk ended.

    Attributes:
        boundaries: who takes the update in, each pair once, in the order of the walk; none at a dead end.
        visited: every module that runs again or whose change was passed on.
        dead_end: the first module that has no importer and accepts nothing; then the page must reload.
    """

    boundaries: tuple[Boundary, ...]
    visited: tuple[ModuleNode, ...]
    dead_end: ModuleNode | None


def propagate(*starts: ModuleNode) -> Propagation:
    """Walk the importers of `starts` until every path met a boundary, or one met none."""
    cycles = Cycles()
    boundaries: list[Boundary] = []
    visited: dict[ModuleNode, None] = {}
    dead_end: ModuleNode | None = None
    for start in starts:
        pending = [start]
        while pending:
            node = pending.pop()
            # What an earlier start has led to is walked already.
            if node in visited:
                continue
            visited[node] = None
            if node.self_accepting is None:
                # Never served: no browser runs it, so nothing there can be out of date.
                continue
            if is_boundary := _is_boundary(node):
                boundaries.append(Boundary(node, node, node in cycles))
                if node.type == "js" and _accepts_itself(node):
                    continue
            elif node.is_entry or not node.importers:
                # What a page loads by itself cannot be swapped, whoever else accepts it (Vite goes on here).
                dead_end = dead_end or node
                break
            onward: list[ModuleNode] = []
            for importer in node.importers:
                if node in importer.accepted:
                    if not (is_boundary and importer is node):
                        boundaries.append(Boundary(importer, node, importer in cycles))
                elif not _uses_only_accepted(importer, node):
                    onward.append(importer)
            pending.extend(reversed(onward))
    dead_end = dead_end or _stuck(starts, boundaries, visited)
    _run_circles_again(boundaries, visited, cycles)
    return Propagation(() if dead_end else tuple(boundaries), tuple(visited), dead_end)


def _stuck(
    starts: Sequence[ModuleNode], boundaries: Sequence[Boundary], visited: Container[ModuleNode]
) -> ModuleNode | None:
    """Return the first start from which the walk met nothing, as in a cycle that nothing outside imports.

    Vite stops there too, and leaves the page as it was.
    """
    if len(starts) == 1 and boundaries:
        return None
    met = {boundary.accepted_via for boundary in boundaries}
    pending = [] if all(start.self_accepting is None or start in met for start in starts) else list(met)
    while pending:
        # The walk, backwards.
        importer = pending.pop()
        for node in importer.imports:
            if (
                node in visited
                and node not in met
                and node not in importer.accepted
                and not _uses_only_accepted(importer, node)
            ):
                met.add(node)
                pending.append(node)
    return next((start for start in starts if start.self_accepting is not None and start not in met), None)


def _run_circles_again(
    boundaries: Sequence[Boundary], visited: dict[ModuleNode, None], cycles: Cycles
) -> None:
    """Add what a boundary imports that imports it: it would meet its own old instance there.

    Vite gives a new URL to every module above; only those in the circle are imported by the boundary.
    """
    pending = [
        each.module for each in boundaries if each.module is each.accepted_via and each.module in cycles
    ]
    while pending:
        node = pending.pop()
        around = cycles.around(node)
        for importer in node.importers:
            if importer in around and importer not in visited and node not in importer.accepted:
                visited[importer] = None
                pending.append(importer)


def _is_boundary(node: ModuleNode) -> bool:
    """Tell whether `node` takes its own update in.

    A stylesheet does where a page links it; one that is only imported has no `<link>` to swap, and the
    stylesheets that import it are on the way up.
    """
    if node.type == "css":
        return node.is_entry or not node.importers
    return _accepts_itself(node) or _accepted_exports(node) is not None


def _uses_only_accepted(importer: ModuleNode, node: ModuleNode) -> bool:
    """Tell whether all that `importer` takes from `node` is what `acceptExports` covers."""
    accepted = _accepted_exports(node)
    names = importer.imports.get(node)
    return accepted is not None and names is not None and names <= accepted


def _accepts_itself(node: ModuleNode) -> bool:
    return bool(node.self_accepting) if node.throughout is None else node.throughout[0]


def _accepted_exports(node: ModuleNode) -> frozenset[str] | None:
    return node.accepted_exports if node.throughout is None else node.throughout[1]
