"""npm's unmodified Vite client on hotchannel's channel: with the token it is served, without it is refused.

The script is taken from the installed package; only its placeholders are filled in, and its one
bare import resolved, as stock's own server does. Playwright puts it where the page asks for
`/@vite/client`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.project import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.project import Project, StartProject
    from support.tab import Tab

    Placeholders = Mapping[str, str | int | bool | dict[str, bool] | None]

CLIENT = REPOSITORY / "node_modules/vite/dist/client"

PAGE = """<!doctype html>
<html><head><link rel="stylesheet" href="style.css"><script type="module" src="/@vite/client"></script></head>
<body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""
MAIN = """
import "./imported.css";
const out = document.querySelector("#out");
import.meta.hot.data.runs = (import.meta.hot.data.runs ?? 0) + 1;
out.textContent = `v1 runs=${import.meta.hot.data.runs}`;
import.meta.hot.accept();
"""
FILES = {
    "index.html": PAGE.replace('<script type="module" src="/@vite/client"></script>', ""),
    "src/main.js": MAIN,
    "src/imported.css": "p { margin-top: 1px; }\n",
    "style.css": "body { color: rgb(1, 1, 1); }\n",
}

STANDALONE = """
import asyncio, functools, http.server, json, pathlib, sys, threading
from hotchannel.websocket.server import WebSocketServer
from hotchannel.wire.payloads import Update, UpdateEntry

async def main():
    root = pathlib.Path(sys.argv[1])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root)
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), handler)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    async with WebSocketServer(host="127.0.0.1", port=0) as channel:
        def saved(path, client):
            channel.send(Update((UpdateEntry("css-update", 1, path, path),)))

        channel.on("test:saved", saved)
        (root / "channel.json").write_text(json.dumps({"port": channel.port, "token": channel.token}))
        print(f"http://127.0.0.1:{sys.argv[2]}/")
        await asyncio.Event().wait()

asyncio.run(main())
"""


def stock_client(values: Placeholders) -> str:
    """The text of npm's client with its placeholders filled in; fails where one is left."""
    source = (CLIENT / "client.mjs").read_text("utf-8").replace('"@vite/env"', '"/@vite/env"')
    for name, value in values.items():
        assert f"__{name}__" in source, f"this version of the client has no {name}"
        source = source.replace(f"__{name}__", json.dumps(value))
    left = set(re.findall(r"(?<![@\w])__[A-Z_]+__(?!\w)", source))
    assert not left, f"this version of the client has placeholders that are not filled: {left}"
    return source


def put_in(tab: Tab, *, port: int | None, direct: str, token: str) -> list[str]:
    """Let the tab's pages load stock's client; gives the console lines that it writes from now on."""
    client = stock_client(
        {
            "HMR_CONFIG_NAME": "vite.config.js",
            "BASE": "/",
            "SERVER_HOST": direct,
            "HMR_PROTOCOL": None,
            "HMR_PORT": port,
            "HMR_HOSTNAME": None,
            "HMR_BASE": "/",
            "HMR_DIRECT_TARGET": direct,
            "HMR_TIMEOUT": 30000,
            "HMR_ENABLE_OVERLAY": True,
            "WS_TOKEN": token,
            "SERVER_FORWARD_CONSOLE": {"enabled": False},
        }
    )
    env = (CLIENT / "env.mjs").read_text("utf-8").replace("__DEFINES__", "{}")
    _serve_at(tab, "client", client)
    _serve_at(tab, "env", env)
    console: list[str] = []
    tab.page.on("console", lambda line: console.append(line.text))
    return console


def _serve_at(tab: Tab, name: str, body: str) -> None:
    tab.page.route(
        re.compile(rf"/@vite/{name}(\?|$)"),
        lambda route: route.fulfill(body=body, content_type="text/javascript"),
    )


