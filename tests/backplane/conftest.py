"""A real engine of each kind, and servers that share a channel by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backplane.cluster import Cluster
from support.engines import Engine, EngineKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(params=["redis", "nats"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A running engine of each kind."""
    kind: EngineKind = request.param
    engine = Engine(kind, tmp_path / kind)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
async def cluster(engine: Engine) -> AsyncIterator[Cluster]:
    """Servers that share the channel of the engine."""
    cluster = Cluster(engine)
    yield cluster
    await cluster.close()
