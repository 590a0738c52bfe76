"""The line between page and server: lost, found again, and used for an application's own events.

An engine that shares the channel outlives the server: then a page has missed nothing that it is not told of.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><link rel="stylesheet" href="style.css"></head>
<body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""
MAIN = 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot.accept();\n'
STYLE = "body { color: rgb(1, 1, 1); }\n"
FILES = {"index.html": PAGE, "src/main.js": MAIN, "style.css": STYLE}


def test_a_page_outlives_a_restart_and_shows_what_was_saved_meanwhile(
    project: StartProject, tab: Tab, shared_engine: str | None
) -> None:
    site = project(FILES)
    tab.open(site.url)
    site.stop()
    tab.text("v1")
    site.edit("src/main.js", "v1", "v2")
    site.start()
    if shared_engine is None:
        tab.wait_for_reload()
    tab.text("v2")
    site.edit("src/main.js", "v2", "v3")
    tab.text("v3")
    assert tab.kept


def test_two_tabs_outlive_a_restart(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab], shared_engine: str | None
) -> None:
    site = project(FILES)
    tabs = [tab, new_tab()]
    for each in tabs:
        each.open(site.url)
    site.restart()
    for each in tabs:
        # Only the tab in front asks for the server.
        each.page.bring_to_front()
        if shared_engine is None:
            each.wait_for_reload()
    site.edit("src/main.js", "v1", "v2")
    for each in tabs:
        each.text("v2")
        assert each.kept


def test_the_page_is_told_of_a_lost_line(project: StartProject, tab: Tab) -> None:
    main = (
        'import.meta.hot.on("vite:ws:disconnect", () => {\n'
        '  document.querySelector("#out").textContent = "lost";\n});\n'
    )
    site = project({**FILES, "src/main.js": main})
    tab.open(site.url)
    site.stop()
    tab.text("lost")


NOTICE = "document.querySelector('hotchannel-notice')?.dataset.text"


@pytest.mark.ours
def test_the_notice_calls_lost_only_what_was_there(project: StartProject, tab: Tab) -> None:
    site = project(FILES)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"

        lost = True

        def misdirect(route: Route) -> None:
            if not lost:
                route.continue_()
                return
            text = route.fetch().text()
            text = re.sub("(const wsPort = ).*", rf"\g<1>{host.partition(':')[2]};", text)
            text = re.sub("(const wsHostname = ).*", r'\g<1>"127.0.0.1";', text)
            route.fulfill(body=text, content_type="text/javascript")

        tab.page.route("**/@vite/client", misdirect)
        tab.page.goto(site.url)
        tab.until_value(NOTICE, f"no connection to {host} yet \N{EN DASH} trying…")
        lost = False  # the route stays: what unroute finds half answered, it answers once more
        tab.until_value(f"{NOTICE} ?? 'none'", "none")
    site.stop()
    tab.until_value(NOTICE, "server connection lost \N{EN DASH} reconnecting…")


# A socket that says nothing before the page's modules have run: what they listen to cannot come too early.
PATIENT = """
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  addEventListener(type, listener, options) {
    const later = (event) => {
      if (document.readyState === "complete") listener(event);
      else addEventListener("load", () => listener(event));
    };
    super.addEventListener(type, later, options);
  }
};
"""


def test_the_page_is_told_of_its_line_in_order(project: StartProject, tab: Tab) -> None:
    main = (
        'const told = [];\nfor (const name of ["connect", "disconnect"]) {\n'
        "  import.meta.hot.on(`vite:ws:${name}`, ({ webSocket }) => {\n"
        "    told.push(`${name} ${webSocket.protocol}`);\n"
        '    document.querySelector("#out").textContent = told.join(", ");\n  });\n}\n'
    )
    site = project({**FILES, "src/main.js": main})
    tab.page.add_init_script(PATIENT)
    tab.open(site.url)
    tab.text("connect vite-hmr")
    site.stop()
    tab.text("connect vite-hmr, disconnect vite-hmr")
    assert tab.kept


@pytest.mark.ours
def test_the_page_and_its_server_agree_on_compression(project: StartProject, tab: Tab) -> None:
    main = (
        'import.meta.hot.on("vite:ws:connect", ({ webSocket }) => {\n'
        '  document.querySelector("#out").textContent = webSocket.extensions;\n});\n'
    )
    site = project({**FILES, "src/main.js": main})
    tab.page.add_init_script(PATIENT)
    tab.open(site.url)
    tab.text("permessage-deflate; server_no_context_takeover; client_no_context_takeover")


LARGE = """
import.meta.hot.on("large:echoed", ({ text }) => {
  document.querySelector("#out").textContent = text === "grüß 早 ".repeat(5000) ? "the same" : "another";
});
import.meta.hot.send("large:echo", { text: "grüß 早 ".repeat(5000) });
"""

ECHOING = """
import asyncio, sys
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions

async def main():
    async with DevServer(sys.argv[1], DevOptions(port=int(sys.argv[2]), strict_port=True)) as server:
        server.channel.on("large:echo", lambda data, client: client.send("large:echoed", data))
        print(server.local_urls[0])
        await server.wait()

asyncio.run(main())
"""


@pytest.mark.ours
def test_large_messages_travel_both_ways(project: StartProject, tab: Tab) -> None:
    site = project({**FILES, "src/main.js": LARGE}, script=ECHOING)
    tab.open(site.url)
    tab.text("the same")


ASKING = """
const out = document.querySelector("#out");
import.meta.hot.on("sum:answer", ({ sum }) => { out.textContent = `sum ${sum}`; });
import.meta.hot.on("sum:count", (count) => { out.dataset.count = count; });
window.ask = (a, b) => import.meta.hot.send("sum:ask", { a, b });
// Before the socket is open: kept until it is.
import.meta.hot.send("sum:hello", "早");
"""

ANSWERING = """
import asyncio, sys
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions

async def main():
    asked = 0

    async with DevServer(sys.argv[1], DevOptions(port=int(sys.argv[2]), strict_port=True)) as server:
        def ask(data, client):
            nonlocal asked
            asked += 1
            client.send("sum:answer", {"sum": data["a"] + data["b"]})
            server.channel.send("sum:count", asked)

        server.channel.on("sum:ask", ask)
        server.channel.on("sum:hello", lambda data, client: print("hello", data.encode().hex()))
        print(server.local_urls[0])
        await server.wait()

asyncio.run(main())
"""


@pytest.mark.ours
def test_custom_events_travel_both_ways(project: StartProject, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    site = project({**FILES, "src/main.js": ASKING}, script=ANSWERING)
    other = new_tab()
    tab.open(site.url)
    other.open(site.url)
    tab.until(
        lambda: site.log.count(f"hello {'早'.encode().hex()}") == 2, "what was said before the socket opened"
    )

    tab.page.evaluate("ask(2, 3)")
    tab.text("sum 5")
    tab.page.wait_for_selector("#out[data-count='1']")
    other.page.wait_for_selector("#out[data-count='1']", state="attached")
    other.text("")

    other.page.evaluate("ask(20, 30)")
    other.text("sum 50")
    tab.page.wait_for_selector("#out[data-count='2']")
    tab.text("sum 5")
    assert tab.kept
    assert other.kept
