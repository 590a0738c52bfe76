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
from hotchannel.devserver.files import FileRefused, OpenFile, Root
from hotchannel.devserver.http import FileSlice, Request, Response, content_type, only_read, text
from hotchannel.devserver.modules import (
    CLIENT,
    DOCUMENTS,
    Modules,
    is_foreign_picture,
    is_foreign_script,
    not_modified,
)
from hotchannel.devserver.packing import Packer
from hotchannel.devserver.pages import Pages
from hotchannel.devserver.plugins import Plugins
from hotchannel.devserver.resolver import VIRTUAL, Resolver
from hotchannel.devserver.served import EMPTY, ServedModules, digest
from hotchannel.modules.urls import decode_path, split_query
from hotchannel.websocket.handshake import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.devserver.client import ClientSettings
    from hotchannel.devserver.compiler import Channel, Compiler
    from hotchannel.hmr.graph import ModuleGraph

__all__ = ["Site"]

_log = logging.getLogger("hotchannel.server")

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Site:
    """Answers requests for one folder."""

    __slots__ = (
        "_base",
        "_channel",
        "_graph",
        "_has_fallback",
        "_modules",
        "_pages",
        "_public",
        "_root",
        "_served",
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
        self._channel = channel
        self._base = base
        self._has_fallback = has_fallback
        packer = Packer(base=base, enabled=pack, compiled=served.ahead)
        self._modules = Modules(graph, compiler, served, channel, settings=settings, pack=packer.get)
        self._pages = Pages(
            root,
            graph,
            resolver,
            compiler,
            packer,
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
            return only_read()
        if is_foreign_script(request):
            message = "Scripts of this server are not for other sites.\n"
            return text(403, message, refused=(Reason.SCRIPT, ""))
        target = request.target
        if not target.startswith("/") or "#" in target:
            return text(400, "The request target is malformed.\n", refused=(Reason.TARGET, ""))
        path, query = split_query(target)
        if not path.startswith(self._base):
            return self._outside_base(path, query)
        path = "/" + path[len(self._base) :]
        if path.startswith(CLIENT):
            return self._modules.client(path[len(CLIENT) :])
        decoded = decode_path(path)
        if decoded is None:
            return text(400, "The path is malformed.\n", refused=(Reason.TARGET, "the path is malformed"))
        # Taken before anything is read: what is sent from now on is what this answer may lack.
        position = self._channel.position()
        if decoded.startswith(VIRTUAL):
            return self._modules.virtual(request, decoded, query)
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
        role = self._modules.role(request, path, query)
        if role == "module" and (is_public or is_foreign_picture(request)):
            role = "static"
        if role == "static" and opened.size:
            return self._static(request, path, opened)
        node = self._modules.node(request, self._modules.url(path, query), opened.path, role)
        if node is not None:
            return self._modules.respond(request, node, opened, settled=settled)
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

    def _static(self, request: Request, path: str, opened: OpenFile) -> Response:
        modified, size, inode = opened.version
        etag = f'W/"{modified:x}-{size:x}-{inode:x}-{self._served.saves(opened.path)}"'
        if request.header("if-none-match") == etag:
            opened.close()
            return not_modified(etag)
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
    is_nameless = "." not in path.rpartition("/")[2] and request.header("sec-fetch-dest") in DOCUMENTS
    return is_nameless and (not accept or "*/*" in accept)
