"""uvicorn, as the dev server runs it.

Role: a `uvicorn.Server` on sockets that are bound already, with the channel on the same port, guarded
against requests that uvicorn would pass, and with TLS whose handshake has a time limit too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn

from hotchannel.websocket.guarded_http import guarded_http
from hotchannel.websocket.handshake import PASS, Reject
from hotchannel.websocket.uvicorn import UvicornConnection, take_over

if TYPE_CHECKING:
    import socket
    import ssl

    from hotchannel.devserver.proxy import Proxy
    from hotchannel.websocket.asgi import AsgiApp, Message
    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["Server"]

_SHUTDOWN_TIME = 1
"""Seconds that answers under way have when the server ends."""

_TLS_SHUTDOWN = 0.25
"""Seconds that a peer has to answer the end of TLS."""


class Server(uvicorn.Server):
    """Serves `app` and `channel` on one port.

    Args:
        app: answers plain requests.
        channel: gets the WebSockets; from now on it is integrated, unless it has a port of its own.
        tls: to serve HTTPS.
        proxy: takes some of the WebSockets that are not the channel's; all others are refused.
    """

    def __init__(
        self,
        app: AsgiApp,
        channel: WebSocketServer,
        tls: ssl.SSLContext | None,
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=guarded_http(channel),
                ws=_take_over(channel, proxy),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SHUTDOWN_TIME,
            )
        )
        self._proxy = proxy
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; called by `serve`."""
        if self._proxy is not None:
            # Ahead of uvicorn, which would wait for streams that never end, and then break them off.
            await self._proxy.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


def _take_over(channel: WebSocketServer, proxy: Proxy | None) -> type[asyncio.Protocol]:
    """Return what leaves to the proxy what that takes, and refuses all else that is not the channel's."""
    if proxy is None:
        return take_over(channel, exclusive=True)
    routes, taken_over = proxy.routes, take_over(channel, successor=_successor())
    assert issubclass(taken_over, UvicornConnection)

    class SharedWithProxy(taken_over):  # type: ignore[misc, valid-type]
        def passed_on(self, head: bytes, request: HandshakeRequest) -> None:
            is_taken = routes.find_for_upgrade(request) is not None
            decision = PASS if is_taken else channel.judge(request, self.host, exclusive=True)
            if isinstance(decision, Reject):
                self._refuse(request, decision)
            else:
                super().passed_on(head, request)

    return SharedWithProxy


def _successor() -> type[asyncio.Protocol]:
    """Return uvicorn's own protocol, but for an error in its log.

    It takes a handshake that is answered with an HTTP response for one that is not answered.
    """
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    class Answering(AutoWebSocketsProtocol):  # type: ignore[misc, valid-type]
        async def send(self, message: Message) -> None:
            await super().send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
                self.handshake_complete = True

    return Answering
