"""One module graph for several processes that share a channel.

Role: one process leads: its watcher and its graph are the ones that count. All tell one another what they
have served, which the leader takes in as if it had been asked itself, and what browsers say; it tells them
the timestamps that modules get, so that all serve the same URLs. When it is gone, the next leader takes in
all that anybody has served, the one that is gone too, and compares the files.

Invariant: an update is decided in one process only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from hotchannel.channel.printable import printable
from hotchannel.devserver.answering import OWN
from hotchannel.devserver.http import PASS, FileSlice, Request, Response
from hotchannel.devserver.modules import CLIENT
from hotchannel.devserver.served import digest
from hotchannel.modules.urls import FilePath, ModuleId, split_query
from hotchannel.wire.payloads import Prune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hotchannel.devserver.answering import Answers
    from hotchannel.devserver.clock import Clock
    from hotchannel.devserver.engine import HotEngine
    from hotchannel.devserver.watcher import SaveListener
    from hotchannel.hmr.graph import ModuleGraph, ModuleNode
    from hotchannel.websocket.server import WebSocketServer
    from hotchannel.wire.payloads import HotPayload

__all__ = ["LeadersWord", "Sharing"]

_log = logging.getLogger("hotchannel.server")

_MOMENT = 0.02
"""Seconds for which what is served is gathered."""

_REPORTED = 500
"""Requests that one message tells of: an engine takes only so much at once."""

_MOST = 5000
"""Requests that are kept for the next leader."""

_KEPT = ("accept", "sec-fetch-dest", "sec-fetch-mode")
"""Headers by which the answer is another one."""


_GRAIN = 0.01
"""Seconds by which the time of a file may be behind the clock."""


class _Asked(msgspec.Struct, frozen=True, array_like=True):
    """A request that was answered: its target, some headers, and when it came, in seconds since 1970."""

    target: str
    headers: dict[str, str]
    at: float


class _Report(msgspec.Struct, frozen=True, array_like=True):
    """What one process has served."""

    process: str
    requests: list[_Asked]


class _Stamps(msgspec.Struct, frozen=True, array_like=True):
    """What the leader has decided."""

    process: str
    timestamp: int
    modules: list[str]
    files: list[str]


class LeadersWord:
    """The channel as the compiler sees it: only who has the whole graph can tell what nothing imports."""

    def __init__(self, channel: WebSocketServer) -> None:
        self._channel = channel
        self.fail = channel.fail
        self.recover = channel.recover
        self.position = channel.position

    def send(self, payload: HotPayload, /) -> None:
        """Send to every page."""
        if self._channel.is_leader or not isinstance(payload, Prune):
            self._channel.send(payload)


class Sharing:
    """This process's part.

    Args:
        channel: that is shared.
        graph: of this process.
        clock: stamps updates.
        engine: decides, while this process leads.
        site: takes in what others have served.
        forget_templates: drops what this process has kept of its templates.
    """

    def __init__(
        self,
        channel: WebSocketServer,
        graph: ModuleGraph,
        clock: Clock,
        *,
        engine: HotEngine,
        site: Answers,
        forget_templates: Callable[[], object] = lambda: None,
    ) -> None:
        self._process = secrets.token_urlsafe(6)
        self._channel = channel
        self._graph = graph
        self._clock = clock
        self._engine = engine
        self._site = site
        self._served: dict[tuple[str, str], _Asked] = {}
        self._unsaid: list[_Asked] = []
        # When a leader has last decided what a save of a file means, in seconds since 1970.
        self._decided: dict[str, float] = {}
        graph.touched = self._stamp
        channel.led(self._lead)
        channel.heard("served", self._hear_served)
        channel.heard("stamps", self._hear_stamps)
        channel.heard("leading", self._hear_leader)
        channel.on("vite:invalidate", lambda data, _: channel.tell("invalidated", data))
        channel.heard("invalidated", self._hear_invalidated)
        channel.heard("templates", lambda _: forget_templates())

    def served(self, request: Request, response: Response, asked: float) -> None:
        """This process has answered a request that came at `asked`: the leader has to know of it."""
        if not self._channel.is_shared or response is PASS or response.status in (400, 403, 404, 405):
            return
        if CLIENT in request.target or OWN in request.target:
            return
        headers = {name: value for name in _KEPT if (value := request.header(name))}
        said = _Asked(request.target, headers, asked)
        self._keep(said)
        self._say(said)

    def templates_changed(self) -> None:
        """A template was saved: all processes forget theirs, ahead of what is sent next."""
        self._channel.tell("templates", None)

    def saves(self, saves: SaveListener) -> SaveListener:
        """Return what hears of saves only while this process leads."""
        return _LeadersSaves(self._channel, saves)

    def _say(self, *requests: _Asked) -> None:
        if not self._unsaid:
            asyncio.get_running_loop().call_later(_MOMENT, self._report)
        self._unsaid += requests

    def _report(self) -> None:
        unsaid, self._unsaid = self._unsaid, []
        for start in range(0, len(unsaid), _REPORTED):
            report = _Report(self._process, unsaid[start : start + _REPORTED])
            self._channel.tell("served", msgspec.to_builtins(report))

    def _stamp(self, nodes: Iterable[ModuleNode], timestamp: int) -> None:
        if not self._channel.is_shared:
            return
        nodes = tuple(nodes)
        stamps = _Stamps(
            self._process, timestamp, [node.id for node in nodes], list({node.file for node in nodes})
        )
        self._channel.tell("stamps", msgspec.to_builtins(stamps))

    def _lead(self, is_leader: bool) -> None:
        if not is_leader:
            return
        self._channel.tell("leading", self._process)
        # What was saved while nobody led.
        outdated = self._take_in(self._served.values())
        self._engine.overtaken(self._made_of(outdated))
        self._engine.saved([file for file in self._graph.files() if file not in outdated], settled=True)

    def _hear_leader(self, process: Any) -> None:
        if process != self._process and self._served:
            self._say(*self._served.values())

    def _hear_served(self, data: Any) -> None:
        report = msgspec.convert(data, _Report)
        if report.process == self._process:
            return
        for asked in report.requests:
            # For the day on which this process leads, be it because that one has ended.
            self._keep(asked)
        if self._channel.is_leader:
            known = {node for node in self._graph if node.self_accepting is not None}
            outdated = self._take_in(report.requests)
            # A save that came ahead of the report meant nothing for what was not known.
            self._engine.overtaken(node for node in self._made_of(outdated) if node not in known)

    def _keep(self, asked: _Asked) -> None:
        path, _ = split_query(asked.target)
        key = (path, asked.headers.get("sec-fetch-dest", ""))
        self._served.pop(key, None)
        self._served[key] = asked
        if len(self._served) > _MOST:
            del self._served[next(iter(self._served))]

    def _take_in(self, requests: Iterable[_Asked]) -> dict[FilePath, None]:
        """Do as if this process had been asked; returns the files of modules that were saved since."""
        outdated: dict[FilePath, None] = {}
        for asked in requests:
            try:
                response = self._site.respond(Request("GET", asked.target, asked.headers))
            except Exception:
                # One that cannot be answered here, as where a plugin fails, costs the others nothing.
                _log.exception("cannot take in what another process has served: %s", printable(asked.target))
                continue
            if response is None:
                continue
            if isinstance(response.body, FileSlice):
                response.body.file.close()
            decided = self._decided.get(response.file, 0.0)
            if response.file and _saved_since(response.file, max(asked.at, decided)):
                outdated[FilePath(response.file)] = None
        return outdated

    def _made_of(self, files: Iterable[FilePath]) -> Iterator[ModuleNode]:
        return (node for file in files for node in self._graph.of_file(file))

    def _hear_invalidated(self, data: Any) -> None:
        if self._channel.is_leader:
            self._engine.invalidated(data)

    def _hear_stamps(self, data: Any) -> None:
        stamps = msgspec.convert(data, _Stamps)
        if stamps.process == self._process:
            return
        self._clock.saw(stamps.timestamp)
        self._graph.stamp(map(ModuleId, stamps.modules), stamps.timestamp)
        files = list(map(FilePath, stamps.files))
        self._decided |= dict.fromkeys(files, stamps.timestamp / 1000 + _GRAIN)
        self._engine.mended(files)
        for file in files:
            content = self._engine.read(file)
            if content is not None:
                self._graph.changed(file, digest(content))


def _saved_since(file: str, moment: float) -> bool:
    try:
        return os.stat(file).st_mtime > moment - _GRAIN
    except OSError:
        return False


class _LeadersSaves:
    """Hears of saves while this process leads."""

    def __init__(self, channel: WebSocketServer, saves: SaveListener) -> None:
        self._channel = channel
        self._saves = saves

    def saved(self, files: Iterable[FilePath], *, settled: bool = False) -> tuple[FilePath, ...]:
        """Take in a batch, or leave it to the leader."""
        return self._saves.saved(files, settled=settled) if self._channel.is_leader else ()

    def known_files(self, folder: str) -> Iterable[FilePath]:
        """Return the files below `folder` that a browser may show."""
        return self._saves.known_files(folder)
