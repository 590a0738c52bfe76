"""Fixtures that run a test once for every kind of entrance, and where bytes are ours on both event loops."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import uvloop

from support.entrances import KINDS, OWN_KINDS, Entrance, Kind, OpenEntrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["entrance", "kind", "open_entrance", "pytest_asyncio_loop_factories", "runs_on_its_loop"]


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops for a test that runs over entrances."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if {"entrance", "kind"} & set(getattr(item, "fixturenames", ())):
        loops["uvloop"] = uvloop.new_event_loop
    return loops


def runs_on_its_loop(item: pytest.Item) -> bool:
    """False for a test over a foreign server's entrance on uvloop: what differs there is not ours."""
    callspec = getattr(item, "callspec", None)
    return callspec is None or not (
        callspec.params.get("_asyncio_loop_factory") is uvloop.new_event_loop
        and callspec.params.get("kind") not in OWN_KINDS
    )


@pytest.fixture
async def open_entrance() -> AsyncIterator[OpenEntrance]:
    """Open an entrance of some kind, with options of `WebSocketServer`."""
    async with contextlib.AsyncExitStack() as stack:
        yield OpenEntrance(stack)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of entrance."""
    kind: Kind = request.param
    return kind


@pytest.fixture
async def entrance(open_entrance: OpenEntrance, kind: Kind) -> Entrance:
    """An entrance of every kind, with default options."""
    return await open_entrance(kind)
