"""An application's pages: with the client in them, and with what they load in the graph.

Role: from the text that the application made to the one that is sent. The text as it came is kept, bounded,
for whoever has the channel's token: after an edit the page asks for it, and compares it with the one of then.
Invariant: what is no whole HTML page is left as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from hotchannel.devserver.http import HTML, Request, Response, text
from hotchannel.devserver.kinds import inline_modules
from hotchannel.devserver.pages import enter_links
from hotchannel.devserver.resolver import Resolved
from hotchannel.integrations.site import PAGE
from hotchannel.modules import html, javascript, transform
from hotchannel.modules.syntax import SourceError
from hotchannel.modules.urls import below, browser_url, split_query
from hotchannel.websocket.handshake import Reason
from hotchannel.websocket.token import query_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.devserver.compiler import Compiler
    from hotchannel.devserver.resolver import Resolver
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = ["AppPage", "AppPages", "SentPage"]

_MAX_PAGES = 200
_MAX_CHARACTERS = 16 * 1024 * 1024

CLIENT_URL = "/@vite/client"


@dataclass(frozen=True, slots=True)
class AppPage:
    """A page as the application made it.

    Attributes:
        path: decoded URL path that it was asked for at, as the application sees it.
        host: the Host that was asked for; a URL may name it.
        method: of the request.
        status: of the response.
        source: the text.
        is_fetched: the client asked for it, to compare it with what it has; it is sent as it is.
        prefix: what the application is mounted below, without a slash at the end.
        position: `EPOCH:SEQ` of the journal from before it was made; empty where nobody has asked.
    """

    path: str
    host: str
    method: str
    status: int
    source: str
    is_fetched: bool = False
    prefix: str = ""
    position: str = ""

    def local(self, reference: str) -> str:
        """Return a URL of this server's without its origin, as any other would name the same file.

        One that is malformed names nothing, and is empty.
        """
        try:
            split = urlsplit(reference)
        except ValueError:
            return ""
        if not split.netloc or split.netloc != self.host or split.scheme not in ("", "http", "https"):
            return reference
        return urlunsplit(("", "", split.path or "/", split.query, split.fragment))


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page as it is sent.

    Attributes:
        name: of the text as it came, for who asks for it later.
        text: with the client in it.
        nonce: of the client's script, where the page has one.
        policies: Content-Security-Policies that stand in the page.
    """

    name: str
    text: str
    nonce: str | None = None
    policies: tuple[str, ...] = field(default=())


