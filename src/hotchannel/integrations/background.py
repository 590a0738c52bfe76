"""A host in a thread, for applications that have no event loop of their own.

Role: starts the host at the first request, once in every process that serves some, and carries calls to it.
Its thread ends with the process, and holds up neither its end nor that of a reloader.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, TypeVar

from hotchannel.integrations.channel import get_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hotchannel.integrations.host import Host

__all__ = ["Background"]

T = TypeVar("T")


class Background:
    """The one host of a process.

    Args:
        make: makes the host; called in its event loop.
    """

    def __init__(self, make: Callable[[], Host]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._host: Host | None = None
        self._process = 0

    def host(self) -> Host:
        """Return the host; the first call in a process starts it, and waits until it serves.

        Raises:
            HotChannelError: it cannot be started.
        """
        # A fork has the object, and not the thread.
        if self._host is None or self._process != os.getpid():
            with self._lock:
                if self._host is None or self._process != os.getpid():
                    self._host = self._start()
                    self._process = os.getpid()
        return self._host

    def call(self, act: Callable[[Host], Coroutine[object, object, T]]) -> T:
        """Return what a coroutine of the host's returns; waits for it, from any thread but the host's."""
        host = self.host()
        return asyncio.run_coroutine_threadsafe(act(host), host.loop).result()

    def tell(self, act: Callable[[Host], object]) -> None:
        """Have something done by the host, and wait for nothing."""
        host = self.host()
        host.loop.call_soon_threadsafe(act, host)

    def _start(self) -> Host:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="hotchannel", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._begin(), loop).result()

    async def _begin(self) -> Host:
        host = self._make()
        await host.start()
        get_channel().carried_by(host)
        return host
