"""Scenarios: files, what is done to them, and what each step must bring to a page, with nothing beside it.

A step ends when everything it must bring has come. Then a beacon, a module of the page's own, is saved: once
the page shows it, all that came before was handled, so that whatever is there and was not expected is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.devserver.app import DevServer
    from support.project import Folder
    from support.tab import Tab

__all__ = [
    "ACCEPT",
    "VALUE",
    "Save",
    "Scenario",
    "Seen",
    "Step",
    "Stock",
    "delete",
    "edit",
    "move",
    "page",
    "play",
    "write",
]

T = TypeVar("T")
Save = Callable[["Folder"], None]

ACCEPT = "import.meta.hot.accept();\n"
VALUE = 'export const value = "v1";\n'

BEACON = "/beacon.js"
_BEACON = 'document.documentElement.dataset.beacon = "0";\n' + ACCEPT
# `note` outlives reloads, since what happens on the way to one counts too.
_HARNESS = """<script>
window.show = (text) => { document.querySelector("#out").textContent = text; };
window.note = (text) => { sessionStorage.notes = (sessionStorage.notes ?? "") + text + "\\n"; };
</script>"""
BEACON_SEEN = "document.documentElement.dataset.beacon"
_TEXT = 'document.querySelector("#out").textContent'


def page(head: str = "", body: str = "", *, script: str | None = "/src/main.js", title: str = "Test") -> str:
    """An HTML page with an element `#out`, the functions `show` and `note`, and the beacon."""
    tag = "" if script is None else f'<script type="module" src="{script}"></script>'
    return (
        f"<!doctype html>\n<html><head><title>{title}</title>{_HARNESS}{head}</head>\n"
        f'<body><p id="out">{title}</p>{body}<script type="module" src="{BEACON}"></script>{tag}'
        "</body></html>\n"
    )


def edit(path: str, old: str = "v1", new: str = "v2") -> Save:
    """Replace text in a file."""
    return lambda folder: folder.edit(path, old, new)


def write(path: str, content: str | bytes) -> Save:
    """Save a file, made where it is new."""
    return lambda folder: folder.write(path, content)


def delete(path: str) -> Save:
    """Remove a file."""
    return lambda folder: folder.delete(path)


def move(old: str, new: str) -> Save:
    """Rename a file."""
    return lambda folder: folder.move(old, new)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step brought to a tab.

    Attributes:
        brings: the messages: `update BOUNDARY`, `update BOUNDARY < DEPENDENCY`, `swap STYLESHEET`,
            `full-reload [PATH]`, `prune PATH`, `error`.
        shows: what the page shows at the end.
        notes: what its modules noted.
        reloads: whether the page was loaded anew.
        gone: whether that left no page with a channel.
    """

    brings: tuple[str, ...]
    shows: str
    notes: tuple[str, ...]
    reloads: bool
    gone: bool = False

    def __str__(self) -> str:
        parts = [", ".join(self.brings) or "no message"]
        if self.notes:
            parts.append(f"notes “{'”, “'.join(self.notes)}”")
        if self.gone:
            parts.append("reloads into an error page")
        else:
            parts.append(f"{'reloads and shows' if self.reloads else 'shows'} “{self.shows}”")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Stock:
    """Where npm's Vite differs in a step; None is as ours.

    Attributes:
        ends: what follows in the scenario makes no sense after that.
    """

    brings: tuple[str, ...] | None = None
    shows: str | None = None
    notes: tuple[str, ...] | None = None
    reloads: bool | None = None
    gone: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done, and what must come of it.

    Attributes:
        saves: what happens to files, in one go.
        brings: messages, as in `Seen`.
        shows: as in `Seen`; None is as before.
        notes, reloads: as in `Seen`.
        does: JavaScript that the first tab runs ahead of it.
        elsewhere: what the second tab sees where it differs.
        stock: where npm's Vite differs.
    """

    saves: tuple[Save, ...] | Save = ()
    brings: tuple[str, ...] | str = ()
    shows: str | None = None
    notes: tuple[str, ...] | str = ()
    reloads: bool = False
    does: str = ""
    elsewhere: Stock | None = None
    stock: Stock | None = None
    stock_elsewhere: Stock | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of `docs/hmr-conformance.md`.

    Attributes:
        says: the behaviour, in a sentence.
        files: beside `index.html`, which is `page()` where it is not given.
        shows: what the page shows at first.
        steps: what happens then.
        why: what is better about ours, where it differs.
        at_first: messages that come with the page.
        notes: what modules note at first.
        tabs: the pages that are open.
        shows_elsewhere: what the second page shows at first where it differs.
        probe: JavaScript that gives what the page shows.
        stock_files: files for npm's Vite only: its configuration.
        stock: where npm's Vite differs from the beginning; there it ends.
        serve: what our server does beside serving, told when it is there.
    """

    says: str
    files: Mapping[str, str | bytes]
    shows: str
    steps: tuple[Step, ...] | Step
    why: str = ""
    at_first: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tabs: tuple[str, ...] = ("",)
    shows_elsewhere: str | None = None
    probe: str = _TEXT
    stock_files: Mapping[str, str] = field(default_factory=dict)
    stock: Stock | None = None
    serve: Callable[[DevServer], None] | None = None

    def first(self, *, stock: bool) -> list[Seen]:
        """What every tab is like before anything is done."""
        here = Seen(self.at_first, self.shows, self.notes, reloads=False)
        there = here if self.shows_elsewhere is None else replace(here, shows=self.shows_elsewhere)
        first = [here, *[there] * (len(self.tabs) - 1)]
        return [_differing(seen, self.stock) for seen in first] if stock and self.stock else first

    def all_files(self, *, stock: bool) -> dict[str, str | bytes]:
        """What the folder has in it at first."""
        return {
            "index.html": page(),
            BEACON[1:]: _BEACON,
            **self.files,
            **(self.stock_files if stock else {}),
        }

    def expected(self, *, stock: bool) -> list[list[Seen]]:
        """What every step brings to every tab."""
        if stock and self.stock:
            return []
        shows = [seen.shows for seen in self.first(stock=stock)]
        expected: list[list[Seen]] = []
        for step in _tuple(self.steps):
            ours = Seen(_tuple(step.brings), step.shows or "", _tuple(step.notes), step.reloads)
            row: list[Seen] = []
            for index in range(len(self.tabs)):
                differences = [
                    step.elsewhere if index else None,
                    step.stock if stock else None,
                    step.stock_elsewhere if stock and index else None,
                ]
                default = shows[index] if step.shows is None else ours.shows
                seen = Seen(ours.brings, default, ours.notes, ours.reloads)
                for difference in differences:
                    if difference is not None:
                        seen = _differing(seen, difference)
                shows[index] = seen.shows
                row.append(seen)
            expected.append(row)
            if stock and step.stock is not None and step.stock.ends:
                break
        return expected


