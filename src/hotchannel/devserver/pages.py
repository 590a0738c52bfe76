"""HTML pages: with the client in them, and with what they load in the graph.

Role: what `Site` answers where a page is asked for. A page's stylesheets and module scripts are entries of
the graph from the moment it is served, its inline modules become modules with a URL of their own, and its
import map tells the resolver what bare names mean.
"""

from __future__ import annotations

import json
import logging
from html import escape
from typing import TYPE_CHECKING

from hotchannel.channel.printable import printable
from hotchannel.devserver.files import FileRefused, Root
from hotchannel.devserver.http import HTML, Response, plain_page
from hotchannel.devserver.kinds import inline_modules, module_id
from hotchannel.devserver.packing import PACK_URL, Packer, may_pack
from hotchannel.devserver.plugins import PluginFailure, Plugins
from hotchannel.devserver.resolver import Resolved, Resolver
from hotchannel.modules import html, transform
from hotchannel.modules.urls import FilePath, browser_url, module_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.devserver.compiler import Compiler
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = ["Pages", "enter_links"]

_log = logging.getLogger("hotchannel.server")


class Pages:
    """Serves the pages of one folder."""

    __slots__ = ("_base", "_compiler", "_graph", "_headers", "_packer", "_plugins", "_resolver", "_root")

    def __init__(
        self,
        root: Root,
        graph: ModuleGraph,
        resolver: Resolver,
        compiler: Compiler,
        packer: Packer,
        plugins: Plugins,
        *,
        base: str,
        headers: Mapping[str, str],
    ) -> None:
        self._root = root
        self._graph = graph
        self._resolver = resolver
        self._compiler = compiler
        self._packer = packer
        self._plugins = plugins
        self._base = base
        self._headers = headers

    def serve(
        self,
        path: str,
        file: FilePath,
        content: bytes,
        position: str,
        *,
        is_fallback: bool = False,
        packs: bool = True,
    ) -> Response:
        """Answer with the page in `file`.

        Args:
            path: the file's URL path, without base, decoded.
            file: the file.
            content: its bytes.
            position: `EPOCH:SEQ` of the journal from before they were read.
            is_fallback: the page answers in place of one that there is not.
            packs: False where the browser has said that it cannot use a pack.
        """
        # Bytes that are not UTF-8 go through as they are; the page may declare another encoding.
        source = self._plugins.page(content.decode(errors="surrogateescape"), path)
        analysis = html.analyze(source)
        map_text = _import_map_text(source, analysis)
        imports = enter_links(self._graph, self._resolver, source, analysis, path)
        entries = self._entries(path, file, analysis)
        pack: str | None = None
        if packs and may_pack(analysis, map_text, self._headers):
            pack = self._packer.make(tuple(entries.values()), imports, self._bare_names(imports))
        served = transform.page(
            source,
            analysis,
            client_url=self._compiler.client_url,
            position=position,
            fallback=path if is_fallback else None,
            module_urls={
                script: browser_url(node.url, base=self._base, timestamp=node.timestamp)
                for script, node in entries.items()
                # Importers of an updated entry name its stamped URL; the page must name the same instance.
                if pack is not None or node.timestamp or script.get("src") is None
            },
            pack_url=None if pack is None else f"{self._base}{PACK_URL}{pack}.js",
        )
        is_utf8 = not any("\udc80" <= character <= "\udcff" for character in source)
        kind = HTML if is_utf8 else "text/html"
        headers = {"content-type": kind, "cache-control": "no-cache"}
        return Response(200, headers, served.encode(errors="surrogateescape"))

    def made(self, path: str, position: str) -> Response | None:
        """Answer with a page that is no file and that a plugin loads; None where none does."""
        if not self._plugins:
            return None
        folder = path.rstrip("/") + "/index.html"
        for other in (path, f"{path}.html", folder) if not path.endswith("/") else (folder,):
            if not other.endswith((".html", ".htm")):
                continue
            try:
                file = self._root.locate(other)
                loaded = self._plugins.load(file)
            except (FileRefused, PluginFailure) as error:
                _log.error("%s cannot be made: %s", printable(other), printable(str(error)))
                continue
            if loaded is not None:
                return self.serve(other, file, loaded.encode(), position, is_fallback=other != path)
        return None

    def not_found(self, path: str, position: str) -> Response:
        """Answer a browser where there is no page; it has the client, so that making the page shows it."""
        page = plain_page(
            "404 Not Found",
            f"<h1>404 Not Found</h1><p>There is no file <code>{escape(path)}</code> in the served folder.</p>"
            f'<p><a href="{escape(self._base)}">Start page</a></p>',
        )
        served = transform.page(
            page, html.analyze(page), client_url=self._compiler.client_url, position=position, module_urls={}
        )
        return Response(404, {"content-type": HTML, "cache-control": "no-store"}, served.encode())

    def _entries(self, path: str, file: FilePath, page: html.Page) -> dict[html.Element, ModuleNode]:
        """Enter a page's module scripts into the graph."""
        entries: dict[html.Element, ModuleNode] = {}
        inline = inline_modules(page)
        for script in page.scripts:
            if script.get("type") != "module":
                continue
            if script in inline:
                url = module_url(path, f"{transform.HTML_PROXY}&index={inline.index(script)}.js")
                entries[script] = self._compiler.module_for(Resolved(url, file), is_entry=True)
                continue
            resolved = self._resolver.resolve_url(script.get("src") or "", path)
            if isinstance(resolved, Resolved):
                entries[script] = self._compiler.module_for(resolved, is_entry=True)
        return entries

    def _bare_names(self, imports: Mapping[str, str]) -> dict[str, ModuleNode]:
        """Return the modules of ours that the names of an import map stand for."""
        names: dict[str, ModuleNode] = {}
        for name in imports:
            resolved = None if name.endswith("/") else self._resolver.resolve(name, "/")
            if isinstance(resolved, Resolved):
                names[name] = self._compiler.module_for(resolved)
        return names


def _import_map_text(source: str, page: html.Page) -> str | None:
    """Return the text of a page's import map; None where it has none."""
    found = page.import_map
    return None if found is None else source[found.content_start : found.content_end]


def enter_links(
    graph: ModuleGraph,
    resolver: Resolver,
    source: str,
    page: html.Page,
    path: str,
    *,
    local: Callable[[str], str] = str,
) -> dict[str, str]:
    """Enter a page's stylesheets into the graph, let the resolver learn its import map, and return that.

    Args:
        graph: gets the stylesheets.
        resolver: learns the map.
        source: the page's text.
        page: what was found in it.
        path: what its references are relative to, decoded.
        local: makes a reference of it one that the resolver knows.
    """
    imports = _import_map(_import_map_text(source, page))
    if page.import_map is not None and resolver.learn_import_map(path, imports):
        graph.revise()
    for link in page.stylesheets:
        resolved = resolver.resolve_url(local(link.get("href") or ""), path)
        if isinstance(resolved, Resolved):
            sheet = module_id(resolved.url, stylesheet=True)
            graph.ensure(sheet, resolved.url, resolved.file, "css").is_entry = True
    return imports


def _import_map(source: str | None) -> dict[str, str]:
    """Read a page's import map; what is malformed in it the browser reports itself."""
    try:
        parsed = json.loads(source or "{}")
    except (ValueError, RecursionError):
        return {}
    imports = parsed.get("imports") if isinstance(parsed, dict) else None
    if not isinstance(imports, dict):
        return {}
    return {name: address for name, address in imports.items() if isinstance(address, str)}
