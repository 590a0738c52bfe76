"""permessage-deflate (RFC 7692): what is agreed on, and what then travels compressed."""

from __future__ import annotations

import itertools
import json
import random
import tracemalloc
import zlib
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.errors import OptionError
from hotchannel.websocket.compression import Deflate, deflated, negotiate
from hotchannel.websocket.frames import Outgoing
from hotchannel.websocket.handshake import Accept, HandshakeRequest, Policy, decide
from hotchannel.websocket.head import parse_head
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.session import Session
from support.entrances import (
    BINARY,
    CLOSE,
    CONTINUATION,
    OWN_KINDS,
    PING,
    PONG,
    TEXT,
    frame,
    handshake,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.entrances import Entrance, Kind, OpenEntrance, Peer

CHROMIUM = "permessage-deflate; client_max_window_bits"
AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
DEFLATE = Deflate(AGREED, 15, 15)
RSV1 = 0x40
LIMIT = 64 * 1024
MIB = 1024 * 1024

LARGE = {"text": "x" * 8192}


def inflated(payload: bytes, window_bits: int = 15) -> bytes:
    """A message's payload, by the rules of section 7.2.2."""
    return zlib.decompress(payload + b"\x00\x00\xff\xff\x01\x00\x00\xff\xff", wbits=-window_bits)


def offering(offer: str, subprotocol: str = "vite-hmr") -> bytes:
    head = handshake("/").replace(b"vite-hmr", subprotocol.encode())
    return head.removesuffix(b"\r\n") + f"Sec-WebSocket-Extensions: {offer}\r\n\r\n".encode("latin-1")


# What is agreed on.


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        pytest.param("permessage-deflate", AGREED, id="plain"),
        pytest.param(CHROMIUM, AGREED, id="Chromium, Firefox, ws"),
        pytest.param("permessage-deflate; client_no_context_takeover", AGREED, id="client without context"),
        pytest.param("permessage-deflate; server_no_context_takeover", AGREED, id="server without context"),
        pytest.param(
            "permessage-deflate; server_max_window_bits=10", f"{AGREED}; server_max_window_bits=10", id="10"
        ),
        pytest.param(
            'permessage-deflate; server_max_window_bits="9"', f"{AGREED}; server_max_window_bits=9", id="9"
        ),
        pytest.param("permessage-deflate; server_max_window_bits=8", None, id="8, which zlib does not have"),
        pytest.param(
            f"permessage-deflate; server_max_window_bits=8, {CHROMIUM}", AGREED, id="8, or else anything"
        ),
        pytest.param(
            "permessage-deflate; client_max_window_bits=8",
            f"{AGREED}; client_max_window_bits=8",
            id="client's 8",
        ),
        pytest.param("x-webkit-deflate-frame, permessage-deflate", AGREED, id="behind another extension"),
        pytest.param("permessage-deflate; unheard_of, permessage-deflate", AGREED, id="unknown parameter"),
        pytest.param("permessage-deflate; server_max_window_bits=16", None, id="too large"),
        pytest.param("permessage-deflate; server_max_window_bits=08", None, id="leading zero"),
        pytest.param("permessage-deflate; server_max_window_bits", None, id="without its value"),
        pytest.param("permessage-deflate; server_no_context_takeover=1", None, id="value where none is"),
        pytest.param(f"{CHROMIUM}; client_max_window_bits", None, id="twice"),
        pytest.param("permessage-bzip2", None, id="another"),
        pytest.param("permessage-deflate; =", None, id="malformed"),
        pytest.param("permessage-deflate, ;;", None, id="malformed further on"),
        pytest.param("\xff", None, id="not ASCII"),
        pytest.param("", None, id="empty"),
    ],
)
def test_offers(offer: str, agreed: str | None) -> None:
    found = negotiate(offer)
    assert (found and found.answer) == agreed


def test_windows_are_kept_to() -> None:
    offer = "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12"
    assert negotiate(offer) == Deflate(
        f"{AGREED}; server_max_window_bits=11; client_max_window_bits=12", window_bits=11, peer_window_bits=12
    )


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["permessage-deflate", ";", ",", "=", '"', "server_max_window_bits", "9"]),
            st.text(st.characters(max_codepoint=255), max_size=3),
        ),
        max_size=12,
    ).map("".join)
)
def test_any_offer_is_taken(offer: str) -> None:
    found = negotiate(offer)
    assert found is None or 9 <= found.window_bits <= 15


@pytest.mark.parametrize("compression", [True, False])
@pytest.mark.parametrize("subprotocol", ["vite-hmr", "vite-ping"])
def test_who_is_asked(subprotocol: str, compression: bool) -> None:
    request = parse_head(offering(CHROMIUM, subprotocol).removesuffix(b"\r\n\r\n"))
    assert request is not None
    decision = decide(Policy(base_path="/", token="t", compression=compression), request)
    assert isinstance(decision, Accept)
    assert (decision.deflate is not None) == (compression and subprotocol == "vite-hmr")


