"""What was sent, for those who were away.

Role: numbers every message within an epoch, keeps the newest ones in a ring bounded by count and
bytes, and remembers which source's error still stands. Reconnects, newcomers and pages that load
while a file is saved are one mechanism. Pure: no clock, no loop. Follows protocol.md section 4,
"Journal and resume".

Invariant: the kept entries have consecutive numbers that end with `last`.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["Entry", "Journal", "StandingError", "parse_position"]

_POSITION = re.compile(r"([!-9;-~]{1,64}):([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message.

    Attributes:
        seq: its number, from 1.
        encoded: the JSON as stock clients get it, without `seq`.
    """

    seq: int
    encoded: bytes


@dataclass(frozen=True, slots=True)
class StandingError:
    """An error that no success of its source has taken back.

    Attributes:
        source: the file or URL it belongs to; empty when nobody said.
        detail: what the overlay shows.
        seq: number of the message that said so last.
    """

    source: str
    detail: ErrorDetail
    seq: int


def parse_position(text: str) -> tuple[str, int] | None:
    """`EPOCH:SEQ` as a pair, or None where it is not one. The text comes from a client's query."""
    match = _POSITION.fullmatch(text)
    return (match[1], int(match[2])) if match else None


class Journal:
    """The messages of one epoch, newest last.

    Args:
        epoch: names this run of the server; another run must have another name. No `:` in it.
        max_messages: how many messages are kept.
        max_bytes: how many bytes of encoded messages are kept.
    """

    __slots__ = ("_bytes", "_entries", "_errors", "_max_bytes", "_max_messages", "epoch", "last")

    def __init__(self, epoch: str, *, max_messages: int, max_bytes: int) -> None:
        self.epoch = epoch
        self.last = 0
        """Number of the newest message; 0 before the first."""
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._errors: dict[str, StandingError] = {}

    @property
    def position(self) -> str:
        """`EPOCH:SEQ` of the newest message: what a page served now is up to date with."""
        return f"{self.epoch}:{self.last}"

    def append(self, encoded: bytes) -> int:
        """Keep a message, let go of the oldest where there are too many, and return its number."""
        self.last += 1
        self._entries.append(Entry(self.last, encoded))
        self._bytes += len(encoded)
        while self._entries and (len(self._entries) > self._max_messages or self._bytes > self._max_bytes):
            self._bytes -= len(self._entries.popleft().encoded)
        return self.last

    def since(self, epoch: str, seq: int) -> tuple[Entry, ...] | None:
        """The messages after number `seq`, oldest first.

        None where that cannot be told: another epoch, messages already let go, or a number that
        was never given.
        """
        missed = self.last - seq
        if epoch != self.epoch or not 0 <= missed <= len(self._entries):
            return None
        return tuple(islice(self._entries, len(self._entries) - missed, None))

    @property
    def standing(self) -> StandingError | None:
        """The newest error that still stands."""
        return next(reversed(self._errors.values()), None)

    def fail(self, source: str, detail: ErrorDetail, seq: int) -> None:
        """`source` is in error, as message `seq` said; replaces what it said before."""
        self._errors.pop(source, None)
        self._errors[source] = StandingError(source, detail, seq)

    def recover(self, source: str) -> bool:
        """`source` is well again. True where it had been in error."""
        return self._errors.pop(source, None) is not None
