"""All scenarios, in the order of the document's sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.tables import (
    accepting,
    cycles,
    events,
    exports,
    files,
    invalidating,
    lifecycle,
    pages,
    source,
    styles,
)

if TYPE_CHECKING:
    from types import ModuleType

    from browser.scenario import Scenario

__all__ = ["SCENARIOS", "SECTIONS"]

_MODULES: tuple[ModuleType, ...] = (
    accepting,
    exports,
    lifecycle,
    events,
    invalidating,
    cycles,
    files,
    styles,
    pages,
    source,
)

SECTIONS: dict[str, dict[str, Scenario]] = {
    (module.__doc__ or "").partition("\n")[0].rstrip("."): {
        f"{module.__name__.rpartition('.')[2]}-{name}": scenario
        for name, scenario in module.SCENARIOS.items()
    }
    for module in _MODULES
}
"""Titles, and under each its scenarios by the ids of their tests."""

SCENARIOS: dict[str, Scenario] = {
    name: scenario for scenarios in SECTIONS.values() for name, scenario in scenarios.items()
}
