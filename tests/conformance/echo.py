"""A server that says everything back, on the channel's own port.

Role: what conformance is tested on, by the Autobahn suite (`tools/autobahn.sh`) and by the table in
`cases.py`. Listener, handshake policy and `Connection` are the real ones; only the hot channel is left
out, which greets and wants JSON, where the suite wants each message back as it came.

    python tests/conformance/echo.py PORT

prints one line when it listens. Port 0 picks a free one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from hotchannel.options import WsOptions
from hotchannel.websocket.connection import Connection
from hotchannel.websocket.frames import BinaryOutgoing, Outgoing
from hotchannel.websocket.handshake import Accept, Decision, HandshakeRequest, Policy, Reason, decide
from hotchannel.websocket.standalone import open_listener
from hotchannel.websocket.stats import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from hotchannel.websocket.roles import Socket

__all__ = ["EchoOwner", "echo_server"]

HOST = "127.0.0.1"

LARGE = 64 * 1024 * 1024


class EchoOwner:
    """What `Connection` asks of its server (`roles.Owner`), without a channel behind it."""

    def __init__(self) -> None:
        self._policy = Policy(base_path="/", token="no page has it", exclusive=True, compression=True)
        self._connections: set[Socket] = set()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self.options = WsOptions(max_message_size=LARGE, max_messages_per_second=None, max_outbox_size=LARGE)
        self.tally = Tally()

    def judge(self, request: HandshakeRequest, host: str = "", *, exclusive: bool = True) -> Decision:
        """As the server judges: `vite-hmr` at `/`, and no Origin without a token."""
        return decide(self._policy, request)

    def connected(self, connection: Socket) -> None:
        """Remember it until it is gone."""
        self._connections.add(connection)
        self._all_gone.clear()

    def refused(self, reason: Reason, address: str, request: HandshakeRequest | None) -> None:
        """Say why: the suite itself only reports that it never got in."""
        print(f"refused {address}: {reason}", file=sys.stderr)

    def response_headers(self, request: HandshakeRequest) -> Iterable[tuple[str, str]]:
        """None beside those of every 101."""
        return ()

    def opened(self, connection: Socket, accept: Accept, request: HandshakeRequest) -> None:
        """Greet nobody."""

    def received(self, connection: Socket, message: str | bytes) -> None:
        """Send it back, text as text and binary as binary."""
        said = Outgoing(message.encode()) if isinstance(message, str) else BinaryOutgoing(message)
        connection.deliver(said)

    def closed(self, connection: Socket, error: Exception | None) -> None:
        """Nobody else is to be told."""

    def disconnected(self, connection: Socket) -> None:
        """Forget it."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_gone.set()

    async def close(self) -> None:
        """Drop who is still there; returns when all are gone."""
        for connection in self._connections.copy():
            connection.abort()
        await self._all_gone.wait()


@contextlib.asynccontextmanager
async def echo_server(port: int = 0) -> AsyncIterator[int]:
    """An echo server on loopback, for as long as the context lasts; gives its port."""
    owner = EchoOwner()
    listener = await open_listener(lambda: Connection(owner, exclusive=True), WsOptions(host=HOST, port=port))
    try:
        yield listener.addresses[0][1]
    finally:
        listener.close()
        await owner.close()


async def _serve(port: int) -> None:
    async with echo_server(port) as listening:
        print(f"listening on {listening}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))
