"""No save is lost: a page ends with what is on disk, or with an error where that is broken.

Files are edited between any two requests of a played page, the engine hears of edits late and in batches
of any size, and other tabs come in between. `tests/browser/test_saves.py` does it with a real browser.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hypothesis import given, settings
from hypothesis import strategies as st

from hotchannel.modules import css, html, javascript
from hotchannel.modules.syntax import SourceError
from hotchannel.modules.urls import FilePath
from support.played_page import Page, Server, Versions, version_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCEPT = "import.meta.hot.accept"
MODULES = ("main.js", "other.js", "a.js", "lib/b.js", "lib/c.js")
SHEETS = ("theme.css", "page.css", "base.css")


@dataclass
class Truth:
    """What a page has to show, read from disk.

    Attributes:
        modules: none where one of them is broken or missing.
        links: by stylesheet, what it consists of.
        lacks_sheet: one of them imports what is not there.
        is_told: an error is shown; of a missing script of the page itself only the browser's console tells.
    """

    modules: Versions | None
    links: dict[str, Versions]
    lacks_sheet: bool
    is_told: bool = True

    @classmethod
    def of(cls, root: Path) -> Truth:
        """Read it from the files alone."""
        document = html.analyze((root / "index.html").read_text())
        links = {link: _sheets(root, link) for each in document.stylesheets if (link := each.get("href"))}
        lacks_sheet = any(
            not (root / path[1:]).is_file()
            for link, sheets in links.items()
            for path in sheets
            if path != link
        )
        modules: Versions = {}
        pending = [each.get("src") or "" for each in document.scripts]
        if not all((root / path[1:]).is_file() for path in pending):
            return cls(None, links, lacks_sheet, is_told=lacks_sheet)
        while pending:
            path = pending.pop()
            if path in modules:
                continue
            try:
                text = (root / path[1:]).read_text()
                found = () if path.endswith(".css") else javascript.analyze(text).imports
            except (OSError, SourceError):
                return cls(None, links, lacks_sheet)
            modules[path] = version_in(text)
            pending += [urljoin(path, site.specifier or "") for site in found]
        return cls(modules, links, lacks_sheet)

    def difference(self, page: Page) -> str:
        """Say how `page` differs; empty where it does not."""
        is_broken = self.modules is None or self.lacks_sheet
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


@settings(max_examples=1000, derandomize=True, deadline=None)
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
