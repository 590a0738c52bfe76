"""The WebSocket on a connection: frames in, messages out, without a transport.

Role: wraps websockets' sans-IO `Protocol`, which checks framing, answers pings and close frames and
bounds sizes (RFC 6455; 246 of 247 Autobahn cases), and adds what that leaves to its user: putting
fragments together (section 5.4) and UTF-8 (section 8.1). A module of its own, since importing
websockets takes longer than all of ours and can wait for the first client.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import SERVER, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Session"]

# The library tells of every connection's end at INFO; so does `connection`, and with the address.
_log = logging.getLogger("hotchannel.frames")
_log.setLevel(logging.WARNING)


class Session:
    """A server's side of an open WebSocket.

    Args:
        max_size: bytes of a message, whole or in fragments; a larger one fails it with 1009.
    """

    __slots__ = ("_fragments", "_fragments_are_text", "_protocol")

    def __init__(self, max_size: int) -> None:
        self._protocol = Protocol(SERVER, max_size=max_size, logger=_log)
        self._fragments: bytearray | None = None
        self._fragments_are_text = False

    def receive(self, data: bytes) -> Iterator[str | bytes]:
        """Take bytes from the peer; the messages they complete, text as str. Never raises."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            match event:
                case Frame(opcode=Opcode.TEXT | Opcode.BINARY, fin=False):
                    self._fragments = bytearray(event.data)
                    self._fragments_are_text = event.opcode is Opcode.TEXT
                    continue
                case Frame(opcode=Opcode.TEXT | Opcode.BINARY):
                    whole, is_text = bytes(event.data), event.opcode is Opcode.TEXT
                case Frame(opcode=Opcode.CONT) if self._fragments is not None:
                    self._fragments += event.data
                    if not event.fin:
                        continue
                    whole, is_text = bytes(self._fragments), self._fragments_are_text
                    self._fragments = None
                case _:
                    continue
            if not is_text:
                yield whole
                continue
            try:
                message = whole.decode()
            except UnicodeDecodeError:
                self._protocol.fail(CloseCode.INVALID_DATA, "not UTF-8")
                return
            yield message

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
        return self._protocol.data_to_send()
