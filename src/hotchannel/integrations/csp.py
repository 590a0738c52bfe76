"""What a page's Content-Security-Policy keeps the client from doing, and what would allow it.

Role: pure. A blocked client is silent but for a line in the browser's console; this says it where the
developer looks. Follows Content Security Policy Level 3 (6.7, "Matching algorithms"), and Chromium where
that is stricter: `ws:` is not matched by a source for `http:`, nor by one without a scheme.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["blocked_by"]

_CLIENT = "/@vite/client"
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SECURE = {"http": "https", "ws": "wss"}

_CONNECT = ("connect-src", "default-src")
_SCRIPT = ("script-src-elem", "script-src", "default-src")
_STYLE = ("style-src-elem", "style-src", "default-src")

_TOKEN = re.compile(r"[^\t\n\f\r ]+")
_NONCE = re.compile(r"'nonce-([a-z0-9+/_-]+={0,2})'", re.ASCII | re.IGNORECASE)
_NONCE_OR_HASH = re.compile(r"'(?:nonce|sha(?:256|384|512))-[a-z0-9+/_-]+={0,2}'", re.ASCII | re.IGNORECASE)
_SCHEME_SOURCE = re.compile(r"([a-z][a-z0-9+.-]*):", re.ASCII | re.IGNORECASE)
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
    r"(?::(?P<port>[0-9]{1,5}|\*))?"
    r"(?P<path>/[^?#]*)?",
    re.ASCII | re.IGNORECASE,
)


class _Url(NamedTuple):
    """What sources are compared with; the port is always there."""

    scheme: str
    host: str
    port: int | None
    path: str


def blocked_by(policies: Iterable[str], *, nonce: str | None, page: str, socket: str) -> list[str]:
    """Return what the policies forbid the client, a sentence each with the way out; none where it is free.

    Args:
        policies: values of all headers and `<meta>` that are enforced. Several in one are divided by commas,
            and each of them has to allow.
        nonce: of the client's script; None where it has none. The client gives it to its `<style>` too.
        page: the page's origin, from which the client is loaded.
        socket: the URL of the socket.
    """
    origin, target = _url(page), _url(socket)
    found = [
        sentence
        for value in policies
        for policy in value.split(",")
        for sentence in _forbidden(_directives(policy), nonce, origin, target)
    ]
    return list(dict.fromkeys(found))


def _forbidden(
    policy: Mapping[str, Sequence[str]], nonce: str | None, page: _Url, socket: _Url
) -> Iterator[str]:
    if "sandbox" in policy and "allow-scripts" not in policy["sandbox"]:
        yield "sandbox forbids all scripts: add allow-scripts to it"
    if "sandbox" in policy and "allow-same-origin" not in policy["sandbox"]:
        # A module is loaded as from another origin then.
        yield f"sandbox forbids {_CLIENT}: add allow-same-origin to it"
    name = _effective(policy, _SCRIPT)
    if name and not _allows_script(policy[name], nonce, page):
        way = _way("'self'", nonce, is_ignored="'strict-dynamic'" in policy[name])
        yield f"{name} forbids {_CLIENT}: {way}"
    name = _effective(policy, _CONNECT)
    if name and not _allows_url(policy[name], socket, page):
        host = f"[{socket.host}]" if ":" in socket.host else socket.host
        # No source can name an IPv6 address.
        way = f"{socket.scheme}:" if ":" in socket.host else "it"
        yield f"{name} forbids {socket.scheme}://{host}:{socket.port}: add {way} to {name}"
    name = _effective(policy, _STYLE)
    if name and not _allows_style(policy[name], nonce):
        way = _way("'unsafe-inline'", nonce, is_ignored=_has_nonce_or_hash(policy[name]))
        yield f"{name} forbids the <style> elements of hot CSS modules: {way}"


def _directives(policy: str) -> dict[str, list[str]]:
    """Return sources by directive; of several of one name the first counts. Keywords are in lower case."""
    found: dict[str, list[str]] = {}
    for directive in policy.split(";"):
        tokens = _TOKEN.findall(directive)
        if tokens:
            sources = [token if _NONCE.fullmatch(token) else _folded(token) for token in tokens[1:]]
            found.setdefault(tokens[0].lower(), sources)
    return found


def _folded(token: str) -> str:
    """Fold the case of all but a source with a path, in which it counts."""
    return token if "/" in token else token.lower()


def _effective(policy: Mapping[str, Sequence[str]], names: Iterable[str]) -> str | None:
    """Return the directive that decides, of the one that is meant and its fallbacks."""
    return next((name for name in names if name in policy), None)


def _allows_script(sources: Sequence[str], nonce: str | None, page: _Url) -> bool:
    if _has_nonce(sources, nonce):
        return True
    # It stands in the page's text, so that no other script vouches for it.
    return "'strict-dynamic'" not in sources and _allows_url(sources, page._replace(path=_CLIENT), page)


def _allows_style(sources: Sequence[str], nonce: str | None) -> bool:
    return _has_nonce(sources, nonce) or ("'unsafe-inline'" in sources and not _has_nonce_or_hash(sources))


def _way(keyword: str, nonce: str | None, *, is_ignored: bool) -> str:
    """Return what to add: a keyword where it would count, or a nonce."""
    by_nonce = "the nonce of the page's scripts" if nonce else "a nonce to a script of the page"
    return f"add {by_nonce}" if is_ignored else f"add {keyword}, or {by_nonce}"


def _has_nonce(sources: Sequence[str], nonce: str | None) -> bool:
    matches = map(_NONCE.fullmatch, sources)
    return any(match is not None and match[1] == nonce for match in matches)


def _has_nonce_or_hash(sources: Sequence[str]) -> bool:
    """Tell whether 'unsafe-inline' means nothing."""
    return any(map(_NONCE_OR_HASH.fullmatch, sources))


def _allows_url(sources: Sequence[str], url: _Url, page: _Url) -> bool:
    return any(_matches(source, url, page) for source in sources)


def _matches(source: str, url: _Url, page: _Url) -> bool:
    if source == "*":
        return True
    if source == "'self'":
        return _is_self(url, page)
    if (by_scheme := _SCHEME_SOURCE.fullmatch(source)) is not None:
        return _allows_scheme(by_scheme[1], url.scheme)
    match = _HOST_SOURCE.fullmatch(source)
    return (
        match is not None
        and _allows_scheme((match["scheme"] or page.scheme).lower(), url.scheme)
        and _allows_host(match["host"].lower(), url.host)
        and _allows_port(match["port"], url)
        and _allows_path(match["path"] or "", url.path)
    )


def _is_self(url: _Url, page: _Url) -> bool:
    is_default = all(each.port == _DEFAULT_PORTS.get(each.scheme) for each in (url, page))
    if url.host != page.host or not (url.port == page.port or is_default):
        return False
    return url.scheme in (page.scheme, "https", "wss") or (page.scheme, url.scheme) == ("http", "ws")


def _allows_scheme(allowed: str, scheme: str) -> bool:
    return scheme in (allowed, _SECURE.get(allowed))


def _allows_host(allowed: str, host: str) -> bool:
    if allowed.startswith("*"):
        return host.endswith(allowed[1:])
    return host == allowed


def _allows_port(allowed: str | None, url: _Url) -> bool:
    if allowed is None:
        return url.port == _DEFAULT_PORTS.get(url.scheme)
    return allowed == "*" or int(allowed) == url.port


def _allows_path(allowed: str, path: str) -> bool:
    if not allowed:
        return True
    decoded = unquote(allowed)
    return path.startswith(decoded) if decoded.endswith("/") else path == decoded


def _url(text: str) -> _Url:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        # Of a Host that is malformed; no source matches it.
        return _Url("", "", None, "/")
    return _Url(
        parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS.get(parts.scheme), parts.path or "/"
    )
