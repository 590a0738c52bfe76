"""The journal against a model that keeps everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.channel.journal import Entry, Journal, Position, StandingError, parse_position
from hotchannel.wire.payloads import Binary, ErrorDetail


@given(
    st.lists(st.binary(max_size=20), max_size=40),
    st.integers(1, 10),
    st.integers(1, 100),
    st.integers(-2, 45),
)
def test_what_was_missed(sent: list[bytes], max_messages: int, max_bytes: int, seq: int) -> None:
    journal = Journal("e", max_messages=max_messages, max_bytes=max_bytes)
    assert [journal.append(message) for message in sent] == list(range(1, len(sent) + 1))
    assert (journal.epoch, journal.last) == ("e", len(sent))

    missed = journal.since(Position("e", seq))
    entries = [Entry(index, message) for index, message in enumerate(sent, 1)]
    wanted = entries[seq:] if seq >= 0 else entries
    fits = len(wanted) <= max_messages and sum(map(len, sent[max(seq, 0) :])) <= max_bytes
    if 0 <= seq <= len(sent) and fits:
        assert missed == tuple(wanted)
    else:
        assert missed is None
    assert journal.since(Position("f", seq)) is None


@given(
    st.lists(st.binary(max_size=20) | st.builds(Binary, st.just("b"), st.binary(max_size=40)), max_size=40),
    st.integers(1, 10),
    st.integers(1, 200),
    st.integers(0, 40),
)
def test_binary_ones_never_push_out_others(
    sent: list[bytes | Binary], max_messages: int, max_bytes: int, seq: int
) -> None:
    journal = Journal("e", max_messages=max_messages, max_bytes=max_bytes)
    alone = Journal("e", max_messages=max_messages, max_bytes=max_bytes)
    for number, message in enumerate(sent, 1):
        assert journal.append(message) == number
        if isinstance(message, bytes):
            alone.append(message, number)
        else:
            alone.numbered(number, None)

    missed, wanted = journal.since(Position("e", seq)), alone.since(Position("e", seq))
    if missed is None or wanted is None:
        assert missed is wanted
        return
    assert [entry for entry in missed if isinstance(entry.content, bytes)] == list(wanted)
    assert [entry.seq for entry in missed] == sorted(entry.seq for entry in missed)
    assert all(entry.content is sent[entry.seq - 1] for entry in missed)
    binary = [entry.content for entry in missed if isinstance(entry.content, Binary)]
    # The newest of those that came after, without a gap.
    after = [message for message in sent[seq:] if isinstance(message, Binary)]
    assert binary == after[len(after) - len(binary) :]
    assert len(binary) <= max_messages
    assert sum(len(message.data) for message in binary) <= max_bytes // 2


def test_the_meta_of_a_binary_one_counts() -> None:
    journal = Journal("e", max_messages=100, max_bytes=2000)
    for _ in range(10):
        journal.append(Binary("b", b"", "x" * 400))
    missed = journal.since(Position("e", 0))
    assert missed is not None
    assert [entry.seq for entry in missed] == [9, 10]


def test_binary_ones_are_kept_over_a_change_of_epoch() -> None:
    journal = Journal("e", max_messages=10, max_bytes=1000)
    binary = Binary("b", b"1")
    journal.append(b"0")
    journal.append(binary)
    journal.begin("f")
    journal.append(binary)
    missed = journal.since(Position("e", 1))
    assert missed == (Entry(2, binary), Entry(1, binary))


def test_several_messages_may_share_a_number() -> None:
    journal = Journal("e", max_messages=10, max_bytes=1000)
    for content, seq in ((b"a", 3), (b"b", 3), (b"c", 7)):
        journal.append(content, seq)
    journal.numbered(9, None)
    assert (journal.epoch, journal.last) == ("e", 9)
    assert contents(journal.since(Position("e", 2))) == [b"a", b"b", b"c"]
    assert contents(journal.since(Position("e", 3))) == [b"c"]
    assert journal.since(Position("e", 9)) == ()
    assert journal.since(Position("e", 10)) is None


def test_what_was_let_go_of_before_it_came_cannot_be_told() -> None:
    journal = Journal("e", max_messages=10, max_bytes=1000)
    journal.append(b"a")
    journal.fail("a.py", ErrorDetail("m", ""), 1)
    journal.forget(5)
    assert journal.standing is None
    journal.append(b"b", 6)
    assert [journal.since(Position("e", seq)) for seq in (0, 1, 4)] == [None] * 3
    assert contents(journal.since(Position("e", 5))) == [b"b"]


def test_an_epoch_later_only_what_is_new_was_missed() -> None:
    journal = Journal("e", max_messages=4, max_bytes=1000)
    for content, origin in ((b"p1", ("p", 1)), (b"p2", ("p", 2)), (b"p3", ("p", 3)), (b"q1", ("q", 1))):
        journal.numbered(journal.append(content, origin=origin), origin)
    journal.begin("f")
    # They are sent again, in another order, and something new after them.
    for content, origin in ((b"q1", ("q", 1)), (b"p3", ("p", 3)), (b"p4", ("p", 4))):
        journal.numbered(journal.append(content, origin=origin), origin)
    assert contents(journal.since(Position("e", 1))) == [b"p2", b"p3", b"q1", b"p4"]
    assert contents(journal.since(Position("e", 4))) == [b"p4"]
    assert contents(journal.since(Position("f", 0))) == [b"q1", b"p3", b"p4"]
    assert journal.since(Position("d", 0)) is None
    # Too much has come since.
    for n in (5, 6):
        journal.append(b"p%d" % n, origin=("p", n))
    assert journal.since(Position("e", 4)) is None
    journal.begin("g")
    assert contents(journal.since(Position("f", 4))) == [b"p6"]
    assert journal.since(Position("e", 4)) is None


def test_what_was_let_go_of_an_epoch_earlier_is_not_sent_twice() -> None:
    journal = Journal("e", max_messages=2, max_bytes=1000)
    for n in (1, 2, 3):
        journal.numbered(journal.append(b"p%d" % n, origin=("p", n)), ("p", n))
    journal.begin("f")
    journal.append(b"p1", origin=("p", 1))
    assert contents(journal.since(Position("e", 2))) == [b"p3"]


def test_what_was_sent_before_a_process_came_is_no_news_to_its_pages() -> None:
    journal = Journal("own", max_messages=10, max_bytes=1000)
    journal.begin("e", 2)
    for n in (1, 2, 3):
        journal.append(b"q%d" % n, origin=("q", n))
    assert contents(journal.since(Position("own", 0))) == [b"q3"]
    assert contents(journal.since(Position("e", 1))) == [b"q2", b"q3"]


def test_what_has_no_number_yet() -> None:
    journal = Journal("e", max_messages=3, max_bytes=1000)
    assert journal.since_ahead(None) == ()
    for n in (1, 2, 3):
        journal.append_ahead(b"p%d" % n, ("p", n))
    assert contents(journal.since_ahead(None)) == [b"p1", b"p2", b"p3"]
    assert contents(journal.since_ahead(("p", 2))) == [b"p3"]
    assert contents(journal.since_ahead(("q", 2))) == [b"p1", b"p2", b"p3"]
    assert journal.since(Position("e", 0)) == ()
    # Two of them get numbers.
    journal.append(b"p1", 1, ("p", 1))
    journal.numbered(1, ("p", 1))
    journal.numbered(2, ("p", 2))
    assert contents(journal.since(Position("e", 0))) == [b"p1"]
    assert journal.since(Position("e", 0, ("p", 1))) == ()
    assert contents(journal.since_ahead(None)) == [b"p3"]


def test_more_has_no_number_than_is_kept() -> None:
    journal = Journal("e", max_messages=2, max_bytes=1000)
    for n in (1, 2, 3):
        journal.append_ahead(b"p%d" % n, ("p", n))
    assert journal.since_ahead(None) is None
    assert contents(journal.since_ahead(("p", 1))) == [b"p2", b"p3"]
    for n in (1, 2, 3):
        journal.append(b"p%d" % n, n, ("p", n))
        journal.numbered(n, ("p", n))
    assert journal.since_ahead(None) == ()


def contents(entries: tuple[Entry, ...] | None) -> list[bytes | Binary]:
    assert entries is not None
    return [entry.content for entry in entries]


@given(st.text(max_size=20))
def test_positions_are_read_without_raising(text: str) -> None:
    position = parse_position(text)
    assert position is None or f"{position.epoch}:{position.seq}" == text or ":0" in text


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("e:0", Position("e", 0)),
        ("a-_9:12", Position("a-_9", 12)),
        ("e:1~p.7", Position("e", 1, ("p", 7))),
        ("e:1~p-_.0", Position("e", 1, ("p-_", 0))),
        ("e:1~", None),
        ("e:1~p", None),
        ("e:1~p.", None),
        ("e:1~p.-1", None),
        ("e:1~p.1~q.2", None),
        ("", None),
        ("e", None),
        ("e:", None),
        (":1", None),
        ("e:-1", None),
        ("e:1:2", None),
        ("e:1 ", None),
        ("e:\u0661", None),
        ("e:" + "9" * 16, None),
        ("e" * 65 + ":1", None),
    ],
)
def test_positions(text: str, position: Position | None) -> None:
    assert parse_position(text) == position


def test_the_newest_error_stands() -> None:
    journal = Journal("e", max_messages=1, max_bytes=1)
    first, second = ErrorDetail("first", ""), ErrorDetail("second", "")
    seen = [journal.standing]
    journal.fail("a", first, 1)
    journal.fail("b", second, 2)
    seen.append(journal.standing)
    journal.fail("a", second, 3)
    seen.append(journal.standing)
    recovered = [journal.recover(source) for source in ("a", "a")]
    seen.append(journal.standing)
    recovered.append(journal.recover("b"))
    seen.append(journal.standing)
    of_b = StandingError("b", second, 2)
    assert seen == [None, of_b, StandingError("a", second, 3), of_b, None]
    assert recovered == [True, False, True]
