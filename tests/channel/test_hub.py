"""The hub with clients that only remember."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from hotchannel.channel.hub import HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.channel.listeners import MAX_PENDING, Listeners
from hotchannel.channel.printable import printable
from hotchannel.wire.payloads import (
    ErrorDetail,
    ErrorPayload,
    FullReload,
    HotPayload,
    Location,
    Update,
)

EMPTY_UPDATE = {"type": "update", "updates": []}


class Client:
    """Remembers what it was sent; `frame` marks what went through it."""

    def __init__(self, *, resuming: bool = False, binary: bool = False) -> None:
        self.resuming = resuming
        self.binary = binary
        self.frames: list[bytes] = []

    def write(self, frame: bytes) -> None:
        self.frames.append(frame)

    def send(
        self, message: HotPayload | str, data: Any | UnsetType = UNSET, meta: Any | UnsetType = UNSET
    ) -> None:
        raise NotImplementedError

    def take(self) -> list[Any]:
        taken = [json.loads(frame.removeprefix(b"#")) for frame in self.frames]
        self.frames.clear()
        return taken


def make() -> HotChannel[Client, bytes]:
    return HotChannel(
        Journal("e", max_messages=100, max_bytes=10_000), prepare=lambda encoded: b"#" + encoded
    )


def joined(channel: HotChannel[Client, bytes], resume: str | None = None) -> Client:
    client = Client(resuming=resume is not None)
    channel.join(client, resume)
    return client


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"type": "error", "err": {"message": message, "stack": "", **more}}


def test_each_variant_is_framed_once() -> None:
    framed: list[bytes] = []

    def frame(encoded: bytes) -> bytes:
        framed.append(encoded)
        return encoded

    channel: HotChannel[Client, bytes] = HotChannel(
        Journal("e", max_messages=9, max_bytes=999), prepare=frame
    )
    clients = [joined(channel, resume) for resume in (None, None, "e:0", "e:0")]
    framed.clear()
    channel.send("a", 1)
    assert framed == [
        b'{"type":"custom","event":"a","data":1}',
        b'{"type":"custom","event":"a","data":1,"seq":1}',
    ] or framed == [
        b'{"type":"custom","event":"a","data":1,"seq":1}',
        b'{"type":"custom","event":"a","data":1}',
    ]
    assert clients[0].frames[-1] is clients[1].frames[-1]
    assert clients[2].frames[-1] is clients[3].frames[-1]


def test_errors_are_kept_by_source_and_the_newest_shown() -> None:
    channel = make()
    client = joined(channel)
    channel.fail("a", ErrorDetail("in a", ""))
    channel.fail("b", ErrorDetail("in b", ""))
    client.take()
    assert joined(channel).take()[1:] == [error("in b")]
    assert channel.recover("b")
    assert client.take() == [error("in a")]
    assert joined(channel).take()[1:] == [error("in a")]
    assert channel.recover("a")
    assert client.take() == [EMPTY_UPDATE]
    assert not channel.recover("a")
    assert client.take() == []
    assert joined(channel).take() == [{"type": "connected"}]


def test_an_error_that_stands_is_shown_again_over_an_update() -> None:
    channel = make()
    client = joined(channel)
    channel.fail("a", ErrorDetail("in a", ""))
    client.take()

    channel.send(Update(()))

    assert client.take() == [EMPTY_UPDATE, error("in a")]


def test_an_older_error_goes_quietly() -> None:
    channel = make()
    client = joined(channel)
    channel.fail("a", ErrorDetail("in a", ""))
    channel.fail("b", ErrorDetail("in b", ""))
    client.take()
    assert channel.recover("a")
    assert client.take() == []


@pytest.mark.parametrize(
    ("detail", "source"),
    [
        (ErrorDetail("m", "", id="/a.js"), "/a.js"),
        (ErrorDetail("m", "", loc=Location(1, 0, "/b.js")), "/b.js"),
        (ErrorDetail("m", "", id="/a.js", loc=Location(1, 0, "/b.js")), "/a.js"),
        (ErrorDetail("m", "", loc=Location(1, 0)), ""),
        (ErrorDetail("m", ""), ""),
    ],
    ids=["id", "file", "both", "no file", "nothing"],
)
def test_a_sent_error_stands_under_its_file(detail: ErrorDetail, source: str) -> None:
    channel = make()
    channel.send(ErrorPayload(detail))
    assert joined(channel).take()[1]["type"] == "error"
    assert channel.recover(source)


@pytest.mark.parametrize("payload", [Update(()), FullReload()], ids=["update", "reload"])
def test_an_error_of_nobody_stands_until_the_next_update(payload: HotPayload) -> None:
    channel = make()
    joined(channel)
    channel.send(ErrorPayload(ErrorDetail("nobody's", "")))
    channel.fail("/a.js", ErrorDetail("a's", ""))
    channel.send(payload)
    assert joined(channel).take()[1:] == [error("a's")]
    assert channel.recover("/a.js")
    assert joined(channel).take()[1:] == []


def test_a_reload_is_kept_only_while_nobody_is_there() -> None:
    channel = make()
    client = joined(channel)
    channel.send(FullReload(path="*"))
    assert joined(channel).take() == [{"type": "connected"}]
    for gone in tuple(channel.clients):
        channel.leave(gone)
    channel.send(FullReload(path="/a.html"))
    assert client.take()[1:] == [{"type": "full-reload", "path": "*"}]
    assert joined(channel).take()[1:] == [{"type": "full-reload", "path": "/a.html"}]


def test_connect_and_disconnect_are_told_once() -> None:
    channel = make()
    told: list[tuple[str, object, Client]] = []
    channel.on("vite:client:connect", lambda data, client: told.append(("connect", data, client)))
    channel.on("vite:client:disconnect", lambda data, client: told.append(("disconnect", data, client)))
    client = joined(channel)
    channel.leave(client)
    channel.leave(client)
    assert told == [("connect", None, client), ("disconnect", None, client)]


def test_a_client_that_leaves_during_a_broadcast() -> None:
    channel = make()

    class Fleeting(Client):
        def write(self, frame: bytes) -> None:
            super().write(frame)
            channel.leave(self)

    fleeting, lasting = Fleeting(), Client()
    channel.join(fleeting, None)
    channel.join(lasting, None)
    channel.send("a")
    channel.send("b")
    assert [message.get("event") for message in fleeting.take()] == [None, "a"]
    assert [message.get("event") for message in lasting.take()] == [None, "a", "b"]


async def test_listeners_that_are_too_busy_miss_events(caplog: pytest.LogCaptureFixture) -> None:
    listeners: Listeners[[int]] = Listeners()
    started: list[int] = []
    release, all_started = asyncio.Event(), asyncio.Event()

    async def slow(number: int) -> None:
        started.append(number)
        if len(started) == MAX_PENDING:
            all_started.set()
        await release.wait()

    listeners.on("a", slow)
    for number in range(MAX_PENDING + 50):
        listeners.emit("a", number)
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    release.set()
    async with asyncio.timeout(10):
        await all_started.wait()
    await listeners.close()
    assert started == list(range(MAX_PENDING))


async def test_listeners_closed_by_one_of_them() -> None:
    listeners: Listeners[[]] = Listeners()
    closed = asyncio.Event()

    async def closes() -> None:
        await listeners.close()
        closed.set()

    listeners.on("a", closes)
    listeners.emit("a")
    await closed.wait()


def test_a_listener_is_called_once_and_in_order() -> None:
    listeners: Listeners[[]] = Listeners()
    called: list[str] = []

    def first() -> None:
        called.append("first")

    def second() -> None:
        called.append("second")

    for listener in (first, second, first):
        listeners.on("a", listener)
    listeners.emit("a")
    assert called == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 🔥", "plain ü 🔥"),
        ("\x1b[2J\r\n\t\x7f\x9b", "\\x1b[2J\\x0d\\x0a\\x09\\x7f\\x9b"),
        ("\u202e\u2066\u200b\ufeff", "\\u202e\\u2066\\u200b\\ufeff"),
        ("\udcff", "\\udcff"),
        (b"\xff\x00ok", "\ufffd\\x00ok"),
        ("x" * 300, "x" * 200 + "…"),
        (b"x" * 3000, "x" * 200 + "…"),
    ],
    ids=["plain", "control", "bidi", "surrogate", "bytes", "long", "long bytes"],
)
def test_printable(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown
