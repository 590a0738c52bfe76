"""Modules and stylesheets as they are served, made when they are asked for and kept while they are good.

Role: the one way from a file to a compiled text, for who asks for it by its URL and for who packs a page. A
text is good for one version: of the file, of the saves that the watcher told of, of the graph. What is no
longer good is compiled anew; what is too much to keep is forgotten, the oldest first.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from hotchannel.devserver.compiler import Compiled, Compiler
from hotchannel.devserver.files import FileRefused
from hotchannel.devserver.resolver import VIRTUAL
from hotchannel.devserver.sources import ModuleError
from hotchannel.modules.pack import plain

if TYPE_CHECKING:
    from collections.abc import Hashable

    from hotchannel.devserver.files import OpenFile
    from hotchannel.devserver.mounts import Files
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode
    from hotchannel.modules.urls import FilePath

__all__ = ["EMPTY", "ServedModule", "ServedModules", "digest"]

_MAX_BYTES = 64 * 1024 * 1024


def digest(content: bytes) -> bytes:
    """Return a short fingerprint of a file's content."""
    return blake2b(content, digest_size=12).digest()


EMPTY = digest(b"")
"""That of a file with nothing in it."""


@dataclass(frozen=True)
class ServedModule:
    """A compiled text, good for one version.

    Attributes:
        compiled: the text, with its marks.
        version: what it is good for.
        unread: the bytes of a stylesheet that could not be compiled. A browser copes with what it cannot
            read; the overlay says what is wrong.
    """

    compiled: Compiled
    version: Hashable
    unread: bytes | None = None

    @cached_property
    def body(self) -> bytes:
        """What a browser gets that asks for its URL."""
        return plain(self.compiled.text).encode() if self.unread is None else self.unread

    @cached_property
    def etag(self) -> str:
        """Names the body; only its content counts."""
        return f'W/"{digest(self.body).hex()}"'


class ServedModules:
    """Compiles, and keeps what it has compiled.

    Args:
        root: where modules are read from that nobody has asked for yet.
        graph: what the compiler keeps true.
        compiler: makes the texts.
        max_bytes: bound of all texts together, about.
    """

    __slots__ = ("_compiler", "_graph", "_kept", "_max_bytes", "_root", "_saves", "_size")

    def __init__(
        self, root: Files, graph: ModuleGraph, compiler: Compiler, max_bytes: int = _MAX_BYTES
    ) -> None:
        self._root = root
        self._graph = graph
        self._compiler = compiler
        self._max_bytes = max_bytes
        self._kept: dict[str, ServedModule] = {}
        self._saves: dict[FilePath, int] = {}
        self._size = 0

    def saved(self, file: FilePath) -> None:
        """Note that `file` was written, which its time stamp may be too coarse to tell."""
        self._saves[file] = self.saves(file) + 1

    def saves(self, file: FilePath) -> int:
        """How often `file` was written since the start."""
        return self._saves.get(file, 0)

    def get(self, node: ModuleNode, opened: OpenFile | None, *, settled: bool) -> ServedModule | None:
        """Return `node` as it is served, made of the open file, which is closed.

        Args:
            node: the module or stylesheet.
            opened: its file; None where a plugin makes it of nothing.
            settled: False gives None where the file is suddenly empty, as in the middle of a save.

        Raises:
            ModuleError: a module is wrong; the channel was told.
        """
        return self._pruned(self._get(node, opened, settled=settled))

    def ahead(self, node: ModuleNode) -> Compiled | None:
        """Compile a module ahead of its request; None where that will be answered with an error."""
        served = self._pruned(self._get_ahead(node))
        return None if served is None else served.compiled

    def _get_ahead(self, node: ModuleNode) -> ServedModule | None:
        is_virtual = node.url.startswith(VIRTUAL)
        with suppress(FileRefused, ModuleError):
            return self._get(node, None if is_virtual else self._root.open(node.file), settled=False)
        return None

    def _pruned(self, served: ServedModule | None) -> ServedModule | None:
        """Return `served` when that is pruned which it has dropped, after a look at what it imports now.

        Of that, what a browser does not have yet may well import the same again. It would run it, and
        then hear that it was pruned.
        """
        if served is None or not self._compiler.has_dropped:
            return served
        pending = list(served.compiled.static)
        seen = set(pending)
        while pending:
            node = pending.pop()
            before = self._kept.get(node.id)
            ahead = self._get_ahead(node)
            if ahead is not None and ahead is not before:
                fresh = [dependency for dependency in ahead.compiled.static if dependency not in seen]
                seen.update(fresh)
                pending += fresh
        self._compiler.prune()
        return served

    def _get(self, node: ModuleNode, opened: OpenFile | None, *, settled: bool) -> ServedModule | None:
        kept = self._kept.get(node.id)
        if (
            kept is not None
            and node.self_accepting is not None
            and kept.version == self._version(node, opened)
        ):
            if opened is not None:
                opened.close()
            return kept
        content = b"" if opened is None else opened.read()
        if opened is not None:
            if not settled and not content and self._graph.differs(opened.path, EMPTY):
                return None
            self._graph.served(opened.path, digest(content))
        unread = None
        try:
            compiled = self._compiler.serve(node, content)
        except ModuleError as error:
            if node.type != "css":
                raise
            compiled = Compiled(error.salvaged or "")
            unread = content if error.salvaged is None else None
        # Compiling may have given the module a new revision.
        made = ServedModule(compiled, self._version(node, opened), unread)
        self._keep(node.id, made)
        return made

    def _version(self, node: ModuleNode, opened: OpenFile | None) -> Hashable:
        if opened is None:
            return node.revision
        return (opened.version, self.saves(opened.path), node.revision)

    def _keep(self, key: str, made: ServedModule) -> None:
        self._drop(key)
        self._kept[key] = made
        self._size += len(made.compiled.text)
        while self._size > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._size -= len(kept.compiled.text)
