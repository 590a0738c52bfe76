"""Folders below URL prefixes: what `Root` is to a site of one folder, to one that is put together.

Role: an application's static files, `/static` from several folders, searched in order, as its framework
does. Every file is opened by the `Root` that it is in, with all its rules.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from hotchannel.devserver.files import FileRefused, OpenFile, Root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hotchannel.modules.urls import FilePath

__all__ = ["Files", "Mounts"]


class Mounts:
    """Several folders.

    Args:
        mounts: pairs of a decoded URL prefix, such as `/static`, and a folder; the first that has a file
            answers.
        deny: patterns of names that are never served; see `Denials`.
    """

    __slots__ = ("_mounts", "_prefixes", "path")

    def __init__(self, mounts: Iterable[tuple[str, str]], *, deny: Iterable[str] = ()) -> None:
        self.path = ""
        patterns = tuple(deny)
        self._mounts = [
            ("/" + prefix.strip("/") if prefix.strip("/") else "", Root(folder, deny=patterns))
            for prefix, folder in mounts
        ]

        self._prefixes = tuple(f"{prefix}/" for prefix, _ in self._mounts)

    @property
    def folders(self) -> list[str]:
        """The folders, without those that lie in another of them."""
        folders = dict.fromkeys(root.path for _, root in self._mounts)
        return [
            folder
            for folder in folders
            if not any(folder != other and _is_below(folder, other) for other in folders)
        ]

    def covers(self, url_path: str) -> bool:
        """Tell whether a decoded URL path is below one of the prefixes."""
        return url_path.startswith(self._prefixes)

    def candidates(self, url_path: str) -> list[FilePath]:
        """Return the files that a decoded URL path may name, in the order in which they are looked for.

        Raises:
            FileRefused: it is below no prefix, or nothing of that name is served.
        """
        found = [root.locate(below) for root, below in self._below(url_path)]
        if not found:
            raise FileRefused(404, "no folder is served there")
        return found

    def locate(self, url_path: str) -> FilePath:
        """Return the file that a decoded URL path names; where there is none, the first that it might.

        Raises:
            FileRefused: as `candidates` does.
        """
        candidates = self.candidates(url_path)
        return next((file for file in candidates if os.path.lexists(file)), candidates[0])

    def url_path(self, file: str) -> str | None:
        """Return the decoded URL path of `file`; None where it is in none of the folders, or never served."""
        for prefix, root in self._mounts:
            if _is_below(file, root.path):
                below = root.url_path(file)
                return None if below is None else prefix + below
        return None

    def open(self, file: FilePath) -> OpenFile:
        """Open `file` for reading.

        Raises:
            FileRefused: see `Root.open`.
        """
        for _, root in self._mounts:
            if _is_below(file, root.path):
                return root.open(file)
        raise FileRefused(403, "links out of the served folders are not followed")

    def find(self, file: str) -> FilePath | None:
        """Return `file` with its links resolved; None where that is no file that is served."""
        return next((found for _, root in self._mounts if (found := root.find(file)) is not None), None)

    def names(self, url_path: str) -> list[str] | None:
        """Return what may be served by its name in a folder, sorted; None where there is no such folder."""
        found = [root.names(below) for root, below in self._below(url_path)]
        if all(names is None for names in found):
            return None
        return sorted({name for names in found for name in names or ()})

    def climb(self, importer_path: str, reference: str) -> str | None:
        """Return None: what is above these folders is nobody's to name here."""
        return None

    def is_above(self, importer_path: str, reference: str) -> bool:
        """Return False; see `climb`."""
        return False

    def leads_out(self, url_path: str) -> bool:
        """Tell whether a folder is there, but by a link that is not followed."""
        return any(root.leads_out(below) for root, below in self._below(url_path))

    def _below(self, url_path: str) -> Iterator[tuple[Root, str]]:
        for prefix, root in self._mounts:
            if url_path.startswith(f"{prefix}/"):
                yield root, url_path[len(prefix) :]


Files: TypeAlias = Root | Mounts
"""Where served files come from."""


def _is_below(file: str, folder: str) -> bool:
    return file.startswith(folder.rstrip(os.sep) + os.sep)
