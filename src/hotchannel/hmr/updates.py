"""From changed modules to the message that browsers get.

Role: `plan()` reads the graph and decides; `apply()` writes the decision into it. Nothing here sends.
Follows Vite's `updateModules`: one dead end anywhere makes the whole batch a full reload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import UNSET

from hotchannel.hmr.propagation import Boundary, propagate
from hotchannel.wire.payloads import FullReload, Update, UpdateEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotchannel.hmr.graph import ModuleGraph, ModuleNode

__all__ = ["UpdatePlan", "apply", "plan", "plan_invalidation"]


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What a change means.

    Attributes:
        payload: what to send; None where no browser is concerned.
        touched: modules that get `timestamp`.
        timestamp: milliseconds; greater than that of every plan before.
        reason: why a reload is due, for the log; empty for updates.
    """

    payload: Update | FullReload | None
    touched: tuple[ModuleNode, ...]
    timestamp: int
    reason: str = ""


def plan(
    modules: Sequence[ModuleNode],
    *,
    timestamp: int,
    triggered_by: str,
    first_invalidated_by: str | None = None,
) -> UpdatePlan:
    """Decide what a change of `modules` means for the browsers.

    Args:
        modules: the modules made of the changed files.
        timestamp: milliseconds for `?t=`; the caller sees to it that timestamps grow.
        triggered_by: absolute path of a changed file, for `full-reload`.
        first_invalidated_by: URL of the module whose `invalidate()` began this.
    """
    walk = propagate(*modules)
    reason = ""
    if walk.dead_end is not None:
        reason = f"nothing accepts {walk.dead_end.url}"
    elif any(boundary.accepted_via.url == first_invalidated_by for boundary in walk.boundaries):
        reason = "circular import invalidate"
    payload: Update | FullReload | None = None
    if reason:
        payload = FullReload(path="*", triggered_by=triggered_by)
    elif walk.boundaries:
        payload = Update(tuple(_entry(each, timestamp, first_invalidated_by) for each in walk.boundaries))
    return UpdatePlan(payload, walk.visited, timestamp, reason)


def plan_invalidation(module: ModuleNode, *, timestamp: int, first_invalidated_by: str) -> UpdatePlan | None:
    """Decide what `invalidate()`, called by `module` in a browser, means; None where it means nothing.

    The walk goes on from the importers of `module`, once per update however many tabs report it
    (Vite: `lastHMRInvalidationReceived`); `apply()` of the next update opens it again.
    """
    if not module.self_accepting or not module.timestamp or module.invalidated:
        return None
    if not module.importers:
        payload = FullReload(path="*", triggered_by=module.file)
        return UpdatePlan(payload, (), timestamp, f"{module.url} invalidated itself and nothing imports it")
    return plan(
        tuple(module.importers),
        timestamp=timestamp,
        triggered_by=module.file,
        first_invalidated_by=first_invalidated_by,
    )


def apply(graph: ModuleGraph, plan: UpdatePlan) -> None:
    """Write `plan` into the graph: timestamps and the revisions that follow from them."""
    graph.touch(plan.touched, plan.timestamp)


def _entry(boundary: Boundary, timestamp: int, first_invalidated_by: str | None) -> UpdateEntry:
    return UpdateEntry(
        type="css-update" if boundary.module.type == "css" else "js-update",
        timestamp=timestamp,
        path=boundary.module.url,
        accepted_path=boundary.accepted_via.url,
        explicit_import_required=boundary.accepted_via.explicit_import,
        is_within_circular_import=boundary.is_within_circular_import,
        first_invalidated_by=UNSET if first_invalidated_by is None else first_invalidated_by,
    )
