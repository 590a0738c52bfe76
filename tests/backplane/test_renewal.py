"""A channel outlives its processes: what a restart changes, pages are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backplane.cluster import until
from hotchannel.wire.payloads import ErrorDetail, FullReload

if TYPE_CHECKING:
    from backplane.cluster import Cluster

REFRESH = FullReload(path="*", morph=True)
WRONG = ErrorDetail("wrong", "")


async def test_who_takes_the_place_of_others_brings_their_pages_up_to_date(cluster: Cluster) -> None:
    first = await cluster.server(catch_up=REFRESH, renews="python ")
    page = await cluster.page(first)
    first.fail("python GET /", WRONG)
    first.fail("main.js", WRONG)
    first.send("n", 1)
    await page.hears(1)
    before = [message["type"] for message in page.messages]
    # Nobody was there before the first.
    assert "full-reload" not in before

    second = await cluster.server(catch_up=REFRESH, renews="python ")
    reload = await page.gets("full-reload")
    assert (reload["path"], reload["morph"]) == ("*", True)
    second.send("n", 2)
    await page.hears(1, 2)
    # The error of the module stands over the page that is up to date.
    after = [message for message in page.messages if message["type"] != "custom"][len(before) - 1 :]
    assert [message["type"] for message in after] == ["full-reload", "error"]
    await until(lambda: second.position() == first.position(), "the second to have it all")
    assert not second.recover("python GET /")
    assert second.recover("main.js")


async def test_a_page_that_was_away_meanwhile_is_told_when_it_is_back(cluster: Cluster) -> None:
    first = await cluster.server(catch_up=REFRESH, renews="python ")
    first.send("n", 1)
    page = await cluster.page(first)
    await page.close()
    await first.close()
    second = await cluster.server(catch_up=REFRESH, renews="python ")
    back = await cluster.page(second, page.position)
    assert (await back.gets("full-reload"))["morph"]


async def test_without_anything_to_renew_a_restart_is_no_news(cluster: Cluster) -> None:
    first, second = await cluster.servers(2)
    page = await cluster.page(first)
    first.fail("python GET /", WRONG)
    await page.gets("error")
    third = await cluster.server()
    third.send("n", 1)
    await page.hears(1)
    assert [message["type"] for message in page.messages] == ["connected", "error", "custom"]
    await until(lambda: second.position() == first.position(), "the second to have it all")
    assert second.recover("python GET /")
