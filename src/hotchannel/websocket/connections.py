"""All connections of a server, until each is gone.

Role: knows every transport from its first byte on, clients or not, looks at them at regular intervals
from one timer (not one each), and sees all of them off when the server closes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotchannel.websocket.roles import Socket

__all__ = ["Connections"]

_SERVICE_RESTART = 1012

_CLOSE_TIME = 1.0
"""Seconds that clients have to answer our goodbye."""


class Connections:
    """The connections that are there.

    Args:
        interval: seconds between two looks at each.
    """

    __slots__ = ("_all_gone", "_closed", "_interval", "_patrol", "_sockets")

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._sockets: set[Socket] = set()
        self._patrol: asyncio.TimerHandle | None = None
        self._all_gone: asyncio.Event | None = None
        self._closed = False

    def add(self, socket: Socket) -> None:
        """One more is there. Needs a running loop."""
        self._sockets.add(socket)
        if self._patrol is None and not self._closed:
            self._patrol = asyncio.get_running_loop().call_later(self._interval, self._look)

    def discard(self, socket: Socket) -> None:
        """One is gone; nothing happens where it was not there."""
        self._sockets.discard(socket)
        if self._all_gone is not None and not self._sockets:
            self._all_gone.set()

    def waiting(self) -> int:
        """Bytes that peers have not taken yet."""
        return sum(socket.waiting for socket in self._sockets)

    async def close(self) -> None:
        """Close all with 1012; returns when they are gone. Those that do not answer are cut off."""
        self._closed = True
        if self._patrol is not None:
            self._patrol.cancel()
            self._patrol = None
        if not self._sockets:
            return
        self._all_gone = self._all_gone or asyncio.Event()
        for socket in tuple(self._sockets):
            socket.close(_SERVICE_RESTART, linger=_CLOSE_TIME)
        try:
            async with asyncio.timeout(2 * _CLOSE_TIME):
                await self._all_gone.wait()
        except TimeoutError:
            for socket in tuple(self._sockets):
                socket.abort()
            # How and when their transports end is another server's business now.
            self._sockets.clear()

    def _look(self) -> None:
        self._patrol = None
        for socket in tuple(self._sockets):
            socket.look()
        if self._sockets:
            self._patrol = asyncio.get_running_loop().call_later(self._interval, self._look)
