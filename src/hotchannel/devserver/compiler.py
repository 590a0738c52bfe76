"""From a file's bytes to the module that is served, with the graph kept true.

Role: the meeting point of analysis, resolution and graph. Everything is synchronous: a file is read,
analysed and connected in one step, so a save is either in what was served or finds the module in the
graph. Invariant: `check()` changes nothing.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

from hotchannel.channel.printable import printable
from hotchannel.devserver.css_links import find_links
from hotchannel.devserver.files import ELSEWHERE
from hotchannel.devserver.kinds import Kind, is_javascript, is_stylesheet, module_id
from hotchannel.devserver.plugins import Plugins
from hotchannel.devserver.resolver import Resolved, Resolver, Unresolved
from hotchannel.devserver.sources import ModuleError, analyze, error_at, json_module, read
from hotchannel.modules import transform
from hotchannel.modules.pack import ORIGIN
from hotchannel.modules.urls import FilePath, ModuleId, browser_url, is_bare, path_of, split_query
from hotchannel.wire.payloads import ErrorDetail, HotPayload, Prune

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.hmr.graph import ModuleGraph, ModuleNode, Names
    from hotchannel.modules import javascript

__all__ = ["Channel", "Compiled", "Compiler"]

_log = logging.getLogger("hotchannel.hmr")


class Channel(Protocol):
    """What the dev server needs of the channel to its browsers."""

    def send(self, payload: HotPayload, /) -> None: ...
    def fail(self, source: str, detail: ErrorDetail, /) -> None: ...
    def recover(self, source: str, /) -> bool: ...
    def position(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a module became.

    Attributes:
        text: what is served, with the marks of `modules.pack`.
        static: the modules that it imports before it runs.
        bare: names that only a page's import map resolves, and the modules that they stand for.
    """

    text: str
    static: tuple[ModuleNode, ...] = ()
    bare: tuple[tuple[str, ModuleNode], ...] = ()


@dataclass(frozen=True, slots=True)
class _Links:
    """What a module names: nodes by the offset of the specifier, and files that are missing."""

    nodes: dict[int, ModuleNode]
    missing: tuple[FilePath, ...]


