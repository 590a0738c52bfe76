"""The entrance through uvicorn: one port for the site and its socket.

Role: hands connections over before ASGI begins (measured: 1.2 times a C loop a broadcast, plain ASGI
1.9); those that are not ours go to the protocol that uvicorn would have used, as if nobody had been here
in between. Three ways in, one behaviour:

- `uvicorn.Config(app, ws=take_over(server))`,
- `WebSocketServer(server=config)`, which hooks itself into a `Config` or `Server` until it is closed,
- `uvicorn --ws hotchannel.websocket.uvicorn:TakeOver`, with an `AsgiEntrance` in the application: it names
  its server in the lifespan's state, and the sockets go past it.

What of uvicorn's inner life this relies on, checked against each release by the entrance's tests: a
`ws` class is made with `config`, `server_state` and `app_state` (the lifespan's), gets `connection_made`,
then the rebuilt request head through `data_received`, and is then set as the transport's protocol; whatever
is in `server_state.connections` has `shutdown()` called when the server ends, which waits until the set
is empty.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from hotchannel.errors import OptionError
from hotchannel.websocket.asgi import STATE_KEY
from hotchannel.websocket.connection import Connection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn.config import Config
    from uvicorn.server import Server, ServerState

    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["TakeOver", "UvicornConnection", "hook", "take_over"]

_SERVICE_RESTART = 1012

_SHUTDOWN_LINGER = 0.5
"""Seconds that a client may hold up uvicorn's end."""


class UvicornConnection(Connection):
    """A connection that uvicorn has read the head of. `take_over` makes the class for a server."""

    server: ClassVar[WebSocketServer]
    without_host: ClassVar[bool]
    successor: ClassVar[Callable[..., asyncio.Protocol]]

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
        self._let_go()
        self._successor = type(self).successor(
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


class TakeOver:
    """For `uvicorn --ws hotchannel.websocket.uvicorn:TakeOver`; the server comes from the lifespan's state.

    Where the application has named none (no `AsgiEntrance`, or `--lifespan off`), uvicorn's own protocol
    does what it would have done.
    """

    def __new__(  # type: ignore[misc]
        cls,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """The protocol for one connection."""
        server: WebSocketServer | None = app_state.get(STATE_KEY)
        if server is None:
            return _own_protocol(config=config, server_state=server_state, app_state=app_state)
        return _class_for(server)(config, server_state, app_state)  # type: ignore[call-arg]


@lru_cache(maxsize=8)
def _class_for(server: WebSocketServer) -> type[asyncio.Protocol]:
    # A class takes longer to make than a connection.
    return take_over(server)


def _own_protocol(*args: Any, **kwargs: Any) -> asyncio.Protocol:
    from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

    assert AutoWebSocketsProtocol is not None  # websockets is installed: we depend on it
    return AutoWebSocketsProtocol(*args, **kwargs)


def hook(server: WebSocketServer, host: Config | Server) -> Callable[[], None]:
    """Let `server` share the port of a uvicorn; what is returned undoes it.

    Loads the configuration, and with it the application.

    Raises:
        OptionError: `host` is no uvicorn `Config` or `Server`.
    """
    import uvicorn

    config = host.config if isinstance(host, uvicorn.Server) else host
    if not isinstance(config, uvicorn.Config):
        raise OptionError("ws.server", host, "a uvicorn.Config or uvicorn.Server")
    if not config.loaded:
        config.load()
    before = config.ws_protocol_class
    ours = take_over(server, successor=before)
    config.ws_protocol_class = ours

    def unhook() -> None:
        if config.ws_protocol_class is ours:
            config.ws_protocol_class = before

    return unhook


def take_over(
    server: WebSocketServer,
    *,
    exclusive: bool = False,
    successor: Callable[..., asyncio.Protocol] | None = None,
) -> type[asyncio.Protocol]:
    """The class for `uvicorn.Config(ws=...)`; from now on `server` is integrated.

    Args:
        server: gets the connections that are its own.
        exclusive: the application behind has no WebSockets; what is not ours is refused.
        successor: the `ws` class that gets all others; None for uvicorn's own.
    """
    server.attach()
    own = {"server": server, "without_host": exclusive, "successor": staticmethod(successor or _own_protocol)}
    return type("TakenOver", (UvicornConnection,), {**own, "__module__": __name__})
