"""Binary messages, without base64.

Role: one binary WebSocket frame is `SIZE HEADER BODY`: the header's size as four bytes, most significant
first; the header, a JSON object with `event`, `meta` where there is one, and `seq` where the client counts;
and the body as it is. Goes to clients that have asked for it (`binary=1` in the query of the socket's URL),
and comes from them. Whoever has not asked gets JSON, with the body in base64. `unpack` never raises.

A header is smaller than 64 KiB, so that the first byte is always zero: no JSON begins like that.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from hotchannel.errors import HotChannelError
from hotchannel.wire.codec import MAX_DEPTH, Json, Malformed, as_json, deeper_than, number
from hotchannel.wire.payloads import Binary

__all__ = ["BinaryData", "frozen", "header", "is_binary", "pack", "unpack"]

_SIZE = 4
_MAX_HEADER = 64 * 1024
_MAX_SAID = 63 * 1024
"""Bytes of a header without `seq`, which is added when it is too late to say that it does not fit."""


class BinaryData(NamedTuple):
    """What a listener gets of a binary message.

    Attributes:
        data: the bytes.
        meta: what was sent beside them; None where nothing was.
    """

    data: bytes
    meta: Json = None


def is_binary(message: bytes | str) -> bool:
    """Whether a client's message is one of these, rather than JSON in a binary frame."""
    return isinstance(message, bytes) and message[:1] == b"\0"


def header(message: Binary) -> bytes:
    """Return the header that a message travels with, without `seq`.

    Raises:
        HotChannelError: its meta cannot be said in JSON, or is longer than a header may be.
    """
    fields: dict[str, Json] = {"event": message.event}
    if message.meta is not UNSET:
        fields["meta"] = message.meta
    encoded = as_json(fields, f"the meta of {message.event}")
    if len(encoded) > _MAX_SAID:
        raise HotChannelError(f"the meta of {message.event} is {len(encoded)} bytes: keep it below 63 KiB")
    return encoded


def frozen(message: Binary) -> Binary:
    """Return a message that says what this one says now, whatever becomes of its meta.

    Raises:
        HotChannelError: see `header`.
    """
    encoded = header(message)
    if message.meta is UNSET:
        return message
    try:
        # Which takes half of a surrogate pair as well.
        return Binary(message.event, message.data, json.loads(encoded)["meta"])
    except (ValueError, RecursionError) as error:
        raise HotChannelError(f"cannot read the meta of {message.event} again: {error}") from error


def pack(message: Binary, seq: int | str | None = None) -> bytes:
    """Return the message as it travels.

    Args:
        message: the message.
        seq: its number, for clients that resume.

    Raises:
        HotChannelError: see `header`.
    """
    head = header(message)
    if seq is not None:
        head = number(head, seq)
    return len(head).to_bytes(_SIZE, "big") + head + message.data


def unpack(message: bytes) -> Binary | Malformed:
    """Read what `pack` has made; a `seq` in it is passed over."""
    end = _SIZE + int.from_bytes(message[:_SIZE], "big")
    if end > len(message) or end - _SIZE >= _MAX_HEADER:
        return Malformed("no header of a binary message")
    try:
        said = msgspec.json.decode(message[_SIZE:end])
    except (ValueError, RecursionError, OverflowError, MemoryError):
        return Malformed("a header that is not JSON")
    if not isinstance(said, dict) or not isinstance(event := said.get("event"), str):
        return Malformed("no event name")
    if deeper_than(said, MAX_DEPTH):
        return Malformed("nested too deep")
    return Binary(event, message[end:], said.get("meta", UNSET))
