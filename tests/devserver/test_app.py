"""DevServer on HTTPS, and in middleware mode behind another server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from hotchannel.devserver.app import DevServer
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import DevOptions, FsOptions, HttpsOptions, WsOptions
from support.asgi_servers import PATIENCE, serve_uvicorn
from support.entrances import certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

TRUSTING = ssl._create_unverified_context()


async def get(url: str) -> str:
    """The body of a page."""

    def ask() -> str:
        with urllib.request.urlopen(url, timeout=PATIENCE, context=TRUSTING) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(ask)


def setting(client: str, name: str) -> Any:
    """A setting in the browser client's text."""
    return json.loads(re.findall(rf"^const {name} = (.*);$", client, re.MULTILINE)[0])


@contextlib.asynccontextmanager
async def channel(url: str, client: str, port: int) -> AsyncIterator[ClientConnection]:
    """A page's socket."""
    scheme = "wss" if url.startswith("https") else "ws"
    async with connect(
        f"{scheme}://localhost:{port}{setting(client, 'wsBase')}?token={setting(client, 'wsToken')}",
        subprotocols=["vite-hmr"],  # type: ignore[list-item]
        origin=url.rstrip("/"),  # type: ignore[arg-type]
        ssl=TRUSTING if scheme == "wss" else None,
    ) as socket:
        assert json.loads(await socket.recv())["type"] == "connected"
        yield socket


