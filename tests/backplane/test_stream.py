"""The stream over an engine of the test's own, which fails whenever the test wants it to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from backplane.cluster import until
from hotchannel.channel.backplane.engine import Beat, EngineLostError, EpochEndedError, Joined, Record
from hotchannel.channel.backplane.operations import Told
from hotchannel.channel.backplane.roles import Place, Presence
from hotchannel.channel.backplane.stream import StreamBackplane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from hotchannel.channel.backplane.operations import Operation


class Log:
    """An engine within the process.

    Attributes:
        failures: raised by the next calls, by the name of the method.
        asked: names of the methods that were called.
    """

    def __init__(self) -> None:
        self.epoch = "e"
        self.records: list[Record] = []
        self.failures: dict[str, list[Exception]] = {}
        self.asked: list[str] = []

    def _begin(self, name: str) -> None:
        self.asked.append(name)
        if failures := self.failures.get(name):
            raise failures.pop(0)

    async def join(self, *, token: str, epoch: str, last: int) -> Joined:
        self._begin("join")
        if last > len(self.records):
            self.epoch += "'"
            self.records.clear()
        return Joined("token", self.epoch, 1, len(self.records))

    async def append(self, sender: str, records: Sequence[tuple[int, bytes]]) -> None:
        self._begin("append")
        for n, data in records:
            self.records.append(Record(len(self.records) + 1, sender, n, data))

    async def read(self, after: int) -> list[Record]:
        self._begin("read")
        await asyncio.sleep(0.005)
        return [record for record in self.records if record.seq > after]

    async def beat(self, process: str, presence: Presence) -> Beat:
        self._begin("beat")
        return Beat(True, {"q": Presence(2), "r": Presence(3)})

    async def leave(self, process: str) -> None:
        self._begin("leave")

    async def close(self) -> None:
        self._begin("close")


class Receiver:
    """What a channel would hear."""

    def __init__(self) -> None:
        self.came: list[tuple[Operation | None, Place]] = []
        self.agreements: list[tuple[str, str, int]] = []
        self.leading: list[bool] = []
        self.gaps: list[tuple[int, bool]] = []
        self.failures: list[Exception] = []

    def deliver(self, operation: Operation | None, place: Place) -> None:
        if self.failures:
            raise self.failures.pop()
        self.came.append((operation, place))

    def agreed(self, token: str, epoch: str, last: int) -> None:
        self.agreements.append((token, epoch, last))

    def leads(self, is_leader: bool) -> None:
        self.leading.append(is_leader)

    def fell_behind(self, last: int, *, is_shown: bool) -> None:
        self.gaps.append((last, is_shown))

    def presence(self) -> Presence:
        return Presence(1)

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        pass

    @property
    def shown(self) -> list[object]:
        return [said.data for said, place in self.came if isinstance(said, Told) and place.is_shown]

    @property
    def numbers(self) -> list[int | None]:
        return [place.seq for _, place in self.came]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def stream(log: Log, receiver: Receiver) -> AsyncIterator[StreamBackplane]:
    stream = StreamBackplane(log, shown="an engine", keep=100, keep_bytes=1000)
    stream.bind(receiver, token="mine", epoch="own")
    stream.begin()
    await stream.joined(10)
    yield stream
    await stream.close()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


async def test_what_is_published_comes_back_with_its_number(
    stream: StreamBackplane, receiver: Receiver
) -> None:
    for number in range(3):
        stream.publish(Told("t", number))
    assert receiver.came == []
    await until(lambda: receiver.numbers == [1, 2, 3], "all of it")
    assert receiver.shown == [0, 1, 2]
    assert receiver.agreements == [("token", "e", 0)]
    assert stream.others == 5
    assert receiver.leading == [True]
    assert stream.pending == 0


@pytest.mark.parametrize("method", ["append", "read", "beat"])
@pytest.mark.parametrize(
    "failure", [EngineLostError("away"), ValueError("a mistake")], ids=["lost", "mistake"]
)
async def test_it_goes_on_after_whatever_fails(
    stream: StreamBackplane,
    log: Log,
    receiver: Receiver,
    method: str,
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hotchannel.backplane")
    log.failures = {method: [failure], "join": [EngineLostError("still away")] * 2}
    stream.publish(Told("t", 1))
    await until(lambda: "is there again" in caplog.text, "the engine to be back")
    stream.publish(Told("t", 2))
    await until(lambda: receiver.numbers[-1:] == [2], "what is sent last")
    assert receiver.shown == [1, 2]
    assert stream.ahead == ""
    assert sum("does not answer" in line for line in said(caplog)) == 1
    assert sum("cannot share" in line for line in said(caplog)) == isinstance(failure, ValueError)


async def test_a_listener_that_fails_costs_the_others_nothing(
    stream: StreamBackplane, receiver: Receiver
) -> None:
    receiver.failures = [ValueError("a mistake")]
    for number in range(3):
        stream.publish(Told("t", number))
    await until(lambda: receiver.numbers[-1:] == [3], "the rest of it")
    assert [seq for seq in receiver.numbers if seq is not None] == [2, 3]


async def test_another_epoch_is_said_once(
    stream: StreamBackplane, log: Log, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        stream.publish(Told("t", number))
    await until(lambda: receiver.numbers == [1, 2, 3], "all of it")
    log.records.clear()
    log.failures["beat"] = [EpochEndedError("e")]
    await until(lambda: len(receiver.came) == 6, "all of it once more")
    assert receiver.shown == [0, 1, 2]
    assert all(place.is_again and not place.is_shown for _, place in receiver.came[3:])
    assert receiver.agreements == [("token", "e", 0), ("token", "e'", 0)]
    assert [line for line in said(caplog) if "has lost what it had" in line] == said(caplog)


async def test_a_gap_in_the_log_is_told_once(stream: StreamBackplane, log: Log, receiver: Receiver) -> None:
    for seq, n in ((1, 1), (2, 2)):
        log.records.append(Record(seq, "q", n, b""))
    await until(lambda: receiver.numbers == [1, 2], "the first of them")
    log.records.append(Record(10, "q", 9, b""))
    await until(lambda: receiver.numbers == [1, 2, 10], "the next of them")
    assert receiver.gaps == [(9, True)]


async def test_what_lost_its_parts_is_a_gap_once_more_comes(
    stream: StreamBackplane, log: Log, receiver: Receiver
) -> None:
    log.records += [Record(1, "q", 1, b""), Record(2, "r", 0, b""), Record(3, "r", 1, None)]
    await until(lambda: log.asked.count("read") > 2, "all of them")
    assert (receiver.numbers, receiver.gaps) == ([1], [])
    log.records.append(Record(4, "q", 2, b""))
    await until(lambda: receiver.numbers == [1, 4], "the next of them")
    assert receiver.gaps == [(3, True)]


async def test_a_sender_that_lets_go_of_some_is_told_of(
    stream: StreamBackplane, log: Log, receiver: Receiver
) -> None:
    for seq, n in ((1, 1), (2, 5), (3, 6)):
        log.records.append(Record(seq, "q", n, b""))
    await until(lambda: receiver.numbers == [1, 2, 3], "all of them")
    assert receiver.gaps == [(1, True)]


async def test_the_end_comes_once(stream: StreamBackplane, log: Log) -> None:
    stream.publish(Told("t", 1))
    await stream.close()
    assert [record.n for record in log.records] == [1]
    assert log.asked[-2:] == ["leave", "close"]
    asked = len(log.asked)
    stream.publish(Told("t", 2))
    stream.begin()
    await stream.close()
    await asyncio.sleep(0)
    assert len(log.asked) == asked


async def test_who_never_joins_is_alone_and_leads(log: Log, receiver: Receiver) -> None:
    log.failures["join"] = [EngineLostError("away")] * 1000
    stream = StreamBackplane(log, shown="an engine", keep=100, keep_bytes=1000)
    stream.bind(receiver, token="mine", epoch="own")
    stream.publish(Told("t", 1))
    stream.begin()
    await until(lambda: receiver.shown == [1], "what was sent first")
    stream.publish(Told("t", 2))
    assert receiver.shown == [1, 2]
    assert receiver.numbers == [None, None]
    assert stream.ahead.endswith(".2")
    assert receiver.leading == [True]
    assert receiver.agreements == []
    await stream.close()
    assert "leave" not in log.asked
