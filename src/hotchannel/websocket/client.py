"""One connected page.

Role: what a listener is given to answer with. Follows the seed's `WebSocketClient`: the raw socket,
and `send` for this client only.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import UNSET, UnsetType

from hotchannel.errors import HotChannelError
from hotchannel.wire.sending import as_payload

if TYPE_CHECKING:
    from hotchannel.channel.hub import HotChannel
    from hotchannel.websocket.frames import Outgoing
    from hotchannel.websocket.roles import Socket
    from hotchannel.wire.payloads import HotPayload

__all__ = ["ReadyState", "WebSocketClient"]

Json: TypeAlias = Any


_SENDABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_MAX_REASON = 123


class ReadyState(IntEnum):
    """Numbered as in the browsers' WebSocket interface; a client is never still connecting."""

    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class WebSocketClient:
    """A client of a `WebSocketServer`; made by it, and the same object for as long as it is connected.

    Attributes:
        socket: the connection itself.
        resuming: whether it asked to resume, and so sees `seq` in every message.
        binary: whether it asked for binary messages as they are, without base64.
    """

    __slots__ = ("__weakref__", "_channel", "binary", "resuming", "socket", "write")

    def __init__(
        self,
        socket: Socket,
        channel: HotChannel[WebSocketClient, Outgoing],
        *,
        resuming: bool,
        binary: bool = False,
    ) -> None:
        self.socket = socket
        self.resuming = resuming
        self.binary = binary
        self.write = socket.deliver
        self._channel = channel

    def __repr__(self) -> str:
        return f"<WebSocketClient {self.socket.address} {self.ready_state.name.lower()}>"

    @property
    def address(self) -> str:
        """The peer's address and port."""
        return self.socket.address

    @property
    def ready_state(self) -> ReadyState:
        """Whether messages still go out."""
        if self.socket.open:
            return ReadyState.OPEN
        return ReadyState.CLOSED if self.socket.ended else ReadyState.CLOSING

    def send(
        self, message: HotPayload | str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET
    ) -> None:
        """Send a payload, or an event with its data, to this client only; nothing once it is gone.

        Raises:
            HotChannelError: neither payload nor event name, or the data is not JSON.
        """
        self._channel.answer(self, as_payload(message, data, meta))

    def step_aside(self) -> None:
        """Be no page any more: what is sent to all is not for it, and it does not count; `send` goes on."""
        self._channel.leave(self)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection: 1000, or 3000 to 4999 for meanings of your own (RFC 6455 section 7.4).

        Raises:
            HotChannelError: a code that may not be sent, or a reason of more than 123 bytes in UTF-8.
        """
        if code not in _SENDABLE and not 3000 <= code <= 4999:
            raise HotChannelError(f"no one may close with {code}: take 1000, or 3000 to 4999")
        if len(reason.encode()) > _MAX_REASON:
            raise HotChannelError(f"the reason for closing is longer than {_MAX_REASON} bytes")
        self.socket.close(code, reason)
