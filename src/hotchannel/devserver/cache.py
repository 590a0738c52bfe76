"""Compiled answers, kept while nothing that they are made of has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from hotchannel.devserver.http import Response

__all__ = ["ResponseCache"]

_MAX_BYTES = 32 * 1024 * 1024


class ResponseCache:
    """Responses by key, each good for one version; the oldest go when they are too many bytes.

    Args:
        max_bytes: bound of all bodies together.
    """

    __slots__ = ("_kept", "_max_bytes", "_size")

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: dict[str, tuple[Hashable, Response]] = {}
        self._size = 0

    def get(self, key: str, version: Hashable) -> Response | None:
        """Return what was kept under `key`, if it is of this version."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0] == version else None

    def put(self, key: str, version: Hashable, response: Response) -> None:
        """Keep a response in place of the one before."""
        self._drop(key)
        self._kept[key] = (version, response)
        self._size += response.content_length
        while self._size > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept[1].content_length
