"""Which process leads, when one is killed, hangs, or loses the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backplane.cluster import until
from support.storm import Storm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from backplane.cluster import Cluster


@pytest.fixture
async def storm() -> AsyncIterator[Storm]:
    """Processes that can be killed."""
    storm = Storm()
    yield storm
    await storm.close()


async def test_another_leads_when_the_leader_is_killed(cluster: Cluster, storm: Storm) -> None:
    await storm.start(cluster.engine.url, nodes=1, clients=1)
    await until(lambda: storm.nodes[0].leads, "the first leader")
    server = await cluster.server()
    await until(lambda: server.clients_elsewhere == 1, "the other to be known")
    assert not server.is_leader
    await storm.nodes[0].kill()
    storm.is_over = True
    await until(lambda: server.is_leader, "the next leader")
    await until(lambda: server.clients_elsewhere == 0, "the other to be forgotten")


async def test_a_leader_that_hangs_is_followed_and_follows(cluster: Cluster, storm: Storm) -> None:
    await storm.start(cluster.engine.url, nodes=1, clients=2)
    node = storm.nodes[0]
    await until(lambda: node.leads, "the first leader")
    server = await cluster.server()
    await until(lambda: server.clients_elsewhere == 2, "the other to be known")
    assert not server.is_leader
    node.send(1, 0)
    await until(storm.has_everything, "the first message")
    node.pause()
    await until(lambda: server.is_leader, "the next leader")
    for number in range(1, 301):
        server.send("n", ["z", number, 0])
    node.resume()
    await until(lambda: all(client.heard.get(b"z") == 300 for client in storm.clients), "all that was missed")
    assert [client.wrong for client in storm.clients] == [[], []]
    await until(lambda: not node.leads, "it to learn of the next leader")
    assert server.is_leader


async def test_the_leader_leads_on_when_the_engine_comes_back(cluster: Cluster) -> None:
    servers = await cluster.servers(2)
    await until(lambda: any(server.is_leader for server in servers), "a leader")
    heard: list[bool] = []
    leader = next(server for server in servers if server.is_leader)
    for server in servers:
        server.led(heard.append)
    page = await cluster.page(servers[0])
    cluster.engine.kill()
    cluster.engine.start()
    for number, server in enumerate(servers):
        server.send("n", number)
    await until(lambda: sorted(page.data()) == [0, 1], "all messages")
    await until(lambda: servers[1].clients_elsewhere == 1, "the other to be known")
    assert leader.is_leader
    assert heard == []
