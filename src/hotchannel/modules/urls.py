"""URLs of modules: how specifiers, request targets and wire paths relate.

Role: the one place that joins, splits and stamps module URLs. Invariant: a `ModuleUrl` starts with `/`,
is without base, without `t` and `import` parameters; any other query is kept, because it names another
module (`/logo.svg?raw`). Its path is decoded but for `%`, `?` and `#`, so that it can stand in code and
on the wire as it is. Mixing up URLs, ids and files is the classic bug
of this field, so each has a type of its own.
"""

from __future__ import annotations

import re
from posixpath import normpath
from typing import NewType
from urllib.parse import quote, unquote

__all__ = [
    "FilePath",
    "ModuleId",
    "ModuleUrl",
    "below",
    "browser_url",
    "decode_path",
    "is_bare",
    "is_external",
    "join_specifier",
    "module_url",
    "path_of",
    "request_target",
    "split_query",
    "without_parameters",
]

ModuleUrl = NewType("ModuleUrl", str)
"""What travels as `path` and `acceptedPath`: `/src/a.js`, `/logo.svg?raw`."""

ModuleId = NewType("ModuleId", str)
"""A module's key in the graph. One URL may be two modules: a stylesheet linked and imported."""

FilePath = NewType("FilePath", str)
"""An absolute path in the file system, links resolved."""

_EXTERNAL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:|//")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
# What a browser's URL parser would take for syntax. All else it encodes by itself, in the same way for
# every importer; encoding more would make a second URL, and so a second instance, of one module.
_SYNTAX = str.maketrans({"%": "%25", "?": "%3F", "#": "%23"})


_PATH = "/@!$&'()*+,;=:~"
"""What stands in the path of a request as it is (RFC 3986, 3.3)."""


def request_target(path: str, query: str) -> str:
    """Return the request target of a decoded path and a raw query, as a browser writes it."""
    encoded = quote(path, safe=_PATH)
    return f"{encoded}?{query}" if query else encoded


def is_external(specifier: str) -> bool:
    """Tell whether `specifier` has a scheme or a host of its own (`https:`, `data:`, `//cdn`)."""
    return _EXTERNAL.match(specifier) is not None


def is_bare(specifier: str) -> bool:
    """Tell whether only an import map can resolve `specifier` (`lodash`, `@scope/name`)."""
    return (
        not specifier.startswith(("/", "./", "../"))
        and specifier not in (".", "..")
        and not is_external(specifier)
    )


def split_query(url: str) -> tuple[str, str]:
    """Split `url` into its path and its query, the query without `?`; a fragment is dropped."""
    path, _, query = url.partition("#")[0].partition("?")
    return path, query


def without_parameters(query: str, *names: str) -> str:
    """Return `query` without the parameters called `names`, the others as they stand."""
    return "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in names)


def decode_path(path: str) -> str | None:
    """Percent-decode the path of a request; None where it is malformed.

    Malformed is a stray `%`, bytes that are not UTF-8, a NUL or another control character, a
    backslash or an encoded slash: nothing a file can be called, and what path attacks are made of.
    """
    if _BAD_ESCAPE.search(path) or "%2f" in path.lower():
        return None
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return None
    if "\\" in decoded or any(ord(character) < 0x20 or ord(character) == 0x7F for character in decoded):
        return None
    return decoded


def join_specifier(importer_path: str, specifier: str) -> tuple[str, str] | None:
    """Resolve a relative or root specifier as written in source against its importer's path.

    Returns (decoded path, query), or None where the specifier's path is malformed. `..` stops at the
    root, as in a browser.
    """
    path, query = split_query(specifier)
    decoded = decode_path(path)
    if decoded is None:
        return None
    if not decoded.startswith("/"):
        decoded = importer_path.rpartition("/")[0] + "/" + decoded
    joined = normpath(decoded)
    # POSIX lets a path keep two leading slashes; a URL with two names a host.
    joined = "/" + joined.lstrip("/")
    if decoded.endswith("/") and joined != "/":
        joined += "/"
    return joined, query


def module_url(path: str, query: str = "") -> ModuleUrl:
    """Return the URL of the module at a decoded path."""
    encoded = path.translate(_SYNTAX)
    return ModuleUrl(f"{encoded}?{query}" if query else encoded)


def path_of(url: ModuleUrl) -> str:
    """Return the decoded path of a module."""
    return unquote(split_query(url)[0])


def below(path: str, base: str) -> str:
    """Return a path, with or without query, without the base in front of it; as it is where that is missing.

    Args:
        path: as a browser or code has it.
        base: ends with a slash.
    """
    return path[len(base) - 1 :] if path.startswith(base) else path


def browser_url(url: str, *, base: str = "/", timestamp: int = 0, explicit_import: bool = False) -> str:
    """Render a `ModuleUrl` as it stands in served code.

    The order of the parameters is the one that Vite's client builds (`import`, `t`, then the module's
    own query): another order would name another instance.
    """
    path, query = url.partition("?")[::2]
    parameters = ["import"] if explicit_import else []
    if timestamp:
        parameters.append(f"t={timestamp}")
    if query:
        parameters.append(query)
    rendered = base.rstrip("/") + path
    return f"{rendered}?{'&'.join(parameters)}" if parameters else rendered
