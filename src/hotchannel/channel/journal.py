"""What was sent, for those who were away.

Role: numbers every message within an epoch, keeps the newest ones in a ring bounded by count and
bytes, and remembers which source's error still stands. Reconnects, newcomers and pages that load
while a file is saved are one mechanism. Pure: no clock, no loop. Follows protocol.md section 4,
"Journal and resume".

Invariant: of messages that are not binary, all are kept that have numbers above the newest let go of.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from hotchannel.wire.binary import header
from hotchannel.wire.payloads import Binary

if TYPE_CHECKING:
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["Entry", "Journal", "Position", "StandingError", "is_seen", "parse_position"]

_POSITION = re.compile(r"([!-9;-}]{1,64}):([0-9]{1,15})(?:~([A-Za-z0-9_-]{1,32})\.([0-9]{1,15}))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message.

    Attributes:
        seq: its number, from 1.
        content: the JSON as stock clients get it, without `seq`, or a binary message.
        origin: which process sent it, and which of its messages it is; None in a channel of one process.
    """

    seq: int
    content: bytes | Binary
    origin: tuple[str, int] | None = None


class Position(NamedTuple):
    """What a client has seen.

    Attributes:
        epoch: which `seq` is counted in.
        seq: the newest number that it has seen.
        ahead: a process, and how many of its messages it has seen beyond that, before they had a number.
    """

    epoch: str
    seq: int
    ahead: tuple[str, int] | None = None


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


def parse_position(text: str) -> Position | None:
    """`EPOCH:SEQ` or `EPOCH:SEQ~PROCESS.N`, or None where it is neither. It comes from a client's query."""
    match = _POSITION.fullmatch(text)
    if match is None:
        return None
    return Position(match[1], int(match[2]), (match[3], int(match[4])) if match[3] else None)


