"""The site as an ASGI application.

Role: translates between ASGI and `Site`, and decides nothing: the channel's policy says which Hosts may
ask, `Site` says what the answer is. A file that is just being written is asked for again a little later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from hotchannel.devserver.http import Request, Response, text
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from hotchannel.devserver.site import Site
    from hotchannel.websocket.asgi import Receive, Scope, Send
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["SiteApplication"]

_SETTLE_STEP = 0.005
_SETTLE_STEPS = 20
"""A request for a file that is suddenly empty waits up to 100 ms for the save to end."""

_EVERYWHERE = [
    # No page of another origin reads what is served here, other ports of this machine included.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class SiteApplication:
    """Answers `http` scopes with a site, and tells a WebSocket that there is none here.

    Args:
        site: what is served.
        channel: whose rules about Hosts hold for plain requests too.
    """

    def __init__(self, site: Site, channel: WebSocketServer) -> None:
        self._site = site
        self._channel = channel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not answered here")
        response = await self._respond(scope)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
        ]
        if response.status != 304:
            headers.append((b"content-length", str(response.content_length).encode()))
        headers += _EVERYWHERE
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
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

    async def _respond(self, scope: Scope) -> Response:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        raw_path = scope.get("raw_path")
        target = quote(scope["path"]) if raw_path is None else raw_path.decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        peer = scope.get("client") or ("", 0)
        head = HandshakeRequest(scope["method"], target, headers, scope["http_version"])
        refused = self._channel.check_http(head, f"{peer[0]}:{peer[1]}")
        if refused is not None:
            return text(refused.status, refused.body)
        request = Request(scope["method"], target, dict(headers))
        for _ in range(_SETTLE_STEPS):
            response = self._site.respond(request, settled=False)
            if response is not None:
                return response
            await asyncio.sleep(_SETTLE_STEP)
        response = self._site.respond(request)
        assert response is not None, "a settled answer is always there"
        return response
