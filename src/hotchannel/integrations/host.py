"""Host: what makes an application hot, in the event loop that it belongs to.

Role: builds the parts, connects them, and starts and stops them. Adapters translate between it and their
framework; `background` carries calls to it from elsewhere. Pages come in as the application made them, and go
out with the client; modules are answered; exceptions become errors in the pages.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hotchannel.channel.printable import printable
from hotchannel.devserver.answering import Answering
from hotchannel.devserver.client import ClientSettings, socket_host
from hotchannel.devserver.clock import Clock
from hotchannel.devserver.compiler import Compiler
from hotchannel.devserver.engine import HotEngine
from hotchannel.devserver.env import import_meta_env
from hotchannel.devserver.files import Root
from hotchannel.devserver.modules import Modules
from hotchannel.devserver.mounts import Mounts
from hotchannel.devserver.resolver import Resolver
from hotchannel.devserver.served import ServedModules
from hotchannel.devserver.sharing import LeadersWord, Sharing
from hotchannel.devserver.watcher import Watcher
from hotchannel.errors import HotChannelError
from hotchannel.hmr.graph import ModuleGraph
from hotchannel.integrations.csp import blocked_by
from hotchannel.integrations.pages import AppPage, AppPages, SentPage
from hotchannel.integrations.saves import AppSaves, watched_folder
from hotchannel.integrations.shared_pages import SharedPages
from hotchannel.integrations.site import AppSite, concerns, is_own
from hotchannel.options import DEFAULT_WS_PORT, DevOptions
from hotchannel.websocket.server import WebSocketServer
from hotchannel.wire.payloads import FullReload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hotchannel.devserver.editor import OpenInEditor
    from hotchannel.devserver.http import Request, Response
    from hotchannel.devserver.inspector import Inspector
    from hotchannel.integrations.settings import AppSettings
    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.wire.payloads import ErrorDetail, HotPayload

__all__ = ["Host"]

_log = logging.getLogger("hotchannel.server")

_PORTS = 100
"""How many ports are tried for the channel, where no port is set."""

_PYTHON = "python "
"""Ahead of what was asked when a view raised, as the source of an error."""


class Host:
    """Makes one application hot.

    Args:
        settings: with folders filled in.
        forget_templates: drops what the framework has kept of its templates.
        hosts_option: how the user of this adapter writes `allowed_hosts`.
        shares_port: the sockets come by the application's own port.
        base: path that browsers see the application below, which requests come without; ends with a slash.
        token: the channel's; None for a new one.
        port: of the channel before, where that had one of its own; where it is taken, the next that is free.
    """

    def __init__(
        self,
        settings: AppSettings,
        *,
        forget_templates: Callable[[], object],
        hosts_option: str,
        shares_port: bool,
        base: str = "/",
        token: str | None = None,
        port: int | None = None,
    ) -> None:
        self.settings = settings
        self.loop = asyncio.get_running_loop()
        self._static = tuple(settings.static or ())
        mounts = self._mounts = Mounts(self._static)
        # A port of 0 is any free one: pages that are open look for the one that it was before.
        ws = replace(settings.ws, token=token or settings.ws.token, port=port or settings.ws.port)
        catch_up = FullReload(path="*", morph=True) if settings.morph else None
        self.channel = WebSocketServer(ws, hosts_option=hosts_option, catch_up=catch_up, renews=_PYTHON)
        self._shares_port = shares_port
        self._base = base
        if shares_port:
            self.channel.attach()
        graph = ModuleGraph()
        clock = Clock()
        resolver = Resolver(mounts, base)
        env = import_meta_env(DevOptions(base=base))
        compiler = Compiler(graph, resolver, LeadersWord(self.channel), base=base, clock=clock, env=env)
        served = ServedModules(mounts, graph, compiler)
        self._engine = HotEngine(mounts, graph, compiler, served, self.channel, clock=clock)
        self._saves = AppSaves(
            self._engine,
            self.channel,
            templates=settings.templates or (),
            watch=settings.watch,
            morph=settings.morph,
            forget_templates=lambda: self._sharing.templates_changed(),
        )
        self._pages = AppPages(graph, resolver, compiler, base=base, is_token=self.channel.knows_token)
        self._shared_pages = SharedPages(self.channel, self._pages)
        modules = Modules(
            graph, compiler, served, self.channel, settings=self._client_settings, pack=lambda name: None
        )
        self._site = AppSite(
            mounts, modules, base=base, kept_page=self._pages.respond, asked=self._saves.asked
        )
        self._sharing = Sharing(
            self.channel,
            graph,
            clock,
            engine=self._engine,
            site=self._site,
            forget_templates=forget_templates,
        )
        self._answering = Answering(
            self._site,
            self.channel,
            base="/",
            cors=settings.cors,
            editor=self._make_editor,
            inspector=lambda: self._make_inspector(graph),
            served=self._sharing.served,
        )
        self.channel.on("hotchannel:loaded", lambda data, _: self.channel.tell("loaded", data))
        self.channel.heard("loaded", self._take_in_loaded)
        self._watchers: dict[str, Watcher] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._warned: set[str] = set()
        self.failing: set[str] = set()
        self.failing_changed: Callable[[], object] = lambda: None
        for folder in (*mounts.folders, *(settings.templates or ())):
            self._add_watcher(folder)
        for path in settings.watch:
            self._add_watcher(*watched_folder(path))

    async def start(self) -> None:
        """Open the channel's port, where it has one of its own, and begin to watch."""
        await self.channel.listen(tries=1 if self.settings.ws.port else _PORTS)
        for watcher in self._watchers.values():
            self._start_watcher(watcher)

    async def watching(self) -> None:
        """Return when no save can be missed any more."""
        if self._watching:
            await asyncio.wait(self._watching)

    async def close(self) -> None:
        """Close the channel, and stop watching."""
        await self.channel.close()
        for task in self._watching:
            task.cancel()
        for watcher in self._watchers.values():
            await watcher.stop()

    def concerns(self, path: str, accept: str) -> bool:
        """Tell whether a request may be for modules, the client or the like. Called from any thread."""
        return concerns(self._mounts, path, accept)

    async def respond(self, head: HandshakeRequest, request: Request, address: str) -> Response:
        """Answer a request that concerns us; `PASS` where the application has to."""
        # To whatever Host its static files are for is the application's own business.
        is_guarded = is_own(request.target, request.header("accept"))
        refused = self._answering.refusal(head, address) if is_guarded else None
        if refused is None and (page := self._pages.asked(request)) is not None:
            await self._shared_pages.fetch(page)
        return refused or await self._answering.respond(head, request, address)

    async def position(self) -> str:
        """Return `EPOCH:SEQ` of the journal: what a page that is made from now on is up to date with."""
        return self.channel.position()

    async def page(self, page: AppPage, policies: Iterable[str], origin: str) -> SentPage | None:
        """Return a page as it is sent; None where it is left as it is.

        Args:
            page: as the application made it.
            policies: the Content-Security-Policies that it is sent with.
            origin: what the browser asked, as `http://localhost:8000`.
        """
        sent = self._pages.send(page, page.position or self.channel.position())
        if sent is not None and not page.is_fetched:
            self._warn_of_policies((*policies, *sent.policies), sent.nonce, origin)
        return sent

    def failed(self, source: str, detail: ErrorDetail) -> None:
        """A view has raised: `source` is the method and URL that it was called for."""
        self.failing.add(source)
        self.failing_changed()
        self.channel.fail(_PYTHON + source, detail)

    def succeeded(self, source: str) -> None:
        """The same URL was answered."""
        if source in self.failing:
            self.failing.discard(source)
            self.failing_changed()
            self.channel.recover(_PYTHON + source)

    # What `AppChannel` asks.

    @property
    def clients(self) -> frozenset[WebSocketClient]:
        """The pages that are connected now."""
        return frozenset(self.channel.clients)

    def send(self, payload: HotPayload) -> None:
        """Send to every page."""
        self.channel.send(payload)

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Call `listener(data, client)` on every `event` of a page."""
        self.channel.on(event, listener)

    def off(self, event: str, listener: Callable[..., Any]) -> None:
        """No longer call `listener`."""
        self.channel.off(event, listener)

    def watch_templates(self, folders: Iterable[str]) -> None:
        """Watch folders of templates that were found only now."""
        fresh = [folder for folder in folders if self._add_watcher(folder)]
        self._saves.add_templates(fresh)
        for folder in fresh:
            self._start_watcher(self._watchers[folder])

    def _take_in_loaded(self, data: object) -> None:
        if self.channel.is_leader:
            self._engine.overtaken(self._site.loaded(data))

    def _add_watcher(self, folder: str, is_recursive: bool = True) -> bool:
        if folder in self._watchers:
            return False
        polling = self.settings.polling
        self._watchers[folder] = Watcher(
            folder,
            self._sharing.saves(self._saves),
            polling=polling,
            recursive=is_recursive,
            saving=self.channel.tally.saving,
        )
        return True

    def _start_watcher(self, watcher: Watcher) -> None:
        async def start() -> None:
            try:
                await watcher.start()
            except HotChannelError as error:
                _log.error("%s", error)
                return
            # What was served meanwhile may have been saved unseen.
            self._saves.saved(self._saves.known_files(watcher.root))

        task = asyncio.create_task(start())
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    @property
    def _port(self) -> int | None:
        """The channel's own port; where it could not be had, the one that it is missing at."""
        if self._shares_port:
            return None
        return self.channel.port or self.channel.options.port or DEFAULT_WS_PORT

    def _client_settings(self) -> ClientSettings:
        options = self.channel.options
        return ClientSettings(
            base=self._base,
            server_host="your application's",
            protocol=options.protocol,
            hostname=socket_host(options.host),
            port=options.client_port or self._port,
            direct_target="",
            # A port of its own is not behind what has put the base in front.
            ws_base=(self._base.rstrip("/") if self._shares_port else "") + self.channel.path,
            timeout=options.timeout,
            overlay=options.overlay,
            token=self.channel.token,
        )

    def _make_inspector(self, graph: ModuleGraph) -> Inspector:
        from hotchannel.devserver.inspector import Inspector

        return Inspector(self.channel, graph, base=self._base, settings=self._client_settings)

    def _make_editor(self) -> OpenInEditor:
        from hotchannel.devserver.editor import OpenInEditor

        folders = (*(folder for _, folder in self._static), *(self.settings.templates or ()))
        return OpenInEditor(
            Root(self.settings.project, allow=folders),
            base="/",
            token=self.channel.token,
            editor=self.settings.editor,
            cors=self.settings.cors,
        )

    def _warn_of_policies(self, policies: Iterable[str], nonce: str | None, origin: str) -> None:
        """Say once what a page's Content-Security-Policy forbids."""
        settings = self._client_settings()
        scheme, _, host = origin.partition("://")
        if settings.port is not None:
            host = f"{settings.hostname or host.rpartition(':')[0] or host}:{settings.port}"
        protocol = settings.protocol or ("wss" if scheme == "https" else "ws")
        for problem in blocked_by(
            policies, nonce=nonce, page=origin, socket=f"{protocol}://{host}{settings.ws_base}"
        ):
            if problem not in self._warned:
                self._warned.add(problem)
                _log.warning("a page's Content-Security-Policy: %s", printable(problem))
