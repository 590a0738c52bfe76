"""Peers that read slowly, flood, crowd in or vanish, through every entrance: attacks 11 and 12."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from attacks.handshakes import head
from attacks.witnesses import EVENT, MIB, close_or, ends_with, what_comes_of, witnessed
from hotchannel.websocket.handshake import Reason
from support.asgi_servers import PATIENCE
from support.entrances import OWN_KINDS, PING, TEXT, frame, refusal

if TYPE_CHECKING:
    from support.entrances import Entrance, Kind, OpenEntrance
    from support.outcomes import Outcomes


async def test_a_peer_that_does_not_read(
    entrance: Entrance, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is dropped before 16 MiB wait for it, and those who read miss nothing."""
    caplog.set_level(logging.WARNING, "hotchannel")
    deaf = await entrance.join(buffer=4096)
    reader = await entrance.join()
    text = "x" * 256 * 1024
    sent = 0
    while len(entrance.server.clients) == 2 and sent < 32 * MIB:
        entrance.server.send("big", text)
        sent += len(text)
        assert (await reader.message())["data"] == text
    outcome = "dropped" if len(entrance.server.clients) == 1 else "kept"
    ours = "dropped" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "never reads, 32 MiB", entrance.kind, outcome, ours)
    if ours:
        assert sent < 16 * MIB
    assert entrance.server.stats().dropped == (outcome == "dropped")
    assert ("does not read" in caplog.text) == (outcome == "dropped")
    deaf.vanish()
    await witnessed(entrance, reader)


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_a_peer_that_reads_a_byte_at_a_time(open_entrance: OpenEntrance, kind: Kind) -> None:
    """Reading something now and then does not save it: what counts is how much waits."""
    entrance = await open_entrance(kind, max_outbox_size=MIB)
    slow = await entrance.join(buffer=4096)
    reader = await entrance.join()
    text = "x" * 64 * 1024
    sent = 0
    while len(entrance.server.clients) == 2:
        entrance.server.send("big", text)
        sent += len(text)
        # One MiB is the server's, the rest is the system's own buffers.
        assert sent < 16 * MIB
        assert (await reader.message())["data"] == text
        assert await slow.reader.read(1)
    assert entrance.server.stats().dropped == 1
    await witnessed(entrance, reader)


async def test_a_flood_of_pings_that_nobody_reads_back(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone", max_outbox_size=64 * 1024, max_messages_per_second=None)
    witness = await entrance.join()
    peer = await entrance.join(buffer=4096)
    flood = frame(PING, b"x" * 125) * 1000
    with suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            while entrance.server.stats().dropped == 0:
                await peer.write(flood)
                await witnessed(entrance, witness)
    assert entrance.server.stats().dropped == 1
    assert len(entrance.server.clients) == 1
    await witnessed(entrance, witness)


async def test_a_flood_of_messages(
    entrance: Entrance, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hotchannel")
    heard: list[object] = []
    entrance.server.on("tick", lambda data, client: heard.append(data))
    witness = await entrance.join()
    flood = await entrance.join()
    end = asyncio.create_task(ends_with(flood))
    with suppress(ConnectionError):
        await flood.write(frame(TEXT, EVENT) * 10_000)
    ours = "close 1008" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "10,000 messages", entrance.kind, close_or(entrance, await end), ours)
    # Plain ASGI sees messages too, and counts them.
    assert 2000 <= len(heard) < 10_000
    assert "too many messages" in caplog.text
    assert entrance.server.stats().dropped == 1
    assert len(entrance.server.clients) == 1
    await witnessed(entrance, witness)


async def test_a_flood_of_pings(
    entrance: Entrance, outcomes: Outcomes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hotchannel")
    witness = await entrance.join()
    flood = await entrance.join()
    outcome = await what_comes_of(entrance, witness, flood, frame(PING, b"x") * 10_000)
    ours = "close 1008" if entrance.kind in OWN_KINDS else None
    outcomes.check("Limits", "10,000 pings", entrance.kind, close_or(entrance, outcome), ours)
    if ours:
        assert "too many messages" in caplog.text
        assert entrance.server.stats().dropped == 1
    await witnessed(entrance, witness)


async def test_a_steady_stream_below_the_limit(open_entrance: OpenEntrance, kind: Kind) -> None:
    """Many times the burst, each after the answer to the last one: nobody is dropped for that."""
    entrance = await open_entrance(kind, max_messages_per_second=1e6, max_message_burst=100)
    entrance.server.on("tick", lambda data, client: client.send("tock", data))
    peer = await entrance.join()
    for _ in range(300):
        await peer.send(TEXT, EVENT)
        assert await peer.message() == {"type": "custom", "event": "tock", "data": 1}


async def test_too_many_clients(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_clients=2)
    first, second = await entrance.join(), await entrance.join()
    answer = await entrance.ask(head())
    assert answer.status == refusal(kind, 503)
    ping = await entrance.ask(head(change={"Sec-WebSocket-Protocol": "vite-ping"}))
    assert ping.status == 101
    second.vanish()
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, first, await entrance.join())


@pytest.mark.parametrize("reset", [pytest.param(False, id="ended"), pytest.param(True, id="reset")])
async def test_too_many_clients_of_an_address(open_entrance: OpenEntrance, kind: Kind, reset: bool) -> None:
    entrance = await open_entrance(kind, max_clients_per_address=2)
    peers = [await entrance.join() for _ in range(2)]
    assert (await entrance.ask(head())).status == refusal(kind, 429)
    # However one leaves, its place is free again.
    peers[0].vanish(reset=reset)
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, peers[1], await entrance.join())


async def test_too_many_handshakes_of_an_address(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, max_connections_per_second_per_address=2.0)
    witness = await entrance.join()
    request = head("GET /?token=no HTTP/1.1", change={"Origin": "http://evil.com"})
    statuses = [(await entrance.ask(request)).status for _ in range(20)]
    assert set(statuses) == {refusal(kind, 400), refusal(kind, 429)}
    assert entrance.server.stats().refused[Reason.ADDRESS_RATE] >= 10
    await witnessed(entrance, witness)


@pytest.mark.parametrize("reset", [pytest.param(False, id="ended"), pytest.param(True, id="reset")])
async def test_peers_that_vanish_without_a_word(entrance: Entrance, reset: bool) -> None:
    witness = await entrance.join()
    for _ in range(50):
        (await entrance.join()).vanish(reset=reset)
    await entrance.until(lambda: len(entrance.server.clients) == 1)
    await witnessed(entrance, witness)
