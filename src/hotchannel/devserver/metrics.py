"""What Prometheus gets that asks a dev server or an application.

Role: one answer, in the format that is asked for. There is no token on it, since no scraper could know a new
one at each start; the rules about Hosts hold, and it tells nothing but numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.devserver.http import Request, Response, only_read, text

if TYPE_CHECKING:
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["exposition"]


def exposition(request: Request, channel: WebSocketServer) -> Response:
    """Answer with the channel's numbers; where they cannot be said, with how to install what says them."""
    if request.method not in ("GET", "HEAD"):
        return only_read()
    try:
        from hotchannel.metrics import HotChannelCollector
    except ImportError as error:
        return text(501, f"{error}\n")
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry()
    registry.register(HotChannelCollector(channel))
    encode, kind = choose_encoder(request.header("accept"))
    return Response(200, {"content-type": kind, "cache-control": "no-store"}, encode(registry))
