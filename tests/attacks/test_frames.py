"""Frames, sizes and compression that no client may send, through every entrance: attacks 8 to 10."""

from __future__ import annotations

import asyncio
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

from attacks.handshakes import head
from attacks.witnesses import EVENT, FOREIGN_PATIENCE, MIB, close_or, what_comes_of, witnessed
from support.entrances import (
    BINARY,
    CLOSE,
    CONTINUATION,
    OWN_KINDS,
    PING,
    PONG,
    TEXT,
    frame,
)

if TYPE_CHECKING:
    import pytest

    from support.entrances import Entrance, Kind, OpenEntrance
    from support.outcomes import Outcomes

LIMIT = 1024 * 1024

# Each is sent by a peer of its own, and answered with this close code.
FORBIDDEN: dict[str, tuple[bytes, int]] = {
    "unmasked": (frame(TEXT, b"{}", masked=False), 1002),
    "rsv1": (frame(TEXT, b"{}", rsv=4), 1002),
    "rsv2": (frame(TEXT, b"{}", rsv=2), 1002),
    "rsv3": (frame(TEXT, b"{}", rsv=1), 1002),
    "reserved data opcode": (frame(0x3), 1002),
    "reserved control opcode": (frame(0xB), 1002),
    "fragmented ping": (frame(PING, fin=False), 1002),
    "ping over 125 bytes": (bytes((0x89, 0xFE, 0, 126)) + bytes(4 + 126), 1002),
    "orphan continuation": (frame(CONTINUATION, b"x"), 1002),
    "message within a message": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "bad UTF-8": (frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"), 1007),
    "bad UTF-8 over fragments": (
        frame(TEXT, b"a\xf0\x9f", fin=False) + frame(CONTINUATION, b"b", fin=True),
        1007,
    ),
    "UTF-8 cut short": (frame(TEXT, b"\xf0\x9f\x94"), 1007),
    "close 999": (frame(CLOSE, b"\x03\xe7"), 1002),
    "close 1005": (frame(CLOSE, b"\x03\xed"), 1002),
    "close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "close with bad UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "close of 126 bytes": (bytes((0x88, 0xFE, 0, 126)) + bytes(4 + 126), 1002),
    "fragmented close": (frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    "close 0": (frame(CLOSE, b"\x00\x00"), 1002),
    "close 5000": (frame(CLOSE, b"\x13\x88"), 1002),
    "rsv1 on a ping": (frame(PING, rsv=4), 1002),
    "continuation after a whole message": (frame(TEXT, b"{}") + frame(CONTINUATION, b"x"), 1002),
    "UTF-8 surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "one byte over the limit": (frame(TEXT, b"x" * (LIMIT + 1)), 1009),
    "2^53 bytes": (struct.pack("!BBQ", 0x81, 0xFF, 2**53) + bytes(4), 1009),
    "2^63 bytes": (struct.pack("!BBQ", 0x81, 0xFF, 2**63) + bytes(4), 1009),
}


# These are allowed, and the connection goes on.
HARMLESS: dict[str, bytes] = {
    "pong that nobody asked for": frame(PONG, b"hello"),
    "ping of 125 bytes": frame(PING, bytes(125)),
    "empty text": frame(TEXT),
    "empty binary": frame(BINARY),
    "empty fragments": frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 50 + frame(CONTINUATION),
    "binary that is not UTF-8": frame(BINARY, b"\xff\xfe"),
    "length in more bytes than needed": bytes((0x81, 0xFE, 0, 2)) + bytes(4) + b"{}",
}


async def test_forbidden_frames(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    for name, (data, code) in FORBIDDEN.items():
        with subtests.test(name):
            peer = await entrance.join()
            if entrance.kind in OWN_KINDS:
                await peer.write(data)
                assert await peer.close_code() == code
                assert await peer.hung_up() == b""
                outcome = f"close {code}"
            else:
                outcome = await what_comes_of(entrance, witness, peer, data, patience=FOREIGN_PATIENCE)
            ours = f"close {code}" if entrance.kind in OWN_KINDS else None
            outcomes.check("Forbidden frames", name, entrance.kind, outcome, ours)
            peer.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, witness)


async def test_harmless_frames(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    for name, data in HARMLESS.items():
        with subtests.test(name):
            peer = await entrance.join()
            outcome = await what_comes_of(entrance, witness, peer, data)
            ours = "open" if entrance.kind in OWN_KINDS else None
            outcomes.check("Allowed frames", name, entrance.kind, outcome, ours)
            peer.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, witness)


async def test_every_frame_byte_by_byte(entrance: Entrance) -> None:
    heard: list[object] = []
    entrance.server.on("tick", lambda data, client: heard.append(data))
    peer = await entrance.join()
    for byte in frame(TEXT, EVENT[:9], fin=False) + frame(PING) + frame(CONTINUATION, EVENT[9:]):
        await peer.write(bytes((byte,)))
        await asyncio.sleep(0)
    await entrance.until(lambda: heard == [1])


async def test_a_declared_length_allocates_nothing(entrance: Entrance) -> None:
    witness = await entrance.join()
    before = psutil.Process().memory_info().rss
    for size in (2**31, 2**53, 2**62):
        for _ in range(10):
            peer = await entrance.join()
            await peer.write(struct.pack("!BBQ", 0x82, 0xFF, size) + bytes(4) + b"x" * 100)
            await witnessed(entrance, witness)
            peer.vanish()
    assert psutil.Process().memory_info().rss < before + 64 * MIB


OVER_20_000: dict[str, bytes] = {
    "20,001 of 20,000 bytes": frame(TEXT, b"x" * 20_001),
    "the same in fragments": frame(TEXT, b"x" * 9000, fin=False)
    + frame(CONTINUATION, b"x" * 9000, fin=False)
    + frame(CONTINUATION, b"x" * 2001),
}


async def test_a_message_over_the_limit(
    open_entrance: OpenEntrance, kind: Kind, outcomes: Outcomes, subtests: pytest.Subtests
) -> None:
    entrance = await open_entrance(kind, max_message_size=20_000)
    witness = await entrance.join()
    for name, data in OVER_20_000.items():
        with subtests.test(name):
            peer = await entrance.join()
            # Plain ASGI hears of a message when it is whole, and refuses it then.
            outcome = await what_comes_of(entrance, witness, peer, data, patience=FOREIGN_PATIENCE)
            outcomes.check("Limits", name, kind, outcome, "close 1009" if kind in OWN_KINDS else None)
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, witness)


async def test_fragments_without_end(entrance: Entrance, outcomes: Outcomes) -> None:
    """100,000 fragments of a byte: on our own entrances each counts as a message."""
    witness = await entrance.join()
    peer = await entrance.join()
    before = psutil.Process().memory_info().rss
    fragments = frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", fin=False) * 100_000
    outcome = close_or(entrance, await what_comes_of(entrance, witness, peer, fragments))
    ours = "close 1008" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "100,000 fragments of a byte", entrance.kind, outcome, ours)
    assert psutil.Process().memory_info().rss < before + 128 * MIB
    await witnessed(entrance, witness)


