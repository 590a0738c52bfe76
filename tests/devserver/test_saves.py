"""No save is lost: a page ends with what is on disk, or with an error where that is broken.

The page is played, as far as it takes part: it loads HTML, modules and stylesheets request by request,
keeps a module map, and does with messages what the browser client does. Files are edited between any two of
its requests, the engine hears of edits late and in batches of any size, and other tabs come in between.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import tempfile
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from hypothesis import given, settings
from hypothesis import strategies as st

from hotchannel.channel.hub import HotChannel
from hotchannel.channel.journal import Journal
from hotchannel.devserver.http import Request
from hotchannel.modules import css, html, javascript
from hotchannel.modules.syntax import SourceError
from hotchannel.modules.urls import FilePath
from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

Task: TypeAlias = "Generator[None, None, None]"
"""Something that goes on in a browser; it stops wherever something else may happen first."""

Versions: TypeAlias = "dict[str, int | None]"
"""By path, the number that tells one content of a file from another; None of an empty file."""

ACCEPT = "import.meta.hot.accept"
MODULES = ("main.js", "other.js", "a.js", "lib/b.js", "lib/c.js")
SHEETS = ("theme.css", "page.css", "base.css")
PATIENCE = 10.0


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

    def __init__(self) -> None:
        self.messages: deque[Any] = deque()

    def write(self, message: bytes) -> None:
        self.messages.append(json.loads(message))

    def send(self, message: object, data: object = None) -> None:
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
        self.tab = Tab()
        self.reload()

    def reload(self) -> None:
        """Begin anew, with an empty module map."""
        self.server.hub.leave(self.tab)
        self.tab = Tab()
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
                    for path in message["paths"]:
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


@dataclass
class Truth:
    """What a page has to show, read from disk.

    Attributes:
        modules: none where one of them is broken or missing.
        links: by stylesheet, what it consists of.
        is_told: an error is shown; of a missing script of the page itself only the browser's console tells.
    """

    modules: Versions | None
    links: dict[str, Versions]
    is_told: bool = True

    @classmethod
    def of(cls, root: Path) -> Truth:
        """Read it from the files alone."""
        document = html.analyze((root / "index.html").read_text())
        links = {link: _sheets(root, link) for each in document.stylesheets if (link := each.get("href"))}
        modules: Versions = {}
        pending = [each.get("src") or "" for each in document.scripts]
        if not all((root / path[1:]).is_file() for path in pending):
            return cls(None, links, is_told=False)
        while pending:
            path = pending.pop()
            if path in modules:
                continue
            try:
                text = (root / path[1:]).read_text()
                found = () if path.endswith(".css") else javascript.analyze(text).imports
            except (OSError, SourceError):
                return cls(None, links)
            modules[path] = version_in(text)
            pending += [urljoin(path, site.specifier or "") for site in found]
        return cls(modules, links)

    def difference(self, page: Page) -> str:
        """Say how `page` differs; empty where it does not."""
        is_broken = self.modules is None
        if page.has_overlay != is_broken and self.is_told:
            return f"there {'is no' if is_broken else 'is an'} overlay"
        if self.modules is not None:
            shown = {path: page.shown.get(path, "nothing") for path in self.modules}
            if shown != self.modules:
                return f"the page shows {shown}, on disk is {self.modules}"
        for path, sheets in self.links.items():
            # A stylesheet that is gone browsers cope with: the page goes on with what it had.
            if None not in sheets.values() and page.links.get(path) != sheets:
                return f"the page shows {page.links.get(path)} for {path}, on disk is {sheets}"
        return ""


def _sheets(root: Path, path: str) -> Versions:
    sheets: Versions = {}
    pending = [path]
    while pending:
        path = pending.pop()
        file = root / path[1:]
        text = file.read_text() if file.is_file() else ""
        sheets[path] = version_in(text)
        pending += [urljoin(path, each.value) for each in css.analyze(text).imports]
    return sheets


@st.composite
def scripts(draw: st.DrawFn, path: str) -> str:
    """The text of a module; `#` becomes another number each time it is written."""
    names = (*MODULES, "theme.css")
    relative = [os.path.relpath(name, Path(path).parent) for name in names]
    imported = [f"./{each}" for each in draw(st.lists(st.sampled_from(relative), max_size=3, unique=True))]
    lines = [f"import '{each}';" for each in imported] + ["export let v = #;"]
    lines += draw(st.sampled_from([[], [], [f"{ACCEPT}();"], [f"{ACCEPT}({json.dumps(imported[:1])});"]]))
    return "".join(lines) + draw(st.sampled_from([""] * 7 + ["("]))


PAGES = [
    '<link rel="stylesheet" href="/page.css"><script type="module" src="/main.js"></script><p>#',
    '<script type="module" src="/main.js"></script><script type="module" src="/other.js"></script><p>#',
]
IMPORTING_SHEET = '@import "./base.css"; b { --v = # }'
SHEET = "b { --v = # }"


def contents(name: str) -> st.SearchStrategy[str]:
    """The text of a file of this name."""
    if name.endswith(".js"):
        return scripts(name)
    if name.endswith(".html"):
        return st.sampled_from(PAGES)
    return st.sampled_from([SHEET, IMPORTING_SHEET] if name == "page.css" else [SHEET])


@dataclass(frozen=True)
class Edit:
    """Something that an editor, a tool or a version control system does to a file, or to the folder `lib`."""

    kind: str
    name: str
    text: str = ""
    others: tuple[str, str] = ("", "")

    def make(self, root: Path, number: int) -> list[Path]:
        """Do it, and give the files that it was done to; `number` is that of what is written."""
        file, text = root / self.name, self.text.replace("#", str(number))
        match self.kind:
            case "write":
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            case "replace":
                file.parent.mkdir(exist_ok=True)
                other = file.with_name(f"{file.name}~")
                other.write_text(text)
                other.replace(file)
                return [other, file]
            case "remove":
                file.unlink(missing_ok=True)
            case "touch" if file.exists():
                os.utime(file)
            case "swap":
                return self._swap(file, number)
        return [file]

    def _swap(self, folder: Path, number: int) -> list[Path]:
        new, old = folder.with_name("new"), folder.with_name("old")
        new.mkdir()
        for name, text in zip(("b.js", "c.js"), self.others, strict=True):
            (new / name).write_text(text.replace("#", str(number)))
        before: list[Path] = []
        if folder.exists():
            before = list(folder.iterdir())
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        return [*before, *folder.iterdir()]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    name = draw(st.sampled_from([*MODULES * 2, *SHEETS, "index.html", "lib"]))
    if name == "lib":
        return Edit("swap", name, others=(draw(scripts("lib/b.js")), draw(scripts("lib/c.js"))))
    kinds = ["write", "write", "write", "replace", "empty", "touch", "remove"]
    kind = draw(st.sampled_from(["write", "replace"] if name == "index.html" else kinds))
    if kind == "empty":
        return Edit("write", name)
    return Edit(kind, name, draw(contents(name)) if kind in ("write", "replace") else "")


STEP: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("edit"), edits()),
    st.tuples(st.just("tell"), st.integers(1, 5)),
    st.tuples(st.just("page"), st.lists(st.integers(0, 5), min_size=1, max_size=8)),
    st.tuples(st.just("page"), st.lists(st.integers(0, 5), min_size=1, max_size=20)),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("visit"), st.none()),
)


class Events:
    """Edits that the engine is told of later, with what it takes for the middle of a save."""

    def __init__(self, tell: Callable[..., tuple[FilePath, ...]]) -> None:
        self.tell = tell
        self.untold: list[Path] = []
        self.unsettled: dict[FilePath, int] = {}

    def flush(self, count: int) -> None:
        told, self.untold = self.untold[:count], self.untold[count:]
        files = list(dict.fromkeys(FilePath(str(file)) for file in told))
        for file in files:
            self.unsettled.pop(file, None)
        self.unsettled |= dict.fromkeys(self.tell(files), 0)

    def settle(self) -> None:
        for file, turns in list(self.unsettled.items()):
            del self.unsettled[file]
            if self.tell([file], settled=turns >= 2):
                self.unsettled[file] = turns + 1


@contextmanager
def _served() -> Iterator[tuple[Server, Page]]:
    """A folder in which all is well, and a page that has loaded."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "lib").mkdir()
        files = dict.fromkeys(MODULES, "export let v = 0") | dict.fromkeys(SHEETS, SHEET)
        files |= {"index.html": PAGES[0], "page.css": IMPORTING_SHEET}
        files["main.js"] = f"import './a.js'; import './theme.css'; export let v = 0; {ACCEPT}();"
        for file, text in files.items():
            (root / file).write_text(text.replace("#", "0"))
        server = Server(root)
        page = Page(server)
        _rest(page)
        assert Truth.of(root).difference(page) == ""
        yield server, page


def _rest(page: Page) -> None:
    for turn in range(10_000):
        if page.is_idle:
            return
        page.step(turn)
    raise AssertionError("the page does not come to rest")


@settings(max_examples=5000, deadline=None)
@given(st.lists(STEP, max_size=30))
def test_a_page_ends_with_what_is_on_disk(steps: list[tuple[str, Any]]) -> None:
    with _served() as (server, page):
        root = server.folder.path
        numbers = itertools.count(1)
        events = Events(server.folder.engine.saved)
        for kind, what in steps:
            match kind:
                case "edit":
                    events.untold += what.make(root, next(numbers))
                case "tell":
                    events.flush(what)
                case "settle":
                    events.settle()
                case "page":
                    for choice in what:
                        page.step(choice)
                case "visit":
                    _rest(Page(server))
        while events.untold or events.unsettled or not page.is_idle:
            events.flush(len(events.untold))
            events.settle()
            _rest(page)

        assert Truth.of(root).difference(page) == ""
        fresh = Page(server)
        _rest(fresh)
        assert Truth.of(root).difference(fresh) == "", "a page that is opened now"
