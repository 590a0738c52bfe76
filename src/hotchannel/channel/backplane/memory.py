"""A channel that only one process has.

Role: the default backplane. What is published is delivered at once, in the same call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.channel.backplane.roles import HERE

if TYPE_CHECKING:
    from hotchannel.channel.backplane.operations import Operation
    from hotchannel.channel.backplane.roles import Receiver

__all__ = ["MemoryBackplane"]


class MemoryBackplane:
    """Delivers to one receiver; see `roles.Backplane`."""

    others = 0
    ahead = ""
    is_leader = True
    is_shared = False
    lag = 0.0
    pending = 0

    _receiver: Receiver

    def bind(self, receiver: Receiver, *, token: str, epoch: str) -> None:
        """Deliver to `receiver`, whose token and epoch stay as they are."""
        self._receiver = receiver

    def begin(self) -> None:
        """Do nothing: there is nobody to connect to."""

    async def joined(self, patience: float) -> None:
        """Return: there is nobody to wait for."""

    def publish(self, operation: Operation) -> None:
        """Deliver."""
        self._receiver.deliver(operation, HERE)

    async def close(self) -> None:
        """Do nothing."""
