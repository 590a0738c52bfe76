"""npm's unmodified Vite client, and sites for it, each over one entrance to the channel.

The script is taken from the installed package; only its placeholders are filled in, and its one
bare import resolved, as stock's own server does. A `StockSite` runs in a process of its own, on the server
that its user would run; `opened` shows it in a tab. In it, either hotchannel's dev server serves the pages,
and the tab replaces its client by stock's; or it is what somebody builds without the dev server: pages,
stock's client, and a `WebSocketServer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hotchannel.options import DevOptions, HttpsOptions, WsOptions
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.websocket.server import WebSocketServer
from hotchannel.wire.payloads import HotPayload
from support.chromium import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import uvicorn
    from playwright.sync_api import Browser, Page, Route

    from hotchannel.devserver.app import DevServer
    from hotchannel.websocket.asgi import AsgiApp, Receive, Scope, Send
    from support.project import Project
    from support.tab import Tab

__all__ = ["Front", "OpenSite", "StockSite", "opened", "trusting"]

TESTS = Path(__file__).resolve().parents[1]
CLIENT = TESTS.parent / "node_modules/vite/dist/client"

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}

DevFront = Literal["dev", "middleware"]
PlainFront = Literal["standalone", "take-over", "option", "by-name"]
AsgiFront = Literal["uvicorn", "hypercorn", "granian", "daphne"]
Front = DevFront | PlainFront | AsgiFront


def _stock_client(*, direct: str, token: str, port: int | None = None) -> str:
    """The text of npm's client with its placeholders filled in; fails where one is left or gone.

    Args:
        direct: `HOST:PORT/` of the channel.
        token: its secret.
        port: its port, where that is not the page's.
    """
    values = {
        "HMR_CONFIG_NAME": "vite.config.js",
        "BASE": "/",
        "SERVER_HOST": direct,
        "HMR_PROTOCOL": None,
        "HMR_PORT": port,
        "HMR_HOSTNAME": None,
        "HMR_BASE": "/",
        "HMR_DIRECT_TARGET": direct,
        "HMR_TIMEOUT": 30000,
        "HMR_ENABLE_OVERLAY": True,
        "WS_TOKEN": token,
        "SERVER_FORWARD_CONSOLE": {"enabled": False},
    }
    source = (CLIENT / "client.mjs").read_text("utf-8").replace('"@vite/env"', '"/@vite/env"')
    for name, value in values.items():
        assert f"__{name}__" in source, f"this version of the client has no {name}"
        source = source.replace(f"__{name}__", json.dumps(value))
    left = set(re.findall(r"(?<![@\w])__[A-Z_]+__(?!\w)", source))
    assert not left, f"this version of the client has placeholders that are not filled: {left}"
    return source


def _stock_env() -> str:
    return (CLIENT / "env.mjs").read_text("utf-8").replace("__DEFINES__", "{}")


def _put_in(page: Page, told: str | None) -> None:
    """Let a page of a dev server load stock's client, told the same as hotchannel's, or another token."""

    def client(route: Route) -> None:
        settings = dict(re.findall(r"^const (\w+) = (.*);$", route.fetch().text(), re.MULTILINE))
        direct, token, port = (
            json.loads(settings[f"ws{name}"]) for name in ("DirectTarget", "Token", "Port")
        )
        route.fulfill(
            body=_stock_client(direct=direct, token=told or token, port=port), content_type="text/javascript"
        )

    page.route(re.compile(r"/@vite/client$"), client)
    page.route(
        re.compile(r"/@vite/env$"),
        lambda route: route.fulfill(body=_stock_env(), content_type="text/javascript"),
    )


def trusting(browser: Browser) -> Browser:
    """Another browser of the same kind that takes every certificate, also in workers.

    Stock's client polls for a restarted server in a SharedWorker, where Chromium knows nothing of an
    exception that was made for a page, be it by a click or by `ignore_https_errors`.
    """
    return launch(browser.browser_type, "--ignore-certificate-errors")


@dataclass(frozen=True)
class OpenSite:
    """A running site and a tab for it.

    Attributes:
        project: the folder and its server.
        tab: where its page is to be opened.
        console: the lines written there, oldest first.
        sockets: the schemes of the sockets that were tried, the same.
    """

    project: Project
    tab: Tab
    console: list[str]
    sockets: list[str]

    def say(self, event: str, data: Any) -> None:
        """Let the page, whose module has put its `import.meta.hot` there as `hot`, send an event."""
        self.tab.page.evaluate("([event, data]) => hot.send(event, data)", [event, data])


@contextlib.contextmanager
def opened(browser: Browser, site: StockSite, files: Mapping[str, str], folder: Path) -> Iterator[OpenSite]:
    """Start a site with these files, and have a tab for it, in a profile of its own.

    An uncaught error in the tab fails the test.
    """
    from support.project import Project, free_port, script_command
    from support.tab import Tab

    if site.own_port:
        site = replace(site, channel_port=free_port())
    command = script_command(site.script, folder / "root", free_port())
    project = Project(folder / "root", folder / "server.log", command, 0.0)
    for path, content in files.items():
        project.write(path, content)
    with contextlib.ExitStack() as stack:
        # pytest shows this, with the rest of what was captured, when the test failed.
        stack.callback(lambda: print(project.log))
        stack.callback(project.stop)
        project.start()
        context = stack.enter_context(browser.new_context(ignore_https_errors=True))
        tab = Tab(context.new_page())
        console: list[str] = []
        tab.page.on("console", lambda line: console.append(line.text))
        sockets: list[str] = []
        tab.page.on("websocket", lambda socket: sockets.append(socket.url.partition(":")[0]))
        if site.front in ("dev", "middleware"):
            _put_in(tab.page, site.told)
        yield OpenSite(project, tab, console, sockets)
        assert tab.errors == []


@dataclass(frozen=True, kw_only=True)
class StockSite:
    """A folder of pages, stock's client, and a channel.

    The channel sends to all the payload that a client sends as `test:send`, takes back the error of the
    source that it sends as `test:mend`, and answers `test:said` to its `test:say`.

    Attributes:
        front: the entrance. `dev` is the dev server, and `middleware` that behind uvicorn. Without it:
            `standalone` is the channel's own port beside a server that has no WebSockets; `take-over`,
            `option` and `by-name` are the three through uvicorn; the servers' names stand for plain ASGI.
        http: uvicorn's HTTP protocol.
        loop: uvicorn's event loop.
        cert: a certificate and its key, to serve pages and channel encrypted.
        own_port: whether the channel has one.
        channel_port: which; `opened` finds one.
        told: what the client takes for the channel's secret, where it is not to be told the right one.
    """

    front: Front
    http: Literal["httptools", "h11"] = "httptools"
    loop: Literal["asyncio", "uvloop"] = "asyncio"
    cert: str | None = None
    own_port: bool = False
    channel_port: int | None = None
    told: str | None = None

    @property
    def script(self) -> str:
        """A script for `support.project.script_command`."""
        return (
            f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
            f"from support.stock_client import StockSite\n{self!r}.run(sys.argv[1], int(sys.argv[2]))\n"
        )

    def run(self, root: str, port: int) -> None:
        """Serve until a signal ends it; prints the URL of the pages once they are served."""
        from hotchannel.websocket.uvicorn import take_over

        url = f"{'https' if self.cert else 'http'}://127.0.0.1:{port}/"
        threading.Thread(target=_announce, args=(url, port), daemon=True).start()
        pages = _Pages(self, Path(root), port)
        match self.front:
            case "dev":
                asyncio.run(self._dev(root, port))
            case "middleware":
                self._uvicorn(self._dev_server(root, middleware=True), port)
            case "standalone":
                self._uvicorn(pages, port, ws="none", configured=lambda front: self._standalone(pages, front))
            case "take-over":
                self._uvicorn(pages, port, ws=take_over(pages.channel()))
            case "option":
                self._uvicorn(pages, port, configured=lambda front: pages.channel(server=front.config))
            case "by-name":
                app = _without_sockets(AsgiEntrance(pages.channel(), pages))
                self._uvicorn(app, port, ws="hotchannel.websocket.uvicorn:TakeOver")
            case "uvicorn":
                self._uvicorn(AsgiEntrance(pages.channel(), pages), port)
            case "hypercorn":
                asyncio.run(self._hypercorn(AsgiEntrance(pages.channel(), pages), port))
            case "granian":
                asyncio.run(self._granian(AsgiEntrance(pages.channel(), pages), port))
            case "daphne":
                self._daphne(AsgiEntrance(pages.channel(), pages), port)

    @property
    def _https(self) -> HttpsOptions | bool:
        return HttpsOptions(cert=self.cert) if self.cert else False

    def _dev_server(self, root: str, **options: Any) -> DevServer:
        from hotchannel.devserver.app import DevServer

        ws = WsOptions(port=self.channel_port)
        server = DevServer(root, DevOptions(https=self._https, ws=ws, **options))
        _answer_tests(server.channel)
        return server

    async def _dev(self, root: str, port: int) -> None:
        async with self._dev_server(root, port=port, strict_port=True) as server:
            await server.wait()

    def _standalone(self, pages: _Pages, front: uvicorn.Server) -> None:
        pages.channel(port=self.channel_port, https=self._https, pages_listening=lambda: front.started)

    def _uvicorn(
        self,
        app: AsgiApp,
        port: int,
        *,
        ws: Any = "auto",
        configured: Callable[[uvicorn.Server], object] | None = None,
    ) -> None:
        import uvicorn

        config = uvicorn.Config(
            app,
            port=port,
            http=self.http,
            loop=self.loop,
            ws=ws,
            lifespan="on",
            ssl_certfile=self.cert,
            # With TLS it would wait half a minute for Chromium's idle connections, which answer no goodbye.
            timeout_graceful_shutdown=0 if self.cert else None,
            log_level="warning",
        )
        server = uvicorn.Server(config)
        if configured:
            configured(server)
        server.run()

    async def _hypercorn(self, app: Any, port: int) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"127.0.0.1:{port}"]
        config.certfile = config.keyfile = self.cert
        config.alpn_protocols = ["http/1.1"]
        config.loglevel = "WARNING"
        # For so long it lets open WebSockets be, and only then says goodbye to them.
        config.graceful_timeout = 0.2
        await serve(app, config)

    async def _granian(self, app: Any, port: int) -> None:
        from granian.constants import HTTPModes, Interfaces
        from granian.server.embed import Server

        cert = Path(self.cert) if self.cert else None
        server = Server(
            app,
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            ssl_cert=cert,
            ssl_key=cert,
            log_enabled=False,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.serve()
        # Its threads may still be there, and abort the process for what it has left when Python ends.
        os._exit(0)

    def _daphne(self, app: AsgiApp, port: int) -> None:
        from daphne.server import Server  # type: ignore[import-untyped]

        kind, keys = ("ssl", f":privateKey={self.cert}:certKey={self.cert}") if self.cert else ("tcp", "")
        Server(app, endpoints=[f"{kind}:{port}:interface=127.0.0.1{keys}"]).run()


class _Pages:
    """What is served without the dev server, as an ASGI application: files, and stock's client."""

    def __init__(self, site: StockSite, root: Path, port: int) -> None:
        self._site = site
        self._root = root
        self._port = port

    def channel(self, **options: Any) -> WebSocketServer:
        """The channel, which the served client is to find."""
        self._channel = WebSocketServer(**options)
        _answer_tests(self._channel)
        return self._channel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI scope."""
        if scope["type"] == "lifespan":
            await receive()
            # On a port that is shared this does nothing.
            await self._channel.listen()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            if self._site.own_port:
                await self._channel.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        assert scope["type"] == "http", "the channel's socket came through to the site"
        status, kind, body = self._answer(scope["path"])
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-cache"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if path == "/@vite/client":
            port = self._site.channel_port
            token = self._site.told or self._channel.token
            text = _stock_client(direct=f"127.0.0.1:{port or self._port}/", token=token, port=port)
            return 200, "text/javascript", text.encode()
        if path == "/@vite/env":
            return 200, "text/javascript", _stock_env().encode()
        file = self._root / (path[1:] or "index.html")
        if not file.is_file():
            return 404, "text/plain", b"Not Found"
        return 200, KINDS[file.suffix], file.read_bytes()


def _answer_tests(server: WebSocketServer) -> None:
    server.on("test:send", lambda data, _: server.send(msgspec.convert(data, HotPayload)))
    server.on("test:mend", lambda data, _: server.recover(data))
    server.on("test:say", lambda data, client: client.send("test:said", data))


def _without_sockets(app: AsgiApp) -> AsgiApp:
    """`app`, to which no WebSocket may come: they are to be taken over before."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] != "websocket", "a socket was not taken over"
        await app(scope, receive, send)

    return guarded


def _announce(url: str, port: int) -> None:
    """Print `url` as soon as somebody listens at `port`."""
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            print(url)
            return
        time.sleep(0.005)
