"""Django under ASGI, with the channel on the server's own port.

Role: puts the worker into the server's event loop, and takes the channel's sockets; all else is Django's, and
the middleware's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.integrations.asgi_worker import AsgiWorker, server_of
from hotchannel.integrations.django.runtime import runtime

if TYPE_CHECKING:
    from hotchannel.integrations.worker import Worker
    from hotchannel.websocket.asgi import AsgiApp, Receive, Scope, Send

__all__ = ["HotChannelASGI"]


class HotChannelASGI:
    """Serves Django's ASGI application, and the channel beside it.

    Args:
        app: what `get_asgi_application()` returns.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._is_on: bool | None = None
        self._worker = AsgiWorker(_with_lifespan(app), self._make)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if self._is_on is None:
            self._is_on = runtime.is_on()
        if not self._is_on:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._worker.websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._worker.lifespan(scope, receive, send)
            runtime.share(None)
        else:
            hot = await self._worker.hot(scope)
            runtime.share(lambda: self._worker.now or hot)
            await self._app(scope, receive, send)

    @staticmethod
    def _make(scope: Scope) -> Worker:
        return runtime.make(server_of(scope), shares_port=True)


def _with_lifespan(app: AsgiApp) -> AsgiApp:
    """Return `app` with a lifespan in which nothing happens: Django has none, and would raise."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    return answer
