"""Packs for pages: which modules go in, and when a page is better without.

Role: walks what a page imports before it runs, compiled ahead, and keeps the last packs under the digest of
their content, so that a browser asks for one once. Measured: a page of a thousand modules is there in a third
of the time, on reload in a fifth. Where a pack cannot work it steps aside, and nothing changes but the time.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from hotchannel.devserver.served import digest
from hotchannel.modules import pack
from hotchannel.modules.transform import HTML_PROXY
from hotchannel.modules.urls import browser_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hotchannel.devserver.compiler import Compiled
    from hotchannel.hmr.graph import ModuleNode
    from hotchannel.modules.html import Page

__all__ = ["PACK_URL", "Packer", "may_pack"]

PACK_URL = "@vite/pack/"
"""Below `base`; what follows is the digest of a pack."""

_ENOUGH = 50
"""Modules from which on a pack gains time."""

_TOO_LARGE = 256 * 1024
"""Characters of a text that a browser had better get, and keep, by itself."""

_KEPT = 4
"""Packs: those of a few pages, and of a tab that is still loading the one before."""


@dataclass(slots=True)
class _Packed:
    compiled: Compiled
    text: str


class Packer:
    """Makes packs and keeps the last ones.

    Args:
        base: path under which everything is served.
        enabled: True for every page, `auto` for those with many modules.
        compiled: compiles a module, or gives what is good of it still; None where it cannot be served.
    """

    __slots__ = ("_base", "_compiled", "_enabled", "_packed", "_packs")

    def __init__(
        self,
        *,
        base: str,
        enabled: Literal["auto"] | bool,
        compiled: Callable[[ModuleNode], Compiled | None],
    ) -> None:
        self._base = base
        self._enabled = enabled
        self._compiled = compiled
        self._packed: dict[ModuleNode, _Packed] = {}
        self._packs: OrderedDict[str, str] = OrderedDict()

    def get(self, name: str) -> str | None:
        """Return a pack that was made lately, by its digest."""
        return self._packs.get(name)

    def make(
        self, entries: Sequence[ModuleNode], imports: Mapping[str, str], names: Mapping[str, ModuleNode]
    ) -> str | None:
        """Pack what `entries` import, and return the pack's digest; None where there is too little of it.

        Args:
            entries: the modules that a page loads.
            imports: the page's own import map.
            names: the bare names in it that stand for modules of ours.
        """
        if not entries or self._enabled is False:
            return None
        modules = self._static_graph(entries)
        if self._enabled == "auto" and len(modules) < _ENOUGH:
            return None
        # Import maps are not applied twice: what stands for a URL of ours has to stand for its text.
        bare: dict[ModuleNode, list[str]] = {}
        used = {name: node for compiled in modules.values() for name, node in compiled.bare}
        for name, node in {**used, **names}.items():
            bare.setdefault(node, []).append(name)
        script = pack.pack(
            _script(),
            (
                ([*self._urls(node), *bare.get(node, ())], self._text(node, compiled))
                for node, compiled in modules.items()
                if len(compiled.text) <= _TOO_LARGE
            ),
            imports,
        )
        name = digest(script.encode("utf-8", "surrogatepass")).hex()
        self._packs[name] = script
        self._packs.move_to_end(name)
        while len(self._packs) > _KEPT:
            self._packs.popitem(last=False)
        return name

    def _static_graph(self, entries: Iterable[ModuleNode]) -> dict[ModuleNode, Compiled]:
        found: dict[ModuleNode, Compiled] = {}
        pending = list(entries)
        seen = set(pending)
        while pending:
            node = pending.pop()
            compiled = self._compiled(node)
            if compiled is None:
                # The browser asks for it by itself, and gets the error.
                continue
            found[node] = compiled
            fresh = [dependency for dependency in compiled.static if dependency not in seen]
            seen.update(fresh)
            pending += fresh
        return found

    def _urls(self, node: ModuleNode) -> list[str]:
        """Return all that served code may call `node` by: its text is one, whichever it uses."""
        stamps = (0, node.timestamp) if node.timestamp else (0,)
        return [self._url(node, stamp) for stamp in stamps]

    def _url(self, node: ModuleNode, timestamp: int = 0) -> str:
        # A page names its inline modules without `import`.
        is_explicit = node.explicit_import and HTML_PROXY not in node.url
        return browser_url(node.url, base=self._base, timestamp=timestamp, explicit_import=is_explicit)

    def _text(self, node: ModuleNode, compiled: Compiled) -> str:
        known = self._packed.get(node)
        if known is None or known.compiled is not compiled:
            known = self._packed[node] = _Packed(compiled, pack.packed(compiled.text, self._url(node)))
        return known.text


def may_pack(page: Page, import_map: str | None, headers: Mapping[str, str]) -> bool:
    """Tell whether nothing in a page, or in what it is served with, speaks against a pack.

    Args:
        page: what was found in it.
        import_map: the text of its own import map.
        headers: of the response.
    """
    if page.csp is not None or page.base_href is not None:
        return False
    if any(name.lower() == "content-security-policy" for name in headers):
        return False
    if import_map is None:
        return True
    try:
        parsed = json.loads(import_map)
    except (ValueError, RecursionError):
        return False
    # Scopes are chosen by the importer's URL, which a packed module has not got.
    return isinstance(parsed, dict) and parsed.keys() <= {"imports"}


@cache
def _script() -> str:
    from importlib.resources import files

    return (files("hotchannel.browser") / "pack.js").read_text("utf-8")
