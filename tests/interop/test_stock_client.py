"""npm's unmodified Vite client with the dev server, and refused by its channel without the token.

Each way to run the dev server is opened once, in a process of its own, and shown in one tab, in which
all tests of it go on from what the last one left; every one also passes alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.entrances import certificate
from support.stock_client import OpenSite, StockSite, opened, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

DEV_SERVERS = {
    "one-port": StockSite(front="dev"),
    "a-port-of-its-own": StockSite(front="dev", own_port=True),
    "middleware": StockSite(front="middleware", own_port=True),
}

FILES = {
    "index.html": """<!doctype html>
<html><head><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"></head>
<body><b>old</b><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
""",
    "src/main.js": """
import "./imported.css";
const out = document.querySelector("#out");
window.hot = import.meta.hot;
import.meta.hot.data.runs = (import.meta.hot.data.runs ?? 0) + 1;
out.textContent = `v0 runs=${import.meta.hot.data.runs}`;
import.meta.hot.accept();
""",
    "src/imported.css": "p { margin-top: 1px; }\n",
    "style.css": "body { color: rgb(1, 1, 1); }\n",
}


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
        for name, site in DEV_SERVERS.items()
        for scheme in ("http", "https")
    ],
)
def site(
    request: pytest.FixtureRequest, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenSite]:
    """A dev server's site, open in a tab and connected."""
    template, scheme = request.param
    made = replace(template, cert=str(certificate()) if scheme == "https" else None)
    with opened(chromium, made, FILES, tmp_path_factory.mktemp("site")) as site:
        site.tab.open(site.project.url)
        yield site


def save_module(site: OpenSite) -> None:
    """Save the module, and wait until the page shows the new one, with its state kept."""
    out = site.tab.page.locator("#out").inner_text()
    version, runs = map(int, out.removeprefix("v").split(" runs="))
    site.project.edit("src/main.js", f"`v{version} ", f"`v{version + 1} ")
    site.tab.text(f"v{version + 1} runs={runs + 1}")
    assert site.tab.kept


def test_greets(site: OpenSite) -> None:
    site.tab.until(lambda: len(site.console) >= 2, "stock's own lines")
    assert site.console[:2] == ["[vite] connecting...", "[vite] connected."]
    # No second way was tried.
    assert site.sockets == ["wss" if site.project.url.startswith("https:") else "ws"]


def test_applies_updates(site: OpenSite) -> None:
    save_module(site)
    site.project.edit("style.css", "1, 1, 1", "2, 2, 2")
    site.tab.style("rgb(2, 2, 2)")
    site.project.edit("src/imported.css", "1px", "2px")
    site.tab.style("2px", "#out", "margin-top")
    assert site.tab.kept
    assert all("seq" not in message for message in site.tab.messages)


def test_carries_events_both_ways(site: OpenSite) -> None:
    said = site.tab.page.evaluate(
        """(data) => new Promise((resolve) => {
            hot.on("test:said", resolve);
            hot.send("test:say", data);
        })""",
        "hello",
    )
    assert said == "hello"


def test_shows_and_clears_an_error(site: OpenSite) -> None:
    # Stock's client reloads when its first update mends an error: it takes it for one of the first load.
    save_module(site)
    out = site.tab.page.locator("#out").inner_text()
    site.project.edit("src/main.js", "const out", "const list = [1, 2;\nconst out")
    overlay = site.tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text("const list = [1, 2;")
    site.tab.errors.clear()
    site.project.edit("src/main.js", "const list = [1, 2;\nconst out", "const out")
    expect(overlay).to_have_count(0)
    site.tab.text(out.replace(out.split("=")[1], str(int(out.split("=")[1]) + 1)))
    assert site.tab.kept


def test_reloads(site: OpenSite) -> None:
    site.project.edit("index.html", "<b>old</b>", "<b>new</b>")
    site.tab.wait_for_reload()
    site.tab.text("new", "b")


def test_comes_back_after_a_restart(site: OpenSite) -> None:
    site.project.restart()
    site.tab.wait_for_reload()
    assert "[vite] server connection lost. Polling for restart..." in site.console
    # With the new server's token, or it would not be heard.
    save_module(site)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param(StockSite(front="dev", told="wrongtoken12"), None, id="dev-server"),
        # Where the port is given, stock's client has no second way to try and lets its error through.
        pytest.param(
            StockSite(front="standalone", own_port=True, told="wrongtoken12"),
            "WebSocket closed without opened.",
            id="standalone",
        ),
    ],
)
def test_without_the_token_it_is_refused(
    browser: Browser, tmp_path: Path, made: StockSite, error: str | None
) -> None:
    files = {**FILES, "index.html": FILES["index.html"].replace("/src/main.js", "/@vite/client")}
    with opened(browser, made, files, tmp_path) as site:
        site.tab.page.goto(site.project.url)
        site.tab.until(
            lambda: any("failed to connect to websocket" in line for line in site.console), "the refusal"
        )
        if error is not None:
            site.tab.until(lambda: site.tab.errors == [error], "stock's own error")
            site.tab.errors.clear()
        assert site.tab.messages == []
