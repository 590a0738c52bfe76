"""The hot channel: clients, listeners, and what is sent to whom.

Role: everything about messages that does not depend on how they travel. It encodes a payload once, keeps
what newcomers must learn, and routes what clients say to listeners. Follows protocol.md section 4; the
surface is Vite's `NormalizedHotChannel`.

Invariant: every broadcast has a number in the journal before any client gets it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from hotchannel.channel.audience import Audience
from hotchannel.channel.backplane.memory import MemoryBackplane
from hotchannel.channel.backplane.operations import Failed, Recovered, Renewed, Said, Streamed, Taken, Told
from hotchannel.channel.backplane.roles import Place, Presence
from hotchannel.channel.listeners import Listeners
from hotchannel.channel.printable import printable, summary
from hotchannel.channel.resume import Foreseen, Mark, mark, missed_since
from hotchannel.channel.roles import ChannelClient, NoLimits, NoTiming
from hotchannel.wire.binary import BinaryData, is_binary, unpack
from hotchannel.wire.codec import Malformed, decode, encode
from hotchannel.wire.payloads import (
    Binary,
    Connected,
    Custom,
    ErrorDetail,
    ErrorPayload,
    FullReload,
    HotPayload,
    Ping,
    Update,
)
from hotchannel.wire.sending import as_payload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.channel.backplane.operations import Operation
    from hotchannel.channel.backplane.roles import Backplane
    from hotchannel.channel.journal import Journal
    from hotchannel.channel.roles import Limits, Timing

__all__ = ["LIFECYCLE_EVENTS", "RESERVED_EVENTS", "ChannelClient", "HotChannel", "Listener"]

LIFECYCLE_EVENTS = frozenset({"connection", "error", "headers", "listening", "message"})
"""Events that a server raises about itself."""

RESERVED_EVENTS = LIFECYCLE_EVENTS | {"vite:client:connect", "vite:client:disconnect"}
"""Events that no client may send."""

Json: TypeAlias = Any

_HMR = frozenset({"update", "full-reload", "prune"})
_CLEARING = frozenset({"update", "full-reload"})
_NO_UPDATES = encode(Update(()))

_LEADS = ""
"""No topic of `tell` is empty."""

_log = logging.getLogger("hotchannel.server")

M = TypeVar("M")
C = TypeVar("C", bound=ChannelClient[Any])

Listener: TypeAlias = Callable[[Json, C], object]
"""Called with an event's data (None where it has none) and the client. May be async."""


