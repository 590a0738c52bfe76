"""Module graphs for tests, written down by names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hotchannel.hmr.graph import ModuleGraph, ModuleNode, Names
from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALL", "Module", "build", "imports"]

ALL: Names = None


@dataclass
class Module:
    """A module of a test's graph: what it imports, and what it accepts."""

    imports: Mapping[str, Names] = field(default_factory=dict)
    self_accepting: bool = False
    accepted: tuple[str, ...] = ()
    accepted_exports: frozenset[str] | None = None


def build(modules: Mapping[str, Module]) -> tuple[ModuleGraph, dict[str, ModuleNode]]:
    graph = ModuleGraph()
    nodes: dict[str, ModuleNode] = {}

    def node(name: str) -> ModuleNode:
        if name not in nodes:
            is_css = name.endswith(".css")
            nodes[name] = graph.ensure(
                ModuleId(name), ModuleUrl(f"/{name}"), FilePath(f"/site/{name}"), "css" if is_css else "js"
            )
        return nodes[name]

    for name, module in modules.items():
        graph.connect(
            node(name),
            imports={node(dependency): names for dependency, names in module.imports.items()},
            self_accepting=module.self_accepting,
            accepted=[node(dependency) for dependency in module.accepted],
            accepted_exports=module.accepted_exports,
        )
    return graph, nodes


def imports(*names: str) -> dict[str, Names]:
    return dict.fromkeys(names, ALL)
