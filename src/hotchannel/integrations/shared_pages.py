"""Texts of pages among the processes that share a channel.

Role: a page asks for its text as it was sent wherever a proxy leads it, which need not be the process that
has sent it. Whoever is asked, and does not have it, asks all others by the channel; who has it answers.

Invariant: what others say never raises, and is taken in only where it was asked for. What was asked or
answered long ago, and comes again, finds nobody who waits for it.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeptPages", "SharedChannel", "SharedPages"]

_WANTED = "page wanted"
_FOUND = "page found"

_PATIENCE = 1.0
"""Seconds that a page waits for the answer of another process."""

_MOST = 100
"""Names that are asked for at once, and messages that may wait for the engine: beyond, nothing is asked."""

_MAX_TEXT = 2 * 1024 * 1024
_MAX_PACKED = 256 * 1024
"""Bytes of a text, and of what is told of it: the log that all share is bounded."""

_NAME = re.compile(r"[A-Za-z0-9_-]{12}")
_FASTEST = 1


class SharedChannel(Protocol):
    """What is needed of the channel."""

    @property
    def is_shared(self) -> bool: ...
    @property
    def unacknowledged(self) -> int: ...
    def tell(self, topic: str, data: object) -> None: ...
    def heard(self, topic: str, listener: Callable[[Any], object]) -> None: ...


class KeptPages(Protocol):
    """What is needed of the pages of this process."""

    def kept(self, name: str) -> str | None: ...
    def keep(self, name: str, source: str) -> None: ...


class SharedPages:
    """This process's part.

    Args:
        channel: by which the others are asked.
        pages: of this process.
        patience: seconds that an answer may take.
    """

    def __init__(self, channel: SharedChannel, pages: KeptPages, *, patience: float = _PATIENCE) -> None:
        self._channel = channel
        self._pages = pages
        self._patience = patience
        self._wanted: dict[str, asyncio.Event] = {}
        channel.heard(_WANTED, self._hear_wanted)
        channel.heard(_FOUND, self._hear_found)

    async def fetch(self, name: str) -> None:
        """Have a text kept in this process, where any has it; returns when it is, or when nobody answers."""
        if not self._channel.is_shared or not _NAME.fullmatch(name) or self._pages.kept(name) is not None:
            return
        ended = self._wanted.get(name) or self._ask(name)
        if ended is not None:
            await ended.wait()

    def _ask(self, name: str) -> asyncio.Event | None:
        if self._is_overrun or len(self._wanted) >= _MOST:
            return None
        ended = self._wanted[name] = asyncio.Event()
        asyncio.get_running_loop().call_later(self._patience, self._end, name)
        self._channel.tell(_WANTED, name)
        return ended

    def _end(self, name: str) -> None:
        ended = self._wanted.pop(name, None)
        if ended is not None:
            ended.set()

    @property
    def _is_overrun(self) -> bool:
        """Whether the engine is away, or slow: what waits for it is to be the messages of the channel."""
        return self._channel.unacknowledged >= _MOST

    def _hear_wanted(self, name: Any) -> None:
        source = self._pages.kept(name) if isinstance(name, str) else None
        if source is None or self._is_overrun:
            return
        packed = _packed(source)
        if packed is not None:
            self._channel.tell(_FOUND, [name, packed])

    def _hear_found(self, data: Any) -> None:
        match data:
            case [str(name), bytes(packed)] if name in self._wanted:
                source = _unpacked(packed)
                if source is not None:
                    self._pages.keep(name, source)
                    self._end(name)


def _packed(source: str) -> bytes | None:
    """Return what travels of a text; None where it is too much."""
    text = source.encode(errors="surrogateescape")
    if len(text) > _MAX_TEXT:
        return None
    packed = zlib.compress(text, _FASTEST)
    return packed if len(packed) <= _MAX_PACKED else None


def _unpacked(packed: bytes) -> str | None:
    """Return a text that has travelled; None for what is none, or longer than any that does."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, _MAX_TEXT + 1)
    except zlib.error:
        return None
    is_whole = unpacking.eof and len(text) <= _MAX_TEXT
    return text.decode(errors="surrogateescape") if is_whole else None
