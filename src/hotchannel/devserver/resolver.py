"""From a specifier in source to the module it names.

Role: relative and root specifiers by the file system, bare ones by the import maps of the pages that
were served. What neither knows is left to the browser. Follows Vite's resolution of user code:
exact file, then with one of Vite's suffixes, then a folder's `index`; plugins are asked first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from hotchannel.devserver.files import ELSEWHERE, FileRefused
from hotchannel.devserver.kinds import is_stylesheet
from hotchannel.devserver.plugins import Plugins
from hotchannel.modules.urls import (
    FilePath,
    ModuleUrl,
    below,
    is_bare,
    is_external,
    join_specifier,
    module_url,
    split_query,
    without_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.devserver.files import Root
    from hotchannel.devserver.mounts import Files

__all__ = ["VIRTUAL", "Resolved", "Resolver", "Unresolved", "virtual_url"]

_EXTENSIONS = (".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json")
_SUFFIXES = ("", *_EXTENSIONS, *(f"/index{extension}" for extension in _EXTENSIONS))

VIRTUAL = "/@id/"
"""Ahead of what only plugins know: modules that are no files."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A specifier that names a file.

    Attributes:
        url: the module's URL, without base, decoded.
        file: the file, links resolved.
    """

    url: ModuleUrl
    file: FilePath


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A specifier that should name a file and does not.

    Attributes:
        candidates: the files any of which would heal it.
        hint: what to do about it.
    """

    candidates: tuple[FilePath, ...]
    hint: str


