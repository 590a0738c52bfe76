"""What browsers say with `vite:forward-console`: printed, fit for a terminal, and no flood. Attack 17."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from attacks.messages import NASTY
from attacks.witnesses import assert_fit_for_a_terminal, echo, printed, serve_echo
from hotchannel.cli.config import load
from hotchannel.devserver import console
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.console import BrowserConsole, ConsoleLine, forwarded_levels, read_line
from hotchannel.errors import OptionError
from hotchannel.options import DevOptions
from support.asgi_servers import PATIENCE
from support.entrances import Entrance

if TYPE_CHECKING:
    from pathlib import Path

EVENT = "vite:forward-console"


def log(message: object, level: object = "warn") -> dict[str, object]:
    """What `console.warn(message)` is sent as."""
    return {"type": "log", "data": {"level": level, "message": message}}


def error(kind: object = "error", **data: object) -> dict[str, object]:
    """What an uncaught error is sent as."""
    return {"type": kind, "data": {"name": "TypeError", "message": "x is null", **data}}


V8 = """TypeError: x is null
    at bump (/src/main.js:3:9)
    at async Promise.all (index 0)
    at /src/main.js:7:1"""
GECKO = "bump@http://localhost:5173/src/main.js:3:9\n@http://localhost:5173/src/main.js:7:1\n"

LINES: dict[str, tuple[object, int, str, str]] = {
    "warn": (log("careful"), logging.WARNING, "console.warn", "careful"),
    "error": (log("bad", "error"), logging.ERROR, "console.error", "bad"),
    "log": (log("so so", "log"), logging.INFO, "console.log", "so so"),
    "debug": (log("", "debug"), logging.INFO, "console.debug", ""),
    "another method": (log("a", "table"), logging.INFO, "console.table", "a"),
    "several lines": (log("a\n  b\r\nc\n"), logging.WARNING, "console.warn", "a\n      b\n    c"),
    "tabulators": (log("a\n\tb"), logging.WARNING, "console.warn", "a\n        b"),
    "uncaught error": (error(stack=V8), logging.ERROR, "Unhandled error", V8),
    "uncaught error in Firefox": (
        error(stack=GECKO),
        logging.ERROR,
        "Unhandled error",
        "TypeError: x is null" + "".join(f"\n    {line}" for line in GECKO.split()),
    ),
    "stack that begins otherwise": (
        error(stack="Error: was called that before\n    at /a.js:1:1"),
        logging.ERROR,
        "Unhandled error",
        "TypeError: x is null\n    at /a.js:1:1",
    ),
    "no stack": (error(), logging.ERROR, "Unhandled error", "TypeError: x is null"),
    "stack null": (error(stack=None), logging.ERROR, "Unhandled error", "TypeError: x is null"),
    "no name": (error(name=""), logging.ERROR, "Unhandled error", "x is null"),
    "name that is a number": (error(name=7), logging.ERROR, "Unhandled error", "x is null"),
    "Vite's name for what is no error": (
        error("unhandled-rejection", name="Unknown Error", message="42"),
        logging.ERROR,
        "Unhandled rejection",
        "Unknown Error: 42",
    ),
    "more than it needs": (
        {**log("a"), "extra": [1], "__class__": "x"},
        logging.WARNING,
        "console.warn",
        "a",
    ),
}


@pytest.mark.parametrize(("data", "level", "kind", "text"), LINES.values(), ids=LINES)
def test_read_line(data: object, level: int, kind: str, text: str) -> None:
    assert read_line(data) == ConsoleLine(level, kind, text)


IGNORED: dict[str, object] = {
    "null": None,
    "list": [],
    "string": "log",
    "number": 7,
    "empty": {},
    "no data": {"type": "log"},
    "data null": {"type": "log", "data": None},
    "data that is a list": {"type": "log", "data": ["warn", "a"]},
    "no type": {"data": {"level": "warn", "message": "a"}},
    "unknown type": {"type": "shout", "data": {"level": "warn", "message": "a"}},
    "type that is a list": {"type": ["log"], "data": {"level": "warn", "message": "a"}},
    "no message": {"type": "log", "data": {"level": "warn"}},
    "message null": log(None),
    "message that is an object": log({"toString": 1}),
    "no level": {"type": "log", "data": {"message": "a"}},
    "level that is an object": log("a", {}),
    "level empty": log("a", ""),
    "level with controls": log("a", "warn\x1b[2J"),
    "level with a line of its own": log("a", "warn\n"),
    "level of 100 kB": log("a", "w" * 100_000),
    "error without message": {"type": "error", "data": {"name": "Error"}},
    "error whose message is a list": error(message=["a"]),
    "what the server told Vite's client": log("[vite] Internal Server Error\nno\nstack", "error"),
}


@pytest.mark.parametrize("data", IGNORED.values(), ids=IGNORED)
def test_what_is_no_line_is_ignored(data: object) -> None:
    assert read_line(data) is None


HUGE: dict[str, object] = {
    "message of 1 MB": log("m" * 1_000_000),
    "100,000 lines": log("m\n" * 100_000),
    "100,000 blank lines": log("\n" * 100_000 + "end"),
    "tabulators": log("\t" * 1_000_000),
    "controls": log("\x1b" * 1_000_000),
    "name of 1 MB": error(name="n" * 1_000_000),
    "stack of 1 MB in one line": error(stack="    at " + "s" * 1_000_000),
    "stack of 100,000 lines": error(stack="    at /a.js:1:1\n" * 100_000),
    "stack of colons": error(stack=":1" * 500_000 + "x"),
    "stack of blanks": error(stack=":1:1" + " " * 1_000_000 + "x"),
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_what_is_printed_is_bounded(data: object) -> None:
    line = read_line(data)
    assert line is not None
    # A control character is four characters when it is shown, a tabulator too.
    assert len(line.text) <= 4 * 2 * 10_000 + 1000
    assert line.text.count("\n") <= 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(log(NASTY), id="message"),
        pytest.param(error(message=NASTY, stack=""), id="error"),
        pytest.param(error(name=NASTY), id="name"),
        pytest.param(error(stack=f"    at {NASTY} (/a.js:1:1)\n    at {NASTY}:1:1"), id="stack"),
        pytest.param(log("\u2028forged line\x85forged line\x0bforged line\x0cforged line"), id="line ends"),
        pytest.param(log("\rforged line"), id="carriage return"),
    ],
)
async def test_nothing_steers_the_terminal(data: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    said = BrowserConsole()
    said(data, None)
    said.close()
    lines = printed(caplog)
    assert len(lines) == 1
    assert_fit_for_a_terminal(lines)


async def test_a_flood_is_one_line_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "hotchannel")
    monkeypatch.setattr(console, "_SECOND", 0.05)
    said = BrowserConsole()
    for _ in range(1000):
        said(log("tick"), None)
        said(error(), None)
    assert len(printed(caplog)) == 50
    async with asyncio.timeout(PATIENCE):
        while len(printed(caplog)) == 50:  # noqa: ASYNC110 (a log line is told to nobody)
            await asyncio.sleep(0.005)
    assert printed(caplog)[50:] == [
        "browsers said 1950 more within a second: console.warn 975, Unhandled error 975"
    ]
    # After it, lines are printed again, and what is left over at the end is not lost.
    for _ in range(51):
        said(log("tock"), None)
    said.close()
    assert printed(caplog)[51:] == ["[console.warn] tock"] * 50 + [
        "browsers said 1 more within a second: console.warn 1"
    ]


async def test_a_flood_of_kinds_is_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    said = BrowserConsole()
    for number in range(1000):
        said(log("a", "w" * (number % 20 + 1)), None)
    said.close()
    assert len(printed(caplog)[-1]) < 300


# The option.


@pytest.mark.parametrize(
    ("settings", "arguments", "levels"),
    [
        pytest.param("", {}, None, id="default"),
        pytest.param("forward_console = false", {}, None, id="off"),
        pytest.param("forward_console = true", {}, ("error", "warn"), id="on"),
        pytest.param("forward_console = []", {}, (), id="uncaught errors alone"),
        pytest.param("forward_console = ['log', 'debug']", {}, ("log", "debug"), id="list"),
        pytest.param("", {"forward_console": True}, ("error", "warn"), id="command line"),
    ],
)
def test_the_option_is_read(
    tmp_path: Path, settings: str, arguments: dict[str, object], levels: tuple[str, ...] | None
) -> None:
    (tmp_path / "hotchannel.toml").write_text(settings)
    assert forwarded_levels(load(tmp_path, tmp_path, arguments).forward_console) == levels


@pytest.mark.parametrize("value", ["error", ["shout"], [1], 1, None, {"levels": ["error"]}])
def test_a_wrong_option_is_named(value: Any) -> None:
    with pytest.raises(OptionError, match="forward_console") as wrong:
        DevOptions(forward_console=value)
    assert "error, warn, info, log, debug" in str(wrong.value)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        pytest.param(False, "null", id="off"),
        pytest.param(True, '["error", "warn"]', id="on"),
        pytest.param(["log"], '["log"]', id="list"),
    ],
)
async def test_the_server_prints_and_the_client_is_told(
    tmp_path: Path, option: bool | list[str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hotchannel")
    async with DevServer(tmp_path, DevOptions(port=0, forward_console=option)) as dev:
        entrance = Entrance("dev", dev.channel, dev.port, None)
        serve_echo(dev.channel)
        client = await entrance.ask(b"GET /@vite/client HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert f"const forwardedMethods = {told};" in client.body.decode()
        page = await entrance.join()
        for data in (*IGNORED.values(), log("careful")):
            await page.say({"type": "custom", "event": EVENT, "data": data})
        await page.say({"type": "custom", "event": EVENT})
        await echo(page)
        await entrance.abandon()
    said = [record.getMessage() for record in caplog.records if record.name == "hotchannel.browser"]
    assert said == ([] if option is False else ["[console.warn] careful"])


async def test_a_flood_over_the_socket_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page sends as much as one client may at once; others are heard, and the log stays short."""
    # All of it falls within one second, however long it takes.
    monkeypatch.setattr(console, "_SECOND", 3600.0)
    async with DevServer(tmp_path, DevOptions(port=0, forward_console=True)) as dev:
        entrance = Entrance("dev", dev.channel, dev.port, None)
        serve_echo(dev.channel)
        page, other = await entrance.join(), await entrance.join()
        for _ in range(1900):
            await page.say({"type": "custom", "event": EVENT, "data": log("x" * 1000)})
        await echo(page)
        await echo(other)
        await entrance.abandon()
    said = [record for record in caplog.records if record.name == "hotchannel.browser"]
    assert len(said) == 51
    assert said[-1].getMessage() == "browsers said 1850 more within a second: console.warn 1850"