async def an_update_follows_a_save(root: Path, url: str, port: int) -> None:
    """What makes a folder hot: a module is loaded, saved, and heard of."""
    client = await get(f"{url}@vite/client")
    assert "import.meta.hot" in await get(f"{url}self.js")
    async with channel(url, client, port) as socket, asyncio.timeout(PATIENCE):
        (root / "self.js").write_text("import.meta.hot.accept();\nexport const changed = true;\n")
        message = json.loads(await socket.recv())
    assert [update["path"] for update in message["updates"]] == ["/self.js"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a module that accepts itself."""
    (tmp_path / "index.html").write_text("<!doctype html><title>site</title><script src=/self.js></script>")
    (tmp_path / "self.js").write_text("import.meta.hot.accept();\n")
    return tmp_path


@pytest.mark.parametrize(
    "ws", [pytest.param(WsOptions(), id="one port"), pytest.param(WsOptions(port=0), id="a port of its own")]
)
async def test_pages_and_channel_are_encrypted(root: Path, ws: WsOptions) -> None:
    options = DevOptions(port=0, https=HttpsOptions(cert=str(certificate())), ws=ws)
    async with DevServer(root, options) as server:
        (url,) = server.local_urls
        assert url == f"https://localhost:{server.port}/"
        await an_update_follows_a_save(root, url, server.channel.port or server.port)


async def test_a_save_in_a_folder_elsewhere_is_heard_of(root: Path) -> None:
    site = root / "site"
    site.mkdir()
    (root / "shared").mkdir()
    (root / "shared/part.js").write_text("import.meta.hot.accept();\n")
    options = DevOptions(port=0, fs=FsOptions(allow=(str(root / "shared"),)))
    async with DevServer(site, options) as server:
        url = server.local_urls[0]
        client = await get(f"{url}@vite/client")
        await get(f"{url}@fs{root}/shared/part.js")
        async with channel(url, client, server.port) as socket, asyncio.timeout(PATIENCE):
            (root / "shared/part.js").write_text("import.meta.hot.accept(); // changed\n")
            message = json.loads(await socket.recv())
    assert [update["path"] for update in message["updates"]] == [f"/@fs{root}/shared/part.js"]


def test_a_folder_elsewhere_has_to_be_one(root: Path) -> None:
    with pytest.raises(OptionError, match=r"fs\.allow.*none"):
        DevServer(root, DevOptions(fs=FsOptions(allow=(str(root / "none"),))))


async def test_no_other_origin_may_read(root: Path) -> None:
    async with DevServer(root, DevOptions(port=0)) as server:
        url = server.local_urls[0]
        for path in ("", "self.js", "@vite/client", "missing.js"):
            request = urllib.request.Request(url + path, headers={"Origin": "http://localhost:1"})
            try:
                answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                headers = answer.headers
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert not [name for name in headers if name.lower().startswith("access-control-")]


async def test_a_self_signed_certificate_is_made_and_kept(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    seen = []
    for _ in range(2):
        async with DevServer(root, DevOptions(port=0, https=True)) as server:
            assert "<title>site</title>" in await get(server.local_urls[0])
            seen.append(await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", server.port)))
    assert seen[0] == seen[1]
    (file,) = cache.rglob("*.pem")
    assert file.stat().st_mode & 0o077 == 0


async def test_a_peer_that_never_agrees_on_tls_is_hung_up_on(root: Path) -> None:
    https = HttpsOptions(cert=str(certificate()))
    options = DevOptions(port=0, https=https, ws=WsOptions(handshake_timeout=0.2))
    async with DevServer(root, options) as server, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        writer.close()


async def test_a_certificate_that_cannot_be_used_leaves_nothing_open(root: Path) -> None:
    server = DevServer(root, DevOptions(port=0, https=HttpsOptions(cert=str(root / "index.html"))))
    with pytest.raises(OptionError, match="a certificate and the key that belongs to it"):
        await server.__aenter__()


@pytest.mark.parametrize("base", ["/", "/dev/"])
async def test_behind_another_application(root: Path, base: str) -> None:
    dev = DevServer(root, DevOptions(base=base, middleware=True, ws=WsOptions(port=0)))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(base):
            await dev(scope, receive, send)

    front = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None))
    async with dev, serve_uvicorn(front) as port:
        assert dev.channel.mode == "standalone"
        url = f"http://localhost:{port}{base}"
        assert setting(await get(f"{url}@vite/client"), "wsPort") == dev.channel.port
        assert dev.channel.port is not None
        await an_update_follows_a_save(root, url, dev.channel.port)


async def test_as_the_application_of_a_server(root: Path) -> None:
    dev = DevServer(root, DevOptions(middleware=True, ws=WsOptions(port=0)))
    front = uvicorn.Server(uvicorn.Config(dev, lifespan="on", log_config=None))
    async with serve_uvicorn(front) as port:
        assert dev.channel.port is not None
        await an_update_follows_a_save(root, f"http://localhost:{port}/", dev.channel.port)
        with pytest.raises(Exception, match="403"):
            await connect(f"ws://localhost:{port}/", subprotocols=["vite-hmr"])  # type: ignore[list-item]
    assert dev.channel.port is None


async def test_the_channel_has_vites_port_unless_another_is_set(root: Path) -> None:
    async with DevServer(root, DevOptions(middleware=True)) as dev:
        assert dev.channel.port == 24678


async def test_sharing_the_port_of_the_server_in_front(root: Path) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await dev(scope, receive, send)

    config = uvicorn.Config(application, lifespan="off", log_config=None)
    dev = DevServer(root, DevOptions(middleware=True, ws=WsOptions(server=config)))
    async with dev, serve_uvicorn(uvicorn.Server(config)) as port:
        assert dev.channel.mode == "integrated"
        await an_update_follows_a_save(root, f"http://localhost:{port}/", port)


async def test_a_start_that_fails_is_told_to_the_server_in_front(root: Path) -> None:
    missing = HttpsOptions(cert=str(root / "none.pem"))
    dev = DevServer(root, DevOptions(middleware=True, https=missing, ws=WsOptions(port=0)))
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message)

    await dev({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in told] == ["lifespan.startup.failed"]
    assert "none.pem" in told[0]["message"]


async def test_there_is_nothing_to_wait_for_behind_another_server(root: Path) -> None:
    async with DevServer(root, DevOptions(middleware=True, ws=WsOptions(port=0))) as dev:
        with pytest.raises(HotChannelError, match="middleware mode"):
            await dev.wait()
