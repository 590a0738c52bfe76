"""Whose messages were seen, against a model: several processes, one log, and every way to lose the engine."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.channel.backplane import check_url, open_backplane
from hotchannel.channel.backplane.operations import (
    Failed,
    Operation,
    Recovered,
    Said,
    Streamed,
    Taken,
    Told,
    decode_operation,
    encode_operation,
)
from hotchannel.channel.backplane.sequence import Arrival, Sequence
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.wire.payloads import Binary, ErrorDetail

Record = tuple[str, int, bytes]


@dataclass
class Engine:
    """A log, and how often it was lost."""

    log: list[Record] = field(default_factory=list)
    epoch: int = 0


@dataclass
class Process:
    """What its clients have seen, by sender."""

    sequence: Sequence
    read: int = 0
    epoch: int = 0
    seen: list[tuple[str, int]] = field(default_factory=list)

    def is_joined(self, engine: Engine) -> bool:
        """Take notice of another epoch; nothing else is done in the same step."""
        if self.epoch == engine.epoch:
            return True
        self.epoch, self.read = engine.epoch, 0
        self.sequence.begin_epoch()
        return False

    def take(self, engine: Engine, count: int) -> None:
        for sender, n, _ in engine.log[self.read : self.read + count]:
            self.read += 1
            if self.sequence.arrive(sender, n) is Arrival.NEW:
                self.seen.append((sender, n))

    def publish(self, engine: Engine, count: int, *, acknowledged: bool) -> None:
        known = {(sender, n) for sender, n, _ in engine.log}
        pending = self.sequence.pending(count, 1000)
        for n, data in pending:
            if (self.sequence.sender, n) not in known:
                engine.log.append((self.sequence.sender, n, data))
        if pending and acknowledged:
            self.sequence.acknowledge(pending[-1][0])


ACTIONS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["post", "post", "publish", "publish unheard", "read", "show", "resend", "lose"]),
    st.integers(1, 3),
)


@given(st.lists(ACTIONS, max_size=80))
def test_every_process_shows_everything_once_and_in_order(actions: list[tuple[int, str, int]]) -> None:
    processes = [Process(Sequence(name, keep=1000, keep_bytes=1000)) for name in "abc"]
    engine = Engine()
    for which, action, count in actions:
        process = processes[which]
        match action:
            case "post":
                process.sequence.post(b"")
            case "show":
                process.seen += [(process.sequence.sender, n) for n, _ in process.sequence.show_ahead()]
            case "lose":
                # The engine has lost everything, and each notices when it comes back.
                engine.log.clear()
                engine.epoch += 1
            case _ if not process.is_joined(engine):
                continue
            case "publish":
                process.publish(engine, count, acknowledged=True)
            case "publish unheard":
                process.publish(engine, count, acknowledged=False)
            case "read":
                process.take(engine, count)
            case "resend":
                process.sequence.resend()
    for process in processes:
        process.is_joined(engine)
        process.publish(engine, 1000, acknowledged=True)
    for process in processes:
        process.take(engine, 1000)
    posted = {process.sequence.sender: process.sequence.post(b"") - 1 for process in processes}
    for process in processes:
        assert process.sequence.ahead == ""
        for sender, count in posted.items():
            assert [n for who, n in process.seen if who == sender] == list(range(1, count + 1))


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 3)), max_size=60))
def test_while_the_engine_is_there_all_show_one_order(actions: list[tuple[int, bool, int]]) -> None:
    processes = [Process(Sequence(name, keep=1000, keep_bytes=1000)) for name in "abc"]
    engine = Engine()
    for which, posts, count in actions:
        if posts:
            processes[which].sequence.post(b"")
            processes[which].publish(engine, count, acknowledged=True)
        else:
            processes[which].take(engine, count)
    for process in processes:
        process.take(engine, 1000)
        assert process.seen == [(sender, n) for sender, n, _ in engine.log]


def test_only_so_many_own_messages_are_kept() -> None:
    sequence = Sequence("a", keep=3, keep_bytes=1000)
    overflows = []
    for _ in range(4):
        sequence.post(b"")
        overflows.append(sequence.overflows)
    assert [n for n, _ in sequence.pending(10, 10)] == [2, 3, 4]
    assert sequence.pending_count == 3
    sequence.acknowledge(4)
    overflows.append(sequence.overflows)
    assert overflows == [False, False, False, True, False]
    assert sequence.pending(10, 10) == []


def test_only_so_many_bytes_of_own_messages_are_kept() -> None:
    sequence = Sequence("a", keep=100, keep_bytes=10)
    for size in (6, 4, 3, 20):
        sequence.post(b"x" * size)
    assert [n for n, _ in sequence.pending(10, 10)] == [4]
    sequence.post(b"xx")
    assert sequence.pending(10, 10) == [(5, b"xx")]


def test_a_handful_has_so_many_bytes_or_one_message() -> None:
    sequence = Sequence("a", keep=100, keep_bytes=1000)
    for size in (6, 4, 3, 20):
        sequence.post(b"x" * size)
    handfuls = []
    while pending := sequence.pending(10, 10):
        handfuls.append([n for n, _ in pending])
        sequence.acknowledge(pending[-1][0])
    assert handfuls == [[1, 2], [3], [4]]


def test_what_was_acknowledged_and_has_not_come_is_sent_again() -> None:
    sequence = Sequence("a", keep=100, keep_bytes=1000)
    for _ in range(3):
        sequence.post(b"")
    sequence.acknowledge(3)
    sequence.arrive("a", 1)
    assert sequence.pending_count == 0
    sequence.resend()
    assert [n for n, _ in sequence.pending(10, 10)] == [2, 3]


@pytest.mark.parametrize(
    "operation",
    [
        Said("custom", b'{"type":"custom"}'),
        Streamed(Binary("frame", b"\0\xff", {"a": 1})),
        Streamed(Binary("frame", b"")),
        Failed("a.py", ErrorDetail("wrong", "")),
        Recovered("a.py"),
        Taken(),
        Told("served", ["a", {"b": None}]),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_operations_travel(operation: Operation) -> None:
    assert decode_operation(encode_operation(operation)) == operation


def test_what_messagepack_has_not_got_is_text() -> None:
    assert decode_operation(encode_operation(Told("a\udcff", [2**80, {"\udcff": b"\0"}]))) == Told(
        "a?", [str(2**80), {"?": b"\0"}]
    )


def test_an_error_that_is_no_text_travels() -> None:
    sent = Failed("\udcffa.py", ErrorDetail("\udcff", "x"))
    assert decode_operation(encode_operation(sent)) == Failed("?a.py", ErrorDetail("?", "x"))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x81\xa4type\xa5other"])
def test_what_is_not_understood_is_nothing(data: bytes) -> None:
    assert decode_operation(data) is None


@pytest.mark.parametrize(
    ("url", "address", "name"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", "hotchannel"),
        ("rediss://u:p@host/1?channel=shop", "rediss://u:p@host/1", "shop"),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", "hotchannel"),
        ("tls://h:4222?channel=a1", "tls://h:4222", "a1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", "hotchannel"),
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
        "nats://",
        "tls://:4222",
        "redis://h with a blank/0",
        "http://h",
        "h",
        "redis://user:secret@h/0?x=1",
        "redis://:secret@h:port/0",
        "http://user:secret@h",
        "user:secret@h",
        "redis://user:se@secret@h/0?x=1",
        "redis://h/0?password=secret&x=1",
    ],
)
def test_what_is_no_url_is_said_without_its_password(url: str) -> None:
    with pytest.raises(OptionError, match="backplane") as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["redis", "nats"])
def test_a_client_that_is_not_installed_is_said_with_its_extra(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"hotchannel.channel.backplane.{kind}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == kind] or [kind]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(HotChannelError, match=rf"pip install 'hotchannel\[{kind}\]'"):
        open_backplane(f"{kind}://h", keep=1, keep_bytes=1)
