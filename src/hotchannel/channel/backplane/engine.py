"""What the stream needs of an engine.

Role: the protocol that `redis` and `nats` fill: an ordered log with numbers from 1, a few values that all
processes agree on, and a lease. Invariants: `append` is idempotent for a sender's number, and an epoch's
numbers are never given twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hotchannel.errors import HotChannelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotchannel.channel.backplane.roles import Presence

__all__ = ["Beat", "Engine", "EngineLostError", "EpochEndedError", "Joined", "Record"]


class EngineLostError(HotChannelError):
    """The engine cannot be reached, or does not answer."""


class EpochEndedError(HotChannelError):
    """The engine has lost what it had, and counts anew."""


class Record(NamedTuple):
    """One operation in the log.

    Attributes:
        seq: its number in the epoch.
        sender: who sent it; empty where somebody else has written into the log.
        n: which of the sender's it is, from 1; 0 for a part of one that comes whole with a later record.
        data: the operation, encoded; empty for such a part, and where the engine could not take it; None
            where parts of it were let go of.
    """

    seq: int
    sender: str
    n: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Joined:
    """What all processes agree on.

    Attributes:
        token: the channel's secret.
        epoch: what the numbers count within.
        first: number of the oldest record that the log still has, `last + 1` where it has none.
        last: number of the newest record.
    """

    token: str
    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What a process learns whenever it says that it lives.

    Attributes:
        is_leader: whether it has the lease.
        others: what all other processes, by their names, have told of themselves.
    """

    is_leader: bool
    others: Mapping[str, Presence]


class Engine(Protocol):
    """An engine's client. Every method may raise `EngineLostError`, and all but `join` `EpochEndedError`."""

    async def join(self, *, token: str, epoch: str, last: int) -> Joined:
        """Connect and agree.

        Args:
            token: proposed, where there is none yet.
            epoch: the one that this process knows, or proposes.
            last: the newest number that this process has seen in it. An engine that has less has lost
                some, and begins a new epoch.
        """

    async def append(self, sender: str, records: Sequence[tuple[int, bytes]]) -> None:
        """Append what is not there yet; returns when the engine has it."""

    async def read(self, after: int) -> list[Record]:
        """Return records with greater numbers, in order; waits a while for the first, and may return none."""

    async def beat(self, process: str, presence: Presence) -> Beat:
        """Say that this process lives, and take or keep the lease where it is free."""

    async def leave(self, process: str) -> None:
        """Say that this process ends, so that the next leader need not wait for the lease to run out."""

    async def close(self) -> None:
        """Disconnect. Never raises."""
