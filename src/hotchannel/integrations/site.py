"""The site that an application's static files are: modules, stylesheets and the client, nothing else.

Role: from a request to a response, or to `PASS`, and then the application answers as if nobody had asked
here. Paths on the wire are the application's own URLs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hotchannel.devserver.answering import OWN
from hotchannel.devserver.files import FileRefused
from hotchannel.devserver.http import PASS, Request, Response, only_read, text
from hotchannel.devserver.modules import CLIENT, Modules, is_foreign_picture, is_foreign_script, is_module
from hotchannel.modules.urls import below, decode_path, split_query
from hotchannel.websocket.handshake import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.devserver.mounts import Mounts
    from hotchannel.hmr.graph import ModuleNode
    from hotchannel.modules.urls import FilePath

__all__ = ["EDITOR", "PAGE", "AppSite", "concerns", "is_own"]

EDITOR = "/__open-in-editor"

PAGE = f"/{OWN}page/"
"""Ahead of the name of a page as it was sent last."""

_OWN = (CLIENT, f"/{OWN}", EDITOR)

_PING = "text/x-vite-ping"

_MAX_LOADED = 2000
"""Files of one page."""


class AppSite:
    """Answers for the static folders of an application.

    Args:
        mounts: the folders.
        modules: answers with what is compiled.
        base: path that browsers see all of it below, which requests come without.
        kept_page: returns a page as it was sent, by the target of a request for it.
        asked: told of a file that a page has asked for, and that is no module.
    """

    __slots__ = ("_asked", "_base", "_kept_page", "_modules", "_mounts")

    def __init__(
        self,
        mounts: Mounts,
        modules: Modules,
        *,
        base: str,
        kept_page: Callable[[Request], Response],
        asked: Callable[[FilePath], None],
    ) -> None:
        self._mounts = mounts
        self._modules = modules
        self._base = base
        self._kept_page = kept_page
        self._asked = asked

    def respond(self, request: Request, *, settled: bool = True) -> Response | None:
        """Answer; `PASS` where the application has to, None where a file is just being written."""
        path, query = split_query(request.target)
        if path.startswith((CLIENT, PAGE)):
            return self._own(request, path)
        decoded = decode_path(path)
        if request.method not in ("GET", "HEAD") or decoded is None or decoded.endswith("/"):
            return PASS
        try:
            file = self._mounts.open(self._mounts.locate(decoded))
        except FileRefused:
            return PASS
        role = self._modules.role(request, decoded, query)
        if role == "module" and is_foreign_picture(request):
            role = "static"
        node = self._modules.node(request, self._modules.url(decoded, query), file.path, role)
        if node is None:
            file.close()
            self._asked(file.path)
            return PASS
        if is_foreign_script(request):
            file.close()
            message = "Scripts of this server are not for other sites.\n"
            return text(403, message, refused=(Reason.SCRIPT, ""))
        return self._modules.respond(request, node, file, settled=settled)

    def loaded(self, data: object) -> list[ModuleNode]:
        """Take in which files a page has loaded, from a browser: a list of `{url, stylesheet, asked}`.

        What is malformed, or none of the static files, is passed over. Returns the modules that were written
        since the page has asked for them, `asked` milliseconds after 1970.
        """
        outdated: list[ModuleNode] = []
        for entry in data[:_MAX_LOADED] if isinstance(data, list) else ():
            if not isinstance(entry, dict) or not isinstance(url := entry.get("url"), str):
                continue
            path, query = split_query(below(url, self._base))
            decoded = decode_path(path)
            is_stylesheet = entry.get("stylesheet") is True
            if decoded is None or not (is_stylesheet or is_module(decoded, query)):
                continue
            with suppress(FileRefused):
                file = self._mounts.open(self._mounts.locate(decoded))
                node = self._modules.loaded(self._modules.url(decoded, query), file, stylesheet=is_stylesheet)
                asked = entry.get("asked")
                if isinstance(asked, int) and file.version[0] > asked * 1_000_000:
                    outdated.append(node)
        return outdated

    def _own(self, request: Request, path: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            return only_read()
        if is_foreign_script(request):
            message = "Scripts of this server are not for other sites.\n"
            return text(403, message, refused=(Reason.SCRIPT, ""))
        if path.startswith(PAGE):
            return self._kept_page(request)
        return self._modules.client(path[len(CLIENT) :])


def concerns(mounts: Mounts, path: str, accept: str) -> bool:
    """Tell, by its path, whether a request may be ours; all others are none of our business.

    Args:
        mounts: the static folders.
        path: decoded, as the application sees it.
        accept: the request's header.
    """
    return is_own(path, accept) or mounts.covers(path)


def is_own(target: str, accept: str) -> bool:
    """Tell whether a request is for what no application has: the client, its ping and the like."""
    return target.startswith(_OWN) or (accept == _PING and target == "/")
