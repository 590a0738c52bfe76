"""npm's unmodified Vite client over every entrance, plain and encrypted, in real Chromium.

Each entrance is opened once, in a process of its own, and shown in one tab, in which all tests of it go
on from what the last one left; every one also passes alone. What the server sends is asked for by the
page itself (see `StockSite`).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest
from playwright.sync_api import expect

from hotchannel.wire.payloads import ErrorDetail, ErrorPayload, FullReload, Location, Update, UpdateEntry
from support.entrances import certificate
from support.stock_client import OpenSite, StockSite, opened, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from hotchannel.wire.payloads import HotPayload

ENTRANCES = {
    "standalone-asyncio": StockSite(front="standalone", own_port=True),
    "standalone-uvloop": StockSite(front="standalone", own_port=True, loop="uvloop"),
    "takeover-httptools-uvloop": StockSite(front="take-over", loop="uvloop"),
    "takeover-h11-asyncio": StockSite(front="take-over", http="h11"),
    "takeover-by-option": StockSite(front="option"),
    "takeover-by-name": StockSite(front="by-name"),
    "asgi-uvicorn": StockSite(front="uvicorn"),
    "asgi-hypercorn": StockSite(front="hypercorn"),
    "asgi-granian": StockSite(front="granian"),
    "asgi-daphne": StockSite(front="daphne"),
}

FILES = {
    "index.html": """<!doctype html>
<html><head><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
<script type="module" src="/@vite/client"></script></head>
<body><b>old</b><p id="out"></p><script type="module" src="/main.js"></script></body></html>
""",
    # What stock's server makes of a module that uses import.meta.hot.
    "main.js": """
import { createHotContext } from "/@vite/client";
import.meta.hot = createHotContext("/main.js");

const hot = window.hot = import.meta.hot;
hot.data.runs = (hot.data.runs ?? 0) + 1;
document.querySelector("#out").textContent = `v0 runs=${hot.data.runs}`;
hot.accept();
""",
    "style.css": "body { color: rgb(0, 0, 0); }\n",
}

STAMPS = count(1)


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Iterator[Browser]:
    """One for all sites."""
    made = trusting(browser)
    yield made
    made.close()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((site, scheme), id=f"{name}-{scheme}")
        for name, site in ENTRANCES.items()
        for scheme in ("ws", "wss")
    ],
)
def site(
    request: pytest.FixtureRequest, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenSite]:
    """A site over every entrance, open in a tab and connected."""
    template, scheme = request.param
    made = replace(template, cert=str(certificate()) if scheme == "wss" else None)
    with opened(chromium, made, FILES, tmp_path_factory.mktemp("site")) as site:
        site.tab.open(site.project.url)
        yield site


def send(site: OpenSite, payload: HotPayload) -> None:
    """Let the server send it to everybody."""
    site.say("test:send", msgspec.to_builtins(payload))


def update(site: OpenSite, kind: Literal["js-update", "css-update"], path: str, old: str, new: str) -> None:
    """Save a file, and let the server tell the page of it."""
    site.project.edit(path, old, new)
    send(site, Update((UpdateEntry(kind, next(STAMPS), f"/{path}", f"/{path}"),)))


def update_module(site: OpenSite) -> None:
    """Save the module, and wait until the page shows the new one, with its state kept."""
    out = site.tab.page.locator("#out").inner_text()
    version, runs = map(int, out.removeprefix("v").split(" runs="))
    update(site, "js-update", "main.js", f"`v{version} ", f"`v{version + 1} ")
    site.tab.text(f"v{version + 1} runs={runs + 1}")
    assert site.tab.kept


def test_greets(site: OpenSite) -> None:
    site.tab.until(lambda: len(site.console) >= 2, "stock's own lines")
    assert site.console[:2] == ["[vite] connecting...", "[vite] connected."]
    # No second way was tried.
    assert site.sockets == ["wss" if site.project.url.startswith("https:") else "ws"]
    assert site.tab.messages[0] == {"type": "connected"}


def test_updates_a_module_and_keeps_its_state(site: OpenSite) -> None:
    update_module(site)
    update_module(site)


def test_swaps_a_stylesheet(site: OpenSite) -> None:
    update(site, "css-update", "style.css", "rgb(0, 0, 0)", "rgb(2, 2, 2)")
    site.tab.style("rgb(2, 2, 2)")
    expect(site.tab.page.locator("link[rel=stylesheet]")).to_have_count(1)
    assert site.tab.kept


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"list": [1, None, "a"]}, id="small"),
        pytest.param("Bücher 🎉 \u2028", id="unicode"),
        pytest.param("0123456789" * 20_000, id="large"),
    ],
)
def test_carries_events_both_ways(site: OpenSite, data: Any) -> None:
    said = site.tab.page.evaluate(
        """(data) => new Promise((resolve) => {
            hot.on("test:said", resolve);
            hot.send("test:say", data);
        })""",
        data,
    )
    assert said == data


def test_shows_and_clears_an_error(site: OpenSite) -> None:
    # Stock's client reloads when its first update mends an error: it takes it for one of the first load.
    update_module(site)
    frame = "> 1 | thing\n    | ^\n"
    send(site, ErrorPayload(ErrorDetail("no such thing", "", "/main.js", frame, loc=Location(1, 2))))
    overlay = site.tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text("no such thing")
    expect(overlay).to_contain_text("> 1 | thing")
    site.say("test:mend", "/main.js")
    expect(overlay).to_have_count(0)
    assert site.tab.kept


def test_reloads(site: OpenSite) -> None:
    site.project.edit("index.html", "<b>old</b>", "<b>new</b>")
    send(site, FullReload(path="*"))
    site.tab.wait_for_reload()
    site.tab.text("new", "b")


def test_comes_back_after_a_restart(site: OpenSite) -> None:
    site.project.restart()
    site.tab.wait_for_reload()
    assert "[vite] server connection lost. Polling for restart..." in site.console
    # With the new server's token, or it would not be heard.
    update_module(site)
