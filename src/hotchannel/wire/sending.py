"""What `send` takes.

Role: makes a payload of a payload, of an event with its data, or of an event with bytes, and says what cannot
be sent to whoever tries. Every `send` begins here: a channel's, a client's, an application's, a remote's.
"""

from __future__ import annotations

import re

from msgspec import UNSET, UnsetType

from hotchannel.errors import HotChannelError
from hotchannel.wire.binary import frozen
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Binary, Custom, HotPayload, Json

__all__ = ["as_bytes", "as_payload", "check"]

_FIELD_NAME = re.compile(":[^:]*:")


def as_payload(message: object, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET) -> HotPayload:
    """The payload of `send(payload)`, of `send(event, data)` or of `send(event, bytes, meta)`.

    Raises:
        HotChannelError: it is none of them, or a binary message whose meta is not JSON or too long.
    """
    if isinstance(message, str):
        body = as_bytes(data)
        if body is not None:
            return _as_it_is_now(Binary(message, body, meta))
        if meta is not UNSET:
            raise HotChannelError(f"meta goes with bytes, not with {type(data).__name__}")
        return Custom(message, data)
    if isinstance(message, HotPayload) and data is UNSET and meta is UNSET:
        return _as_it_is_now(message) if isinstance(message, Binary) else message
    raise HotChannelError(f"send takes a payload, or an event's name and data, not {type(message).__name__}")


def _as_it_is_now(message: Binary) -> Binary:
    """Return a copy that nobody can change, which can be sent: a journal keeps it for who comes later."""
    body = as_bytes(message.data)
    if body is None or not isinstance(message.event, str):
        raise HotChannelError(
            f"a binary message is a name and bytes, not {message.event!r} and {type(message.data).__name__}"
        )
    return frozen(Binary(message.event, body, message.meta))


def as_bytes(data: object) -> bytes | None:
    """The bytes of what has a buffer (PEP 3118), be it `bytes`, `memoryview`, `array` or a NumPy array.

    They are a copy, in which rows follow one another (C order), however the array lies in memory. None where
    there is no buffer, or one without dimensions, as of a single NumPy number, or one of Python objects, as
    nobody else can use their addresses.
    """
    if isinstance(data, bytes):
        return bytes(data)
    if isinstance(data, (str, int, float, dict, list, tuple, type(None))):
        return None
    try:
        view = memoryview(data)  # type: ignore[arg-type]  # which is what is asked
    except (TypeError, ValueError):
        return None
    holds_objects = "O" in _FIELD_NAME.sub("", view.format)
    return view.tobytes() if view.ndim and not holds_objects else None


def check(payload: HotPayload) -> None:
    """Say what cannot be sent of a payload, before it goes to where nobody could be told.

    Raises:
        HotChannelError: its data cannot be said in JSON. Of a binary message `as_payload` has said so.
    """
    if not isinstance(payload, Binary):
        encode(payload)
