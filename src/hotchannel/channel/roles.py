"""What the channel needs of its clients, and of who counts them.

Role: the protocols that `websocket` fills, so that the channel knows of no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.channel.backplane.roles import Presence
    from hotchannel.wire.payloads import Binary, HotPayload

__all__ = ["ChannelClient", "Limits", "NoLimits", "NoTiming", "Timing"]

Json: TypeAlias = Any

M_contra = TypeVar("M_contra", contravariant=True)


class ChannelClient(Protocol[M_contra]):
    """What the channel needs of a client that takes messages prepared as `M_contra`."""

    @property
    def resuming(self) -> bool:
        """Whether it asked to resume, and so sees `seq` in every message."""

    @property
    def binary(self) -> bool:
        """Whether it asked for binary messages as they are."""

    def write(self, message: M_contra) -> None:
        """Send a prepared message. Never raises; a client that is gone takes it and does nothing."""

    def send(
        self, message: HotPayload | str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET
    ) -> None:
        """Send a payload, or an event with its data, to this client only."""


class Limits(Protocol):
    """What is counted for all processes together."""

    def shared(self) -> tuple[dict[str, int], int, list[dict[str, int]]]:
        """What a `Presence` says beside the number of clients."""

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        """Take in what the other processes have counted; `now` is seconds of the loop's clock."""


class NoLimits:
    """Nothing is counted for all processes together."""

    def shared(self) -> tuple[dict[str, int], int, list[dict[str, int]]]:
        """Nothing."""
        return {}, 0, []

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        """Do nothing."""


class Timing(Protocol):
    """Who measures how long messages take."""

    def said(self, content: bytes) -> None:
        """A message to all is on its way; where processes share the channel, it comes back later."""

    def sent(self, content: bytes | Binary, began: float, ended: float) -> float | None:
        """It went to all clients, from `began` to `ended` (`time.perf_counter`).

        Returns when what it is the answer to has begun; None where it answers nothing.
        """


class NoTiming:
    """Nobody does."""

    def said(self, content: bytes) -> None:
        """Do nothing."""

    def sent(self, content: bytes | Binary, began: float, ended: float) -> float | None:
        """Do nothing."""
        return None
