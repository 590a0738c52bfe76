"""Binary messages over every entrance: the bytes of a frame, and what clients say with one."""

from __future__ import annotations

import json
import random
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from attacks.witnesses import echo, serve_echo
from hotchannel.websocket.compression import deflated
from hotchannel.wire.binary import BinaryData, pack
from hotchannel.wire.payloads import Binary
from support.entrances import (
    BINARY,
    CLOSE,
    CONTINUATION,
    OWN_KINDS,
    PING,
    PONG,
    TEXT,
    frame,
    goodbye,
    handshake,
)

if TYPE_CHECKING:
    from hotchannel.websocket.client import WebSocketClient
    from support.entrances import Entrance, Kind, OpenEntrance, Peer

MIB = 1024 * 1024
IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
META = {"shape": [3, 4]}
HEADER = b'{"event":"frame","meta":{"shape":[3,4]}}'
MESSAGE = b"\x00\x00\x00\x28" + HEADER + bytes(range(12))
STOCK = {"type": "custom", "event": "frame", "data": {"data": "AAECAwQFBgcICQoL", "meta": META}}


async def test_each_client_gets_what_it_has_asked_for(entrance: Entrance) -> None:
    stock, binary = await entrance.join(), await entrance.join("?binary=1")
    others = [await entrance.join(query) for query in ("?binary=0", "?binary")]
    resuming = await entrance.join("?resume=e:0")
    both = await entrance.join("?binary=1&resume=e:0")
    assert (await resuming.message())["type"] == (await both.message())["type"] == "full-reload"

    entrance.server.send("frame", IMAGE, META)

    assert await stock.message() == STOCK
    assert await binary.receive_frame() == (0x80 | BINARY, MESSAGE)
    assert [await other.message() for other in others] == [STOCK] * 2
    assert await resuming.message() == {**STOCK, "seq": 1}
    numbered = HEADER[:-1] + b',"seq":1}'
    assert await both.receive() == (BINARY, b"\x00\x00\x00\x30" + numbered + bytes(range(12)))


async def test_an_answer_in_bytes(entrance: Entrance) -> None:
    entrance.server.on("ask", lambda data, client: client.send("frame", IMAGE.data, META))
    asking, stock, other = (
        await entrance.join("?binary=1"),
        await entrance.join(),
        await entrance.join("?binary=1"),
    )
    for peer in (asking, stock):
        await peer.say({"type": "custom", "event": "ask"})
    assert await asking.receive() == (BINARY, MESSAGE)
    assert await stock.message() == STOCK
    entrance.server.send("end")
    assert (await other.message())["event"] == "end"


@pytest.mark.parametrize("size", [0, 80, 2**16, 300_000])
async def test_any_size_arrives_whole(entrance: Entrance, size: int) -> None:
    peer = await entrance.join("?binary=1")
    body = random.Random(size).randbytes(size)
    entrance.server.send("frame", body)
    assert await peer.receive() == (BINARY, pack(Binary("frame", body)))


async def test_what_was_missed_comes_in_order(entrance: Entrance) -> None:
    leaving = await entrance.join("?binary=1")
    position = entrance.server.position()
    leaving.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 0)
    entrance.server.send("plain", 1)
    entrance.server.send("frame", b"bytes")
    entrance.server.send("plain", 2)
    peer = await entrance.join(f"?binary=1&resume={position}")
    assert (await peer.message())["data"] == 1
    assert await peer.receive() == (BINARY, pack(Binary("frame", b"bytes"), 2))
    assert await peer.message() == {"type": "custom", "event": "plain", "data": 2, "seq": 3}


