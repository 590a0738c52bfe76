"""What a channel and its backplane are to each other.

Role: the two protocols between them, and the place of an operation in the common order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.channel.backplane.operations import Operation

__all__ = ["HERE", "Backplane", "Place", "Presence", "Receiver"]


class Presence(msgspec.Struct, frozen=True, array_like=True):
    """What a process tells the others of itself, about once a second.

    Attributes:
        clients: how many it has.
        addresses: the same by IP address, where limits are shared.
        round: how often it has told so far.
        knocks: handshakes by IP address ahead of each of the newest rounds, this one the last, where limits
            are shared. Several, since who is told about once a second may miss one, or see one again.
    """

    clients: int
    addresses: dict[str, int] = {}
    round: int = 0
    knocks: list[dict[str, int]] = []


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation stands.

    Attributes:
        seq: its number in the common order; None where it has none.
        origin: who sent it, and which of theirs it is; None where nobody else could have.
        is_shown: whether clients of this process are to see it now. Not what they have seen ahead of its
            number, nor what was sent before this process came.
        is_ahead: it is shown before it has a number, since the engine is away.
        is_again: it was applied before, ahead of its number or under one of another epoch.
    """

    seq: int | None = None
    origin: tuple[str, int] | None = None
    is_shown: bool = True
    is_ahead: bool = False
    is_again: bool = False


HERE = Place()
"""In a process of its own: the next number, at once."""


class Receiver(Protocol):
    """What a backplane needs of its channel."""

    def deliver(self, operation: Operation | None, place: Place) -> None:
        """Apply an operation, whoever sent it; None is one that nobody here understands. Never echoes."""

    def agreed(self, token: str, epoch: str, last: int) -> None:
        """All processes have this token, and count within this epoch from now on.

        Args:
            token: the channel's secret.
            epoch: what numbers are counted in.
            last: what has numbers up to this one, was sent before this process came.
        """

    def leads(self, is_leader: bool) -> None:
        """This process is the one that decides for all, from now on, or no longer is."""

    def fell_behind(self, last: int, *, is_shown: bool) -> None:
        """Operations up to number `last` were let go of before this process has seen them.

        Args:
            last: the newest of them.
            is_shown: whether that is any business of its clients.
        """

    def presence(self) -> Presence:
        """What this process tells of itself; another round begins."""

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        """What all other processes, by their names, have told of themselves.

        Args:
            others: maybe what they had told before, once more.
            now: seconds of the loop's clock.
        """


class Backplane(Protocol):
    """Carries operations to every process, this one among them."""

    @property
    def others(self) -> int:
        """Clients of all other processes, as far as is known."""

    @property
    def ahead(self) -> str:
        """`SENDER.N` while clients here have seen messages of this process without a number, else empty."""

    @property
    def is_leader(self) -> bool:
        """Whether this process has the watchers and the module graph that count."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be other processes at all."""

    @property
    def lag(self) -> float:
        """Seconds from publishing to receiving, of the newest operation of this process."""

    @property
    def pending(self) -> int:
        """Operations of this process that the engine has not acknowledged."""

    def bind(self, receiver: Receiver, *, token: str, epoch: str) -> None:
        """Deliver to `receiver`, and propose its token and epoch."""

    def begin(self) -> None:
        """Connect, in the running event loop; nothing where it has begun."""

    async def joined(self, patience: float) -> None:
        """Wait until this process takes part, or for so many seconds."""

    def publish(self, operation: Operation) -> None:
        """Have an operation applied by all. Never blocks, never raises."""

    async def close(self) -> None:
        """Publish what can be published, and disconnect."""