class Journal:
    """The messages of one epoch, newest last.

    Args:
        epoch: names this run of the server; another run must have another name. No `:` in it.
        max_messages: how many messages are kept.
        max_bytes: how many bytes of encoded messages are kept, and half as many of binary ones beside them.
    """

    __slots__ = ("_ahead", "_earlier", "_errors", "_kept", "_limits", "_newest", "_own", "epoch", "last")

    def __init__(self, epoch: str, *, max_messages: int, max_bytes: int) -> None:
        self.epoch = epoch
        self.last = 0
        """Number of the newest message; 0 before the first."""
        self._limits = (max_messages, max_bytes)
        self._kept = self._rings()
        # What this process has shown and nobody has numbered yet, counted as it was sent.
        self._ahead = self._rings()
        self._own = ""
        # The newest of each process.
        self._newest: dict[str, int] = {}
        self._earlier = _Earlier("", 0, (), {}, 0)
        self._errors: dict[str, StandingError] = {}

    def append(
        self, content: bytes | Binary, seq: int | None = None, origin: tuple[str, int] | None = None
    ) -> int:
        """Keep a message, let go of the oldest where there are too many, and return its number.

        Args:
            content: the message.
            seq: its number where it has one already, not below `last`; several messages may share one.
            origin: see `Entry`.
        """
        self.last = self.last + 1 if seq is None else seq
        self._kept[isinstance(content, Binary)].append(Entry(self.last, content, origin))
        return self.last

    def append_ahead(self, content: bytes | Binary, origin: tuple[str, int]) -> None:
        """Keep a message of this process that has no number yet, until it has."""
        self._own = origin[0]
        self._ahead[isinstance(content, Binary)].append(Entry(origin[1], content, origin))

    def numbered(self, seq: int, origin: tuple[str, int] | None) -> None:
        """Number `seq` was given to what has this origin, messages or not."""
        self.last = max(self.last, seq)
        if origin is None:
            return
        self._newest[origin[0]] = origin[1]
        if origin[0] == self._own:
            for ring in self._ahead:
                ring.drop(origin[1])

    def forget(self, last: int) -> None:
        """What had numbers up to `last` is not known here: other messages, other errors."""
        self.last = last
        self._kept[0].gone = last
        self._errors.clear()

    def begin(self, epoch: str, known: int = 0) -> None:
        """Count anew, within another epoch; who has a position in the one before gets what is new since.

        Args:
            epoch: names it.
            known: what will have numbers up to this one is no news to them either.
        """
        entries = _after(self._kept, 0)
        self._earlier = _Earlier(self.epoch, self._kept[0].gone, entries, self._newest, known)
        self.epoch, self.last = epoch, 0
        self._kept, self._newest = self._rings(), {}

    def since(self, position: Position) -> tuple[Entry, ...] | None:
        """The messages after a position, oldest first.

        None where that cannot be told: an unknown epoch, messages already let go, or a number that was never
        given.
        """
        gone, earlier = self._kept[0].gone, self._earlier
        if position.epoch == self.epoch:
            if not gone <= position.seq <= self.last:
                return None
            missed = _after(self._kept, position.seq)
        elif position.epoch == earlier.epoch and earlier.gone <= position.seq and gone <= earlier.known:
            # What was sent again in this epoch had a number in the one before.
            newer = _after(self._kept, earlier.known)
            missed = (
                *(entry for entry in earlier.entries if entry.seq > position.seq),
                *(entry for entry in newer if not earlier.has(entry.origin)),
            )
        else:
            return None
        return tuple(entry for entry in missed if not is_seen(entry.origin, position.ahead))

    def since_ahead(self, ahead: tuple[str, int] | None) -> tuple[Entry, ...] | None:
        """The messages of this process that have no number yet, but for those that a client has seen.

        None where some were let go of.
        """
        seen = ahead[1] if ahead is not None and ahead[0] == self._own else 0
        if self._ahead[0].gone > max(seen, self._newest.get(self._own, 0)):
            return None
        return _after(self._ahead, seen)

    def awaits(self, origin: tuple[str, int] | None) -> bool:
        """Whether this is a message of another process that has not come yet."""
        return origin is not None and origin[0] != self._own and self._newest.get(origin[0], 0) < origin[1]

    @property
    def standing(self) -> StandingError | None:
        """The newest error that still stands."""
        return next(reversed(self._errors.values()), None)

    def fail(self, source: str, detail: ErrorDetail, seq: int) -> None:
        """`source` is in error, as message `seq` said; replaces what it said before."""
        self._errors.pop(source, None)
        self._errors[source] = StandingError(source, detail, seq)

    def is_failing(self, source: str) -> bool:
        """Whether `source` is in error."""
        return source in self._errors

    def recover_all(self, prefix: str) -> None:
        """All sources that begin so are well again."""
        self._errors = {
            source: error for source, error in self._errors.items() if not source.startswith(prefix)
        }

    def recover(self, source: str) -> bool:
        """`source` is well again. True where it had been in error."""
        return self._errors.pop(source, None) is not None

    def _rings(self) -> tuple[_Ring, _Ring]:
        # A stream of pictures must not take the place of updates, so it has one of its own; of these, whoever
        # comes back gets what is left. All of both has to fit into the outbox of one who has missed it.
        max_messages, max_bytes = self._limits
        return _Ring(max_messages, max_bytes), _Ring(max_messages, max_bytes // 2)


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What there was in the epoch before."""

    epoch: str
    gone: int
    entries: tuple[Entry, ...]
    newest: dict[str, int]
    known: int

    def has(self, origin: tuple[str, int] | None) -> bool:
        """Whether a message was numbered in it."""
        return origin is not None and origin[1] <= self.newest.get(origin[0], 0)


class _Ring:
    """The newest messages, as many as fit.

    Attributes:
        gone: number of the newest that was let go of.
    """

    __slots__ = ("_bytes", "_entries", "_max_bytes", "_max_messages", "gone")

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self.gone = 0

    def append(self, entry: Entry) -> None:
        """Keep a message, and let go of the oldest where there are too many."""
        self._entries.append(entry)
        self._bytes += _size(entry)
        while self._entries and (len(self._entries) > self._max_messages or self._bytes > self._max_bytes):
            gone = self._entries.popleft()
            self._bytes -= _size(gone)
            self.gone = gone.seq

    def drop(self, seq: int) -> None:
        """Let go of messages with numbers up to this one, as nobody asks for them here."""
        while self._entries and self._entries[0].seq <= seq:
            self._bytes -= _size(self._entries.popleft())

    def after(self, seq: int) -> tuple[Entry, ...]:
        """The messages with greater numbers; most often few, at the end."""
        count = 0
        for entry in reversed(self._entries):
            if entry.seq <= seq:
                break
            count += 1
        return tuple(islice(self._entries, len(self._entries) - count, None))


def _size(entry: Entry) -> int:
    content = entry.content
    return len(content) if isinstance(content, bytes) else len(header(content)) + len(content.data)


def _after(rings: tuple[_Ring, _Ring], seq: int) -> tuple[Entry, ...]:
    """The messages with greater numbers, in order."""
    messages, binaries = (ring.after(seq) for ring in rings)
    return tuple(merge(messages, binaries, key=lambda entry: entry.seq)) if binaries else messages


def is_seen(origin: tuple[str, int] | None, ahead: tuple[str, int] | None) -> bool:
    """Whether a client has seen a message ahead of its number."""
    return origin is not None and ahead is not None and origin[0] == ahead[0] and origin[1] <= ahead[1]
