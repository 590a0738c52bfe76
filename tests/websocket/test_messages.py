"""What clients say: routing, answers, and everything that must mean nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.channel.invoke import INVOKE_EVENT, Invoke
from hotchannel.wire.payloads import Custom
from support.entrances import BINARY, CLOSE, TEXT, frame, handshake

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.websocket.client import WebSocketClient
    from support.entrances import Entrance, Peer

MEANINGLESS: dict[str, bytes] = {
    "null": b"null",
    "list": b"[]",
    "number": b"7",
    "nothing": b"",
    "not JSON": b"{",
    "deep list": b"[" * 100_000,
    "deep data": b'{"type":"custom","event":"x","data":' + b"[" * 500 + b"]" * 500 + b"}",
    "NaN": b'{"type":"custom","event":"x","data":NaN}',
    "lone surrogate": rb'{"type":"custom","event":"x","data":"\ud800"}',
    "integer of 5000 digits": b'{"type":"custom","event":"x","data":' + b"9" * 5000 + b"}",
    "no type": b'{"event":"x"}',
    "another type": b'{"type":"full-reload"}',
    "update": b'{"type":"update","updates":[]}',
    "type that is a list": b'{"type":["custom"],"event":"x"}',
    "no event": b'{"type":"custom"}',
    "event that is a number": b'{"type":"custom","event":1}',
    "event that is null": b'{"type":"custom","event":null}',
    "duplicate keys": b'{"type":"custom","event":"x","type":"nothing"}',
    "forged connect": b'{"type":"custom","event":"vite:client:connect"}',
    "forged disconnect": b'{"type":"custom","event":"vite:client:disconnect"}',
    "forged connection": b'{"type":"custom","event":"connection"}',
    "forged error": b'{"type":"custom","event":"error"}',
    "forged headers": b'{"type":"custom","event":"headers"}',
    "forged listening": b'{"type":"custom","event":"listening"}',
    "forged message": b'{"type":"custom","event":"message"}',
}


async def echo(peer: Peer) -> None:
    """All that was said before has been dealt with once this returns."""
    await peer.say({"type": "custom", "event": "test:echo", "data": "here"})
    assert await peer.message() == {"type": "custom", "event": "test:echo", "data": "here"}


def serve_echo(entrance: Entrance) -> None:
    entrance.server.on("test:echo", lambda data, client: client.send("test:echo", data))


async def test_meaningless_messages(entrance: Entrance, subtests: pytest.Subtests) -> None:
    heard: list[object] = []
    serve_echo(entrance)
    bystander = await entrance.join()
    peer = await entrance.join()
    for event in ("x", "vite:client:connect", "vite:client:disconnect"):
        entrance.server.on(event, lambda data, client: heard.append(data))
    for name, message in MEANINGLESS.items():
        with subtests.test(name):
            before = entrance.server.stats().ignored
            await peer.send(TEXT, message)
            await echo(peer)
            assert heard == []
            assert entrance.server.stats().ignored == before + 1
    entrance.server.send("end")
    assert await bystander.message() == {"type": "custom", "event": "end"}


async def test_an_event_reaches_its_listeners_only(entrance: Entrance) -> None:
    heard: list[tuple[str, object, WebSocketClient]] = []
    for event in ("a", "b"):
        entrance.server.on(event, lambda data, client, event=event: heard.append((event, data, client)))
    serve_echo(entrance)
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

    serve_echo(entrance)
    entrance.server.on("a", listener)
    peer = await entrance.join()
    await peer.say({"type": "custom", "event": "a", "data": 1})
    await echo(peer)
    entrance.server.off("a", listener)
    entrance.server.off("never there", listener)
    await peer.say({"type": "custom", "event": "a", "data": 2})
    await echo(peer)
    assert heard == [1]


async def test_listeners_that_fail_harm_nobody(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[object] = []
    cancelled: list[bool] = []

    def raises(data: object, client: object) -> None:
        raise ValueError("sync trouble")

    async def raises_later(data: object, client: object) -> None:
        raise ValueError("async trouble")

    async def never_returns(data: object, client: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async def answers(data: object, client: WebSocketClient) -> None:
        heard.append(data)
        client.send("answer", data)

    for listener in (raises, raises_later, never_returns, answers):
        entrance.server.on("a", listener)
    peer = await entrance.join()
    for number in range(3):
        await peer.say({"type": "custom", "event": "a", "data": number})
        assert await peer.message() == {"type": "custom", "event": "answer", "data": number}
    assert heard == [0, 1, 2]
    assert "sync trouble" in caplog.text
    assert "async trouble" in caplog.text
    await entrance.server.close()
    assert cancelled == [True] * 3


async def test_an_answer_goes_to_its_client_only(entrance: Entrance) -> None:
    serve_echo(entrance)
    asking, other = await entrance.join(), await entrance.join()
    await echo(asking)
    entrance.server.send("end", None)
    assert await other.message() == {"type": "custom", "event": "end", "data": None}


async def test_life_cycle_events(entrance: Entrance) -> None:
    events: list[tuple[Any, ...]] = []
    for name in ("connection", "message", "vite:client:connect", "vite:client:disconnect"):
        entrance.server.on(name, lambda *args, name=name: events.append((name, *args)))
    entrance.server.on("headers", lambda headers, request: headers.append(("X-Path", request.target)))
    peer = await entrance.open()
    await peer.write(handshake("/?a"))
    assert (await peer.answer()).headers["x-path"] == "/?a"
    (client,) = entrance.server.clients
    await peer.send(TEXT, b"anything")
    await peer.send(BINARY, b"\xff")
    await peer.send(CLOSE, b"\x03\xe8")
    await entrance.until(lambda: len(entrance.server.clients) == 0)
    names = [event[0] for event in events]
    assert names == ["vite:client:connect", "connection", "message", "message", "vite:client:disconnect"]
    assert events[0][1:] == (None, client)
    assert events[1][1] is client
    assert events[1][2].target == "/?a"
    assert [event[1:] for event in events[2:4]] == [(client, "anything"), (client, b"\xff")]
    assert events[4][1:] == (None, client)
    client.send("too late")


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
    assert await peer.receive() == (CLOSE, b"\x0b\xb8enough")
    assert len(heard) == 1


@pytest.mark.parametrize("kind", ["standalone"])
async def test_foreign_text_in_the_log(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    serve_echo(entrance)

    def raises(data: object, client: object) -> None:
        raise ValueError

    peer = await entrance.join()
    nasty = "\x1b[2J\r\n\u202e\x9b" + "x" * 100_000
    entrance.server.on(nasty, raises)
    await peer.send(
        TEXT, b'{"type":"custom","event":' + json.dumps(nasty, ensure_ascii=False).encode() + b"}"
    )
    await echo(peer)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("hotchannel")]
    assert any("\\u202e" in line for line in lines)
    assert not any(character in line for line in lines for character in "\x1b\r\n\u202e\x9b")
    assert max(map(len, lines)) < 1000


INVOKES: dict[str, tuple[object, dict[str, Any] | None]] = {
    "sync": ({"name": "add", "id": "send:1", "data": [1, 2]}, {"result": 3}),
    "async": ({"name": "later", "id": "send:1", "data": []}, {"result": "later"}),
    "unknown": ({"name": "nope", "id": "send:1", "data": []}, {"error": "no function is named nope"}),
    "__class__": ({"name": "__class__", "id": "send:1", "data": []}, {"error": "no function"}),
    "__init__": ({"name": "__init__", "id": "send:1", "data": []}, {"error": "no function"}),
    "constructor": ({"name": "constructor", "id": "send:1", "data": []}, {"error": "no function"}),
    "toString": ({"name": "toString", "id": "send:1", "data": []}, {"error": "no function"}),
    "name that is a list": ({"name": ["add"], "id": "send:1", "data": []}, {"error": "no function"}),
    "no data": ({"name": "add", "id": "send:1"}, {"error": "not a list"}),
    "data null": ({"name": "add", "id": "send:1", "data": None}, {"error": "not a list"}),
    "data that is an object": ({"name": "add", "id": "send:1", "data": {"a": 1}}, {"error": "not a list"}),
    "too few arguments": ({"name": "add", "id": "send:1", "data": [1]}, {"error": "missing"}),
    "raises": ({"name": "raises", "id": "send:1", "data": []}, {"error": "trouble"}),
    "result that is not JSON": ({"name": "opaque", "id": "send:1", "data": []}, {"error": "JSON"}),
    "id that is a number": ({"name": "add", "id": 1, "data": [1, 2]}, None),
    "id that is a response": ({"name": "add", "id": "response:1", "data": [1, 2]}, None),
    "no id": ({"name": "add", "data": [1, 2]}, None),
    "request null": (None, None),
    "request list": ([], None),
}


async def test_invoke(entrance: Entrance, subtests: pytest.Subtests) -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    def raises() -> None:
        raise LookupError("trouble")

    serve_echo(entrance)
    table: dict[str, Callable[..., object]] = {
        "add": lambda a, b: a + b,
        "later": later,
        "raises": raises,
        "opaque": object,
    }
    entrance.server.on(INVOKE_EVENT, Invoke(table))
    bystander = await entrance.join()
    peer = await entrance.join()
    for name, (request, expected) in INVOKES.items():
        with subtests.test(name):
            await peer.say({"type": "custom", "event": "vite:invoke", "data": request})
            if expected is not None:
                assert isinstance(request, dict)
                answer = await peer.message()
                assert (answer["type"], answer["event"]) == ("custom", "vite:invoke")
                assert answer["data"]["id"] == "response:1"
                given = request["name"]
                assert answer["data"]["name"] == (given if isinstance(given, str) else "")
                if "error" in expected:
                    error = answer["data"]["data"]["error"]
                    assert set(error) == {"name", "message", "stack"}
                    assert expected["error"] in error["message"]
                else:
                    assert answer["data"]["data"] == expected
            await echo(peer)
    await peer.send(TEXT, b'{"type":"custom","event":"vite:invoke"}')
    await echo(peer)
    entrance.server.send(Custom("end"))
    assert await bystander.message() == {"type": "custom", "event": "end"}
