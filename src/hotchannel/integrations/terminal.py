"""What adapters say in the terminal of the server that they run in.

Role: an application's server configures its own loggers and nobody else's; where nobody has configured ours
either, they speak on standard error, as that server does.
"""

from __future__ import annotations

import logging
import sys
from functools import cache

__all__ = ["say_off", "speak"]

_log = logging.getLogger("hotchannel")


@cache
def speak() -> None:
    """Print what is logged, unless the application has decided where it goes."""
    if _log.hasHandlers() or _log.level != logging.NOTSET:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[hotchannel] %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


@cache
def say_off(line: str) -> None:
    """Say that hotchannel is off: once, and loud where somebody sits at the terminal."""
    _log.log(logging.WARNING if sys.stderr.isatty() else logging.INFO, line)
