"""Hot updates, case by case: what each save brings, what the page shows, and that nothing else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.tables import SCENARIOS

if TYPE_CHECKING:
    from browser.conftest import Play


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(playing: Play, name: str) -> None:
    playing(name)
