"""What an edit means: propagation, plans and the graph they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmr.graphs import ALL, Module, build, imports
from hotchannel.hmr.graph import ModuleGraph, ModuleNode
from hotchannel.hmr.propagation import propagate
from hotchannel.hmr.updates import apply, plan, plan_invalidation
from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl
from hotchannel.wire.payloads import FullReload, Update

if TYPE_CHECKING:
    from collections.abc import Mapping


def entries(modules: Mapping[str, Module], changed: str) -> list[tuple[str, str]] | None:
    """Return (path, acceptedPath) of the update for an edit of `changed`; None for a reload."""
    _, nodes = build(modules)
    payload = plan([nodes[changed]], timestamp=1, triggered_by="/site/x").payload
    if isinstance(payload, FullReload):
        return None
    return [] if payload is None else [(entry.path, entry.accepted_path) for entry in payload.updates]


A = Module(imports("b"))

CASES = {
    "self-accepting": ({"a": Module(self_accepting=True)}, "a", [("/a", "/a")]),
    "nothing accepts": ({"a": A, "b": Module()}, "b", None),
    "no importers": ({"a": Module()}, "a", None),
    "never served": ({"a": A}, "b", []),
    "accepted dependency": ({"a": Module(imports("b"), accepted=("b",)), "b": Module()}, "b", [("/a", "/b")]),
    "self-accepting wins over an accepting importer": (
        {"a": Module(imports("b"), accepted=("b",)), "b": Module(self_accepting=True)},
        "b",
        [("/b", "/b")],
    ),
    "nested": (
        {"a": Module(imports("b"), self_accepting=True), "b": Module(imports("c")), "c": Module()},
        "c",
        [("/a", "/a")],
    ),
    "two importers, one accepts": (
        {"a": Module(imports("c"), self_accepting=True), "b": Module(imports("c")), "c": Module()},
        "c",
        None,
    ),
    "diamond": (
        {
            "a": Module(imports("b", "c"), self_accepting=True),
            "b": Module(imports("d")),
            "c": Module(imports("d")),
            "d": Module(),
        },
        "d",
        [("/a", "/a")],
    ),
    "cycle without a boundary": ({"a": A, "b": Module(imports("a"))}, "a", None),
    "cycle below an entry": ({"m": Module(imports("a")), "a": A, "b": Module(imports("a"))}, "b", None),
    "only accepted exports are used": (
        {"a": Module({"b": frozenset("x")}), "b": Module(accepted_exports=frozenset("x"))},
        "b",
        [("/b", "/b")],
    ),
    "another export is used too": (
        {"a": Module({"b": frozenset("xy")}), "b": Module(accepted_exports=frozenset("x"))},
        "b",
        None,
    ),
    "the namespace is used": ({"a": A, "b": Module(accepted_exports=frozenset("x"))}, "b", None),
    "a side-effect import uses nothing": (
        {"a": Module({"b": frozenset()}), "b": Module(accepted_exports=frozenset("x"))},
        "b",
        [("/b", "/b")],
    ),
    "an empty list of accepted exports": (
        {"a": Module({"b": frozenset("x")}), "b": Module(accepted_exports=frozenset())},
        "b",
        None,
    ),
    "accepted exports and no importers": (
        {"b": Module(accepted_exports=frozenset("x"))},
        "b",
        [("/b", "/b")],
    ),
    "imported stylesheet swaps its importer's link": (
        {"a.css": Module(imports("b.css"), self_accepting=True), "b.css": Module(self_accepting=True)},
        "b.css",
        [("/a.css", "/a.css")],
    ),
}


@pytest.mark.parametrize(("modules", "changed", "expected"), CASES.values(), ids=CASES.keys())
def test_who_takes_an_edit_in(
    modules: dict[str, Module], changed: str, expected: list[tuple[str, str]] | None
) -> None:
    assert entries(modules, changed) == expected


def test_a_linked_stylesheet_that_is_also_imported_is_swapped_in_both_places() -> None:
    _, nodes = build(
        {"a.css": Module(imports("b.css"), self_accepting=True), "b.css": Module(self_accepting=True)}
    )
    nodes["b.css"].is_entry = True

    boundaries = propagate(nodes["b.css"]).boundaries

    assert [boundary.module.url for boundary in boundaries] == ["/b.css", "/a.css"]


def test_what_a_page_loads_by_itself_reloads_whoever_else_accepts_it() -> None:
    _, nodes = build({"a": Module(imports("b"), accepted=("b",)), "b": Module()})
    nodes["b"].is_entry = True

    assert propagate(nodes["b"]).dead_end is nodes["b"]


def test_a_boundary_in_a_cycle_says_so() -> None:
    _, nodes = build(
        {"m": Module(imports("a")), "a": Module(imports("b"), self_accepting=True), "b": Module(imports("a"))}
    )

    (boundary,) = propagate(nodes["b"]).boundaries

    assert boundary.module is nodes["a"]
    assert boundary.is_within_circular_import


def test_a_module_that_imports_itself_is_in_no_cycle() -> None:
    _, nodes = build({"a": Module(imports("a"), self_accepting=True)})

    (boundary,) = propagate(nodes["a"]).boundaries

    assert not boundary.is_within_circular_import


def test_every_module_that_runs_again_gets_the_timestamp_and_no_other() -> None:
    graph, nodes = build(
        {
            "main": Module(imports("a")),
            "a": Module(imports("b"), self_accepting=True),
            "b": Module(imports("c", "d")),
            "c": Module(),
            "d": Module(),
        }
    )

    apply(graph, plan([nodes["c"]], timestamp=7, triggered_by="/site/c"))

    assert {name: node.timestamp for name, node in nodes.items()} == {
        "main": 0,
        "a": 7,
        "b": 7,
        "c": 7,
        "d": 0,
    }
    assert nodes["main"].revision == 1, "its text names a's new URL"
    assert nodes["d"].revision == 0


def test_an_importer_that_accepts_is_not_run_again() -> None:
    graph, nodes = build({"a": Module(imports("b"), accepted=("b",)), "b": Module()})

    apply(graph, plan([nodes["b"]], timestamp=7, triggered_by="/site/b"))

    assert (nodes["a"].timestamp, nodes["b"].timestamp) == (0, 7)


def test_one_update_for_two_changed_files_names_each_boundary_once() -> None:
    _, nodes = build({"a": Module(imports("b", "c"), self_accepting=True), "b": Module(), "c": Module()})

    payload = plan([nodes["b"], nodes["c"]], timestamp=1, triggered_by="/site/b").payload

    assert isinstance(payload, Update)
    assert [entry.path for entry in payload.updates] == ["/a"]


def test_one_dead_end_in_a_batch_reloads() -> None:
    _, nodes = build({"a": Module(self_accepting=True), "b": Module()})

    payload = plan([nodes["a"], nodes["b"]], timestamp=1, triggered_by="/site/a").payload

    assert payload == FullReload(path="*", triggered_by="/site/a")


class TestInvalidation:
    MODULES = {"m": Module(imports("a"), self_accepting=True), "a": Module(self_accepting=True)}

    def updated(self) -> tuple[ModuleGraph, dict[str, ModuleNode]]:
        graph, nodes = build(self.MODULES)
        apply(graph, plan([nodes["a"]], timestamp=1, triggered_by="/site/a"))
        return graph, nodes

    def test_goes_on_with_the_importers(self) -> None:
        _, nodes = self.updated()

        update = plan_invalidation(nodes["a"], timestamp=2, first_invalidated_by="/a")

        assert update is not None
        assert isinstance(update.payload, Update)
        (entry,) = update.payload.updates
        assert (entry.path, entry.timestamp, entry.first_invalidated_by) == ("/m", 2, "/a")

    def test_before_any_update_means_nothing(self) -> None:
        _, nodes = build(self.MODULES)

        assert plan_invalidation(nodes["a"], timestamp=2, first_invalidated_by="/a") is None

    def test_counts_once_an_update_and_again_after_the_next(self) -> None:
        graph, nodes = self.updated()
        nodes["a"].invalidated = True

        assert plan_invalidation(nodes["a"], timestamp=2, first_invalidated_by="/a") is None
        apply(graph, plan([nodes["a"]], timestamp=3, triggered_by="/site/a"))
        assert plan_invalidation(nodes["a"], timestamp=4, first_invalidated_by="/a") is not None

    def test_at_the_root_reloads(self) -> None:
        graph, nodes = build({"a": Module(self_accepting=True)})
        apply(graph, plan([nodes["a"]], timestamp=1, triggered_by="/site/a"))

        update = plan_invalidation(nodes["a"], timestamp=2, first_invalidated_by="/a")

        assert update is not None
        assert update.payload == FullReload(path="*", triggered_by="/site/a")

    def test_that_comes_back_to_its_beginning_reloads(self) -> None:
        graph, nodes = build(
            {"a": Module(imports("b"), self_accepting=True), "b": Module(imports("a"), self_accepting=True)}
        )
        apply(graph, plan([nodes["b"]], timestamp=1, triggered_by="/site/b"))

        update = plan_invalidation(nodes["b"], timestamp=2, first_invalidated_by="/a")

        assert update is not None
        assert isinstance(update.payload, FullReload)


class TestGraph:
    def test_a_dropped_import_is_pruned_with_what_only_it_imported(self) -> None:
        graph, nodes = build({"a": A, "b": Module(imports("c")), "c": Module()})

        pruned = graph.prune(graph.connect(nodes["a"], imports={}, self_accepting=False))

        assert {node.url for node in pruned} == {"/b", "/c"}

    def test_what_another_module_or_a_page_loads_is_kept(self) -> None:
        graph, nodes = build({"a": Module(imports("b", "c")), "z": A, "b": Module(), "c": Module()})
        nodes["c"].is_entry = True

        assert graph.prune(graph.connect(nodes["a"], imports={}, self_accepting=False)) == ()

    def test_an_unresolved_import_waits_for_its_file_until_it_is_served(self) -> None:
        graph, nodes = build({"a": Module()})
        file = FilePath("/site/new.js")
        graph.mark_unresolved(nodes["a"], [file])

        assert graph.awaiting(file) == (nodes["a"],)
        graph.connect(nodes["a"], imports={}, self_accepting=False)
        assert graph.awaiting(file) == ()

    def test_what_a_module_waits_for_may_change(self) -> None:
        graph, nodes = build({"a": Module(), "b": Module()})
        first, second = FilePath("/site/first.js"), FilePath("/site/second.js")
        graph.mark_unresolved(nodes["a"], [first])
        graph.mark_unresolved(nodes["b"], [first])
        graph.mark_unresolved(nodes["a"], [second])

        assert graph.awaiting(first) == (nodes["b"],)
        assert graph.awaiting(second) == (nodes["a"],)

    def test_the_same_content_is_no_change(self) -> None:
        graph = ModuleGraph()
        file = FilePath("/site/a.js")
        graph.served(file, b"1")

        assert not graph.changed(file, b"1")
        assert graph.changed(file, b"2")

    def test_a_content_served_ahead_of_its_event_is_a_change(self) -> None:
        graph = ModuleGraph()
        file = FilePath("/site/a.js")
        graph.served(file, b"1")
        graph.served(file, b"2")

        assert graph.changed(file, b"2"), "the first browser still shows the old one"

    @given(st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7)), st.booleans()), max_size=30))
    def test_edges_agree_in_both_directions(self, steps: list[tuple[int, set[int], bool]]) -> None:
        graph = ModuleGraph()
        nodes = [
            graph.ensure(ModuleId(str(i)), ModuleUrl(f"/{i}"), FilePath(f"/{i}"), "js") for i in range(8)
        ]
        for index, targets, accepting in steps:
            imported = {nodes[target]: ALL for target in targets}
            pruned = graph.prune(graph.connect(nodes[index], imports=imported, self_accepting=accepting))
            assert all(not node.importers and not node.imports for node in pruned)
            for node in nodes:
                assert all(node in dependency.importers for dependency in node.imports)
                assert all(node in importer.imports for importer in node.importers)
                walk = propagate(node)
                assert walk.dead_end is None or not walk.boundaries
