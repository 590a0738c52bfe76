"""Our dev server inside the test's own process: there in milliseconds, for the many small scenarios.

How the installed command starts and ends it, other tests show with a process of its own.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Literal, Self

__all__ = ["Servers"]


class Servers:
    """Dev servers, all in one event loop in a thread; used with `with`.

    Args:
        pack: their setting of this name.
    """

    def __init__(self, *, pack: Literal["auto"] | bool = "auto") -> None:
        self._pack: Literal["auto"] | bool = pack
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dev servers")
        self._ending: list[Future[None]] = []
        self._ports: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._ending:
            each.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, root: Path, prepare: Callable[[DevServer], None] | None = None) -> DevServer:
        """Serve a folder; saves are seen when this returns.

        The port is one that was not used before: a page keeps cache and storage by it.
        """
        while (port := free_port()) in self._ports:
            pass
        self._ports.add(port)
        server = DevServer(root, DevOptions(port=port, strict_port=True, pack=self._pack))
        if prepare is not None:
            prepare(server)
        self._run(server.__aenter__()).result()
        return server

    def stop(self, server: DevServer) -> None:
        """Have a server end, which takes as long as its connections need; the next test does not wait."""
        self._ending.append(self._run(server.__aexit__()))

    def _run(self, job: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(job, self._loop)
