"""The site as an ASGI application.

Role: translates between ASGI and `Site`, and decides nothing: the channel's policy says which Hosts may
ask, `Site` says what the answer is. A file that is just being written is asked for again a little later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from hotchannel.devserver.cors import cross_origin_headers, preflight
from hotchannel.devserver.http import Request, Response, text
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.devserver.site import Site
    from hotchannel.websocket.asgi import Receive, Scope, Send
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["SiteApplication"]

_SETTLE_STEP = 0.005
_SETTLE_STEPS = 20
"""A request for a file that is suddenly empty waits up to 100 ms for the save to end."""


class SiteApplication:
    """Answers `http` scopes with a site, and tells a WebSocket that there is none here.

    Args:
        site: what is served.
        channel: whose rules about Hosts hold for plain requests too.
        headers: further headers of every answer.
        cors: origins whose pages may read the answers; True for all.
    """

    def __init__(
        self,
        site: Site,
        channel: WebSocketServer,
        *,
        headers: Mapping[str, str],
        cors: tuple[str, ...] | bool,
    ) -> None:
        self._site = site
        self._channel = channel
        self._headers = headers
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not answered here")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        request = Request(scope["method"], _target(scope), dict(headers))
        response = await self._respond(scope, headers, request)
        fields = {
            "x-content-type-options": "nosniff",
            **cross_origin_headers(
                self._cors, request.header("origin"), response.headers.get("content-type", "")
            ),
            **response.headers,
            **self._headers,
        }
        if response.status != 304:
            fields["content-length"] = str(response.content_length)
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        if isinstance(response.body, bytes):
            body = b"" if scope["method"] == "HEAD" else response.body
            await send({"type": "http.response.body", "body": body})
            return
        part = response.body
        if scope["method"] == "HEAD":
            part.file.close()
        else:
            for chunk in part.file.chunks(part.start, part.length):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    async def _respond(
        self, scope: Scope, headers: tuple[tuple[str, str], ...], request: Request
    ) -> Response:
        peer = scope.get("client") or ("", 0)
        head = HandshakeRequest(scope["method"], request.target, headers, scope["http_version"])
        refused = self._channel.check_http(head, f"{peer[0]}:{peer[1]}")
        if refused is not None:
            return text(refused.status, refused.body)
        if (answer := preflight(self._cors, request)) is not None:
            return answer
        for _ in range(_SETTLE_STEPS):
            response = self._site.respond(request, settled=False)
            if response is not None:
                return response
            await asyncio.sleep(_SETTLE_STEP)
        response = self._site.respond(request)
        assert response is not None, "a settled answer is always there"
        return response


def _target(scope: Scope) -> str:
    raw_path = scope.get("raw_path")
    path = quote(scope["path"]) if raw_path is None else raw_path.decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