def test_offers_in_several_headers_are_one_list() -> None:
    request = parse_head(handshake("/").removesuffix(b"\r\n\r\n"))
    assert request is not None
    offers = ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=9")
    several = tuple(("sec-websocket-extensions", offer) for offer in offers)
    request = HandshakeRequest(request.method, request.target, request.headers + several)
    decision = decide(Policy(base_path="/", token="t", compression=True), request)
    assert isinstance(decision, Accept)
    assert decision.deflate is not None
    assert decision.deflate.window_bits == 9


def test_the_option_is_checked() -> None:
    with pytest.raises(OptionError, match=r"ws\.compression"):
        WebSocketServer(compression="yes")


# What is sent.


@given(st.binary(max_size=4096), st.integers(9, 15), st.integers(1, 40))
def test_any_message_is_inflated_to_itself(part: bytes, window_bits: int, times: int) -> None:
    message = part * times
    assert inflated(deflated(message, window_bits), window_bits) == message


def test_a_message_is_compressed_once_for_each_window() -> None:
    # What repeats is further away than the smaller window reaches.
    message = Outgoing(random.Random(1).randbytes(2000) * 50)
    small, large = message.compressed(9), message.compressed(15)
    assert message.compressed(9) is small
    assert message.compressed(15) is large
    assert len(large) < len(message.frame) / 10 < len(small)


def test_what_does_not_shrink_is_sent_as_it_is() -> None:
    noise = Outgoing(random.Random(1).randbytes(5000))
    assert noise.compressed(15) is noise.frame


@pytest.mark.parametrize(("size", "compressed"), [(1023, False), (1024, True)])
def test_small_messages_are_sent_as_they_are(size: int, compressed: bool) -> None:
    message = Outgoing(b"x" * size)
    assert (message.compressed(15) is not message.frame) == compressed


# What is received.


def packed(message: bytes) -> bytes:
    return deflated(message, 15)


def closed_with(session: Session) -> int:
    *_, goodbye, end = session.data_to_send()
    assert end == b""
    assert goodbye[0] == 0x80 | CLOSE
    return int.from_bytes(goodbye[2:4], "big")


@given(st.text(max_size=300), st.booleans(), st.lists(st.integers(0, 400), max_size=4))
def test_compressed_messages_come_whole_however_they_are_cut(
    text: str, binary: bool, cuts: list[int]
) -> None:
    payload = packed(text.encode())
    edges = [0, *sorted(min(cut, len(payload)) for cut in cuts), len(payload)]
    pieces = [payload[start:end] for start, end in itertools.pairwise(edges)]
    last = len(pieces) - 1
    frames = [
        frame(
            CONTINUATION if index else (BINARY if binary else TEXT),
            piece,
            fin=index == last,
            rsv=0 if index else 4,
        )
        for index, piece in enumerate(pieces)
    ]
    session = Session(LIMIT, DEFLATE)
    # Twice, since nothing may be left over from the message before; plain ones are allowed beside them.
    sent = b"".join(frames) + frame(TEXT, b"plain") + b"".join(frames)
    heard = [message for message in session.receive(sent) if message is not None]
    message = text.encode() if binary else text
    assert heard == [message, "plain", message]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, packed(b"\xff"), rsv=4), 1007, id="bad text"),
        pytest.param(
            frame(TEXT, packed(b"a\xf0\x9f")[:3], fin=False, rsv=4)
            + frame(CONTINUATION, packed(b"a\xf0\x9f")[3:]),
            1007,
            id="text cut short, in fragments",
        ),
        pytest.param(frame(TEXT, b"\xff\xff", rsv=4), 1002, id="not deflated"),
        pytest.param(
            frame(TEXT, packed(b"ab")[:2], fin=False, rsv=4) + frame(CONTINUATION, packed(b"ab")[2:], rsv=4),
            1002,
            id="marked twice",
        ),
        pytest.param(
            frame(TEXT, b"a", fin=False) + frame(CONTINUATION, packed(b"b"), rsv=4), 1002, id="marked late"
        ),
        pytest.param(frame(PING, packed(b"a"), rsv=4), 1002, id="a ping"),
        pytest.param(frame(TEXT, packed(b"x" * (LIMIT + 1)), rsv=4), 1009, id="a byte too many"),
        pytest.param(
            frame(TEXT, packed(b"x" * LIMIT), fin=False, rsv=4) + frame(CONTINUATION, packed(b"x")),
            1009,
            id="a byte too many, in fragments",
        ),
    ],
)
def test_what_no_client_may_send(sent: bytes, code: int) -> None:
    session = Session(LIMIT, DEFLATE)
    assert not any(session.receive(sent))
    assert closed_with(session) == code


def test_a_message_as_large_as_allowed() -> None:
    session = Session(LIMIT, DEFLATE)
    assert list(session.receive(frame(TEXT, packed(b"x" * LIMIT), rsv=4))) == ["x" * LIMIT]


