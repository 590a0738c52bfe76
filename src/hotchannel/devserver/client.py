"""The browser client's files, with the server's settings filled in.

Role: what `/@vite/client` and its sibling modules answer. The client is made anew for each request,
since it says at which position of the journal it was served. Its siblings never change under their URL,
which has their digest in it, so that a browser asks for them once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["WILDCARDS", "ClientSettings", "bracketed", "client_module", "sibling_module", "socket_host"]

_SIBLING_IMPORT = re.compile(r'(?<= from "\./)(?=[a-z]+\.js";)')
_PLACEHOLDER = re.compile(r"\b__[A-Z]+(?:_[A-Z]+)*__\b")


WILDCARDS = ("0.0.0.0", "::")
"""Hosts that stand for every interface, and for no address."""


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
        defines: global names and their values.
        forward_console: methods of the console whose lines the server wants, beside uncaught errors; None
            where it wants nothing.
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
    defines: Mapping[str, object] = field(default_factory=dict)
    forward_console: Sequence[str] | None = None


def bracketed(host: str) -> str:
    """Return a host as a URL has it."""
    return f"[{host}]" if ":" in host else host


def socket_host(host: str | None) -> str | None:
    """Return where the socket is, where that is not with the pages (Vite: `server.hmr.host`)."""
    return None if host is None or host in WILDCARDS else bracketed(host)


def sibling_module(name: str) -> str | None:
    """Return the text of what the client imports, by `DIGEST/NAME.js`; None where there is none."""
    version, _, file = name.partition("/")
    sources = _sources()
    return sources.get(file) if version == _version() and file not in ("client.js", "pack.js") else None


def client_module(settings: ClientSettings, position: str) -> str:
    """Return the text of the client.

    Args:
        settings: what the client is told.
        position: `EPOCH:SEQ` at which this text is served.
    """
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
        "__DEFINES__": dict(settings.defines),
        "__FORWARD_CONSOLE__": settings.forward_console,
    }
    source = _SIBLING_IMPORT.sub(f"{_version()}/", _sources()["client.js"])
    return _PLACEHOLDER.sub(lambda match: json.dumps(values[match[0]]), source)


@cache
def _sources() -> dict[str, str]:
    # Not at the start: it brings tempfile, shutil and what they need, which takes as long as a page.
    from importlib.resources import files

    folder = files("hotchannel.browser")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".js")}


@cache
def _version() -> str:
    return blake2b("".join(sorted(_sources().values())).encode(), digest_size=6).hexdigest()
