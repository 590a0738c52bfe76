"""Which `Host` may be asked for.

Role: the guard against DNS rebinding. A page of `evil.com` whose name suddenly means 127.0.0.1 has a
Host that nobody allowed, while an IP address or `localhost` cannot be rebound. Pure, without a
resolver. Follows protocol.md section 3; grammar of RFC 3986 section 3.2.2, stricter than stock Vite,
which cuts at the first colon and looks no further.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["host_allowed", "host_name"]

# Tested before any parsing, as in stock: what a page of a browser extension or a file sends.
_LOCAL_SCHEME = re.compile(r"(?:file|[a-z][a-z0-9+-]*-extension):", re.IGNORECASE)

# What nearly everybody asks for, and what would be found to be an address anyway.
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")

# A registered name may hold more by RFC 3986, but nothing more can be on the list.
_AUTHORITY = re.compile(
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?))(?::[0-9]{1,5})?"
)


def host_name(host: str) -> str | None:
    """The name or address in a Host, lower case, without port and brackets; None where it is malformed."""
    match = _AUTHORITY.fullmatch(host)
    if match is None:
        return None
    literal = match["literal"]
    if literal is None:
        return match["name"].lower()
    return literal.lower() if _is_address(literal, ipaddress.IPv6Address) else None


def host_allowed(
    host: str,
    allowed_hosts: Collection[str] | Literal[True],
    own_hosts: Collection[str] = (),
) -> bool:
    """Whether a request with this Host may be answered.

    Args:
        host: the header's value.
        allowed_hosts: names; one that begins with a dot allows that name and all below it. True
            allows everything, malformed or not.
        own_hosts: names or addresses the server itself goes by.
    """
    if allowed_hosts is True or _LOOPBACK.fullmatch(host) or _LOCAL_SCHEME.match(host):
        return True
    name = host_name(host)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if host.startswith("[") or _is_address(name, ipaddress.IPv4Address):
        return True
    return any(name == own.lower() for own in own_hosts) or any(
        _matches(name, allowed.lower()) for allowed in allowed_hosts
    )


def _matches(name: str, allowed: str) -> bool:
    if allowed.startswith("."):
        return name == allowed[1:] or name.endswith(allowed)
    return name == allowed


def _is_address(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
