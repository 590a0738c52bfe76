"""The WebSocket server: one channel, whatever connections come from.

Role: modes and life cycle. Entrances (a listener of its own, uvicorn, any ASGI server) hand it
connections, which its `Reception` takes in, and the hot channel decides what is said on them; this module
ties them together: options to policy, life cycle to events. Follows the seed document's `WebSocketServer` and
protocol.md section 1.

Modes: *disabled*: every method may be called and does nothing. *integrated*: an entrance has attached
itself; `listen()` opens nothing. *standalone*: `listen()` opens a port of its own.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar, overload

from msgspec import UNSET, UnsetType

from hotchannel.channel.backplane import open_backplane
from hotchannel.channel.hub import LIFECYCLE_EVENTS, HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.errors import HotChannelError, ListenError
from hotchannel.options import WsOptions, with_fields
from hotchannel.websocket.connection import Connection
from hotchannel.websocket.door import Door
from hotchannel.websocket.frames import BinaryOutgoing, Outgoing
from hotchannel.websocket.reception import Reception
from hotchannel.websocket.stats import Stats, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from hotchannel.channel.listeners import Listeners
    from hotchannel.options import HttpsOptions
    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.websocket.door import DoorState
    from hotchannel.websocket.standalone import Listener
    from hotchannel.wire.payloads import ErrorDetail, FullReload, HotPayload

__all__ = ["Mode", "WebSocketServer"]

Json: TypeAlias = Any

Mode = Literal["integrated", "standalone", "disabled"]

_log = logging.getLogger("hotchannel.server")

_KEPT_OF_JOURNAL = 10
"""The engine keeps so many times what the journal does, for a process that falls behind."""

_JOINING = 5.0
"""Seconds that opening a port waits for the other processes' token."""

L = TypeVar("L", bound="Callable[..., object]")


