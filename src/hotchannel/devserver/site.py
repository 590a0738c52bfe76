"""Site: from a request to a response, with no server and no I/O framework in it.

Role: routing, conditional requests, and what a file is to the one who asks for it: page, module,
stylesheet or plain file. Synchronous on purpose: reading, compiling and entering into the graph are one
step, so that a save falls either before it or after it.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from hotchannel.channel.printable import printable
from hotchannel.devserver.client import ClientSettings, client_module, sibling_module
from hotchannel.devserver.files import FileRefused, OpenFile, Root
from hotchannel.devserver.http import CSS, JAVASCRIPT, FileSlice, Request, Response, content_type, text
from hotchannel.devserver.kinds import is_javascript, is_stylesheet, module_id
from hotchannel.devserver.packing import Packer
from hotchannel.devserver.pages import Pages
from hotchannel.devserver.plugins import Plugins
from hotchannel.devserver.resolver import VIRTUAL, Resolved, Resolver
from hotchannel.devserver.served import EMPTY, ServedModules, digest
from hotchannel.devserver.sources import ModuleError
from hotchannel.modules import transform
from hotchannel.modules.urls import (
    FilePath,
    ModuleUrl,
    decode_path,
    module_url,
    split_query,
    without_parameters,
)
from hotchannel.websocket.handshake import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.devserver.compiler import Channel, Compiler
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = ["Site"]

_log = logging.getLogger("hotchannel.server")

Role = Literal["page", "module", "stylesheet", "static"]

_CLIENT = "/@vite/"
_DOCUMENTS = frozenset(("document", "iframe", "frame", "embed", "object", ""))
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Site:
    """Answers requests for one folder."""

    __slots__ = (
        "_base",
        "_channel",
        "_compiler",
        "_graph",
        "_has_fallback",
        "_packer",
        "_pages",
        "_public",
        "_root",
        "_served",
        "_settings",
    )

    def __init__(
        self,
        root: Root,
        graph: ModuleGraph,
        resolver: Resolver,
        compiler: Compiler,
        served: ServedModules,
        channel: Channel,
        *,
        base: str,
        settings: Callable[[], ClientSettings],
        has_fallback: bool = False,
        pack: Literal["auto"] | bool = "auto",
        headers: Mapping[str, str] | None = None,
        plugins: Plugins | None = None,
        public: Root | None = None,
    ) -> None:
        self._public = public
        self._root = root
        self._graph = graph
        self._compiler = compiler
        self._channel = channel
        self._base = base
        self._settings = settings
        self._has_fallback = has_fallback
        self._packer = Packer(base=base, enabled=pack, compiled=served.ahead)
        self._pages = Pages(
            root,
            graph,
            resolver,
            compiler,
            self._packer,
            plugins or Plugins(),
            base=base,
            headers=headers or {},
        )
        self._served = served

    def respond(self, request: Request, *, settled: bool = True) -> Response | None:
        """Answer `request`.

        Args:
            request: what was asked.
            settled: False gives None where the file is suddenly empty, as in the middle of a save; the
                caller asks again a little later.
        """
        if request.method not in ("GET", "HEAD"):
            return text(405, "Only GET and HEAD are answered here.\n", allow="GET, HEAD")
        if _is_foreign_script(request):
            message = "Scripts of this server are not for other sites.\n"
            return text(403, message, refused=(Reason.SCRIPT, ""))
        target = request.target
        if not target.startswith("/") or "#" in target:
            return text(400, "The request target is malformed.\n", refused=(Reason.TARGET, ""))
        path, query = split_query(target)
        if not path.startswith(self._base):
            return self._outside_base(path, query)
        path = "/" + path[len(self._base) :]
        if path.startswith(_CLIENT):
            return self._client(path[len(_CLIENT) :])
        decoded = decode_path(path)
        if decoded is None:
            return text(400, "The path is malformed.\n", refused=(Reason.TARGET, "the path is malformed"))
        # Taken before anything is read: what is sent from now on is what this answer may lack.
        position = self._channel.position()
        if decoded.startswith(VIRTUAL):
            return self._virtual(request, decoded, query)
        try:
            return self._file(request, decoded, query, position, settled)
        except FileRefused as refusal:
            if refusal.is_directory:
                return self._folder(request, decoded, query, position, settled)
            return self._refusal(request, decoded, refusal, position, settled)

    def _folder(
        self, request: Request, path: str, query: str, position: str, settled: bool
    ) -> Response | None:
        try:
            response = self._file(request, path.rstrip("/") + "/index.html", query, position, settled)
        except FileRefused as refusal:
            return self._refusal(request, path, refusal, position, settled)
        if path.endswith("/"):
            return response
        # The page's relative URLs need the slash.
        # Two slashes in front would name another host.
        location = quote(self._base + path.lstrip("/")) + "/" + (f"?{query}" if query else "")
        return text(301, "This is a folder.\n", location=location)

    def _file(
        self,
        request: Request,
        path: str,
        query: str,
        position: str,
        settled: bool,
        *,
        is_fallback: bool = False,
    ) -> Response | None:
        if path.endswith("/"):
            raise FileRefused(404, "this is a folder", is_directory=True)
        opened, is_public = self._open(path)
        kept = without_parameters(query, "t", "import")
        url = module_url(path, kept)
        role = self._role(request, path, query, url)
        if role == "module" and (is_public or _is_foreign_picture(request)):
            role = "static"
        if role == "static" and opened.size:
            return self._static(request, path, opened)
        node = self._node(request, url, opened.path, role)
        if node is not None:
            return self._module(request, node, opened, settled)
        content = opened.read()
        if not settled and not content and self._graph.differs(opened.path, EMPTY):
            return None
        self._graph.served(opened.path, digest(content))
        if role == "page":
            packs = "hotchannel-pack-" not in request.header("cookie")
            return self._pages.serve(
                path, opened.path, content, position, is_fallback=is_fallback, packs=packs
            )
        return Response(200, {"content-type": content_type(path)}, content)

    def _open(self, path: str) -> tuple[OpenFile, bool]:
        """Open what a path names, and tell whether it is in the public folder, where nothing is compiled."""
        if self._public is not None:
            with suppress(FileRefused):
                file = self._public.locate(path)
                # What is denied by its place in the root is so under every name.
                if self._root.path_is_denied(file):
                    raise FileRefused(403, "the setting `fs.deny` names it")
                return self._public.open(file), True
        return self._root.open(self._root.locate(path)), False

    def _role(self, request: Request, path: str, query: str, url: ModuleUrl) -> Role:
        """Decide what a file is to the one who asks.

        A stylesheet is asked for by `<link>` and by `import` under one URL, as in Vite: `Accept` and
        `Sec-Fetch-Dest` tell. Where neither does (plain HTTP in a LAN, command line), it is a module
        if a served module imports it.
        """
        parameters = {part.partition("=")[0] for part in query.split("&")}
        destination = request.header("sec-fetch-dest")
        if parameters & {"import", "raw", "url", transform.HTML_PROXY}:
            return "module"
        if path.endswith((".html", ".htm")):
            return "page" if destination in _DOCUMENTS else "static"
        if is_stylesheet(path):
            if destination == "script":
                return "module"
            if destination or "text/css" in request.header("accept"):
                return "stylesheet"
            node = self._graph.get(module_id(url))
            return "stylesheet" if node is None else "module"
        is_classic = destination == "script" and request.header("sec-fetch-mode") == "no-cors"
        return "module" if is_javascript(path) and not is_classic else "static"

    def _node(self, request: Request, url: ModuleUrl, file: FilePath, role: Role) -> ModuleNode | None:
        if role == "module":
            return self._compiler.module_for(Resolved(url, file))
        if role != "stylesheet":
            return None
        node = self._graph.ensure(module_id(url, stylesheet=True), url, file, "css")
        # A script may add a link, of which no page tells; the referrer of an `@import` is a stylesheet.
        node.is_entry = node.is_entry or not is_stylesheet(split_query(request.header("referer"))[0])
        return node

    def _virtual(self, request: Request, path: str, query: str) -> Response | None:
        """Answer with a module that is no file; only one that a plugin has named is known."""
        node = self._graph.get(module_id(module_url(path, without_parameters(query, "t", "import"))))
        if node is None:
            return text(404, f"{path}: no plugin has named such a module.\n")
        return self._module(request, node, None, settled=True)

    def _module(
        self, request: Request, node: ModuleNode, opened: OpenFile | None, settled: bool
    ) -> Response | None:
        """Answer with a module or stylesheet; it comes with a tag, since only its content counts."""
        try:
            served = self._served.get(node, opened, settled=settled)
        except ModuleError as error:
            message = f"{error.detail.message}\n\n{error.detail.stack}\n"
            return text(500, message, cache_control="no-store")
        if served is None:
            return None
        if request.header("if-none-match") == served.etag:
            return _not_modified(served.etag)
        kind = JAVASCRIPT if node.type == "js" else CSS if served.unread is None else "text/css"
        headers = {"content-type": kind, "etag": served.etag, "cache-control": "no-cache"}
        return Response(200, headers, served.body)

    def _static(self, request: Request, path: str, opened: OpenFile) -> Response:
        modified, size, inode = opened.version
        etag = f'W/"{modified:x}-{size:x}-{inode:x}-{self._served.saves(opened.path)}"'
        if request.header("if-none-match") == etag:
            opened.close()
            return _not_modified(etag)
        headers = {
            "content-type": content_type(path),
            "etag": etag,
            "cache-control": "no-cache",
            "accept-ranges": "bytes",
        }
        wanted = _RANGE.fullmatch(request.header("range"))
        if wanted is None or wanted[0] == "bytes=-" or request.header("if-range"):
            return Response(200, headers, FileSlice(opened, 0, size))
        first, last = wanted[1], wanted[2]
        start = int(first) if first else max(0, size - int(last))
        end = min(size - 1, int(last)) if first and last else size - 1
        if start > end:
            opened.close()
            return Response(416, {"content-range": f"bytes */{size}"})
        headers["content-range"] = f"bytes {start}-{end}/{size}"
        return Response(206, headers, FileSlice(opened, start, end - start + 1))

    def _client(self, name: str) -> Response:
        if name == "client":
            # It holds the token and its place in the journal.
            served = client_module(self._settings(), self._channel.position())
            return Response(200, {"content-type": JAVASCRIPT, "cache-control": "no-store"}, served.encode())
        sibling = sibling_module(name)
        if sibling is None and name.startswith("pack/"):
            sibling = self._packer.get(name.removeprefix("pack/").removesuffix(".js"))
        if sibling is None:
            return text(404, "There is no such client module.\n")
        headers = {"content-type": JAVASCRIPT, "cache-control": "max-age=31536000, immutable"}
        return Response(200, headers, sibling.encode())

    def _outside_base(self, path: str, query: str) -> Response:
        if path in ("/", "/index.html", self._base.rstrip("/")):
            return text(302, "", location=self._base + (f"?{query}" if query else ""))
        return text(404, f"Everything is served below {self._base} (the option `base`).\n")

    def _refusal(
        self, request: Request, path: str, refusal: FileRefused, position: str, settled: bool
    ) -> Response | None:
        """Answer where there is no such file: as Vite, with `PATH.html` or a single-page site's page."""
        if refusal.status == 404 and _may_be_a_page(request, path):
            if (made := self._pages.made(path, position)) is not None:
                return made
            others = [] if path.endswith("/") else [f"{path}.html"]
            for other in (*others, *(["/index.html"] if self._has_fallback else [])):
                with suppress(FileRefused):
                    return self._file(request, other, "", position, settled, is_fallback=True)
            if "text/html" in request.header("accept"):
                return self._pages.not_found(path, position)
        if refusal.status == 404 and request.header("sec-fetch-dest") in ("script", "style"):
            # A page says nothing of it but in its console.
            page = split_query(request.header("referer"))[0]
            _log.warning("%s is not there; %s asks for it", printable(path), printable(page) or "somebody")
        # What is just not there is no refusal.
        refused = (Reason.FILE, str(refusal)) if refusal.status == 403 else None
        return text(refusal.status, f"{path}: {refusal}.\n", refused=refused)


