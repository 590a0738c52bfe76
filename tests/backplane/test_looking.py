"""What there is to measure where several servers share a channel."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from backplane.cluster import until
from hotchannel import Update
from hotchannel.metrics import HotChannelCollector

if TYPE_CHECKING:
    from backplane.cluster import Cluster
    from hotchannel import WebSocketServer


def gauge(server: WebSocketServer, name: str) -> float:
    """A gauge of a server, as Prometheus gets it."""
    registry = CollectorRegistry()
    registry.register(HotChannelCollector(server))
    value = registry.get_sample_value(f"hotchannel_backplane_{name}")
    assert value is not None
    return value


async def test_the_way_there_and_back_is_measured(cluster: Cluster) -> None:
    server = await cluster.server()
    page = await cluster.page(server)
    began = perf_counter()
    server.send("n", 1)
    assert gauge(server, "pending") >= 1
    await page.hears(1)
    await until(lambda: server.stats().backplane_lag > 0, "a measured way")
    assert 0 < gauge(server, "lag_seconds") <= perf_counter() - began
    await until(lambda: gauge(server, "pending") == 0, "acknowledgement")


async def test_what_the_engine_does_not_take_is_pending(cluster: Cluster) -> None:
    server = await cluster.server()
    page = await cluster.page(server)
    cluster.engine.pause()
    for number in range(3):
        server.send("n", number)
    assert gauge(server, "pending") >= 3
    cluster.engine.resume()
    await page.hears(0, 1, 2)
    await until(lambda: gauge(server, "pending") == 0, "acknowledgement")


async def test_a_save_is_timed_where_it_was_seen_until_its_message_is_back(cluster: Cluster) -> None:
    one, other = await cluster.servers(2)
    pages = [await cluster.page(server) for server in (one, other)]
    began = perf_counter()
    with one.tally.saving(began):
        one.send(Update(()))
    one.send("n", 1)
    for page in pages:
        await page.hears(1)
    assert [server.stats().save_to_send.count for server in (one, other)] == [1, 0]
    assert [server.stats().broadcast.count for server in (one, other)] == [2, 2]
    assert 0 < one.stats().save_to_send.total <= perf_counter() - began
