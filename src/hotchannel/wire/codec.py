"""Payloads to bytes and back.

Role: encode once for all clients; decode what clients send, which is untrusted. `decode` never
raises: whatever is not a message a client may send comes back as `Malformed` with a reason.
Follows protocol.md section 4; JSON as in RFC 8259.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from hotchannel.errors import HotChannelError
from hotchannel.wire.payloads import Binary, Custom, HotPayload, Json, Ping

__all__ = ["MAX_DEPTH", "Json", "Malformed", "as_json", "decode", "deeper_than", "encode", "number"]

MAX_DEPTH = 128
"""How deep arrays and objects of a client's message may nest."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something no client may send.

    Attributes:
        reason: what is wrong, for the debug log; holds nothing that the client wrote.
    """

    reason: str


def encode(payload: HotPayload) -> bytes:
    """One JSON object in UTF-8 with `type` as its first key, absent optional fields left out.

    A binary message becomes a custom event whose `data` is `{data, meta}`, the bytes in base64.

    Raises:
        HotChannelError: the data of a custom event cannot be said in JSON.
    """
    if isinstance(payload, Binary):
        parts: dict[str, Json] = {"data": payload.data}
        if payload.meta is not msgspec.UNSET:
            parts["meta"] = payload.meta
        payload = Custom(payload.event, parts)
    return as_json(payload, type(payload).__name__)


def as_json(value: object, name: str) -> bytes:
    """JSON in UTF-8.

    Args:
        value: what is said.
        name: of it, for the error.

    Raises:
        HotChannelError: it cannot be said in JSON.
    """
    try:
        try:
            return _encoder.encode(value)
        except UnicodeEncodeError:
            return _encode_escaped(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise HotChannelError(f"cannot encode {name} as JSON: {exc}") from exc


def number(encoded: bytes, seq: int | str) -> bytes:
    """The same object with `seq` as its last key, for clients that resume.

    Args:
        encoded: the object.
        seq: the message's number in the client's epoch, or all of what the client comes back with, in letters
            that JSON does not escape.
    """
    if isinstance(seq, str):
        return b'%b,"seq":"%b"}' % (encoded[:-1], seq.encode())
    return b'%b,"seq":%d}' % (encoded[:-1], seq)


def decode(data: bytes | str) -> Custom | Ping | Malformed:
    """What a client says. Never raises; of duplicate keys the last one counts, as in a browser."""
    try:
        message = _decoder.decode(data)
        if deeper_than(message, MAX_DEPTH):
            return Malformed("nested too deep")
    except RecursionError:
        return Malformed("nested too deep")
    except (ValueError, OverflowError, MemoryError):
        return Malformed("not JSON")
    if not isinstance(message, dict):
        return Malformed("not an object")
    match message.get("type"):
        case "ping":
            return Ping()
        case "custom":
            event = message.get("event")
            if not isinstance(event, str):
                return Malformed("no event name")
            return Custom(event, message.get("data", msgspec.UNSET))
        case _:
            return Malformed("not a type that clients send")


def _encode_escaped(value: object) -> bytes:
    # A file name that is not UTF-8 holds lone surrogates. They have no UTF-8 form, but JSON can
    # escape them, and a browser reads them back (ECMA-262, well-formed JSON.stringify).
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"), allow_nan=False).encode()


def deeper_than(value: object, limit: int) -> bool:
    """Whether arrays and objects in `value` nest deeper than so many levels."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
