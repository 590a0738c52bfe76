"""What a client gets that comes back, and what it comes back with.

Role: PURE. Reads the journal and says which messages a client has missed, and how each of them is marked:
with a number most often; with all of `EPOCH:SEQ~PROCESS.N` where the epoch is news, or where the client has
seen messages without a number. Follows protocol.md section 4, "Journal and resume".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from hotchannel.channel.journal import is_seen, parse_position
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Connected, ErrorPayload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from hotchannel.channel.backplane.roles import Place
    from hotchannel.channel.journal import Entry, Journal, Position
    from hotchannel.wire.payloads import Binary

__all__ = ["Foreseen", "Mark", "mark", "missed_since"]

C = TypeVar("C")

Mark: TypeAlias = int | str
"""`seq` of a message."""


def mark(journal: Journal, seq: int, ahead: str, *, whole: bool = False) -> Mark:
    """What a client that has seen message `seq` comes back with.

    Args:
        journal: of its epoch.
        seq: the message's number.
        ahead: `PROCESS.N` where it has also seen messages of a process that have no number yet, else empty.
        whole: whether the epoch is said too.
    """
    number = f"{seq}~{ahead}" if ahead else str(seq)
    return f"{journal.epoch}:{number}" if whole or ahead else seq


def missed_since(
    journal: Journal, resume: str, *, is_shared: bool, ahead: str, catch_up: bytes | None
) -> Iterator[tuple[bytes | Binary, Mark]]:
    """All that a client gets that comes back, from `connected` on, each with its mark.

    Args:
        journal: what was sent.
        resume: what the client has come back with, as it came.
        is_shared: whether it may have seen in another process what has not come to this one yet.
        ahead: see `mark`.
        catch_up: what brings it up to date where the journal cannot; None where nothing does.
    """
    last = mark(journal, journal.last, ahead)
    position = parse_position(resume)
    missed = journal.since(position) if position else None
    if is_shared and position and _is_beyond(journal, position):
        missed = ()
    unnumbered = journal.since_ahead(position.ahead) if position else None
    if position is None or missed is None or unnumbered is None:
        # Number 0: should the line drop before the reload arrives, the client is no less behind.
        known = 0
        yield encode(Connected()), known
        missed = None
        if catch_up is not None:
            yield catch_up, last
    else:
        known = position.seq if position.epoch == journal.epoch else 0
        marks = _marks(journal, resume, position, missed, "" if unnumbered else ahead)
        yield encode(Connected()), next(marks)
        for entry in missed:
            yield entry.content, next(marks)
        for entry in unnumbered:
            yield entry.content, mark(journal, journal.last, _ahead(entry))
    standing = journal.standing
    if standing is not None and (missed is None or standing.seq <= known):
        yield encode(ErrorPayload(standing.detail)), last


def _marks(
    journal: Journal, resume: str, position: Position, missed: Sequence[Entry], ahead: str
) -> Iterator[Mark]:
    """Of `connected`, and of each message that was missed."""
    if position.epoch != journal.epoch:
        # Numbers of two epochs: whoever loses the line meanwhile, gets all of it once more.
        yield from (resume for _ in missed)
        yield mark(journal, journal.last, ahead, whole=True)
    elif position.ahead is None:
        yield from (position.seq, *(entry.seq for entry in missed))
    else:
        yield resume
        for entry in missed:
            yield f"{position.epoch}:{entry.seq}~{position.ahead[0]}.{position.ahead[1]}"


def _ahead(entry: Entry) -> str:
    return "{}.{}".format(*entry.origin) if entry.origin else ""


class Foreseen(Generic[C]):
    """Clients that have seen in another process what has not come to this one yet."""

    def __init__(self) -> None:
        self._positions: dict[C, Position] = {}

    def add(self, client: C, journal: Journal, resume: str) -> None:
        """A client has come back."""
        position = parse_position(resume)
        if position and (_is_beyond(journal, position) or journal.awaits(position.ahead)):
            self._positions[client] = position

    def discard(self, client: C) -> None:
        """A client is gone."""
        self._positions.pop(client, None)

    def by(self, journal: Journal, place: Place) -> AbstractSet[C]:
        """Return the clients that have seen what comes now."""
        seen = set()
        for client, position in tuple(self._positions.items()):
            number = place.seq if position.epoch == journal.epoch else None
            if (number is not None and number <= position.seq) or is_seen(place.origin, position.ahead):
                seen.add(client)
            elif not _is_beyond(journal, position) and not journal.awaits(position.ahead):
                del self._positions[client]
        return seen


def _is_beyond(journal: Journal, position: Position) -> bool:
    return position.epoch == journal.epoch and position.seq > journal.last
