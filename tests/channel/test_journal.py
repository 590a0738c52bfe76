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
    assert journal.position == f"e:{len(sent)}"

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
            alone.pass_over(number)

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
