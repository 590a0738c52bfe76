"""ASGI servers in the test's own process: uvicorn, hypercorn, granian and daphne behind one face.

`serve(kind, app)` serves `app`, whose code runs in the test's event loop, and gives the port. daphne
brings Twisted's reactor, which can be started once a process and wants a loop of its own: it runs in a
thread from its first use on, and what it is told and tells is carried between the loops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any, Literal

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

__all__ = ["PATIENCE", "AsgiKind", "serve", "serve_uvicorn"]

AsgiKind = Literal["asgi-uvicorn", "asgi-hypercorn", "asgi-granian", "asgi-daphne"]

PATIENCE = 10.0
"""Seconds after which a test that waits for something gives up."""


@contextlib.asynccontextmanager
async def serve(kind: AsgiKind, app: Any) -> AsyncIterator[int]:
    """Serve `app` on a free port of 127.0.0.1."""
    match kind:
        case "asgi-uvicorn":
            config = uvicorn.Config(app, lifespan="off", log_config=None)
            async with serve_uvicorn(uvicorn.Server(config)) as port:
                yield port
        case "asgi-hypercorn":
            async with _hypercorn(app) as port:
                yield port
        case "asgi-granian":
            async with _granian(app) as port:
                yield port
        case "asgi-daphne":
            with _daphne.serving(app) as port:
                yield port


@contextlib.asynccontextmanager
async def serve_uvicorn(server: uvicorn.Server) -> AsyncIterator[int]:
    """Serve with this uvicorn on a free port; its end must not be held up."""
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:  # noqa: ASYNC110 (uvicorn tells nobody)
                await asyncio.sleep(0.005)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await serving


@contextlib.asynccontextmanager
async def _hypercorn(app: Any) -> AsyncIterator[int]:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.2
    config.errorlog = config.accesslog = None
    stop = asyncio.Event()
    serving = asyncio.create_task(hypercorn_serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield port
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await serving


@contextlib.asynccontextmanager
async def _granian(app: Any) -> AsyncIterator[int]:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Server(app, port=port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        await _until_connectable(port)
        yield port
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        async with asyncio.timeout(PATIENCE):
            await serving


async def _until_connectable(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


class _Daphne:
    """The one daphne of this process, and the application it serves at the moment."""

    def __init__(self) -> None:
        self._app: Any = None
        self._app_loop: asyncio.AbstractEventLoop | None = None
        self._port = 0

    @contextlib.contextmanager
    def serving(self, app: Any) -> Any:
        """Let it serve `app` in the running loop; gives the port."""
        if not self._port:
            self._start()
        self._app, self._app_loop = app, asyncio.get_running_loop()
        try:
            yield self._port
        finally:
            self._app = self._app_loop = None

    def _start(self) -> None:
        listening = threading.Event()

        def run() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from daphne.server import Server  # type: ignore[import-untyped]

            logging.getLogger("daphne").setLevel(logging.CRITICAL)

            def ready() -> None:
                self._port = server.listening_addresses[0][1]
                listening.set()

            server = Server(
                self._forward,
                endpoints=["tcp:port=0:interface=127.0.0.1"],
                signal_handlers=False,
                ready_callable=ready,
            )
            server.run()

        threading.Thread(target=run, name="daphne", daemon=True).start()
        assert listening.wait(PATIENCE), "daphne did not start"

    async def _forward(self, scope: Any, receive: Any, send: Any) -> None:
        app, app_loop, own_loop = self._app, self._app_loop, asyncio.get_running_loop()
        if app is None or app_loop is None or app_loop.is_closed():
            return

        async def receive_there() -> Any:
            return await _across(own_loop, receive)

        async def send_there(message: Any) -> None:
            await _across(own_loop, lambda: send(message))

        await _across(app_loop, lambda: app(scope, receive_there, send_there))


async def _across(loop: asyncio.AbstractEventLoop, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Await a coroutine in another thread's loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), loop))


_daphne = _Daphne()
