"""Finding a port for the pages: which interfaces, and what to do when it is taken."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from hotchannel.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bind", "network_addresses"]

_TRIES = 100
_LOOPBACK = ("127.0.0.1", "::1")


def bind(host: str | None, port: int, *, strict: bool) -> list[socket.socket]:
    """Return listening sockets for `host`, all on one port: `port`, or the next that is free.

    Args:
        host: None for loopback, IPv4 and IPv6.
        port: first port to try; 0 for any.
        strict: try no other port.

    Raises:
        ListenError: the port is taken, or the host is not one of this machine's.
    """
    hosts = _LOOPBACK if host in (None, "localhost") else (str(host),)
    for candidate in range(port, min(port + (1 if strict or not port else _TRIES), 65536)):
        try:
            return _bind_all(hosts, candidate)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise ListenError(
                    f"Port {candidate} needs more rights; choose one above 1023 with --port."
                ) from error
            if error.errno != errno.EADDRINUSE:
                hint = "Give an address of this machine to --host."
                if host is not None and os.path.isdir(host):
                    hint = f"That is a folder: write it ahead, as in `hotchannel dev {host} --host`."
                raise ListenError(f"Cannot listen on {host}: {error}. {hint}") from error
    if strict:
        raise ListenError(f"Port {port} is in use. Choose another with --port, or leave --strict-port out.")
    raise ListenError(f"Ports {port} to {candidate} are in use. Choose another with --port.")


def network_addresses() -> list[str]:
    """Return this machine's IPv4 addresses that other machines may reach."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:
        found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it makes the system choose the interface that leads outside.
            probe.connect(("192.0.2.1", 9))
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(address for address in found if not address.startswith("127."))


def _bind_all(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(hosts):
            # By name: asyncio turns Nagle's delay off only where the socket says that it is TCP.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                listener.bind((address, port))
            except OSError as error:
                if family == socket.AF_INET6 and len(sockets) > 1 and error.errno == errno.EADDRNOTAVAIL:
                    sockets.pop().close()  # a machine without IPv6
                    continue
                raise
            listener.listen(1024)
            port = listener.getsockname()[1]
    except BaseException:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _addresses(hosts: tuple[str, ...]) -> Iterator[tuple[socket.AddressFamily, str]]:
    for host in hosts:
        if host == "::1" and not socket.has_ipv6:
            continue
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        yield family, str(address[0])
