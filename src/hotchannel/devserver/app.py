"""DevServer: the shell that makes a folder hot.

Role: builds the parts, connects them, and runs them on uvicorn. It decides nothing: `Site` answers,
`HotEngine` says what a save means, `WebSocketServer` carries it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from hotchannel.devserver.client import ClientSettings
from hotchannel.devserver.compiler import Compiler
from hotchannel.devserver.engine import HotEngine
from hotchannel.devserver.files import Root
from hotchannel.devserver.http import Request, Response, text
from hotchannel.devserver.ports import bind, network_addresses
from hotchannel.devserver.resolver import Resolver
from hotchannel.devserver.site import Site
from hotchannel.devserver.watcher import Watcher
from hotchannel.hmr.graph import ModuleGraph
from hotchannel.websocket.guarded_http import guarded_http
from hotchannel.websocket.handshake import HandshakeRequest
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.uvicorn import take_over

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from hotchannel.options import DevOptions

__all__ = ["DevServer"]

_log = logging.getLogger("hotchannel.server")

_WILDCARDS = ("0.0.0.0", "::")

_SETTLE_STEP = 0.005
_SETTLE_STEPS = 20
"""A request for a file that is suddenly empty waits up to 100 ms for the save to end."""

_WATCH_TIME = 1.0
"""Seconds for which the start waits for the watch; a large folder takes longer, and is served meanwhile."""

_SHUTDOWN_TIME = 1
"""Seconds that answers under way have when the server ends."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class DevServer:
    """Serves one folder, and updates its pages as files are saved.

        async with DevServer("site", DevOptions()) as server:
            print(server.local_urls)
            await server.wait()

    Args:
        root: the folder.
        options: the settings.
    """

    def __init__(self, root: str | Path, options: DevOptions) -> None:
        self.options = options
        self._root = Root(root)
        self._clock = _Clock()
        self._sockets: list[socket.socket] = []
        self._uvicorn: uvicorn.Server | None = None

    @property
    def port(self) -> int:
        """The port of the pages."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def channel(self) -> WebSocketServer:
        """The channel to the browsers."""
        return self._channel

    @property
    def local_urls(self) -> list[str]:
        """URLs for this machine."""
        host = self.options.host
        name = "localhost" if host is None or host in _WILDCARDS else _bracketed(host)
        return [f"http://{name}:{self.port}{self.options.base}"]

    @property
    def network_urls(self) -> list[str]:
        """URLs for other machines; none while bound to one interface or to loopback."""
        if self.options.host not in _WILDCARDS:
            return []
        return [f"http://{address}:{self.port}{self.options.base}" for address in network_addresses()]

    async def __aenter__(self) -> Self:
        """Serve, and begin to watch; returns when saves are seen, or soon are in a large folder.

        Raises:
            ListenError: there is no free port.
            HotChannelError: the folder cannot be watched.
        """
        self._sockets = bind(self.options.host, self.options.port, strict=self.options.strict_port)
        if self.options.port not in (0, self.port):
            _log.warning("port %d is in use, so it is %d", self.options.port, self.port)
        self._channel = self._make_channel()
        graph = ModuleGraph()
        resolver = Resolver(self._root, self.options.base)
        compiler = Compiler(graph, resolver, self._channel, base=self.options.base, clock=self._clock)
        self._site = Site(
            self._root,
            graph,
            resolver,
            compiler,
            self._channel,
            base=self.options.base,
            settings=self._client_settings,
        )
        self._engine = HotEngine(self._root, graph, compiler, self._site, self._channel, clock=self._clock)
        self._channel.on("vite:invalidate", lambda data, _: self._engine.invalidated(data))
        self._watcher = Watcher(self._root.path, self._engine, polling=self.options.polling)
        if self._has_own_port:
            await self._channel.listen()
            if self._channel.port is None:
                _log.warning("the channel shares the port of the pages instead")
        self._uvicorn = uvicorn.Server(self._uvicorn_config())
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=self._sockets))
        self._watching = asyncio.create_task(self._watcher.start())
        self._watching.add_done_callback(self._watch_ended)
        # Pages are answered meanwhile; what of them is saved before the watch begins is compared then.
        await asyncio.wait({self._watching}, timeout=_WATCH_TIME)
        if self._watching.done() and self._watching.exception() is not None:
            await self.__aexit__()
            self._watching.result()
        return self

    async def wait(self) -> None:
        """Wait until a signal ends the server.

        Raises:
            HotChannelError: the folder cannot be watched.
        """
        await asyncio.wait({self._serving})
        if self._watching.done():
            self._watching.result()

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the channel, stop watching and stop serving."""
        await self._channel.close()
        self._watching.cancel()
        await self._watcher.stop()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
            await asyncio.wait({self._serving})
        for listener in self._sockets:
            listener.close()

    def _uvicorn_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self,
            http=guarded_http(self._channel),
            ws=take_over(self._channel, exclusive=True),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_TIME,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application."""
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not answered here")
        response = await self._respond(scope)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
        ]
        if response.status != 304:
            headers.append((b"content-length", str(response.content_length).encode()))
        headers += _EVERYWHERE
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(response.body, bytes):
            await send(
                {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body}
            )
            return
        part = response.body
        if scope["method"] == "HEAD":
            part.file.close()
        else:
            for chunk in part.file.chunks(part.start, part.length):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    async def _respond(self, scope: Scope) -> Response:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        peer = scope.get("client") or ("", 0)
        head = HandshakeRequest(scope["method"], target, headers, scope["http_version"])
        refused = self._channel.check_http(head, f"{peer[0]}:{peer[1]}")
        if refused is not None:
            return text(refused.status, refused.body)
        request = Request(scope["method"], target, dict(headers))
        for _ in range(_SETTLE_STEPS):
            response = self._site.respond(request, settled=False)
            if response is not None:
                return response
            await asyncio.sleep(_SETTLE_STEP)
        response = self._site.respond(request)
        assert response is not None, "a settled answer is always there"
        return response

    def _make_channel(self) -> WebSocketServer:
        host = self.options.host
        ws = self.options.ws
        if ws is not False and ws.host is None:
            # The socket is for those who see the pages.
            ws = replace(ws, host=host)
        return WebSocketServer(
            ws,
            base=self.options.base,
            hmr=self.options.hmr,
            own_hosts=() if host is None or host in _WILDCARDS else (host,),
            hosts_option="allowed_hosts in [tool.hotchannel] of pyproject.toml, or in hotchannel.toml",
            pages_listening=lambda: self._uvicorn is not None and self._uvicorn.started,
        )

    @property
    def _has_own_port(self) -> bool:
        ws = self.options.ws
        return ws is not False and ws.port not in (None, self.port)

    def _client_settings(self) -> ClientSettings:
        options = self._channel.options
        port = options.client_port or (self._channel.port if self._channel.mode == "standalone" else None)
        host = "localhost" if self.options.host in (None, *_WILDCARDS) else _bracketed(str(self.options.host))
        return ClientSettings(
            base=self.options.base,
            server_host=f"{host}:{self.port}{self.options.base}",
            protocol=None,
            hostname=None,
            port=port,
            direct_target=f"{host}:{self._channel.port or self.port}{self._channel.path}",
            ws_base=self._channel.path,
            timeout=options.timeout,
            overlay=options.overlay,
            token=self._channel.token,
        )

    def _watch_ended(self, watching: asyncio.Task[None]) -> None:
        if watching.cancelled():
            return
        if watching.exception() is not None and self._uvicorn is not None:
            self._uvicorn.should_exit = True
            return
        # What was served while the watch was set up may have been saved unseen.
        self._engine.saved(self._engine.known_files(self._root.path))


_EVERYWHERE = [
    # No page of another origin reads what is served here, other ports of this machine included.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class _Clock:
    """Milliseconds since 1970 that grow with every reading, as Vite's `monotonicDateNow`."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last = max(self._last + 1, int(time.time() * 1000))
        return self._last


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
