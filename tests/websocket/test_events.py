"""The server's own events, the ways to listen, and what a client is to those who listen."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.errors import HotChannelError
from hotchannel.websocket.client import ReadyState, WebSocketClient
from hotchannel.websocket.server import WebSocketServer
from support.entrances import CLOSE, OWN_KINDS, TEXT, handshake

if TYPE_CHECKING:
    from support.entrances import Entrance, Kind, OpenEntrance


async def test_listening_by_decorator(entrance: Entrance) -> None:
    server = entrance.server

    @server.on("ask")
    async def answer(data: object, client: WebSocketClient) -> None:
        client.send("answer", data)

    @server.on("connection")
    def greet(client: WebSocketClient, request: object) -> None:
        client.send("welcome")

    peer = await entrance.join()
    assert await peer.message() == {"type": "custom", "event": "welcome"}
    await peer.say({"type": "custom", "event": "ask", "data": 1})
    assert await peer.message() == {"type": "custom", "event": "answer", "data": 1}
    # What was decorated is still the function, so that it can be taken away.
    server.off("ask", answer)
    server.off("connection", greet)
    await peer.say({"type": "custom", "event": "ask", "data": 2})
    server.send("end")
    assert await peer.message() == {"type": "custom", "event": "end"}


@pytest.mark.parametrize("kind", [kind for kind in OWN_KINDS if kind != "tls"])
async def test_a_sockets_error_is_told(open_entrance: OpenEntrance, kind: Kind) -> None:
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    entrance = await open_entrance(kind)
    entrance.server.on("error", errors.put_nowait)
    peer = await entrance.join()
    peer.vanish(reset=True)
    async with asyncio.timeout(10):
        assert isinstance(await errors.get(), ConnectionError)
    await entrance.until(lambda: len(entrance.server.clients) == 0)


async def test_headers_of_the_101(entrance: Entrance, kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    wrong: list[Any] = [
        ("X-Bad", "a\r\nSet-Cookie: evil=1"),
        ("X:Bad", "a"),
        ("X Bad", "a"),
        ("X-Bad", "\N{SNOWMAN}"),
        ("X-Bad", "\x00"),
        ("X-Bad", 1),
        ("X-Bad",),
        "X-Bad",
    ]

    @entrance.server.on("headers")
    def add(headers: list[Any], request: object) -> None:
        headers.extend([("X-Good", "one"), *wrong, ("X-Also-Good", "two")])

    peer = await entrance.open()
    await peer.write(handshake("/"))
    answer = await peer.answer()
    assert answer.status == 101
    good = {name: value for name, value in answer.headers.items() if name.endswith("good")}
    # Two servers have no ear for headers of a 101: docs/entrances.md says so.
    expected = {} if kind in ("asgi-granian", "asgi-daphne") else {"x-good": "one", "x-also-good": "two"}
    assert good == expected
    assert not {"x-bad", "set-cookie"} & answer.headers.keys()
    assert "a listener of headers added what is none" in caplog.text
    assert (await peer.message())["type"] == "connected"


async def test_a_client_through_its_life(entrance: Entrance) -> None:
    states: list[ReadyState] = []
    entrance.server.on("connection", lambda client, request: states.append(client.ready_state))
    entrance.server.on("vite:client:disconnect", lambda data, client: states.append(client.ready_state))
    peer = await entrance.join()
    (client,) = entrance.server.clients
    assert client.socket.open
    assert str(peer.writer.get_extra_info("sockname")[1]) in repr(client)
    await peer.send(CLOSE, b"\x03\xe8")
    await entrance.until(lambda: client.socket.ended)
    # Plain ASGI tells of an end only when it is over.
    assert states in ([ReadyState.OPEN, ReadyState.CLOSING], [ReadyState.OPEN, ReadyState.CLOSED])
    assert client.ready_state is ReadyState.CLOSED
    client.send("to nobody")
    client.close()


async def test_nothing_keeps_a_client_that_is_gone(entrance: Entrance) -> None:
    peer = await entrance.join()
    (client,) = entrance.server.clients
    await peer.send(TEXT, b"something")
    gone = weakref.ref(client), weakref.ref(client.socket)
    await peer.send(CLOSE, b"\x03\xe8")
    del client
    await entrance.until(lambda: (gc.collect(), gone[0]() is None and gone[1]() is None)[1])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(0, "", id="zero"),
        pytest.param(999, "", id="below the range"),
        pytest.param(1005, "", id="no status"),
        pytest.param(1006, "", id="abnormal"),
        pytest.param(1015, "", id="tls"),
        pytest.param(2000, "", id="reserved"),
        pytest.param(5000, "", id="above the range"),
        pytest.param(1000, "x" * 124, id="long reason"),
        pytest.param(1000, "ü" * 62, id="long in bytes"),
    ],
)
@pytest.mark.parametrize("kind", ["standalone"])
async def test_closing_with_what_may_not_be_sent(entrance: Entrance, code: int, reason: str) -> None:
    peer = await entrance.join()
    (client,) = entrance.server.clients
    with pytest.raises(HotChannelError):
        client.close(code, reason)
    assert client.ready_state is ReadyState.OPEN
    client.close(4999, "x" * 123)
    assert await peer.receive() == (CLOSE, (4999).to_bytes(2, "big") + b"x" * 123)


async def test_no_listener_is_called_twice_or_after_close() -> None:
    addresses: list[object] = []
    server = WebSocketServer(port=0)
    for _ in range(2):
        server.on("listening", addresses.append)
    async with server:
        assert len(addresses) == 1
    server.send("to nobody")
    assert len(server.clients) == 0
