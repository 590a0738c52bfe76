"""One peer, from its first byte to its last.

Role: bytes in, bytes out. Reads the request head, has it judged, answers, and from then on carries
bytes between the transport and a `Session`. What concerns the transport is here: a bounded outbox,
liveness, time limits and every way to an end.

A connection ends in one direction: HEAD -> OPEN -> ENDING -> ENDED. In ENDING nothing more is said
than what is owed; the write side is shut first and the transport aborted by a timer, since closing it
at once could destroy the last words on their way (RFC 9112 section 9.6, RFC 6455 section 7.1.1).
"""

from __future__ import annotations

import asyncio
import logging
import os
from enum import Enum, auto
from typing import TYPE_CHECKING, cast

from hotchannel.websocket.handshake import PING, Accept, HandshakeRequest, Pass, Reason, Reject
from hotchannel.websocket.head import parse_head, refusal, switching_protocols, wrong_start
from hotchannel.websocket.limits import message_bucket
from hotchannel.websocket.transports import NO_DESCRIPTOR, descriptor_of, send_at_once, shown_address

if TYPE_CHECKING:
    from hotchannel.websocket.compression import Deflate
    from hotchannel.websocket.frames import Outgoing
    from hotchannel.websocket.limits import TokenBucket
    from hotchannel.websocket.roles import Owner
    from hotchannel.websocket.session import Session

__all__ = ["Connection"]

_log = logging.getLogger("hotchannel.server")

_NORMAL_CLOSURE = 1000
_POLICY_VIOLATION = 1008

_LINGER = 1.0
"""Seconds a peer has to hear our last words and hang up."""


_CONGESTED = 64 * 1024
"""Bytes that may wait in a transport before anybody asks how many they are."""


class _Phase(Enum):
    HEAD = auto()
    OPEN = auto()
    ENDING = auto()
    ENDED = auto()


# Looking up a member of an enum takes longer than what is done with it (measured on Python 3.11).
_HEAD, _OPEN, _ENDING, _ENDED = _Phase


