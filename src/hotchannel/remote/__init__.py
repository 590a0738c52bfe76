"""A client for any server that speaks Vite's HMR protocol, npm's Vite included.

    import hotchannel.remote

    async with hotchannel.remote.connect("http://localhost:5173") as remote:
        await remote.send("my:greeting", {"from": "Python"})
        async for payload in remote:
            print(payload)

`connect_sync` is the same for scripts without an event loop; `wait_until_ready` waits for a server.
"""

from __future__ import annotations

from hotchannel.errors import RemoteError, TransportError
from hotchannel.remote.blocking import BlockingRemote, connect_sync
from hotchannel.remote.connection import Remote, connect
from hotchannel.remote.http import wait_until_ready

__all__ = [
    "BlockingRemote",
    "Remote",
    "RemoteError",
    "TransportError",
    "connect",
    "connect_sync",
    "wait_until_ready",
]
