"""Three processes that send all at once, while one of them is killed and the engine is restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.storm import Storm

if TYPE_CHECKING:
    from support.engines import Engine

CLIENTS = 30
MESSAGES = 600
PER_SECOND = 150
PATIENCE = 60.0


async def test_every_client_has_all_that_was_acknowledged_once_and_in_order(engine: Engine) -> None:
    storm = Storm()
    try:
        await storm.start(engine.url, nodes=3, clients=CLIENTS)
        killed = storm.nodes[2]
        for node in storm.nodes:
            node.send(MESSAGES, PER_SECOND)
        assert await storm.until(lambda: killed.acknowledged > MESSAGES // 4, patience=PATIENCE)
        await killed.kill()
        assert await storm.until(lambda: storm.nodes[0].acknowledged > MESSAGES // 2, patience=PATIENCE)
        engine.kill()
        engine.start()
        assert await storm.until(
            lambda: all(node.acknowledged == MESSAGES for node in storm.nodes[:2]), patience=PATIENCE
        )
        assert await storm.until(storm.has_everything, patience=PATIENCE)
        assert [client.wrong for client in storm.clients] == [[] for _ in storm.clients]
        assert [client.heard[b"a"] for client in storm.clients] == [MESSAGES] * CLIENTS
        assert sum(client.returns for client in storm.clients) == CLIENTS // 3
    finally:
        await storm.close()
