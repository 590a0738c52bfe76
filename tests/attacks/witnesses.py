"""What the attacks have in common: somebody else who has to be served, and what comes of the attacker."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from attacks.messages import UNSAFE
from support.entrances import CLOSE, OWN_KINDS, PING, PONG

if TYPE_CHECKING:
    import pytest

    from hotchannel.websocket.server import WebSocketServer
    from support.entrances import Entrance, Peer

__all__ = [
    "EVENT",
    "FOREIGN_PATIENCE",
    "MIB",
    "assert_fit_for_a_terminal",
    "close_or",
    "echo",
    "ends_with",
    "printed",
    "serve_echo",
    "what_comes_of",
    "witnessed",
]

MIB = 1024 * 1024

FOREIGN_PATIENCE = 1.0
"""Seconds within which a foreign server says goodbye where it says it at all."""

EVENT = b'{"type":"custom","event":"tick","data":1}'


async def witnessed(entrance: Entrance, *witnesses: Peer) -> None:
    """Those who were there all the time get a broadcast."""
    entrance.server.send("still:there")
    for witness in witnesses:
        while (message := await witness.message()) != {"type": "custom", "event": "still:there"}:
            assert message["event"] == "big", message


def serve_echo(server: WebSocketServer) -> None:
    """Let `server` answer what `echo` asks."""
    server.on("test:echo", lambda data, client: client.send("test:echo", data))


async def echo(peer: Peer) -> None:
    """All that `peer` said before has been dealt with, without an answer, once this returns."""
    await peer.say({"type": "custom", "event": "test:echo", "data": "here"})
    assert await peer.message() == {"type": "custom", "event": "test:echo", "data": "here"}


async def ends_with(peer: Peer) -> str:
    """How a connection ends, or that it goes on, in the words of docs/entrances.md.

    It goes on if the ping `alive` is answered.
    """
    try:
        while True:
            opcode, payload = await peer.receive()
            if opcode == CLOSE:
                return f"close {int.from_bytes(payload[:2], 'big')}" if payload else "close"
            if opcode == PONG and payload == b"alive":
                return "open"
    except (asyncio.IncompleteReadError, ConnectionError):
        return "cut"


async def what_comes_of(
    entrance: Entrance, witness: Peer, peer: Peer, data: bytes, *, patience: float = 0.0
) -> str:
    """Let `peer` send `data`, and say how its connection ends, or that it goes on.

    Some servers answer a ping before they look into the message that came before it, and some reset a
    connection that they end while bytes of the peer are unread, which destroys a goodbye that is not read
    yet. So the peer reads all the time, nothing follows `data` until the server has done other things, and
    the ping that counts comes after another.

    Args:
        patience: seconds that a foreign server has for its goodbye before the first ping disturbs it.
    """
    end = asyncio.create_task(ends_with(peer))
    with suppress(ConnectionError):
        await peer.write(data)
        if entrance.kind not in OWN_KINDS:
            await asyncio.wait({end}, timeout=patience)
        for word in (b"first", b"alive"):
            await witnessed(entrance, witness)
            if not end.done():
                await peer.send(PING, word)
    return await end


def close_or(entrance: Entrance, outcome: str) -> str:
    """`outcome`; `ended` where a foreign server ends a connection of which much is still unread.

    Whether its close frame arrives before the reset is chance there.
    """
    ended = outcome == "cut" or outcome.startswith("close")
    return "ended" if ended and entrance.kind not in OWN_KINDS else outcome


def printed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log would look like in a terminal, with tracebacks, a record each."""
    formatter = logging.Formatter()
    return [formatter.format(record) for record in caplog.records if record.name.startswith("hotchannel")]


def assert_fit_for_a_terminal(texts: list[str]) -> None:
    """No text from outside steers the terminal or begins a line of its own."""
    for text in texts:
        assert not [character for character in UNSAFE if character in text], ascii(text)
        assert not any(line.startswith("forged line") for line in text.splitlines())
