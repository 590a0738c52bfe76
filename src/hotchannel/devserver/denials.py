"""What is never served, by its name alone.

Role: pure decision about a path below a folder that is served. Dot files, keys and other secrets are refused
always, and what the setting `fs.deny` names beside them.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KEPT", "Denials", "FileRefused"]

_SECRET = re.compile(
    # Keys and certificates, what holds passwords, private keys of SSH, and what Emacs keeps of a dot file.
    r"(?: .*\.(?:cer|crt|der|env|jks|kdbx|key|keystore|p12|p8|pem|pfx|pk8|ppk)"
    r" | .*id_(?:dsa|ecdsa|ed25519|rsa)[^.:~\#\ ]*"
    r" | \#\..* )"
    # Their backups, and other names that a file system takes for the same.
    r"(?: \.(?:backup|bak|old|orig|save|swp|tmp|[0-9]+) | :.* | [.\ ~\#] )*",
    re.DOTALL | re.VERBOSE,
)
_WELL_KNOWN = "/.well-known/"
"""The folder with a dot that is meant for everybody (RFC 8615); browsers' own tools ask for files in it."""

# Some file systems take names for the same that differ in these (as Git's `core.protectHFS`).
_INVISIBLE = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))

_MAX_NAME = 255
"""No file system that a site lies on has longer names."""

# Where package managers keep what the folders beside them link to; it is as public as these.
_STORES = re.compile(r"(?<=/node_modules/)\.(?=(?:bun|pnpm|store)/)")

KEPT = "keys and other secrets are not served"


class FileRefused(Exception):  # noqa: N818 - a refusal, not an error; it never leaves the dev server
    """A file that is not served.

    Attributes:
        status: 403 where it must not be read, 404 where there is none.
        is_directory: the path names a folder.
    """

    def __init__(self, status: int, reason: str, *, is_directory: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.is_directory = is_directory


def _without_braces(pattern: str) -> list[str]:
    """Return the patterns that one with `{a,b}` in it stands for."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        return [pattern]
    ahead, behind = pattern[: found.start()], pattern[found.end() :]
    return [each for part in found[1].split(",") for each in _without_braces(ahead + part + behind)]


class Denials:
    """Tells which paths are refused.

    Args:
        patterns: as in a shell, with `*`, `?` and `[...]`, in any case. One without a slash is for the name
            of a file, or of a folder with all that is in it; one with a slash is for a whole path below the
            served folder. As in Vite there may be `{a,b}`, and `**/` ahead or `/**` behind.
        is_store: the folder is itself called `node_modules`.
    """

    __slots__ = ("_is_store", "_name", "_path")

    def __init__(self, patterns: Iterable[str] = (), *, is_store: bool = False) -> None:
        by_name: list[str] = []
        by_path: list[str] = []
        for pattern in (each for given in patterns for each in _without_braces(given)):
            trimmed = pattern.casefold().removeprefix("./")
            is_deep = trimmed.startswith("**/")
            # Whatever is in a folder goes with it.
            trimmed = trimmed.removeprefix("**/").removesuffix("/**").strip("/")
            (by_path if "/" in trimmed else by_name).append(translate(trimmed))
            if is_deep and "/" in trimmed:
                by_path.append(translate(f"*/{trimmed}"))
        self._is_store = is_store
        self._name = re.compile("|".join(by_name)) if by_name else None
        self._path = re.compile("|".join(by_path)) if by_path else None

    def of(self, url_path: str) -> FileRefused | None:
        """Return why a decoded URL path is refused; None where it is not."""
        if not url_path.isascii():
            url_path = url_path.translate(_INVISIBLE)
        if self._is_store and url_path.startswith("/."):
            url_path = _STORES.sub("", f"/node_modules{url_path}")
        elif "/node_modules/." in url_path:
            url_path = _STORES.sub("", url_path)
        first = 1 if url_path.startswith(_WELL_KNOWN) else 0
        if url_path.find("/.", first) >= 0 or url_path.startswith("."):
            return FileRefused(403, "dot files are not served")
        name = url_path.rstrip("/").rpartition("/")[2]
        if len(name) > _MAX_NAME:
            return FileRefused(404, "there is no such file")
        # Compared without regard to case, since some file systems do.
        if _SECRET.fullmatch(name.casefold()):
            return FileRefused(403, KEPT)
        if self._matches(url_path.casefold().strip("/")):
            return FileRefused(403, "the setting `fs.deny` names it")
        return None

    def _matches(self, path: str) -> bool:
        if self._name is not None and any(map(self._name.match, path.split("/"))):
            return True
        if self._path is None:
            return False
        ends = (index for index, character in enumerate(path + "/") if character == "/")
        return any(self._path.match(path[:end]) for end in ends)
