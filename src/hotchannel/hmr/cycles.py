"""Which modules are part of an import cycle.

Role: a boundary within a cycle is told to browsers, which reload where running it again fails. There may be
as many boundaries as modules, and a walk for each of them would take their number squared; so the graph is
taken apart into its strongly connected components, as far as somebody asks, and each module only once.
Invariants: linear in the importers above the modules asked for, no recursion, the graph stays as it is.

Follows Gabow's path-based algorithm ("Path-based depth-first search for strong and biconnected
components", 2000). A component of more than one module is a cycle; a module that imports only itself is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from hotchannel.hmr.graph import ModuleNode

__all__ = ["Cycles"]

_DONE = -1


class Cycles:
    """The modules of a graph that import themselves by way of others; good until the graph changes."""

    __slots__ = ("_members", "_numbers")

    def __init__(self) -> None:
        self._members: dict[ModuleNode, AbstractSet[ModuleNode]] = {}
        self._numbers: dict[ModuleNode, int] = {}

    def __contains__(self, node: ModuleNode) -> bool:
        """Tell whether `node` imports itself by way of another module."""
        return bool(self.around(node))

    def around(self, node: ModuleNode) -> AbstractSet[ModuleNode]:
        """Return all that import `node` and are imported by it, itself among them; empty where nothing is."""
        # Most boundaries are near the top, or import nothing: no need to look further.
        if not node.importers or not node.imports:
            return frozenset()
        if node not in self._numbers:
            self._explore(node)
        return self._members.get(node, frozenset())

    def _explore(self, root: ModuleNode) -> None:
        """Find the components of `root` and of all modules above it that are not known yet."""
        numbers = self._numbers  # a module's place on the path, or done
        path: list[ModuleNode] = []  # modules whose component is not complete, each after what leads to it
        starts: list[int] = []  # where on the path those components start that are known to be apart
        walk: list[Iterator[ModuleNode]] = []
        walked: list[ModuleNode] = []  # whose importers are walked

        def enter(node: ModuleNode) -> None:
            numbers[node] = len(path)
            starts.append(len(path))
            path.append(node)
            walk.append(iter(node.importers))
            walked.append(node)

        enter(root)
        while walk:
            for importer in walk[-1]:
                number = numbers.get(importer)
                if number is None:
                    enter(importer)
                    break
                if number != _DONE:
                    # Back on the path: all from there on are one component.
                    while starts[-1] > number:
                        starts.pop()
            else:
                walk.pop()
                number = numbers[walked.pop()]
                if starts[-1] == number:
                    starts.pop()
                    component = path[number:]
                    del path[number:]
                    numbers.update(dict.fromkeys(component, _DONE))
                    if len(component) > 1:
                        self._members.update(dict.fromkeys(component, frozenset(component)))
