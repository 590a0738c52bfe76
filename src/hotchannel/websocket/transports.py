"""Facts about transports that asyncio leaves to its users.

Role: the address for the log, Nagle's delay, and the descriptor for those who write past a transport.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["NO_DESCRIPTOR", "descriptor_of", "send_at_once", "shown_address"]

NO_DESCRIPTOR = -1


def shown_address(peer: object) -> str:
    """Address and port of a socket's peer, for the log."""
    if not isinstance(peer, (tuple, list)) or len(peer) < 2:
        return "local peer"
    host, port = str(peer[0]), peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def send_at_once(line: socket.socket | None) -> None:
    """Switch Nagle's delay off: asyncio does so only for sockets that were made by name as TCP."""
    if line is not None and line.family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def descriptor_of(transport: asyncio.Transport) -> int:
    """What can be written to past the transport; none where bytes are encrypted, or no file."""
    line = transport.get_extra_info("socket")
    if os.name != "posix" or line is None or transport.get_extra_info("sslcontext") is not None:
        return NO_DESCRIPTOR
    return int(line.fileno())