@cache
def bomb() -> bytes:
    """256 KiB that inflate to 256 MiB."""
    deflate = zlib.compressobj(wbits=-15)
    zeros = bytes(MIB)
    packed = b"".join([*(deflate.compress(zeros) for _ in range(256)), deflate.flush(zlib.Z_SYNC_FLUSH)])
    return packed.removesuffix(b"\x00\x00\xff\xff")


async def test_a_compressed_bomb(entrance: Entrance, outcomes: Outcomes) -> None:
    """A message is measured while it inflates. Foreign servers may not agree on compression."""
    witness = await entrance.join()
    peer = await entrance.open()
    await peer.write(head("GET / HTTP/1.1", ("Sec-WebSocket-Extensions", "permessage-deflate")))
    answer = await peer.answer()
    assert answer.status == 101
    peer.inflates = "sec-websocket-extensions" in answer.headers
    before = psutil.Process().memory_info().rss
    compressed = frame(BINARY, bomb(), rsv=4)
    outcome = await what_comes_of(entrance, witness, peer, compressed, patience=FOREIGN_PATIENCE)
    ours = "close 1009" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "compressed bomb, 256 MiB", entrance.kind, outcome, ours)
    if ours:
        assert peer.inflates
        # A foreign server may inflate all of it before it looks at the size.
        assert psutil.Process().memory_info().rss < before + 32 * MIB
    await witnessed(entrance, witness)
