"""Clients that come, talk, stumble and go in every order, and a server that always knows who is there.

A state machine drives one server over real sockets in one event loop. What the server raises (`connection`,
`vite:client:disconnect`, an event's listener) tells when a step is done: nothing is waited for by time.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from hotchannel.websocket.server import WebSocketServer
from support.asgi_servers import PATIENCE
from support.entrances import CLOSE, CONTINUATION, PING, PONG, TEXT, Entrance, Peer, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hotchannel.websocket.client import WebSocketClient

T = TypeVar("T")

BURST = 500
"""Frames that a client may send at once; no example without a flood comes near it."""


@dataclass
class Member:
    """A client that is in, and what it has not read yet.

    Attributes:
        peer: its end of the connection.
        address: by which the server knows it.
        resuming: whether it sees the numbers of messages.
        seen: number of the last broadcast that it has read.
        owed: what is on its way to it, in order: the number at that time and the message.
        begun: data of a message of which it has sent the first fragment.
    """

    peer: Peer
    address: str
    resuming: bool
    seen: int
    owed: list[tuple[int, bytes]] = field(default_factory=list)
    begun: int | None = None

    def will_read(self, name: str, data: int, number: int) -> None:
        """An event is on its way, sent when `number` broadcasts had been."""
        message = event(name, data)
        self.owed.append((number, message[:-1] + b',"seq":%d}' % number if self.resuming else message))

    def has_read(self, messages: list[bytes]) -> None:
        """Nothing is missing, double or out of order."""
        assert messages == [message for _, message in self.owed]
        self.seen = max([self.seen, *(number for number, _ in self.owed)])
        self.owed.clear()


def event(name: str, data: int) -> bytes:
    return b'{"type":"custom","event":"%b","data":%d}' % (name.encode(), data)


ENDS = ("close", "close by the server", "close by both", "vanish", "reset", "half a goodbye")

# What ends a connection at once, and the code of the server's goodbye.
FAULTS = {
    "forbidden frame": (frame(0x3), 1002),
    "message within a message": (frame(TEXT, b"{", fin=False) + frame(TEXT), 1002),
    "long ping": (frame(PING, b"x" * 126), 1002),
    "bad close": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "flood": (frame(PING) * (2 * BURST), 1008),
}


class ConnectionLife(RuleBasedStateMachine):
    """The server against a list of who should be there and what each should have been told."""

    loop_factory: Callable[[], asyncio.AbstractEventLoop]

    members = Bundle("members")
    positions = Bundle("positions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=type(self).loop_factory)
        self.present: list[Member] = []
        self.broadcasts = 0
        self.said = 0
        self.come: asyncio.Queue[str] = asyncio.Queue()
        self.gone: asyncio.Queue[str] = asyncio.Queue()
        self.heard: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.objects: list[weakref.ref[Any]] = []
        self.server = WebSocketServer(
            port=0, max_messages_per_second=1.0, max_message_burst=BURST, max_message_size=1000
        )
        self.server.on("connection", self._connected)
        self.server.on("vite:client:disconnect", lambda data, client: self.gone.put_nowait(client.address))
        self.server.on("say", self._say)
        self.run(self.server.listen())
        assert self.server.port is not None
        self.entrance = Entrance("standalone", self.server, self.server.port, None)

    def _connected(self, client: WebSocketClient, request: object) -> None:
        self.come.put_nowait(client.address)
        self.objects += [weakref.ref(client), weakref.ref(client.socket)]

    def _say(self, data: int, client: WebSocketClient) -> None:
        client.send("heard", data)
        self.heard.put_nowait((client.address, data))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            async with asyncio.timeout(PATIENCE):
                return await step

        return self.runner.run(in_time())

    # Coming.

    async def _join(self, query: str, seen: int) -> Member:
        peer = await self.entrance.join(query)
        host, port = peer.writer.get_extra_info("sockname")
        member = Member(peer, f"{host}:{port}", bool(query), seen)
        assert await self.come.get() == member.address
        self.present.append(member)
        return member

    @rule(target=members)
    def connect(self) -> Member:
        return self.run(self._join("", self.broadcasts))

    @rule(target=members)
    def connect_to_resume(self) -> Member:
        return self.run(self._join(f"?resume={self.server.position()}", self.broadcasts))

    @rule(target=members, position=consumes(positions))
    def come_back(self, position: int) -> Member:
        """What was sent meanwhile comes first, each once."""
        epoch = self.server.position().partition(":")[0]
        member = self.run(self._join(f"?resume={epoch}:{position}", position))
        for number in range(position + 1, self.broadcasts + 1):
            member.will_read("broadcast", number, number)
        return member

    # Talking.

    @rule()
    def broadcast(self) -> None:
        self.broadcasts += 1
        self.server.send("broadcast", self.broadcasts)
        for member in self.present:
            member.will_read("broadcast", self.broadcasts, self.broadcasts)

    async def _hear(self, member: Member, data: int) -> None:
        assert await self.heard.get() == (member.address, data)
        member.will_read("heard", data, self.broadcasts)

    async def _send(self, member: Member, *frames: bytes) -> None:
        await member.peer.write(b"".join(frames))

    @rule(member=members, count=st.integers(1, 3))
    def say(self, member: Member, count: int) -> None:
        """Whole messages, and the rest of one that was begun."""
        frames, data = [], []
        if member.begun is not None:
            frames.append(frame(CONTINUATION, event("say", member.begun)[1:]))
            data.append(member.begun)
            member.begun = None
        for _ in range(count):
            self.said += 1
            frames.append(frame(TEXT, event("say", self.said)))
            data.append(self.said)

        async def step() -> None:
            await self._send(member, *frames)
            for one in data:
                await self._hear(member, one)

        self.run(step())

    @rule(member=members, more=st.integers(0, 2))
    def begin(self, member: Member, more: int) -> None:
        """Fragments of a message whose end is not sent, with pings and empty fragments between."""
        if member.begun is None:
            self.said += 1
            member.begun = self.said
            first = frame(TEXT, event("say", member.begun)[:1], fin=False)
            between = [frame(PING, b"between"), frame(CONTINUATION, fin=False)] * more
            self.run(self._send(member, first, *between))

    @rule(member=members)
    def read(self, member: Member) -> None:
        """Everything comes, in the order in which it was sent, and nothing else."""
        self.run(self._read(member))

    async def _read(self, member: Member) -> None:
        """Also what is not there yet: a pong that is asked for comes after all of it."""
        await self._send(member, frame(PING, b"all"))
        member.has_read(await self._messages_until(member, (PONG, b"all")))

    async def _messages_until(self, member: Member, end: tuple[int, bytes]) -> list[bytes]:
        messages: list[bytes] = []
        while (received := await member.peer.receive()) != end:
            opcode, payload = received
            assert opcode == TEXT or (opcode, payload) in ((PONG, b"between"), (PONG, b"")), received
            if opcode == TEXT:
                messages.append(payload)
        return messages

    # Going; who has gone can come back from where it had got to.

    async def _leaves(self, member: Member) -> None:
        assert await self.gone.get() == member.address
        self.present.remove(member)

    async def _hears_goodbye(self, member: Member, goodbye: bytes) -> None:
        """What was sent before comes before it, and the line is shut behind it."""
        member.has_read(await self._messages_until(member, (CLOSE, goodbye)))
        with suppress(ConnectionError):
            await self._send(member, frame(CLOSE, goodbye[:2]))
        assert await member.peer.hung_up() == b""
        member.peer.vanish()

    def _on_server(self, member: Member) -> WebSocketClient:
        (client,) = (client for client in self.server.clients if client.address == member.address)
        return client

    # One rule for all ends, so that there is more talking than leaving.
    @rule(target=positions, member=consumes(members), end=st.sampled_from([*ENDS, *FAULTS]))
    def leave(self, member: Member, end: str) -> int:
        ways = {
            "close": self._close,
            "close by the server": self._close_by_the_server,
            "close by both": self._close_by_both,
            "vanish": self._vanish,
            "reset": self._reset,
            "half a goodbye": self._say_no_more,
        }
        self.run(ways[end](member) if end in ways else self._misbehave(member, *FAULTS[end]))
        return member.seen

    async def _close(self, member: Member) -> None:
        await self._send(member, frame(CLOSE, b"\x03\xe8bye"))
        await self._leaves(member)
        await self._hears_goodbye(member, b"\x03\xe8bye")

    async def _close_by_the_server(self, member: Member) -> None:
        self._on_server(member).close(4000, "enough")
        await self._leaves(member)
        await self._hears_goodbye(member, b"\x0f\xa0enough")

    async def _close_by_both(self, member: Member) -> None:
        """Each has said goodbye before it hears the other's."""
        member.peer.writer.write(frame(CLOSE, b"\x03\xe8"))
        await self._close_by_the_server(member)

    async def _vanish(self, member: Member) -> None:
        member.peer.vanish()
        await self._leaves(member)

    async def _reset(self, member: Member) -> None:
        member.peer.vanish(reset=True)
        await self._leaves(member)

    async def _say_no_more(self, member: Member) -> None:
        """TCP's own half of a goodbye: what was sent before still comes."""
        member.peer.writer.write_eof()
        await self._leaves(member)
        messages: list[bytes] = []
        with suppress(asyncio.IncompleteReadError):
            while True:
                opcode, payload = await member.peer.receive()
                if opcode == TEXT:
                    messages.append(payload)
        member.has_read(messages)
        member.peer.vanish()

    async def _misbehave(self, member: Member, data: bytes, code: int) -> None:
        await self._send(member, data)
        await self._leaves(member)
        messages: list[bytes] = []
        while (received := await member.peer.receive())[0] != CLOSE:
            if received[0] == TEXT:
                messages.append(received[1])
        member.has_read(messages)
        assert received[1][:2] == code.to_bytes(2, "big")
        assert await member.peer.hung_up() == b""
        member.peer.vanish()

    # What always holds.

    @invariant()
    def the_server_knows_who_is_there(self) -> None:
        there = sorted(client.address for client in self.server.clients)
        assert there == sorted(member.address for member in self.present)
        assert self.server.stats().clients == len(self.present)

    @invariant()
    def nothing_was_told_twice(self) -> None:
        assert self.come.empty()
        assert self.gone.empty()
        assert self.heard.empty()

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            for peer in self.entrance.peers:
                peer.vanish()
            self.run(self.server.close())
            self.runner.close()

    async def _end(self) -> None:
        for member in tuple(self.present):
            await self._read(member)
            member.peer.vanish()
            await self._leaves(member)
        self.the_server_knows_who_is_there()
        # A server that goes on keeps nothing of those who were there.
        await self.entrance.until(self._all_forgotten)
        assert len(self.server._connections._sockets) == 0

    def _all_forgotten(self) -> bool:
        if any(ref() is not None for ref in self.objects):
            gc.collect()
        return all(ref() is None for ref in self.objects)


class OnAsyncio(ConnectionLife):
    loop_factory = staticmethod(asyncio.new_event_loop)


class OnUvloop(ConnectionLife):
    loop_factory = staticmethod(uvloop.new_event_loop)


@pytest.mark.parametrize("life", [pytest.param(OnAsyncio, id="asyncio"), pytest.param(OnUvloop, id="uvloop")])
def test_clients_come_and_go_in_every_order(life: type[ConnectionLife]) -> None:
    run_state_machine_as_test(
        life,
        settings=settings(
            derandomize=True,
            # A step that is never done takes all its time again in every attempt at a shorter example.
            phases=[Phase.generate],
            database=None,
            deadline=None,
            max_examples=30,
            stateful_step_count=50,
            suppress_health_check=list(HealthCheck),
        ),
    )
