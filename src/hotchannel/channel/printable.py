"""Text from outside, made fit for a terminal.

Role: what every log line with foreign text goes through. Control characters could
move the cursor or forge lines, bidirectional controls could reorder what is read (CVE-2021-42574).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotchannel.wire.payloads import Binary

__all__ = ["printable", "summary"]

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def printable(text: str | bytes, limit: int = 200) -> str:
    """`text` on one line, at most `limit` characters of it, unsafe characters as `\\x1b` or `\\u202e`."""
    if isinstance(text, bytes):
        # A character is at most four bytes: no need to decode what is cut off anyway.
        text = text[: 4 * limit + 4].decode("utf-8", "replace")
    cut = text[:limit] + "…" if len(text) > limit else text
    return _UNSAFE.sub(_escape, cut)


def summary(message: Binary) -> str:
    """A binary message in a few words."""
    return f"{printable(message.event)}, {len(message.data)} bytes"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
