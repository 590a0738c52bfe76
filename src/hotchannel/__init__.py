"""hotchannel: Vite's hot-update channel for Python.

The public API, on one screen. A name is imported when it is first used, so that `import hotchannel`
costs nothing and loads no server and no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hotchannel._version import __version__

if TYPE_CHECKING:
    from hotchannel.devserver.app import DevServer
    from hotchannel.devserver.plugins import HotUpdate, Plugin, Transformed, TransformError
    from hotchannel.errors import HotChannelError, ListenError, OptionError, RemoteError, TransportError
    from hotchannel.integrations.channel import AppChannel, get_channel
    from hotchannel.options import DevOptions, FsOptions, HttpsOptions, ProxyOptions, WsOptions
    from hotchannel.websocket.asgi import AsgiEntrance
    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.websocket.server import WebSocketServer
    from hotchannel.websocket.stats import Stats
    from hotchannel.websocket.uvicorn import take_over
    from hotchannel.wire.binary import BinaryData
    from hotchannel.wire.payloads import (
        Binary,
        Connected,
        Custom,
        ErrorDetail,
        ErrorPayload,
        FullReload,
        HotPayload,
        Location,
        Ping,
        Prune,
        Update,
        UpdateEntry,
    )

__all__ = [
    "AppChannel",
    "AsgiEntrance",
    "Binary",
    "BinaryData",
    "Connected",
    "Custom",
    "DevOptions",
    "DevServer",
    "ErrorDetail",
    "ErrorPayload",
    "FsOptions",
    "FullReload",
    "HotChannelError",
    "HotPayload",
    "HotUpdate",
    "HttpsOptions",
    "ListenError",
    "Location",
    "OptionError",
    "Ping",
    "Plugin",
    "ProxyOptions",
    "Prune",
    "RemoteError",
    "Stats",
    "TransformError",
    "Transformed",
    "TransportError",
    "Update",
    "UpdateEntry",
    "WebSocketClient",
    "WebSocketServer",
    "WsOptions",
    "__version__",
    "get_channel",
    "take_over",
]

_HOMES = {
    "DevServer": "hotchannel.devserver.app",
    "HotUpdate": "hotchannel.devserver.plugins",
    "Plugin": "hotchannel.devserver.plugins",
    "TransformError": "hotchannel.devserver.plugins",
    "Transformed": "hotchannel.devserver.plugins",
    "HotChannelError": "hotchannel.errors",
    "ListenError": "hotchannel.errors",
    "OptionError": "hotchannel.errors",
    "RemoteError": "hotchannel.errors",
    "TransportError": "hotchannel.errors",
    "AppChannel": "hotchannel.integrations.channel",
    "get_channel": "hotchannel.integrations.channel",
    "DevOptions": "hotchannel.options",
    "FsOptions": "hotchannel.options",
    "HttpsOptions": "hotchannel.options",
    "ProxyOptions": "hotchannel.options",
    "WsOptions": "hotchannel.options",
    "AsgiEntrance": "hotchannel.websocket.asgi",
    "WebSocketClient": "hotchannel.websocket.client",
    "WebSocketServer": "hotchannel.websocket.server",
    "Stats": "hotchannel.websocket.stats",
    "take_over": "hotchannel.websocket.uvicorn",
    "BinaryData": "hotchannel.wire.binary",
    "Binary": "hotchannel.wire.payloads",
    "Connected": "hotchannel.wire.payloads",
    "Custom": "hotchannel.wire.payloads",
    "ErrorDetail": "hotchannel.wire.payloads",
    "ErrorPayload": "hotchannel.wire.payloads",
    "FullReload": "hotchannel.wire.payloads",
    "HotPayload": "hotchannel.wire.payloads",
    "Location": "hotchannel.wire.payloads",
    "Ping": "hotchannel.wire.payloads",
    "Prune": "hotchannel.wire.payloads",
    "Update": "hotchannel.wire.payloads",
    "UpdateEntry": "hotchannel.wire.payloads",
}


def __getattr__(name: str) -> object:
    if name in ("metrics", "remote"):
        return import_module(f"hotchannel.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
