"""The module graph: which served module imports which, and who accepts whom.

Role: the state that propagation reads. Invariants: `a in b.importers` exactly when `b in a.imports`;
every method is synchronous, so that each change is atomic towards requests and saves. Follows
Vite's ModuleGraph, with edges by import bindings for `acceptExports`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl

__all__ = ["ModuleGraph", "ModuleNode", "ModuleType", "Names"]

ModuleType = Literal["js", "css", "asset"]
"""`js` is imported, `css` is loaded as a stylesheet, `asset` is what a stylesheet's `url()` names."""

Names = frozenset[str] | None
"""Imported names; None stands for all of them or for not known."""

_MOST_STAMPS = 10_000
"""Timestamps of modules that are not known yet."""


@dataclass(slots=True, eq=False)
class ModuleNode:
    """One module as browsers know it.

    Attributes:
        id: key in the graph.
        url: path on the wire.
        file: the file it is made of; one file may be several modules.
        type: how it is loaded.
        importers: who imports it, in the order they were met.
        imports: what it imports, with the names that it uses of each.
        accepted: imports whose updates it takes itself (`accept("./dep.js")`).
        accepted_exports: names that `acceptExports()` gives; None where it is not called.
        self_accepting: its update needs no importer; None until it was served once.
        throughout: `self_accepting` and `accepted_exports` as far as all versions agree that browsers were
            given since its last update; None before the first. A save may be served to one browser ahead
            of its event, and the others have to hear of it by what they hold.
        is_entry: a page loads it directly, by a script or link of its own, so it is never pruned.
        explicit_import: its URL needs `?import` to be answered as JavaScript.
        timestamp: `?t=` of its URL; 0 until its first update.
        revision: grows whenever the text that is served for it may have changed.
        invalidated: a client has called `invalidate()` since the last update.
    """

    id: ModuleId
    url: ModuleUrl
    file: FilePath
    type: ModuleType
    importers: dict[ModuleNode, None] = field(default_factory=dict, repr=False)
    imports: dict[ModuleNode, Names] = field(default_factory=dict, repr=False)
    accepted: frozenset[ModuleNode] = field(default=frozenset(), repr=False)
    accepted_exports: frozenset[str] | None = None
    self_accepting: bool | None = None
    throughout: tuple[bool, frozenset[str] | None] | None = None
    is_entry: bool = False
    explicit_import: bool = False
    timestamp: int = 0
    revision: int = 0
    invalidated: bool = False