class WebSocketServer(Reception):
    """Vite's hot-update channel.

    As standalone server:

        async with WebSocketServer(port=0) as server:

            @server.on("chat:say")
            async def say(data, client):
                server.send("chat:said", data)

    All methods belong to the event loop's thread.

    Args:
        options: the channel's settings; False switches it off.
        base: path under which the site is served; the socket is at `base` + `ws.path`.
        hmr: False sends `connected`, `ping`, `custom` and `error` only.
        own_hosts: names the site goes by beside `ws.host`; their Host is always allowed.
        hosts_option: how the user of this server would write `ws.allowed_hosts`.
        pages_listening: whether the server of the pages is up; on a port of its own, pings are hung
            up on until then, so that a page does not reload too early.
        https: for wss on a port of its own: certificate files, or True for a self-signed certificate.
        catch_up: what brings a page up to date that missed too much; by default a reload.
        renews: what begins the sources of errors that a restart mends, where it may change pages too; only of
            consequence with a backplane, by which a channel outlives its processes. None where neither is so.
        fields: single options, over `options`.

    Raises:
        OptionError: an option has a wrong name or value.
    """

    def __init__(
        self,
        options: WsOptions | Literal[False] | None = None,
        *,
        base: str = "/",
        hmr: bool = True,
        own_hosts: Iterable[str] = (),
        hosts_option: str = "ws.allowed_hosts",
        pages_listening: Callable[[], bool] | None = None,
        https: HttpsOptions | bool = False,
        catch_up: FullReload | None = None,
        renews: str | None = None,
        **fields: Any,
    ) -> None:
        self._mode: Mode = "disabled" if options is False else "standalone"
        settings = with_fields(options or WsOptions(), fields)
        self._pages_listening = pages_listening
        self._https = https
        door = Door(settings, base=base, own_hosts=own_hosts, hosts_option=hosts_option)
        self._journal = Journal(
            secrets.token_urlsafe(6),
            max_messages=settings.journal_messages,
            max_bytes=settings.journal_bytes,
        )
        tally = Tally()
        backplane = open_backplane(
            None if self._mode == "disabled" else settings.backplane,
            keep=_KEPT_OF_JOURNAL * settings.journal_messages,
            keep_bytes=_KEPT_OF_JOURNAL * settings.journal_bytes,
        )
        channel: HotChannel[WebSocketClient, Outgoing] = HotChannel(
            self._journal,
            hmr=hmr,
            prepare=Outgoing,
            prepare_binary=BinaryOutgoing,
            catch_up=catch_up,
            timing=tally,
            backplane=backplane,
            token=door.token,
            on_token=door.agree,
            limits=door.admission,
            renews=renews,
        )
        super().__init__(settings, door, channel, backplane, tally)
        if settings.shared_limits and settings.backplane is None:
            _log.warning("ws.shared_limits has no effect without ws.backplane, by which limits are shared")
        self._listener: Listener | None = None
        self._unhook: Callable[[], None] | None = None
        self._closed = False
        if settings.server is not None and self._mode != "disabled":
            from hotchannel.websocket.uvicorn import hook

            self._unhook = hook(self, settings.server)

    @classmethod
    def disabled(cls) -> Self:
        """A server that does nothing (`ws = false`)."""
        return cls(False)

    @property
    def mode(self) -> Mode:
        """Where connections come from."""
        return self._mode

    @property
    def token(self) -> str:
        """The secret in the socket's URL. Never log it."""
        return self._door.token

    def knows_token(self, given: bytes | None) -> bool:
        """Whether this is the token, or one that it had before the processes agreed on another."""
        return self._door.knows_token(given)

    @property
    def path(self) -> str:
        """The socket's path, decoded."""
        return self._door.path

    @property
    def port(self) -> int | None:
        """The port of its own, where it has one open."""
        return self._listener.addresses[0][1] if self._listener else None

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every listening socket of its own."""
        return self._listener.addresses if self._listener else ()

    @property
    def clients(self) -> AbstractSet[WebSocketClient]:
        """Who is connected now; a live view, not to be changed."""
        return self._channel.clients

    @property
    def hub(self) -> HotChannel[WebSocketClient, Outgoing]:
        """Where all messages pass."""
        return self._channel

    def stats(self) -> Stats:
        """The numbers of this moment."""
        return self._tally.picture(
            len(self.clients),
            self._connections.waiting(),
            lag=self._backplane.lag,
            pending=self._backplane.pending,
        )

    def position(self) -> str:
        """`EPOCH:SEQ`: what a page that is served now is up to date with."""
        return self._channel.position()

    # Talking.

    def send(
        self, message: HotPayload | str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET
    ) -> None:
        """Send a payload, or an event with its data, to every client; see `HotChannel.send`.

        Bytes, `memoryview`s and NumPy arrays go out as they are, with `meta` beside them.

        Raises:
            HotChannelError: neither payload nor event name, or the data is not JSON.
        """
        if self._mode != "disabled":
            self._channel.send(message, data, meta)

    def fail(self, source: str, detail: ErrorDetail) -> None:
        """`source` (a file or URL) is in error: show it, to every newcomer too, until it recovers."""
        if self._mode != "disabled":
            self._channel.fail(source, detail)

    def recover(self, source: str) -> bool:
        """`source` is well again. True where it had been in error."""
        return self._channel.recover(source)

    # Among the processes that share the channel.

    @property
    def is_shared(self) -> bool:
        """Whether there may be other processes (`ws.backplane`)."""
        return self._backplane.is_shared

    @property
    def clients_elsewhere(self) -> int:
        """Clients of all other processes, as they told within the last seconds."""
        return self._backplane.others

    @property
    def unacknowledged(self) -> int:
        """What this process has sent and the engine of `ws.backplane` has not acknowledged."""
        return self._backplane.pending

    @property
    def is_leader(self) -> bool:
        """Whether this process is the one that decides for all; always, where it is the only one."""
        return self._backplane.is_leader

    def led(self, listener: Callable[[bool], object]) -> None:
        """Call `listener` when this process begins to lead (True), or no longer leads (False)."""
        self._channel.led(listener)

    def tell(self, topic: str, data: object) -> None:
        """Tell all processes, this one among them, in one order with what is sent; no client hears of it."""
        if self._mode != "disabled":
            self._channel.tell(topic, data)

    def heard(self, topic: str, listener: Callable[[Any], object]) -> None:
        """Call `listener(data)` for what `tell` says of a topic."""
        self._channel.heard(topic, listener)

    @overload
    def on(self, event: str, listener: L) -> L: ...

    @overload
    def on(self, event: str) -> Callable[[L], L]: ...

    def on(self, event: str, listener: L | None = None) -> L | Callable[[L], L]:
        """Call `listener`, sync or async, on every `event`; without one, a decorator for it.

        Events of clients, with `(data, client)`: whatever name they send, and `vite:client:connect`,
        `vite:client:disconnect`. Events of the server itself: `connection(client, request)`,
        `message(client, data)`, `headers(headers, request)` before a 101 (a list of pairs to add to),
        `listening(addresses)`, `error(exception)`. A listener that raises is logged and harms nobody.
        """
        if listener is None:
            return lambda listener: self.on(event, listener)
        if self._mode != "disabled":
            listeners: Listeners[...] | HotChannel[WebSocketClient, Outgoing] = (
                self._events if event in LIFECYCLE_EVENTS else self._channel
            )
            listeners.on(event, listener)
        return listener

    def off(self, event: str, listener: Callable[..., object]) -> None:
        """No longer call `listener`."""
        self._events.off(event, listener)
        self._channel.off(event, listener)

    # Life cycle.

    def attach(self) -> None:
        """An entrance will hand over connections: from now on `listen` opens no port."""
        if self._mode == "standalone" and self._listener is None:
            self._mode = "integrated"

    async def listen(self, *, tries: int = 1) -> None:
        """Join the other processes, where there are such, and open the port, in standalone mode.

        Does nothing where that has been done. A port that cannot be had is logged, raised as `error` event,
        and otherwise lived without.

        Args:
            tries: how many ports may be tried one after another, where they are in use.

        Raises:
            ListenError: the port cannot be had, and `ws.strict_port` is set.
            HotChannelError: the server is closed.
        """
        if self._closed and self._mode == "standalone":
            raise HotChannelError("this server is closed: make a new one")
        if self._mode != "disabled" and not self._closed:
            self._backplane.begin()
            # What is served from now on names the token that all have.
            await self._backplane.joined(_JOINING)
        if self._mode != "standalone" or self._listener is not None:
            return
        from hotchannel.websocket.standalone import open_listener

        try:
            self._listener = await open_listener(
                lambda: Connection(self, exclusive=True),
                self._options,
                https=self._https,
                own_hosts=self._door.own_hosts,
                tries=tries,
            )
        except ListenError as exc:
            _log.error("the channel is not available: %s", exc.strerror)
            self._events.emit("error", exc)
            if self._options.strict_port:
                raise
            return
        hint = "" if self._options.host else " (this machine only; set ws.host to open it to others)"
        _log.info("listening on %s%s", ", ".join(self._listener.urls), hint)
        self._events.emit("listening", self.addresses)

    async def close(self) -> None:
        """Close every client with 1012, the port, and what was hooked; returns when all is gone.

        Clients that do not answer are cut off after a second. May be called more than once.
        """
        self._closed = True
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._unhook is not None:
            self._unhook()
            self._unhook = None
        await self._connections.close()
        self._refusals.close()
        await self._backplane.close()
        await self._channel.close()
        await self._events.close()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    @property
    def _door_state(self) -> DoorState:
        if self._mode == "disabled":
            return "off"
        if self._closed:
            return "closed"
        is_early = self._mode == "standalone" and self._pages_listening and not self._pages_listening()
        return "early" if is_early else "open"
