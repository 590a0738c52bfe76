"""A page without a browser, as far as it takes part in hot updates.

Role: loads HTML, modules and stylesheets request by request, keeps a module map, and does with messages what
the browser client does; between any two of its steps something else may happen.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from hotchannel.channel.hub import HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.devserver.http import Request
from hotchannel.modules import css, html, javascript
from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["Page", "Server", "Versions", "version_in"]

Task: TypeAlias = "Generator[None, None, None]"
"""Something that goes on in a browser; it stops wherever something else may happen first."""

Versions: TypeAlias = "dict[str, int | None]"
"""By path, the number that tells one content of a file from another; None of an empty file."""


def version_in(text: str) -> int | None:
    found = re.search(r"v = (\d+)", text)
    return int(found[1]) if found else None


class Server:
    """A folder with its site and engine; their channel is a real one."""

    def __init__(self, path: Path) -> None:
        self.folder = HotFolder(path)
        journal = Journal("e", max_messages=10_000, max_bytes=10_000_000)
        self.hub: HotChannel[Tab, bytes] = HotChannel(journal, prepare=bytes)
        for name in ("send", "fail", "recover", "position"):
            setattr(self.folder.channel, name, getattr(self.hub, name))
        self.standing = lambda: journal.standing

    def get(self, target: str, **headers: str) -> Generator[None, None, tuple[int, str]]:
        """Ask as the entrance does, which waits for a file that is empty for a moment."""
        request = Request("GET", target, {name.replace("_", "-"): each for name, each in headers.items()})
        yield
        for turn in range(3):
            response = self.folder.site.respond(request, settled=turn == 2)
            if response is not None:
                return response.status, body(response).decode()
            yield
        raise AssertionError("a settled answer is always there")


class Tab:
    """What the channel knows of a page: the messages that it was sent and has not handled."""

    resuming = True
    binary = False

    def __init__(self, instances: Counter[str]) -> None:
        self.messages: deque[Any] = deque()
        self._instances = instances

    def write(self, message: bytes) -> None:
        payload = json.loads(message)
        # The client prunes what is there when the message comes, not what is imported again before its turn.
        payload["meant"] = {path: self._instances[path] for path in payload.get("paths", ())}
        self.messages.append(payload)

    def send(self, message: object, data: object = None, meta: object = None) -> None:
        raise NotImplementedError


@dataclass
class Instance:
    """A module as it was loaded from one URL."""

    path: str
    version: int | None
    imports: list[str]
    accepts: list[str] | None


class Page:
    """A page that is open on `/`: its document loads and its messages are handled side by side."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.tab = Tab(Counter())
        self.reload()

    def reload(self) -> None:
        """Begin anew, with an empty module map."""
        self.server.hub.leave(self.tab)
        self.instances: Counter[str] = Counter()
        self.tab = Tab(self.instances)
        self.map: dict[str, Instance | None] = {}
        self.ran: set[str] = set()
        self.shown: Versions = {}
        self.links: dict[str, Versions] = {}
        self.accepts: dict[str, list[str]] = {}
        self.has_loaded = self.load_failed = self.has_overlay = self.reloads = False
        self.tasks: list[Task] = [self._load()]

    @property
    def is_idle(self) -> bool:
        """Nothing goes on, and nothing will before another message comes."""
        return self.has_loaded and not (self.tasks or self.tab.messages or self.reloads)

    def step(self, choice: int) -> None:
        """Let one of the things go on that are under way."""
        if self.reloads and choice % 3 == 0:
            self.reload()
        if self.has_loaded and not self.tasks and self.tab.messages:
            self.tasks.append(self._handle())
        if self.tasks:
            task = self.tasks[choice % len(self.tasks)]
            if next(task, self) is self:
                self.tasks.remove(task)

    def _load(self) -> Task:
        _, text = yield from self.server.get("/", accept="text/html", sec_fetch_dest="document")
        document = html.analyze(text)
        position = re.search(r'hotchannel-page" content="([^"]*)"', text)
        assert position, text
        self.tasks.append(self._connect(position[1]))
        for link in document.stylesheets:
            yield from self._style(link.get("href") or "")
        for script in document.scripts:
            url = script.get("src") or ""
            if script.get("type") == "module" and "/@vite/" not in url and not (yield from self._run(url)):
                self.load_failed = True
        self.has_loaded = True

    def _connect(self, position: str) -> Task:
        yield
        self.server.hub.join(self.tab, position)
        yield from self._handle()

    def _handle(self) -> Task:
        """Handle what has come; that of a page still loading comes later, but for errors and reloads."""
        while self.tab.messages:
            message = self.tab.messages[0]
            if message["type"] == "update":
                while not self.has_loaded:
                    yield
            self.tab.messages.popleft()
            match message["type"]:
                case "update":
                    yield from self._update(message["updates"])
                case "full-reload":
                    self.reloads = self.reloads or message.get("path", "*") in ("*", "/index.html")
                case "prune":
                    for path, instance in message["meant"].items():
                        if self.instances[path] == instance:
                            self.accepts.pop(path, None)
                            self.shown.pop(path, None)
                case "error":
                    self.has_overlay = True
            yield

    def _update(self, updates: list[dict[str, Any]]) -> Task:
        if self.load_failed and self.has_overlay:
            self.reloads = True
            return
        self.has_overlay = False
        for update in updates:
            path, accepted = update["path"], update["acceptedPath"]
            stamp = f"?t={update['timestamp']}"
            if update["type"] == "css-update":
                if path in self.links:
                    yield from self._style(path + stamp)
            elif path in self.accepts and (path == accepted or accepted in self.accepts[path]):
                is_loaded = yield from self._run(accepted + stamp)
                if not is_loaded and update["isWithinCircularImport"]:
                    self.reloads = True

    def _run(self, url: str) -> Generator[None, None, bool]:
        """Load a module with all that it imports, then run what has not run; False where one is missing."""
        pending, tree = [url], {url}
        while pending:
            name = pending.pop()
            if name not in self.map:
                self.map[name] = yield from self._fetch(name)
            loaded = self.map[name]
            if loaded is None:
                return False
            pending += [each for each in loaded.imports if each not in tree]
            tree |= set(loaded.imports)
        self._evaluate(url)
        return True

    def _evaluate(self, url: str) -> None:
        instance = self.map[url]
        if url in self.ran or instance is None:
            return
        self.ran.add(url)
        for each in instance.imports:
            self._evaluate(each)
        self.instances[instance.path] += 1
        self.shown[instance.path] = instance.version
        if instance.accepts is not None:
            self.accepts[instance.path] = instance.accepts

    def _fetch(self, url: str) -> Generator[None, None, Instance | None]:
        status, text = yield from self.server.get(url, sec_fetch_dest="script", sec_fetch_mode="cors")
        if status != 200:
            return None
        found = javascript.analyze(text)
        path = url.partition("?")[0]
        accepts: list[str] | None = None
        if found.hot is not None:
            accepts = [path] if found.hot.self_accepting else []
            accepts += [each.specifier for each in found.hot.accepted]
        imports = [urljoin(url, site.specifier or "") for site in found.imports]
        return Instance(path, version_in(text), [each for each in imports if "/@vite/" not in each], accepts)

    def _style(self, url: str) -> Task:
        headers = {"accept": "text/css,*/*;q=0.1", "sec_fetch_dest": "style"}
        status, text = yield from self.server.get(url, **headers)
        if status != 200:
            return
        path = url.partition("?")[0]
        sheets: Versions = {path: version_in(text)}
        for reference in css.analyze(text).imports:
            imported = urljoin(url, reference.value)
            status, text = yield from self.server.get(imported, **headers, referer=f"http://x{url}")
            if status == 200:
                sheets[imported.partition("?")[0]] = version_in(text)
        self.links[path] = sheets
