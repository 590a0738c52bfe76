"""Frames in, messages and answers out: the WebSocket on a connection without the connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.websocket.session import Session
from support.entrances import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

LIMIT = 100

GOODBYE = frame(CLOSE, b"\x03\xe8")
BAD_TEXT = frame(TEXT, b"\xff")


def closed_with(answers: list[bytes]) -> int:
    """The code of the close frame that ends `answers`; what follows it is the end of our side."""
    assert answers[-1] == b""
    assert answers[-2][0] == 0x80 | CLOSE
    return int.from_bytes(answers[-2][2:4], "big")


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GOODBYE, id="close"),
        pytest.param(frame(PING, b"?"), id="ping"),
        pytest.param(frame(0x3, b""), id="reserved opcode"),
        pytest.param(BAD_TEXT, id="bad text again"),
        pytest.param(frame(TEXT, b"x" * (LIMIT + 1)), id="too long"),
    ],
)
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(BAD_TEXT, id="whole"),
        pytest.param(
            frame(TEXT, b"\xce", fin=False) + frame(CONTINUATION, b"x", fin=False), id="in the middle"
        ),
        pytest.param(
            frame(TEXT, b"\xf0\x9f", fin=False) + frame(CONTINUATION, b"", fin=True), id="cut short"
        ),
    ],
)
def test_bad_text_is_answered_whatever_comes_behind(bad: bytes, behind: bytes) -> None:
    session = Session(LIMIT)
    assert not any(session.receive(bad + behind))
    assert closed_with(session.data_to_send()) == 1007


def test_pongs_are_there_before_what_is_said_to_the_message() -> None:
    session = Session(LIMIT)
    sent = frame(TEXT, b"a", fin=False) + frame(PING, b"1") + frame(CONTINUATION, b"b") + frame(PING, b"2")
    heard = [(message, session.pongs_to_send()) for message in session.receive(sent)]
    pongs = [bytes((0x80 | PONG, 1)) + payload for payload in (b"1", b"2")]
    assert [message for message, _ in heard] == [None, None, "ab", None]
    assert [pong for _, some in heard for pong in some] == pongs
    assert session.data_to_send() == []


@pytest.mark.parametrize(
    ("peer_says", "code"),
    [
        pytest.param(GOODBYE, 1000, id="after the peer's own goodbye"),
        pytest.param(frame(0x3, b""), 1002, id="after a forbidden frame"),
        pytest.param(BAD_TEXT, 1007, id="after bad text"),
    ],
)
def test_closing_what_is_closing_already(peer_says: bytes, code: int) -> None:
    session = Session(LIMIT)
    list(session.receive(peer_says))
    session.send_close(1008, "too late")
    assert closed_with(session.data_to_send()) == code


def test_a_close_amid_the_fragments_of_a_message() -> None:
    session = Session(LIMIT)
    assert list(session.receive(frame(TEXT, b"a", fin=False) + GOODBYE)) == [None]
    assert closed_with(session.data_to_send()) == 1000


def test_nothing_is_heard_after_a_close() -> None:
    session = Session(LIMIT)
    assert list(session.receive(GOODBYE + frame(TEXT, b"more") + frame(PING, b""))) == []
    assert closed_with(session.data_to_send()) == 1000


@given(
    pieces=st.lists(st.text(max_size=4), min_size=1, max_size=8),
    binary=st.booleans(),
    cut=st.integers(min_value=1, max_value=7),
)
def test_messages_come_whole_however_they_are_sent(pieces: list[str], binary: bool, cut: int) -> None:
    payloads = [piece.encode() for piece in pieces]
    frames = [
        frame(
            CONTINUATION if index else (BINARY if binary else TEXT), payload, fin=index == len(payloads) - 1
        )
        for index, payload in enumerate(payloads)
    ]
    sent = b"".join(frames)
    session = Session(10 * LIMIT)
    heard = [
        message
        for start in range(0, len(sent), cut)
        for message in session.receive(sent[start : start + cut])
    ]
    whole = b"".join(payloads)
    assert heard == [None] * (len(pieces) - 1) + [whole if binary else whole.decode()]


@given(data=st.binary(max_size=200), more=st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes, more: bytes) -> None:
    session = Session(LIMIT)
    for some in (data, more):
        assert all(item is None or len(item) <= LIMIT for item in session.receive(some))
    session.receive_eof()
    assert session.data_to_send()[-1:] == [b""]