class Connection(asyncio.Protocol):
    """A transport and the WebSocket on it.

    Args:
        owner: the server.
        exclusive: no host application stands behind, so nothing is passed on.
    """

    # A broadcast visits thousands of these: one stretch of memory each, not two (measured).
    __slots__ = (
        "__weakref__",
        "_bucket",
        "_congested",
        "_corked",
        "_deflate",
        "_direct",
        "_exclusive",
        "_head",
        "_joined",
        "_listening",
        "_options",
        "_owner",
        "_peer",
        "_phase",
        "_quiet",
        "_session",
        "_tally",
        "_timer",
        "_transport",
    )

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, *, exclusive: bool) -> None:
        self._owner = owner
        self._exclusive = exclusive
        self._options = owner.options
        self._tally = owner.tally
        self._phase = _HEAD
        self._session: Session | None = None
        self._joined = False
        self._head = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = False
        self._congested = False
        self._bucket: TokenBucket | None = None
        self._corked = b""
        self._deflate: Deflate | None = None
        self._listening = False
        # What a message can be written to: only while it is open and nothing waits in the transport.
        self._direct = NO_DESCRIPTOR
        self._peer: object = None

    # What the server sees.

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""
        return self._phase is _OPEN

    @property
    def ended(self) -> bool:
        """Whether the transport is gone."""
        return self._phase is _ENDED

    @property
    def address(self) -> str:
        """The peer's address and port, for the log."""
        return shown_address(self._peer)

    @property
    def host(self) -> str:
        """The peer's IP address; empty on a socket that has none."""
        return str(self._peer[0]) if isinstance(self._peer, tuple) else ""

    @property
    def waiting(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._transport.get_write_buffer_size() + len(self._corked)

    def deliver(self, message: Outgoing) -> None:
        """Send one message of the channel; a peer that does not read is cut off rather than waited for."""
        deflate = self._deflate
        frame = message.frame if deflate is None else message.compressed(deflate.window_bits)
        if (descriptor := self._direct) != NO_DESCRIPTOR:
            tally = self._tally
            tally.messages_out += 1
            tally.bytes_out += (size := len(frame))
            try:
                sent = os.write(descriptor, frame)
            except OSError:
                # No room, or a dead line: the transport finds that out again, and knows what to do.
                sent = 0
            if sent != size:
                self._transport.write(frame[sent:])
        elif self._phase is _OPEN:
            self._tally.messages_out += 1
            self._put(frame)

    def close(self, code: int, reason: str = "", *, linger: float = _LINGER) -> None:
        """Begin to close: a close frame, then `linger` seconds for the peer to answer it.

        Before the handshake is over, the peer is hung up on.
        """
        if self._phase is _OPEN:
            session = self._session or self._begin_session()
            session.send_close(code, reason)
            self._flush(session)
            self._leave(None)
            self._abort_after(linger)
        elif self._phase is _HEAD:
            self._phase = _ENDING
            self._transport.close()

    def abort(self) -> None:
        """Drop the transport with all that waits in it."""
        self._leave(None)
        self._transport.abort()

    def look(self) -> None:
        """Called at regular intervals: ping the peer, and drop one that was silent since the last ping."""
        if self._phase is not _OPEN:
            return
        if self._quiet:
            _log.warning("dropped %s: no answer to a ping", self.address)
            self._tally.dropped += 1
            self.abort()
            return
        self._quiet = True
        session = self._session or self._begin_session()
        session.send_ping()
        self._flush(session)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # Under TLS a transport that was reset no longer knows it.
        self._peer = transport.get_extra_info("peername")
        send_at_once(transport.get_extra_info("socket"))
        self._timer = asyncio.get_running_loop().call_later(
            self._options.handshake_timeout, self._handshake_timed_out
        )
        self._owner.connected(self)

    def data_received(self, data: bytes) -> None:
        if self._phase is _HEAD:
            self._receive_head(data)
        elif self._listening:
            self._receive(self._session or self._begin_session(), data)

    def eof_received(self) -> bool:
        if self._listening:
            session = self._session or self._begin_session()
            session.receive_eof()
            self._flush(session)
        return False

    def pause_writing(self) -> None:
        self._congested = True
        self._direct = NO_DESCRIPTOR

    def resume_writing(self) -> None:
        self._congested = False
        if self._phase is _OPEN and not self._corked:
            self._direct = descriptor_of(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._leave(exc)
        self._phase = _ENDED
        self._owner.disconnected(self)

    # The opening handshake.

    def passed_on(self, head: bytes, request: HandshakeRequest) -> None:
        """A request that is not ours: on a port of our own, plain HTTP is told what lives here."""
        self._refuse(request, Reject(426, Reason.PLAIN_HTTP, (("Upgrade", "websocket"),)))

    def _receive_head(self, data: bytes) -> None:
        limit = self._options.max_header_size
        searched = max(0, len(self._head) - 3)
        self._head += data
        if (reason := wrong_start(self._head[0])) is not None:
            self._refuse(None, Reject(400, reason))
            return
        end = self._head.find(b"\r\n\r\n", searched)
        if end > limit - 4 or (end < 0 and len(self._head) > limit):
            self._refuse(None, Reject(431, Reason.HEAD_SIZE))
            return
        if end < 0:
            return
        head, rest = bytes(self._head[:end]), bytes(self._head[end + 4 :])
        self._head.clear()
        request = parse_head(head)
        if request is None:
            self._refuse(None, Reject(400, Reason.HEAD))
            return
        match self._owner.judge(request, self.host, exclusive=self._exclusive):
            case Accept() as accept:
                self._accept(accept, request)
                if rest:
                    self.data_received(rest)
            case Reject() as reject:
                self._refuse(request, reject)
            case Pass():
                self._stop_timer()
                self.passed_on(head + b"\r\n\r\n" + rest, request)

    def _accept(self, accept: Accept, request: HandshakeRequest) -> None:
        self._stop_timer()
        self._tally.accepted += 1
        self._listening = True
        headers = [] if accept.subprotocol == PING else list(self._owner.response_headers(request))
        if (deflate := accept.deflate) is not None:
            self._deflate = deflate
            headers.append(("Sec-WebSocket-Extensions", deflate.answer))
        # With nothing waiting, a transport does no more than we can do past it (measured: a fifth of a
        # broadcast). With the first byte that waits it says so, and from then on gets everything.
        descriptor = descriptor_of(self._transport)
        high = min(_CONGESTED, self._options.max_outbox_size) if descriptor == NO_DESCRIPTOR else 0
        self._transport.set_write_buffer_limits(high)
        # The answer and what a newcomer is told at once are one system call.
        self._corked = switching_protocols(accept.key, accept.subprotocol, headers)
        self._phase = _OPEN
        if accept.subprotocol == PING:
            self.close(_NORMAL_CLOSURE)
        else:
            self._joined = True
            self._owner.opened(self, accept, request)
        self._uncork()
        # In a take-over the transport still reports to uvicorn's protocol while we greet.
        self._congested = self._transport.get_write_buffer_size() > high
        if self._phase is _OPEN and not self._congested:
            self._direct = descriptor

    def _begin_session(self) -> Session:
        """What reads frames, and makes those that are no messages: not before there is one."""
        from hotchannel.websocket.session import Session

        self._bucket = message_bucket(self._options, asyncio.get_running_loop().time())
        self._session = Session(self._options.max_message_size, self._deflate)
        return self._session

    def _refuse(self, request: HandshakeRequest | None, reject: Reject) -> None:
        self._head.clear()
        self._owner.refused(reject.reason, self.address, request)
        self._transport.write(refusal(reject.status, reject.headers))
        self._shut()

    def _handshake_timed_out(self) -> None:
        self._owner.refused(Reason.TIMEOUT, self.address, None)
        self._phase = _ENDING
        self._transport.close()

    # The open WebSocket.

    def _receive(self, session: Session, data: bytes) -> None:
        self._quiet = False
        self._tally.bytes_in += len(data)
        now = asyncio.get_running_loop().time()
        for message in session.receive(data):
            # A listener may have closed the connection: what comes after is not heard.
            if self._phase is not _OPEN:
                continue
            if self._bucket is not None and not self._bucket.take(now):
                self._drop_flooder()
                return
            self._put_all(session.pongs_to_send())
            if message is not None and self._phase is _OPEN:
                self._tally.messages_in += 1
                self._owner.received(self, message)
        self._flush(session)

    def _drop_flooder(self) -> None:
        _log.warning("dropped %s: too many messages (ws.max_messages_per_second)", self.address)
        self._tally.dropped += 1
        self.close(_POLICY_VIOLATION, "too many messages")
        # Not even its answer is worth the reading.
        self._listening = False
        self._shut()

    # Writing and ending.

    def _put(self, data: bytes) -> None:
        if self._corked:
            if len(self._corked) + len(data) <= _CONGESTED:
                self._tally.bytes_out += len(data)
                self._corked += data
                return
            self._uncork()
        if self._congested:
            waiting = self._transport.get_write_buffer_size() + len(data)
            if waiting > self._options.max_outbox_size:
                _log.warning("dropped %s: it does not read, %d bytes are waiting", self.address, waiting)
                self._tally.dropped += 1
                self.abort()
                return
        self._tally.bytes_out += len(data)
        self._transport.write(data)

    def _uncork(self) -> None:
        corked, self._corked = self._corked, b""
        if corked and not self._transport.is_closing():
            self._transport.write(corked)

    def _flush(self, session: Session) -> None:
        self._put_all(session.data_to_send())

    def _put_all(self, owed: list[bytes]) -> None:
        for data in owed:
            if not data:
                self._shut()
            elif not self._transport.is_closing():
                self._put(data)

    def _shut(self) -> None:
        """No more from us: the peer sees the end, has a while to hang up, and what it says is ignored."""
        self._leave(None)
        self._phase = _ENDING
        self._uncork()
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
        self._abort_after(_LINGER)

    def _leave(self, error: Exception | None) -> None:
        was_open, self._phase = self._phase is _OPEN, _ENDING
        self._direct = NO_DESCRIPTOR
        if was_open and self._joined:
            self._owner.closed(self, error)

    def _abort_after(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
