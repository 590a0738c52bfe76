"""A channel that several processes have, by way of an engine's ordered log.

Role: publishes what this process sends, reads what all have sent, and delivers it in the log's order, each
record once. While the engine is away, clients stay, own messages are shown at once and published when it is
back. `sequence` decides what a record is; here are the tasks, the waiting and the log lines.

What a killed process may lose is what it sent and the engine had not acknowledged: with the engine there,
that is one round trip; without, everything since it went away.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from hotchannel.channel.backplane.engine import EngineLostError, EpochEndedError
from hotchannel.channel.backplane.operations import decode_operation, encode_operation
from hotchannel.channel.backplane.roles import Place
from hotchannel.channel.backplane.sequence import Arrival, Sequence

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from hotchannel.channel.backplane.engine import Engine, Record
    from hotchannel.channel.backplane.operations import Operation
    from hotchannel.channel.backplane.roles import Receiver

__all__ = ["StreamBackplane"]

_log = logging.getLogger("hotchannel.backplane")

_BEAT = 1.0
"""Seconds between two signs of life; a third of the lease."""
_BATCH = 500
"""Records that are published in one call."""
_BATCH_BYTES = 1024 * 1024
_FIRST_DELAY, _LONGEST_DELAY, _BACK_OFF = 0.1, 5.0, 2.0
_CANCEL_AGAIN = 0.1
_MORE_THAN_ALL = 2**52
"""No log has so many records; Redis' scripts count exactly up to here."""
_LAST_WORDS = 2.0
"""Seconds that the end waits for what is not acknowledged."""


