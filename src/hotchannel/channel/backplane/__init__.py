"""One broadcast across processes and machines.

Role: what carries a channel's operations to every process that shares it. `memory` is one process and the
default; `redis` and `nats` keep an ordered log on an engine beside, of which `stream` makes one order for all
of them, without loss and without duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from hotchannel.channel.backplane.memory import MemoryBackplane
from hotchannel.errors import HotChannelError, OptionError

if TYPE_CHECKING:
    from hotchannel.channel.backplane.engine import Engine
    from hotchannel.channel.backplane.roles import Backplane

__all__ = ["check_url", "open_backplane"]

_DEFAULT_NAME = "hotchannel"
_EXPECTED = "a URL such as 'redis://127.0.0.1:6379/0' or 'nats://127.0.0.1:4222'"


def check_url(url: str) -> tuple[str, str]:
    """Return the engine's URL and the name under which the processes find one another (`?channel=NAME`).

    Raises:
        OptionError: it is no such URL.
    """
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        names = query.pop("channel", [_DEFAULT_NAME])
        is_sound = (
            parts.scheme in ("redis", "rediss", "unix", "nats", "tls")
            and (parts.scheme not in ("nats", "tls") or bool(parts.hostname))
            and not any(map(str.isspace, url))
            and not query
            and parts.port != 0
        )
    except (ValueError, AttributeError):
        is_sound = False
    if not is_sound or len(names) != 1 or not names[0].isidentifier():
        raise OptionError("backplane", _without_password(url), _EXPECTED)
    return url.partition("?")[0], names[0]


def open_backplane(url: str | None, *, keep: int, keep_bytes: int) -> Backplane:
    """Return what carries a channel's operations; nothing is connected yet.

    Args:
        url: of the engine; None for a channel that only this process has.
        keep: how many operations the engine keeps for processes that come later or fall behind.
        keep_bytes: how many bytes of them, about.

    Raises:
        OptionError: it is no such URL.
        HotChannelError: the engine's client is not installed; the message names the extra.
    """
    if url is None:
        return MemoryBackplane()
    from hotchannel.channel.backplane.stream import StreamBackplane

    address, name = check_url(url)
    engine: Engine
    try:
        if address.startswith(("nats:", "tls:")):
            from hotchannel.channel.backplane.nats import NatsEngine

            engine = NatsEngine(address, name, keep=keep, keep_bytes=keep_bytes)
        else:
            from hotchannel.channel.backplane.redis import RedisEngine

            engine = RedisEngine(address, name, keep=keep, keep_bytes=keep_bytes)
    except ImportError as error:
        raise HotChannelError(str(error)) from error
    return StreamBackplane(engine, shown=_without_password(address), keep=keep, keep_bytes=keep_bytes)


def _without_password(url: object) -> str:
    """As it may be logged: nobody's name, and of what is set in the query only what it is called."""
    address, mark, query = str(url).partition("?")
    head, at, tail = address.rpartition("@")
    scheme, colon, _ = head.partition("://")
    names = "&".join(setting.partition("=")[0] for setting in query.split("&"))
    shown = f"{scheme}://***@{tail}" if colon else f"***@{tail}"
    return (shown if at else address) + mark + names
