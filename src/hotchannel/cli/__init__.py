"""The command line: `hotchannel dev`.

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
