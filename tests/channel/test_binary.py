"""The hub with binary messages: who gets which form of one, and what clients may say with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET, UnsetType

from hotchannel.channel.hub import RESERVED_EVENTS, HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.errors import HotChannelError
from hotchannel.wire.binary import BinaryData, pack
from hotchannel.wire.payloads import Binary, Update

if TYPE_CHECKING:
    from hotchannel.wire.payloads import HotPayload

FRAME = Binary("frame", b"\x00\xff", {"n": 1})
STOCK = {"type": "custom", "event": "frame", "data": {"data": "AP8=", "meta": {"n": 1}}}


class Client:
    """Remembers what it was sent, `text` or `binary` and what."""

    def __init__(self, *, resuming: bool = False, binary: bool = False) -> None:
        self.resuming = resuming
        self.binary = binary
        self.heard: list[tuple[str, bytes]] = []

    def write(self, message: tuple[str, bytes]) -> None:
        self.heard.append(message)

    def send(
        self, message: HotPayload | str, data: Any | UnsetType = UNSET, meta: Any | UnsetType = UNSET
    ) -> None:
        raise NotImplementedError

    @property
    def last(self) -> Any:
        """What came last: JSON decoded, or bytes."""
        kind, content = self.heard[-1]
        return json.loads(content) if kind == "text" else content


def make(made: list[tuple[str, bytes]] | None = None, **limits: int) -> HotChannel[Client, tuple[str, bytes]]:
    """A channel that notes which messages it has made."""

    def prepare(kind: str, encoded: bytes) -> tuple[str, bytes]:
        message = (kind, encoded)
        if made is not None:
            made.append(message)
        return message

    return HotChannel(
        Journal("e", max_messages=limits.get("messages", 100), max_bytes=limits.get("bytes", 10_000)),
        prepare=lambda encoded: prepare("text", encoded),
        prepare_binary=lambda encoded: prepare("binary", encoded),
    )


def joined(
    channel: HotChannel[Client, tuple[str, bytes]], resume: str | None = None, *, binary: bool = True
) -> Client:
    client = Client(resuming=resume is not None, binary=binary)
    channel.join(client, resume)
    return client


def test_each_variant_is_made_once_and_goes_to_whom_it_is_for() -> None:
    made: list[tuple[str, bytes]] = []
    channel = make(made)
    stock = [joined(channel, binary=False) for _ in range(2)]
    resuming = [joined(channel, "e:0", binary=False) for _ in range(2)]
    binary = [joined(channel) for _ in range(2)]
    both = [joined(channel, "e:0") for _ in range(2)]
    made.clear()

    channel.send("frame", bytearray(b"\x00\xff"), {"n": 1})

    assert len(made) == 4
    assert [client.last for client in stock] == [STOCK] * 2
    assert [client.last for client in resuming] == [{**STOCK, "seq": 1}] * 2
    assert [client.last for client in binary] == [pack(FRAME)] * 2
    assert [client.last for client in both] == [pack(FRAME, 1)] * 2
    for clients in (stock, resuming, binary, both):
        assert clients[0].heard[-1] is clients[1].heard[-1]


def test_json_is_made_once_for_all_that_do_not_resume() -> None:
    made: list[tuple[str, bytes]] = []
    channel = make(made)
    clients = [joined(channel, binary=binary) for binary in (True, False)]
    made.clear()
    channel.send("plain", 1)
    assert len(made) == 1
    assert clients[0].heard[-1] is clients[1].heard[-1]


def test_an_answer_takes_the_form_of_its_client() -> None:
    channel = make()
    stock, binary, both = joined(channel, binary=False), joined(channel), joined(channel, "e:0")
    channel.send("before")
    for client in (stock, binary, both):
        channel.answer(client, FRAME)
    assert stock.last == STOCK
    assert binary.last == pack(FRAME)
    assert both.last == pack(FRAME, 1)


def test_who_comes_back_gets_what_was_missed_in_order() -> None:
    channel = make()
    for number in range(2):
        channel.send("frame", b"", number)
        channel.send("plain", number)
    client = joined(channel, "e:1")
    assert [content for kind, content in client.heard if kind == "binary"] == [
        pack(Binary("frame", b"", 1), 3)
    ]
    assert [kind for kind, _ in client.heard] == ["text", "text", "binary", "text"]
    assert client.last == {"type": "custom", "event": "plain", "data": 1, "seq": 4}
    stock = joined(channel, "e:2", binary=False)
    assert [json.loads(content)["seq"] for _, content in stock.heard] == [2, 3, 4]


def test_a_stream_of_them_costs_nobody_an_update() -> None:
    channel = make(messages=3, bytes=1000)
    channel.send(Update(()))
    for number in range(50):
        channel.send("frame", bytes(400), number)
    client = joined(channel, "e:0")
    # The update, and of the stream what there is room for.
    seen = [json.loads(content).get("seq") if kind == "text" else kind for kind, content in client.heard]
    assert seen == [0, 1, "binary"]
    assert client.last == pack(Binary("frame", bytes(400), 49), 51)


def test_what_cannot_be_sent_is_told_and_is_not_kept() -> None:
    channel = make()
    client = joined(channel, "e:0")
    for data, meta in ((b"", object()), (b"", "x" * 64 * 1024), ("text", {})):
        with pytest.raises(HotChannelError, match="meta"):
            channel.send("frame", data, meta)
    assert len(client.heard) == 1
    assert channel.position() == "e:0"


def test_listeners_get_bytes_and_meta() -> None:
    channel = make()
    heard: list[tuple[object, Client]] = []
    channel.on("frame", lambda data, client: heard.append((data, client)))
    client = joined(channel)
    assert channel.receive(client, pack(FRAME))
    assert channel.receive(client, pack(Binary("frame", b"")))
    assert channel.receive(client, pack(Binary("frame", b"1", None), 12))
    assert channel.receive(client, b'{"type":"custom","event":"frame","data":"JSON in a binary frame"}')
    assert heard == [
        (BinaryData(b"\x00\xff", {"n": 1}), client),
        (BinaryData(b"", None), client),
        (BinaryData(b"1", None), client),
        ("JSON in a binary frame", client),
    ]


@pytest.mark.parametrize("event", sorted(RESERVED_EVENTS))
def test_reserved_events_are_not_heard(event: str) -> None:
    channel = make()
    client = joined(channel)
    heard: list[object] = []
    channel.on(event, lambda data, client: heard.append(data))
    assert not channel.receive(client, pack(Binary(event, b"", 1)))
    assert heard == []


def test_malformed_ones_mean_nothing() -> None:
    channel = make()
    client = joined(channel)
    for sent in (b"\x00", b"\x00\x00\x00\xff{}", b"\x00\x00\x00\x02{}", b"\xff\xff"):
        assert not channel.receive(client, sent)
