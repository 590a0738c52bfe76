"""Whose messages were seen, and which of ours have still to be numbered.

Role: PURE. Decides, for one process, what a record of the log is to its clients: new, seen ahead of its
number, or a duplicate; and keeps what is not acknowledged yet, so that it can be published again.

Invariant: of each sender, clients see every number once, in order.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Arrival", "Sequence"]


class Arrival(Enum):
    """What a record is to the clients of this process."""

    NEW = auto()
    """To be shown, and kept under its number."""
    SEEN = auto()
    """Shown before, without a number or under one of another epoch: only to be kept."""
    DUPLICATE = auto()
    """Shown and kept already."""


class Sequence:
    """One process's view of who has sent what.

    Args:
        sender: names this process.
        keep: how many of its own messages are kept, to be published again.
        keep_bytes: how many bytes of them.
    """

    __slots__ = ("_acknowledged", "_bytes", "_came", "_count", "_limits", "_own", "_shown", "sender")

    def __init__(self, sender: str, *, keep: int, keep_bytes: int) -> None:
        self.sender = sender
        self._limits = (keep, keep_bytes)
        self._bytes = 0
        self._own: deque[tuple[int, bytes]] = deque()
        self._count = 0
        self._acknowledged = 0
        self._shown: dict[str, int] = {}
        self._came: dict[str, int] = {}

    @property
    def ahead(self) -> str:
        """`SENDER.N` where own messages up to N were shown and have no number yet, else empty."""
        shown = self._shown.get(self.sender, 0)
        return f"{self.sender}.{shown}" if shown > self._came.get(self.sender, 0) else ""

    @property
    def overflows(self) -> bool:
        """Whether own messages were let go of that nobody has acknowledged."""
        return bool(self._own) and self._own[0][0] > self._acknowledged + 1

    def post(self, data: bytes) -> int:
        """Keep an own message, and return its number."""
        self._count += 1
        self._own.append((self._count, data))
        self._bytes += len(data)
        keep, keep_bytes = self._limits
        # The newest stays, whatever its size.
        while len(self._own) > 1 and (len(self._own) > keep or self._bytes > keep_bytes):
            self._bytes -= len(self._own.popleft()[1])
        return self._count

    @property
    def pending_count(self) -> int:
        """How many own messages are kept that are not acknowledged."""
        return min(self._count - self._acknowledged, len(self._own))

    def pending(self, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return the oldest own messages that are not acknowledged, one at least where there is any."""
        found: list[tuple[int, bytes]] = []
        for n, data in islice(self._own_after(self._acknowledged), most):
            most_bytes -= len(data)
            if found and most_bytes < 0:
                break
            found.append((n, data))
        return found

    def acknowledge(self, n: int) -> None:
        """The engine has own messages up to `n`."""
        self._acknowledged = max(self._acknowledged, n)

    def show_ahead(self) -> list[tuple[int, bytes]]:
        """Return the own messages that were not shown yet, which from now on count as shown."""
        unseen = list(self._own_after(self._shown.get(self.sender, 0)))
        if unseen:
            self._shown[self.sender] = unseen[-1][0]
        return unseen

    def arrive(self, sender: str, n: int) -> Arrival:
        """Take in a record of the log."""
        if n <= self._came.get(sender, 0):
            return Arrival.DUPLICATE
        self._came[sender] = n
        if sender == self.sender:
            self.acknowledge(n)
        if n <= self._shown.get(sender, 0):
            return Arrival.SEEN
        self._shown[sender] = n
        return Arrival.NEW

    def resend(self) -> None:
        """What was acknowledged counts as such only where it has come: the engine may have lost the rest."""
        self._acknowledged = min(self._acknowledged, self._came.get(self.sender, 0))

    def misses(self, sender: str, n: int) -> bool:
        """Whether clients have not seen what this sender has sent ahead of its number `n`, and never will."""
        came = self._came.get(sender, 0)
        return came > 0 and max(came, self._shown.get(sender, 0)) < n - 1

    def fell_behind(self) -> None:
        """Records were let go of before they came here: nobody knows which of whose."""
        self._came = {self.sender: self._came.get(self.sender, 0)}

    def begin_epoch(self) -> None:
        """The engine counts anew, and has nothing of what it had: own messages are published again."""
        self._came.clear()
        self._acknowledged = self._own[0][0] - 1 if self._own else self._count

    def _own_after(self, n: int) -> Iterator[tuple[int, bytes]]:
        """Own messages with greater numbers, as far as they are kept."""
        first = self._own[0][0] if self._own else 0
        return islice(self._own, max(0, n + 1 - first), None)