def play(scenario: Scenario, folder: Folder, url: str, tabs: list[Tab], *, stock: bool) -> None:
    """Run a scenario and hold what comes against what must."""
    for tab, path, seen in zip(tabs, scenario.tabs, scenario.first(stock=stock), strict=True):
        tab.open(url + path)
        tab.until_value(BEACON_SEEN, "0")
        _await(tab, seen, 0, 0, scenario.probe)
        observed = _seen(tab, seen, 0, 0, scenario.probe)
        assert observed == seen, f"at first:\n{observed}\n  expected\n{seen}"
        if "error" in seen.brings or (stock and scenario.stock):
            tab.errors.clear()
    expected = scenario.expected(stock=stock)
    for number, (step, row) in enumerate(zip(_tuple(scenario.steps), expected, strict=False), 1):
        before = [(len(tab.messages), len(_notes(tab))) for tab in tabs]
        if step.does:
            tabs[0].page.evaluate(step.does)
        for save in _tuple(step.saves):
            save(folder)
        for tab, seen, (count, noted) in zip(tabs, row, before, strict=True):
            _await(tab, seen, count, noted, scenario.probe)
        # A stock page that shows an error would take the beacon for its repair.
        fails = any("error" in seen.brings or seen.gone for seen in row)
        if not fails:
            folder.write(BEACON[1:], _BEACON.replace('"0"', f'"{number}"'))
        for index, (tab, seen, (count, noted)) in enumerate(zip(tabs, row, before, strict=True)):
            if not fails:
                tab.until_value(BEACON_SEEN, str(number))
            observed = _seen(tab, seen, count, noted, scenario.probe)
            assert observed == seen, f"step {number}, tab {index}:\n{observed}\n  expected\n{seen}"
            if fails or (stock and step.stock):
                # What the browser says of a module that the server refuses, or that stock lets through.
                tab.errors.clear()


