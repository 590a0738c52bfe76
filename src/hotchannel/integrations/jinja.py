"""Where an application's Jinja templates are, and how their cache is dropped.

Role: finds environments by themselves, since no framework says where it keeps them. Touches Jinja only where
the application has loaded it.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["environments", "forget", "template_folders"]


def environments() -> list[Any]:
    """Return the Jinja environments of this process, of the application and of what it uses."""
    jinja = sys.modules.get("jinja2")
    if jinja is None:
        return []
    # By type: an object's `__class__` may be anything, and raise.
    return [found for found in gc.get_objects() if issubclass(type(found), jinja.Environment)]


def template_folders(found: Iterable[Any]) -> list[str]:
    """Return the folders that Jinja environments load from, without those of installed packages."""
    folders = dict.fromkeys(
        os.path.realpath(folder) for environment in found for folder in _folders(environment.loader)
    )
    return [folder for folder in folders if os.path.isdir(folder) and not _is_installed(folder)]


def forget(found: Iterable[Any]) -> None:
    """Drop the templates that environments have compiled."""
    for environment in found:
        if environment.cache is not None:
            environment.cache.clear()


def _folders(loader: Any) -> Iterator[str]:
    """Yield the folders of a loader: those of Jinja's own, and of what is put together of these."""
    match type(loader).__name__:
        case "FileSystemLoader":
            yield from loader.searchpath
        case "PackageLoader":
            yield loader._template_root
        case "ChoiceLoader":
            for inner in loader.loaders:
                yield from _folders(inner)
        case "PrefixLoader":
            for inner in loader.mapping.values():
                yield from _folders(inner)
        case "DispatchingJinjaLoader":
            # Flask's and Quart's: the application's own, then those of its blueprints.
            for scaffold in (loader.app, *loader.app.iter_blueprints()):
                yield from _folders(scaffold.jinja_loader)
        case _:
            pass


def _is_installed(folder: str) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(folder.split(os.sep))