class AppPages:
    """Makes pages hot.

    Args:
        graph: gets what pages load.
        resolver: learns their import maps.
        compiler: enters modules into the graph.
        base: path that browsers see the application below, and pages' paths come without.
        is_token: tells whether what was given in a query is the channel's token, which opens the kept texts.
    """

    __slots__ = ("_base", "_compiler", "_graph", "_is_token", "_kept", "_resolver", "_size")

    def __init__(
        self,
        graph: ModuleGraph,
        resolver: Resolver,
        compiler: Compiler,
        *,
        base: str,
        is_token: Callable[[bytes | None], bool],
    ) -> None:
        self._graph = graph
        self._resolver = resolver
        self._compiler = compiler
        self._base = base
        self._is_token = is_token
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    def send(self, page: AppPage, position: str) -> SentPage | None:
        """Return the page as it is sent; None for a fragment, which is left alone.

        Args:
            page: as it was made.
            position: `EPOCH:SEQ` of the journal from before it was made.
        """
        analysis = html.analyze(page.source)
        if not analysis.is_document:
            return None
        edits = self._enter(page, analysis)
        # Among all processes that share the channel, only one text has this name.
        name = token_urlsafe(9)
        self.keep(name, page.source)
        policies = () if analysis.csp is None else (analysis.csp,)
        if page.is_fetched:
            return SentPage(name, page.source, analysis.nonce, policies)
        data = {"page": name}
        if page.method != "GET":
            data["method"] = page.method
        if page.status >= 500:
            data["failed"] = str(page.status)
        head = transform.page_meta(position, data)
        own = next((s for s in analysis.scripts if (s.get("src") or "").endswith(CLIENT_URL)), None)
        if own is not None:
            # The template tag has put it there.
            at = own.start
        else:
            head += transform.client_script(page.prefix + CLIENT_URL, analysis.nonce)
            # Until lately browsers ignored an import map that came after the first module script.
            map_end = 0
            if analysis.import_map is not None:
                map_end = page.source.find(">", analysis.import_map.content_end) + 1
            at = max(analysis.inject_at, map_end)
        sent = transform.replace(page.source, [*edits, (at, at, head)])
        return SentPage(name, sent, analysis.nonce, policies)

    def respond(self, request: Request) -> Response:
        """Answer a request for a kept text."""
        name = self.asked(request)
        if name is None:
            return text(403, "This needs the channel's token.\n", refused=(Reason.TOKEN, ""))
        source = self.kept(name)
        headers = {"content-type": HTML, "cache-control": "no-store"}
        # It is data here, whatever opens it.
        headers["content-security-policy"] = "sandbox"
        if source is None:
            return text(404, "This page is not kept any more.\n")
        return Response(200, headers, source.encode(errors="surrogateescape"))

    def asked(self, request: Request) -> str | None:
        """Return the name of the text that is asked for; None where none is, or without the token."""
        path, query = split_query(request.target)
        is_asked = path.startswith(PAGE) and self._is_token(query_parameter(query, b"token"))
        return path[len(PAGE) :] if is_asked else None

    def kept(self, name: str) -> str | None:
        """Return a text as it came, where it is kept."""
        return self._kept.get(name)

    def keep(self, name: str, source: str) -> None:
        """Keep a text under a name that no other has, and let go of the oldest ones."""
        self._kept[name] = source
        self._size += len(source)
        while len(self._kept) > _MAX_PAGES or (self._size > _MAX_CHARACTERS and len(self._kept) > 1):
            self._size -= len(self._kept.popitem(last=False)[1])

    def _enter(self, page: AppPage, analysis: html.Page) -> list[tuple[int, int, str]]:
        """Enter what a page loads into the graph; return what of its text has to change.

        After an update, importers name a module by its stamped URL, and the page has to name the same.
        """
        source = page.source
        path = below(urljoin(page.path, page.local(analysis.base_href or "")), self._base)
        enter_links(self._graph, self._resolver, source, analysis, path, local=page.local)
        edits: list[tuple[int, int, str]] = []
        inline = inline_modules(analysis)
        for script in analysis.scripts:
            if script in inline:
                edits += self._inline(source, script, path)
            elif script.get("type") == "module":
                resolved = self._resolver.resolve_url(page.local(script.get("src") or ""), path)
                if not isinstance(resolved, Resolved):
                    continue
                node = self._compiler.module_for(resolved, is_entry=True)
                if node.timestamp:
                    src = next(attribute for attribute in script.attributes if attribute.name == "src")
                    edits.append((src.start, src.end, f'src="{self._stamped(node)}"'))
        return edits

    def _inline(self, source: str, script: html.Element, path: str) -> list[tuple[int, int, str]]:
        """Do the same for an inline module, which stays in the page: it has no URL to be asked for by."""
        start = script.content_start
        try:
            analysis = javascript.analyze(source[start : script.content_end])
        except SourceError:
            return []  # the browser says what is wrong
        edits: list[tuple[int, int, str]] = []
        for site in analysis.imports:
            resolved = None if site.specifier is None else self._resolver.resolve(site.specifier, path)
            if not isinstance(resolved, Resolved):
                continue
            node = self._compiler.module_for(resolved, is_entry=True)
            if node.timestamp or node.explicit_import:
                edits.append((start + site.start, start + site.end, transform.quote(self._stamped(node))))
        return edits

    def _stamped(self, node: ModuleNode) -> str:
        base, is_explicit = self._base, node.explicit_import
        return browser_url(node.url, base=base, timestamp=node.timestamp, explicit_import=is_explicit)
