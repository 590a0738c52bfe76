"""What entrances and connections ask a server, and tell it.

Role: the server's side of `roles.Owner`: a handshake is judged and counted, a connection becomes a client of
the channel, and what it says gets there. When the server is open, and where, is none of its business.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from hotchannel.channel.listeners import Listeners
from hotchannel.channel.printable import printable
from hotchannel.websocket.client import WebSocketClient
from hotchannel.websocket.connections import Connections
from hotchannel.websocket.head import well_formed
from hotchannel.websocket.refusals import RefusalLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.channel.backplane.roles import Backplane
    from hotchannel.channel.hub import HotChannel
    from hotchannel.options import WsOptions
    from hotchannel.websocket.door import Door, DoorState
    from hotchannel.websocket.frames import Outgoing
    from hotchannel.websocket.handshake import Accept, Decision, HandshakeRequest, HttpAnswer, Reason
    from hotchannel.websocket.refusals import Refusal
    from hotchannel.websocket.roles import Socket
    from hotchannel.websocket.stats import Tally

__all__ = ["Reception"]

_log = logging.getLogger("hotchannel.server")


class Reception(ABC):
    """Takes in connections for one server.

    Args:
        options: the channel's settings.
        door: says who may come in.
        channel: what clients become part of.
        backplane: begins with the first connection.
        tally: where everything is counted.
    """

    def __init__(
        self,
        options: WsOptions,
        door: Door,
        channel: HotChannel[WebSocketClient, Outgoing],
        backplane: Backplane,
        tally: Tally,
    ) -> None:
        self._options = options
        self._door = door
        self._channel = channel
        self._backplane = backplane
        self._tally = tally
        self._events: Listeners[...] = Listeners()
        self._by_socket: WeakValueDictionary[Socket, WebSocketClient] = WeakValueDictionary()
        self._connections = Connections(options.ping_interval)
        self._refusals = RefusalLog()

    @property
    @abstractmethod
    def _door_state(self) -> DoorState:
        """Whether anybody may come in at all."""

    @property
    def options(self) -> WsOptions:
        """The channel's settings."""
        return self._options

    @property
    def tally(self) -> Tally:
        """Where connections count; read it through `stats()`."""
        return self._tally

    @property
    def recent_refusals(self) -> Iterable[Refusal]:
        """Who was not let in lately, oldest first."""
        return self._refusals.recent

    # What entrances ask.

    def check_http(self, request: HandshakeRequest, address: str) -> HttpAnswer | None:
        """The Host check for a plain HTTP request of the site; None lets it through. Logs and counts.

        Args:
            request: its head.
            address: the peer's, for the log.
        """
        answer = self._door.check_http(request)
        if answer is not None and answer.reason is not None:
            self.refused(answer.reason, address, request)
        return answer

    # What connections ask and tell (`roles.Owner`).

    def judge(self, request: HandshakeRequest, host: str, *, exclusive: bool) -> Decision:
        """Decide about a handshake that comes from the IP address `host`."""
        now = asyncio.get_running_loop().time()
        return self._door.judge(request, host, exclusive=exclusive, state=self._door_state, now=now)

    def connected(self, connection: Socket) -> None:
        """A transport is there; none comes in after `close`."""
        self._backplane.begin()
        self._connections.add(connection)

    def refused(self, reason: Reason, address: str, request: HandshakeRequest | None, more: str = "") -> None:
        """Somebody did not get in, or not what they wanted; `more` is what there is to say of the reason."""
        self._tally.refused[reason] += 1
        self._refusals.refused(reason, address, request, more)

    def response_headers(self, request: HandshakeRequest) -> list[tuple[str, str]]:
        """What `headers` listeners add to a 101; what is no header is logged and left out."""
        headers: list[tuple[str, str]] = []
        self._events.emit("headers", headers, request)
        if wrong := [header for header in headers if not well_formed(header)]:
            _log.error("a listener of headers added what is none: %s", printable(str(wrong), 200))
        return [header for header in headers if header not in wrong]

    def opened(self, connection: Socket, accept: Accept, request: HandshakeRequest) -> None:
        """A client is in: from here on it gets every message."""
        client = WebSocketClient(
            connection, self._channel, resuming=accept.resume is not None, binary=accept.binary
        )
        self._by_socket[connection] = client
        self._door.admission.entered(connection.host)
        if _log.isEnabledFor(logging.INFO):
            _log.info("client connected: %s", client.address)
        self._channel.join(client, accept.resume)
        if connection.open:
            self._events.emit("connection", client, request)
        else:
            # Dropped while it was greeted: `closed` came when the channel did not know it yet.
            self._channel.leave(client)

    def received(self, connection: Socket, message: str | bytes) -> None:
        """A client said something."""
        client = self._by_socket[connection]
        self._events.emit("message", client, message)
        if not self._channel.receive(client, message):
            self._tally.ignored += 1

    def closed(self, connection: Socket, error: Exception | None) -> None:
        """A client is leaving, because of `error` where its socket had one."""
        client = self._by_socket.pop(connection)
        self._door.admission.left(connection.host)
        reason = f" ({printable(str(error))})" if error else ""
        _log.info("client disconnected: %s%s", client.address, reason)
        self._channel.leave(client)
        if error is not None:
            self._events.emit("error", error)

    def disconnected(self, connection: Socket) -> None:
        """A transport is gone."""
        self._connections.discard(connection)