def _may_be_a_page(request: Request, path: str) -> bool:
    """Tell whether a browser goes to `path`, or somebody else asks for what can be a page by its name."""
    accept = request.header("accept")
    if "text/html" in accept:
        return True
    is_nameless = "." not in path.rpartition("/")[2] and request.header("sec-fetch-dest") in _DOCUMENTS
    return is_nameless and (not accept or "*/*" in accept)


def _is_foreign_script(request: Request) -> bool:
    """Tell whether another site loads this as a classic script, which no CORS header can refuse."""
    return _is_foreign(request) and request.header("sec-fetch-dest") == "script"


def _is_foreign_picture(request: Request) -> bool:
    """Tell whether another site loads this as what no module can be.

    Compiled for that site, every query would be a module more, and its errors would stand in our pages.
    """
    return _is_foreign(request) and request.header("sec-fetch-dest") not in ("script", "style")


def _is_foreign(request: Request) -> bool:
    """Tell whether another site loads this in a way that it need not be allowed to (Fetch: `no-cors`)."""
    return (
        request.header("sec-fetch-site") in ("cross-site", "same-site")
        and request.header("sec-fetch-mode") == "no-cors"
    )


def _not_modified(etag: str) -> Response:
    return Response(304, {"etag": etag, "cache-control": "no-cache"})
