"""What a server says, as typed payloads where it is what this version knows.

Role: reads foreign messages and never raises. A message of another type, or with fields that a payload of
ours has no place for, stays the dict that it is, so that nothing of it is lost.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from hotchannel.wire.binary import is_binary, unpack
from hotchannel.wire.codec import Malformed
from hotchannel.wire.payloads import HotPayload, JsonPayload

__all__ = ["Received", "parse"]

Received: TypeAlias = HotPayload | dict[str, Any]
"""A payload, or a message that is none as a plain dict."""


def parse(message: str | bytes) -> Received | None:
    """Read one message; None where it is neither a JSON object nor a binary message."""
    if isinstance(message, bytes) and is_binary(message):
        binary = unpack(message)
        return None if isinstance(binary, Malformed) else binary
    try:
        decoded = msgspec.json.decode(message)
    except (ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(decoded, dict):
        return None
    try:
        payload: HotPayload = msgspec.convert(decoded, JsonPayload)
        is_whole = msgspec.json.decode(msgspec.json.encode(payload)) == decoded
    except (ValueError, RecursionError):
        return decoded
    return payload if is_whole else decoded
