"""What a connection and its server are to each other.

Role: the two protocols between them, so that every entrance can bring a connection of its own kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.options import WsOptions
    from hotchannel.websocket.frames import Outgoing
    from hotchannel.websocket.handshake import Accept, Decision, HandshakeRequest, Reason
    from hotchannel.websocket.stats import Tally

__all__ = ["Owner", "Socket"]


class Socket(Protocol):
    """A connection, whatever entrance it came through."""

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""

    @property
    def ended(self) -> bool:
        """Whether the transport is gone."""

    @property
    def address(self) -> str:
        """The peer's address and port, for the log."""

    @property
    def host(self) -> str:
        """The peer's IP address; empty where it has none."""

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet."""

    def deliver(self, message: Outgoing) -> None:
        """Send one message; a peer that does not read is cut off rather than waited for."""

    def close(self, code: int, reason: str = "", *, linger: float = ...) -> None:
        """Begin to close, with `linger` seconds for the peer to answer."""

    def abort(self) -> None:
        """Drop the connection with all that waits in it."""

    def look(self) -> None:
        """Called at regular intervals: see whether the peer still lives."""


class Owner(Protocol):
    """What a connection needs of its server."""

    @property
    def options(self) -> WsOptions:
        """Limits and times."""

    @property
    def tally(self) -> Tally:
        """Where to count."""

    def judge(self, request: HandshakeRequest, host: str, *, exclusive: bool) -> Decision:
        """Decide about a handshake that comes from the IP address `host`."""

    def connected(self, connection: Socket) -> None:
        """The transport is there."""

    def refused(self, reason: Reason, address: str, request: HandshakeRequest | None) -> None:
        """The peer did not get in."""

    def response_headers(self, request: HandshakeRequest) -> Iterable[tuple[str, str]]:
        """Further headers of the 101."""

    def opened(self, connection: Socket, accept: Accept, request: HandshakeRequest) -> None:
        """The peer is in."""

    def received(self, connection: Socket, message: str | bytes) -> None:
        """The peer said something."""

    def closed(self, connection: Socket, error: Exception | None) -> None:
        """An opened connection is no longer open."""

    def disconnected(self, connection: Socket) -> None:
        """The transport is gone."""
