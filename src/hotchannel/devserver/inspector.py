"""The page that shows the channel at work: who gets it.

Role: answers `BASE@hotchannel/?token=TOKEN`, and what that page is made of. With the first of these begins
the `Inspection`, which says on the channel itself what there is to see. Whoever has the token may see it; a
page of another site may not, even where it knows the token.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import blake2b
from html import escape
from typing import TYPE_CHECKING

from hotchannel.devserver.answering import OWN
from hotchannel.devserver.http import CSS, HTML, JAVASCRIPT, Request, Response, only_read, plain_page, text
from hotchannel.devserver.inspection import Inspection
from hotchannel.modules.urls import split_query
from hotchannel.websocket.handshake import Reason
from hotchannel.websocket.token import query_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.devserver.client import ClientSettings
    from hotchannel.hmr.graph import ModuleGraph
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["Inspector"]

_ASSETS = "inspector/"

_TYPES = {"js": JAVASCRIPT, "css": CSS}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_GUARDED = {"cache-control": "no-store", "referrer-policy": "no-referrer", "content-security-policy": _POLICY}

_CLOSED = (
    "<h1>The inspector opens with its token</h1>"
    "<p><code>hotchannel dev</code> prints the whole link when it starts. In an application, every page that "
    "has the client writes it into the browser's console, where the level Verbose (Debug) is shown.</p>"
)


class Inspector:
    """Answers below `BASE@hotchannel/`.

    Args:
        channel: what is looked at.
        graph: its modules.
        base: path below which browsers see everything.
        settings: where browsers find the socket.
    """

    def __init__(
        self,
        channel: WebSocketServer,
        graph: ModuleGraph,
        *,
        base: str,
        settings: Callable[[], ClientSettings],
    ) -> None:
        self._channel = channel
        self._graph = graph
        self._base = base
        self._settings = settings
        self._inspection: Inspection | None = None

    def respond(self, request: Request, name: str) -> Response | None:
        """Answer with the page, which has no name, or a part of it; None where there is no such part."""
        if name and not name.startswith(_ASSETS):
            return None
        if request.method not in ("GET", "HEAD"):
            return only_read()
        if name:
            return _asset(name.removeprefix(_ASSETS))
        reason = _refusal(request, self._channel)
        if reason is not None:
            page = plain_page("403 Forbidden", _CLOSED).encode()
            return Response(403, {"content-type": HTML, "cache-control": "no-store"}, page, (reason, ""))
        if self._inspection is None:
            self._inspection = Inspection(self._channel, self._graph)
        return Response(200, {"content-type": HTML, **_GUARDED}, self._page().encode())

    def _page(self) -> str:
        settings = self._settings()
        told = {
            "base": self._base,
            "protocol": settings.protocol,
            "hostname": settings.hostname,
            "port": settings.port,
            "path": settings.ws_base,
        }
        page = _files()["index.html"].replace("__ASSETS__", f"{escape(self._base)}{OWN}{_ASSETS}{_version()}")
        return page.replace("__SETTINGS__", escape(json.dumps(told)))


def _refusal(request: Request, channel: WebSocketServer) -> Reason | None:
    """Return why `request` does not get the page; None where it does."""
    is_foreign = request.header("sec-fetch-site") in ("cross-site", "same-site")
    # Somebody may follow a link; nothing but that has to come from elsewhere.
    if is_foreign and (request.header("sec-fetch-mode"), request.header("sec-fetch-dest")) != (
        "navigate",
        "document",
    ):
        return Reason.ORIGIN_HEADER
    query = split_query(request.target)[1]
    return None if channel.knows_token(query_parameter(query, b"token")) else Reason.TOKEN


def _asset(name: str) -> Response:
    """Answer with a part of the page, by `DIGEST/NAME`."""
    version, _, file = name.partition("/")
    kind = _TYPES.get(file.rpartition(".")[2])
    if version != _version() or kind is None or file not in _files():
        return text(404, "The inspector has no such part.\n")
    headers = {"content-type": kind, "cache-control": "max-age=31536000, immutable"}
    return Response(200, headers, _files()[file].encode())


@cache
def _files() -> dict[str, str]:
    from importlib.resources import files

    folder = files("hotchannel.browser") / "inspector"
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.is_file()}


@cache
def _version() -> str:
    return blake2b("".join(sorted(_files().values())).encode(), digest_size=6).hexdigest()
