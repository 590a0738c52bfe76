"""Clients of a soak test: raw protocols that know what the server owes them.

Role: what all clients have in common, and those that keep the rules. A guest checks that it gets every
broadcast, in order, without a gap; it may leave politely, or be killed and come back to where it was. What
goes wrong is told to the crowd (`soak_clients.py`), which counts and goes on. Those that break a rule are
in `intruders.py`.

Nobody masks with anything but zeros, which is a mask like any other and saves the work.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

if TYPE_CHECKING:
    from random import Random

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "Crowd", "Guest", "Visitor", "frame"]

TICK = b'{"type":"custom","event":"soak:tick","data":{"number":'

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FIN = 0x80

NORMAL = 1000

PATIENCE = 30.0
"""Seconds that the server has to answer a close."""


class Crowd(Protocol):
    """What visitors need of those who sent them."""

    port: int
    token: str
    random: Random

    def count(self, what: str) -> None:
        """Something happened that was to happen."""

    def complain(self, problem: str) -> None:
        """Something happened that must not, or the other way round."""

    def answered(self) -> None:
        """The server has answered a handshake, or hung up instead."""

    def gone(self, visitor: Visitor) -> None:
        """A visit is over."""


def frame(payload: bytes, opcode: int = TEXT, *, first: int | None = None) -> bytes:
    """A masked frame; `first` replaces its first byte."""
    head = bytes((FIN | opcode if first is None else first,))
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return head + length + bytes(4) + payload


def event(name: str, data: object) -> bytes:
    """A custom event as a frame."""
    return frame(json.dumps({"type": "custom", "event": name, "data": data}).encode())


class Visitor(asyncio.Protocol):
    """One connection: reads heads and frames, and answers pings.

    Attributes:
        narrow: whether the kernel is to keep as little on its way as it can.
        query: beside the token.
    """

    narrow: ClassVar[bool] = False
    query = ""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.timer: asyncio.TimerHandle | None = None
        self.status = ""
        self._unread = b""
        self._given_up = False

    transport: asyncio.Transport

    def give_up(self) -> None:
        """The test is over: go, whether or not the server has done what it owes."""
        self._given_up = True
        self.crowd.count("given up at an end")
        self.transport.abort()

    def after(self, seconds: float, do: Any) -> None:
        """Do something later, unless it is over by then; replaces what was planned."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(seconds, do)

    # What subclasses replace.

    def begin(self) -> None:
        """The line is there."""
        self.transport.write(self.head())

    def entered(self) -> None:
        """The server has said where in its broadcasts the visit begins."""

    def ticked(self, number: int) -> None:
        """A broadcast has come."""

    def told(self, name: str, data: dict[str, Any]) -> None:
        """Another message has come."""

    def closed(self, code: int) -> None:
        """The server closes the connection."""
        self.transport.close()

    def over(self) -> None:
        """The line is gone, and not given up."""

    # The wire.

    def head(self) -> bytes:
        """A browser's request."""
        return (
            f"GET /?token={self.crowd.token}{self.query} HTTP/1.1\r\nHost: localhost:{self.crowd.port}\r\n"
            "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nOrigin: http://localhost\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: vite-hmr\r\n\r\n"
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.begin()

    def data_received(self, data: bytes) -> None:
        data = self._unread + data
        start = 0
        if not self.status:
            start = data.find(b"\r\n\r\n") + 4
            if start < 4:
                self._unread = data
                return
            self.status = data[9:12].decode()
            self.crowd.answered()
        if self.status != "101":
            return
        while (size := len(data) - start) >= 2:
            length, body = data[start + 1], start + 2
            if length == 126:
                length, body = int.from_bytes(data[body : body + 2], "big"), body + 2
            if size < body - start + length:
                break
            self._heard(data[start] & 0x0F, data[body : body + length])
            start = body + length
        self._unread = data[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not self.status:
            self.crowd.answered()
        if not self._given_up:
            self.over()
        self.crowd.gone(self)

    def _heard(self, opcode: int, payload: bytes) -> None:
        if payload.startswith(TICK):
            self.crowd.count("broadcasts received")
            self.ticked(int(payload[len(TICK) : payload.index(b",", len(TICK))]))
        elif opcode == TEXT:
            message = json.loads(payload)
            if message["type"] == "custom":
                self.told(message["event"], message["data"])
            elif message["type"] != "connected":
                self.crowd.complain(f"a {message['type']} that nobody sent")
        elif opcode == PING:
            self.pinged(payload)
        elif opcode == CLOSE:
            self.closed(int.from_bytes(payload[:2], "big"))

    def pinged(self, payload: bytes) -> None:
        """Answer a ping."""
        self.transport.write(frame(payload, PONG))


class Guest(Visitor):
    """Keeps the rules and gets every broadcast.

    Attributes:
        position: where another can go on from, once it was killed.

    Args:
        crowd: sent it.
        end: `close`, `kill` or `hang up`.
        resume: the position of one that was killed, to go on from.
    """

    def __init__(self, crowd: Crowd, end: str, resume: str | None = None) -> None:
        super().__init__(crowd)
        self.position: str | None = None
        self._end = end
        self._last: int | None = None
        self._epoch = ""
        self._said = self._answered = 0
        self._entered = self._leaving = self._dismissed = self._ending = False
        if resume is not None:
            self.query = f"&resume={resume}"
            self._epoch, _, last = resume.partition(":")
            self._last = int(last)

    def leave(self) -> None:
        """Go politely: hear what is owed, close, and wait for the answer."""
        if not self._entered:
            self.give_up()
        elif not (self._leaving or self._ending):
            self._leaving = True
            self.transport.write(event("soak:bye", None))

    def say(self) -> None:
        """Say something, which will be answered with the number of the last broadcast."""
        if self._entered and not self._leaving and not self._ending:
            self._said += 1
            self.transport.write(event("soak:say", self._said))

    def entered(self) -> None:
        self.after(self.crowd.random.uniform(1, 30), self._go)

    def ticked(self, number: int) -> None:
        if self._last is None:
            self._out_of_order("a broadcast before the greeting")
        elif number != self._last + 1:
            self._out_of_order(f"broadcast {number} after {self._last}")
        self._last = number

    def told(self, name: str, data: dict[str, Any]) -> None:
        if name == "soak:joined":
            self._epoch, _, number = data["position"].partition(":")
            self._check(int(number))
            self._entered = True
            self.entered()
            return
        self._check(data["number"])
        if name == "soak:dismissed":
            self._dismissed = True
        else:
            self._answered += 1
            if data["turn"] != self._answered:
                self._out_of_order(f"answer {data['turn']} instead of {self._answered}")
                self._answered = data["turn"]
            self.crowd.count("answers received")
        # An answer may come after the leave to go: it was made in a task of its own.
        if self._dismissed and self._answered == self._said:
            self._close()

    def closed(self, code: int) -> None:
        if not self._ending or code != NORMAL:
            self.crowd.complain(f"a guest was closed with {code}")
        self.crowd.count("closed politely")
        self.transport.close()

    def over(self) -> None:
        if not self._ending:
            self.crowd.complain("a guest was cut off")

    def _check(self, number: int) -> None:
        if self._last is None:
            self._last = number
        if number != self._last:
            self._out_of_order(f"broadcast {number} is missing, the last was {self._last}")

    def _out_of_order(self, problem: str) -> None:
        self.crowd.count("order violations")
        self.crowd.complain(problem)

    def _go(self) -> None:
        if self._leaving:
            return
        if self._end == "close":
            self.leave()
        elif self._end == "hang up":
            self._ending = True
            self.crowd.count("hung up without closing")
            self.transport.close()
        elif self._end == "kill":
            self._ending = True
            self.position = f"{self._epoch}:{self._last}"
            self.crowd.count("killed")
            self.transport.abort()

    def _close(self) -> None:
        self._ending = True
        self.transport.write(frame(NORMAL.to_bytes(2, "big"), CLOSE))
        self.after(PATIENCE, lambda: self.crowd.complain("a close was not answered"))
