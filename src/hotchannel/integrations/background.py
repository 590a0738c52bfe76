"""A worker in a thread, for applications that have no event loop of their own.

Role: starts the worker at the first request, once in every process that serves some, and carries calls to it.
Its thread ends with the process, and holds up neither its end nor that of a reloader.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hotchannel.integrations.exchange import Visit
    from hotchannel.integrations.worker import Hot, Worker
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["Background", "call_from_anywhere"]

T = TypeVar("T")


async def call_from_anywhere(hot: Hot, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine of `hot` returns, in whichever event loop this runs."""
    if hot.loop is asyncio.get_running_loop():
        return await coroutine
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, hot.loop))


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
        self._shared: Callable[[], Hot] | None = None

    def hot(self, server: str) -> Hot:
        """Return what makes the application hot; the first call in a process starts it, and waits for it.

        Raises:
            HotChannelError: it cannot be started.
        """
        return self._shared() if self._shared is not None else self._own(server)

    def share(self, hot: Callable[[], Hot] | None) -> None:
        """From now on a server's event loop has what makes the application hot; None where that has ended."""
        self._shared = hot

    async def ahot(self, server: str) -> Hot:
        """Return the same in any event loop, which waits for nothing but the first time."""
        if self._shared is None and not self._is_running:
            return await asyncio.to_thread(self.hot, server)
        return self.hot(server)

    def call(self, server: str, act: Callable[[Hot], Coroutine[object, object, T]]) -> T:
        """Return what a coroutine returns; waits for it, outside of the event loop that it is for."""
        hot = self.hot(server)
        return asyncio.run_coroutine_threadsafe(act(hot), hot.loop).result()

    def failed(self, visit: Visit, detail: ErrorDetail) -> None:
        """A view has raised."""
        hot = self.hot(visit.server)
        hot.loop.call_soon_threadsafe(hot.failed, visit.source, detail)

    def succeeded(self, visit: Visit) -> None:
        """A request was answered; that is news only where something had failed."""
        hot = self.hot(visit.server)
        if hot.failing:
            hot.loop.call_soon_threadsafe(hot.succeeded, visit.source)

    @property
    def _is_running(self) -> bool:
        # A fork has the object, and not the thread.
        return self._worker is not None and self._process == os.getpid()

    def _own(self, server: str) -> Hot:
        if not self._is_running:
            with self._lock:
                if not self._is_running:
                    self._worker = self._start(server)
                    self._process = os.getpid()
        assert self._worker is not None  # since it is running
        return self._worker.hot

    def _start(self, server: str) -> Worker:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="hotchannel", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._begin(server), loop).result()

    async def _begin(self, server: str) -> Worker:
        worker = self._make(server)
        await worker.start()
        return worker
