"""`hotchannel dev`: banner, coloured log, exit status."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotchannel._version import __version__
from hotchannel.cli.config import file_stamps, load, stamp
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.plugins import plugin_files
from hotchannel.errors import HotChannelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.options import DevOptions, LogLevel

__all__ = ["event_loop", "fail", "log_to_terminal", "run"]

_ACTION = re.compile(r"(hmr update|page reload|hmr invalidate) ")
_log = logging.getLogger("hotchannel.server")

_LOOK = 0.5
"""Seconds between two looks at the files with the settings."""

_COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


def run(root: str, arguments: Mapping[str, object], *, started: float) -> int:
    """Serve until interrupted, and return the exit status: 0, or 2 where it could not start.

    Args:
        root: the folder, as the user wrote it.
        arguments: of the command line, named as the options; None where not given.
        started: `time.perf_counter()` when the command began.
    """
    folder = Path(root)
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        return fail(f"{root} {problem}. Name the folder that holds your index.html: hotchannel dev FOLDER")
    if isinstance(arguments.get("base"), str):
        # A shell's user may leave the slashes out.
        base = f"/{str(arguments['base']).strip('/')}/"
        arguments = {**arguments, "base": "/" if base == "//" else base}
    try:
        settings = _Settings(folder.resolve(), Path.cwd(), arguments)
        options = settings.load()
        log_to_terminal(options.log_level)
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            runner.run(_serve(folder, options, settings, started))
    except KeyboardInterrupt:
        return 0
    except HotChannelError as error:
        return fail(str(error))
    return 0


def event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where it is installed, which it cannot be everywhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class _Settings:
    """The settings, read again whenever their files change."""

    def __init__(self, root: Path, working_folder: Path, arguments: Mapping[str, object]) -> None:
        self._root = root
        self._working_folder = working_folder
        self._arguments = arguments
        self._stamp = stamp(root, working_folder)
        self._plugin_files: tuple[str, ...] = ()

    def load(self) -> DevOptions:
        """Read them.

        Raises:
            HotChannelError: one of them is wrong.
        """
        return load(self._root, self._working_folder, self._arguments)

    async def changed(
        self, options: DevOptions, make: Callable[[DevOptions], DevServer]
    ) -> tuple[DevOptions, DevServer]:
        """Return settings that are others than `options`, or have other plugins, and the server they make.

        Wrong ones are logged and waited out.
        """
        # Of plugins that could not be imported the files are those of the last that could.
        self._plugin_files = plugin_files() or self._plugin_files
        plugins = file_stamps(self._plugin_files)
        while True:
            await asyncio.sleep(_LOOK)
            now, plugins_now = stamp(self._root, self._working_folder), file_stamps(self._plugin_files)
            if (now, plugins_now) == (self._stamp, plugins):
                continue
            is_reread = plugins_now != plugins
            self._stamp, plugins = now, plugins_now
            try:
                fresh = self.load()
                if fresh != options or is_reread:
                    return fresh, make(fresh)
            except HotChannelError as error:
                _log.error("the settings stay as they are: %s", error)


async def _serve(folder: Path, options: DevOptions, settings: _Settings, started: float) -> None:
    is_first = True
    following = DevServer(folder, options)
    while True:
        async with following as server:
            if is_first:
                if options.log_level != "silent":
                    _print_banner(server, (time.perf_counter() - started) * 1000)
                if options.open:
                    import webbrowser

                    webbrowser.open(server.local_urls[0])
            else:
                _log.info("settings or plugins have changed: restarted, %s", server.local_urls[0])
            ended = asyncio.create_task(server.wait())
            make = partial(_following, folder, options, server)
            changed = asyncio.create_task(settings.changed(options, make))
            await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            if ended.done():
                return ended.result()
            ended.cancel()
            options, following = changed.result()
        is_first = False


def _following(folder: Path, options: DevOptions, server: DevServer, fresh: DevOptions) -> DevServer:
    """Return the server that `fresh` makes in place of `server`."""
    # Pages look for the server where they found it, unless it is told to be elsewhere.
    port = server.port if fresh.port == options.port else fresh.port
    return DevServer(folder, replace(fresh, port=port), renews=True)


def _print_banner(server: DevServer, milliseconds: float) -> None:
    name = click.style(f"hotchannel v{__version__}", fg="green", bold=True)
    click.echo(f"\n  {name}  {click.style('ready in', dim=True)} {milliseconds:.0f} ms\n")
    arrow = click.style("➜", fg="green")
    rows = [("Local", url) for url in server.local_urls] + [("Network", url) for url in server.network_urls]
    for label, url in rows:
        click.echo(f"  {arrow}  {click.style(f'{label}:', bold=True):<19} {click.style(url, fg='cyan')}")
    if not server.network_urls:
        click.echo(click.style("  ➜  Network:    use --host to expose", dim=True))
    click.echo(click.style(f"  ➜  Inspector:  {server.inspector_url}", dim=True))
    click.echo(click.style("\n  press Ctrl-C to stop\n", dim=True))


def log_to_terminal(level: LogLevel) -> None:
    """Print what is logged, from `level` on."""
    logger = logging.getLogger("hotchannel")
    logger.propagate = False
    if level == "silent":
        logger.addHandler(logging.NullHandler())
        return
    handler = _TerminalHandler()
    logger.addHandler(handler)
    logger.setLevel(level.upper())


class _TerminalHandler(logging.Handler):
    """Prints one coloured line a message, as Vite's terminal does."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            action = _ACTION.match(message)
            if action is not None:
                message = (
                    click.style(action[1], fg="green") + " " + click.style(message[action.end() :], dim=True)
                )
            elif record.levelno in _COLOURS:
                message = click.style(message, fg=_COLOURS[record.levelno])
            moment = click.style(time.strftime("%H:%M:%S", time.localtime(record.created)), dim=True)
            name = click.style("[hotchannel]", fg="cyan", bold=True)
            click.echo(f"{moment} {name} {message}", err=record.levelno >= logging.WARNING)
            if record.exc_info:
                click.echo(logging.Formatter().formatException(record.exc_info), err=True)
        except Exception:
            self.handleError(record)


def fail(message: str) -> int:
    """Say what is wrong, and return the exit status."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    return 2
