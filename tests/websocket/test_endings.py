"""Two ends of one connection that meet: whoever comes first is answered, and nothing is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.entrances import CLOSE, OWN_KINDS, PING, PONG, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotchannel.websocket.client import WebSocketClient
    from support.entrances import Entrance, Kind, OpenEntrance

pytestmark = pytest.mark.parametrize("kind", OWN_KINDS)

LEAVE = frame(TEXT, b'{"type":"custom","event":"leave"}')


async def close_after_pongs(peer_receives: Callable[[], Awaitable[tuple[int, bytes]]]) -> int:
    """The code of the close frame that comes after any number of pongs."""
    while True:
        opcode, payload = await peer_receives()
        if opcode != PONG:
            assert opcode == CLOSE
            return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize(
    ("behind", "code"),
    [
        pytest.param(frame(CLOSE, b"\x03\xe8"), 1000, id="the peer's close"),
        pytest.param(frame(0x3, b""), 1002, id="a forbidden frame"),
        pytest.param(frame(TEXT, b"\xff"), 1007, id="bad text"),
        pytest.param(frame(PING, b"?"), 4000, id="a ping"),
        pytest.param(LEAVE, 4000, id="the same once more"),
    ],
)
async def test_a_listener_closes_what_the_peer_ends_in_the_same_breath(
    entrance: Entrance, behind: bytes, code: int
) -> None:
    def leave(data: object, client: WebSocketClient) -> None:
        client.close(4000, "you asked for it")

    entrance.server.on("leave", leave)
    peer = await entrance.join()
    witness = await entrance.join()
    await peer.write(LEAVE + behind)
    assert await close_after_pongs(peer.receive) == code
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    entrance.server.send("still", "here")
    assert await witness.message() == {"type": "custom", "event": "still", "data": "here"}


@pytest.mark.parametrize(
    ("behind", "code"),
    [
        pytest.param(b"", 1008, id="nothing"),
        pytest.param(frame(CLOSE, b"\x03\xe8"), 1000, id="a close"),
        pytest.param(frame(0x3, b""), 1002, id="a forbidden frame"),
    ],
)
async def test_a_flooder_is_told_so(
    open_entrance: OpenEntrance, kind: Kind, behind: bytes, code: int
) -> None:
    entrance = await open_entrance(kind, max_messages_per_second=1.0, max_message_burst=3)
    flooder = await entrance.join()
    witness = await entrance.join()
    # All of it is parsed at once, so that pings are still unanswered when the limit is reached.
    await flooder.write(frame(PING, b"?") * 20 + behind)
    assert await close_after_pongs(flooder.receive) == code
    assert await flooder.hung_up() == b""
    assert entrance.server.stats().dropped == 1
    entrance.server.send("still", "here")
    assert await witness.message() == {"type": "custom", "event": "still", "data": "here"}
