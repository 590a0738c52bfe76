"""What inspectors are told, while there are any.

Role: an inspector is a client that came with the token and says `hotchannel:inspect`. From then on it is no
page any more, and hears what happens on the channel in a few words a second, which a flood makes no more of.
Pages with our client are asked now and then where they are, so that their answer tells how far away they are
as well. Invariant: nothing is kept and nobody is asked while nobody looks, and what inspectors say themselves
is told to none.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from hotchannel.devserver.observed import MessageLog, Save, head_of, hmr_payload, picture_of
from hotchannel.errors import HotChannelError
from hotchannel.modules.urls import split_query
from hotchannel.websocket.client import ReadyState
from hotchannel.websocket.token import query_parameter
from hotchannel.wire.binary import is_binary, unpack
from hotchannel.wire.payloads import Binary, FullReload, Update

if TYPE_CHECKING:
    from hotchannel.hmr.graph import ModuleGraph
    from hotchannel.websocket.client import WebSocketClient
    from hotchannel.websocket.handshake import HandshakeRequest
    from hotchannel.websocket.server import WebSocketServer

__all__ = ["Inspection"]

Json: TypeAlias = Any

INSPECT, SEND, RELOAD = "hotchannel:inspect", "hotchannel:inspect:send", "hotchannel:inspect:reload"
LOOK, SEEN, APPLIED = "hotchannel:look", "hotchannel:seen", "hotchannel:applied"
TOLD = "hotchannel:inspected"

_OWN = frozenset((INSPECT, SEND, RELOAD, LOOK, SEEN, APPLIED, TOLD))

_STEP = 0.25
"""Seconds between two words to an inspector."""

_LOOK_EVERY = 8
"""Steps between two questions to the pages."""

_MAX_PAGES = 200
_MAX_SAVES = 30
_MAX_NAME = 200
_LONGEST = 600_000
"""Milliseconds that a page may claim to have taken."""


@dataclass(slots=True)
class _Page:
    """What is known of a client."""

    number: int
    path: str | None = None
    latency: float | None = None


@dataclass(slots=True)
class _Looker:
    """What an inspector was told."""

    messages: int = 0
    sections: dict[str, Json] = field(default_factory=dict)


class Inspection:
    """Tells inspectors of one channel.

    Args:
        channel: what is looked at.
        graph: its modules.
    """

    def __init__(self, channel: WebSocketServer, graph: ModuleGraph) -> None:
        self._channel = channel
        self._graph = graph
        self._trusted: WeakSet[WebSocketClient] = WeakSet()
        self._lookers: dict[WebSocketClient, _Looker] = {}
        self._numbers = count(1)
        self._pages: WeakKeyDictionary[WebSocketClient, _Page] = WeakKeyDictionary()
        self._messages = MessageLog()
        self._saves: deque[Save] = deque(maxlen=_MAX_SAVES)
        self._save_numbers = count(1)
        self._boundaries: list[tuple[str, str]] = []
        self._newest_update = 0
        self._lit = 0
        self._is_reload = False
        self._steps = 0
        self._asked_at = 0.0
        channel.on("connection", self._connected)
        channel.on(INSPECT, self._begin)
        channel.on(SEND, self._send)
        channel.on(RELOAD, self._reload)
        channel.on(SEEN, self._seen)
        channel.on(APPLIED, self._applied)

    def _connected(self, client: WebSocketClient, request: HandshakeRequest) -> None:
        # Programs get in without a token; what the others say is not for them.
        token = query_parameter(split_query(request.target)[1], b"token")
        if self._channel.knows_token(token):
            self._trusted.add(client)
        if self._lookers and client.resuming:
            # A page that has reloaded times what it takes in from its first update on; how far away it is, it
            # tells with all others.
            self._number(client)
            client.send(LOOK, {})

    def _begin(self, data: Json, client: WebSocketClient) -> None:
        if client not in self._trusted or client in self._lookers:
            return
        client.step_aside()
        if not self._lookers:
            self._channel.on("message", self._heard)
            self._channel.hub.tap = self._sent
            self._newest_update = self._newest()
            self._steps = 0
            asyncio.get_running_loop().call_soon(self._step)
        self._lookers[client] = _Looker(self._messages.last)

    def _send(self, data: Json, client: WebSocketClient) -> None:
        if client not in self._lookers or not isinstance(data, dict):
            return
        event = data.get("event")
        if isinstance(event, str) and 0 < len(event) <= _MAX_NAME:
            try:
                self._channel.send(event, data.get("data"))
            except HotChannelError as error:
                client.send(TOLD, {"problem": str(error)})

    def _reload(self, data: Json, client: WebSocketClient) -> None:
        if client in self._lookers:
            self._channel.send(FullReload(path="*"))

    # What is seen.

    def _heard(self, client: WebSocketClient, message: str | bytes) -> None:
        binary = unpack(message) if isinstance(message, bytes) and is_binary(message) else None
        content = binary if isinstance(binary, Binary) else message
        head = head_of(content)
        if client not in self._lookers and head[1] not in _OWN:
            self._messages.add(content, way="in", at=time.time(), who=client.address, head=head)

    def _sent(
        self, content: bytes | Binary, kind: str, client: WebSocketClient | None, since: float | None
    ) -> None:
        head = head_of(content)
        if head[1] in _OWN:
            return
        pages = len(self._channel.clients)
        who = client.address if client else f"{pages} page{'' if pages == 1 else 's'}"
        self._messages.add(content, way="out", at=time.time(), who=who, head=head)
        match hmr_payload(kind, content):
            case Update(updates) if updates:
                self._boundaries = [(entry.path, entry.accepted_path) for entry in updates]
                self._is_reload = False
                self._lit = self._newest_update = updates[0].timestamp
                self._timed(self._origin() or updates[0].accepted_path, self._lit, since)
            case FullReload() as reload:
                newest = self._newest()
                # A page's own file is no module: nothing of the graph is on its way.
                self._lit = newest if newest > self._newest_update else 0
                self._newest_update = newest
                self._is_reload = True
                self._boundaries = []
                file = reload.triggered_by or reload.path or "*"
                self._timed(file.rpartition("/")[2], 0, since)
            case _:
                pass

    def _timed(self, label: str, timestamp: int, since: float | None) -> None:
        if since is not None:
            took = time.perf_counter() - since
            self._saves.append(Save(next(self._save_numbers), label, timestamp, took))

    def _origin(self) -> str:
        """Return the URL of what was saved: it is on the update's way, and nothing that it imports is."""
        for node in self._graph:
            if node.timestamp == self._lit and all(each.timestamp != self._lit for each in node.imports):
                return node.url
        return ""

    def _newest(self) -> int:
        return max((node.timestamp for node in self._graph), default=0)

    def _seen(self, data: Json, client: WebSocketClient) -> None:
        page = self._pages.get(client)
        if page is None or not isinstance(data, dict):
            return
        path = data.get("page")
        page.path = path[:_MAX_NAME] if isinstance(path, str) else None
        if data.get("id") == self._steps // _LOOK_EVERY:
            page.latency = round((time.perf_counter() - self._asked_at) * 1000, 1)

    def _applied(self, data: Json, client: WebSocketClient) -> None:
        page = self._pages.get(client)
        if page is None or not isinstance(data, dict):
            return
        took, timestamp = data.get("ms"), data.get("timestamp")
        if not isinstance(took, (int, float)) or not 0 <= took <= _LONGEST:
            return
        for save in self._saves:
            if save.timestamp and save.timestamp == timestamp and len(save.applied) < _MAX_PAGES:
                save.applied.setdefault(page.number, took)

    # What is told.

    def _step(self) -> None:
        for gone in [each for each in self._lookers if each.ready_state is not ReadyState.OPEN]:
            del self._lookers[gone]
        if not self._lookers:
            self._channel.off("message", self._heard)
            self._channel.hub.tap = None
            return
        asyncio.get_running_loop().call_later(_STEP, self._step)
        if self._steps % _LOOK_EVERY == 0:
            self._look()
        sections = self._sections()
        self._steps += 1
        for client, looker in self._lookers.items():
            told: dict[str, Json] = {
                name: content for name, content in sections.items() if looker.sections.get(name) != content
            }
            if messages := self._messages.since(looker.messages):
                told["messages"] = messages
                told["skipped"] = self._messages.last - looker.messages - len(messages)
            looker.messages, looker.sections = self._messages.last, sections
            if told:
                client.send(TOLD, told)

    def _look(self) -> None:
        self._asked_at = time.perf_counter()
        for client in self._shown_clients():
            # Only our client asks to resume, and only that knows what to answer.
            if client.resuming:
                client.send(LOOK, {"id": self._steps // _LOOK_EVERY})

    def _shown_clients(self) -> list[WebSocketClient]:
        return sorted(self._channel.clients, key=self._number)[:_MAX_PAGES]

    def _number(self, client: WebSocketClient) -> int:
        page = self._pages.get(client)
        if page is None:
            page = self._pages[client] = _Page(next(self._numbers))
        return page.number

    def _sections(self) -> dict[str, Json]:
        stats = self._channel.stats()
        return {
            "clients": [self._row(client) for client in self._shown_clients()],
            "numbers": {
                "clients": stats.clients,
                "refused": sum(stats.refused.values()),
                "messagesIn": stats.messages_in,
                "messagesOut": stats.messages_out,
                "bytesIn": stats.bytes_in,
                "bytesOut": stats.bytes_out,
                "dropped": stats.dropped,
                "outbox": stats.outbox_bytes,
            },
            "refusals": [
                {
                    "at": round(refusal.time * 1000),
                    "reason": refusal.reason,
                    "address": refusal.address,
                    "text": str(refusal.described).strip(),
                }
                for refusal in self._channel.recent_refusals
            ],
            "saves": [save.shown() for save in self._saves],
            "graph": picture_of(
                self._graph, lit=self._lit, boundaries=self._boundaries, is_reload=self._is_reload
            ),
        }

    def _row(self, client: WebSocketClient) -> dict[str, Json]:
        page = self._pages[client]
        return {
            "n": page.number,
            "address": client.address,
            "page": page.path,
            "latency": page.latency,
            "own": client.resuming,
        }
