"""`hotchannel proxy`: hot updates in front of any back end."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import click

from hotchannel._version import __version__
from hotchannel.cli.dev import event_loop, fail, log_to_terminal
from hotchannel.devserver.ports import bind
from hotchannel.errors import HotChannelError
from hotchannel.integrations.front import front

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from hotchannel.integrations.front import FrontMiddleware

__all__ = ["run"]

_SHUTDOWN_TIME = 1
"""Seconds that answers under way have when the server ends."""


def run(
    url: str,
    *,
    host: str | None,
    port: int,
    static: Iterable[str],
    templates: Iterable[str],
    watch: Iterable[str],
    morph: bool,
    allowed_hosts: tuple[str, ...],
) -> int:
    """Serve until interrupted, and return the exit status: 0, or 2 where it could not start."""
    try:
        app = front(
            url,
            static=_mounts(static),
            templates=tuple(templates),
            watch=tuple(watch),
            morph=morph,
            ws={"allowed_hosts": allowed_hosts},
        )
        sockets = bind(host, port, strict=False)
        log_to_terminal("info")
        click.echo(
            f"\n  {click.style(f'hotchannel v{__version__}', fg='green', bold=True)}  in front of {url}\n"
        )
        shown = "localhost" if host in (None, "0.0.0.0", "::") else host
        address = click.style(f"http://{shown}:{sockets[0].getsockname()[1]}/", fg="cyan")
        click.echo(f"  ➜  {click.style('Local:', bold=True)}  {address}\n")
        click.echo(click.style("  press Ctrl-C to stop\n", dim=True))
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            runner.run(_serve(app, sockets))
    except KeyboardInterrupt:
        return 0
    except HotChannelError as error:
        return fail(str(error))
    return 0


async def _serve(app: FrontMiddleware, sockets: list[socket.socket]) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        ws="hotchannel.websocket.uvicorn:TakeOver",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=_SHUTDOWN_TIME,
    )
    await uvicorn.Server(config).serve(sockets=sockets)


def _mounts(static: Iterable[str]) -> dict[str, list[str]]:
    mounts: dict[str, list[str]] = {}
    for pair in static:
        prefix, sign, folder = pair.partition("=")
        if not sign or not prefix.startswith("/"):
            raise HotChannelError(
                f"--static {pair}: expected a URL prefix and a folder, as /static=app/static"
            )
        mounts.setdefault(prefix, []).append(os.path.expanduser(folder))
    return mounts
