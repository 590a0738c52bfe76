"""The same connection for scripts: an event loop in a thread of its own behind ordinary calls."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from hotchannel.remote.connection import Remote, connect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine
    from types import TracebackType

    from hotchannel.remote.payloads import Received

__all__ = ["BlockingRemote", "connect_sync"]

Json: TypeAlias = Any
T = TypeVar("T")


def connect_sync(
    url: str, *, reconnect: bool = True, timeout: float = 10.0, ssl: ssl.SSLContext | None = None
) -> BlockingRemote:
    """Make a connection as `connect` does, for `with`; its methods wait instead of being awaited."""
    return BlockingRemote(url, reconnect=reconnect, timeout=timeout, ssl=ssl)


class BlockingRemote:
    """A `Remote` for code without an event loop; made by `connect_sync`. Any thread may call it."""

    def __init__(self, url: str, *, reconnect: bool, timeout: float, ssl: ssl.SSLContext | None) -> None:
        self._is_running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotchannel remote", daemon=True)
        self._make = partial(connect, url, reconnect=reconnect, timeout=timeout, ssl=ssl)

    def __enter__(self) -> Self:
        """Connect; raises as `Remote` does."""
        self._thread.start()
        self._is_running.wait()
        try:
            self._remote = self._wait(self._open())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        try:
            self._wait(self._remote.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Received:
        try:
            return self._wait(self._remote.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def send(self, event: str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET) -> None:
        """Send a custom event; see `Remote.send`."""
        self._wait(self._remote.send(event, data, meta))

    def invoke(self, name: str, *arguments: Json) -> Json:
        """Call a function that the server offers; see `Remote.invoke`."""
        return self._wait(self._remote.invoke(name, *arguments))

    def ping(self) -> float:
        """Return how long a ping takes there and back, in seconds; see `Remote.ping`."""
        return self._wait(self._remote.ping())

    async def _open(self) -> Remote:
        return await self._make().__aenter__()

    def _wait(self, job: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(job, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C ends the waiting, and what is waited for.
            future.cancel()
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._is_running.set()
            self._loop.run_forever()
