"""From the head of a request to a whole response, for whatever server asks.

Role: everything between an entrance and a site: the rules about Hosts, the question that browsers ask ahead
(CORS), open-in-editor, the time that a save may take, and the headers that every answer has.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from hotchannel.devserver.cors import cross_origin_headers, preflight
from hotchannel.devserver.http import PASS, Request, Response, text
from hotchannel.modules.urls import split_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.devserver.editor import OpenInEditor
    from hotchannel.devserver.inspector import Inspector
    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["METRICS", "OWN", "Answering"]

_SETTLE_STEP = 0.005
_SETTLE_STEPS = 20
"""A request for a file that is suddenly empty waits up to 100 ms for the save to end."""

_EDITOR = "__open-in-editor"

OWN = "@hotchannel/"
"""Below the base, ahead of what shows the channel at work."""

METRICS = "metrics"


class Answers(Protocol):
    """What a site is."""

    def respond(self, request: Request, *, settled: bool = True) -> Response | None:
        """Answer a request; None, where it is not `settled`, for a file that is just being written."""


class Answering:
    """Answers with a site.

    Args:
        site: what is served.
        channel: whose rules about Hosts hold for plain requests too, and which counts refusals.
        base: path under which everything is served.
        cors: origins whose pages may read the answers; True for all.
        editor: makes what opens files in the user's editor.
        inspector: makes what shows the channel at work.
        served: told of every request to the site, its answer, and when it was asked, in seconds since 1970.
    """

    def __init__(
        self,
        site: Answers,
        channel: WebSocketServer,
        *,
        base: str,
        cors: tuple[str, ...] | bool,
        editor: Callable[[], OpenInEditor],
        inspector: Callable[[], Inspector],
        served: Callable[[Request, Response, float], object] = lambda request, response, asked: None,
    ) -> None:
        self._make_inspector = inspector
        self._inspector: Inspector | None = None
        self._base = base
        self._site = site
        self._channel = channel
        self._cors = cors
        self._editor = editor
        self._served = served

    def refusal(self, head: HandshakeRequest, address: str) -> Response | None:
        """Answer where the channel's rules about Hosts, or its ping, leave the site nothing to say."""
        refused = self._channel.check_http(head, address)
        return None if refused is None else self._complete(head, text(refused.status, refused.body))

    async def respond(self, head: HandshakeRequest, request: Request, address: str) -> Response:
        """Answer a request that is not refused; `PASS` where it is not the site's."""
        response = preflight(self._cors, request) or self._shown(request)
        if response is None:
            asked = time.time()
            response = await self._respond(head, request, address)
            if request.method == "GET":
                self._served(request, response, asked)
        if response is PASS:
            return PASS
        if response.refused is not None:
            reason, detail = response.refused
            self._channel.refused(reason, address, head, detail)
        return self._complete(head, response)

    async def _respond(self, head: HandshakeRequest, request: Request, address: str) -> Response:
        if _EDITOR in request.target:
            opened = await self._editor().respond(
                request, lambda reason: self._channel.refused(reason, address, head)
            )
            if opened is not None:
                return opened
        for _ in range(_SETTLE_STEPS):
            response = self._site.respond(request, settled=False)
            if response is not None:
                return response
            await asyncio.sleep(_SETTLE_STEP)
        response = self._site.respond(request)
        assert response is not None, "a settled answer is always there"
        return response

    def _shown(self, request: Request) -> Response | None:
        """Answer with what shows the channel at work; None where that is not asked for."""
        own = self._base + OWN
        if not request.target.startswith(own):
            return None
        name = split_query(request.target)[0][len(own) :]
        if name == METRICS:
            from hotchannel.devserver.metrics import exposition

            return exposition(request, self._channel)
        if self._inspector is None:
            self._inspector = self._make_inspector()
        return self._inspector.respond(request, name)

    def _complete(self, head: HandshakeRequest, response: Response) -> Response:
        origin = dict(head.headers).get("origin", "")
        kind = response.headers.get("content-type", "")
        common = {"x-content-type-options": "nosniff", **cross_origin_headers(self._cors, origin, kind)}
        return replace(response, headers=common | response.headers)
