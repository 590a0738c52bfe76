"""Binary messages: what travels comes back, and what is none is told apart, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from hotchannel.errors import HotChannelError
from hotchannel.wire.binary import header, is_binary, pack, unpack
from hotchannel.wire.codec import Malformed, encode
from hotchannel.wire.payloads import Binary

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def message(head: object, body: bytes = b"") -> bytes:
    """A message as it travels, with any header."""
    encoded = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(encoded).to_bytes(4, "big") + encoded + body


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(
    st.text(),
    st.binary(max_size=300),
    json_values | st.just(UNSET),
    st.none() | st.integers(0, 10**15) | st.just("e:1~p.7"),
)
def test_what_is_packed_is_unpacked(
    event: str, data: bytes, meta: Any | UnsetType, seq: int | str | None
) -> None:
    packed = pack(Binary(event, data, meta), seq)
    assert is_binary(packed)
    assert unpack(packed) == Binary(event, data, meta)
    size = int.from_bytes(packed[:4], "big")
    assert json.loads(packed[4 : 4 + size]).get("seq") == seq


def test_what_travels() -> None:
    frame = Binary("frame", b"\x00\xff{", {"width": 2})
    assert pack(frame) == b'\x00\x00\x00\x24{"event":"frame","meta":{"width":2}}\x00\xff{'
    assert pack(frame, 7) == b'\x00\x00\x00\x2c{"event":"frame","meta":{"width":2},"seq":7}\x00\xff{'
    assert pack(Binary("frame", b"")) == b'\x00\x00\x00\x11{"event":"frame"}'
    assert pack(Binary("frame", b"", None)) == b'\x00\x00\x00\x1d{"event":"frame","meta":null}'


def test_who_does_not_ask_gets_base64() -> None:
    assert json.loads(encode(Binary("frame", b"\x00\xff{", {"width": 2}))) == {
        "type": "custom",
        "event": "frame",
        "data": {"data": "AP97", "meta": {"width": 2}},
    }
    assert json.loads(encode(Binary("frame", b"")))["data"] == {"data": ""}


MALFORMED = {
    "empty": b"",
    "one byte": b"\x00",
    "half a size": b"\x00\x00\x00",
    "no header": b"\x00\x00\x00\x00",
    "no header, and a body": b"\x00\x00\x00\x00abc",
    "a header longer than the message": b'\x00\x00\x00\x12{"event":"frame"}',
    "a huge header": message(b'{"event":"' + b"x" * (64 * 1024) + b'"}'),
    "the largest size": b"\xff\xff\xff\xff" + b"x" * 100,
    "not JSON": message(b"{event}"),
    "not UTF-8": message(b'{"event":"\xff"}'),
    "two objects": message(b"{}{}"),
    "a list": message(["event"]),
    "a number": message(1),
    "no event": message({"meta": 1}),
    "an event that is no text": message({"event": 1}),
    "nested too deep": message({"event": "a", "meta": nested(200)}),
    "nested much too deep": message(b'{"event":"a","meta":' + b"[" * 60_000),
    "a number without end": message(b'{"event":"a","meta":' + b"9" * 60_000 + b"x"),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(sent: bytes) -> None:
    assert isinstance(unpack(sent), Malformed)


@given(st.binary(max_size=80) | st.builds(message, st.binary(max_size=40), st.binary(max_size=10)))
@example(message({"event": "a", "event ": None}, b"\x00"))
def test_nothing_raises(sent: bytes) -> None:
    assert isinstance(unpack(sent), Binary | Malformed)


def test_further_fields_are_passed_over_and_of_two_the_last_counts() -> None:
    assert unpack(message(b'{"event":"a","event":"b","more":[],"seq":"x"}', b"1")) == Binary("b", b"1")


@pytest.mark.parametrize(
    ("sent", "found"),
    [(b"\x00", True), (b"\x00\x00\x00\x02{}", True), (b"{}", False), (b"", False), ("\x00", False)],
)
def test_json_in_a_binary_frame_is_told_apart(sent: bytes | str, found: bool) -> None:
    assert is_binary(sent) is found


def test_a_header_has_room_for_every_number() -> None:
    room = 63 * 1024 - len(header(Binary("e", b"", "")))
    longest = Binary("e", b"body", "x" * room)
    mark = f"{'e' * 64}:{9 * 10**14}~{'p' * 32}.{9 * 10**14}"
    assert unpack(pack(longest, mark)) == longest
    with pytest.raises(HotChannelError, match="63 KiB"):
        pack(Binary("e", b"", "x" * (room + 1)))


@pytest.mark.parametrize("meta", [object(), {"a": {1j}}, {(1, 2): 3}], ids=["object", "complex", "key"])
def test_a_meta_that_is_not_json(meta: object) -> None:
    with pytest.raises(HotChannelError, match="the meta of frame"):
        pack(Binary("frame", b"", meta))


def test_a_file_name_that_is_not_utf8_travels_as_it_does_in_json() -> None:
    packed = pack(Binary("frame", b"", {"file": "\udcff"}))
    assert json.loads(packed[4:]) == {"event": "frame", "meta": {"file": "\udcff"}}
