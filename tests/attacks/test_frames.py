"""Frames, floods and peers that do not play along, through every entrance: attacks 8 to 12."""

from __future__ import annotations

import asyncio
import logging
import struct
import zlib
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from attacks.handshakes import head
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
    from support.entrances import Entrance, Kind, OpenEntrance, Peer
    from support.outcomes import Outcomes

LIMIT = 1024 * 1024
MIB = 1024 * 1024

EVENT = b'{"type":"custom","event":"tick","data":1}'

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
    "one byte over the limit": (struct.pack("!BBQ", 0x81, 0xFF, LIMIT + 1) + bytes(4), 1009),
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


async def witnessed(entrance: Entrance, witness: Peer) -> None:
    """Somebody who was there all the time gets a broadcast."""
    entrance.server.send("still:there")
    while (message := await witness.message()) != {"type": "custom", "event": "still:there"}:
        assert message["event"] == "big"


async def what_comes_of(peer: Peer) -> str:
    """How a connection ends, in the words of docs/entrances.md."""
    try:
        async with asyncio.timeout(5):
            while True:
                opcode, payload = await peer.receive()
                if opcode == CLOSE:
                    return f"close {int.from_bytes(payload[:2], 'big')}" if payload else "close"
                if opcode == PONG and payload == b"alive":
                    return "open"
    except TimeoutError:
        return "no answer"
    except (asyncio.IncompleteReadError, ConnectionError):
        return "cut"


async def test_forbidden_frames(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    for name, (data, code) in FORBIDDEN.items():
        with subtests.test(name):
            peer = await entrance.join()
            await peer.write(data)
            if entrance.kind in OWN_KINDS:
                assert await peer.close_code() == code
                assert await peer.hung_up() == b""
                outcome = f"close {code}"
            else:
                with suppress(ConnectionError):
                    await peer.send(PING, b"alive")
                outcome = await what_comes_of(peer)
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
            await peer.write(data)
            await peer.send(PING, b"alive")
            ours = "open" if entrance.kind in OWN_KINDS else None
            outcomes.check("Allowed frames", name, entrance.kind, await what_comes_of(peer), ours)
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


async def test_a_message_over_the_limit(open_entrance: OpenEntrance, kind: Kind, outcomes: Outcomes) -> None:
    entrance = await open_entrance(kind, max_message_size=20_000)
    witness = await entrance.join()
    for name, data in {
        "20,001 of 20,000 bytes": frame(TEXT, b"x" * 20_001),
        "the same in fragments": frame(TEXT, b"x" * 9000, fin=False)
        + frame(CONTINUATION, b"x" * 9000, fin=False)
        + frame(CONTINUATION, b"x" * 2001),
    }.items():
        peer = await entrance.join()
        await peer.write(data)
        # Plain ASGI hears of a message when it is whole, and refuses it then.
        ours = "close 1009" if kind in OWN_KINDS else None
        outcomes.check("Limits", name, kind, await what_comes_of(peer), ours)
    await witnessed(entrance, witness)


async def test_fragments_without_end(entrance: Entrance, outcomes: Outcomes) -> None:
    """100,000 fragments of a byte: on our own entrances each counts as a message."""
    witness = await entrance.join()
    peer = await entrance.join()
    before = psutil.Process().memory_info().rss
    try:
        await peer.write(frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"y", fin=False) * 100_000)
        await peer.send(PING, b"alive")
    except ConnectionError:
        pass  # Dropped already.
    outcome = await what_comes_of(peer)
    ours = "close 1008" if entrance.kind in OWN_KINDS else None
    # A foreign server may cut the line in the middle of our writing: whether the close arrives is chance.
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
    witness = await entrance.join()
    peer = await entrance.open()
    await peer.write(head("GET / HTTP/1.1", ("Sec-WebSocket-Extensions", "permessage-deflate")))
    assert (await peer.answer()).status == 101
    before = psutil.Process().memory_info().rss
    await peer.write(frame(BINARY, bomb(), rsv=4))
    while (opcode := (await peer.reader.readexactly(1))[0] & 0x0F) != CLOSE:
        size = (await peer.reader.readexactly(1))[0]
        await peer.reader.readexactly(size)
        assert opcode == TEXT
    size = (await peer.reader.readexactly(1))[0]
    code = int.from_bytes((await peer.reader.readexactly(size))[:2], "big")
    ours = "close 1002" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "compressed bomb, 256 MiB", entrance.kind, f"close {code}", ours)
    assert psutil.Process().memory_info().rss < before + 128 * MIB
    await witnessed(entrance, witness)


