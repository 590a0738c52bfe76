"""What the stream needs of an engine, asked of each directly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from backplane.cluster import PATIENCE
from hotchannel.channel.backplane import check_url
from hotchannel.channel.backplane.engine import EngineLostError, EpochEndedError, Record
from hotchannel.channel.backplane.nats import NatsEngine
from hotchannel.channel.backplane.redis import RedisEngine
from hotchannel.channel.backplane.roles import Presence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hotchannel.channel.backplane.engine import Beat
    from hotchannel.channel.backplane.engine import Engine as Client
    from support.engines import Engine

ALL = 2**52


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[Callable[..., Client]]:
    """Make clients of the engine, as many as there are processes."""
    made: list[Client] = []

    def make(*, keep: int = 1000, keep_bytes: int = 1_000_000, name: str = "") -> Client:
        url, channel = check_url(engine.url + (f"?channel={name}" if name else ""))
        kind = RedisEngine if engine.kind == "redis" else NatsEngine
        made.append(kind(url, channel, keep=keep, keep_bytes=keep_bytes))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def read(client: Client, after: int, count: int) -> list[Record]:
    """Read until there are so many."""
    records: list[Record] = []
    async with asyncio.timeout(PATIENCE):
        while len(records) < count:
            records += await client.read(records[-1].seq if records else after)
    return records


async def beats(client: Client, process: str, presence: Presence, others: int) -> Beat:
    """Say that a process lives until it knows of so many others."""
    async with asyncio.timeout(PATIENCE):
        while len((beat := await client.beat(process, presence)).others) != others:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return beat


async def test_all_agree_with_the_first(client: Callable[..., Client]) -> None:
    one, other, elsewhere = client(), client(), client(name="elsewhere")
    first = await one.join(token="t", epoch="e", last=0)
    assert (first.token, first.epoch, first.first, first.last) == ("t", "e", 1, 0)
    assert await other.join(token="u", epoch="f", last=0) == first
    assert (await elsewhere.join(token="v", epoch="g", last=0)).token == "v"


async def test_records_have_one_order_and_are_there_once(client: Callable[..., Client]) -> None:
    one, other = client(), client()
    for each in (one, other):
        await each.join(token="t", epoch="e", last=0)
    await one.append("p", [(1, b"a"), (2, b"b")])
    await other.append("q", [(1, b"c")])
    # As after a lost answer.
    await one.append("p", [(1, b"a"), (2, b"b"), (3, b"\0\xff")])
    wanted = [
        Record(1, "p", 1, b"a"),
        Record(2, "p", 2, b"b"),
        Record(3, "q", 1, b"c"),
        Record(4, "p", 3, b"\0\xff"),
    ]
    assert await read(one, 0, 4) == wanted
    assert await read(other, 2, 2) == wanted[2:]
    late = client()
    joined = await late.join(token="t", epoch="x", last=0)
    assert (joined.first, joined.last) == (1, 4)
    assert await read(late, 0, 4) == wanted


@pytest.mark.parametrize("limits", [{"keep": 50}, {"keep_bytes": 100_000}], ids=["messages", "bytes"])
async def test_only_so_much_is_kept(client: Callable[..., Client], limits: dict[str, int]) -> None:
    one, late = client(**limits), client(**limits)
    await one.join(token="t", epoch="e", last=0)
    for n in range(1, 501, 10):
        await one.append("p", [(number, b"x" * 1000) for number in range(n, n + 10)])
    joined = await late.join(token="t", epoch="e", last=0)
    assert 250 < joined.first < joined.last == 500
    records = await read(late, 0, joined.last - joined.first + 1)
    assert [record.n for record in records] == list(range(joined.first, 501))


async def test_a_record_of_any_size_comes_whole(client: Callable[..., Client]) -> None:
    one, late = client(keep_bytes=9_000_000), client(keep_bytes=9_000_000)
    await one.join(token="t", epoch="e", last=0)
    wanted = [(n, bytes([n]) * size) for n, size in enumerate((1, 4_000_000, 0, 1_048_576, 2), 1)]
    await one.append("p", wanted)
    # As after a lost answer.
    await one.append("p", wanted[1:])
    last = (await late.join(token="t", epoch="e", last=0)).last
    for each in (one, late):
        records = await read(each, 0, last)
        assert [record[2:] for record in records if record.n] == wanted


@pytest.mark.parametrize("engine", ["nats"], indirect=True)
async def test_a_record_whose_first_parts_were_let_go_of_has_no_data(client: Callable[..., Client]) -> None:
    one, late = client(keep=3, keep_bytes=9_000_000), client(keep=3, keep_bytes=9_000_000)
    await one.join(token="t", epoch="e", last=0)
    await one.append("p", [(1, b"x" * 2_500_000), (2, b"y")])
    assert (await late.join(token="t", epoch="e", last=0)).first == 2
    wanted = [Record(2, "p", 0, b""), Record(3, "p", 1, None), Record(4, "p", 2, b"y")]
    assert await read(late, 1, 3) == wanted
    # Who asks again is told the same.
    assert (await late.join(token="t", epoch="e", last=3)).epoch == "e"
    assert await read(late, 2, 2) == wanted[1:]


@pytest.mark.parametrize("engine", ["nats"], indirect=True)
async def test_what_is_larger_than_the_log_is_told_and_keeps_its_number(
    client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    one = client(keep_bytes=1000)
    await one.join(token="t", epoch="e", last=0)
    await one.append("p", [(1, b"x" * 1001), (2, b"y")])
    assert await read(one, 0, 2) == [Record(1, "p", 1, b""), Record(2, "p", 2, b"y")]
    assert "a message of 1001 bytes reaches nobody" in caplog.text


async def test_who_has_seen_more_than_is_there_ends_the_epoch(client: Callable[..., Client]) -> None:
    one, other = client(), client()
    for each in (one, other):
        await each.join(token="t", epoch="e", last=0)
    await one.append("p", [(1, b"a")])
    assert (await one.join(token="t", epoch="e", last=1)).epoch == "e"
    fresh = await one.join(token="t", epoch="e", last=ALL)
    assert fresh.epoch != "e"
    assert (fresh.token, fresh.first, fresh.last) == ("t", 1, 0)
    with pytest.raises(EpochEndedError):
        await other.beat("q", Presence(0))
    # What another epoch had is none of this one's business.
    assert await other.join(token="t", epoch="e", last=1) == fresh
    await other.append("q", [(1, b"c")])
    assert await read(one, 0, 1) == [Record(1, "q", 1, b"c")]


async def test_one_leads_and_leaves_it_to_the_next(client: Callable[..., Client]) -> None:
    one, other = client(), client()
    for each in (one, other):
        await each.join(token="t", epoch="e", last=0)
    mine, theirs = Presence(1, {"::1": 1}, 1, [{"::1": 2}]), Presence(2)
    assert (await one.beat("p", mine)).is_leader
    assert not (await other.beat("q", theirs)).is_leader
    assert (await beats(one, "p", mine, 1)).others == {"q": theirs}
    assert (await beats(other, "q", theirs, 1)).others == {"p": mine}
    # A connection anew is no other process.
    await one.join(token="t", epoch="e", last=0)
    assert (await one.beat("p", mine)).is_leader
    await one.leave("p")
    assert (await other.beat("q", theirs)).is_leader
    assert not (await one.beat("p", mine)).is_leader


async def test_an_engine_that_is_gone_is_lost(client: Callable[..., Client], engine: Engine) -> None:
    one = client()
    await one.join(token="t", epoch="e", last=0)
    engine.kill()
    with pytest.raises(EngineLostError):
        await one.append("p", [(1, b"a")])
    with pytest.raises(EngineLostError):
        await one.beat("p", Presence(0))
    with pytest.raises(EngineLostError):
        await one.join(token="t", epoch="e", last=0)
