"""What the server has counted.

Role: one mutable tally that connections write to, and the frozen picture of it that the public API
gives out. Refusals are counted by `Reason`, so that the log and the metric use the same words. Pure: times
are passed in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hotchannel.websocket.handshake import Reason
    from hotchannel.wire.payloads import Binary

__all__ = ["Buckets", "Histogram", "Stats", "Tally"]

_BROADCAST_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)

_SAVE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_MAX_ANSWERS = 100


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something took, each time.

    Attributes:
        bounds: in seconds, rising.
        counts: how often it took up to each bound and longer than the one before; at last, longer than all.
        total: all times together, in seconds.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        """How often it was."""
        return sum(self.counts)


class Buckets:
    """The same while it is counted.

    Args:
        bounds: see `Histogram`.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, seconds: float) -> None:
        """It took so long."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def picture(self) -> Histogram:
        """The counts of this moment."""
        return Histogram(self._bounds, tuple(self._counts), self._total)


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
        outbox_bytes: wait now, because clients do not read as quickly as we write.
        broadcast: seconds that a message to all took, from the journal to the last write.
        save_to_send: seconds from the first sign of a save to the message about it.
        backplane_lag: seconds that this process's newest message took to come back from `ws.backplane`.
        backplane_pending: what this process has sent and `ws.backplane` has not acknowledged.
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
    outbox_bytes: int
    broadcast: Histogram
    save_to_send: Histogram
    backplane_lag: float
    backplane_pending: int


@dataclass(slots=True)
class Tally:
    """The same numbers while they are counted.

    Attributes:
        save: when the save that is being answered showed first; None where none is.
    """

    accepted: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    ignored: int = 0
    dropped: int = 0
    broadcast: Buckets = field(default_factory=lambda: Buckets(_BROADCAST_BOUNDS))
    save_to_send: Buckets = field(default_factory=lambda: Buckets(_SAVE_BOUNDS))
    save: float | None = None
    _answers: dict[bytes, float] = field(default_factory=dict)
    """Messages that answer a save and are not sent yet, and when that showed first."""

    @contextmanager
    def saving(self, since: float) -> Iterator[None]:
        """What is sent meanwhile answers a save that showed at `since`, on the clock of `sent`."""
        self.save = since
        try:
            yield
        finally:
            self.save = None

    def said(self, content: bytes) -> None:
        """A message to all is on its way; where processes share the channel, it comes back later."""
        if self.save is not None:
            self._answers[content] = self.save
            if len(self._answers) > _MAX_ANSWERS:
                del self._answers[next(iter(self._answers))]

    def sent(self, content: bytes | Binary, began: float, ended: float) -> float | None:
        """A message went to all in this time; returns when the save showed that it answers."""
        self.broadcast.observe(ended - began)
        since = self.save
        if self._answers and isinstance(content, bytes):
            since = self._answers.pop(content, since)
        if since is not None:
            self.save_to_send.observe(ended - since)
        return since

    def picture(self, clients: int, outbox_bytes: int, *, lag: float, pending: int) -> Stats:
        """The numbers of this moment; for those that are passed in, see `Stats`."""
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
            outbox_bytes=outbox_bytes,
            broadcast=self.broadcast.picture(),
            save_to_send=self.save_to_send.picture(),
            backplane_lag=lag,
            backplane_pending=pending,
        )
