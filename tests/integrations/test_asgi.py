"""The ASGI middleware, called as a server calls it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import hotchannel
from hotchannel.integrations.asgi import HotChannelMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from integrations.conftest import Browser

PAGE = b"""<!doctype html><html><head>
<link rel="stylesheet" href="static/style.css">
<script type="module" src="/app/static/main.js"></script></head></html>"""


making: list[Callable[[], object]] = []
"""What happens while the application makes its page."""


async def application(scope: Any, receive: Any, send: Any) -> None:
    """One page; sockets are refused with a code of its own, and told by what path they came."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4000, "reason": scope["path"]})
        return
    for happens in making:
        happens()
    headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(PAGE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.fixture
async def hot(site: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HotChannelMiddleware]:
    """The application, made hot."""
    monkeypatch.chdir(site)
    (site / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(site / "run"))
    made = HotChannelMiddleware(application, enabled=True, static={"/static": "static"}, templates=[])
    yield made
    making.clear()
    await made._worker.close()


@pytest.fixture(
    params=[pytest.param("/app", id="path with the root path"), pytest.param("", id="path without it")]
)
def front(request: pytest.FixtureRequest) -> str:
    """What a server leaves in front of a path, behind a proxy that strips `/app`."""
    return str(request.param)


@pytest.fixture
async def client(hot: HotChannelMiddleware) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the application behind such a proxy."""
    transport = httpx.ASGITransport(hot, root_path="/app")
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as made:
        yield made


SCRIPT = {"sec-fetch-dest": "script", "sec-fetch-mode": "cors"}


async def test_below_a_prefix_the_page_names_what_is_answered(client: httpx.AsyncClient, front: str) -> None:
    page = await client.get(f"{front}/")
    assert 'src="/app/@vite/client"' in page.text

    text = (await client.get(f"{front}/@vite/client")).text
    assert re.search(r'\bbase = "/app/"', text)
    assert 'wsBase = "/app/"' in text
    assert (await client.get(f"{front}/", headers={"accept": "text/x-vite-ping"})).status_code == 204

    module = (await client.get(f"{front}/static/main.js", headers=SCRIPT)).text
    assert 'from "/app/@vite/client"' in module
    assert 'import "/app/static/dep.js"' in module
    assert 'createHotContext("/static/main.js")' in module


async def test_below_a_prefix_edits_arrive(
    hot: HotChannelMiddleware, client: httpx.AsyncClient, front: str, site: Path, visitor: Browser
) -> None:
    await client.get(f"{front}/")
    await client.get(f"{front}/static/style.css", headers={"sec-fetch-dest": "style"})
    await client.get(f"{front}/static/main.js", headers=SCRIPT)
    await visitor.connect(hot, f"{front}/", root_path="/app")
    await hot._worker.now.watching()  # type: ignore[union-attr]

    (site / "static" / "style.css").write_text("h1 { color: blue }")
    [update] = (await visitor.next())["updates"]
    assert (update["type"], update["path"]) == ("css-update", "/static/style.css")

    (site / "static" / "main.js").write_text("import.meta.hot?.accept();\n")
    [update] = (await visitor.next())["updates"]
    assert (update["type"], update["path"]) == ("js-update", "/static/main.js")
    stamped = f'src="/app/static/main.js?t={update["timestamp"]}"'
    assert stamped in (await client.get(f"{front}/")).text


async def test_below_a_prefix_a_page_of_a_server_before_says_what_it_has(
    hot: HotChannelMiddleware, client: httpx.AsyncClient, front: str, site: Path, visitor: Browser
) -> None:
    await client.get(f"{front}/")
    await visitor.connect(hot, f"{front}/", root_path="/app")
    saved = int((site / "static" / "style.css").stat().st_mtime * 1000)
    loaded = {"url": "/app/static/style.css", "stylesheet": True, "asked": saved - 1_000}
    visitor.say("hotchannel:loaded", [loaded])
    [update] = (await visitor.next())["updates"]
    assert (update["type"], update["path"]) == ("css-update", "/static/style.css")


async def test_below_a_prefix_a_socket_of_the_application_comes_as_it_was(
    hot: HotChannelMiddleware, front: str
) -> None:
    said: list[Any] = []
    received: asyncio.Queue[Any] = asyncio.Queue()
    received.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        said.append(message)

    path = f"{front}/chat"
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "root_path": "/app"}
    await hot({**scope, "headers": [(b"host", b"localhost")], "subprotocols": []}, received.get, send)
    assert said == [{"type": "websocket.close", "code": 4000, "reason": path}]


async def test_below_a_prefix_a_follower_hands_its_sockets_on(
    hot: HotChannelMiddleware, client: httpx.AsyncClient, front: str, visitor: Browser
) -> None:
    await client.get(f"{front}/")
    other = HotChannelMiddleware(application, enabled=True, static={"/static": "static"}, templates=[])
    try:
        await visitor.connect(other, f"{front}/", root_path="/app")
        assert len(hot._worker.now.clients) == 1  # type: ignore[union-attr]
    finally:
        await other._worker.close()


async def test_what_is_sent_while_a_page_is_made_reaches_it(
    hot: HotChannelMiddleware, client: httpx.AsyncClient, visitor: Browser
) -> None:
    await client.get("/")
    making.append(lambda: hotchannel.get_channel().send("saved", 1))
    page = await client.get("/", headers={"accept": "text/html,*/*"})
    found = re.search(r'name="hotchannel-page" content="([^"]+)"', page.text)
    assert found
    await visitor.connect(hot, position=found[1])
    assert (await visitor.next())["event"] == "saved"