def integrated(project: StartProject) -> tuple[Project, str, str]:
    """A dev server, its `host:port/`, and its token as read off the client script it serves."""
    import urllib.request

    site = project(FILES)
    with urllib.request.urlopen(f"{site.url}@vite/client", timeout=10) as response:
        found = re.search(r'\bwsToken = "([^"]+)"', response.read().decode())
    assert found, "the client script does not say its token"
    return site, site.url.split("://")[1], found[1]


def test_stock_client_applies_updates_of_the_dev_server(project: StartProject, tab: Tab) -> None:
    site, direct, token = integrated(project)
    console = put_in(tab, port=None, direct=direct, token=token)
    tab.open(site.url)
    tab.until(lambda: "[vite] connected." in console, "stock's own line")
    tab.text("v1 runs=1")

    site.edit("src/main.js", "v1", "v2")
    tab.text("v2 runs=2")
    site.edit("style.css", "1, 1, 1", "2, 2, 2")
    tab.style("rgb(2, 2, 2)")
    site.edit("src/imported.css", "1px", "2px")
    tab.style("2px", "#out", "margin-top")
    assert tab.kept
    assert all("seq" not in message for message in tab.messages)


def test_stock_client_shows_and_clears_an_error(project: StartProject, tab: Tab) -> None:
    site, direct, token = integrated(project)
    put_in(tab, port=None, direct=direct, token=token)
    tab.open(site.url)
    # Stock's client reloads when its first update mends an error: it takes it for one of the first load.
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2 runs=2")
    site.edit("src/main.js", "const out", "const list = [1, 2;\nconst out")
    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text("const list = [1, 2;")
    tab.errors.clear()
    site.write("src/main.js", MAIN.replace("v1", "v3"))
    expect(overlay).to_have_count(0)
    tab.text("v3 runs=3")
    assert tab.kept


def test_stock_client_reloads_its_page(project: StartProject, tab: Tab) -> None:
    site, direct, token = integrated(project)
    put_in(tab, port=None, direct=direct, token=token)
    tab.open(site.url)
    site.edit("index.html", "<p id", "<b>new</b><p id")
    tab.wait_for_reload()
    tab.text("new", "b")


@pytest.mark.parametrize("token", [pytest.param("", id="empty"), pytest.param("wrongtoken12", id="wrong")])
def test_stock_client_without_the_token_is_refused_by_the_dev_server(
    project: StartProject, tab: Tab, token: str
) -> None:
    site, direct, _ = integrated(project)
    console = put_in(tab, port=None, direct=direct, token=token)
    tab.page.goto(site.url)
    tab.until(lambda: any("failed to connect to websocket" in line for line in console), "the refusal")
    assert tab.messages == []


def test_stock_client_applies_an_update_of_a_standalone_channel(project: StartProject, tab: Tab) -> None:
    files = {"index.html": PAGE, "src/main.js": "", "style.css": FILES["style.css"]}
    site = project(files, script=STANDALONE)
    channel = json.loads((site.root / "channel.json").read_text())
    put_in(tab, port=channel["port"], direct=f"127.0.0.1:{channel['port']}/", token=channel["token"])
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")
    site.edit("style.css", "1, 1, 1", "2, 2, 2")
    tab.page.evaluate(
        """async () => {
            const { createHotContext } = await import("/@vite/client");
            createHotContext("/test.js").send("test:saved", "/style.css");
        }"""
    )
    tab.style("rgb(2, 2, 2)")
    assert tab.kept


def test_stock_client_without_the_token_is_refused_by_a_standalone_channel(
    project: StartProject, tab: Tab
) -> None:
    site = project({"index.html": PAGE, "src/main.js": "", "style.css": ""}, script=STANDALONE)
    port = json.loads((site.root / "channel.json").read_text())["port"]
    console = put_in(tab, port=port, direct=f"127.0.0.1:{port}/", token="wrongtoken12")
    tab.page.goto(site.url)
    tab.until(lambda: any("failed to connect to websocket" in line for line in console), "the refusal")
    assert tab.messages == []
    # Where the port is given, stock's client has no second way to try and lets its error through.
    tab.until(lambda: tab.errors == ["WebSocket closed without opened."], "stock's own error")
    tab.errors.clear()