async def test_all_that_is_kept_fits_into_the_outbox_of_one_who_missed_it(
    open_entrance: OpenEntrance, kind: Kind
) -> None:
    entrance = await open_entrance(kind, max_message_size=MIB, max_outbox_size=MIB, journal_bytes=MIB // 2)
    start = entrance.server.position()
    for number in range(40):
        entrance.server.send("frame", bytes(20_000), {"number": number})
        entrance.server.send("plain", f"{number}".rjust(12_900, "."))
    peer = await entrance.join(f"?binary=1&resume={start}")
    seen: list[int] = []
    while seen[-1:] != [79]:
        opcode, payload = await peer.receive()
        if opcode == BINARY:
            size = int.from_bytes(payload[:4], "big")
            seen.append(2 * json.loads(payload[4 : 4 + size])["meta"]["number"])
        else:
            seen.append(2 * int(json.loads(payload)["data"].lstrip(".")) + 1)
    # Every other message, and of binary ones the newest.
    assert seen == sorted({*range(1, 80, 2), *range(54, 80, 2)})


async def test_clients_say_bytes(entrance: Entrance) -> None:
    heard: list[tuple[object, WebSocketClient]] = []
    entrance.server.on("frame", lambda data, client: heard.append((data, client)))
    serve_echo(entrance.server)
    # Nobody has to ask for it: what a client says is its own choice.
    peer = await entrance.join()
    (client,) = entrance.server.clients
    await peer.send(BINARY, MESSAGE)
    await peer.send(BINARY, MESSAGE[:3], fin=False)
    await peer.send(CONTINUATION, MESSAGE[3:30], fin=False)
    await peer.send(PING, b"?")
    await peer.send(CONTINUATION, MESSAGE[30:])
    assert await peer.receive() == (PONG, b"?")
    await peer.send(BINARY, pack(Binary("frame", b"")))
    await peer.send(BINARY, b'{"type":"custom","event":"frame","data":[1]}')
    await echo(peer)
    whole = BinaryData(IMAGE.tobytes(), META)
    assert heard == [(said, client) for said in (whole, whole, BinaryData(b"", None), [1])]


async def test_malformed_ones_are_counted_and_ignored(entrance: Entrance) -> None:
    heard: list[object] = []
    entrance.server.on("frame", lambda data, client: heard.append(data))
    serve_echo(entrance.server)
    peer = await entrance.join()
    malformed = [
        b"\x00",
        MESSAGE[:20],
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x01{" + MESSAGE,
        b"\x01" + MESSAGE,
    ]
    for sent in malformed:
        await peer.send(BINARY, sent)
    # In a text frame it is no binary message.
    await peer.send(TEXT, MESSAGE)
    await peer.send(BINARY, pack(Binary("connection", b"")))
    await echo(peer)
    assert heard == []
    assert entrance.server.stats().messages_in == len(malformed) + 3
    assert entrance.server.stats().ignored == len(malformed) + 2


async def test_too_large_a_message_ends_the_connection(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_message_size=1000)
    serve_echo(entrance.server)
    peer, large = await entrance.join(), pack(Binary("frame", bytes(1000)))
    await echo(peer)
    await peer.send(BINARY, large)
    opcode, payload = await peer.receive()
    assert (opcode, payload[:2]) == (CLOSE, goodbye(kind, 1009))


# permessage-deflate (RFC 7692), where it is ours.


async def compressing(entrance: Entrance) -> Peer:
    peer = await entrance.open()
    head = handshake("/?binary=1").removesuffix(b"\r\n")
    await peer.write(head + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    answer = await peer.answer()
    assert answer.headers["sec-websocket-extensions"].startswith("permessage-deflate")
    assert (await peer.message())["type"] == "connected"
    return peer


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_compressed(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    heard: list[object] = []
    entrance.server.on("frame", lambda data, client: heard.append(data))
    peer = await compressing(entrance)
    large, noise = pack(Binary("frame", bytes(50_000))), random.Random(1).randbytes(5000)

    entrance.server.send("frame", bytes(50_000))
    first, payload = await peer.receive_frame()
    assert first == 0xC0 | BINARY
    assert len(payload) < 1000
    assert zlib.decompress(payload + b"\x00\x00\xff\xff\x01\x00\x00\xff\xff", wbits=-15) == large
    # What does not shrink, as a picture that is compressed already, goes as it is.
    entrance.server.send("frame", noise)
    assert await peer.receive_frame() == (0x80 | BINARY, pack(Binary("frame", noise)))

    await peer.write(frame(BINARY, deflated(large, 15), rsv=4))
    await entrance.until(lambda: heard == [BinaryData(bytes(50_000), None)])