class Resolver:
    """Resolves specifiers below one root."""

    __slots__ = ("_aliases", "_base", "_maps", "_plugins", "_public", "_root")

    def __init__(
        self,
        root: Files,
        base: str,
        aliases: Mapping[str, str] | None = None,
        plugins: Plugins | None = None,
        public: Root | None = None,
    ) -> None:
        self._root = root
        self._base = base
        # The longest first, so that `@/icons` is not taken for something below `@`.
        self._aliases = sorted((aliases or {}).items(), key=lambda alias: -len(alias[0]))
        self._maps: dict[str, Mapping[str, str]] = {}
        self._plugins = plugins or Plugins()
        self._public = public

    def learn_import_map(self, page_path: str, imports: Mapping[str, str]) -> bool:
        """Take in the import map of a served page; True where it says anything new.

        Addresses in a map are relative to its page.
        """
        absolute = {name: self._from_page(page_path, address) for name, address in imports.items()}
        news = self._maps.get(page_path, {}) != absolute
        self._maps[page_path] = absolute
        return news

    def resolve(self, specifier: str, importer_path: str) -> Resolved | Unresolved | None:
        """Resolve a specifier as it stands in JavaScript.

        Args:
            specifier: cooked value.
            importer_path: decoded URL path of the importing module, without base.

        Returns:
            None where the browser has to see to it: other hosts, bare names that no map knows.
        """
        specifier = self.without_alias(specifier)
        if self._plugins and (found := self._from_plugins(specifier, importer_path)) is not None:
            return found
        if is_bare(specifier):
            mapped = self._from_maps(specifier)
            if mapped is None:
                return None
            specifier, importer_path = mapped, "/"
        return self.resolve_url(specifier, importer_path, suffixes=_SUFFIXES)

    def resolve_url(
        self, reference: str, importer_path: str, *, suffixes: tuple[str, ...] = ("",)
    ) -> Resolved | Unresolved | None:
        """Resolve a URL as it stands in CSS or HTML: relative even where it has no `./`."""
        reference = self.without_alias(reference)
        if is_external(reference) or reference.startswith(("#", "?")) or not reference:
            return None
        # Code may name files with the base in front, as the page's own URLs have it.
        joined = join_specifier(importer_path, below(reference, self._base))
        if joined is None:
            return Unresolved((), "The path is malformed.")
        path, query = joined
        query = without_parameters(query, "t", "import")
        path = self._root.climb(importer_path, split_query(reference)[0]) or path
        try:
            places = self._root.candidates(path)
        except FileRefused as refusal:
            return Unresolved((), f"The path is refused: {refusal}.")
        for suffix, place in product(suffixes, places):
            file = self._root.find(place + suffix)
            if file is not None:
                url_path = path.rstrip("/") + suffix if suffix else path
                if url_path.startswith(ELSEWHERE) or file != place + suffix:
                    # By a link or `..` it may be named from either side; a file is one module.
                    real = self._root.url_path(file) or url_path
                    if url_path.startswith(ELSEWHERE) or real.startswith(ELSEWHERE):
                        url_path = real
                return Resolved(module_url(url_path, query), file)
        public = self._public.find(self._public.path + path) if self._public else None
        if public is not None:
            # Served as it is; only a stylesheet can be swapped.
            return Resolved(module_url(path, query), public) if is_stylesheet(path) else None
        return Unresolved(
            tuple(FilePath(place + suffix) for suffix in suffixes for place in places),
            self._hint(path, importer_path, split_query(reference)[0]),
        )

    def _from_plugins(self, specifier: str, importer_path: str) -> Resolved | Unresolved | None:
        id = self._plugins.resolve(specifier, self._root.path + importer_path)
        if id is None:
            return None
        if not os.path.isabs(id):
            return Resolved(virtual_url(id), FilePath(id))
        path, _, query = id.partition("?")
        real = os.path.realpath(path)
        url_path = self._root.url_path(real)
        if url_path is None:
            return Unresolved((), f"A plugin says that it is {path}, which is outside of the served folder.")
        return Resolved(module_url(url_path, query), FilePath(real))

    def without_alias(self, specifier: str) -> str:
        """Return what `specifier` stands for (Vite: `resolve.alias` with string keys)."""
        for name, meaning in self._aliases:
            if specifier == name:
                return meaning
            if specifier.startswith(name.rstrip("/") + "/"):
                return meaning.rstrip("/") + "/" + specifier[len(name.rstrip("/")) + 1 :]
        return specifier

    @staticmethod
    def _from_page(page_path: str, address: str) -> str:
        if is_external(address) or address.startswith("/"):
            return address
        return page_path.rpartition("/")[0] + "/" + address

    def _from_maps(self, specifier: str) -> str | None:
        found = {
            mapped for imports in self._maps.values() if (mapped := _look_up(imports, specifier)) is not None
        }
        # Pages that disagree: each page's own map decides, in the browser.
        return found.pop() if len(found) == 1 else None

    def _hint(self, path: str, importer_path: str, reference: str) -> str:
        if self._root.is_above(importer_path, reference):
            return "It is outside of the served folder: name its folder in `fs.allow`."
        folder, _, name = path.rpartition("/")
        names = self._root.names(folder or "/")
        if names is None:
            if self._root.leads_out(folder):
                return f"The folder {folder} is a link out of the served one: name its target in `fs.allow`."
            return f"There is no folder {folder or '/'}."
        from difflib import get_close_matches

        stems: dict[str, list[str]] = {}
        for other in names:
            if f"{folder}/{other}" != importer_path:
                stems.setdefault(other.partition(".")[0] or other, []).append(other)
        close = [
            other for stem in get_close_matches(name.partition(".")[0], stems, n=3) for other in stems[stem]
        ]
        if close:
            return f"Did you mean {' or '.join(close)}?"
        return f"The folder {folder or '/'} has no file of that name."


def virtual_url(id: str) -> ModuleUrl:
    """Return the URL of a module that is no file: only plugins know what its id means (Vite: `/@id/`)."""
    return module_url(VIRTUAL + id.replace("\0", "__x00__"))


def _look_up(imports: Mapping[str, str], specifier: str) -> str | None:
    """Resolve by one import map: the exact key, else the longest key ending in `/` (WHATWG HTML 8.1.5.3)."""
    if specifier in imports:
        return imports[specifier]
    prefixes = [key for key in imports if key.endswith("/") and specifier.startswith(key)]
    if not prefixes:
        return None
    longest = max(prefixes, key=len)
    return imports[longest] + specifier[len(longest) :]
