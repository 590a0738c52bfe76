"""The entrance through uvicorn: one port for the site and its socket.

Role: `uvicorn.Config(app, ws=take_over(server))`. Handshakes of ours never reach ASGI (measured: 1.2
times a C loop a broadcast, plain ASGI 1.9); all others go to the protocol that uvicorn would have
used, as if nobody had been here in between.

What of uvicorn's inner life this relies on, checked against each release by the entrance's tests: a
`ws` class is made with `config`, `server_state` and `app_state`, gets `connection_made`, then the
rebuilt request head through `data_received`, and is then set as the transport's protocol; whatever is
in `server_state.connections` has `shutdown()` called when the server ends, which waits until the set
is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hotchannel.websocket.connection import Connection

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["UvicornConnection", "take_over"]

_SERVICE_RESTART = 1012

_SHUTDOWN_LINGER = 0.5
"""Seconds that a client may hold up uvicorn's end."""


class UvicornConnection(Connection):
    """A connection that uvicorn has read the head of. `take_over` makes the class for a server."""

    server: ClassVar[WebSocketServer]
    without_host: ClassVar[bool]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(self.server, exclusive=self.without_host)
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._successor: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvicorn's set is typed for its own protocols and asks no more of them than `shutdown`.
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        super().connection_made(transport)

    def shutdown(self) -> None:
        """Called by uvicorn when it ends: a page should look for the next server, not hold up this one."""
        self.close(_SERVICE_RESTART, linger=_SHUTDOWN_LINGER)

    def passed_on(self, head: bytes, request: HandshakeRequest) -> None:
        """Hand a request that is not ours to uvicorn's own protocol, on the same transport."""
        from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

        self._let_go()
        assert AutoWebSocketsProtocol is not None  # websockets is installed: we depend on it
        self._successor = AutoWebSocketsProtocol(
            config=self._config, server_state=self._server_state, app_state=self._app_state
        )
        self._successor.connection_made(self._transport)
        self._successor.data_received(head)

    # uvicorn sets this object as the transport's protocol only after `data_received`, so that a
    # successor cannot be set in its place: what the event loop says is repeated to it.

    def data_received(self, data: bytes) -> None:
        if self._successor is None:
            super().data_received(data)
        else:
            self._successor.data_received(data)

    def eof_received(self) -> bool:
        if self._successor is None:
            return super().eof_received()
        return bool(self._successor.eof_received())

    def pause_writing(self) -> None:
        if self._successor is None:
            super().pause_writing()
        else:
            self._successor.pause_writing()

    def resume_writing(self) -> None:
        if self._successor is None:
            super().resume_writing()
        else:
            self._successor.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._successor is None:
            self._let_go()
            super().connection_lost(exc)
        else:
            self._successor.connection_lost(exc)

    def _let_go(self) -> None:
        self._server_state.connections.discard(self)
        self.server.disconnected(self)


def take_over(server: WebSocketServer, *, exclusive: bool = False) -> type[asyncio.Protocol]:
    """The class for `uvicorn.Config(ws=...)`; from now on `server` is integrated.

    Args:
        server: gets the connections that are its own.
        exclusive: the application behind has no WebSockets; what is not ours is refused.
    """
    server.attach()
    return type(
        "TakenOver",
        (UvicornConnection,),
        {"server": server, "without_host": exclusive, "__module__": __name__},
    )
