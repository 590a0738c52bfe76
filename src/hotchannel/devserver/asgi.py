"""The site as an ASGI application.

Role: translates between ASGI and `Site`, and decides nothing: the channel's policy says which Hosts may
ask, `Site` says what the answer is. A file that is just being written is asked for again a little later.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from hotchannel.devserver.answering import Answering
from hotchannel.devserver.compression import accepts_gzip, compresses, gzip, is_worthwhile, mark
from hotchannel.devserver.http import Request
from hotchannel.websocket.asgi import target_of
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.devserver.editor import OpenInEditor
    from hotchannel.devserver.http import FileSlice, Response
    from hotchannel.devserver.inspector import Inspector
    from hotchannel.devserver.proxy import Proxy
    from hotchannel.devserver.site import Site
    from hotchannel.websocket.asgi import Receive, Scope, Send
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["SiteApplication"]

_LONG = 64 * 1024
"""Bytes that take so long to compress that others need not wait for it."""


class SiteApplication:
    """Answers `http` scopes with a site, and tells a WebSocket that there is none here.

    What the proxy has a back end for goes there, as it came, and comes back as it was answered.

    Args:
        site: what is served.
        channel: whose rules about Hosts hold for plain requests too.
        base: path under which everything is served.
        headers: further headers of every answer.
        cors: origins whose pages may read the answers; True for all.
        editor: makes what opens files in the user's editor.
        inspector: makes what shows the channel at work.
        proxy: passes on what is not ours; None where everything is.
        compress: whether text is sent compressed.
        served: told of every request to the site, its answer, and when it was asked, in seconds since 1970.
    """

    def __init__(
        self,
        site: Site,
        channel: WebSocketServer,
        *,
        base: str,
        headers: Mapping[str, str],
        cors: tuple[str, ...] | bool,
        editor: Callable[[], OpenInEditor],
        inspector: Callable[[], Inspector],
        proxy: Proxy | None = None,
        compress: Literal["auto"] | bool = False,
        served: Callable[[Request, Response, float], object] = lambda request, response, asked: None,
    ) -> None:
        self._answering = Answering(
            site, channel, base=base, cors=cors, editor=editor, inspector=inspector, served=served
        )
        self._channel = channel
        self._headers = headers
        self._proxy = proxy
        self._compress = compress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not answered here")
        head = _head(scope)
        request = Request(head.method, head.target, dict(head.headers))
        response = self._answering.refusal(head, _address(scope))
        if self._proxy is not None and response is None:
            route = self._proxy.routes.find(head.target)
            if route is not None:
                await self._proxy.http(route, head.target, scope, receive, send)
                return
        if response is None:
            response = await self._answering.respond(head, request, _address(scope))
        fields = dict(response.headers)
        is_compressed = False
        if compresses(self._compress, _host(scope)) and is_worthwhile(request, response):
            is_compressed = accepts_gzip(request.header("accept-encoding")) and head.http_version != "1.0"
            mark(fields, is_compressed=is_compressed)
            if is_compressed and isinstance(response.body, bytes):
                response = replace(response, body=await _compressed(response.body))
        fields |= self._headers
        if response.status != 304 and (isinstance(response.body, bytes) or not is_compressed):
            fields["content-length"] = str(response.content_length)
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        if isinstance(response.body, bytes):
            body = b"" if scope["method"] == "HEAD" else response.body
            await send({"type": "http.response.body", "body": body})
            return
        if scope["method"] == "HEAD":
            response.body.file.close()
            await send({"type": "http.response.body"})
            return
        await _send_file(response.body, receive, send, is_compressed=is_compressed)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = _head(scope)
        route = self._proxy.routes.find_for_upgrade(head) if self._proxy is not None else None
        if self._proxy is None or route is None:
            await receive()
            await send({"type": "websocket.close"})
            return
        refused = self._channel.check_http(head, _address(scope))
        if refused is not None and refused.reason is not None:
            # As the channel does, without another word (protocol.md section 2).
            await self._proxy.refuse(scope, receive, send)
            return
        await self._proxy.websocket(route, head.target, scope, receive, send)


async def _send_file(part: FileSlice, receive: Receive, send: Send, *, is_compressed: bool) -> None:
    chunks = part.file.chunks(part.start, part.length)
    packed = gzip(chunks) if is_compressed else chunks
    # What is sent to a peer that is gone, servers swallow without a word, be it a terabyte.
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        while chunk := await asyncio.to_thread(next, packed, b"") if is_compressed else next(packed, b""):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
            if gone.done():
                part.file.close()
                return
    finally:
        gone.cancel()
    await send({"type": "http.response.body"})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _compressed(body: bytes) -> bytes:
    def compress() -> bytes:
        return b"".join(gzip([body]))

    return await asyncio.to_thread(compress) if len(body) > _LONG else compress()


def _head(scope: Scope) -> HandshakeRequest:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return HandshakeRequest(
        scope.get("method", "GET"), target_of(scope), headers, scope.get("http_version", "1.1")
    )


def _host(scope: Scope) -> str:
    return str((scope.get("client") or ("", 0))[0])


def _address(scope: Scope) -> str:
    client = scope.get("client") or ("", 0)
    return f"{client[0]}:{client[1]}"