def test_a_stream_that_says_where_it_ends() -> None:
    compressor = zlib.compressobj(wbits=-15)
    message = compressor.compress(b"all") + compressor.flush() + b"\x00"
    session = Session(LIMIT, DEFLATE)
    assert list(session.receive(frame(TEXT, message, rsv=4))) == ["all"]


@cache
def bomb() -> bytes:
    """64 KiB that inflate to 64 MiB."""
    compressor = zlib.compressobj(wbits=-15)
    zeros = bytes(MIB)
    return b"".join([*(compressor.compress(zeros) for _ in range(64)), compressor.flush(zlib.Z_SYNC_FLUSH)])


def ended() -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(b"all") + compressor.flush()


def fragments(first: bytes, *others: bytes) -> list[bytes]:
    """A compressed message that does not end."""
    return [
        frame(TEXT, first, fin=False, rsv=4),
        *(frame(CONTINUATION, other, fin=False) for other in others),
    ]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda: [frame(TEXT, bomb(), rsv=4)], 1009, id="in one frame"),
        pytest.param(
            lambda: fragments(*(bomb()[at : at + 500] for at in range(0, 60_000, 500))),
            1009,
            id="in fragments",
        ),
        pytest.param(
            lambda: fragments(packed(bytes(LIMIT)), *[packed(b""), b""] * 10, bomb()),
            1009,
            id="behind the limit",
        ),
        pytest.param(
            lambda: fragments(ended(), *[bytes(60_000)] * 500), 1002, id="behind the end of the stream"
        ),
    ],
)
def test_bombs(make: Callable[[], list[bytes]], code: int) -> None:
    frames = make()
    session = Session(LIMIT, DEFLATE)
    tracemalloc.start()
    try:
        for some in frames:
            assert not any(session.receive(some))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < MIB
    assert closed_with(session) == code


# Through our own entrances.


async def agree(entrance: Entrance, offer: str) -> tuple[Peer, str | None]:
    """A peer that is in and greeted, and what it was answered."""
    peer = await entrance.open()
    await peer.write(offering(offer))
    answer = await peer.answer()
    assert answer.status == 101
    assert (await peer.message())["type"] == "connected"
    return peer, answer.headers.get("sec-websocket-extensions")


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_a_broadcast(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    peers: list[tuple[Peer, int, int]] = []
    for offer, answer, bits in (
        (CHROMIUM, AGREED, 15),
        (
            "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
            f"{AGREED}; server_max_window_bits=9",
            9,
        ),
    ):
        peer, answered = await agree(entrance, offer)
        assert answered == answer
        peers.append((peer, 0x80 | RSV1 | TEXT, bits))
    for offer in ("", "permessage-deflate; ;"):
        plain, answered = await agree(entrance, offer)
        assert answered is None
        peers.append((plain, 0x80 | TEXT, 0))
    entrance.server.send("large", LARGE)
    entrance.server.send("small", "x" * 100)
    for peer, first, bits in peers:
        got, payload = await peer.receive_frame()
        assert got == first
        if bits:
            assert len(payload) < 100
            payload = inflated(payload, bits)
        assert json.loads(payload) == {"type": "custom", "event": "large", "data": LARGE}
        got, payload = await peer.receive_frame()
        assert got == 0x80 | TEXT
        assert json.loads(payload)["event"] == "small"


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_what_a_client_says(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    heard: list[object] = []
    entrance.server.on("say", lambda data, client: heard.append(data))
    peer, _ = await agree(entrance, CHROMIUM)
    message = packed(json.dumps({"type": "custom", "event": "say", "data": "grüß 🔥" * 500}).encode())
    await peer.send(TEXT, message, rsv=4)
    await peer.send(TEXT, message[:20], fin=False, rsv=4)
    await peer.send(PING, b"?")
    await peer.send(CONTINUATION, message[20:])
    assert await peer.receive() == (PONG, b"?")
    await entrance.until(lambda: heard == ["grüß 🔥" * 500] * 2)


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_switched_off(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, compression=False)
    peer, answered = await agree(entrance, CHROMIUM)
    assert answered is None
    entrance.server.send("large", LARGE)
    assert (await peer.message())["data"] == LARGE
    await peer.send(TEXT, packed(b"{}"), rsv=4)
    assert await peer.close_code() == 1002


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_a_ping_agrees_on_nothing(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    answer = await entrance.ask(offering(CHROMIUM, "vite-ping"))
    assert answer.status == 101
    assert "sec-websocket-extensions" not in answer.headers


async def test_the_whole_answer(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    entrance.server.on("headers", lambda headers, request: headers.append(("X-More", "1")))
    peer = await entrance.open()
    await peer.write(offering(CHROMIUM))
    assert await peer.reader.readuntil(b"\r\n\r\n") == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: vite-hmr\r\n"
        b"X-More: 1\r\n"
        b"Sec-WebSocket-Extensions: " + AGREED.encode() + b"\r\n\r\n"
    )
