"""The browser client's files, with the server's settings filled in.

Role: what `/@vite/client` and its sibling modules answer. The client is made anew for each request,
since it says at which position of the journal it was served.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["ClientSettings", "client_module"]

_MODULE_NAME = re.compile(r"[a-z]+")
_PLACEHOLDER = re.compile(r"\b__[A-Z]+(?:_[A-Z]+)*__\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What the client is told.

    Attributes:
        base: path under which everything is served.
        server_host: where the pages are, for messages.
        protocol: `ws` or `wss`; None follows the page.
        hostname: where the socket is; None follows the page.
        port: port of the socket; None follows the page.
        direct_target: `HOST:PORT/PATH` tried when the inferred address fails.
        ws_base: path of the socket.
        timeout: milliseconds between pings.
        overlay: show errors in the page.
        token: the socket's secret.
    """

    base: str
    server_host: str
    protocol: str | None
    hostname: str | None
    port: int | None
    direct_target: str
    ws_base: str
    timeout: int
    overlay: bool
    token: str


def client_module(name: str, settings: ClientSettings, position: str) -> str | None:
    """Return the text of a client module, or None where there is none of that name.

    Args:
        name: what follows `/@vite/`: `client`, or a sibling such as `overlay.js`.
        settings: what the client is told.
        position: `EPOCH:SEQ` at which this text is served.
    """
    if name != "client":
        stem = name.removesuffix(".js")
        is_sibling = name.endswith(".js") and stem != "client" and _MODULE_NAME.fullmatch(stem)
        return _source(stem) if is_sibling else None
    values = {
        "__BASE__": settings.base,
        "__SERVER_HOST__": settings.server_host,
        "__WS_PROTOCOL__": settings.protocol,
        "__WS_HOSTNAME__": settings.hostname,
        "__WS_PORT__": settings.port,
        "__WS_DIRECT_TARGET__": settings.direct_target,
        "__WS_BASE__": settings.ws_base,
        "__WS_TIMEOUT__": settings.timeout,
        "__WS_OVERLAY__": settings.overlay,
        "__WS_TOKEN__": settings.token,
        "__SERVED_AT__": position,
    }
    return _PLACEHOLDER.sub(lambda match: json.dumps(values.get(match[0])), str(_source("client")))


@cache
def _source(stem: str) -> str | None:
    file = files("hotchannel.browser").joinpath(f"{stem}.js")
    return file.read_text("utf-8") if file.is_file() else None
