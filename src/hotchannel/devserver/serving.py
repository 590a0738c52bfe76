"""uvicorn, as the dev server runs it.

Role: a `uvicorn.Server` on sockets that are bound already, with the channel on the same port, guarded
against requests that uvicorn would pass, and with TLS whose handshake has a time limit too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn

from hotchannel.websocket.guarded_http import guarded_http
from hotchannel.websocket.uvicorn import take_over

if TYPE_CHECKING:
    import socket
    import ssl

    from hotchannel.websocket.asgi import AsgiApp
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["Server"]

_SHUTDOWN_TIME = 1
"""Seconds that answers under way have when the server ends."""

_TLS_SHUTDOWN = 1.0
"""Seconds that a peer has to answer the end of TLS."""


class Server(uvicorn.Server):
    """Serves `app` and `channel` on one port.

    Args:
        app: answers plain requests.
        channel: gets the WebSockets; from now on it is integrated, unless it has a port of its own.
        tls: to serve HTTPS.
    """

    def __init__(self, app: AsgiApp, channel: WebSocketServer, tls: ssl.SSLContext | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=guarded_http(channel),
                ws=take_over(channel, exclusive=True),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SHUTDOWN_TIME,
            )
        )
        self._tls: dict[str, Any] = {}
        if tls is not None:
            # uvicorn would leave it at asyncio's minute: a thousand silent sockets could stay that long.
            self._tls = {
                "ssl": tls,
                "ssl_handshake_timeout": channel.options.handshake_timeout,
                "ssl_shutdown_timeout": _TLS_SHUTDOWN,
            }

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on `sockets`; called by `serve`."""
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            server = await loop.create_server(
                self._protocol, sock=listener, backlog=self.config.backlog, **self._tls
            )
            self.servers.append(server)

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol
