"""Frames after the handshake: what RFC 6455 forbids, limits, and peers that do not play along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from hotchannel.websocket.frames import Outgoing
from hotchannel.wire.payloads import Custom, Update
from support.entrances import CLOSE, CONTINUATION, OWN_KINDS, PING, PONG, TEXT, frame, goodbye, handshake

if TYPE_CHECKING:
    from collections.abc import Generator

    from hotchannel.wire.payloads import HotPayload
    from support.entrances import Entrance, Kind, OpenEntrance

LIMIT = 1024 * 1024


async def test_fragments_with_a_ping_between_them(entrance: Entrance) -> None:
    heard: list[object] = []
    entrance.server.on("greeting", lambda data, client: heard.append(data))
    peer = await entrance.join()
    message = '{"type":"custom","event":"greeting","data":"grüß 🔥"}'.encode()
    await peer.send(TEXT, message[:1], fin=False)
    await peer.send(PING, b"are you there")
    for index in range(1, len(message)):
        await peer.send(CONTINUATION, message[index : index + 1], fin=False)
    await peer.send(CONTINUATION, b"", fin=True)
    assert await peer.receive() == (PONG, b"are you there")
    await entrance.until(lambda: heard == ["grüß 🔥"])


async def test_a_message_as_large_as_allowed(entrance: Entrance) -> None:
    heard: list[int] = []
    entrance.server.on("big", lambda data, client: heard.append(len(data)))
    peer = await entrance.join()
    start, end = b'{"type":"custom","event":"big","data":"', b'"}'
    await peer.send(TEXT, start + b"x" * (LIMIT - len(start) - len(end)) + end)
    await entrance.until(lambda: heard == [LIMIT - len(start) - len(end)])


async def test_close_is_answered(entrance: Entrance) -> None:
    gone: list[object] = []
    entrance.server.on("vite:client:disconnect", lambda data, client: gone.append(client))
    peer = await entrance.join()
    (client,) = entrance.server.clients
    await peer.send(CLOSE, b"\x03\xe8bye")
    assert await peer.receive() == (CLOSE, goodbye(entrance.kind, 1000, b"bye"))
    assert await peer.hung_up() == b""
    await entrance.until(lambda: gone == [client])
    assert len(entrance.server.clients) == 0


async def test_a_peer_that_vanishes(entrance: Entrance) -> None:
    peer = await entrance.join()
    witness = await entrance.join()
    peer.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    entrance.server.send(Update(()))
    assert await witness.message() == {"type": "update", "updates": []}


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_a_peer_that_answers_no_ping_is_dropped(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, ping_interval=0.1)
    alive = await entrance.join()
    dead = await entrance.join()
    answers = 0
    while len(entrance.server.clients) == 2:
        assert await alive.receive() == (PING, b"")
        await alive.send(PONG)
        answers += 1
    assert answers >= 1
    assert await dead.hung_up() == frame(PING, masked=False)
    assert entrance.server.stats().dropped == 1


async def test_a_peer_that_does_not_read_what_it_missed_is_dropped(
    open_entrance: OpenEntrance, kind: Kind
) -> None:
    entrance = await open_entrance(kind, max_outbox_size=8 * 1024 * 1024, journal_bytes=32 * 1024 * 1024)
    position = entrance.server.position()
    for _ in range(8):
        entrance.server.send("big", "x" * 1024 * 1024)
    deaf = await entrance.open()
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await deaf.write(handshake(f"/?resume={position}"))
    await entrance.until(lambda: entrance.server.stats().accepted == 1)
    for _ in range(8):
        entrance.server.send("big", "x" * 1024 * 1024)
    assert (entrance.server.stats().dropped, len(entrance.server.clients)) == (1, 0)


async def test_a_peer_that_is_dropped_while_it_is_greeted(open_entrance: OpenEntrance, kind: Kind) -> None:
    """What it missed is more than may wait for it: it is no client afterwards, and listeners know."""
    entrance = await open_entrance(kind, max_outbox_size=1024 * 1024, journal_bytes=32 * 1024 * 1024)
    told: list[str] = []
    for event in ("vite:client:connect", "vite:client:disconnect"):
        entrance.server.on(event, lambda data, client, event=event: told.append(event))
    position = entrance.server.position()
    for _ in range(8):
        entrance.server.send("big", "x" * 1024 * 1024)
    deaf = await entrance.open(buffer=4096)
    await deaf.write(handshake(f"/?resume={position}"))
    await entrance.until(lambda: entrance.server.stats().accepted == 1)
    # In a take-over the greeting is sent before it is known how much of it waits.
    entrance.server.send("one more")
    assert (entrance.server.stats().dropped, len(entrance.server.clients)) == (1, 0)
    assert told == ["vite:client:connect", "vite:client:disconnect"]


async def test_messages_below_the_limit_are_all_heard(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_messages_per_second=None)
    heard: list[object] = []
    entrance.server.on("tick", lambda data, client: heard.append(data))
    flood = await entrance.join()
    witness = await entrance.join()
    message = b'{"type":"custom","event":"tick","data":1}'
    await flood.write(frame(TEXT, message) * 10_000)
    await witness.say({"type": "custom", "event": "tick", "data": 2})
    await entrance.until(lambda: len(heard) == 10_001)
    assert entrance.server.stats().messages_in == 10_001


async def test_broadcast_bytes(entrance: Entrance) -> None:
    stock = [await entrance.join() for _ in range(2)]
    position = entrance.server.position()
    resuming = await entrance.join(f"?resume={position}")
    cases: list[tuple[HotPayload, bytes]] = [
        (Update(()), b'{"type":"update","updates":[]}'),
        (
            Custom("a", {"b": "ü" * 100}),
            b'{"type":"custom","event":"a","data":{"b":"%b"}}' % ("ü" * 100).encode(),
        ),
        (Custom("c", "y" * 70_000), b'{"type":"custom","event":"c","data":"%b"}' % (b"y" * 70_000)),
    ]
    for payload, wire in cases:
        entrance.server.send(payload)
        seq = entrance.server.position().partition(":")[2].encode()
        for peer in stock:
            assert await peer.receive() == (TEXT, wire)
        assert await resuming.receive() == (TEXT, wire[:-1] + b',"seq":' + seq + b"}")


@given(st.one_of(st.binary(max_size=300), st.integers(65_000, 66_000).map(bytes)))
def test_frames_are_what_the_library_reads(payload: bytes) -> None:
    reader = StreamReader()
    reader.feed_data(Outgoing(payload).frame)
    parser: Generator[None, None, Frame] = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parser)
    parsed = done.value.value
    assert (parsed.opcode, parsed.fin, bytes(parsed.data)) == (TEXT, True, payload)