async def test_a_peer_that_does_not_read(
    entrance: Entrance, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is dropped before 16 MiB wait for it, and those who read miss nothing."""
    caplog.set_level(logging.WARNING, "hotchannel")
    deaf = await entrance.join()
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    reader = await entrance.join()
    text = "x" * 256 * 1024
    for _ in range(128):
        entrance.server.send("big", text)
        assert (await reader.message())["data"] == text
    outcome = "dropped" if len(entrance.server.clients) == 1 else "kept"
    ours = "dropped" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "never reads, 32 MiB", entrance.kind, outcome, ours)
    assert entrance.server.stats().dropped == (outcome == "dropped")
    assert ("does not read" in caplog.text) == (outcome == "dropped")
    await witnessed(entrance, reader)


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_a_peer_that_reads_a_byte_at_a_time(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_outbox_size=MIB)
    slow = await entrance.join()
    transport = slow.writer.transport
    reader = await entrance.join()
    text = "x" * 64 * 1024
    sent = 0
    while len(entrance.server.clients) == 2:
        assert sent < 1000
        transport.pause_reading()  # type: ignore[attr-defined]
        entrance.server.send("big", text)
        sent += 1
        assert (await reader.message())["data"] == text
        await slow.reader.read(1)
    assert entrance.server.stats().dropped == 1
    await witnessed(entrance, reader)


async def test_a_flood_of_pings_that_nobody_reads_back(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone", max_outbox_size=64 * 1024, max_messages_per_second=None)
    peer = await entrance.join()
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    flood = frame(PING, b"x" * 125) * 1000
    while not peer.writer.transport.is_closing() and entrance.server.stats().dropped == 0:
        peer.writer.write(flood)
        await asyncio.sleep(0)
    assert entrance.server.stats().dropped == 1


@pytest.mark.parametrize(
    ("data", "row"), [(frame(TEXT, EVENT), "10,000 messages"), (frame(PING, b"x"), "10,000 pings")]
)
async def test_a_flood(
    entrance: Entrance, outcomes: Outcomes, data: bytes, row: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hotchannel")
    heard: list[object] = []
    entrance.server.on("tick", lambda data, client: heard.append(data))
    witness = await entrance.join()
    flood = await entrance.join()
    try:
        await flood.write(data * 10_000)
        await flood.send(PING, b"alive")
    except ConnectionError:
        pass  # Dropped already.
    outcome = await what_comes_of(flood)
    ours = "close 1008" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", row, entrance.kind, outcome, ours)
    assert len(heard) < 10_000
    if ours:
        assert "too many messages" in caplog.text
        assert entrance.server.stats().dropped == 1
    await witnessed(entrance, witness)


async def test_a_steady_stream_below_the_limit(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_messages_per_second=1e6, max_message_burst=50)
    heard: list[object] = []
    entrance.server.on("tick", lambda data, client: heard.append(data))
    peer = await entrance.join()
    for number in range(1, 301):
        await peer.send(TEXT, EVENT)
        await entrance.until(lambda number=number: len(heard) == number)  # type: ignore[misc]


async def test_too_many_clients(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_clients=2)
    first, second = await entrance.join(), await entrance.join()
    answer = await entrance.ask(head())
    assert answer.status == (403 if kind in NO_STATUS else 503)
    ping = await entrance.ask(head(change={"Sec-WebSocket-Protocol": "vite-ping"}))
    assert ping.status == 101
    second.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await entrance.join()
    await witnessed(entrance, first)


async def test_too_many_clients_of_an_address(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_clients_per_address=2)
    peers = [await entrance.join() for _ in range(2)]
    assert (await entrance.ask(head())).status == (403 if kind in NO_STATUS else 429)
    peers[0].vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, await entrance.join())


async def test_too_many_handshakes_of_an_address(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_connections_per_second_per_address=2.0)
    witness = await entrance.join()
    request = head("GET /?token=no HTTP/1.1", change={"Origin": "http://evil.com"})
    statuses = [(await entrance.ask(request)).status for _ in range(20)]
    assert statuses.count(403 if kind in NO_STATUS else 429) >= 10
    await witnessed(entrance, witness)


async def test_a_peer_that_vanishes_without_a_word(entrance: Entrance) -> None:
    witness = await entrance.join()
    for _ in range(50):
        (await entrance.join()).vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, witness)


NO_STATUS = ("asgi-daphne",)
"""Servers that refuse a WebSocket with 403, whatever the application says."""
