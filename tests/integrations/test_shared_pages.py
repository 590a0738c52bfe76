"""Texts of pages that a process has not sent itself: it asks the others, and takes nothing else in."""

from __future__ import annotations

import asyncio
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from backplane.cluster import until
from hotchannel.channel.backplane.operations import Told, decode_operation, encode_operation
from hotchannel.integrations.shared_pages import SharedPages

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "name-of_12ch"
TEXT = "<!doctype html><p>\udcff</p>"
WANTED, FOUND = "page wanted", "page found"
TOO_LONG = 2 * 1024 * 1024 + 1


class Log:
    """What carries to all, in one order.

    Attributes:
        told: topics and data, as they were told.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.processes: list[Process] = []

    def process(self, *, patience: float = 10.0) -> Process:
        """One more process; it hears what was told before it came, as from an engine."""
        process = Process(self, patience)
        self.processes.append(process)
        for topic, data in self.told:
            process.hear(topic, data)
        return process

    def tell(self, topic: str, data: object) -> None:
        operation = decode_operation(encode_operation(Told(topic, data)))
        assert isinstance(operation, Told)
        self.told.append((topic, operation.data))
        for process in self.processes:
            asyncio.get_running_loop().call_soon(process.hear, topic, operation.data)

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.told]


class Process:
    """A process that has the channel, and pages."""

    is_shared = True

    def __init__(self, log: Log, patience: float) -> None:
        self.unacknowledged = 0
        self.pages: dict[str, str] = {}
        self._log = log
        self._listeners: dict[str, Callable[[Any], object]] = {}
        self._shared = SharedPages(self, self, patience=patience)

    def tell(self, topic: str, data: object) -> None:
        self._log.tell(topic, data)

    def heard(self, topic: str, listener: Callable[[Any], object]) -> None:
        self._listeners[topic] = listener

    def hear(self, topic: str, data: Any) -> None:
        self._listeners[topic](data)

    def kept(self, name: str) -> str | None:
        return self.pages.get(name)

    def keep(self, name: str, source: str) -> None:
        assert name not in self.pages
        self.pages[name] = source

    async def fetch(self, name: str = NAME) -> str | None:
        await self._shared.fetch(name)
        return self.pages.get(name)


@pytest.fixture
def log() -> Log:
    return Log()


async def test_whoever_has_a_text_answers_whoever_is_asked_for_it(log: Log) -> None:
    one, other, third = (log.process() for _ in range(3))
    one.pages[NAME] = TEXT
    assert await other.fetch() == TEXT
    assert log.topics() == [WANTED, FOUND]
    assert third.pages == {}
    # It is there now.
    assert await other.fetch() == TEXT
    assert log.topics() == [WANTED, FOUND]


async def test_several_requests_for_one_text_are_one_question(log: Log) -> None:
    one, other = log.process(), log.process()
    one.pages[NAME] = TEXT
    assert await asyncio.gather(*(other.fetch() for _ in range(5))) == [TEXT] * 5
    assert log.topics() == [WANTED, FOUND]


async def test_who_asks_and_goes_away_leaves_the_answer_to_the_others(log: Log) -> None:
    one, other = log.process(), log.process()
    one.pages[NAME] = TEXT
    left, waiting = (asyncio.ensure_future(other.fetch()) for _ in range(2))
    await asyncio.sleep(0)
    left.cancel()
    assert await waiting == TEXT


async def test_what_nobody_has_is_waited_for_no_longer_than_is_bearable(log: Log) -> None:
    one, other = log.process(patience=0.01), log.process()
    assert await one.fetch() is None
    # An answer that comes later is none; the next question is a new one.
    log.tell(FOUND, [NAME, zlib.compress(b"late")])
    await until(lambda: log.topics()[-1] == FOUND, "the answer")
    other.pages[NAME] = TEXT
    one, other = other, log.process()
    assert await other.fetch() == TEXT


@pytest.mark.parametrize(
    "name", ["", "none", f"{NAME}.", f"{NAME[:-1]}/", "naïvenaïve12", f"{NAME}\n"], ids=repr
)
async def test_what_is_no_name_is_not_asked_for(log: Log, name: str) -> None:
    assert await log.process().fetch(name) is None
    assert log.told == []


async def test_a_process_on_its_own_asks_nobody(log: Log) -> None:
    alone = log.process()
    alone.is_shared = False
    assert await alone.fetch() is None
    assert log.told == []


async def test_while_much_waits_for_the_engine_nothing_is_added(log: Log) -> None:
    one, other = log.process(), log.process(patience=0.01)
    one.pages[NAME] = TEXT
    other.unacknowledged = 1000
    assert await other.fetch() is None
    assert log.told == []
    other.unacknowledged, one.unacknowledged = 0, 1000
    assert await other.fetch() is None
    assert log.topics() == [WANTED]


async def test_only_so_many_names_are_asked_for_at_once(log: Log) -> None:
    one = log.process(patience=0.01)
    names = [f"name{number:08}" for number in range(500)]
    assert await asyncio.gather(*map(one.fetch, names)) == [None] * 500
    assert len(log.told) == 100
    assert await one.fetch(names[-1]) is None
    assert log.told[-1] == (WANTED, names[-1])


@pytest.mark.parametrize(
    "text",
    ["x" * TOO_LONG, random.Random(1).randbytes(300_000).decode("latin-1")],
    ids=["long", "does not get smaller"],
)
async def test_a_text_that_is_too_large_is_not_told(log: Log, text: str) -> None:
    one, other = log.process(), log.process(patience=0.01)
    one.pages[NAME] = text
    assert await other.fetch() is None
    assert log.topics() == [WANTED]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        1,
        NAME,
        {},
        [],
        [NAME],
        [NAME, b""],
        [NAME, "text"],
        [NAME, b"text"],
        [NAME, zlib.compress(b"text")[:-1]],
        [NAME, zlib.compress(bytes(TOO_LONG))],
        [NAME, zlib.compress(bytes(20 * 1024 * 1024))],
        [[NAME], zlib.compress(b"text")],
        ["other-name12", zlib.compress(b"text")],
        [NAME, zlib.compress(b"text"), 1],
    ],
    ids=lambda answer: repr(answer)[:40],
)
async def test_what_is_no_answer_is_passed_over(log: Log, answer: Any) -> None:
    one, other = log.process(), log.process()
    log.tell(FOUND, answer)
    asking = asyncio.ensure_future(other.fetch())
    await asyncio.sleep(0)
    other.hear(FOUND, answer)
    other.hear(FOUND, [NAME, zlib.compress(b"text")])
    assert await asking == "text"
    assert one.pages == {}
    assert other.pages == {NAME: "text"}


@pytest.mark.parametrize("question", [None, 1, "", [], {}, [NAME], {"name": NAME}, b"\xff", "x" * 100_000])
async def test_what_is_no_question_is_not_answered(log: Log, question: Any) -> None:
    one = log.process()
    one.pages[NAME] = TEXT
    one.hear(WANTED, question)
    assert log.told == []


async def test_questions_and_answers_of_long_ago_mean_nothing(log: Log) -> None:
    one, other = log.process(), log.process()
    one.pages[NAME] = TEXT
    assert await other.fetch() == TEXT
    newcomer = log.process()
    assert newcomer.pages == {}
    assert log.topics() == [WANTED, FOUND]
