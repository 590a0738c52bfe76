"""Where in a source something is, and how to show it.

Role: what all analyses share when they report. Lines end where JavaScript ends them (ECMA-262, 12.3):
LF, CR, CR LF, U+2028, U+2029. Columns count characters.
"""

from __future__ import annotations

import re

from hotchannel.errors import HotChannelError

__all__ = ["SourceError", "code_frame", "offset_of", "position"]

_LINE_END = re.compile(r"\r\n?|[\n\u2028\u2029]")
_WIDTH = 120
_ELLIPSIS = "..."


class SourceError(HotChannelError):
    """A source that cannot be read to its end.

    Attributes:
        message: what is wrong, in a sentence.
        offset: where, in characters from the start of the source.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def position(source: str, offset: int) -> tuple[int, int]:
    """Return the line (from 1) and the column (from 0) of `offset`."""
    line, start = 1, 0
    for end in _LINE_END.finditer(source):
        if end.end() > offset:
            break
        line, start = line + 1, end.end()
    return line, offset - start


def offset_of(source: str, line: int, column: int) -> int:
    """Return the offset of a line (from 1) and column (from 0), or the nearest there is."""
    number, start = 1, 0
    for end in _LINE_END.finditer(source):
        if number >= line:
            return min(start + max(column, 0), end.start())
        number, start = number + 1, end.end()
    return min(start + max(column, 0), len(source))


def code_frame(source: str, offset: int, context: int = 2) -> str:
    """Return the line of `offset` with its number, a caret below, and `context` lines either side.

    As in Vite's `generateCodeFrame`, lines are cut to 120 characters, that of the caret around it.

        11 |  import { a } from "./a.js"
        12 |  const b = (
           |            ^
    """
    number, column = position(source, offset)
    lines = _LINE_END.split(source)
    first, last = max(number - context, 1), min(number + context, len(lines))
    width = max(2, len(str(last)))
    frame: list[str] = []
    for shown in range(first, last + 1):
        is_here = shown == number
        text, caret = _cut(lines[shown - 1], column if is_here else 0)
        frame.append(f"{shown:>{width}} |  {text}".rstrip())
        if is_here:
            # Tabs stay tabs, so that the caret is where the character is.
            pad = "".join("\t" if character == "\t" else " " for character in text[:caret].ljust(caret))
            frame.append(f"{'':>{width}} |  {pad}^")
    return "\n".join(frame)


def _cut(line: str, column: int) -> tuple[str, int]:
    """Return at most `_WIDTH` characters of `line` around `column`, and where `column` is in them."""
    if len(line) <= _WIDTH:
        return line, column
    start = max(0, min(column - _WIDTH // 2, len(line) - _WIDTH))
    head = _ELLIPSIS if start else ""
    tail = _ELLIPSIS if start + _WIDTH < len(line) else ""
    kept = line[start + len(head) : start + _WIDTH - len(tail)]
    return head + kept + tail, column - start
