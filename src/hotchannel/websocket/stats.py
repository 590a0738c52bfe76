"""What the server has counted.

Role: one mutable tally that connections write to, and the frozen picture of it that the public API
gives out. Refusals are counted by `Reason`, so that the log and the metric use the same words.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.websocket.handshake import Reason

__all__ = ["Stats", "Tally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The server's numbers since it was made.

    Attributes:
        clients: connected now.
        accepted: handshakes answered 101, pings among them.
        refused: handshakes refused, by reason; reasons that never came up are left out.
        messages_in: messages from clients.
        messages_out: messages to clients, each client counted.
        bytes_in: bytes received after the handshake, framing included.
        bytes_out: bytes handed to the network after the handshake, framing included.
        ignored: messages from clients that meant nothing.
        dropped: clients cut off because they did not read, or no longer answered.
    """

    clients: int
    accepted: int
    refused: Mapping[Reason, int]
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    ignored: int
    dropped: int


@dataclass(slots=True)
class Tally:
    """The same numbers while they are counted."""

    accepted: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    ignored: int = 0
    dropped: int = 0

    def picture(self, clients: int) -> Stats:
        """The numbers of this moment."""
        return Stats(
            clients=clients,
            accepted=self.accepted,
            refused=MappingProxyType(dict(self.refused)),
            messages_in=self.messages_in,
            messages_out=self.messages_out,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            ignored=self.ignored,
            dropped=self.dropped,
        )
