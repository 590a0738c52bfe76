"""How far an edit reaches: the walk from a changed module to the boundaries that take it in.

Role: pure decision, reads the graph and changes nothing. Follows Vite's `propagateUpdate` with partial
acceptance (`acceptExports`) always on; iterative, because a chain of imports may be deeper than
Python's stack. See section 5 of the protocol notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        boundaries: who takes the update in, in the order of the walk.
        visited: every module that runs again or whose change was passed on.
        dead_end: the module that has no importer and accepts nothing; then the page must reload.
    """

    boundaries: tuple[Boundary, ...]
    visited: tuple[ModuleNode, ...]
    dead_end: ModuleNode | None


def propagate(start: ModuleNode) -> Propagation:
    """Walk the importers of `start` until every path met a boundary, or one met none."""
    boundaries: list[Boundary] = []
    visited: dict[ModuleNode, None] = {}
    pending = [start]
    while pending:
        node = pending.pop()
        if node in visited:
            continue
        visited[node] = None
        if node.self_accepting is None:
            # Never served: no browser runs it, so nothing there can be out of date.
            continue
        if _is_boundary(node):
            boundaries.append(Boundary(node, node, _in_cycle(node)))
            if node.self_accepting and node.type == "js":
                continue
        elif node.is_entry or not node.importers:
            # What a page loads by itself cannot be swapped, whoever else accepts it (Vite goes on here).
            return Propagation((), tuple(visited), node)
        onward: list[ModuleNode] = []
        for importer in node.importers:
            if node in importer.accepted:
                boundaries.append(Boundary(importer, node, _in_cycle(importer)))
            elif not _uses_only_accepted(importer, node):
                onward.append(importer)
        pending.extend(reversed(onward))
    # A cycle that nothing outside imports by name: Vite stops here and leaves the page as it was.
    is_stuck = not boundaries and any(node.self_accepting is not None for node in visited)
    return Propagation(tuple(boundaries), tuple(visited), start if is_stuck else None)


def _is_boundary(node: ModuleNode) -> bool:
    """Tell whether `node` takes its own update in.

    A stylesheet does where a page links it; one that is only imported has no `<link>` to swap, and the
    stylesheets that import it are on the way up.
    """
    if node.type == "css":
        return node.is_entry or not node.importers
    return bool(node.self_accepting) or node.accepted_exports is not None


def _uses_only_accepted(importer: ModuleNode, node: ModuleNode) -> bool:
    """Tell whether all that `importer` takes from `node` is what `acceptExports` covers."""
    names = importer.imports.get(node)
    return node.accepted_exports is not None and names is not None and names <= node.accepted_exports


def _in_cycle(node: ModuleNode) -> bool:
    """Tell whether `node` imports itself by way of another module."""
    seen: set[ModuleNode] = {node}
    pending = [importer for importer in node.importers if importer is not node]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        if node in current.importers:
            return True
        pending.extend(current.importers)
    return False