class HotChannel(Generic[C, M]):
    """Sends to all clients and hears each of them.

    Args:
        journal: numbers and keeps what is sent.
        hmr: False sends `connected`, `ping`, `custom` and `error` only.
        prepare: makes of an encoded payload what a client's `write` takes; called once for all clients.
        prepare_binary: the same for a binary message; None where no client takes any.
        catch_up: what brings a client up to date that missed more than the journal has.
        timing: told how long broadcasts take.
        backplane: carries what is sent to all processes that have this channel; None where only this one has.
        token: the channel's secret, as this process proposes it.
        on_token: called with the secret that the processes have agreed on.
        limits: what else is counted for all processes together.
        renews: where others were here before: brings their pages up to date, and takes back the errors of
            sources that begin so. None where a restart changes nothing of what pages show.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        hmr: bool = True,
        prepare: Callable[[bytes], M],
        prepare_binary: Callable[[bytes], M] | None = None,
        catch_up: FullReload | None = None,
        timing: Timing | None = None,
        backplane: Backplane | None = None,
        token: str = "",
        on_token: Callable[[str], object] = lambda token: None,
        limits: Limits | None = None,
        renews: str | None = None,
    ) -> None:
        self._renews = renews
        self._journal = journal
        self._timing = timing or NoTiming()
        self._catch_up = catch_up or FullReload(path="*")
        self._hmr = hmr
        self._clients: set[C] = set()
        self._audience: Audience[C, M] = Audience(prepare, prepare_binary or prepare)
        self._listeners: Listeners[[Json, C]] = Listeners()
        self._kept_reload: bytes | None = None
        self._told: Listeners[[Any]] = Listeners()
        self._announced: set[str] = set()
        self._foreseen: Foreseen[C] = Foreseen()
        self._is_epoch_news = False
        self._on_token = on_token
        self._limits = limits or NoLimits()
        self._connected = prepare(encode(Connected()))
        self.tap: Callable[[bytes | Binary, str, C | None, float | None], object] | None = None
        """Told of all that is sent: how it is kept, its type, to whom (None for all), what `timing` says."""
        self._backplane = backplane or MemoryBackplane()
        self._backplane.bind(self, token=token, epoch=journal.epoch)

    @property
    def clients(self) -> AbstractSet[C]:
        """Who is connected now; a live view, not to be changed."""
        return self._clients

    def position(self) -> str:
        """`EPOCH:SEQ`: what a page that is served now is up to date with."""
        return str(self._mark(self._journal.last, whole=True))

    def on(self, event: str, listener: Listener[C]) -> None:
        """Call `listener(data, client)` whenever a client sends `event`."""
        self._listeners.on(event, listener)

    def off(self, event: str, listener: Listener[C]) -> None:
        """No longer call `listener`."""
        self._listeners.off(event, listener)

    def send(
        self, message: HotPayload | str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET
    ) -> None:
        """Send a payload, or an event with its data, to every client.

        Bytes, and whatever has a buffer, go out as a binary message, with `meta` beside them.

        An error stands until its source (`id`, else the file of `loc`) recovers; one that names no
        source, until the next update or reload. A reload sent while nobody is connected is kept.

        Raises:
            HotChannelError: neither payload nor event name, or the data is not JSON.
        """
        payload = as_payload(message, data, meta)
        if isinstance(payload, ErrorPayload):
            self.fail(_source_of(payload.err), payload.err)
        elif isinstance(payload, Binary):
            self._backplane.publish(Streamed(payload))
        else:
            encoded = encode(payload)
            self._timing.said(encoded)
            self._backplane.publish(Said(_kind(payload), encoded))

    def fail(self, source: str, detail: ErrorDetail) -> None:
        """`source` (a file or URL) is in error: show it, and to every newcomer while it stands."""
        self._timing.said(encode(ErrorPayload(detail)))
        self._announced.add(source)
        self._backplane.publish(Failed(source, detail))

    def recover(self, source: str) -> bool:
        """`source` is well again. True where it had been in error.

        With the last error goes the overlay (an `update` without updates, which stock clients know
        too); where others still stand, the newest of them is shown again.
        """
        # What is on its way to all processes may not be here yet.
        was_failing = source in self._announced or self._journal.is_failing(source)
        self._announced.discard(source)
        if was_failing:
            self._backplane.publish(Recovered(source))
        return was_failing

    # What the backplane tells (`backplane.roles.Receiver`).

    def presence(self) -> Presence:
        """What this process tells the others of itself."""
        return Presence(len(self._clients), *self._limits.shared())

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        """What all other processes have told of themselves."""
        self._limits.met(others, now)

    def deliver(self, operation: Operation | None, place: Place) -> None:
        """Apply an operation, whoever sent it; None is one that nobody here understands."""
        shown = self._journal.standing
        match operation:
            case Said(kind, encoded):
                self._broadcast(encoded, kind, place)
                if kind in _CLEARING:
                    self._journal.recover("")
                    self._show_standing(place)
                if (
                    kind == "full-reload"
                    and place.is_shown
                    and not self._clients
                    and not self._backplane.others
                ):
                    self._kept_reload = encoded
            case Streamed(binary):
                self._broadcast(binary, "binary", place)
            case Failed(source, detail):
                self._fail(source, detail, place)
            case Recovered(source):
                # What was shown ahead of its number was news, and is to be kept where it has one.
                if self._journal.recover(source) or place.is_again:
                    left = self._journal.standing
                    if left is None:
                        self._broadcast(_NO_UPDATES, "update", place)
                    elif left is not shown:
                        self._fail(left.source, left.detail, place)
            case Renewed(sources):
                self._journal.recover_all(sources)
                self._broadcast(encode(self._catch_up), "full-reload", place)
                self._show_standing(place)
            case Taken():
                self._kept_reload = None
            case Told(topic, data) if not place.is_again:
                self._told.emit(topic, data)
        if place.seq is not None:
            self._journal.numbered(place.seq, place.origin)

    def agreed(self, token: str, epoch: str, last: int) -> None:
        """All processes have this token, and count within this epoch from now on."""
        if epoch != self._journal.epoch:
            self._journal.begin(epoch, last)
            self._is_epoch_news = bool(self._clients)
        self._on_token(token)
        if last > 0 and self._renews is not None:
            self._backplane.publish(Renewed(self._renews))

    def fell_behind(self, last: int, *, is_shown: bool) -> None:
        """What had numbers up to `last` was let go of before it came here: bring all clients up to date."""
        self._journal.forget(last)
        if is_shown:
            self._broadcast(encode(self._catch_up), "full-reload", Place(last))

    def leads(self, is_leader: bool) -> None:
        """This process leads from now on, or no longer does."""
        self._told.emit(_LEADS, is_leader)

    def led(self, listener: Callable[[bool], object]) -> None:
        """Call `listener` with what `leads` says."""
        self._told.on(_LEADS, listener)

    def tell(self, topic: str, data: object) -> None:
        """Tell all processes that have this channel, this one among them."""
        self._backplane.publish(Told(topic, data))

    def heard(self, topic: str, listener: Callable[[Any], object]) -> None:
        """Call `listener(data)` for what `tell` says of a topic."""
        self._told.on(topic, listener)

    def join(self, client: C, resume: str | None) -> None:
        """A client is there: greet it, bring it up to date, and tell listeners.

        Args:
            client: the newcomer.
            resume: `EPOCH:SEQ` as it came, None where it did not ask to resume.
        """
        if resume is None:
            client.write(self._connected)
        for content, seq in self._standing() if resume is None else self._missed_since(resume):
            client.write(self._audience.form(content, seq, takes_binary=client.binary))
        if resume is not None and self._backplane.is_shared:
            self._foreseen.add(client, self._journal, resume)
        self._clients.add(client)
        self._audience.add(client)
        self._listeners.emit("vite:client:connect", None, client)

    def leave(self, client: C) -> None:
        """A client is gone: tell listeners."""
        if client in self._clients:
            self._clients.discard(client)
            self._foreseen.discard(client)
            self._audience.remove(client)
            self._listeners.emit("vite:client:disconnect", None, client)

    def answer(self, client: C, payload: HotPayload) -> None:
        """Send to one client. It has no number of its own: a resuming client sees the last one given."""
        seq = self._mark(self._journal.last) if client.resuming else None
        content = payload if isinstance(payload, Binary) else encode(payload)
        client.write(self._audience.form(content, seq, takes_binary=client.binary))
        if self.tap is not None:
            self.tap(content, _kind(payload), client, None)

    def receive(self, client: C, data: bytes | str) -> bool:
        """A client said something; True where it meant anything. Never raises."""
        message = unpack(data) if isinstance(data, bytes) and is_binary(data) else decode(data)
        match message:
            case Ping():
                return True
            case Malformed(reason):
                _log.debug("ignored a message: %s", reason)
                return False
            case Custom(event, content):
                heard: Json = None if content is UNSET else content
            case Binary(event, body, meta):
                heard = BinaryData(body, None if meta is UNSET else meta)
        if event in RESERVED_EVENTS:
            _log.debug("ignored a message: %s is a reserved event", event)
            return False
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("received %s", _shown(data if isinstance(message, Custom) else message))
        self._listeners.emit(event, heard, client)
        return True

    async def close(self) -> None:
        """Forget the listeners and cancel those that are under way."""
        await self._listeners.close()
        await self._told.close()

    def _broadcast(self, content: bytes | Binary, kind: str, place: Place) -> int:
        """Show a message, and keep it; returns its number, or the last one given where it has none."""
        if not self._hmr and kind in _HMR:
            return self._journal.last
        began = perf_counter()
        seq = self._journal.last
        if place.is_ahead and place.origin is not None:
            self._journal.append_ahead(content, place.origin)
        else:
            seq = self._journal.append(content, place.seq, place.origin)
        if not place.is_shown:
            return seq
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("send %d to %d clients: %s", seq, len(self._clients), _shown(content))
        news = self._mark(seq, whole=self._is_epoch_news)
        self._is_epoch_news = False
        self._audience.write(content, news, but=self._foreseen.by(self._journal, place))
        since = self._timing.sent(content, began, perf_counter())
        if self.tap is not None:
            self.tap(content, kind, None, since)
        return seq

    def _fail(self, source: str, detail: ErrorDetail, place: Place) -> None:
        seq = self._broadcast(encode(ErrorPayload(detail)), "error", place)
        self._journal.fail(source, detail, seq)

    def _show_standing(self, place: Place) -> None:
        """Show the error that stands: any update takes the overlay away, as a reload does that is none."""
        standing = self._journal.standing
        if standing is not None:
            self._fail(standing.source, standing.detail, place)

    def _mark(self, seq: int, *, whole: bool = False) -> Mark:
        return mark(self._journal, seq, self._backplane.ahead, whole=whole)

    def _standing(self) -> Iterator[tuple[bytes, None]]:
        standing = self._journal.standing
        if standing is not None:
            yield encode(ErrorPayload(standing.detail)), None
        if self._kept_reload is not None and self._hmr:
            yield self._kept_reload, None
            self._kept_reload = None
            if self._backplane.is_shared:
                self._backplane.publish(Taken())

    def _missed_since(self, resume: str) -> Iterator[tuple[bytes | Binary, Mark]]:
        catch_up = encode(self._catch_up) if self._hmr else None
        shared, ahead = self._backplane.is_shared, self._backplane.ahead
        return missed_since(self._journal, resume, is_shared=shared, ahead=ahead, catch_up=catch_up)


def _kind(payload: HotPayload) -> str:
    return str(type(payload).__struct_config__.tag)


def _shown(content: bytes | str | Binary) -> str:
    if isinstance(content, Binary):
        return summary(content)
    return printable(content)


def _source_of(detail: ErrorDetail) -> str:
    if detail.id is not UNSET:
        return detail.id
    if detail.loc is not UNSET and detail.loc.file is not UNSET:
        return detail.loc.file
    return ""
