"""What the WebSocket tests stand on: `entrance` runs a test once for every kind of entrance."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from support.entrances import Entrance, Kind, OpenEntrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def open_entrance() -> AsyncIterator[OpenEntrance]:
    """Open an entrance of some kind, with options of `WebSocketServer`."""
    async with contextlib.AsyncExitStack() as stack:
        yield OpenEntrance(stack)


@pytest.fixture(params=["standalone", "guest", "dev"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of entrance."""
    kind: Kind = request.param
    return kind


@pytest.fixture
async def entrance(open_entrance: OpenEntrance, kind: Kind) -> Entrance:
    """An entrance of every kind, with default options."""
    return await open_entrance(kind)
