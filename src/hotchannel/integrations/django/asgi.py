"""Django under ASGI, with the channel on the server's own port.

Role: puts the host into the server's event loop, and takes the channel's sockets; all else is Django's, and
the middleware's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hotchannel.integrations.channel import get_channel
from hotchannel.integrations.django.runtime import runtime
from hotchannel.websocket.asgi import STATE_KEY, AsgiEntrance

if TYPE_CHECKING:
    from hotchannel.integrations.host import Host
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
        self._host: asyncio.Task[Host] | None = None
        self._entrance: AsgiEntrance | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if self._is_on is None:
            self._is_on = runtime.is_on()
        if self._is_on and scope["type"] == "lifespan":
            # Django has no lifespan of its own, and would raise.
            await self._lifespan(scope, receive, send)
            return
        if self._is_on:
            await self._begin()
            if scope["type"] == "websocket" and self._entrance is not None:
                await self._entrance(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        if self._host is None or self._host.get_loop() is not loop:
            self._host = loop.create_task(self._make())
        await asyncio.shield(self._host)

    async def _make(self) -> Host:
        host = runtime.make(shares_port=True)
        await host.start()
        if host.channel.mode == "integrated":
            self._entrance = AsgiEntrance(host.channel, self._app)
        runtime.share(host)
        get_channel().carried_by(host)
        return host

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await self._begin()
        state = scope.get("state")
        if state is not None and self._entrance is not None and self._host is not None:
            state[STATE_KEY] = self._host.result().channel
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._host is not None:
            host = self._host.result()
            runtime.share(None)
            get_channel().dropped_by(host)
            await host.close()
        await send({"type": "lifespan.shutdown.complete"})
