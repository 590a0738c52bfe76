"""The hot channel: clients, listeners, and what is sent to whom.

Role: everything about messages that does not depend on how they travel. It encodes and frames a
payload once per variant (stock, numbered), keeps what newcomers must learn, and routes what clients
say to listeners. Follows protocol.md section 4; the surface is Vite's `NormalizedHotChannel`.

Invariant: every broadcast has a number in the journal before any client gets it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from time import perf_counter
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from hotchannel.channel.journal import Journal, parse_position
from hotchannel.channel.listeners import Listeners
from hotchannel.channel.printable import printable
from hotchannel.errors import HotChannelError
from hotchannel.wire.codec import Malformed, decode, encode, number
from hotchannel.wire.payloads import (
    Connected,
    Custom,
    ErrorDetail,
    ErrorPayload,
    FullReload,
    HotPayload,
    Ping,
    Prune,
    Update,
)

__all__ = ["LIFECYCLE_EVENTS", "RESERVED_EVENTS", "ChannelClient", "HotChannel", "Listener", "as_payload"]

LIFECYCLE_EVENTS = frozenset({"connection", "error", "headers", "listening", "message"})
"""Events that a server raises about itself."""

RESERVED_EVENTS = LIFECYCLE_EVENTS | {"vite:client:connect", "vite:client:disconnect"}
"""Events that no client may send."""

Json: TypeAlias = Any

_log = logging.getLogger("hotchannel.server")


M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class ChannelClient(Protocol[M_contra]):
    """What the channel needs of a client that takes messages prepared as `M_contra`."""

    @property
    def resuming(self) -> bool:
        """Whether it asked to resume, and so sees `seq` in every message."""

    def write(self, message: M_contra) -> None:
        """Send a prepared message. Never raises; a client that is gone takes it and does nothing."""

    def send(self, message: HotPayload | str, data: Json | UnsetType = UNSET) -> None:
        """Send a payload, or an event with its data, to this client only."""


C = TypeVar("C", bound=ChannelClient[Any])

Listener: TypeAlias = Callable[[Json, C], object]
"""Called with an event's data (None where it has none) and the client. May be async."""


def as_payload(message: object, data: Json | UnsetType = UNSET) -> HotPayload:
    """The payload of `send(payload)` or of `send(event, data)`.

    Raises:
        HotChannelError: it is neither.
    """
    if isinstance(message, str):
        return Custom(message, data)
    if isinstance(message, HotPayload) and data is UNSET:
        return message
    raise HotChannelError(f"send takes a payload, or an event's name and data, not {type(message).__name__}")


