"""HotEngine: from files that were saved to what browsers are told.

Role: reads the saved files, has the plan made, writes it into the graph and sends it: one way, in one
synchronous step. Invariant: when a burst of saves is over, browsers were told of the last content on
disk; a save that changes nothing says nothing.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from hotchannel.channel.printable import printable
from hotchannel.devserver.files import FileRefused
from hotchannel.devserver.plugins import HotUpdate, Plugins
from hotchannel.devserver.served import EMPTY, digest
from hotchannel.hmr.updates import UpdatePlan, apply, plan, plan_invalidation
from hotchannel.modules.transform import HTML_PROXY
from hotchannel.modules.urls import FilePath, ModuleId
from hotchannel.wire.payloads import FullReload, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hotchannel.devserver.compiler import Channel, Compiler
    from hotchannel.devserver.files import Root
    from hotchannel.devserver.mounts import Files
    from hotchannel.devserver.served import ServedModules
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = ["HotEngine"]

_log = logging.getLogger("hotchannel.hmr")


class HotEngine:
    """Turns saves and invalidations into messages."""

    __slots__ = ("_channel", "_clock", "_compiler", "_graph", "_plugins", "_public", "_root", "_served")

    def __init__(
        self,
        root: Files,
        graph: ModuleGraph,
        compiler: Compiler,
        served: ServedModules,
        channel: Channel,
        *,
        clock: Callable[[], int],
        plugins: Plugins | None = None,
        public: Root | None = None,
    ) -> None:
        self._public = public
        self._plugins = plugins or Plugins()
        self._root = root
        self._graph = graph
        self._compiler = compiler
        self._served = served
        self._channel = channel
        self._clock = clock

    def saved(self, files: Iterable[FilePath], *, settled: bool = False) -> tuple[FilePath, ...]:
        """Take in that `files` were written, made or removed.

        Returns the files that look like the middle of a save: suddenly empty, or gone. The caller hands
        them in again a little later, at last with `settled`, which takes them as they are.
        """
        unsettled: list[FilePath] = []
        changed: dict[ModuleNode, FilePath] = {}
        pages: dict[str, FilePath] = {}
        for file in files:
            self._served.saved(file)
            waiting = self._graph.awaiting(file)
            page = self._page(file)
            is_known = waiting or page is not None or self._graph.of_file(file)
            if not is_known and not self._plugins:
                continue
            content = self.read(file)
            fingerprint = EMPTY if content is None else digest(content)
            if not settled and fingerprint == EMPTY and self._graph.differs(file, EMPTY):
                unsettled.append(file)
            elif content is None:
                changed.update(dict.fromkeys(self._vanished(file), file))
            else:
                is_new = self._graph.changed(file, fingerprint)
                concerned = self._concerned(file, content) if is_new else ()
                candidates = (*concerned, *waiting)
                changed.update((node, file) for node in candidates if self._is_sound(node, file, content))
                if is_new and page is not None:
                    pages[page] = file
        self._announce(changed, pages)
        return tuple(unsettled)

    def overtaken(self, nodes: Iterable[ModuleNode]) -> None:
        """Take in that a browser holds older contents of `nodes` than there are on disk."""
        self._announce({node: node.file for node in nodes if self._is_sound(node)}, {})

    def mended(self, files: Iterable[FilePath]) -> None:
        """Take in that another process has found `files` to be sound."""
        for file in files:
            for node in self._graph.of_file(file):
                self._compiler.recovered(node)

    def known_files(self, folder: str) -> list[FilePath]:
        """Return the files below `folder` that a browser may show."""
        prefix = folder.rstrip(os.sep) + os.sep
        return [file for file in self._graph.files() if file.startswith(prefix)]

    def invalidated(self, data: object) -> None:
        """Take in `vite:invalidate` from a browser: `{path, message, firstInvalidatedBy}`.

        What is malformed, unknown or told before is ignored.
        """
        if not isinstance(data, dict) or not isinstance(path := data.get("path"), str):
            return
        node = self._graph.get(ModuleId(path))
        if node is None or node.type != "js":
            return
        first = data.get("firstInvalidatedBy")
        # It goes on to every browser.
        if not isinstance(first, str) or self._graph.get(ModuleId(first)) is None:
            first = path
        update = plan_invalidation(node, timestamp=self._clock(), first_invalidated_by=first)
        if update is None:
            return
        message = data.get("message")
        said = f" {printable(message)}" if isinstance(message, str) else ""
        _log.info("hmr invalidate %s%s", printable(path), said)
        node.invalidated = True
        self._carry_out(update, node.file)

    def _announce(self, changed: dict[ModuleNode, FilePath], pages: dict[str, FilePath]) -> None:
        # What is mended goes first, so that an error that still stands is shown over every update.
        for node in (*changed, *(node for file in pages.values() for node in self._graph.of_file(file))):
            self._compiler.recovered(node)
        if changed:
            first = next(iter(changed.values()))
            self._carry_out(plan(tuple(changed), timestamp=self._clock(), triggered_by=first), first)
        for page in pages:
            self._channel.send(FullReload(path=page))
            _log.info("page reload %s", printable(page.lstrip("/")))

    def _carry_out(self, update: UpdatePlan, file: FilePath) -> None:
        apply(self._graph, update)
        if update.payload is not None:
            # Before anything is printed: a terminal takes longer than a browser.
            self._channel.send(update.payload)
        match update.payload:
            case Update(updates):
                paths = dict.fromkeys(entry.path for entry in updates)
                _log.info("hmr update %s", ", ".join(printable(path) for path in paths))
            case FullReload():
                shown = (self._root.url_path(file) or file).lstrip("/")
                _log.info("page reload %s (%s)", printable(shown), printable(update.reason))
            case None:
                pass

    def _modules(self, file: FilePath) -> tuple[ModuleNode, ...]:
        """Return the modules that are made of `file`; a page's inline modules are reloaded with it."""
        return tuple(node for node in self._graph.of_file(file) if HTML_PROXY not in node.url)

    def _concerned(self, file: FilePath, content: bytes) -> Sequence[ModuleNode]:
        """Return the modules that a save of `file` changes, by what plugins say."""
        modules = self._modules(file)
        if not self._plugins:
            return modules
        return self._plugins.hot_update(HotUpdate(file, modules, content.decode, self._channel.send))

    def _is_sound(self, node: ModuleNode, read: FilePath | None = None, content: bytes | None = None) -> bool:
        """Tell whether `node` can be served as it is on disk; where not, browsers are told the error.

        Args:
            node: the module.
            read: the file that `content` was read from just now.
            content: its content.
        """
        if node.self_accepting is None:
            return True
        if node.file != read:
            content = self.read(node.file)
        detail = None if content is None else self._compiler.check(node, content)
        if detail is not None:
            self._compiler.failed(node, detail)
        return detail is None

    def _vanished(self, file: FilePath) -> list[ModuleNode]:
        """Return the modules whose loss browsers must hear of; importers that miss it show an error."""
        self._graph.forget_content(file)
        lost: list[ModuleNode] = []
        for node in self._modules(file):
            self._compiler.recovered(node)
            # All are asked, so that each that misses the file says so.
            missed = [importer for importer in node.importers if not self._is_sound(importer)]
            if node.type == "js" and not missed:
                lost.append(node)
        return lost

    def _page(self, file: FilePath) -> str | None:
        if not file.endswith((".html", ".htm")):
            return None
        public = self._public.url_path(file) if self._public else None
        return public or self._root.url_path(file)

    def read(self, file: FilePath) -> bytes | None:
        """Return the content of a file that is served; None where there is none."""
        try:
            return self._root.open(file).read()
        except FileRefused:
            return None
