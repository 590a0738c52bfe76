"""A worker in the event loop of an ASGI server, and the sockets that come by that server.

Role: begins with the first request, and again where an event loop has ended before it, as in tests; hands the
channel's sockets to the owner, be it here or elsewhere; ends with the lifespan.
"""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

from hotchannel.integrations.host import Host
from hotchannel.websocket.asgi import STATE_KEY, AsgiEntrance, below_root
from hotchannel.websocket.handshake import HMR, PING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.integrations.worker import Hot, Worker
    from hotchannel.websocket.asgi import AsgiApp, Message, Receive, Scope, Send

__all__ = ["AsgiWorker", "server_of"]

_LOOK = 0.1
"""Seconds between two looks whether the server still listens."""


class AsgiWorker:
    """The worker of one application.

    Args:
        app: the application behind.
        make: makes the worker, of the first scope that there is.
    """

    def __init__(self, app: AsgiApp, make: Callable[[Scope], Worker]) -> None:
        self._app = app
        self._make = make
        self._worker: asyncio.Task[Worker] | None = None
        self._state: dict[str, object] | None = None

    @property
    def now(self) -> Hot | None:
        """What makes the application hot at the moment; None before the beginning and after the end."""
        worker = self._worker
        return worker.result().hot if worker is not None and worker.done() else None

    async def hot(self, scope: Scope) -> Hot:
        """Return what makes the application hot; the first request starts it."""
        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.get_loop() is not loop:
            self._worker = loop.create_task(self._begin(scope))
        if not self._worker.done():
            # Whoever asks meanwhile waits for the same, and who asked first may leave.
            await asyncio.shield(self._worker)
        return self._worker.result().hot

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a socket of the channel's; all others are the application's."""
        hot = await self.hot(scope)
        below = below_root(scope)

        async def app(_: Scope, receive: Receive, send: Send) -> None:
            await self._app(scope, receive, send)

        if isinstance(hot, Host):
            is_shared = hot.channel.mode == "integrated"
            await (AsgiEntrance(hot.channel, app) if is_shared else app)(below, receive, send)
        elif below["path"] == hot.socket_path and {HMR, PING}.issuperset(scope["subprotocols"] or [""]):
            await hot.websocket(below, receive, send)
        else:
            await app(below, receive, send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application's lifespan be, and end with it."""
        self._state = scope.get("state")

        async def receive_and_end() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.close()
            return message

        await self._app(scope, receive_and_end, send)

    async def close(self) -> None:
        """End the worker."""
        if self._worker is not None and self._worker.get_loop() is asyncio.get_running_loop():
            worker = await self._worker
            self._worker = None
            await worker.close()
            self._ending.cancel()

    async def _begin(self, scope: Scope) -> Worker:
        worker = self._make(scope)
        await worker.start()
        self._ending = asyncio.create_task(self._end_with_server(scope))
        if self._state is not None and isinstance(worker.hot, Host):
            # For uvicorn's `--ws hotchannel.websocket.uvicorn:TakeOver`.
            self._state[STATE_KEY] = worker.hot.channel
        return worker

    async def _end_with_server(self, scope: Scope) -> None:
        """End as soon as the server listens no more: some wait for open sockets before they say anything."""
        servers = _listening(scope)
        while servers:
            await asyncio.sleep(_LOOK)
            if not any(server.is_serving() for server in servers):
                await self.close()
                return


def _listening(scope: Scope) -> list[Any]:
    """Return the event loop's servers on the port that a scope came by; none where it is not the loop's."""
    port = (scope.get("server") or ("", None))[1]
    return [
        found
        for found in gc.get_objects()
        if type(found).__name__ == "Server"
        and callable(getattr(found, "is_serving", None))
        and any(listener.getsockname()[1] == port for listener in found.sockets)
    ]


def server_of(scope: Scope) -> str:
    """Return the address of the server, as all of its workers have it."""
    host, port = scope.get("server") or ("", None)
    return f"{host}:{port}"
