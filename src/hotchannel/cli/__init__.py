"""The command line: `hotchannel dev`, `proxy`, and `ping`, `listen` and `send` for any server.

Role: reads arguments and exits. Heavy parts are imported when a command runs, so that `--help`
answers at once.
"""

from __future__ import annotations

import sys
import time

import click

from hotchannel._version import __version__

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-v", "--version", message="hotchannel %(version)s")
def main() -> None:
    """Save a file, and every browser that shows it changes, keeping its state."""


@main.command()
@click.argument("root", default=".", type=click.Path())
@click.option(
    "--host",
    is_flag=False,
    flag_value="0.0.0.0",
    help="Interface to serve on; without a value all of them.  [default: loopback only]",
)
@click.option("--port", type=click.IntRange(0, 65535), help="First port to try.  [default: 5173]")
@click.option(
    "--strict-port", is_flag=True, default=None, help="End if the port is taken; do not try the next."
)
@click.option("--base", help="Path under which everything is served.  [default: /]")
@click.option("--https", is_flag=True, default=None, help="Serve encrypted; without --cert, self-signed.")
@click.option("--cert", type=click.Path(), help="Certificate file for --https, PEM.")
@click.option("--key", type=click.Path(), help="Its private key, if that is not in the same file.")
@click.option(
    "--proxy",
    multiple=True,
    metavar="PATH=URL",
    help="Back end that answers a path and what is below it; may be given several times.",
)
@click.option("--open", "open", is_flag=True, default=None, help="Open the page in a browser.")
@click.option("--editor", help="Editor for the links in the error overlay.  [default: one that is found]")
@click.option(
    "--forward-console",
    is_flag=True,
    default=None,
    help="Print errors and warnings of browsers here.",
)
@click.option(
    "--ws-port", type=click.IntRange(0, 65535), help="Port of the channel.  [default: the port of the pages]"
)
@click.option(
    "--backplane",
    metavar="URL",
    help="Engine by which several servers share one channel: redis://HOST:PORT/0 or nats://HOST:PORT.",
)
@click.option(
    "--pack",
    type=click.Choice(["auto", "on", "off"]),
    help="Load all modules of a page in one response.  [default: auto, where they are many]",
)
@click.option(
    "--polling", is_flag=True, default=None, help="Watch by comparing, for bind mounts, WSL and NFS."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error", "silent"]),
    help="The least that is printed.  [default: info]",
)
def dev(root: str, **arguments: object) -> None:
    """Serve the folder ROOT, and update its pages as files are saved."""
    started = time.perf_counter()
    from hotchannel.cli.dev import run

    sys.exit(run(root, arguments, started=started))


@main.command()
@click.argument("url")
@click.option(
    "--host",
    is_flag=False,
    flag_value="0.0.0.0",
    help="Interface to serve on; without a value all of them.  [default: loopback only]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5173, help="First port to try.", show_default=True
)
@click.option(
    "--static",
    multiple=True,
    metavar="PREFIX=FOLDER",
    help="Static files of the back end, as /static=app/static; may be given several times.",
)
@click.option(
    "--templates", multiple=True, metavar="FOLDER", help="Templates of the back end; several times too."
)
@click.option(
    "--watch",
    multiple=True,
    metavar="PATH",
    help="Further files, folders or patterns whose change brings the pages up to date.",
)
@click.option("--morph/--no-morph", default=True, help="Change what has changed in a page, or reload it.")
@click.option(
    "--allowed-host", multiple=True, metavar="NAME", help="Host name by which pages are asked for here."
)
def proxy(
    url: str,
    host: str | None,
    port: int,
    static: tuple[str, ...],
    templates: tuple[str, ...],
    watch: tuple[str, ...],
    morph: bool,
    allowed_host: tuple[str, ...],
) -> None:
    """Stand in front of the server at URL, and update its pages as files are saved."""
    from hotchannel.cli.proxy import run

    status = run(
        url,
        host=host,
        port=port,
        static=static,
        templates=templates,
        watch=watch,
        morph=morph,
        allowed_hosts=allowed_host,
    )
    sys.exit(status)


_INSECURE = click.option(
    "--insecure", is_flag=True, help="Trust any certificate, as one that is self-signed."
)


@main.command()
@click.argument("url")
@click.option("--count", type=click.IntRange(1), default=1, help="How many pings.", show_default=True)
@_INSECURE
def ping(url: str, count: int, insecure: bool) -> None:
    """Say whether a dev server answers at URL, and how quickly."""
    from hotchannel.cli import remote

    sys.exit(remote.ping(url, count=count, insecure=insecure))


@main.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it was sent.")
@_INSECURE
def listen(url: str, as_json: bool, insecure: bool) -> None:
    """Print what the dev server at URL tells its pages, until Ctrl-C."""
    from hotchannel.cli import remote

    sys.exit(remote.listen(url, as_json=as_json, insecure=insecure))


@main.command()
@click.argument("url")
@click.argument("event")
@click.argument("data", required=False, metavar="[JSON]")
@_INSECURE
def send(url: str, event: str, data: str | None, insecure: bool) -> None:
    """Send the custom event EVENT to the dev server at URL, with any JSON as its data."""
    from hotchannel.cli import remote

    sys.exit(remote.send(url, event, data, insecure=insecure))
