"""What a stylesheet names: the files behind its `@import` and `url()`.

Role: resolves references and changes nothing. An `@import` that names no file is an error that the overlay
shows, as in Vite; a picture that is missing is the browser's to report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.devserver.resolver import Resolved, Unresolved
from hotchannel.devserver.sources import error_at
from hotchannel.modules.urls import path_of

if TYPE_CHECKING:
    from hotchannel.devserver.resolver import Resolver
    from hotchannel.devserver.sources import ModuleError
    from hotchannel.hmr.graph import ModuleNode, ModuleType
    from hotchannel.modules.css import CssReference
    from hotchannel.modules.urls import FilePath

__all__ = ["CssLinks", "find_links"]


@dataclass(frozen=True, slots=True)
class CssLinks:
    """The references of one stylesheet.

    Attributes:
        found: those that name files, and what these are to the stylesheet.
        missing: files that would heal the others.
        error: of the first `@import` that names no file.
    """

    found: tuple[tuple[CssReference, ModuleType, Resolved], ...]
    missing: tuple[FilePath, ...]
    error: ModuleError | None


def find_links(node: ModuleNode, source: str, resolver: Resolver) -> CssLinks:
    """Resolve what the stylesheet `source` of `node` names."""
    from hotchannel.modules import css

    sheet = css.analyze(source)
    importer_path = path_of(node.url)
    found: list[tuple[CssReference, ModuleType, Resolved]] = []
    missing: list[FilePath] = []
    error: ModuleError | None = None
    types: list[tuple[CssReference, ModuleType]] = [
        *((reference, "css") for reference in sheet.imports),
        *((reference, "asset") for reference in sheet.urls),
    ]
    for reference, kind in types:
        match resolver.resolve_url(reference.value, importer_path):
            case Resolved() as resolved:
                found.append((reference, kind, resolved))
            case Unresolved(candidates, hint):
                missing += candidates
                if kind == "css" and error is None:
                    shown = importer_path.lstrip("/")
                    message = f'Failed to resolve @import "{reference.value}" from "{shown}". {hint}'
                    error = error_at(node, source, reference.start, message)
            case None:
                pass
    return CssLinks(tuple(found), tuple(missing), error)