class Compiler:
    """Compiles modules below one root and reports their errors to the channel."""

    __slots__ = (
        "_base",
        "_channel",
        "_clock",
        "_dropped",
        "_env",
        "_graph",
        "_plugins",
        "_resolver",
        "_standing",
    )

    def __init__(
        self,
        graph: ModuleGraph,
        resolver: Resolver,
        channel: Channel,
        *,
        base: str,
        clock: Callable[[], int],
        env: str = "{}",
        plugins: Plugins | None = None,
    ) -> None:
        self._graph = graph
        self._resolver = resolver
        self._channel = channel
        self._base = base
        self._clock = clock
        self._env = env
        self._plugins = plugins or Plugins()
        self._standing: dict[ModuleId, ErrorDetail] = {}
        self._dropped: list[ModuleNode] = []

    @property
    def client_url(self) -> str:
        """URL of the browser client, with base."""
        return f"{self._base}@vite/client"

    @property
    def _client(self) -> str:
        """The same as modules name it."""
        return ORIGIN + self.client_url

    def serve(self, node: ModuleNode, content: bytes) -> Compiled:
        """Compile a module or stylesheet, and bring the graph up to date.

        Raises:
            ModuleError: it is wrong; the channel was told.
        """
        is_first = node.self_accepting is None
        try:
            compiled = self._compile(node, *read(node, content, self._plugins))
        except ModuleError as error:
            if node.type == "js" and is_first:
                # A browser asked for it and waits for its repair, so an edit has to reach its importers.
                node.self_accepting, node.throughout = False, None
            self.failed(node, error.detail)
            raise
        self.recovered(node)
        return compiled

    @property
    def has_dropped(self) -> bool:
        """Whether a module that was compiled has dropped an import: then `prune()` is due."""
        return bool(self._dropped)

    def prune(self) -> None:
        """Tell browsers which modules nothing imports any more."""
        pruned = self._graph.prune(self._dropped)
        self._dropped.clear()
        if not pruned:
            return
        # Should they be imported again, they must run again.
        self._graph.touch(pruned, self._clock())
        for module in pruned:
            self.recovered(module)
        paths = tuple(module.url for module in pruned if module.type == "js")
        if paths:
            self._channel.send(Prune(paths))

    def failed(self, node: ModuleNode, detail: ErrorDetail) -> None:
        """Tell browsers and terminal what is wrong with `node`, once."""
        if self._standing.get(node.id) == detail:
            return
        self._standing[node.id] = detail
        # It quotes what stands in files, which a terminal might take for commands.
        shown = [
            "\n".join(printable(line) for line in text.split("\n"))
            for text in (detail.message, f"  {detail.stack}", detail.frame or "")
        ]
        _log.error("\n".join(shown))
        self._channel.fail(node.id, detail)

    def recovered(self, node: ModuleNode) -> None:
        """Take back what `failed()` said of `node`, if it did."""
        if self._standing.pop(node.id, None) is not None:
            self._channel.recover(node.id)

    def check(self, node: ModuleNode, content: bytes) -> ErrorDetail | None:
        """Say what is wrong with `content` as `node`; what it waits for is noted, nothing else."""
        try:
            kind, source = read(node, content, self._plugins)
            if kind in ("javascript", "inline"):
                self._resolve_imports(node, source, analyze(node, source), self._peek)
            elif kind in ("css", "css-text"):
                links = find_links(node, source, self._resolver)
                if links.error is not None:
                    self._graph.mark_unresolved(node, links.missing)
                    return links.error.detail
            elif kind == "json":
                json_module(node, source)
        except ModuleError as error:
            return error.detail
        return None

    def module_for(self, resolved: Resolved, *, is_entry: bool = False) -> ModuleNode:
        """Return the module that JavaScript gets by importing `resolved`."""
        node = self._graph.ensure(module_id(resolved.url), resolved.url, resolved.file, "js")
        path = split_query(resolved.url)[0]
        node.explicit_import = not (is_javascript(path) or is_stylesheet(path))
        node.is_entry = node.is_entry or is_entry
        return node

    def _compile(self, node: ModuleNode, kind: Kind, source: str) -> Compiled:
        if kind == "javascript" or kind == "inline":
            return self._javascript(node, source)
        if node.type == "css":
            return Compiled(self._css(node, source))
        if kind == "css":
            text = self._css(node, source)
            return Compiled(
                transform.css_module(text, id=node.file, hot_url=node.url, client_url=self._client)
            )
        if kind == "css-text":
            return Compiled(transform.raw_module(self._css(node, source, self_accepting=False)))
        # What is left imports nothing.
        self._connect(node, {}, (), self_accepting=False)
        address = browser_url(split_query(node.url)[0], base=self._base, timestamp=node.timestamp)
        match kind:
            case "json":
                return Compiled(json_module(node, source))
            case "raw":
                return Compiled(transform.raw_module(source))
            case "url" | "asset":
                return Compiled(transform.asset_module(address))
            case "worker":
                return Compiled(transform.worker_module(address, "Worker"))
            case "shared-worker":
                return Compiled(transform.worker_module(address, "SharedWorker"))
            case _:
                assert_never(kind)

    def _javascript(self, node: ModuleNode, source: str) -> Compiled:
        analysis = analyze(node, source)
        links = self._resolve_imports(node, source, analysis, self.module_for)
        imports: dict[ModuleNode, Names] = {}
        for site in analysis.imports:
            target = links.nodes.get(site.start)
            if target is None:
                continue
            known = imports.get(target, frozenset())
            imports[target] = None if known is None or site.names is None else known | site.names
            if _is_native(site) and target.self_accepting is None:
                # The browser reads it as it is; it has nothing to say of itself.
                target.self_accepting = False
        dependencies = () if analysis.hot is None else analysis.hot.accepted
        accepted = {d.start: links.nodes[d.start] for d in dependencies if d.start in links.nodes}
        self_accepting, accepted_exports = _acceptance(analysis)
        self._connect(
            node, imports, links.missing, self_accepting, frozenset(accepted.values()), accepted_exports
        )
        specifiers = {
            site.start: url
            for site in analysis.imports
            if (url := self._specifier(site, links.nodes.get(site.start))) is not None
        }
        # The client compares these with `acceptedPath`, which has neither base nor timestamp.
        specifiers |= {start: target.url for start, target in accepted.items()}
        text = transform.javascript(
            source,
            analysis,
            specifiers=specifiers,
            hot_url=node.url,
            client_url=self._client,
            env=self._env,
        )
        static = {
            links.nodes[site.start]: None
            for site in analysis.imports
            if site.start in links.nodes and site.kind != "dynamic" and not _is_native(site)
        }
        bare = {
            site.specifier: links.nodes[site.start]
            for site in analysis.imports
            if site.specifier is not None and site.start in links.nodes and is_bare(site.specifier)
        }
        return Compiled(text, tuple(static), tuple(bare.items()))

    def _specifier(self, site: javascript.ImportSite, target: ModuleNode | None) -> str | None:
        """Return what is served in place of a specifier; None where it stays as it is."""
        if site.specifier is None:
            return None
        meant = self._resolver.without_alias(site.specifier)
        if target is None:
            return None if meant == site.specifier else meant
        if is_bare(meant) and not target.timestamp and not self._plugins:
            # It means the same by the page's own map, as long as no update needs another URL.
            return None
        is_explicit = target.explicit_import and not _is_native(site)
        return ORIGIN + browser_url(
            target.url, base=self._base, timestamp=target.timestamp, explicit_import=is_explicit
        )

    def _resolve_imports(
        self,
        node: ModuleNode,
        source: str,
        analysis: javascript.JavaScript,
        find: Callable[[Resolved], ModuleNode | None],
    ) -> _Links:
        """Resolve every specifier; `find` gives the module for what a specifier names."""
        nodes: dict[int, ModuleNode] = {}
        missing: list[FilePath] = []
        importer_path = path_of(node.url)
        wanted = [
            (site.specifier, site.start, site.kind == "dynamic")
            for site in analysis.imports
            if site.specifier is not None
        ]
        if analysis.hot is not None:
            wanted += [(dependency.specifier, dependency.start, True) for dependency in analysis.hot.accepted]
        for specifier, start, optional in wanted:
            resolved = self._resolver.resolve(specifier, importer_path)
            match resolved:
                case Resolved():
                    target = find(resolved)
                    if target is not None:
                        nodes[start] = target
                case Unresolved(candidates, hint):
                    missing += candidates
                    if not optional:
                        self._graph.mark_unresolved(node, missing)
                        shown = importer_path.lstrip("/")
                        message = f'Failed to resolve import "{specifier}" from "{shown}". {hint}'
                        raise error_at(node, source, start, message)
                case None:
                    pass
        return _Links(nodes, tuple(missing))

    def _peek(self, resolved: Resolved) -> ModuleNode | None:
        return self._graph.get(module_id(resolved.url))

    def _css(self, node: ModuleNode, source: str, *, self_accepting: bool = True) -> str:
        """Return the stylesheet with its references stamped, and absolute where it is injected."""
        links = find_links(node, source, self._resolver)
        edits: list[tuple[int, int, str]] = []
        imports: dict[ModuleNode, Names] = {}
        for reference, kind, resolved in links.found:
            url = resolved.url
            target = self._graph.ensure(module_id(url, stylesheet=True), url, resolved.file, kind)
            if kind == "asset":
                target.self_accepting = False
            imports[target] = None
            is_rooted = reference.value.startswith("/") and self._base != "/"
            is_elsewhere = url.startswith(ELSEWHERE)
            if node.type == "js" or target.timestamp or is_rooted or is_elsewhere:
                rendered = browser_url(url, base=self._base, timestamp=target.timestamp)
                edits.append((reference.start, reference.end, _css_string(rendered)))
        self._connect(node, imports, links.missing, self_accepting=self_accepting)
        text = transform.replace(source, edits)
        if links.error is not None:
            raise ModuleError(links.error.detail, salvaged=text)
        return text

    def _connect(
        self,
        node: ModuleNode,
        imports: dict[ModuleNode, Names],
        missing: tuple[FilePath, ...],
        self_accepting: bool,
        accepted: frozenset[ModuleNode] = frozenset(),
        accepted_exports: frozenset[str] | None = None,
    ) -> None:
        self._dropped += self._graph.connect(
            node,
            imports=imports,
            self_accepting=self_accepting,
            accepted=accepted,
            accepted_exports=accepted_exports,
        )
        if missing:
            self._graph.mark_unresolved(node, missing)


def _is_native(site: javascript.ImportSite) -> bool:
    """Tell whether an import attribute makes the browser read the file itself."""
    return dict(site.attributes).get("type") in ("json", "css")


def _acceptance(analysis: javascript.JavaScript) -> tuple[bool, frozenset[str] | None]:
    """Return whether a module accepts itself, and else the exports that it accepts.

    Accepting every export is accepting itself (Vite: `isPartiallySelfAccepting`).
    """
    hot = analysis.hot
    if hot is None:
        return False, None
    if hot.self_accepting or hot.accepted_exports is None:
        return hot.self_accepting, None
    if not analysis.has_export_star and analysis.exports <= hot.accepted_exports:
        return True, None
    return False, hot.accepted_exports


def _css_string(text: str) -> str:
    return '"' + re.sub(r'["\\\n\r\f]', lambda match: f"\\{ord(match[0]):x} ", text) + '"'
