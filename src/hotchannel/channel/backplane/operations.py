"""What a channel does, as something that travels between processes.

Role: every change of what clients see, or will see, is one of these; every process applies them in one order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hotchannel.wire.payloads import Binary, ErrorDetail  # noqa: TC001  # msgspec reads it when it runs

__all__ = [
    "Failed",
    "Operation",
    "Recovered",
    "Renewed",
    "Said",
    "Streamed",
    "Taken",
    "Told",
    "decode_operation",
    "encode_operation",
]


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A message to every client.

    Attributes:
        kind: the payload's `type`.
        encoded: the payload as JSON.
    """

    kind: str
    encoded: bytes


class Streamed(msgspec.Struct, frozen=True, tag="streamed"):
    """A binary message to every client."""

    message: Binary


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A source is in error."""

    source: str
    detail: ErrorDetail


class Recovered(msgspec.Struct, frozen=True, tag="recovered"):
    """A source is well again."""

    source: str


class Renewed(msgspec.Struct, frozen=True, tag="renewed"):
    """A process has begun that may answer otherwise than the one before it: pages are brought up to date.

    Attributes:
        sources: what sources begin with whose errors went with the process before.
    """

    sources: str


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The reload that was kept for the first client was given to one."""


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Something between the processes themselves, of which no client hears.

    Attributes:
        topic: what it is about.
        data: whatever MessagePack can say.
    """

    topic: str
    data: Any


Operation = Said | Streamed | Failed | Recovered | Renewed | Taken | Told

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Operation] = msgspec.msgpack.Decoder(Operation)


def encode_operation(operation: Operation) -> bytes:
    """MessagePack, for the engine. Text that is not UTF-8 loses what is not; huge numbers are text."""
    try:
        return _encoder.encode(operation)
    except (UnicodeEncodeError, OverflowError):
        return _encoder.encode(_encodable(msgspec.to_builtins(operation, builtin_types=(bytes,))))


def decode_operation(data: bytes) -> Operation | None:
    """Return the operation; None where another version of hotchannel says what this one does not know."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case int() if not -(2**63) <= value < 2**64:
            return str(value)
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
        case _:
            return value
