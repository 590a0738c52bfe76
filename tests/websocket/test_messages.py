"""What clients say: routing, answers and the life cycle. What they say to do harm is in tests/attacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attacks.witnesses import echo, serve_echo
from support.entrances import BINARY, CLOSE, TEXT, frame, goodbye

if TYPE_CHECKING:
    from hotchannel.websocket.client import WebSocketClient
    from support.entrances import Entrance


async def test_an_event_reaches_its_listeners_only(entrance: Entrance) -> None:
    heard: list[tuple[str, object, WebSocketClient]] = []
    for event in ("a", "b"):
        entrance.server.on(event, lambda data, client, event=event: heard.append((event, data, client)))
    serve_echo(entrance.server)
    peer = await entrance.join()
    (client,) = entrance.server.clients
    await peer.say({"type": "custom", "event": "a", "data": {"x": [1, None]}})
    await peer.say({"type": "custom", "event": "b"})
    await peer.say({"type": "custom", "event": "unheard"})
    await peer.say({"type": "ping"})
    await peer.send(BINARY, b'{"type":"custom","event":"a","data":2}')
    await peer.send(TEXT, b'{"type":"custom","event":"a","data":3,"data":4}')
    await echo(peer)
    assert heard == [("a", {"x": [1, None]}, client), ("b", None, client), ("a", 2, client), ("a", 4, client)]


async def test_a_listener_may_be_taken_away(entrance: Entrance) -> None:
    heard: list[object] = []

    def listener(data: object, client: object) -> None:
        heard.append(data)

    serve_echo(entrance.server)
    entrance.server.on("a", listener)
    peer = await entrance.join()
    await peer.say({"type": "custom", "event": "a", "data": 1})
    await echo(peer)
    entrance.server.off("a", listener)
    entrance.server.off("never there", listener)
    await peer.say({"type": "custom", "event": "a", "data": 2})
    await echo(peer)
    assert heard == [1]


async def test_an_answer_goes_to_its_client_only(entrance: Entrance) -> None:
    async def later(data: object, client: WebSocketClient) -> None:
        await asyncio.sleep(0)
        client.send("later", data)

    serve_echo(entrance.server)
    entrance.server.on("ask", later)
    asking, other = await entrance.join(), await entrance.join()
    await echo(asking)
    await asking.say({"type": "custom", "event": "ask", "data": 1})
    assert await asking.message() == {"type": "custom", "event": "later", "data": 1}
    entrance.server.send("end", None)
    assert await other.message() == {"type": "custom", "event": "end", "data": None}


async def test_life_cycle_events(entrance: Entrance) -> None:
    events: list[tuple[Any, ...]] = []
    for name in ("connection", "message", "vite:client:connect", "vite:client:disconnect"):
        entrance.server.on(name, lambda *args, name=name: events.append((name, *args)))
    entrance.server.on("headers", lambda headers, request: events.append(("headers", request.target)))
    peer = await entrance.join("?a")
    (client,) = entrance.server.clients
    await peer.send(TEXT, b"anything")
    await peer.send(BINARY, b"\xff")
    await peer.send(CLOSE, b"\x03\xe8")
    await entrance.until(lambda: len(entrance.server.clients) == 0)
    names = [event[0] for event in events]
    assert names == [
        "headers",
        "vite:client:connect",
        "connection",
        "message",
        "message",
        "vite:client:disconnect",
    ]
    assert events[0][1] == "/?a"
    assert events[1][1:] == (None, client)
    assert events[2][1] is client
    assert events[2][2].target == "/?a"
    assert [event[1:] for event in events[3:5]] == [(client, "anything"), (client, b"\xff")]
    assert events[5][1:] == (None, client)
    client.send("too late")


async def test_last_words(entrance: Entrance) -> None:
    """A client that says something and leaves at once, without waiting for an answer, has been heard."""
    heard: list[object] = []
    entrance.server.on("last", lambda data, client: heard.append(data))
    entrance.server.on("vite:client:disconnect", lambda data, client: heard.append("gone"))
    peer = await entrance.connect()
    words = [frame(TEXT, b'{"type":"custom","event":"last","data":%d}' % number) for number in range(3)]
    await peer.write(b"".join(words) + frame(CLOSE, b"\x03\xe8"))
    await entrance.until(lambda: heard[-1:] == ["gone"])
    assert heard == [0, 1, 2, "gone"]


async def test_closing_from_a_listener(entrance: Entrance) -> None:
    heard: list[object] = []

    def listener(data: object, client: WebSocketClient) -> None:
        heard.append(data)
        client.close(3000, "enough")
        client.close(3001)

    entrance.server.on("a", listener)
    peer = await entrance.join()
    message = b'{"type":"custom","event":"a"}'
    await peer.write(frame(TEXT, message) * 2)
    assert await peer.receive() == (CLOSE, goodbye(entrance.kind, 3000, b"enough"))
    assert len(heard) == 1