class ModuleGraph:
    """All modules that were served or imported since the server started, and what browsers hold of files."""

    __slots__ = ("_awaited", "_by_file", "_by_id", "_contents", "_stamps", "_unresolved", "touched")

    def __init__(self) -> None:
        self._by_id: dict[ModuleId, ModuleNode] = {}
        self._by_file: dict[FilePath, dict[ModuleNode, None]] = {}
        self._unresolved: dict[ModuleNode, frozenset[FilePath]] = {}
        self._awaited: dict[FilePath, dict[ModuleNode, None]] = {}
        self._contents: dict[FilePath, bytes | None] = {}
        # Of modules that another process knows, and this one not yet.
        self._stamps: dict[ModuleId, int] = {}
        self.touched: Callable[[Iterable[ModuleNode], int], object] = lambda nodes, timestamp: None
        """Called with the modules that got a timestamp, and with that."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ModuleNode]:
        return iter(self._by_id.values())

    def get(self, id: ModuleId) -> ModuleNode | None:
        """Return the module with this id, if it is known."""
        return self._by_id.get(id)

    def of_file(self, file: FilePath) -> tuple[ModuleNode, ...]:
        """Return the modules that are made of `file`."""
        return tuple(self._by_file.get(file, ()))

    def files(self) -> Iterable[FilePath]:
        """Return the files of which a browser may hold a content."""
        return self._contents.keys()

    def ensure(self, id: ModuleId, url: ModuleUrl, file: FilePath, type: ModuleType) -> ModuleNode:  # noqa: A002
        """Return the module with this id, made where it is new."""
        node = self._by_id.get(id)
        if node is None:
            node = self._by_id[id] = ModuleNode(id, url, file, type, timestamp=self._stamps.pop(id, 0))
            self._by_file.setdefault(file, {})[node] = None
        elif node.file != file:
            # An import that named one file now finds another (`./a` was a.js and is a/index.js).
            self._by_file[node.file].pop(node, None)
            self._by_file.setdefault(file, {})[node] = None
            node.file = file
        return node

    def connect(
        self,
        node: ModuleNode,
        *,
        imports: Mapping[ModuleNode, Names],
        self_accepting: bool,
        accepted: Iterable[ModuleNode] = (),
        accepted_exports: frozenset[str] | None = None,
    ) -> tuple[ModuleNode, ...]:
        """Record what `node` says of itself, now that it was analysed.

        Returns the modules that it imported before and does not any more, for `prune()`.
        """
        dropped = tuple(dependency for dependency in node.imports if dependency not in imports)
        for dependency in dropped:
            dependency.importers.pop(node, None)
        for dependency in imports:
            dependency.importers[node] = None
        node.imports = dict(imports)
        node.self_accepting = self_accepting
        node.accepted = frozenset(accepted)
        node.accepted_exports = accepted_exports
        node.throughout = _agreed(node.throughout, (self_accepting, accepted_exports))
        self.mark_unresolved(node, ())
        return dropped

    @staticmethod
    def prune(dropped: Iterable[ModuleNode]) -> tuple[ModuleNode, ...]:
        """Forget what modules say of themselves that nothing imports any more.

        Returns those among `dropped`, and whatever only they imported.
        """
        orphans: dict[ModuleNode, None] = {}
        pending = list(dropped)
        while pending:
            node = pending.pop()
            if node.importers or node.is_entry or node in orphans:
                continue
            orphans[node] = None
            for dependency in node.imports:
                dependency.importers.pop(node, None)
                pending.append(dependency)
            # Unknown again, as before it was served for the first time.
            node.imports = {}
            node.self_accepting = None
        return tuple(orphans)

    def mark_unresolved(self, node: ModuleNode, candidates: Iterable[FilePath]) -> None:
        """Remember that `node` cannot be served until one of the files `candidates` exists."""
        for file in self._unresolved.pop(node, ()):
            waiting = self._awaited[file]
            del waiting[node]
            if not waiting:
                del self._awaited[file]
        files = frozenset(candidates)
        if files:
            self._unresolved[node] = files
            for file in files:
                self._awaited.setdefault(file, {})[node] = None

    def awaiting(self, file: FilePath) -> tuple[ModuleNode, ...]:
        """Return the modules whose imports failed and that `file` may heal."""
        return tuple(self._awaited.get(file, ()))

    def served(self, file: FilePath, digest: bytes) -> None:
        """Record that a browser was given the content of `file` that has this digest.

        Where it is another content than the one known, a save is on its way whose event has not come
        yet: browsers differ now, so that the next event counts whatever it finds.
        """
        if self._contents.setdefault(file, digest) != digest:
            self._contents[file] = None

    def changed(self, file: FilePath, digest: bytes) -> bool:
        """Record the content of `file` on disk; True where a browser may hold another one."""
        if self._contents.get(file) == digest:
            return False
        self._contents[file] = digest
        return True

    def differs(self, file: FilePath, digest: bytes) -> bool:
        """Tell whether browsers hold a content of `file`, and not the one with this digest."""
        return file in self._contents and self._contents[file] != digest

    def forget_content(self, file: FilePath) -> None:
        """Record that `file` is gone: whatever comes back in its place is a change."""
        self._contents[file] = None

    def revise(self) -> None:
        """Record that the text of any module may have changed: specifiers resolve in a new way."""
        for node in self._by_id.values():
            node.revision += 1

    def touch(self, nodes: Iterable[ModuleNode], timestamp: int) -> None:
        """Give `nodes` the timestamp that their next URLs carry.

        The text of their importers names these URLs, so it gets a new revision too.
        """
        nodes = tuple(nodes)
        self._touch(nodes, timestamp)
        self.touched(nodes, timestamp)

    def stamp(self, ids: Iterable[ModuleId], timestamp: int) -> None:
        """Take in a timestamp that another process gave to modules, of which some may not be known here."""
        for id in ids:
            node = self._by_id.get(id)
            if node is not None:
                self._touch((node,), timestamp)
            elif len(self._stamps) < _MOST_STAMPS:
                self._stamps[id] = timestamp

    def _touch(self, nodes: Iterable[ModuleNode], timestamp: int) -> None:
        for node in nodes:
            node.timestamp = timestamp
            node.throughout = None
            node.invalidated = False
            node.revision += 1
            for importer in node.importers:
                importer.revision += 1


def _agreed(
    earlier: tuple[bool, frozenset[str] | None] | None, now: tuple[bool, frozenset[str] | None]
) -> tuple[bool, frozenset[str] | None]:
    """Return what two versions of a module both accept."""
    if earlier is None:
        return now
    exports = None if earlier[1] is None or now[1] is None else earlier[1] & now[1]
    return earlier[0] and now[0], exports
