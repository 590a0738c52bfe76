"""The channel's own port.

Role: opens the listener for hosts that cannot share theirs (WSGI), on loopback where nothing else is
said. Every connection goes to `Connection`, which answers plain HTTP with `426 Upgrade Required`.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

from hotchannel.errors import ListenError
from hotchannel.options import DEFAULT_WS_PORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from hotchannel.options import HttpsOptions, WsOptions

__all__ = ["Listener", "open_listener"]

_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_ATTEMPTS = 8

_BACKLOG = 1024
"""Connections that may wait to be accepted: all tabs come back at once after a restart."""

_TLS_SHUTDOWN = 1.0
"""Seconds that a peer has to answer the end of TLS."""


class Listener:
    """Open listening sockets.

    Attributes:
        addresses: host and port of each.
        urls: the same for the log.
    """

    __slots__ = ("_servers", "addresses", "urls")

    def __init__(self, servers: list[asyncio.Server], scheme: str) -> None:
        self._servers = servers
        self.addresses: tuple[tuple[str, int], ...] = tuple(
            (socket.getsockname()[0], socket.getsockname()[1])
            for server in servers
            for socket in server.sockets
        )
        self.urls = [
            f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
            for host, port in self.addresses
        ]

    def close(self) -> None:
        """Stop accepting; connections that are there stay."""
        for server in self._servers:
            server.close()


async def open_listener(
    factory: Callable[[], asyncio.Protocol],
    options: WsOptions,
    *,
    https: HttpsOptions | bool = False,
    own_hosts: Iterable[str] = (),
    tries: int = 1,
) -> Listener:
    """Listen on the host of `options`, or on 127.0.0.1 and ::1 (where there is one) at the same port.

    Args:
        factory: makes the protocol of a connection.
        options: the host, the port (24678 if none is set) and the time that TLS may take to be agreed on.
        https: for wss: certificate files, or True for a self-signed certificate.
        own_hosts: names that a self-signed certificate is to hold, beside loopback's.
        tries: how many ports may be tried one after another, where they are in use.

    Raises:
        ListenError: says which address and port, and what to set.
        OptionError: a certificate cannot be used.
        HotChannelError: a self-signed certificate cannot be made.
    """
    loop = asyncio.get_running_loop()
    host = options.host
    port = DEFAULT_WS_PORT if options.port is None else options.port
    scheme = "wss" if https else "ws"
    tls: dict[str, Any] = {}
    if https:
        from hotchannel.websocket.tls import tls_context

        # Before TLS is agreed on there is no protocol yet whose timer could run out.
        tls = {
            "ssl": tls_context(https, own_hosts),
            "ssl_handshake_timeout": options.handshake_timeout,
            "ssl_shutdown_timeout": _TLS_SHUTDOWN,
        }

    def listen(host: str, port: int) -> Awaitable[asyncio.Server]:
        return loop.create_server(factory, host, port, backlog=_BACKLOG, **tls)

    for candidate in range(port, port + tries):
        try:
            if host is not None:
                return Listener([await listen(host, candidate)], scheme)
            return Listener(await _listen_on_loopback(listen, candidate), scheme)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or candidate == port + tries - 1:
                raise ListenError(exc.errno, _explain(exc, host, candidate)) from exc
    raise AssertionError("the last attempt returns or raises")


async def _listen_on_loopback(
    listen: Callable[[str, int], Awaitable[asyncio.Server]], port: int
) -> list[asyncio.Server]:
    # With port 0 the port that is free on 127.0.0.1 may be taken on ::1: then another is tried.
    for attempt in range(_ATTEMPTS):
        first = await listen("127.0.0.1", port)
        try:
            second = await listen("::1", first.sockets[0].getsockname()[1])
        except OSError as exc:
            if exc.errno in _NO_IPV6:
                return [first]
            first.close()
            if port != 0 or attempt == _ATTEMPTS - 1:
                raise
        else:
            return [first, second]
    raise AssertionError("the last attempt returns or raises")


def _explain(exc: OSError, host: str | None, port: int) -> str:
    where = f"port {port}" if host is None else f"port {port} of {host}"
    if exc.errno == errno.EADDRINUSE:
        return f"{where} is already in use: stop what uses it, or set ws.port to another (0 picks a free one)"
    if exc.errno == errno.EACCES:
        return f"{where} is not allowed to this user: set ws.port to one above 1023"
    return f"cannot listen on {where}: {exc.strerror or exc}; set ws.host and ws.port"