def _await(tab: Tab, seen: Seen, count: int, noted: int, probe: str) -> None:
    tab.until(lambda: len(_shown(tab.messages[count:])) >= len(seen.brings), f"{seen.brings}")
    if seen.gone:
        tab.until(lambda: tab.value("location.protocol") == "chrome-error:", "an error page")
        return
    if seen.reloads:
        tab.wait_for_reload()
    tab.until_value(probe, seen.shows)
    tab.until(lambda: len(_notes(tab)) >= noted + len(seen.notes), f"{seen.notes}, not {_notes(tab)}")


def _seen(tab: Tab, expected: Seen, count: int, noted: int, probe: str) -> Seen:
    if expected.gone:
        return replace(expected, brings=_shown(tab.messages[count:]))
    reloads = expected.reloads if tab.kept else not expected.reloads
    return Seen(_shown(tab.messages[count:]), str(tab.value(probe)), _notes(tab)[noted:], reloads)


def _notes(tab: Tab) -> tuple[str, ...]:
    text: str = tab.value("sessionStorage.notes ?? ''") or ""
    return tuple(text.splitlines())


def _shown(messages: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    shown: list[str] = []
    for message in messages:
        match message["type"]:
            case "update":
                # Which of two importers comes first hangs on which was served first.
                shown += sorted(_entry(entry) for entry in message["updates"] if entry["path"] != BEACON)
            case "full-reload":
                path = message.get("path", "*")
                shown.append("full-reload" if path == "*" else f"full-reload {path}")
            case "prune":
                shown.append(f"prune {' '.join(message['paths'])}")
            case "error":
                shown.append("error")
            case "custom":
                shown.append(f"custom {message['event']}")
    return tuple(shown)


def _entry(entry: dict[str, Any]) -> str:
    # Stock marks a linked stylesheet's URL by `?direct`.
    path, accepted = (
        re.sub(r"\?direct(&|$)", lambda found: "?" if found[1] else "", entry[key])
        for key in ("path", "acceptedPath")
    )
    shown = f"{'swap' if entry['type'] == 'css-update' else 'update'} {path}"
    if accepted != path:
        shown += f" < {accepted}"
    if entry.get("isWithinCircularImport"):
        shown += " (circular)"
    if first := entry.get("firstInvalidatedBy"):
        shown += f" (invalidated by {first})"
    return shown


def _differing(seen: Seen, difference: Stock) -> Seen:
    return Seen(
        seen.brings if difference.brings is None else difference.brings,
        seen.shows if difference.shows is None else difference.shows,
        seen.notes if difference.notes is None else difference.notes,
        seen.reloads if difference.reloads is None else difference.reloads,
        difference.gone,
    )


def _tuple(value: tuple[T, ...] | T) -> tuple[T, ...]:
    return value if isinstance(value, tuple) else (value,)
