"""Clients of a soak test that break a rule, each in its own way.

Role: they check that the server ends their connection, in time and with the right words: with the close
code of RFC 6455 section 7.4.1 or the HTTP status that belongs to what they did, or by simply hanging up on
those who would not hear it.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar

from peers.visitors import CLOSE, PING, PONG, TEXT, Visitor, frame

__all__ = ["Doomed", "Flooder", "HalfOpen", "Silent", "Slow", "Stranger", "Violator"]

POLICY_VIOLATION = 1008

PATIENCE = 60.0
"""Seconds that the server has to end a connection that it must end."""

FLOOD, FLOOD_PAUSE = 2500, 0.3
"""Messages at once, more than the server takes, and seconds until the next as many."""

TCP_CLOSE = 7
"""The state of a socket whose peer has reset the line (`tcp_states.h` of Linux)."""


class Doomed(Visitor):
    """Whom the server must send away."""

    name: ClassVar[str]

    def begin(self) -> None:
        self.after(PATIENCE, self._overdue)
        super().begin()

    def told(self, name: str, data: dict[str, Any]) -> None:
        if name == "soak:joined":
            self.entered()

    def _overdue(self) -> None:
        self.crowd.complain(f"{self.name}: still there after {PATIENCE:.0f} s")
        self.give_up()


class Flooder(Doomed):
    """Sends more than the server takes."""

    name = "flood"
    _code = 0

    def entered(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame(b'{"type":"ping"}') * FLOOD)
            asyncio.get_running_loop().call_later(FLOOD_PAUSE, self.entered)

    def closed(self, code: int) -> None:
        self._code = code
        super().closed(code)

    def over(self) -> None:
        if self._code == POLICY_VIOLATION:
            self.crowd.count("floods closed with 1008")
        else:
            self.crowd.complain(f"a flood ended with {self._code or 'nothing'}")


class Slow(Doomed):
    """Does not read, so that what it is sent waits at the server."""

    name = "slow reader"
    narrow = True

    def entered(self) -> None:
        self._deadline = asyncio.get_running_loop().time() + PATIENCE
        self.transport.pause_reading()
        self._look()

    def _look(self) -> None:
        # It lives, so that it is not taken for gone; and writing is how it learns that it was dropped.
        self.transport.write(frame(b"", PONG))
        state = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        if state[0] == TCP_CLOSE:
            self.crowd.count("slow readers dropped")
            self.transport.abort()
        elif asyncio.get_running_loop().time() > self._deadline:
            self._overdue()
        else:
            self.after(1.0, self._look)


class Silent(Doomed):
    """Reads, and answers no ping."""

    name = "silent client"

    def pinged(self, payload: bytes) -> None:
        """Say nothing."""

    def over(self) -> None:
        self.crowd.count("silent clients dropped")


class HalfOpen(Doomed):
    """Never finishes its handshake."""

    name = "half-open handshake"

    def head(self) -> bytes:
        whole = super().head()
        return whole[: self.crowd.random.randrange(1, len(whole))]

    def over(self) -> None:
        self.crowd.count("half-open handshakes ended")


class Violator(Doomed):
    """Breaks RFC 6455 in one of many ways, or leaves in the middle of a message."""

    name = "protocol violation"

    _VIOLATIONS = (
        (1002, b"\x81\x02hi"),  # no mask
        (1002, frame(b"", 3)),
        (1002, frame(b"x", first=0xC1)),  # compressed, which nobody agreed on
        (1002, frame(b"x", 0)),  # continues nothing
        (1002, frame(b"x", first=TEXT) + frame(b"y")),
        (1002, frame(b"x", first=PING)),  # a ping in fragments
        (1002, frame(bytes(126), PING)),
        (1002, frame(b"\0\0", CLOSE)),
        (1002, frame(b"\3", CLOSE)),
        (1007, frame(b"\xff")),
        (1007, frame(b"\xed", first=TEXT) + frame(b"\xa0\x80", 0)),
        (1009, b"\x82\xff" + (1 << 53).to_bytes(8, "big") + bytes(4)),
        (None, frame(b"x" * 50_000, first=TEXT)),
        (None, frame(b"x" * 50_000)[:30_000]),
        (None, frame(b"x" * 50_000, first=2) + frame(b"y", 0, first=0)),
    )
    _code = 0
    _expected: int | None = 0

    def entered(self) -> None:
        self._expected, junk = self.crowd.random.choice(self._VIOLATIONS)
        self.transport.write(junk)
        if self._expected is None:
            self.after(1.0, self._vanish)

    def closed(self, code: int) -> None:
        self._code = code
        super().closed(code)

    def over(self) -> None:
        if self._code == (self._expected or 0):
            self.crowd.count("protocol violations answered" if self._code else "gone amid a message")
        else:
            self.crowd.complain(f"a violation ended with {self._code} instead of {self._expected}")

    def _vanish(self) -> None:
        self.transport.abort()


class Stranger(Doomed):
    """Is refused."""

    name = "refusal"

    def head(self) -> bytes:
        whole = super().head()
        self._expected, request = self.crowd.random.choice(
            (
                ("400", whole.replace(b"token=", b"token=x")),
                ("400", whole.replace(b"Host: localhost", b"Host: elsewhere.example")),
                ("400", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
                ("404", whole.replace(b"GET /", b"GET /elsewhere")),
                ("426", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                ("431", whole[:-2] + b"X: " + b"x" * 20_000),
            )
        )
        return request

    def over(self) -> None:
        if self.status == self._expected:
            self.crowd.count("handshakes refused")
        else:
            self.crowd.complain(f"a refusal was {self.status or 'nothing'} instead of {self._expected}")
