"""Errors and console lines of browsers, in the terminal.

Role: what a page says with `vite:forward-console`, be its client ours or Vite's own, becomes a log line, fit
for a terminal and bounded: nothing in it begins a line at the left edge, and a flood is one summary a second.
Invariant: never raises, whatever a client sends; what is no such message is ignored. Follows protocol.md,
section 4, and Vite's `shared/forwardConsole.ts`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.channel.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORWARD_CONSOLE_EVENT", "BrowserConsole", "ConsoleLine", "forwarded_levels", "read_line"]

FORWARD_CONSOLE_EVENT = "vite:forward-console"

_log = logging.getLogger("hotchannel.browser")

_SECOND = 1.0
_LINES_PER_SECOND = 50
"""A page that loads may say much at once; what comes beyond that within a second is only counted."""

_KINDS_SHOWN = 5

_MAX_LENGTH = 10_000
_MAX_LINES = 100
_MAX_LINE_LENGTH = 2_000
_MAX_FRAMES = 20

_DEFAULT_LEVELS = ("error", "warn")

_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING}
_METHOD = re.compile("[A-Za-z]{1,20}")
_ERRORS = {"error": "Unhandled error", "unhandled-rejection": "Unhandled rejection"}

_FRAME = re.compile(r"\s*at \S|.*:[0-9]+:[0-9]+\)?\s*$")

_SAID_ALREADY = "[vite] Internal Server Error\n"
"""So Vite's client begins when it passes on to the console what the server told it."""


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """Something that a browser said.

    Attributes:
        level: of the log.
        kind: `console.warn`, `Unhandled error`, ...
        text: one line or several, of which all but the first are indented; fit for a terminal.
    """

    level: int
    kind: str
    text: str


def forwarded_levels(option: Sequence[str] | bool) -> tuple[str, ...] | None:
    """Return the methods of the console that the option `forward_console` means; None where it is off."""
    if option is True:
        return _DEFAULT_LEVELS
    return None if option is False else tuple(option)


def read_line(data: object) -> ConsoleLine | None:
    """Read the data of an event; None where it is none, or repeats what the server has said itself."""
    if not isinstance(data, dict) or not isinstance(content := data.get("data"), dict):
        return None
    kind, message = data.get("type"), content.get("message")
    if not isinstance(kind, str) or not isinstance(message, str):
        return None
    if kind == "log":
        method = content.get("level")
        if not isinstance(method, str) or not _METHOD.fullmatch(method) or message.startswith(_SAID_ALREADY):
            return None
        return ConsoleLine(_LEVELS.get(method, logging.INFO), f"console.{method}", _fit(message))
    if kind not in _ERRORS:
        return None
    name, stack = content.get("name"), content.get("stack")
    headline = f"{name}: {message}" if isinstance(name, str) and name else message
    frames = _frames(stack, headline) if isinstance(stack, str) else []
    return ConsoleLine(logging.ERROR, _ERRORS[kind], "\n".join((_fit(headline), *frames)))


class BrowserConsole:
    """Prints what browsers say: `channel.on(FORWARD_CONSOLE_EVENT, BrowserConsole())`."""

    __slots__ = ("_more", "_shown", "_timer")

    def __init__(self) -> None:
        self._shown = 0
        self._more: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, data: object, client: object) -> None:
        """Print one line, or count it. Needs a running loop."""
        line = read_line(data)
        if line is None:
            _log.debug("ignored a message: it is no console line, or one that is known")
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECOND, self._summarise)
        if self._shown >= _LINES_PER_SECOND:
            self._more[line.kind] += 1
            return
        self._shown += 1
        _log.log(line.level, "[%s] %s", line.kind, line.text)

    def close(self) -> None:
        """Say what is left and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._summarise()

    def _summarise(self) -> None:
        self._timer = None
        self._shown = 0
        if self._more:
            kinds = ", ".join(f"{kind} {count}" for kind, count in self._more.most_common(_KINDS_SHOWN))
            _log.warning("browsers said %d more within a second: %s", self._more.total(), kinds)
            self._more.clear()


def _fit(message: str) -> str:
    """Return `message` as the lines of a record, cut where it is long."""
    cut = message[:_MAX_LENGTH]
    lines = cut.replace("\r\n", "\n").rstrip().split("\n")
    shown = [printable(line.expandtabs(4), _MAX_LINE_LENGTH) for line in lines[:_MAX_LINES]]
    if len(cut) < len(message) or len(shown) < len(lines):
        shown.append("…")
    return "\n    ".join(shown)


def _frames(stack: str, headline: str) -> list[str]:
    """Return where an error came from; V8 puts the error itself in front, other engines do not."""
    rest = stack.removeprefix(headline)[:_MAX_LENGTH]
    frames = [line for line in rest.split("\n") if _FRAME.match(line)]
    return [f"    {printable(line.strip(), _MAX_LINE_LENGTH)}" for line in frames[:_MAX_FRAMES]]
