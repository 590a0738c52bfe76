"""Several servers with one channel, and everything that may happen to the engine between them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from backplane.cluster import until
from hotchannel import ErrorDetail, FullReload

if TYPE_CHECKING:
    from backplane.cluster import Cluster
    from hotchannel import WebSocketServer


def knows_of(server: WebSocketServer, clients: int) -> bool:
    return server.clients_elsewhere == clients


async def test_a_message_reaches_every_page_once_and_in_one_order(cluster: Cluster) -> None:
    servers = await cluster.servers(3)
    assert len({server.token for server in servers}) == 1
    assert len({server.position() for server in servers}) == 1
    pages = [await cluster.page(server) for server in servers for _ in range(2)]
    for number in range(100):
        for name, server in enumerate(servers):
            server.send("n", [name, number])
        await asyncio.sleep(0)
    await until(lambda: all(len(page.data()) >= 300 for page in pages), "all messages")
    first = pages[0].data()
    assert all(page.data() == first for page in pages)
    for name in range(3):
        assert [number for sender, number in first if sender == name] == list(range(100))
    numbers = [message["seq"] for message in pages[0].messages[1:] if isinstance(message["seq"], int)]
    assert numbers == sorted(set(numbers))


async def test_a_page_comes_back_to_any_server(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    one.send("n", 1)
    await page.hears(1)
    position = page.position
    await page.close()
    for number in (2, 3):
        one.send("n", number)
        other.send("n", -number)
    watching = await cluster.page(other, position)
    await until(lambda: len(watching.data()) == 4, "what was missed")
    assert [number for number in watching.data() if number > 0] == [2, 3]
    assert [number for number in watching.data() if number < 0] == [-2, -3]
    assert not any(message["type"] == "full-reload" for message in watching.messages)
    one.send("n", 4)
    await until(lambda: watching.data()[4:] == [4], "what comes next")


async def test_a_server_that_comes_later_has_what_was_sent_before(cluster: Cluster) -> None:
    one = await cluster.server()
    page = await cluster.page(one)
    for number in (1, 2):
        one.send("n", number)
    await page.hears(1, 2)
    later = await cluster.server()
    assert later.position().partition(":")[0] == one.position().partition(":")[0]
    back = await cluster.page(later, one.position().partition(":")[0] + ":0")
    await back.hears(1, 2)
    newcomer = await cluster.page(later)
    later.send("n", 3)
    await newcomer.hears(3)
    await page.hears(1, 2, 3)


async def test_who_was_away_for_too_long_is_brought_up_to_date_once(cluster: Cluster) -> None:
    one, other = [await cluster.server(journal_messages=5) for _ in range(2)]
    page = await cluster.page(one)
    position = page.position
    for number in range(20):
        one.send("n", number)
    await page.hears(*range(20))
    back = await cluster.page(other, position)
    assert (await back.gets("full-reload"))["path"] == "*"
    assert back.data() == []


async def test_errors_stand_in_all_processes(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    one.fail("a.py", ErrorDetail("in a", ""))
    other.fail("b.py", ErrorDetail("in b", ""))
    await until(lambda: sum(message["type"] == "error" for message in page.messages) == 2, "both errors")
    newcomer = await cluster.stock_page(other)
    assert [message["type"] for message in newcomer.messages[:2]] == ["connected", "error"]
    assert one.recover("b.py")
    assert other.recover("a.py")
    await page.gets("update")
    assert [message["type"] for message in (await cluster.stock_page(one)).messages] == ["connected"]


async def test_an_error_that_is_mended_before_it_has_come_round_does_not_stand(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    one.fail("a.py", ErrorDetail("in a", ""))
    assert one.recover("a.py")
    await page.gets("update")
    assert [message["type"] for message in page.messages] == ["connected", "error", "update"]


async def test_a_reload_waits_for_the_first_page_of_all(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    one.send(FullReload())
    one.send("n", 1)
    await until(lambda: other.position().endswith(":2"), "both messages")
    seen = await cluster.page(other, other.position().partition(":")[0] + ":0")
    await seen.hears(1)
    first = await cluster.stock_page(other)
    await first.gets("full-reload")
    await seen.close()
    await first.close()
    await until(lambda: not one.clients and not other.clients, "all pages to go")
    one.send("n", 2)
    after = await cluster.page(other, one.position())
    after_that = await cluster.stock_page(one)
    assert [message["type"] for message in after_that.messages] == ["connected"]
    await after.close()


async def test_clients_are_counted_for_all(cluster: Cluster) -> None:
    servers = await cluster.servers(3)
    for server in servers[:2]:
        await cluster.page(server)
    elsewhere = [1, 1, 2]
    await until(
        lambda: [server.clients_elsewhere for server in servers] == elsewhere, "what each knows of the others"
    )
    assert sum(server.is_leader for server in servers) == 1


async def test_another_leads_when_the_leader_ends(cluster: Cluster) -> None:
    servers = await cluster.servers(2)
    await until(lambda: any(server.is_leader for server in servers), "a leader")
    leader, other = sorted(servers, key=lambda server: not server.is_leader)
    heard: list[bool] = []
    other.led(heard.append)
    await leader.close()
    await until(lambda: other.is_leader, "the other to lead")
    assert heard == [True]


@pytest.mark.parametrize("is_hung", [False, True], ids=["gone", "hung"])
async def test_nobody_is_disconnected_while_the_engine_is_away(
    cluster: Cluster, is_hung: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hotchannel.backplane")
    one, other = await cluster.servers(2)
    pages = [await cluster.page(one), await cluster.page(other)]
    one.send("n", 0)
    for page in pages:
        await page.hears(0)
    caplog.clear()
    if is_hung:
        cluster.engine.pause()
    else:
        cluster.engine.kill()
    for number in (1, 2, 3):
        one.send("n", number)
    other.send("n", 10)
    await pages[0].hears(0, 1, 2, 3)
    await pages[1].hears(0, 10)
    one.send("n", 4)
    await pages[0].hears(0, 1, 2, 3, 4)
    if is_hung:
        cluster.engine.resume()
    else:
        cluster.engine.start()
    await until(lambda: all(len(page.data()) == 6 for page in pages), "what was sent meanwhile")
    assert pages[0].data() == [0, 1, 2, 3, 4, 10]
    assert pages[1].data() == [0, 10, 1, 2, 3, 4]
    one.send("n", 5)
    await until(lambda: all(page.data()[6:] == [5] for page in pages), "what comes next")
    assert all(page.is_open for page in pages)
    said = [record.getMessage() for record in caplog.records if "does not answer" in record.getMessage()]
    assert len(said) == 2, caplog.text


async def test_who_has_seen_more_than_has_a_number_gets_nothing_twice(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(one)
    one.send("n", 0)
    await page.hears(0)
    cluster.engine.kill()
    for number in (1, 2):
        one.send("n", number)
    await page.hears(0, 1, 2)
    position = page.position
    assert "~" in position
    await page.close()
    one.send("n", 3)
    cluster.engine.start()
    waiting = await cluster.page(other)
    await until(lambda: 3 in waiting.data(), "what was sent meanwhile")
    back = await cluster.page(other, position)
    await back.hears(3)


async def test_what_the_engine_has_lost_is_published_again(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    pages = [await cluster.page(one), await cluster.page(other)]
    for number in (1, 2):
        one.send("n", number)
        other.send("n", 10 * number)
    await until(lambda: all(len(page.data()) == 4 for page in pages), "all messages")
    leaving = pages[0].position
    epoch = one.position().partition(":")[0]
    cluster.engine.kill(losing_data=True)
    cluster.engine.start()
    await until(
        lambda: {server.position().partition(":")[0] for server in (one, other)}.isdisjoint({epoch}),
        "another epoch",
    )
    await until(lambda: one.position() == other.position(), "the same position")
    one.send("n", 3)
    await until(lambda: all(len(page.data()) >= 5 for page in pages), "what comes next")
    assert [page.data()[4:] for page in pages] == [[3], [3]]
    # Whoever was away meanwhile has missed one message, and no more.
    back = await cluster.page(other, leaving)
    await back.hears(3)
    # And whoever comes back with a position of the new epoch nothing at all.
    assert (await cluster.page(one, pages[1].position)).data() == []
    later = await cluster.server()
    assert later.position() == one.position()


async def test_an_engine_that_comes_late_is_joined(cluster: Cluster) -> None:
    cluster.engine.kill()
    one = await cluster.server()
    page = await cluster.page(one)
    one.send("n", 1)
    await page.hears(1)
    cluster.engine.start()
    other = await cluster.server()
    await until(lambda: one.token == other.token, "the token that both have")
    there = await cluster.page(other)
    other.send("n", 2)
    await until(lambda: there.data()[-1:] == [2], "what is sent last")
    await page.hears(1, 2)
    # The token that the first page was served with is still good where it was served.
    one.send("n", 3)
    await page.hears(1, 2, 3)


async def test_what_is_sent_last_is_published_before_the_end(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    page = await cluster.page(other)
    for number in range(50):
        one.send("n", number)
    await one.close()
    await page.hears(*range(50))


async def test_another_token_is_told_of(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    await cluster.server(token="one")
    other = await cluster.server(token="another")
    assert other.token == "another"
    assert "another process has another ws.token" in caplog.text


async def test_limits_count_for_all(cluster: Cluster) -> None:
    one, other = [await cluster.server(max_clients=2, shared_limits=True) for _ in range(2)]
    await cluster.page(one)
    await cluster.page(one)
    await until(lambda: knows_of(other, 2), "the other to know")
    with pytest.raises(Exception, match="503"):
        await cluster.page(other)
