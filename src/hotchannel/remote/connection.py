"""Remote: a connection to a server, kept up over its restarts.

Role: finds the socket as a browser would, reads it all the time, so that answers and pings are heard whoever
iterates, and comes back when the server does. Follows Vite's client, but for one thing: a browser reloads
after a restart, a program goes on and sees `connected` once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from msgspec import UNSET, UnsetType
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from hotchannel.channel.invoke import INVOKE_EVENT
from hotchannel.errors import RemoteError, TransportError
from hotchannel.remote.address import client_url, is_socket_url, socket_urls
from hotchannel.remote.http import fetch_text
from hotchannel.remote.payloads import parse
from hotchannel.wire.binary import pack
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Binary, Custom
from hotchannel.wire.sending import as_payload

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from websockets.asyncio.client import ClientConnection

    from hotchannel.remote.payloads import Received

__all__ = ["Remote", "connect"]

Json: TypeAlias = Any

_log = logging.getLogger("hotchannel.remote")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
"""Seconds between two attempts to come back; each pause is twice the one before."""

_UNREAD = 10_000
"""Payloads that wait for somebody to iterate; of more, the oldest are dropped."""


def connect(
    url: str, *, reconnect: bool = True, timeout: float = 10.0, ssl: ssl.SSLContext | None = None
) -> Remote:
    """Make a connection to the server whose pages are at `url`, for `async with`.

    Args:
        url: where its pages are, base included (`http://localhost:5173/app/`), or its socket with the token
            (`ws://localhost:24678/?token=...`).
        reconnect: come back when the server has restarted, however long that takes.
        timeout: seconds for whatever waits for the server.
        ssl: what to trust, where the server is encrypted with a certificate of its own.
    """
    return Remote(url, reconnect=reconnect, timeout=timeout, ssl=ssl)


class Remote:
    """A connection to a server that speaks Vite's protocol; made by `connect`.

    Iterating gives what the server sends: a typed payload (`hotchannel.Update`, `hotchannel.Custom`, ...), or
    a dict where it is none that this version knows. The first one is `Connected`, and again after a restart.
    """

    def __init__(self, url: str, *, reconnect: bool, timeout: float, ssl: ssl.SSLContext | None) -> None:
        self._url = url
        self._reconnect = reconnect
        self._timeout = timeout
        self._ssl = ssl
        self._socket: ClientConnection | None = None
        self._is_open = asyncio.Event()
        self._unread: asyncio.Queue[Received | None] = asyncio.Queue()
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            TransportError: nobody answers, it is no such server, or it refuses the socket.
        """
        self._socket = await self._open()
        self._is_open.set()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        self._lose(TransportError("the connection was closed"))
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
        self._is_open.set()
        self._unread.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        payload = await self._unread.get()
        if payload is None:
            # For whoever iterates again.
            self._unread.put_nowait(None)
            raise StopAsyncIteration
        return payload

    async def send(self, event: str, data: Json | UnsetType = UNSET, meta: Json | UnsetType = UNSET) -> None:
        """Send a custom event; while the server restarts it waits.

        Bytes, and whatever has a buffer, go as they are, with `meta` beside them; only hotchannel reads them.

        Raises:
            TransportError: there is no connection, and none comes in time.
            HotChannelError: the data is not JSON, or there is `meta` and no bytes.
        """
        payload = as_payload(event, data, meta)
        message = pack(payload) if isinstance(payload, Binary) else encode(payload).decode()
        socket = await self._connected()
        try:
            await socket.send(message)
        except ConnectionClosed as error:
            raise TransportError(f"{self._url} has closed the connection: {error}") from None

    async def invoke(self, name: str, *arguments: Json) -> Json:
        """Call a function that the server offers (`vite:invoke`), and return its result.

        Raises:
            RemoteError: it has none of that name, or the function raised.
            TransportError: there is no connection, or no answer in time.
        """
        identity = str(next(self._ids))
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._answers[identity] = answer
        try:
            await self.send(INVOKE_EVENT, {"name": name, "id": f"send:{identity}", "data": list(arguments)})
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError:
            raise TransportError(f"{self._url} has not answered {name} in {self._timeout:g} s") from None
        finally:
            self._answers.pop(identity, None)

    async def ping(self) -> float:
        """Return how long a WebSocket ping takes there and back, in seconds.

        Raises:
            TransportError: there is no connection, or no answer in time.
        """
        socket = await self._connected()
        try:
            async with asyncio.timeout(self._timeout):
                return await (await socket.ping())
        except TimeoutError:
            raise TransportError(f"{self._url} has not answered a ping in {self._timeout:g} s") from None
        except ConnectionClosed as error:
            raise TransportError(f"{self._url} has closed the connection: {error}") from None

    async def _connected(self) -> ClientConnection:
        try:
            async with asyncio.timeout(self._timeout):
                await self._is_open.wait()
        except TimeoutError:
            raise TransportError(f"there is no connection to {self._url}") from None
        if self._socket is None:
            raise TransportError(f"the connection to {self._url} is over")
        return self._socket

    async def _open(self) -> ClientConnection:
        if is_socket_url(self._url):
            urls: tuple[str, ...] = (self._url,)
        else:
            try:
                script_url = client_url(self._url)
            except ValueError as error:
                raise TransportError(f"{self._url} is no URL: {error}") from None
            script = await fetch_text(script_url, timeout=self._timeout, ssl=self._ssl)
            urls = socket_urls(script, script_url)
        problem = f"{self._url} serves no client of Vite's"
        for url in urls:
            shown = url.partition("?")[0]
            try:
                # A server of ours sends bytes as they are to who asks; a stock one passes over the question.
                return await open_socket(
                    f"{url}{'&' if '?' in url else '?'}binary=1",
                    subprotocols=["vite-hmr"],  # type: ignore[list-item]  # a NewType of str
                    open_timeout=self._timeout,
                    max_size=None,
                    ssl=self._ssl if url.startswith("wss") else None,
                )
            except InvalidStatus as error:
                status = error.response.status_code
                problem = f"{shown} refuses the socket with {status}: token and Host have to be the server's"
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
                problem = f"nobody answers at {shown}: {str(error) or type(error).__name__}"
        raise TransportError(problem)

    async def _read(self) -> None:
        """Read as long as anybody may want it, over all connections."""
        while self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                async for message in self._socket:
                    self._receive(message)
            self._lose(TransportError(f"the connection to {self._url} was lost"))
            self._socket = await self._reopen() if self._reconnect else None
            self._is_open.set()
        self._unread.put_nowait(None)

    async def _reopen(self) -> ClientConnection:
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                return await self._open()
            except TransportError as error:
                _log.debug("not back yet: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _lose(self, error: TransportError) -> None:
        self._is_open.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()

    def _receive(self, message: str | bytes) -> None:
        payload = parse(message)
        if payload is None:
            _log.debug("ignored a message that is no JSON object")
        elif isinstance(payload, Custom) and payload.event == INVOKE_EVENT and self._answered(payload.data):
            pass
        else:
            if self._unread.qsize() >= _UNREAD:
                _log.warning("nobody reads what %s sends: the oldest payload is dropped", self._url)
                self._unread.get_nowait()
            self._unread.put_nowait(payload)

    def _answered(self, data: Json) -> bool:
        """Hand an answer to who waits for it; False where nobody does."""
        identity = data.get("id") if isinstance(data, dict) else None
        if not isinstance(identity, str):
            return False
        answer = self._answers.get(identity.removeprefix("response:"))
        if answer is None or answer.done():
            return False
        content = data.get("data")
        content = content if isinstance(content, dict) else {}
        if (error := content.get("error")) is not None:
            answer.set_exception(RemoteError(error if isinstance(error, dict) else {"message": str(error)}))
        else:
            answer.set_result(content.get("result"))
        return True
