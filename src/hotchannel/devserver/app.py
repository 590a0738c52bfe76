"""DevServer: the shell that makes a folder hot.

Role: builds the parts, connects them, and runs them on uvicorn, or behind another server in middleware
mode. It decides nothing: `Site` answers, `HotEngine` says what a save means, `WebSocketServer` carries it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from hotchannel.devserver.answering import OWN
from hotchannel.devserver.asgi import SiteApplication
from hotchannel.devserver.client import WILDCARDS, ClientSettings, bracketed, socket_host
from hotchannel.devserver.clock import Clock
from hotchannel.devserver.compiler import Compiler
from hotchannel.devserver.engine import HotEngine
from hotchannel.devserver.env import global_names, import_meta_env
from hotchannel.devserver.files import Root
from hotchannel.devserver.plugins import load_plugins
from hotchannel.devserver.ports import bind, network_addresses
from hotchannel.devserver.resolver import Resolver
from hotchannel.devserver.served import ServedModules
from hotchannel.devserver.serving import Server
from hotchannel.devserver.sharing import LeadersWord, Sharing
from hotchannel.devserver.site import Site
from hotchannel.devserver.watcher import Watcher
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.hmr.graph import ModuleGraph
from hotchannel.options import HttpsOptions
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.tls import tls_context

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from hotchannel.devserver.console import BrowserConsole
    from hotchannel.devserver.editor import OpenInEditor
    from hotchannel.devserver.inspector import Inspector
    from hotchannel.devserver.proxy import Proxy
    from hotchannel.options import DevOptions
    from hotchannel.websocket.asgi import Receive, Scope, Send

__all__ = ["DevServer"]

_log = logging.getLogger("hotchannel.server")

_WATCH_TIME = 1.0
"""Seconds for which the start waits for the watch; a large folder takes longer, and is served meanwhile."""


class DevServer:
    """Serves one folder, and updates its pages as files are saved.

        async with DevServer("site", DevOptions()) as server:
            print(server.local_urls)
            await server.wait()

    In middleware mode it opens no port for pages and is an ASGI application, for a server or another
    application to call below `base`; the channel has a port of its own, 24678 where none is set.

    Args:
        root: the folder.
        options: the settings.
        renews: whether pages are there that a server with other settings has made.
    """

    def __init__(self, root: str | Path, options: DevOptions, *, renews: bool = False) -> None:
        self.options = options
        for allowed in options.fs.allow:
            if not os.path.isdir(allowed):
                raise OptionError("fs.allow", allowed, "a folder")
        https = options.https if isinstance(options.https, HttpsOptions) else HttpsOptions()
        private = [file for file in (https.cert, https.key) if file is not None]
        self._root = Root(root, private, allow=options.fs.allow, deny=options.fs.deny)
        self._own_hosts = () if options.host is None or options.host in WILDCARDS else (options.host,)
        self._sockets: list[socket.socket] = []
        self._server: Server | None = None
        self._channel = self._make_channel(renews)
        clock = Clock()
        graph = ModuleGraph()
        self._plugins = load_plugins(options.plugins, self._root.path)
        public = (
            Root(os.path.join(self._root.path, options.public_dir), private, deny=options.fs.deny)
            if options.public_dir
            else None
        )
        resolver = Resolver(self._root, options.base, options.alias, self._plugins, public)
        compiler = Compiler(
            graph,
            resolver,
            LeadersWord(self._channel),
            base=options.base,
            clock=clock,
            env=import_meta_env(options),
            plugins=self._plugins,
        )
        served = ServedModules(self._root, graph, compiler)
        site = Site(
            self._root,
            graph,
            resolver,
            compiler,
            served,
            self._channel,
            base=options.base,
            settings=self._client_settings,
            has_fallback=options.app_type == "spa",
            pack=options.pack,
            headers=options.headers,
            plugins=self._plugins,
            public=public,
        )
        self._engine = HotEngine(
            self._root,
            graph,
            compiler,
            served,
            self._channel,
            clock=clock,
            plugins=self._plugins,
            public=public,
        )
        sharing = Sharing(self._channel, graph, clock, engine=self._engine, site=site)
        self._watchers = [
            Watcher(
                folder,
                sharing.saves(self._engine),
                polling=options.polling,
                saving=self._channel.tally.saving,
            )
            for folder in self._root.folders
        ]
        self._levels: tuple[str, ...] | None = None
        self._console = self._make_console()
        self._proxy = self._make_proxy()
        self._application = SiteApplication(
            site,
            self._channel,
            base=options.base,
            headers=options.headers,
            cors=options.cors,
            editor=self._make_editor,
            inspector=lambda: self._make_inspector(graph),
            proxy=self._proxy,
            compress=options.compress,
            served=sharing.served,
        )

    @property
    def root(self) -> str:
        """The folder, absolute, links resolved."""
        return self._root.path

    @property
    def port(self) -> int:
        """The port of the pages; only where they are served on one of our own."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def channel(self) -> WebSocketServer:
        """The channel to the browsers."""
        return self._channel

    @property
    def local_urls(self) -> list[str]:
        """URLs for this machine."""
        return [self._url(bracketed(self._reachable_host))]

    @property
    def network_urls(self) -> list[str]:
        """URLs for other machines; none while bound to one interface or to loopback."""
        if self.options.host not in WILDCARDS:
            return []
        return [self._url(address) for address in network_addresses()]

    @property
    def inspector_url(self) -> str:
        """URL of the page that shows the channel at work, with the token in it. Never log it."""
        return f"{self.local_urls[0]}{OWN}?token={quote(self._channel.token, safe='')}"

    async def __aenter__(self) -> Self:
        """Serve, and begin to watch; returns when saves are seen, or soon are in a large folder.

        Raises:
            ListenError: there is no free port.
            OptionError: a certificate cannot be used.
            HotChannelError: the folder cannot be watched, or a certificate cannot be made.
        """
        self._plugins.configure(self)
        if self.options.middleware:
            await self._channel.listen()
        else:
            await self._serve()
        self._watching = asyncio.create_task(self._watch())
        self._watching.add_done_callback(self._watch_ended)
        # Pages are answered meanwhile; what of them is saved before the watch begins is compared then.
        await asyncio.wait({self._watching}, timeout=_WATCH_TIME)
        if self._watching.done() and self._watching.exception() is not None:
            await self.__aexit__()
            self._watching.result()
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application, in middleware mode.

        The lifespan starts and ends it, where the server calls it for that; mounted below another application
        it has none, and is entered with `async with` in that one's.
        """
        if scope["type"] == "lifespan":
            await receive()
            try:
                await self.__aenter__()
            except HotChannelError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.__aexit__()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await self._application(scope, receive, send)

    async def wait(self) -> None:
        """Wait until a signal ends the server.

        Raises:
            HotChannelError: the folder cannot be watched, or the server is not our own (middleware mode).
        """
        if self._server is None:
            raise HotChannelError("there is nothing to wait for: in middleware mode the server in front ends")
        await asyncio.wait({self._serving})
        if self._watching.done():
            self._watching.result()

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the channel, stop watching and stop serving."""
        await self._channel.close()
        if self._proxy is not None:
            await self._proxy.close()
        if self._console is not None:
            self._console.close()
        self._watching.cancel()
        for watcher in self._watchers:
            await watcher.stop()
        if self._server is not None:
            self._server.should_exit = True
            await asyncio.wait({self._serving})
        for listener in self._sockets:
            listener.close()

    async def _serve(self) -> None:
        options = self.options
        # Before anything is open: a certificate that cannot be used leaves nothing behind.
        tls = tls_context(options.https, self._own_hosts) if options.https else None
        self._sockets = bind(options.host, options.port, strict=options.strict_port)
        if options.port not in (0, self.port):
            _log.warning("port %d is in use, so it is %d", options.port, self.port)
        if options.ws is not False and options.ws.port not in (None, self.port):
            await self._channel.listen()
            if self._channel.port is None:
                _log.warning("the channel shares the port of the pages instead")
        self._server = Server(self, self._channel, tls, self._proxy)
        await self._channel.listen()
        self._serving = asyncio.create_task(self._server.serve(sockets=self._sockets))

    # What few need is loaded when it is needed: every module that the start loads makes it longer.

    def _make_console(self) -> BrowserConsole | None:
        if self.options.forward_console is False:
            return None
        from hotchannel.devserver.console import FORWARD_CONSOLE_EVENT, BrowserConsole, forwarded_levels

        self._levels = forwarded_levels(self.options.forward_console)
        console = BrowserConsole()
        self._channel.on(FORWARD_CONSOLE_EVENT, console)
        return console

    def _make_editor(self) -> OpenInEditor:
        from hotchannel.devserver.editor import OpenInEditor

        return OpenInEditor(
            self._root,
            base=self.options.base,
            token=self._channel.token,
            editor=self.options.editor,
            cors=self.options.cors,
        )

    def _make_inspector(self, graph: ModuleGraph) -> Inspector:
        from hotchannel.devserver.inspector import Inspector

        return Inspector(self._channel, graph, base=self.options.base, settings=self._client_settings)

    def _make_proxy(self) -> Proxy | None:
        if not self.options.proxy:
            return None
        from hotchannel.devserver.proxy import Proxy, Routes

        # What only we can answer is ours whatever the table says, be it everything.
        own = tuple(f"{self.options.base}{name}" for name in ("@vite/", OWN, "__open-in-editor"))
        return Proxy(Routes(self.options.proxy, own=own, channel_path=self._channel.path))

    def _make_channel(self, renews: bool) -> WebSocketServer:
        host = self.options.host
        ws = self.options.ws
        if ws is not False and ws.host is None:
            # The socket is for those who see the pages.
            ws = replace(ws, host=host)
        return WebSocketServer(
            ws,
            base=self.options.base,
            hmr=self.options.hmr,
            own_hosts=self._own_hosts,
            hosts_option="allowed_hosts in [tool.hotchannel] of pyproject.toml, or in hotchannel.toml",
            # In middleware mode the pages are another server's, which is there already.
            pages_listening=None
            if self.options.middleware
            else lambda: self._server is not None and self._server.started,
            https=self.options.https,
            renews="" if renews else None,
        )

    def _client_settings(self) -> ClientSettings:
        options = self._channel.options
        port = options.client_port or (self._channel.port if self._channel.mode == "standalone" else None)
        host = bracketed(self._reachable_host)
        pages = f"{host}:{self.port}" if self._sockets else host
        return ClientSettings(
            base=self.options.base,
            server_host=f"{pages}{self.options.base}",
            protocol=options.protocol,
            hostname=self._socket_host,
            port=port,
            direct_target=f"{self._socket_host or host}:{self._channel.port}{self._channel.path}"
            if self._channel.port
            else f"{pages}{self._channel.path}",
            ws_base=self._channel.path,
            timeout=options.timeout,
            overlay=options.overlay,
            token=self._channel.token,
            defines=global_names(self.options),
            forward_console=self._levels,
        )

    @property
    def _reachable_host(self) -> str:
        host = self.options.host
        return "localhost" if host is None or host in WILDCARDS else host

    @property
    def _socket_host(self) -> str | None:
        return socket_host(self.options.ws.host if self.options.ws else None)

    def _url(self, host: str) -> str:
        scheme = "https" if self.options.https else "http"
        return f"{scheme}://{host}:{self.port}{self.options.base}"

    async def _watch(self) -> None:
        for watcher in self._watchers:
            await watcher.start()

    def _watch_ended(self, watching: asyncio.Task[None]) -> None:
        if watching.cancelled():
            return
        if watching.exception() is not None and self._server is not None:
            self._server.should_exit = True
            return
        # What was served while the watch was set up may have been saved unseen.
        for folder in self._root.folders:
            self._engine.saved(self._engine.known_files(folder))
