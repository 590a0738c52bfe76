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
from contextlib import suppress
from io import StringIO
from typing import TYPE_CHECKING

from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotchannel.websocket.compression import Deflate

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
        max_size: bytes of a message, whole or in fragments, inflated; a larger one fails it with 1009.
        deflate: how the peer may compress; None for not at all.
    """

    __slots__ = ("_protocol",)

    def __init__(self, max_size: int, deflate: Deflate | None = None) -> None:
        self._protocol = _Protocol(max_size)
        if deflate is not None:
            self._protocol.extensions = [_Inflate(deflate)]

    def receive(self, data: bytes) -> Iterator[str | bytes | None]:
        """Take bytes from the peer; one item a frame. Never raises.

        A message that the frame completes, text as str; None where it completes none (a ping, a
        pong, a fragment), which counts all the same for those who limit the rate.
        """
        for start in range(0, len(data), _SLICE):
            self._protocol.receive_data(data[start : start + _SLICE] if len(data) > _SLICE else data)
            heard, self._protocol.heard = self._protocol.heard, []
            yield from heard

    def receive_eof(self) -> None:
        """The peer says no more."""
        self._protocol.receive_eof()

    def send_ping(self) -> None:
        """Ask for a sign of life."""
        self._protocol.send_ping(b"")

    def send_close(self, code: int, reason: str = "") -> None:
        """Begin to close; nothing where the peer has begun, or has failed the connection."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)

    def pongs_to_send(self) -> list[bytes]:
        """Answers to pings since the last call; they do not wait for what is said to a message."""
        pongs, self._protocol.pongs = self._protocol.pongs, []
        return pongs

    def data_to_send(self) -> list[bytes]:
        """What the peer is owed since the last call; empty bytes mean the end of our side."""
        return self.pongs_to_send() + self._protocol.data_to_send()


class _Protocol(Protocol):
    """The library's, with messages instead of frames, and three things done at the frame that asks for them.

    Bad text fails before anything that follows it is looked at, a close among it. Pongs are kept apart,
    so that they can go out before the answer to a message that ended after the ping (cases 5.6 and 5.19
    of the Autobahn suite). A close frame may come between the fragments of a message: RFC 6455 section
    5.4 allows control frames there and section 5.5.1 makes no exception; the library fails it (7.1.5).

    Attributes:
        heard: an item for each frame, see `Session.receive`.
        pongs: frames to send.
    """

    def __init__(self, max_size: int) -> None:
        super().__init__(SERVER, max_size=max_size, logger=_log)
        self.heard: list[str | bytes | None] = []
        self.pongs: list[bytes] = []
        self._binary: bytearray | None = None
        self._text: StringIO | None = None
        self._decoder: codecs.IncrementalDecoder | None = None

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            # Ends the unfinished message, of which nobody hears.
            with suppress(ProtocolError):
                super().recv_frame(Frame(Opcode.CONT, b""))
        super().recv_frame(frame)
        self.events.clear()
        if frame.opcode is not Opcode.CLOSE:
            # What this raises, the library's parser answers with 1007.
            self.heard.append(self._take(frame))

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self.pongs.append(frame.serialize(mask=False))
        else:
            super().send_frame(frame)

    def _take(self, frame: Frame) -> str | bytes | None:
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                return bytes(frame.data).decode()
            case Opcode.BINARY if frame.fin:
                return bytes(frame.data)
            case Opcode.TEXT:
                self._decoder = _utf8_decoder()
                self._text = StringIO()
                self._text.write(self._decoder.decode(frame.data))
            case Opcode.CONT if self._text is not None and self._decoder is not None:
                self._text.write(self._decoder.decode(frame.data, frame.fin))
                if frame.fin:
                    text = self._text.getvalue()
                    self._text = self._decoder = None
                    return text
            case Opcode.BINARY:
                self._binary = bytearray(frame.data)
            case Opcode.CONT if self._binary is not None:
                self._binary += frame.data
                if frame.fin:
                    binary, self._binary = bytes(self._binary), None
                    return binary
            case _:
                pass
        return None


class _Inflate(PerMessageDeflate):
    """The library's, for what the peer sends, with a bound where a stream ends before its message does.

    What follows the end of a stream inflates to nothing, so that no size is ever exceeded, while zlib keeps
    all of it.
    """

    def __init__(self, deflate: Deflate) -> None:
        super().__init__(
            remote_no_context_takeover=True,
            local_no_context_takeover=True,
            remote_max_window_bits=deflate.peer_window_bits,
            local_max_window_bits=deflate.window_bits,
        )

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        inflated = super().decode(frame, max_size=max_size)
        if self.decode_cont_data and self.decoder.unused_data:
            raise ProtocolError("compressed data goes on after its end")
        return inflated