class HotChannel(Generic[C, M]):
    """Sends to all clients and hears each of them.

    Args:
        journal: numbers and keeps what is sent.
        hmr: False sends `connected`, `ping`, `custom` and `error` only.
        prepare: makes of an encoded payload what a client's `write` takes; called once for all clients.
        catch_up: what brings a client up to date that missed more than the journal has.
        sent: told of every broadcast when it began and ended (`time.perf_counter`).
    """

    def __init__(
        self,
        journal: Journal,
        *,
        hmr: bool = True,
        prepare: Callable[[bytes], M],
        catch_up: FullReload | None = None,
        sent: Callable[[float, float], object] = lambda began, ended: None,
    ) -> None:
        self._journal = journal
        self._sent = sent
        self._catch_up = catch_up or FullReload(path="*")
        self._hmr = hmr
        self._prepare = prepare
        self._clients: set[C] = set()
        # A broadcast touches no more than it needs: who takes which variant, and how.
        self._stock: dict[C, Callable[[M], None]] = {}
        self._numbered: dict[C, Callable[[M], None]] = {}
        self._listeners: Listeners[[Json, C]] = Listeners()
        self._kept_reload: FullReload | None = None
        self._connected = prepare(encode(Connected()))
        self.tap: Callable[[HotPayload, bytes, C | None], object] | None = None
        """Told of all that is sent, encoded, and to whom: None for all clients."""

    @property
    def clients(self) -> AbstractSet[C]:
        """Who is connected now; a live view, not to be changed."""
        return self._clients

    def position(self) -> str:
        """`EPOCH:SEQ`: what a page that is served now is up to date with."""
        return self._journal.position

    def on(self, event: str, listener: Listener[C]) -> None:
        """Call `listener(data, client)` whenever a client sends `event`."""
        self._listeners.on(event, listener)

    def off(self, event: str, listener: Listener[C]) -> None:
        """No longer call `listener`."""
        self._listeners.off(event, listener)

    def send(self, message: HotPayload | str, data: Json | UnsetType = UNSET) -> None:
        """Send a payload, or an event with its data, to every client.

        An error stands until its source (`id`, else the file of `loc`) recovers; one that names no
        source, until the next update or reload. A reload sent while nobody is connected is kept.

        Raises:
            HotChannelError: neither payload nor event name, or the data is not JSON.
        """
        payload = as_payload(message, data)
        match payload:
            case ErrorPayload(err):
                self.fail(_source_of(err), err)
                return
            case FullReload():
                self._journal.recover("")
                if not self._clients:
                    self._kept_reload = payload
            case Update():
                self._journal.recover("")
            case _:
                pass
        self._broadcast(payload)
        standing = self._journal.standing
        if standing is not None and isinstance(payload, (Update, FullReload)):
            # Clients take the overlay away with any update, and with a reload that is none (`morph`).
            self.fail(standing.source, standing.detail)

    def fail(self, source: str, detail: ErrorDetail) -> None:
        """`source` (a file or URL) is in error: show it, and to every newcomer while it stands."""
        seq = self._broadcast(ErrorPayload(detail))
        self._journal.fail(source, detail, seq)

    def recover(self, source: str) -> bool:
        """`source` is well again. True where it had been in error.

        With the last error goes the overlay (an `update` without updates, which stock clients know
        too); where others still stand, the newest of them is shown again.
        """
        shown = self._journal.standing
        if shown is None or not self._journal.recover(source):
            return False
        left = self._journal.standing
        if left is None:
            self._broadcast(Update(()))
        elif left is not shown:
            self.fail(left.source, left.detail)
        return True

    def join(self, client: C, resume: str | None) -> None:
        """A client is there: greet it, bring it up to date, and tell listeners.

        Args:
            client: the newcomer.
            resume: `EPOCH:SEQ` as it came, None where it did not ask to resume.
        """
        if resume is None:
            client.write(self._connected)
        for encoded in self._standing() if resume is None else self._resumption(resume):
            client.write(self._prepare(encoded))
        self._clients.add(client)
        (self._numbered if client.resuming else self._stock)[client] = client.write
        self._listeners.emit("vite:client:connect", None, client)

    def leave(self, client: C) -> None:
        """A client is gone: tell listeners."""
        if client in self._clients:
            self._clients.discard(client)
            del (self._numbered if client.resuming else self._stock)[client]
            self._listeners.emit("vite:client:disconnect", None, client)

    def answer(self, client: C, payload: HotPayload) -> None:
        """Send to one client. It has no number of its own: a resuming client sees the last one given."""
        encoded = encode(payload)
        client.write(self._prepare(number(encoded, self._journal.last) if client.resuming else encoded))
        if self.tap is not None:
            self.tap(payload, encoded, client)

    def receive(self, client: C, data: bytes | str) -> bool:
        """A client said something; True where it meant anything. Never raises."""
        message = decode(data)
        match message:
            case Ping():
                return True
            case Malformed(reason):
                _log.debug("ignored a message: %s", reason)
                return False
            case Custom(event, content):
                if event in RESERVED_EVENTS:
                    _log.debug("ignored a message: %s is a reserved event", event)
                    return False
                if _log.isEnabledFor(logging.DEBUG):
                    _log.debug("received %s", printable(data))
                self._listeners.emit(event, None if content is UNSET else content, client)
                return True

    async def close(self) -> None:
        """Forget the listeners and cancel those that are under way."""
        await self._listeners.close()

    def _broadcast(self, payload: HotPayload) -> int:
        """Send to all; the message's number, or the last one given where it is not sent at all."""
        if not self._hmr and isinstance(payload, (Update, FullReload, Prune)):
            return self._journal.last
        began = perf_counter()
        encoded = encode(payload)
        seq = self._journal.append(encoded)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("send %d to %d clients: %s", seq, len(self._clients), printable(encoded))
        # A write may drop a client, and a dropped client leaves its dict.
        if self._stock:
            message = self._prepare(encoded)
            for write in tuple(self._stock.values()):
                write(message)
        if self._numbered:
            message = self._prepare(number(encoded, seq))
            for write in tuple(self._numbered.values()):
                write(message)
        self._sent(began, perf_counter())
        if self.tap is not None:
            self.tap(payload, encoded, None)
        return seq

    def _standing(self) -> Iterator[bytes]:
        standing = self._journal.standing
        if standing is not None:
            yield encode(ErrorPayload(standing.detail))
        if self._kept_reload is not None and self._hmr:
            yield encode(self._kept_reload)
            self._kept_reload = None

    def _resumption(self, resume: str) -> Iterator[bytes]:
        last = self._journal.last
        position = parse_position(resume)
        missed = self._journal.since(*position) if position else None
        if position is None or missed is None:
            # Number 0: should the line drop before the reload arrives, the client is no less behind.
            known = 0
            yield number(encode(Connected()), known)
            if self._hmr:
                yield number(encode(self._catch_up), last)
        else:
            known = position[1]
            yield number(encode(Connected()), known)
            for entry in missed:
                yield number(entry.encoded, entry.seq)
        standing = self._journal.standing
        if standing is not None and (missed is None or standing.seq <= known):
            yield number(encode(ErrorPayload(standing.detail)), last)


def _source_of(detail: ErrorDetail) -> str:
    if detail.id is not UNSET:
        return detail.id
    if detail.loc is not UNSET and detail.loc.file is not UNSET:
        return detail.loc.file
    return ""
