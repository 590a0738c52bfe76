"""The clock that stamps updates."""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Milliseconds since 1970 that grow with every reading, as Vite's `monotonicDateNow`."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last = max(self._last + 1, int(time.time() * 1000))
        return self._last

    def saw(self, timestamp: int) -> None:
        """Take in a timestamp that another process has given: none that is given here will be older."""
        self._last = max(self._last, timestamp)
