"""What clients and files say to a whole dev server to do harm: attacks 14, 15 and 17."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from attacks.messages import INVALIDATES, INVOKES, NASTY
from attacks.witnesses import assert_fit_for_a_terminal, echo, printed, serve_echo, witnessed
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions, WsOptions
from support.asgi_servers import PATIENCE
from support.entrances import Entrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACCEPTING = "import.meta.hot.accept();\n"
BIDI = "\u202e\u2066\u200b"
"""What of `NASTY` may stand in a URL."""


class Site:
    """A dev server of which a page has loaded everything.

    Attributes:
        root: its folder; beside it is another one of which nobody may learn.
        entrance: the way to its channel.
    """

    def __init__(self, root: Path, dev: DevServer) -> None:
        self.root = root
        self.entrance = Entrance("dev", dev.channel, dev.channel.port or dev.port, None)
        self._dev = dev

    async def get(self, path: str) -> bytes:
        """What a browser gets of `path`."""
        head = f"GET {quote(path, safe='/?=')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._dev.port)
            writer.write(head.encode())
            answer = await reader.read(-1)
            writer.close()
            return answer


@pytest.fixture(params=[pytest.param(None, id="one-port"), pytest.param(0, id="port-of-its-own")])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    for name in ("root", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "self.js").write_text(ACCEPTING)
    root = tmp_path / "root"
    (root / "unseen.js").write_text(ACCEPTING)
    (root / "linked.css").write_text("p { color: red }\n")
    (root / "index.html").write_text(
        "<!doctype html><link rel=stylesheet href=/linked.css><script type=module src=/self.js></script>"
    )
    async with DevServer(root, DevOptions(port=0, ws=WsOptions(port=request.param))) as dev:
        started = Site(root, dev)
        serve_echo(dev.channel)
        for path in ("/index.html", "/linked.css", "/self.js"):
            assert (await started.get(path)).startswith(b"HTTP/1.1 200 ")
        # Only what was updated can be invalidated.
        page = await started.entrance.join()
        (root / "self.js").write_text(ACCEPTING + "// changed\n")
        assert (await page.message())["type"] == "update"
        page.vanish()
        yield started
        await started.entrance.abandon()


def filled_in(data: object, site: Site) -> object:
    """`data` with the names of the folders in it."""
    text = (
        json.dumps(data).replace("{root}", str(site.root)).replace("{other}", str(site.root.parent / "other"))
    )
    return json.loads(text)


async def test_invalidations_of_nothing(site: Site, subtests: pytest.Subtests) -> None:
    entrance = site.entrance
    witness, peer = await entrance.join(), await entrance.join()
    for name, data in INVALIDATES.items():
        with subtests.test(name):
            await peer.say({"type": "custom", "event": "vite:invalidate", "data": filled_in(data, site)})
            await echo(peer)
            await witnessed(entrance, witness, peer)
    await peer.say({"type": "custom", "event": "vite:invalidate"})
    await echo(peer)
    await witnessed(entrance, witness, peer)
    # All this was ignored, and not because nothing is ever done.
    await peer.say({"type": "custom", "event": "vite:invalidate", "data": {"path": "/self.js"}})
    assert (await witness.message())["type"] == "full-reload"


@pytest.mark.parametrize(
    "company",
    [
        pytest.param({"message": NASTY}, id="controls in the message"),
        pytest.param({"message": "m" * 100_000}, id="message of 100 kB"),
        pytest.param({"message": {"toString": 1}}, id="message that is an object"),
        pytest.param({"message": ["m"], "firstInvalidatedBy": 7}, id="lists and numbers"),
        pytest.param({"firstInvalidatedBy": NASTY}, id="controls in the first"),
        pytest.param({"firstInvalidatedBy": "/nope.js"}, id="unknown first"),
        pytest.param({"timestamp": -1, "__class__": "x"}, id="unknown keys"),
    ],
)
async def test_an_invalidation_in_odd_company(
    site: Site, company: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """What stands beside the path does not keep it from being done, and steers no terminal."""
    caplog.set_level(logging.DEBUG, "hotchannel")
    witness, peer = await site.entrance.join(), await site.entrance.join()
    await peer.say({"type": "custom", "event": "vite:invalidate", "data": {"path": "/self.js", **company}})
    assert (await witness.message())["type"] == "full-reload"
    texts = printed(caplog)
    assert any("hmr invalidate /self.js" in text for text in texts)
    assert_fit_for_a_terminal(texts)
    assert max(len(line) for text in texts for line in text.splitlines()) < 1000
    await witnessed(site.entrance, witness)


async def test_nothing_can_be_invoked(site: Site, subtests: pytest.Subtests) -> None:
    """The dev server has no functions for pages, and none that reads files (CVE-2026-39363)."""
    entrance = site.entrance
    witness, peer = await entrance.join(), await entrance.join()
    secret = site.root.parent / "other" / "self.js"
    files = [str(secret), f"file://{secret}?raw", "/../other/self.js", "/self.js?raw"]
    rows = {
        **{name: request for name, (request, _) in INVOKES.items()},
        **{file: {"name": "fetchModule", "id": "send:1", "data": [file, None, {}]} for file in files},
        "built-ins": {"name": "getBuiltins", "id": "send:1", "data": []},
    }
    for name, request in rows.items():
        with subtests.test(name):
            await peer.say({"type": "custom", "event": "vite:invoke", "data": request})
            await echo(peer)
            await witnessed(entrance, witness, peer)


async def test_names_of_files_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    witness = await site.entrance.join()
    module, page = site.root / f"{BIDI}.js", site.root / f"{NASTY}.html"
    module.write_text(ACCEPTING)
    assert (await site.get(f"/{BIDI}.js")).startswith(b"HTTP/1.1 200 ")
    module.write_text(ACCEPTING + "// changed\n")
    message = await witness.message()
    assert [update["path"] for update in message["updates"]] == [f"/{BIDI}.js"]
    page.write_text("<!doctype html>")
    message = await witness.message()
    assert message["type"] == "full-reload"
    assert NASTY in message["path"]
    texts = printed(caplog)
    assert any("hmr update" in text for text in texts)
    assert any("page reload" in text for text in texts)
    assert_fit_for_a_terminal(texts)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f'import "./{BIDI}\x1b[2J\x9b.js";\n', id="import"),
        pytest.param(f"const list = [1, 2; // {BIDI}\x1b[2J\x07\x9b\n", id="bracket"),
        pytest.param(f'import.meta.hot.accept(["./x", y /* {BIDI}\x1b[2J */]);\n', id="accept"),
        pytest.param(f"const text = '{BIDI}\x1b[2J\r\nforged line", id="string that does not end"),
        pytest.param(f"// a line\r// {BIDI}\x1b[2J\rforged line\rconst list = [1, 2;", id="lines of the Mac"),
    ],
)
async def test_errors_of_modules_in_the_log(
    site: Site, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What the terminal shows of a source with an error in it is text."""
    caplog.set_level(logging.DEBUG, "hotchannel")
    witness = await site.entrance.join()
    (site.root / "unseen.js").write_text(ACCEPTING + source, newline="")
    assert (await site.get("/unseen.js")).startswith(b"HTTP/1.1 500 ")
    assert (await witness.message())["type"] == "error"
    texts = printed(caplog)
    assert any("unseen.js" in text for text in texts)
    assert_fit_for_a_terminal(texts)
    await witnessed(site.entrance, witness)
