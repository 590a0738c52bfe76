"""Whose messages were seen, against a model: several processes, one log, and every way to lose the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.channel.backplane import check_url
from hotchannel.channel.backplane.operations import (
    Failed,
    Said,
    Streamed,
    Taken,
    Told,
    decode_operation,
    encode_operation,
)
from hotchannel.channel.backplane.sequence import Arrival, Sequence
from hotchannel.errors import OptionError
from hotchannel.wire.payloads import Binary, ErrorDetail

Record = tuple[str, int, bytes]


@dataclass
class Process:
    """What its clients have seen, by sender."""

    sequence: Sequence
    read: int = 0
    seen: list[tuple[str, int]] = field(default_factory=list)

    def take(self, log: list[Record]) -> None:
        for sender, n, _ in log[self.read :]:
            if self.sequence.arrive(sender, n) is Arrival.NEW:
                self.seen.append((sender, n))
        self.read = len(log)

    def publish(self, log: list[Record], count: int, *, acknowledged: bool) -> None:
        known = {(sender, n) for sender, n, _ in log}
        pending = self.sequence.pending(count)
        for n, data in pending:
            if (self.sequence.sender, n) not in known:
                log.append((self.sequence.sender, n, data))
        if pending and acknowledged:
            self.sequence.acknowledge(pending[-1][0])


ACTIONS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["post", "post", "publish", "publish unheard", "read", "show", "lose"]),
    st.integers(1, 3),
)


@given(st.lists(ACTIONS, max_size=60))
def test_every_process_shows_everything_once_and_in_order(actions: list[tuple[int, str, int]]) -> None:
    processes = [Process(Sequence(name, keep=1000)) for name in "abc"]
    log: list[Record] = []
    for which, action, count in actions:
        process = processes[which]
        match action:
            case "post":
                process.sequence.post(b"")
            case "publish":
                process.publish(log, count, acknowledged=True)
            case "publish unheard":
                process.publish(log, count, acknowledged=False)
            case "read":
                process.take(log)
            case "show":
                process.seen += [(process.sequence.sender, n) for n, _ in process.sequence.show_ahead()]
            case _:
                # The engine has lost everything, and all notice before they go on.
                log.clear()
                for each in processes:
                    each.read = 0
                    each.sequence.begin_epoch()
    for process in processes:
        process.publish(log, 1000, acknowledged=True)
    for process in processes:
        process.take(log)
    posted = {process.sequence.sender: process.sequence.post(b"") - 1 for process in processes}
    for process in processes:
        assert process.sequence.ahead == ""
        for sender, count in posted.items():
            assert [n for who, n in process.seen if who == sender] == list(range(1, count + 1))


def test_only_so_many_own_messages_are_kept() -> None:
    sequence = Sequence("a", keep=3)
    overflows = []
    for _ in range(4):
        sequence.post(b"")
        overflows.append(sequence.overflows)
    assert [n for n, _ in sequence.pending(10)] == [2, 3, 4]
    assert sequence.pending_count == 3
    sequence.acknowledge(4)
    overflows.append(sequence.overflows)
    assert overflows == [False, False, False, True, False]
    assert sequence.pending(10) == []


@pytest.mark.parametrize(
    "operation",
    [
        Said("custom", b'{"type":"custom"}'),
        Streamed(Binary("frame", b"\0\xff", {"a": 1})),
        Streamed(Binary("frame", b"")),
        Failed("a.py", ErrorDetail("wrong", "")),
        Taken(),
        Told("served", ["a", {"b": None}]),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_operations_travel(operation: Said | Streamed | Failed | Taken | Told) -> None:
    assert decode_operation(encode_operation(operation)) == operation


def test_what_messagepack_has_not_got_is_text() -> None:
    assert decode_operation(encode_operation(Told("a\udcff", [2**80, {"\udcff": b"\0"}]))) == Told(
        "a?", [str(2**80), {"?": b"\0"}]
    )


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa5other"])
def test_what_is_not_understood_is_nothing(data: bytes) -> None:
    assert decode_operation(data) is None


@pytest.mark.parametrize(
    ("url", "address", "name"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", "hotchannel"),
        ("rediss://u:p@host/1?channel=shop", "rediss://u:p@host/1", "shop"),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", "hotchannel"),
    ],
)
def test_urls(url: str, address: str, name: str) -> None:
    assert check_url(url) == (address, name)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0?db=1",
        "redis://h/0?channel=",
        "redis://h/0?channel=a.b",
        "redis://h:99999/0",
        "http://h",
        "h",
        "redis://user:secret@h/0?x=1",
    ],
)
def test_what_is_no_url_is_said_without_its_password(url: str) -> None:
    with pytest.raises(OptionError, match="backplane") as caught:
        check_url(url)
    assert "secret" not in str(caught.value)
