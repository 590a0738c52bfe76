"""What clients say to do harm, through every entrance: attacks 13, 14, 16 and 17."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest

from attacks.messages import INVOKES, MEANINGLESS, NASTY, ODD
from attacks.witnesses import assert_fit_for_a_terminal, echo, printed, serve_echo, witnessed
from hotchannel.channel.hub import RESERVED_EVENTS
from hotchannel.channel.invoke import INVOKE_EVENT, Invoke
from hotchannel.channel.listeners import MAX_PENDING
from support.asgi_servers import PATIENCE
from support.entrances import BINARY, CLOSE, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.websocket.client import WebSocketClient
    from support.entrances import Entrance, OpenEntrance


async def test_meaningless_messages(entrance: Entrance, subtests: pytest.Subtests) -> None:
    heard: list[object] = []
    serve_echo(entrance.server)
    witness, peer = await entrance.join(), await entrance.join()
    # `message` is raised for every message, also for those that mean nothing.
    for event in ("x", *RESERVED_EVENTS - {"message"}):
        entrance.server.on(event, lambda *args: heard.append(args))
    for name, message in MEANINGLESS.items():
        with subtests.test(name):
            before = entrance.server.stats().ignored
            await peer.send(TEXT, message)
            await peer.send(BINARY, message)
            await echo(peer)
            assert heard == []
            assert entrance.server.stats().ignored == before + 2
            # Nothing of it went to anybody, and a broadcast goes to all.
            await witnessed(entrance, witness, peer)


async def test_odd_messages(entrance: Entrance, subtests: pytest.Subtests) -> None:
    heard: list[object] = []

    def listener(data: object, client: object) -> None:
        heard.append(data)

    serve_echo(entrance.server)
    witness, peer = await entrance.join(), await entrance.join()
    for name, (message, event, data) in ODD.items():
        with subtests.test(name):
            entrance.server.on(event, listener)
            await peer.send(TEXT, message)
            await peer.send(BINARY, message)
            await echo(peer)
            assert heard == [data, data]
            await witnessed(entrance, witness, peer)
        heard.clear()
        entrance.server.off(event, listener)
    assert entrance.server.stats().ignored == 0


async def test_invoke(entrance: Entrance, subtests: pytest.Subtests) -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    def raises() -> None:
        raise LookupError("trouble")

    def add(a: int, b: int) -> int:
        return a + b

    serve_echo(entrance.server)
    table: dict[str, Callable[..., object]] = {"add": add, "later": later, "raises": raises, "opaque": object}
    entrance.server.on(INVOKE_EVENT, Invoke(table))
    witness, peer = await entrance.join(), await entrance.join()
    for name, (request, expected) in INVOKES.items():
        with subtests.test(name):
            await peer.say({"type": "custom", "event": "vite:invoke", "data": request})
            if expected is not None:
                assert isinstance(request, dict)
                answer = await peer.message()
                assert (answer["type"], answer["event"]) == ("custom", "vite:invoke")
                given = request.get("name")
                data = answer["data"].pop("data")
                assert answer["data"] == {
                    "name": given if isinstance(given, str) else "",
                    "id": "response:1",
                }
                if "error" in expected:
                    assert set(data["error"]) == {"name", "message", "stack"}
                    assert expected["error"] in data["error"]["message"]
                else:
                    assert data == expected
            await echo(peer)
            # The answer was for the one who asked.
            await witnessed(entrance, witness, peer)
    await peer.send(TEXT, b'{"type":"custom","event":"vite:invoke"}')
    await echo(peer)
    await witnessed(entrance, witness, peer)


async def test_invoke_where_nothing_can_be_called(entrance: Entrance, subtests: pytest.Subtests) -> None:
    serve_echo(entrance.server)
    witness, peer = await entrance.join(), await entrance.join()
    for name, (request, _) in INVOKES.items():
        with subtests.test(name):
            await peer.say({"type": "custom", "event": "vite:invoke", "data": request})
            await echo(peer)
            await witnessed(entrance, witness, peer)


def raiser(event: str, *, later: bool) -> Callable[..., object]:
    """A listener of `event` that raises, at once or as a task."""

    def raises(*args: object) -> None:
        raise ValueError(f"trouble with {event}")

    async def raises_later(*args: object) -> None:
        await asyncio.sleep(0)
        raises()

    return raises_later if later else raises


@pytest.mark.parametrize("later", [pytest.param(False, id="sync"), pytest.param(True, id="async")])
async def test_listeners_that_raise(
    entrance: Entrance, later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """At any event: the client whose event it is goes on, and other listeners hear of it."""
    events = ["a", *sorted(RESERVED_EVENTS - {"listening", "error"})]
    heard: list[str] = []
    serve_echo(entrance.server)
    for event in events:
        entrance.server.on(event, raiser(event, later=later))
        entrance.server.on(event, lambda *args, event=event: heard.append(event))
    witness, peer, leaving = [await entrance.join() for _ in range(3)]
    await peer.say({"type": "custom", "event": "a"})
    await echo(peer)
    leaving.vanish()
    await entrance.until(lambda: all(f"trouble with {event}" in caplog.text for event in events))
    assert set(heard) == set(events)
    await witnessed(entrance, witness, peer)


async def test_listeners_that_never_return(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    """A client may have as many under way as there may be at all: others are served, and the end comes."""
    begun: list[int] = []
    cancelled: list[int] = []

    async def never_returns(data: int, client: object) -> None:
        begun.append(data)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(data)

    entrance.server.on("a", never_returns)
    witness, peer = await entrance.join(), await entrance.join()
    await peer.write(frame(TEXT, b'{"type":"custom","event":"a","data":1}') * (MAX_PENDING + 10))
    await entrance.until(lambda: len(begun) == MAX_PENDING)
    await entrance.until(lambda: entrance.server.stats().messages_in == MAX_PENDING + 10)
    assert caplog.text.count("listeners are still busy") == 1
    await witnessed(entrance, witness, peer)
    await witnessed(entrance, witness, await entrance.join())
    await entrance.abandon()
    await entrance.server.close()
    assert len(begun) == len(cancelled) == MAX_PENDING


async def test_a_listener_that_will_not_be_cancelled(open_entrance: OpenEntrance) -> None:
    """The end does not wait for it for ever."""
    entrance = await open_entrance("standalone")
    begun, refused, release = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stubborn(data: object, client: object) -> None:
        begun.set()
        try:
            await release.wait()
        except asyncio.CancelledError:
            refused.set()
            await release.wait()

    entrance.server.on("a", stubborn)
    peer = await entrance.join()
    await peer.say({"type": "custom", "event": "a"})
    await begun.wait()
    peer.vanish()
    async with asyncio.timeout(PATIENCE):
        await entrance.server.close()
    assert refused.is_set()
    release.set()


async def test_a_listener_that_answers_with_what_is_no_message(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    def answers(data: object, client: WebSocketClient) -> None:
        client.send("answer", {"not": {"JSON"}, "but": object()})

    serve_echo(entrance.server)
    entrance.server.on("a", answers)
    witness, peer = await entrance.join(), await entrance.join()
    await peer.say({"type": "custom", "event": "a"})
    await echo(peer)
    assert "cannot encode" in caplog.text
    await witnessed(entrance, witness, peer)


async def test_foreign_text_in_the_log(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    serve_echo(entrance.server)
    entrance.server.on(INVOKE_EVENT, Invoke({}))
    long = NASTY + "x" * 100_000
    for later in (False, True):
        entrance.server.on(long, raiser("it", later=later))
    peer = await entrance.join()
    for message in (
        {"type": "custom", "event": long, "data": long},
        {"type": "custom", "event": "vite:invoke", "data": {"name": long, "id": f"send:{NASTY}", "data": []}},
        {"type": long, "event": long},
        {"type": "custom", "event": [long]},
    ):
        # Bidirectional controls are not escaped in JSON, unless one asks for it.
        await peer.send(TEXT, json.dumps(message, ensure_ascii=False).encode())
    assert (await peer.message())["event"] == "vite:invoke"
    await echo(peer)
    await peer.send(CLOSE, b"\x03\xe8" + NASTY.encode())
    await entrance.until(lambda: len(entrance.server.clients) == 0)
    texts = printed(caplog)
    assert any("\\u202e" in text for text in texts)
    assert any("forged line" in text for text in texts)
    assert_fit_for_a_terminal(texts)
    assert max(len(line) for text in texts for line in text.splitlines()) < 1000


async def test_foreign_text_in_an_exception(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    """What a listener says of data that it did not like is printed with a traceback, which may have lines."""

    def picky(data: str, client: object) -> None:
        raise ValueError(f"no such thing: {data}")

    async def picky_later(data: str, client: object) -> None:
        raise ValueError(f"not here either: {data}")

    serve_echo(entrance.server)
    entrance.server.on("a", picky)
    entrance.server.on("a", picky_later)
    peer = await entrance.join()
    await peer.say({"type": "custom", "event": "a", "data": NASTY.replace("\n", "")})
    await echo(peer)
    texts = printed(caplog)
    for trouble in ("no such thing", "not here either"):
        assert any(trouble in text for text in texts)
    assert_fit_for_a_terminal(texts)
