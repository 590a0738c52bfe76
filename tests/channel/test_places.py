"""What the hub makes of an operation, wherever that stands in the order of several processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET, UnsetType

from hotchannel.channel.backplane.operations import Failed, Recovered, Said, Streamed, Taken, Told
from hotchannel.channel.backplane.roles import Place, Presence
from hotchannel.channel.hub import HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Binary, Custom, ErrorDetail, FullReload, HotPayload

if TYPE_CHECKING:
    from hotchannel.channel.backplane.operations import Operation
    from hotchannel.channel.backplane.roles import Receiver

EMPTY_UPDATE = {"type": "update", "updates": []}
DETAIL = ErrorDetail("wrong", "")
ERROR = {"type": "error", "err": {"message": "wrong", "stack": ""}}
SAID = {"type": "custom", "event": "n", "data": 1}
OPERATIONS: dict[str, Operation] = {
    "said": Said("custom", encode(Custom("n", 1))),
    "streamed": Streamed(Binary("b", b"\0")),
    "failed": Failed("a.py", DETAIL),
    "recovered": Recovered("a.py"),
    "told": Told("topic", 1),
}

NEW = Place(7, ("p", 1))
PAST = Place(7, ("p", 1), is_shown=False)
AHEAD = Place(None, ("p", 1), is_ahead=True)
AGAIN = Place(7, ("p", 1), is_shown=False, is_again=True)


class Client:
    def __init__(self, *, resuming: bool) -> None:
        self.resuming = resuming
        self.binary = False
        self.heard: list[dict[str, Any]] = []

    def write(self, frame: bytes) -> None:
        self.heard.append(json.loads(frame))

    def send(
        self, message: HotPayload | str, data: Any | UnsetType = UNSET, meta: Any | UnsetType = UNSET
    ) -> None:
        raise NotImplementedError


class Shared:
    """A backplane that says what the test wants."""

    ahead = ""
    others = 0
    is_leader = False
    is_shared = True
    lag = 0.0
    pending = 0

    def __init__(self) -> None:
        self.published: list[Operation] = []

    def bind(self, receiver: Receiver, *, token: str, epoch: str) -> None:
        pass

    def begin(self) -> None:
        pass

    async def joined(self, patience: float) -> None:
        pass

    def publish(self, operation: Operation) -> None:
        self.published.append(operation)

    async def close(self) -> None:
        pass


class Hub:
    """A channel, its backplane, and one client that resumes."""

    def __init__(self) -> None:
        self.backplane = Shared()
        self.journal = Journal("e", max_messages=100, max_bytes=10_000)
        self.channel: HotChannel[Client, bytes] = HotChannel(
            self.journal, prepare=bytes, backplane=self.backplane
        )
        self.client = self.join("e:0")
        self.told: list[Any] = []
        self.channel.heard("topic", self.told.append)

    def join(self, resume: str | None) -> Client:
        client = Client(resuming=resume is not None)
        self.channel.join(client, resume)
        return client

    def take(self, resume: str | None) -> list[dict[str, Any]]:
        """What somebody gets who comes now, but for the greeting."""
        client = self.join(resume)
        self.channel.leave(client)
        return client.heard[1:]

    def heard(self) -> list[dict[str, Any]]:
        heard = self.client.heard[1:]
        del self.client.heard[1:]
        return heard


@pytest.mark.parametrize(
    ("operation", "message"),
    [("said", SAID), ("streamed", {"type": "custom", "event": "b"}), ("failed", ERROR)],
)
@pytest.mark.parametrize(
    ("place", "shown", "kept", "mark"),
    [(NEW, True, True, 7), (PAST, False, True, 7), (AHEAD, True, False, "e:0~p.1"), (AGAIN, False, True, 7)],
    ids=["new", "past", "ahead", "again"],
)
def test_messages(
    operation: str, message: dict[str, Any], place: Place, shown: bool, kept: bool, mark: int | str
) -> None:
    hub = Hub()
    hub.backplane.ahead = "p.1" if place.is_ahead else ""
    hub.channel.deliver(OPERATIONS[operation], place)
    heard = hub.heard()
    assert [message["seq"] for message in heard] == ([mark] if shown else [])
    assert all(message.items() <= each.items() for each in heard)
    assert (hub.journal.epoch, hub.journal.last) == ("e", 7 if kept else 0)
    # Whoever comes back gets it once, and comes back with it the next time; an error that stands always.
    assert [each["seq"] for each in hub.take("e:0")][:1] == [mark]
    standing = [ERROR | {"seq": mark}] if operation == "failed" else []
    assert hub.take(f"e:{7 if kept else '0~p.1'}") == standing


@pytest.mark.parametrize(
    ("place", "times"), [(NEW, 1), (PAST, 1), (AHEAD, 1), (AGAIN, 0)], ids=["new", "past", "ahead", "again"]
)
def test_what_is_told_is_heard_once(place: Place, times: int) -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["told"], place)
    assert hub.told == [1] * times
    assert hub.heard() == []


def test_what_nobody_understands_has_its_number() -> None:
    hub = Hub()
    hub.channel.deliver(None, NEW)
    assert hub.heard() == []
    assert hub.channel.position() == "e:7"


def test_the_number_comes_after_the_message() -> None:
    hub = Hub()
    hub.backplane.ahead = "p.1"
    hub.channel.deliver(OPERATIONS["said"], AHEAD)
    assert hub.channel.position() == "e:0~p.1"
    assert hub.heard() == [SAID | {"seq": "e:0~p.1"}]
    assert hub.take("e:0") == [SAID | {"seq": "e:0~p.1"}]
    hub.backplane.ahead = ""
    hub.channel.deliver(OPERATIONS["said"], AGAIN)
    assert hub.heard() == []
    assert hub.take("e:0~p.1") == []
    assert hub.take("e:0") == [SAID | {"seq": 7}]


def test_an_error_that_was_mended_ahead_of_its_number_is_mended_for_who_comes_back() -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["failed"], Place(1, ("q", 1)))
    hub.heard()
    hub.backplane.ahead = "p.1"
    hub.channel.deliver(OPERATIONS["recovered"], AHEAD)
    assert hub.heard() == [EMPTY_UPDATE | {"seq": "e:1~p.1"}]
    hub.backplane.ahead = ""
    hub.channel.deliver(OPERATIONS["recovered"], AGAIN)
    assert hub.heard() == []
    assert hub.take("e:1") == [EMPTY_UPDATE | {"seq": 7}]
    assert hub.take("e:1~p.1") == []


def test_an_error_from_before_stands_for_newcomers() -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["failed"], PAST)
    assert hub.take(None) == [ERROR]
    hub.channel.deliver(OPERATIONS["recovered"], Place(8, ("p", 2), is_shown=False))
    assert hub.take(None) == []
    assert hub.heard() == []


@pytest.mark.parametrize("others", [0, 1])
def test_a_reload_is_kept_where_nobody_is_anywhere(others: int) -> None:
    hub = Hub()
    hub.channel.leave(hub.client)
    hub.backplane.others = others
    hub.channel.deliver(Said("full-reload", encode(FullReload())), NEW)
    hub.channel.deliver(Said("full-reload", encode(FullReload())), Place(8, ("p", 2), is_shown=False))
    newcomer = hub.take(None)
    assert [each["type"] for each in newcomer] == ["full-reload"] * (not others)
    # All others are told that it was given to somebody.
    assert hub.backplane.published == [Taken()] * (not others)


def test_a_reload_that_another_process_gave_away_is_not_kept() -> None:
    hub = Hub()
    hub.channel.leave(hub.client)
    hub.channel.deliver(Said("full-reload", encode(FullReload())), NEW)
    hub.channel.deliver(Taken(), Place(8, ("q", 1)))
    assert hub.take(None) == []


@pytest.mark.parametrize("is_shown", [True, False])
def test_who_fell_behind_is_brought_up_to_date_once(is_shown: bool) -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["failed"], Place(1, ("q", 1)))
    hub.heard()
    hub.channel.fell_behind(50, is_shown=is_shown)
    reload = {"type": "full-reload", "path": "*", "seq": 50}
    assert hub.heard() == [reload] * is_shown
    hub.channel.deliver(OPERATIONS["said"], Place(51, ("p", 9)))
    assert hub.heard() == [SAID | {"seq": 51}]
    # Nobody knows whether the error stands.
    assert hub.take(None) == []
    assert hub.take("e:50") == [SAID | {"seq": 51}]
    assert hub.take("e:1") == [reload | {"seq": 51}]


def test_another_epoch_is_said_with_the_next_message() -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["said"], Place(1, ("p", 1)))
    hub.channel.agreed("token", "f", 0)
    hub.channel.deliver(OPERATIONS["said"], Place(1, ("p", 1), is_shown=False, is_again=True))
    for n in (2, 3):
        hub.channel.deliver(OPERATIONS["said"], Place(n, ("p", n)))
    assert [each["seq"] for each in hub.heard()] == [1, "f:2", 3]
    assert [each["seq"] for each in hub.take("e:0")] == ["e:0", "e:0", "f:3"]
    assert [each["seq"] for each in hub.take("e:1")] == ["e:1", "f:3"]
    assert [each["seq"] for each in hub.take("f:2")] == [3]


def test_a_page_from_before_the_processes_agreed_has_missed_what_came_then() -> None:
    hub = Hub()
    hub.channel.agreed("token", "f", 1)
    hub.channel.deliver(OPERATIONS["said"], Place(1, ("p", 1), is_shown=False))
    assert hub.take("e:0") == []
    hub.channel.deliver(OPERATIONS["said"], Place(2, ("p", 2)))
    assert hub.take("e:0") == [SAID | {"seq": "f:2"}]


def test_who_has_seen_what_has_not_come_yet_does_not_see_it_again() -> None:
    hub = Hub()
    served = hub.join("e:0~p.2")
    for n in (1, 2, 3):
        hub.channel.deliver(OPERATIONS["said"], Place(n, ("p", n)))
    assert [message["seq"] for message in hub.heard()] == [1, 2, 3]
    assert [message["seq"] for message in served.heard[1:]] == [3]
    # A page that comes now has missed what came after it was served.
    assert hub.take("e:0~p.2") == [SAID | {"seq": "e:3~p.2"}]


def test_who_comes_from_a_process_that_is_further_has_missed_nothing() -> None:
    hub = Hub()
    hub.channel.deliver(OPERATIONS["said"], Place(1, ("p", 1)))
    further = hub.join("e:3")
    assert further.heard == [{"type": "connected", "seq": 3}]
    for n in (2, 3, 4):
        hub.channel.deliver(OPERATIONS["said"], Place(n, ("p", n)))
    assert [message["seq"] for message in hub.heard()] == [1, 2, 3, 4]
    assert [message["seq"] for message in further.heard[1:]] == [4]
    # Numbers of another epoch are others.
    again = hub.join("e:9")
    hub.channel.agreed("token", "f", 0)
    hub.channel.deliver(OPERATIONS["said"], Place(1, ("p", 5)))
    assert [message["seq"] for message in again.heard[1:]] == ["f:1"]


def test_what_is_sent_is_only_published() -> None:
    hub = Hub()
    hub.channel.send("n", 1)
    hub.channel.fail("a.py", DETAIL)
    assert hub.channel.recover("a.py")
    assert not hub.channel.recover("a.py")
    hub.channel.tell("topic", 1)
    assert hub.heard() == []
    assert hub.backplane.published == [OPERATIONS[name] for name in ("said", "failed", "recovered", "told")]
    assert hub.channel.presence() == Presence(1)