class StreamBackplane:
    """Carries operations by way of `engine`; see `roles.Backplane`.

    Args:
        engine: the log.
        shown: how the log names the engine.
        keep: how many own operations are kept, to be published again.
        keep_bytes: how many bytes of them.
    """

    _receiver: Receiver

    def __init__(self, engine: Engine, *, shown: str, keep: int, keep_bytes: int) -> None:
        self._engine = engine
        self._shown = shown
        self._sequence = Sequence(secrets.token_urlsafe(6), keep=keep, keep_bytes=keep_bytes)
        self._token = ""
        self._epoch = ""
        self._last = 0
        self._past = 0
        self._newest: tuple[str, int] | None = None
        self._was_joined = False
        self._is_joined = asyncio.Event()
        self._is_away = False
        self._is_showing = False
        self._is_overflowing = False
        self._is_puzzled = False
        self._is_closed = False
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._sent: tuple[int, float] | None = None
        self.others = 0
        self.is_leader = False
        self.lag = 0.0

    is_shared = True

    @property
    def ahead(self) -> str:
        """`SENDER.N` while clients here have seen own messages that have no number yet."""
        return self._sequence.ahead

    @property
    def pending(self) -> int:
        """Operations of this process that the engine has not acknowledged."""
        return self._sequence.pending_count

    def bind(self, receiver: Receiver, *, token: str, epoch: str) -> None:
        """Deliver to `receiver`, and propose its token and epoch."""
        self._receiver = receiver
        self._token, self._epoch = token, epoch

    def begin(self) -> None:
        """Connect; nothing where that has begun, or has ended."""
        if self._running is None and not self._is_closed:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def joined(self, patience: float) -> None:
        """Wait until this process takes part, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._is_joined.wait()

    def publish(self, operation: Operation) -> None:
        """Have an operation applied by all; by this process at once, where the engine is away."""
        n = self._sequence.post(encode_operation(operation))
        if self._sequence.overflows and not self._is_overflowing:
            self._is_overflowing = True
            _log.warning(
                "more is sent than can be kept for %s: the oldest messages are let go of", self._shown
            )
        if self._sent is None and self._is_joined.is_set():
            self._sent = (n, asyncio.get_running_loop().time())
        self._something.set()
        self._nothing.clear()
        if self._is_away:
            self._show_ahead()

    async def close(self) -> None:
        """Publish what can be published in a while, and disconnect."""
        self._is_closed = True
        if self._running is None:
            return
        running, self._running = self._running, None
        with suppress(TimeoutError, EngineLostError):
            async with asyncio.timeout(_LAST_WORDS):
                if self._is_joined.is_set() and self._sequence.pending_count:
                    await self._nothing.wait()
                await _end(running)
                if self._is_joined.is_set():
                    await self._engine.leave(self._sequence.sender)
        await _end(running)
        self.is_leader = False
        if left := self._sequence.pending_count:
            _log.warning("%s did not take the last %d messages of this process", self._shown, left)
        await self._engine.close()

    async def _run(self) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                await self._join()
                delay = _FIRST_DELAY
                await _first_to_end(self._publish(), self._read(), self._live())
            except EpochEndedError:
                continue
            except EngineLostError as error:
                self._lost(str(error))
            except Exception as error:
                # A mistake, of ours or of the engine's client, is no reason to leave the others for good.
                _log.exception("cannot share the channel by %s", self._shown)
                self._lost(type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(delay * _BACK_OFF, _LONGEST_DELAY)

    async def _join(self) -> None:
        joined = await self._engine.join(token=self._token, epoch=self._epoch, last=self._last)
        news: list[Record] = []
        if joined.epoch == self._epoch and self._newest is not None:
            news = await self._engine.read(self._last - 1)
            if news and news[0].seq == self._last and news[0][1:3] != self._newest:
                # It has lost some, and given the same numbers again, to others.
                joined = await self._engine.join(token=self._token, epoch=self._epoch, last=_MORE_THAN_ALL)
        is_other_epoch = joined.epoch != self._epoch
        if not self._was_joined:
            # What was sent before is none of our clients' business, but of those who come back to us.
            self._past = joined.last
        if is_other_epoch:
            self._last, self._newest, news = 0, None, []
            self._sequence.begin_epoch()
            if self._was_joined:
                self._past = 0
                _log.warning(
                    "%s has lost what it had: this process publishes again what it knows", self._shown
                )
        self._sequence.resend()
        self._nothing.clear()
        self._token, self._epoch = joined.token, joined.epoch
        if is_other_epoch or not self._was_joined:
            self._receiver.agreed(joined.token, joined.epoch, self._past)
        if self._is_away:
            _log.info("%s is there again", self._shown)
        elif not self._was_joined:
            _log.info("sharing the channel by %s", self._shown)
        self._is_away = self._is_overflowing = False
        self._was_joined = True
        self._reach(joined.first)
        self._take(news)
        await self._catch_up(joined.last)
        self._is_joined.set()

    async def _catch_up(self, last: int) -> None:
        while self._last < last:
            records = await self._engine.read(self._last)
            if not records:
                # Let go of meanwhile.
                break
            self._take(records)

    def _lost(self, error: str) -> None:
        """The engine is away: say so once, and show what has waited for it."""
        self._is_joined.clear()
        if not self._was_joined:
            # Nobody has agreed on anything: each is on its own.
            self._lead(True)
        self._sent = None
        if not self._is_away:
            self._is_away = True
            _log.warning(
                "%s does not answer (%s): clients of this process stay, and get what it sends; all others "
                "get it when the engine is back",
                self._shown,
                error,
            )
        self._show_ahead()

    def _show_ahead(self) -> None:
        if self._is_showing:
            # Who hears of one may send another, which has its turn behind those that were sent before.
            return
        self._is_showing = True
        try:
            while unseen := self._sequence.show_ahead():
                for n, data in unseen:
                    self._deliver(data, Place(origin=(self._sequence.sender, n), is_ahead=True))
        finally:
            self._is_showing = False

    async def _publish(self) -> None:
        while True:
            pending = self._sequence.pending(_BATCH, _BATCH_BYTES)
            if not pending:
                self._nothing.set()
                self._something.clear()
                await self._something.wait()
                continue
            await self._engine.append(self._sequence.sender, pending)
            self._sequence.acknowledge(pending[-1][0])

    async def _read(self) -> None:
        while True:
            self._take(await self._engine.read(self._last))
            # Thousands of records are to let others have their turn.
            await asyncio.sleep(0)

    async def _live(self) -> None:
        while True:
            beat = await self._engine.beat(self._sequence.sender, self._receiver.presence())
            self.others = sum(other.clients for other in beat.others.values())
            self._receiver.met(beat.others, asyncio.get_running_loop().time())
            self._lead(beat.is_leader)
            await asyncio.sleep(_BEAT)

    def _lead(self, is_leader: bool) -> None:
        if is_leader is not self.is_leader:
            self.is_leader = is_leader
            self._receiver.leads(is_leader)

    def _reach(self, seq: int) -> None:
        """The next record has this number."""
        if seq > self._last + 1:
            self._sequence.fell_behind()
            self._receiver.fell_behind(seq - 1, is_shown=self._last >= self._past)
            self._last = seq - 1

    def _take(self, records: list[Record]) -> None:
        for record in records:
            if record.seq <= self._last or record.data is None:
                continue
            self._reach(record.seq)
            origin = (record.sender, record.n)
            if self._sequence.misses(*origin):
                self._receiver.fell_behind(self._last, is_shown=record.seq > self._past)
            self._last, self._newest = record.seq, origin
            arrival = self._sequence.arrive(*origin) if record.sender else Arrival.NEW
            if arrival is Arrival.DUPLICATE:
                continue
            is_past = record.seq <= self._past
            is_again = arrival is Arrival.SEEN
            place = Place(record.seq, origin, is_shown=not is_again and not is_past, is_again=is_again)
            self._deliver(record.data, place)
            if (
                self._sent is not None
                and record.sender == self._sequence.sender
                and record.n >= self._sent[0]
            ):
                self.lag = asyncio.get_running_loop().time() - self._sent[1]
                self._sent = None

    def _deliver(self, data: bytes, place: Place) -> None:
        operation = decode_operation(data)
        if operation is None and data and not self._is_puzzled:
            self._is_puzzled = True
            _log.warning(
                "%s has what this version does not know: are all processes of the same version?", self._shown
            )
        self._receiver.deliver(operation, place)


async def _first_to_end(*parts: Coroutine[None, None, None]) -> None:
    """Run all until one raises, end the others, and raise it."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(*tasks)
    for task in done:
        task.result()


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended: a library may take a cancellation for a lost connection."""
    is_cancelled = False
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=_CANCEL_AGAIN)
        except asyncio.CancelledError:
            is_cancelled = True
    for task in tasks:
        # One of them is raised; that the same has happened to the others is no news.
        if not task.cancelled():
            task.exception()
    if is_cancelled:
        raise asyncio.CancelledError
