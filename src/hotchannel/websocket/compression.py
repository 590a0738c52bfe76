"""Compression: what the two sides agree on (permessage-deflate, RFC 7692).

Role: reads the offers of a handshake, and says what a connection keeps to. Pure. Neither side takes a
context over from one message to the next: so the same compressed frame goes to all clients, and nothing
is kept between two messages of one.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Deflate", "deflated", "negotiate"]

_END = b"\x00\x00\xff\xff"
"""How a flushed stream ends; not sent (section 7.2.1)."""


@dataclass(frozen=True, slots=True)
class Deflate:
    """What was agreed on.

    Attributes:
        answer: the header of the 101.
        window_bits: base-2 logarithm of the window that the server compresses with.
        peer_window_bits: the same of the client.
    """

    answer: str
    window_bits: int
    peer_window_bits: int


# Browsers ask with the same words each time, and their connections share the answer.
@lru_cache(maxsize=32)
def negotiate(header: str) -> Deflate | None:
    """What to answer to a `Sec-WebSocket-Extensions`; None to send messages as they are.

    The first offer counts that can be met: zlib has no window of 256 bytes to compress with. A malformed
    header is no reason to refuse anybody.
    """
    # Importing websockets takes longer than all of ours, and can wait for the first client that asks.
    from websockets.exceptions import InvalidHeader, NegotiationError
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
    from websockets.headers import build_extension, parse_extension

    factory = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
    with suppress(InvalidHeader):
        for name, offered in parse_extension(header):
            if name == factory.name:
                with suppress(NegotiationError):
                    parameters, agreed = factory.process_request_params(offered, [])
                    answer = build_extension([(name, list(parameters))])
                    return Deflate(answer, agreed.local_max_window_bits, agreed.remote_max_window_bits)
    return None


def deflated(payload: bytes, window_bits: int) -> bytes:
    """A message's payload, compressed by itself (section 7.2.1)."""
    compressor = zlib.compressobj(wbits=-window_bits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_END)
