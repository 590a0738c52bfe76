"""The channel as the application's own code sees it: `hotchannel.get_channel()`.

Role: one object for the whole process, there before the channel is, and after. It may be called from any
thread; listeners run in the channel's event loop. While hotchannel is off it does nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, overload

from msgspec import UNSET, UnsetType

from hotchannel.wire.sending import as_payload, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.wire.payloads import HotPayload

__all__ = ["AppChannel", "Carrier", "get_channel"]

Json: TypeAlias = Any

L = TypeVar("L", bound="Callable[..., object]")


class Carrier(Protocol):
    """What carries the messages of this process: the channel itself, or the way to another process's."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def clients(self) -> frozenset[WebSocketClient]: ...
    def send(self, payload: HotPayload, /) -> None: ...
    def on(self, event: str, listener: Callable[..., object], /) -> object: ...
    def off(self, event: str, listener: Callable[..., object], /) -> None: ...


class AppChannel:
    """Sends to the pages of this application, and hears them.

    hot = hotchannel.get_channel()
    hot.send("price", {"eur": 12.5})

    @hot.on("buy")
    def buy(data, client): ...
    """

    def __init__(self) -> None:
        self._carrier: Carrier | None = None
        self._listeners: dict[tuple[str, Callable[..., object]], None] = {}

    @property
    def is_on(self) -> bool:
        """Whether hotchannel is on in this process, and has begun."""
        return self._carrier is not None

    @property
    def clients(self) -> frozenset[WebSocketClient]:
        """The pages that are connected now; of several workers, the one that has the channel knows them."""
        return frozenset() if self._carrier is None else self._carrier.clients

    def send(
        self, message: HotPayload | str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET
    ) -> None:
        """Send an event with its data, or a payload, to every page. From any thread.

        Bytes, `memoryview`s and NumPy arrays go out as they are, with `meta` beside them.

        Raises:
            HotChannelError: neither payload nor event name, or the data is not JSON.
        """
        payload = as_payload(message, data, meta)
        carrier = self._carrier
        if carrier is None:
            return
        if _running_loop() is carrier.loop:
            carrier.send(payload)
            return
        # What cannot be sent is the caller's mistake, and raised where he is.
        check(payload)
        self._call(carrier, lambda: carrier.send(payload))

    @overload
    def on(self, event: str, listener: L) -> L: ...

    @overload
    def on(self, event: str) -> Callable[[L], L]: ...

    def on(self, event: str, listener: L | None = None) -> L | Callable[[L], L]:
        """Call `listener(data, client)`, sync or async, on every `event`; without one, a decorator for it.

        It runs in the channel's event loop: what takes long belongs into a thread. May be called before the
        channel is there.
        """
        if listener is None:
            return lambda listener: self.on(event, listener)
        self._listeners[event, listener] = None
        carrier = self._carrier
        if carrier is not None:
            self._call(carrier, lambda: carrier.on(event, listener))
        return listener

    def off(self, event: str, listener: Callable[..., object]) -> None:
        """No longer call `listener`."""
        self._listeners.pop((event, listener), None)
        carrier = self._carrier
        if carrier is not None:
            self._call(carrier, lambda: carrier.off(event, listener))

    def carried_by(self, carrier: Carrier) -> None:
        """From now on messages go by `carrier`; called in its event loop."""
        self._carrier = carrier
        for event, listener in self._listeners:
            carrier.on(event, listener)

    def dropped_by(self, carrier: Carrier) -> None:
        """`carrier` has ended."""
        if self._carrier is carrier:
            self._carrier = None

    @staticmethod
    def _call(carrier: Carrier, act: Callable[[], object]) -> None:
        if _running_loop() is carrier.loop:
            act()
        elif not carrier.loop.is_closed():
            carrier.loop.call_soon_threadsafe(act)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_channel = AppChannel()


def get_channel() -> AppChannel:
    """Return the channel between this application and its pages; always the same object."""
    return _channel
