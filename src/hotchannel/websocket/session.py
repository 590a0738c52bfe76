"""The WebSocket on a connection: frames in, messages out, without a transport.

Role: wraps websockets' sans-IO `Protocol`, which checks framing, answers pings and close frames and
bounds sizes (RFC 6455), and adds what that leaves to its user: putting fragments together (section 5.4)
and UTF-8 (section 8.1), checked fragment by fragment, so that bad text fails before its end has come. A
module of its own, since importing websockets takes longer than all of ours and can wait for the first
client.
"""

from __future__ import annotations

import codecs
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import SERVER, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Session"]

# The library tells of every connection's end at INFO; so does `connection`, and with the address.
_log = logging.getLogger("hotchannel.frames")
_log.setLevel(logging.WARNING)

_SLICE = 16 * 1024
"""Bytes parsed before what they said is heard: a flood of tiny frames is not parsed to its end first."""

_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Session:
    """A server's side of an open WebSocket.

    Args:
        max_size: bytes of a message, whole or in fragments; a larger one fails it with 1009.
    """

    __slots__ = ("_binary", "_decoder", "_held", "_owed", "_protocol", "_text")

    def __init__(self, max_size: int) -> None:
        self._protocol = _Protocol(SERVER, max_size=max_size, logger=_log)
        self._binary: bytearray | None = None
        self._text: list[str] | None = None
        self._decoder = _utf8_decoder()
        self._owed: list[bytes] = []
        self._held: deque[bytes] = deque()

    def receive(self, data: bytes) -> Iterator[str | bytes | None]:
        """Take bytes from the peer; one item a frame. Never raises.

        A message that the frame completes, text as str; None where it completes none (a ping, a
        pong, a fragment), which counts all the same for those who limit the rate. What is owed for a
        frame can be sent once its item has come: a pong before the answer to the message behind it.
        """
        for start in range(0, len(data), _SLICE):
            self._protocol.receive_data(data[start : start + _SLICE] if len(data) > _SLICE else data)
            self._held.extend(self._protocol.data_to_send())
            for event in self._protocol.events_received():
                if not isinstance(event, Frame) or event.opcode is Opcode.CLOSE:
                    continue
                if event.opcode is Opcode.PING:
                    self._owed.append(self._held.popleft())
                try:
                    message = self._take(event)
                except UnicodeDecodeError:
                    self._owed.extend(self._held)
                    self._held.clear()
                    self._protocol.fail(CloseCode.INVALID_DATA, "not UTF-8")
                    return
                yield message
            self._owed.extend(self._held)
            self._held.clear()

    def receive_eof(self) -> None:
        """The peer says no more."""
        self._protocol.receive_eof()

    def send_ping(self) -> None:
        """Ask for a sign of life."""
        self._protocol.send_ping(b"")

    def send_close(self, code: int, reason: str = "") -> None:
        """Begin to close; only while open."""
        self._protocol.send_close(code, reason)

    def data_to_send(self) -> list[bytes]:
        """What the peer is owed since the last call; empty bytes mean the end of our side."""
        owed, self._owed = self._owed, []
        return owed if self._held else owed + self._protocol.data_to_send()

    def _take(self, frame: Frame) -> str | bytes | None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                return bytes(frame.data).decode()
            case Opcode.BINARY if frame.fin:
                return bytes(frame.data)
            case Opcode.TEXT:
                self._decoder.reset()
                self._text = [self._decoder.decode(frame.data)]
            case Opcode.BINARY:
                self._binary = bytearray(frame.data)
            case Opcode.CONT if self._text is not None:
                self._text.append(self._decoder.decode(frame.data, frame.fin))
                if frame.fin:
                    text, self._text = "".join(self._text), None
                    return text
            case Opcode.CONT if self._binary is not None:
                self._binary += frame.data
                if frame.fin:
                    binary, self._binary = bytes(self._binary), None
                    return binary
            case _:
                pass
        return None


class _Protocol(Protocol):
    """The library's, which lets a close frame come between the fragments of a message too.

    RFC 6455 section 5.4 allows control frames there, and section 5.5.1 makes no exception for a close;
    the library fails it with 1002 (case 7.1.5 of the Autobahn suite).
    """

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            # Ends the unfinished message, and takes that end back again before anybody hears of it.
            with suppress(ProtocolError):
                super().recv_frame(Frame(Opcode.CONT, b""))
                self.events.pop()
        super().recv_frame(frame)
