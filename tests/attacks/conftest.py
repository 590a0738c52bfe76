"""Every attack is run once for every kind of entrance."""

from __future__ import annotations

from support.entrance_fixtures import (  # noqa: F401 (fixtures and a hook, found by their names)
    entrance,
    kind,
    open_entrance,
    pytest_asyncio_loop_factories,
)
