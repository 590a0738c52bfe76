"""What may be lost between processes and their engine, and what must not be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from backplane.cluster import PATIENCE, until
from hotchannel import ErrorDetail
from support.gate import Gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from backplane.cluster import Cluster
    from hotchannel import WebSocketServer
    from support.engines import Engine


@pytest.fixture
async def gate(engine: Engine) -> AsyncIterator[Gate]:
    """A line to the engine, for the processes that are to lose it."""
    gate = Gate(engine.port)
    await gate.open()
    yield gate
    await gate.cut()


def through(gate: Gate, engine: Engine) -> str:
    return urlsplit(engine.url)._replace(netloc=f"127.0.0.1:{gate.port}").geturl()


def epoch_of(server: WebSocketServer) -> str:
    return server.position().partition(":")[0]


async def is_away(caplog: pytest.LogCaptureFixture, servers: int = 1) -> None:
    def said() -> bool:
        return sum("does not answer" in record.getMessage() for record in caplog.records) >= servers

    await until(said, "the engine to be missed")


async def test_who_comes_back_while_the_engine_is_away_gets_what_was_said_meanwhile(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    one.send("n", 0)
    await page.hears(0)
    position = page.position
    await page.close()
    cluster.engine.kill()
    staying = await cluster.page(one)
    for number in (1, 2):
        one.send("n", number)
    await staying.hears(1, 2)
    back = await cluster.page(one, position)
    await back.hears(1, 2)
    position = back.position
    one.send("n", 3)
    await back.hears(1, 2, 3)
    # It comes back once more, and then to the other.
    again = await cluster.page(one, position)
    await again.hears(3)
    position = again.position
    await again.close()
    cluster.engine.start()
    one.send("n", 4)
    await until(lambda: one.position() == other.position(), "the same position")
    await back.hears(1, 2, 3, 4)
    await (await cluster.page(other, position)).hears(4)
    await (await cluster.page(one, position)).hears(4)


async def test_a_page_that_one_serves_while_the_engine_is_away_and_another_connects(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    watching = await cluster.page(one)
    cluster.engine.kill()
    for number in (1, 2):
        one.send("n", number)
    await watching.hears(1, 2)
    page = await cluster.page(other, one.position())
    one.send("n", 3)
    other.send("n", 10)
    cluster.engine.start()
    await until(lambda: one.position() == other.position(), "the same position")
    await page.hears(10, 3)


async def test_who_comes_to_a_process_that_is_behind_has_missed_nothing(
    cluster: Cluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    one = await cluster.server()
    other = await cluster.server(backplane=through(gate, cluster.engine))
    page = await cluster.page(one)
    await gate.cut()
    await is_away(caplog)
    for number in (1, 2):
        one.send("n", number)
    await page.hears(1, 2)
    there = await cluster.page(other, page.position)
    await page.close()
    one.send("n", 3)
    await gate.open()
    await until(lambda: one.position() == other.position(), "the same position")
    await there.hears(3)
    assert [message["type"] for message in there.messages] == ["connected", "custom"]


async def test_an_error_that_stands_while_the_engine_is_away(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    there = await cluster.page(other)
    one.fail("a.py", ErrorDetail("in a", ""))
    await there.gets("error")
    cluster.engine.kill()
    assert one.recover("a.py")
    await page.gets("update")
    assert [message["type"] for message in (await cluster.stock_page(one)).messages] == ["connected"]
    one.fail("b.py", ErrorDetail("in b", ""))
    newcomer = await cluster.stock_page(one)
    await newcomer.gets("error")
    cluster.engine.start()
    await there.gets("update")
    await until(lambda: one.position() == other.position(), "the same position")
    newcomer = await cluster.stock_page(other)
    assert (await newcomer.gets("error"))["err"]["message"] == "in b"


async def test_a_stock_client_gets_what_comes_from_now_on(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    one.send("n", 0)
    await page.hears(0)
    stock = await cluster.stock_page(other)
    one.send("n", 1)
    cluster.engine.kill()
    other.send("n", 2)
    await until(lambda: stock.data()[-1:] == [2], "what is said while the engine is away")
    cluster.engine.start()
    other.send("n", 3)
    await until(lambda: sorted(stock.data()) == [1, 2, 3], "all that came since")
    assert all("seq" not in message for message in stock.messages)


async def test_who_misses_more_than_is_kept_is_brought_up_to_date_once(
    cluster: Cluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    one = await cluster.server(journal_messages=5)
    other = await cluster.server(journal_messages=5, backplane=through(gate, cluster.engine))
    here, there = await cluster.page(one), await cluster.page(other)
    one.fail("a.py", ErrorDetail("in a", ""))
    await there.gets("error")
    left = there.position
    await gate.cut()
    await is_away(caplog)
    assert one.recover("a.py")
    # Redis lets go of a hundred at a time.
    for number in range(500):
        one.send("n", number)
        if number % 25 == 24:
            await until(lambda: not one.unacknowledged, "what is kept at most")
    await until(lambda: len(here.data()) == 500, "all of them")
    await gate.open()
    await until(lambda: there.data()[-1:] == [499], "the newest of them")
    kinds = [message["type"] for message in there.messages]
    assert kinds.count("full-reload") == 1
    assert there.data() == list(range(500 - len(there.data()), 500))
    assert len(there.data()) < 500
    # The error is mended, as nobody has told.
    assert [message["type"] for message in (await cluster.stock_page(other)).messages] == ["connected"]
    assert (await (await cluster.page(other, left)).gets("full-reload"))["path"] == "*"
    one.send("n", 500)
    await until(lambda: there.data()[-1] == 500, "what comes next")


async def test_who_sends_more_at_once_than_is_kept_brings_all_up_to_date(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = [await cluster.server(journal_messages=5) for _ in range(2)]
    pages = [await cluster.page(one), await cluster.page(other)]
    one.send("n", 0)
    for page in pages:
        await page.hears(0)
    for number in range(1, 500):
        one.send("n", number)
    await until(lambda: all(page.data()[-1:] == [499] for page in pages), "the newest of them")
    for page in pages:
        assert page.data() == [0, *range(450, 500)]
        assert [message["type"] for message in page.messages].count("full-reload") == 1
    assert caplog.text.count("more is sent than") == 1


async def test_numbers_that_are_given_again_are_noticed(
    cluster: Cluster, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    engine = cluster.engine
    one, other = [await cluster.server(backplane=through(gate, engine)) for _ in range(2)]
    pages = [await cluster.page(one), await cluster.page(other)]
    one.send("n", 0)
    for page in pages:
        await page.hears(0)
    engine.kill()
    engine.copy()
    engine.start()
    for number in (1, 2, 3):
        one.send("n", number)
    for page in pages:
        await page.hears(0, 1, 2, 3)
    leaving, epoch = pages[1].position, epoch_of(one)
    caplog.clear()
    await gate.cut()
    await is_away(caplog, 2)
    # The engine has lost the last three, and gives their numbers to somebody else.
    engine.kill()
    engine.go_back()
    engine.start()
    third = await cluster.server()
    assert epoch_of(third) == epoch
    newcomer = await cluster.page(third)
    for number in range(10, 20):
        third.send("n", number)
    await newcomer.hears(*range(10, 20))
    await gate.open()
    for page in pages:
        await page.hears(0, 1, 2, 3, *range(10, 20))
    await newcomer.hears(*range(10, 20), 1, 2, 3)
    assert len({epoch_of(server) for server in (one, other, third)} - {epoch}) == 1
    await (await cluster.page(other, leaving)).hears(*range(10, 20))


async def test_an_engine_that_is_emptied_while_it_runs(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    for number in (1, 2):
        one.send("n", number)
    await page.hears(1, 2)
    epoch = epoch_of(one)
    await empty(cluster.engine, epoch)
    for number in (3, 4):
        one.send("n", number)
    await page.hears(1, 2, 3, 4)
    await until(lambda: one.position() == other.position() != epoch, "another epoch for both")
    other.send("n", 5)
    await page.hears(1, 2, 3, 4, 5)


@pytest.mark.parametrize("kind", ["foreign", "numbered", "unknown"])
async def test_what_others_write_into_the_log_harms_nobody(
    cluster: Cluster, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    one.send("n", 1)
    await page.hears(1)
    for _ in range(3):
        await write(cluster.engine, epoch_of(one), kind)
    one.send("n", 2)
    other.send("n", 3)
    await until(lambda: sorted(page.data()) == [1, 2, 3], "all messages")
    await until(lambda: one.position() == other.position(), "the same position")
    assert caplog.text.count("what this version does not know") == (2 if kind == "unknown" else 0)
    assert "Traceback" not in caplog.text


async def test_messages_of_every_size(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    sizes = [1, 300_000, 700_000, 900_000, 1_048_000, 1_048_576, 3_000_000, 2]
    for size in sizes:
        one.send("n", "x" * size)
    await until(lambda: len(page.data()) == len(sizes), "all messages")
    assert [len(data) for data in page.data()] == sizes


async def test_large_messages_come_once_and_in_order_though_the_engine_begins_again(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    for number in range(12):
        one.send("n", [number, "x" * 2_500_000])
        if number % 4 == 2:
            await asyncio.sleep(0.02)
            cluster.engine.kill()
            cluster.engine.start()
    await until(lambda: len(page.data()) >= 12, "all messages")
    assert [number for number, _ in page.data()] == list(range(12))


@pytest.mark.parametrize("is_hung", [False, True], ids=["gone", "hung"])
async def test_the_end_does_not_wait_for_an_engine_that_is_away(
    cluster: Cluster, is_hung: bool, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    if is_hung:
        cluster.engine.pause()
    else:
        cluster.engine.kill()
    for number in (1, 2):
        one.send("n", number)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(one.close(), other.close())
    assert not page.is_open
    assert "did not take the last 2 messages" in caplog.text
    assert not [task for task in asyncio.all_tasks() if "StreamBackplane" in repr(task)]
    if is_hung:
        cluster.engine.resume()


async def empty(engine: Engine, epoch: str) -> None:
    if engine.kind == "redis":
        import redis.asyncio

        async with redis.asyncio.Redis.from_url(engine.url) as client:
            await client.flushall()
    else:
        import nats

        connection = await nats.connect(engine.url)
        await connection.jetstream().delete_stream(f"hotchannel-{epoch}")
        await connection.close()


async def write(engine: Engine, epoch: str, kind: str) -> None:
    """Write into the log what none of our processes does."""
    if engine.kind == "redis":
        import redis.asyncio

        fields: dict[Any, Any] = {"s": "me", "n": "x", "d": ""}
        if kind == "unknown":
            fields = {"s": "me", "n": "1", "d": b"\x81\xa4type\xa5other"}
        async with redis.asyncio.Redis.from_url(engine.url) as client:
            number = "*"
            if kind == "unknown":
                number = f"{await client.incr('{hotchannel}:seq')}-0"
                fields["n"] = number.partition("-")[0]
            elif kind == "numbered":
                last = await client.get("{hotchannel}:seq")
                assert last is not None
                number = f"{int(last) + 1}-*"
            await client.xadd(f"{{hotchannel}}:log:{epoch}", fields, id=number)
    else:
        import nats

        connection = await nats.connect(engine.url)
        subject = {"foreign": "x", "numbered": "me.-1", "unknown": "me.1"}[kind]
        await connection.jetstream().publish(f"hotchannel.hotchannel.{epoch}.{subject}", b"\xc1")
        await connection.close()
