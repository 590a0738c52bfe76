"""What a browser gets that asks for a module, a stylesheet, or the client.

Role: decides what a file is to the one who asks for it, and answers with compiled texts, which have tags
since only their content counts. Whose folder it is, and what else is served, is the site's business.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from hotchannel.devserver.client import ClientSettings, client_module, sibling_module
from hotchannel.devserver.http import CSS, JAVASCRIPT, Request, Response, text
from hotchannel.devserver.kinds import is_javascript, is_stylesheet, module_id
from hotchannel.devserver.resolver import Resolved
from hotchannel.devserver.sources import ModuleError
from hotchannel.modules import transform
from hotchannel.modules.urls import FilePath, ModuleUrl, module_url, split_query, without_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.devserver.compiler import Channel, Compiler
    from hotchannel.devserver.files import OpenFile
    from hotchannel.devserver.served import ServedModules
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = [
    "CLIENT",
    "DOCUMENTS",
    "Modules",
    "Role",
    "is_foreign_picture",
    "is_foreign_script",
    "is_module",
    "not_modified",
]

Role = Literal["page", "module", "stylesheet", "static"]

CLIENT = "/@vite/"
"""Ahead of the client and what belongs to it."""

_MODULE_QUERIES = frozenset(("import", "raw", "url", transform.HTML_PROXY))

DOCUMENTS = frozenset(("document", "iframe", "frame", "embed", "object", ""))


class Modules:
    """Answers with modules and stylesheets.

    Args:
        graph: what was served so far.
        compiler: enters modules into it.
        served: makes and keeps the texts.
        channel: whose position the client is told.
        settings: what else the client is told.
        pack: returns a pack by its name.
    """

    __slots__ = ("_channel", "_compiler", "_graph", "_pack", "_served", "_settings")

    def __init__(
        self,
        graph: ModuleGraph,
        compiler: Compiler,
        served: ServedModules,
        channel: Channel,
        *,
        settings: Callable[[], ClientSettings],
        pack: Callable[[str], str | None],
    ) -> None:
        self._graph = graph
        self._compiler = compiler
        self._served = served
        self._channel = channel
        self._settings = settings
        self._pack = pack

    def role(self, request: Request, path: str, query: str) -> Role:
        """Decide what a file is to the one who asks.

        A stylesheet is asked for by `<link>` and by `import` under one URL, as in Vite: `Accept` and
        `Sec-Fetch-Dest` tell. Where neither does (plain HTTP in a LAN, command line), it is a module
        if a served module imports it.
        """
        parameters = {part.partition("=")[0] for part in query.split("&")}
        destination = request.header("sec-fetch-dest")
        if parameters & _MODULE_QUERIES:
            return "module"
        if path.endswith((".html", ".htm")):
            return "page" if destination in DOCUMENTS else "static"
        if is_stylesheet(path):
            if destination == "script":
                return "module"
            if destination or "text/css" in request.header("accept"):
                return "stylesheet"
            node = self._graph.get(module_id(self.url(path, query)))
            return "stylesheet" if node is None else "module"
        is_classic = destination == "script" and request.header("sec-fetch-mode") == "no-cors"
        return "module" if is_javascript(path) and not is_classic else "static"

    @staticmethod
    def url(path: str, query: str) -> ModuleUrl:
        """Return the URL that the file at `path` has as a module."""
        return module_url(path, without_parameters(query, "t", "import"))

    def node(self, request: Request, url: ModuleUrl, file: FilePath, role: Role) -> ModuleNode | None:
        """Return the graph's node for what is asked for; None where it is neither module nor stylesheet."""
        if role == "module":
            return self._compiler.module_for(Resolved(url, file))
        if role != "stylesheet":
            return None
        node = self._graph.ensure(module_id(url, stylesheet=True), url, file, "css")
        # A script may add a link, of which no page tells; the referrer of an `@import` is a stylesheet.
        node.is_entry = node.is_entry or not is_stylesheet(split_query(request.header("referer"))[0])
        return node

    def loaded(self, url: ModuleUrl, opened: OpenFile, *, stylesheet: bool) -> ModuleNode:
        """Take in that a page has a file already, which it got from a server before this one."""
        if stylesheet:
            node = self._graph.ensure(module_id(url, stylesheet=True), url, opened.path, "css")
            node.is_entry = True
        else:
            node = self._compiler.module_for(Resolved(url, opened.path))
        with suppress(ModuleError):
            self._served.get(node, opened, settled=True)
        return node

    def virtual(self, request: Request, path: str, query: str) -> Response | None:
        """Answer with a module that is no file; only one that a plugin has named is known."""
        node = self._graph.get(module_id(self.url(path, query)))
        if node is None:
            return text(404, f"{path}: no plugin has named such a module.\n")
        return self.respond(request, node, None, settled=True)

    def respond(
        self, request: Request, node: ModuleNode, opened: OpenFile | None, *, settled: bool
    ) -> Response | None:
        """Answer with a module or stylesheet, made of the open file, which is closed.

        Args:
            request: what was asked.
            node: the module or stylesheet.
            opened: its file; None where a plugin makes it of nothing.
            settled: False gives None where the file is suddenly empty, as in the middle of a save.
        """
        response = self._answer(request, node, opened, settled=settled)
        return None if response is None else replace(response, file=node.file)

    def _answer(
        self, request: Request, node: ModuleNode, opened: OpenFile | None, *, settled: bool
    ) -> Response | None:
        try:
            served = self._served.get(node, opened, settled=settled)
        except ModuleError as error:
            message = f"{error.detail.message}\n\n{error.detail.stack}\n"
            return text(500, message, cache_control="no-store")
        if served is None:
            return None
        if request.header("if-none-match") == served.etag:
            return not_modified(served.etag)
        kind = JAVASCRIPT if node.type == "js" else CSS if served.unread is None else "text/css"
        headers = {"content-type": kind, "etag": served.etag, "cache-control": "no-cache"}
        return Response(200, headers, served.body)

    def client(self, name: str) -> Response:
        """Answer with what is below `/@vite/`: the client, its siblings, packs."""
        if name == "client":
            # It holds the token and its place in the journal.
            served = client_module(self._settings(), self._channel.position())
            return Response(200, {"content-type": JAVASCRIPT, "cache-control": "no-store"}, served.encode())
        sibling = sibling_module(name)
        if sibling is None and name.startswith("pack/"):
            sibling = self._pack(name.removeprefix("pack/").removesuffix(".js"))
        if sibling is None:
            return text(404, "There is no such client module.\n")
        headers = {"content-type": JAVASCRIPT, "cache-control": "max-age=31536000, immutable"}
        return Response(200, headers, sibling.encode())


def is_module(path: str, query: str) -> bool:
    """Tell whether a URL can be that of a module, whoever asks for it."""
    parameters = {part.partition("=")[0] for part in query.split("&")}
    return is_javascript(path) or is_stylesheet(path) or not parameters.isdisjoint(_MODULE_QUERIES)


def is_foreign(request: Request) -> bool:
    """Tell whether another site loads this in a way that it need not be allowed to (Fetch: `no-cors`)."""
    return (
        request.header("sec-fetch-site") in ("cross-site", "same-site")
        and request.header("sec-fetch-mode") == "no-cors"
    )


def is_foreign_script(request: Request) -> bool:
    """Tell whether another site loads this as a classic script, which no CORS header can refuse."""
    return is_foreign(request) and request.header("sec-fetch-dest") == "script"


def is_foreign_picture(request: Request) -> bool:
    """Tell whether another site loads this as what no module can be.

    Compiled for that site, every query would be a module more, and its errors would stand in our pages.
    """
    return is_foreign(request) and request.header("sec-fetch-dest") not in ("script", "style")


def not_modified(etag: str) -> Response:
    """Answer that a browser has it."""
    return Response(304, {"etag": etag, "cache-control": "no-cache"})
