"""What `send` takes: payloads, events with data, and whatever has a buffer."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET

from hotchannel.errors import HotChannelError
from hotchannel.wire.payloads import Binary, Connected, Custom
from hotchannel.wire.sending import as_payload, check

GRID = np.arange(6, dtype=np.uint8).reshape(2, 3)
READ_ONLY = GRID.copy()
READ_ONLY.flags.writeable = False
MIXED = np.array([(1, 2.0)], dtype=[("Out", "<i2"), ("y", "<f4")])

BUFFERS: dict[str, tuple[Any, bytes]] = {
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "empty": (b"", b""),
    "bytearray": (bytearray(b"ab"), b"ab"),
    "memoryview": (memoryview(b"abcd")[1:3], b"bc"),
    "memoryview with steps": (memoryview(b"abcd")[::2], b"ac"),
    "array": (array("H", [1, 256]), array("H", [1, 256]).tobytes()),
    "NumPy": (GRID, bytes(range(6))),
    "NumPy, read only": (READ_ONLY, bytes(range(6))),
    "NumPy, every other column": (GRID[:, ::2], bytes([0, 2, 3, 5])),
    "NumPy, backwards": (GRID[::-1], bytes([3, 4, 5, 0, 1, 2])),
    "NumPy, turned": (GRID.T, bytes([0, 3, 1, 4, 2, 5])),
    "NumPy, in Fortran's order": (np.asfortranarray(GRID), bytes(range(6))),
    "NumPy, one row for all": (np.broadcast_to(GRID[0], (2, 3)), bytes([0, 1, 2] * 2)),
    "NumPy, without elements": (np.empty((0, 3)), b""),
    "NumPy, other byte order": (np.array([1], dtype=">u2"), b"\x00\x01"),
    "NumPy, complex": (np.array([1j]), np.array([1j]).tobytes()),
    "NumPy, truth": (np.array([True, False]), b"\x01\x00"),
    "NumPy, of records": (MIXED, MIXED.tobytes()),
}


@pytest.mark.parametrize(("data", "body"), BUFFERS.values(), ids=BUFFERS.keys())
def test_what_has_a_buffer_is_binary(data: Any, body: bytes) -> None:
    assert as_payload("frame", data) == Binary("frame", body, UNSET)
    assert as_payload("frame", data, {"a": 1}) == Binary("frame", body, {"a": 1})
    assert as_payload("frame", data, None) == Binary("frame", body, None)


@pytest.mark.parametrize("make", [lambda: bytearray(b"abc"), lambda: GRID.copy()], ids=["bytearray", "NumPy"])
def test_a_buffer_that_changes_later_changes_nothing(make: Any) -> None:
    data = make()
    payload = as_payload("frame", data)
    assert isinstance(payload, Binary)
    before = bytes(payload.data)
    data[0] = 77
    assert payload.data == before
    if isinstance(data, bytearray):
        data.extend(b"and longer")


@pytest.mark.parametrize(
    "data",
    [UNSET, None, "text", 1, 1.5, True, [1], (1,), {"a": 1}],
    ids=lambda data: f"{type(data).__name__}-{data}",
)
def test_what_json_can_say_is_json(data: Any) -> None:
    payload = as_payload("event", data)
    assert payload == Custom("event", data)
    check(payload)
    with pytest.raises(HotChannelError, match="meta goes with bytes"):
        as_payload("event", data, {})


@pytest.mark.parametrize(
    "data",
    [
        np.array(1),
        np.uint8(1),
        np.float64(1.5),
        np.array([object()]),
        np.array(["2030-01-01"], dtype="M8[D]"),
        object(),
    ],
    ids=["without dimensions", "one number", "one float", "of objects", "of dates", "object"],
)
def test_what_is_neither_is_refused(data: Any) -> None:
    with pytest.raises(HotChannelError, match="cannot encode"):
        check(as_payload("event", data))
    with pytest.raises(HotChannelError, match="meta goes with bytes"):
        as_payload("event", data, {})


def test_a_payload_goes_alone() -> None:
    assert as_payload("a") == Custom("a")
    assert as_payload(Connected()) == Connected()
    assert as_payload(Binary("a", b"")) == Binary("a", b"")
    for given in ((Connected(), 1), (Connected(), UNSET, 1), (1,), (b"bytes",)):
        with pytest.raises(HotChannelError, match="send takes a payload"):
            as_payload(*given)


@pytest.mark.parametrize("meta", [object(), "x" * 64 * 1024], ids=["not JSON", "too long"])
def test_a_meta_that_cannot_travel_is_told_at_once(meta: object) -> None:
    with pytest.raises(HotChannelError, match="the meta of frame"):
        as_payload(Binary("frame", b"", meta))
    with pytest.raises(HotChannelError, match="the meta of frame"):
        as_payload("frame", b"", meta)


@pytest.mark.parametrize(
    "message",
    [Binary("a", "text"), Binary("a", None), Binary(5, b"")],  # type: ignore[arg-type]
    ids=["text", "nothing", "no name"],
)
def test_a_binary_payload_that_is_none_is_told_at_once(message: Binary) -> None:
    with pytest.raises(HotChannelError, match="a binary message is a name and bytes"):
        as_payload(message)


def test_what_is_sent_stays_as_it_was() -> None:
    data, meta = bytearray(b"AAAA"), {"n": [1]}
    made = [as_payload("a", data, meta), as_payload(Binary("a", data, meta))]  # type: ignore[arg-type]
    data[:] = b"BBBB"
    meta["n"].append(2)
    assert made == [Binary("a", b"AAAA", {"n": [1]})] * 2
