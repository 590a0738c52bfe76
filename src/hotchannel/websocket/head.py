"""Request heads in, response heads out.

Role: the little of HTTP/1.1 that an opening handshake needs, for the entrance that reads bytes
itself. Pure. RFC 9112 sections 2 to 5, without its leniencies: no bare LF, no folded lines, no blank
before a colon, since every one of them has been used to smuggle something past a proxy.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from hotchannel.websocket.handshake import HandshakeRequest, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse_head", "refusal", "refusal_parts", "switching_protocols", "well_formed", "wrong_start"]

_REQUEST_LINE = re.compile(r"([!#-'*+.^_`|~0-9A-Za-z-]+) ([^\x00-\x20\x7f]+) HTTP/([0-9]\.[0-9])(?=\r\n|\Z)")
# From the end of the line before to the end of its own, so that as many as there are lines leave nothing out.
_HEADER = re.compile(r"\r\n([!#-'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)(?=\r\n|\Z)")
_LATIN_1 = re.compile("[\x00-\xff]*")

_TOKEN_CHARACTER = re.compile(rb"[!#-'*+.^_`|~0-9A-Za-z-]")
_TLS_HANDSHAKE = 0x16

_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def parse_head(head: bytes) -> HandshakeRequest | None:
    """A request head without its closing empty line; None where it is malformed."""
    text = head.decode("latin-1")
    start = _REQUEST_LINE.match(text)
    if start is None:
        return None
    found = _HEADER.findall(text, start.end())
    if len(found) != text.count("\r\n"):
        return None
    headers = tuple([(name.lower(), value.rstrip(" \t")) for name, value in found])
    method, target, version = start.groups()
    return HandshakeRequest(method, target, headers, version)


def wrong_start(first: int) -> Reason | None:
    """Why no request can follow this first byte; None where one can.

    Whoever begins so does not speak HTTP here, and may wait for ever for an answer: a method is a token
    (RFC 9110 section 9.1), and a record of a TLS handshake has its own byte (RFC 8446 section 5.1).
    """
    if _TOKEN_CHARACTER.match(bytes((first,))):
        return None
    return Reason.TLS if first == _TLS_HANDSHAKE else Reason.HEAD


def well_formed(header: object) -> bool:
    """Whether this is a pair of name and value that cannot end its line or break it."""
    match header:
        case (str(name), str(value)):
            line = f"\r\n{name}:{value}"
            return (
                _HEADER.fullmatch(line) is not None
                and _LATIN_1.fullmatch(line) is not None
                and ":" not in name
            )
    return False


def switching_protocols(key: str, subprotocol: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The 101 response (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(key.encode("latin-1") + _ACCEPT_GUID, usedforsecurity=False).digest()
    return _head(
        101,
        (
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", b64encode(digest).decode("ascii")),
            ("Sec-WebSocket-Protocol", subprotocol),
            *headers,
        ),
    )


@cache
def refusal(status: int, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A short plain-text response after which the connection ends; it says nothing but its status."""
    fields, body = refusal_parts(status, headers)
    return _head(status, fields) + body


def refusal_parts(
    status: int, headers: Iterable[tuple[str, str]] = ()
) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of that response, for entrances that do not write bytes themselves."""
    body = HTTPStatus(status).phrase.encode("ascii")
    fields = list(headers)
    # An Upgrade header must be named in Connection (RFC 9110 section 7.8).
    connection = "close, Upgrade" if any(name == "Upgrade" for name, _ in fields) else "close"
    fields += [
        ("Connection", connection),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    return fields, body


def _head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
