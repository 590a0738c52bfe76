"""`hotchannel ping`, `listen` and `send`: a look at any server that speaks Vite's protocol.

Exit status: 0, or 1 where the server did not answer.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import click
import msgspec

from hotchannel.channel.printable import printable
from hotchannel.errors import HotChannelError
from hotchannel.remote import connect_sync
from hotchannel.wire.payloads import Binary, Custom, ErrorPayload, FullReload, Prune, Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.remote.payloads import Received

__all__ = ["line", "listen", "ping", "send"]

_FAILED = 1
_SHOWN = 500
"""Characters of a message that one line shows."""


def ping(url: str, *, count: int, insecure: bool) -> int:
    """Print how long pings take."""

    def run() -> None:
        with connect_sync(url, reconnect=False, ssl=_trust(insecure)) as remote:
            for _ in range(count):
                click.echo(f"{url} answers in {1000 * remote.ping():.1f} ms")

    return _told(run)


def listen(url: str, *, as_json: bool, insecure: bool) -> int:
    """Print what a server sends, until Ctrl-C."""

    def run() -> None:
        with connect_sync(url, ssl=_trust(insecure)) as remote:
            for payload in remote:
                click.echo(msgspec.json.encode(payload).decode() if as_json else line(payload))

    return _told(run)


def send(url: str, event: str, data: str | None, *, insecure: bool) -> int:
    """Send one custom event."""

    value = msgspec.UNSET if data is None else _json(data)

    def run() -> None:
        with connect_sync(url, reconnect=False, ssl=_trust(insecure)) as remote:
            remote.send(event, value)
            # What is sent is there when a ping after it is answered.
            remote.ping()

    return _told(run)


def _told(run: Callable[[], None]) -> int:
    try:
        run()
    except KeyboardInterrupt:
        return 0
    except HotChannelError as error:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
        return _FAILED
    return 0


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"it is not JSON ({error}); a text needs quotes: '\"text\"'") from None


def _trust(insecure: bool) -> ssl.SSLContext | None:
    if not insecure:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def line(payload: Received) -> str:
    """What is printed of one message."""
    match payload:
        case Update(updates):
            words = "update " + ", ".join(dict.fromkeys(entry.path for entry in updates))
        case FullReload(path=str(path)):
            words = f"full-reload {path}"
        case Prune(paths):
            words = "prune " + ", ".join(paths)
        case ErrorPayload(err):
            words = f"error {err.message}"
        case Custom(event, data):
            shown = "" if data is msgspec.UNSET else f" {json.dumps(data, ensure_ascii=False)}"
            words = f"{event}{shown}"
        case Binary(event, body, meta):
            shown = "" if meta is msgspec.UNSET else f" {json.dumps(meta, ensure_ascii=False)}"
            words = f"{event} {len(body)} bytes{shown}"
        case dict():
            words = json.dumps(payload, ensure_ascii=False)
        case _:
            words = str(type(payload).__name__).lower()
    return printable(words, _SHOWN)
