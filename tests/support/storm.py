"""A storm: processes that share a channel send all at once, with many clients each, while things break.

Every client comes back to another process when its own is gone, with the position that it has.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Client", "Node", "Storm"]

_NODE = Path(__file__).with_name("node.py")
_MESSAGE = re.compile(rb'"data":\["(\w+)",(\d+),(\d+)\],"seq":("[^"]*"|\d+)\}')


class Node:
    """A process of the cluster.

    Attributes:
        name: what its messages begin with.
        acknowledged: how many of them the engine has, as it said last.
        leads: whether it leads, as it said last.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
        self.name = name
        self.port: int = said["port"]
        self.token: str = said["token"]
        self.position: str = said["position"]
        self.acknowledged = 0
        self.leads = False
        self.is_alive = True
        self._process = process
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, url: str, name: str) -> Node:
        """Start one, and wait until it listens; without a URL, it has its channel alone."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(_NODE), url, name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        return cls(name, process, json.loads(await process.stdout.readline()))

    def send(self, count: int, rate: int) -> None:
        """Have it send so many messages, so many a second."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {rate}\n".encode())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            self.acknowledged = said.get("acknowledged", self.acknowledged)
            self.leads = said.get("leads", self.leads)

    def pause(self) -> None:
        """Let it hang: it keeps its sockets, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once."""
        self.is_alive = False
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading


class Client(asyncio.Protocol):
    """A client that keeps how far it is with each sender, and whatever is wrong with that.

    Attributes:
        heard: the number of the newest message, by sender.
        wrong: what came twice, with a gap ahead of it, or in another order than other clients had it.
        delays: seconds from sending to hearing, of each message.
        returns: how often it has come back.
    """

    def __init__(self, storm: Storm, home: int) -> None:
        self._storm = storm
        self._home = home
        self._rest = b""
        self._position = ""
        self._last = 0
        self._transport: asyncio.Transport | None = None
        self.heard: dict[bytes, int] = {}
        self.wrong: list[tuple[bytes, int, int]] = []
        self.delays: list[float] = []
        self.returns = -1

    async def connect(self) -> None:
        """Connect to its own process, or the next that lives."""
        nodes = self._storm.nodes
        node = next(node for node in (*nodes[self._home :], *nodes) if node.is_alive)
        self._position = self._position or node.position
        self._rest = b""
        self.returns += 1
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: self, "127.0.0.1", node.port
        )
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /?token={node.token}&resume={self._position} HTTP/1.1\r\nHost: 127.0.0.1:{node.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._rest + data
        end = 0
        seq = b""
        for match in _MESSAGE.finditer(data):
            sender, digits, at, seq = match.groups()
            n, end = int(digits), match.end()
            if n != self.heard.get(sender, 0) + 1:
                self.wrong.append((sender, self.heard.get(sender, 0), n))
            self.heard[sender] = n
            if seq.isdigit():
                # It has its place in the one order of all.
                last, self._last = self._last, int(seq)
                if self._last <= last or self._storm.order.setdefault(self._last, (sender, n)) != (sender, n):
                    self.wrong.append((sender, last, self._last))
            self.delays.append((now - int(at)) / 1e9)
        if seq:
            self._saw(seq.strip(b'"').decode())
        self._rest = data[end:]

    def _saw(self, seq: str) -> None:
        epoch = self._position.partition(":")[0]
        self._position = seq if ":" in seq else f"{epoch}:{seq}"

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._storm.is_over:
            self._storm.returning.append(asyncio.ensure_future(self.connect()))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


@dataclass
class Storm:
    """Processes and their clients.

    Attributes:
        nodes: the processes.
        clients: theirs, in turn.
        order: what has which number in the log, as the first client had it.
    """

    nodes: list[Node] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    order: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    returning: list[asyncio.Future[None]] = field(default_factory=list)
    is_over: bool = False

    async def start(self, url: str, *, nodes: int, clients: int) -> None:
        """Start so many processes, with so many clients in all."""
        for name in "abcdef"[:nodes]:
            self.nodes.append(await Node.start(url, name))
        for number in range(clients):
            client = Client(self, number % nodes)
            await client.connect()
            self.clients.append(client)

    async def until(self, condition: Callable[[], bool], *, patience: float) -> bool:
        """Wait for what nobody tells of; False where it does not come."""
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    def has_everything(self) -> bool:
        """Whether every client has all that the engine has acknowledged."""
        return all(
            client.heard.get(node.name.encode(), 0) >= node.acknowledged
            for client in self.clients
            for node in self.nodes
        )

    async def close(self) -> None:
        """End the processes."""
        self.is_over = True
        for client in self.clients:
            client.close()
        for node in self.nodes:
            if node.is_alive:
                await node.kill()
        await asyncio.gather(*self.returning, return_exceptions=True)
