"""Records in parts: whatever comes whole is what was split, and nothing else comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.channel.backplane.parts import Assembly, split

Part = tuple[str, int, bytes, int, int]


def parts_of(sender: str, n: int, data: bytes, most: int) -> list[Part]:
    parts = split(data, most)
    return [(sender, n, part, index, len(parts)) for index, part in enumerate(parts)]


@given(data=st.binary(max_size=40), most=st.integers(1, 50))
def test_parts_are_whole_and_within_the_limit(data: bytes, most: int) -> None:
    parts = split(data, most)
    assert b"".join(parts) == data
    assert all(len(part) == most for part in parts[:-1])
    assert len(parts[-1]) <= most
    assert all(parts) or parts == [b""]


@given(draw=st.data())
def test_what_several_send_comes_whole_and_in_order(draw: st.DataObject) -> None:
    lists = {sender: draw.draw(st.lists(st.binary(max_size=12), max_size=5), sender) for sender in "ab"}
    sent = {
        sender: [part for n, data in enumerate(records, 1) for part in parts_of(sender, n, data, 3)]
        for sender, records in lists.items()
    }
    assembly = Assembly()
    came: dict[str, list[bytes]] = {"a": [], "b": []}
    while any(sent.values()):
        sender = draw.draw(st.sampled_from([sender for sender, parts in sent.items() if parts]), "next")
        whole = assembly.add(*sent[sender].pop(0))
        if whole is not None:
            came[sender].append(whole)
    assert came == lists


@pytest.mark.parametrize(
    ("order", "comes"),
    [
        pytest.param([0, 1, 2], [2], id="once"),
        pytest.param([0, 1, 0, 1, 2], [4], id="broken off and sent again"),
        pytest.param([0, 0, 1, 1, 2], [4], id="each twice"),
        pytest.param([0, 1, 2, 0, 1, 2], [2, 5], id="all of it twice"),
        pytest.param([1, 2], [], id="without the first"),
        pytest.param([0, 2], [], id="without the second"),
        pytest.param([2], [], id="the last one only"),
        pytest.param([1, 2, 0, 1, 2], [4], id="without the first, then whole"),
    ],
)
def test_parts_that_are_missing_or_come_again(order: list[int], comes: list[int]) -> None:
    parts = parts_of("a", 7, b"xyz", 1)
    assembly = Assembly()
    whole = [assembly.add(*parts[index]) for index in order]
    assert [place for place, data in enumerate(whole) if data is not None] == comes
    assert all(data in (None, b"xyz") for data in whole)


def test_a_record_that_was_broken_off_is_no_part_of_the_next() -> None:
    assembly = Assembly()
    broken, following = parts_of("a", 1, b"xyz", 1), parts_of("a", 2, b"uvw", 1)
    assert [assembly.add(*part) for part in (*broken[:2], *following)] == [None] * 4 + [b"uvw"]
