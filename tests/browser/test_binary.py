"""Bytes between Python and the page: as they are with our client, in base64 with stock's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.stock_client import StockSite, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

    from support.project import Project, StartProject
    from support.tab import Tab

pytestmark = pytest.mark.ours

PAGE = """<!doctype html>
<html><head><link rel="icon" href="data:,"></head>
<body><p id="out"></p><script type="module" src="/main.js"></script></body></html>
"""
MAIN = """
window.hot = import.meta.hot;
window.told = [];
const tell = (text) => {
  told.push(text);
  document.querySelector("#out").textContent = told.join(" | ");
};
hot.on("plain", (data) => tell(`plain ${data}`));
hot.on("frame", ({ data, meta }) => {
  tell(`${data.constructor.name} ${new Uint8Array(data).join()} ${JSON.stringify(meta)}`);
});
"""
FILES = {"index.html": PAGE, "main.js": MAIN}

SERVER = """
import asyncio, sys
import numpy as np
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions

async def main():
    async with DevServer(sys.argv[1], DevOptions(port=int(sys.argv[2]), strict_port=True)) as server:
        channel = server.channel

        def mirror(data, client):
            client.send("frame", np.frombuffer(data.data, np.uint8)[::-1], data.meta)

        def cut(data, client):
            client.socket.abort()
            channel.send("plain", 1)
            channel.send("frame", np.array([[1, 2], [3, 4]], np.uint8).T, {"n": 2})
            channel.send("plain", 3)
            channel.send("frame", b"")

        channel.on("mirror", mirror)
        channel.on("cut", cut)
        channel.on("to:all", lambda data, client: channel.send("frame", data.data, data.meta))
        print(server.local_urls[0])
        await server.wait()

asyncio.run(main())
"""


@pytest.fixture
def site(project: StartProject, tab: Tab) -> Project:
    """A page of our client, open in the tab."""
    made = project(FILES, script=SERVER)
    tab.open(made.url)
    tab.until_value("typeof hot", "object")
    return made


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("new Uint8Array([1, 2, 255]).buffer", "255,2,1"),
        ("new Uint8Array([0, 1, 2, 3]).subarray(1, 3)", "2,1"),
        ("new DataView(new Uint8Array([0, 1, 2, 3]).buffer, 2)", "3,2"),
        ("new Uint16Array([258])", "1,2"),
        ("new Uint8ClampedArray([0, 300])", "255,0"),
        ("new ArrayBuffer(0)", ""),
    ],
)
def test_the_page_sends_and_gets_bytes(site: Project, tab: Tab, data: str, answer: str) -> None:
    tab.value(f"hot.send('mirror', {data}, {{ größe: [1, null] }})")
    tab.text(f'ArrayBuffer {answer} {{"größe":[1,null]}}')
    assert tab.received("binary")[0]["size"] == len(answer.split(",")) * bool(answer)
    assert tab.kept


def test_without_meta(site: Project, tab: Tab) -> None:
    tab.value("hot.send('mirror', new Uint8Array([7]))")
    tab.text("ArrayBuffer 7 null")


def test_every_page_gets_it(site: Project, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    other = new_tab()
    other.open(site.url)
    other.until_value("typeof hot", "object")
    other.value("hot.send('to:all', new Uint8Array([1, 2]), 'both')")
    for each in (tab, other):
        each.text('ArrayBuffer 1,2 "both"')


def test_what_a_page_missed_comes_in_order_and_without_a_reload(site: Project, tab: Tab) -> None:
    tab.value("hot.send('cut')")
    tab.text('plain 1 | ArrayBuffer 1,3,2,4 {"n":2} | plain 3 | ArrayBuffer  undefined')
    assert tab.kept
    # Once more, from where it is now.
    tab.value("told.length = 0; hot.send('cut')")
    tab.text('plain 1 | ArrayBuffer 1,3,2,4 {"n":2} | plain 3 | ArrayBuffer  undefined')
    assert tab.kept


def test_what_is_said_while_the_line_is_lost_waits_as_far_as_there_is_room(site: Project, tab: Tab) -> None:
    warned: list[str] = []
    tab.page.on("console", lambda line: warned.append(line.text))
    site.stop()
    tab.until_value("document.querySelector('hotchannel-notice') !== null", True)
    tab.value("for (const size of [1, 9e6, 8e6, 2]) hot.send('big', new ArrayBuffer(size))")
    tab.until(lambda: any("one was dropped" in line for line in warned), "the warning")
    assert len([line for line in warned if "not connected, and 2 messages wait already" in line]) == 1


def test_a_meta_that_no_server_reads_is_refused(site: Project, tab: Tab) -> None:
    said = tab.value("""(() => {
        try {
            hot.send("frame", new ArrayBuffer(1), "x".repeat(65536));
        } catch (error) {
            return String(error);
        }
    })()""")
    assert said == "RangeError: the meta of frame is too long: 65563 bytes"


def test_stock_s_client_gets_base64(browser: Browser, tmp_path: Path) -> None:
    binary: dict[str, Any] = {"type": "binary", "event": "frame", "data": "AP8=", "meta": {"n": 1}}
    main = """
window.hot = import.meta.hot;
hot.on("frame", ({ data, meta }) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  document.querySelector("#out").textContent = `${bytes.join()} ${JSON.stringify(meta)}`;
});
"""
    with opened(browser, StockSite(front="dev"), {"index.html": PAGE, "main.js": main}, tmp_path) as site:
        site.tab.open(site.project.url)
        site.tab.until_value("typeof hot", "object")
        site.say("test:send", binary)
        site.tab.text('0,255 {"n":1}')
        assert site.tab.received("binary") == []
        assert site.tab.kept
