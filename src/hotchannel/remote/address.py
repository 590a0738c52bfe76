"""Where a server's socket is, by what its client script says.

Role: pure decision. A server puts the socket's host, port, path and token into the script that it serves as
`@vite/client`, in constants, one to a line; npm's Vite and hotchannel call them differently.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = ["client_url", "is_socket_url", "socket_urls"]

_STRING = r'"(?:[^"\\]|\\.)*"'
_CONSTANT = re.compile(rf"^const (\w+) = ({_STRING}|null|[0-9]+);?$", re.MULTILINE)
# `const socketHost = `${NAME || importMetaUrl.hostname}:${hmrPort || importMetaUrl.port}${PATH}`;`
_VITES_HOST = re.compile(
    rf"^const socketHost = `\$\{{({_STRING}|null) \|\| importMetaUrl\.hostname\}}"
    rf":\$\{{hmrPort \|\| importMetaUrl\.port\}}\$\{{({_STRING})\}}`",
    re.MULTILINE,
)
_VITES_PROTOCOL = re.compile(rf"^const socketProtocol = ({_STRING}|null)", re.MULTILINE)


def is_socket_url(url: str) -> bool:
    """Tell whether `url` is that of a socket itself, token included, and no page."""
    return url.lower().startswith(("ws:", "wss:"))


def client_url(url: str) -> str:
    """Return the URL of the client script of the server whose pages are at `url`, base included."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    path = parts.path if parts.path.endswith("/") else f"{parts.path.rpartition('/')[0]}/"
    return f"{parts.scheme}://{parts.netloc}{path}@vite/client"


def socket_urls(script: str, url: str) -> tuple[str, ...]:
    """Return the URLs at which a browser would look for the socket, in its order; none where it is no client.

    Args:
        script: text of the client.
        url: where it was found.
    """
    constants: dict[str, Any] = {name: json.loads(value) for name, value in _CONSTANT.findall(script)}
    page = urlsplit(url)
    if "wsBase" in constants:
        host, path, protocol, port, direct = (
            constants.get(name) for name in ("wsHostname", "wsBase", "wsProtocol", "wsPort", "wsDirectTarget")
        )
    elif (found := _VITES_HOST.search(script)) is not None:
        host, path = json.loads(found[1]), json.loads(found[2])
        named = _VITES_PROTOCOL.search(script)
        protocol = json.loads(named[1]) if named else None
        port, direct = constants.get("hmrPort"), constants.get("directSocketHost")
    else:
        return ()
    scheme = protocol or ("wss" if page.scheme == "https" else "ws")
    name = host or page.hostname or "localhost"
    number = port or page.port
    netloc = f"[{name}]" if ":" in name and not name.startswith("[") else name
    token = constants.get("wsToken")
    query = f"?token={quote(token, safe='')}" if token else ""
    targets = [f"{netloc}:{number}{path}" if number else f"{netloc}{path}"]
    # Where a proxy in front does not pass sockets on, browsers go past it (Vite: `directSocketHost`).
    if direct and not port:
        targets.append(direct)
    return tuple(dict.fromkeys(f"{scheme}://{target}{query}" for target in targets))
