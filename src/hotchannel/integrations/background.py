"""A worker in a thread, for applications that have no event loop of their own.

Role: starts the worker at the first request, once in every process that serves some, and carries calls to it.
Its thread ends with the process, and holds up neither its end nor that of a reloader.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hotchannel.integrations.worker import Hot, Worker

__all__ = ["Background"]

T = TypeVar("T")


class Background:
    """The one worker of a process.

    Args:
        make: makes the worker, in its event loop, of the address that the application is served at.
    """

    def __init__(self, make: Callable[[str], Worker]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._process = 0

    def hot(self, server: str) -> Hot:
        """Return what makes the application hot; the first call in a process starts it, and waits for it.

        Raises:
            HotChannelError: it cannot be started.
        """
        worker = self._worker
        # A fork has the object, and not the thread.
        if worker is None or self._process != os.getpid():
            with self._lock:
                if self._worker is None or self._process != os.getpid():
                    self._worker = self._start(server)
                    self._process = os.getpid()
                worker = self._worker
        return worker.hot

    def call(self, server: str, act: Callable[[Hot], Coroutine[object, object, T]]) -> T:
        """Return what a coroutine returns; waits for it, from any thread but the worker's."""
        hot = self.hot(server)
        return asyncio.run_coroutine_threadsafe(act(hot), hot.loop).result()

    def tell(self, server: str, act: Callable[[Hot], object]) -> None:
        """Have something done, and wait for nothing."""
        hot = self.hot(server)
        hot.loop.call_soon_threadsafe(act, hot)

    def _start(self, server: str) -> Worker:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="hotchannel", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._begin(server), loop).result()

    async def _begin(self, server: str) -> Worker:
        worker = self._make(server)
        await worker.start()
        return worker
