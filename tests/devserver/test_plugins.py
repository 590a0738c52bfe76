"""Plugins: what their hooks are asked, in which order, and what comes of their answers and errors."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect

from hotchannel import (
    DevOptions,
    DevServer,
    FullReload,
    HotUpdate,
    OptionError,
    Plugin,
    Transformed,
    TransformError,
)
from hotchannel.devserver.plugins import Plugins, load_plugins
from support.asgi_servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hotchannel.hmr.graph import ModuleNode


class Upper(Plugin):
    """Makes a language of its own, with suffix `.up`, into JavaScript."""

    def transform(self, code: str, id: str) -> str | None:
        if not id.endswith(".up"):
            return None
        if "!" in code:
            line = code[: code.index("!")].count("\n") + 1
            raise TransformError("no shouting", line, 2)
        return f"export default {json.dumps(code.upper())};\n"


async def ask(server: DevServer, path: str, **headers: str) -> tuple[int, str]:
    """Status and text of an answer, asked without a connection."""
    sent: list[dict[str, Any]] = []
    given = {"host": "localhost", "accept": "*/*", **{k.replace("_", "-"): v for k, v in headers.items()}}
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await server(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], body.decode()


def serving(folder: Path, *plugins: object) -> DevServer:
    return DevServer(folder, DevOptions(port=0, plugins=plugins))


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


# Making modules.


async def test_a_language_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "main.js", 'import text from "./a.up";\nimport raw from "./a.up?raw";\n')
    write(tmp_path, "a.up", "hello")
    server = serving(tmp_path, Upper)
    assert 'from "/a.up?import"' in (await ask(server, "/main.js"))[1]
    assert await ask(server, "/a.up?import") == (200, 'export default "HELLO";\n')
    assert await ask(server, "/a.up?import&raw") == (200, 'export default "hello";\n')


async def test_typescript_is_a_module_like_javascript(tmp_path: Path) -> None:
    class Strip(Plugin):
        def transform(self, code: str, id: str) -> str | None:
            return code.replace(": number", "") if id.endswith(".ts") else None

    write(tmp_path, "main.ts", 'import { n } from "./n";\nexport const m: number = n;\n')
    write(tmp_path, "n.ts", "export const n: number = 1;\nimport.meta.hot?.accept();\n")
    server = serving(tmp_path, Strip())
    status, text = await ask(server, "/main.ts", sec_fetch_dest="script")
    assert (status, text) == (200, 'import { n } from "/n.ts";\nexport const m = n;\n')
    assert "export const n = 1;" in (await ask(server, "/n.ts", sec_fetch_dest="script"))[1]


async def test_a_stylesheet_stays_one(tmp_path: Path) -> None:
    class Nested(Plugin):
        def transform(self, code: str, id: str) -> str | None:
            return code.replace("$red", "#f00") if id.endswith((".scss", ".css")) else None

    write(tmp_path, "a.scss", "a { color: $red }")
    server = serving(tmp_path, Nested)
    assert await ask(server, "/a.scss", accept="text/css") == (200, "a { color: #f00 }")
    as_module = (await ask(server, "/a.scss?import", sec_fetch_dest="script"))[1]
    assert '__vite__css = "a { color: #f00 }"' in as_module


async def test_order_and_chain(tmp_path: Path) -> None:
    seen: list[str] = []

    class Adds(Plugin):
        def __init__(self, name: str, enforce: Any = None) -> None:
            self.name, self.enforce = name, enforce

        def transform(self, code: str, id: str) -> str:
            seen.append(self.name)
            return f"{code}// {self.name}\n"

    write(tmp_path, "a.js", "")
    server = serving(tmp_path, Adds("last", "post"), Adds("second"), Adds("first", "pre"), Adds("third"))
    assert (await ask(server, "/a.js"))[1] == "// first\n// second\n// third\n// last\n"
    assert seen == ["first", "second", "third", "last"]


async def test_a_text_is_made_once_for_checking_and_serving(tmp_path: Path) -> None:
    seen: list[str] = []

    class Counts(Plugin):
        def transform(self, code: str, id: str) -> None:
            seen.append(code)

    write(tmp_path, "a.js", "let a = 1;")
    async with serving(tmp_path, Counts) as server:
        await ask(server, "/a.js")
        await ask(server, "/a.js")
        assert seen == ["let a = 1;"]


async def test_a_source_map_goes_with_it(tmp_path: Path) -> None:
    class Maps(Plugin):
        def transform(self, code: str, id: str) -> Transformed:
            return Transformed(code + ";", {"version": 3, "sources": ["a.js"], "mappings": "AAAA"})

    write(tmp_path, "a.js", "a")
    text = (await ask(serving(tmp_path, Maps), "/a.js"))[1]
    line = text.splitlines()[1]
    encoded = line.removeprefix("//# sourceMappingURL=data:application/json;charset=utf-8;base64,")
    assert json.loads(base64.b64decode(encoded))["mappings"] == "AAAA"


async def test_modules_that_are_no_files(tmp_path: Path) -> None:
    class Virtual(Plugin):
        version = 1

        def resolve_id(self, source: str, importer: str | None) -> str | None:
            assert importer == str(tmp_path / "main.js")
            return f"\0{source}" if source in ("virtual:build", "build") else None

        def load(self, id: str) -> str | None:
            return f"export const version = {self.version};\n" if id.startswith("\0") else None

    write(tmp_path, "main.js", 'import { version } from "virtual:build";\nimport "build";\n')
    server = serving(tmp_path, Virtual)
    text = (await ask(server, "/main.js"))[1]
    assert 'from "/@id/__x00__virtual:build?import"' in text
    assert 'import "/@id/__x00__build?import"' in text
    assert await ask(server, "/@id/__x00__build?import") == (200, "export const version = 1;\n")
    assert (await ask(server, "/@id/__x00__other?import"))[0] == 404
    assert (await ask(server, "/@id/../main.js"))[0] == 404


async def test_a_specifier_that_means_a_file(tmp_path: Path) -> None:
    class Alias(Plugin):
        def resolve_id(self, source: str, importer: str | None) -> str | None:
            return {"in": str(tmp_path / "lib.js"), "out": "/somewhere/else.js"}.get(source)

    write(tmp_path, "main.js", 'import "in";')
    write(tmp_path, "lib.js", "")
    write(tmp_path, "bad.js", 'import "out";')
    server = serving(tmp_path, Alias)
    assert (await ask(server, "/main.js"))[1] == 'import "/lib.js";'
    status, text = await ask(server, "/bad.js")
    assert status == 500
    assert "outside of the served folder" in text


# Pages.


async def test_a_page_is_transformed(tmp_path: Path) -> None:
    class Title(Plugin):
        def transform_index_html(self, html: str, path: str) -> str:
            return html.replace("TITLE", path)

    write(tmp_path, "about.html", "<!doctype html><head><title>TITLE</title></head>")
    text = (await ask(serving(tmp_path, Title), "/about.html"))[1]
    assert "<title>/about.html</title>" in text
    assert "/@vite/client" in text


async def test_a_page_that_is_no_file(tmp_path: Path) -> None:
    class Markdown(Plugin):
        def load(self, id: str) -> str | None:
            return f"<h1>{id.rpartition('/')[2]}</h1>" if id.endswith("guide.html") else None

    server = serving(tmp_path, Markdown)
    for path in ("/guide", "/guide.html"):
        status, text = await ask(server, path, accept="text/html")
        assert status == 200
        assert "<h1>guide.html</h1>" in text
        assert "/@vite/client" in text
    assert (await ask(server, "/other", accept="text/html"))[0] == 404
    assert (await ask(server, "/.guide.html", accept="text/html"))[0] == 403


# Errors.


async def test_an_error_in_the_text_has_its_place(tmp_path: Path) -> None:
    write(tmp_path, "a.up", "good\nbad!\n")
    server = serving(tmp_path, Upper)
    status, text = await ask(server, "/a.up?import")
    assert status == 500
    assert "no shouting" in text
    assert f"{tmp_path / 'a.up'}:2:3" in text


async def test_an_exception_names_the_plugin(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Plugin):
        name = "broken"

        def transform(self, code: str, id: str) -> str:
            raise ZeroDivisionError("oops")

        def resolve_id(self, source: str, importer: str | None) -> str:
            raise ZeroDivisionError("resolve")

        def handle_hot_update(self, update: HotUpdate) -> None:
            raise ZeroDivisionError("update")

        def transform_index_html(self, html: str, path: str) -> str:
            raise ZeroDivisionError("page")

    write(tmp_path, "a.js", 'import "./b.js";')
    write(tmp_path, "b.js", "")
    write(tmp_path, "index.html", "<p>here</p>")
    server = serving(tmp_path, Broken)
    status, text = await ask(server, "/a.js")
    assert status == 500
    assert "ZeroDivisionError: oops" in text
    assert "<p>here</p>" in (await ask(server, "/", accept="text/html"))[1]
    assert "transform_index_html of broken failed" in caplog.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("nothing", "module:object", id="no-object"),
        pytest.param("no_such_module:x", "ModuleNotFoundError", id="no-module"),
        pytest.param("a_plugin_file:nothing", "AttributeError", id="no-attribute"),
        pytest.param("a_plugin_file:number", "a hotchannel.Plugin", id="no-plugin"),
        pytest.param("a_broken_file:x", "a_broken_file.py:1", id="broken"),
        pytest.param(1, "module:object", id="not-a-name"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any, words: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(tmp_path, "a_plugin_file.py", "number = 1\n")
    write(tmp_path, "a_broken_file.py", "1 / 0\n")
    with pytest.raises(OptionError) as error:
        load_plugins([name], str(tmp_path))
    assert words in str(error.value)
    assert "plugins" in str(error.value)


def test_plugins_are_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = "from hotchannel import Plugin\nclass Mine(Plugin):\n    name = 'mine'\nmine = Mine()\n"
    write(tmp_path, "plugins_by_name.py", text)
    loaded = load_plugins(["plugins_by_name:Mine", "plugins_by_name:mine"], str(tmp_path))
    assert [plugin.name for plugin in loaded.plugins] == ["mine", "mine"]
    assert not Plugins()


# Updates.


async def told(server: DevServer, folder: Path, name: str, text: str) -> Any:
    """Save a file, and return what a page is told."""
    url = f"ws://localhost:{server.port}/"
    async with connect(url, subprotocols=["vite-hmr"]) as page, asyncio.timeout(PATIENCE):  # type: ignore[list-item]
        assert json.loads(await page.recv())["type"] == "connected"
        write(folder, name, text)
        return json.loads(await page.recv())


async def test_a_saved_file_is_an_update_of_what_it_became(tmp_path: Path) -> None:
    write(tmp_path, "main.js", 'import t from "./a.up"; import.meta.hot.accept("./a.up", () => {});')
    write(tmp_path, "a.up", "hello")
    async with serving(tmp_path, Upper) as server:
        await ask(server, "/main.js")
        await ask(server, "/a.up?import")
        message = await told(server, tmp_path, "a.up", "hello again")
        assert message["updates"][0]["acceptedPath"] == "/a.up"
        message = await told(server, tmp_path, "a.up", "hello!")
        assert message["type"] == "error"
        assert message["err"]["plugin"] == "Upper"
        assert message["err"]["message"] == "no shouting"
        assert message["err"]["loc"]["line"] == 1


async def test_a_plugin_decides_what_a_save_means(tmp_path: Path) -> None:
    class Decides(Plugin):
        def handle_hot_update(self, update: HotUpdate) -> Iterable[ModuleNode] | None:
            if update.file.endswith(".md"):
                assert update.read() == "# new"
                update.send(FullReload(path="/guide.html"))
            return [] if update.file.endswith("ignored.js") else None

    for name in ("ignored.js", "other.js"):
        write(tmp_path, name, "import.meta.hot.accept();")
    write(tmp_path, "guide.md", "# old")
    async with serving(tmp_path, Decides) as server:
        for name in ("ignored.js", "other.js"):
            await ask(server, f"/{name}")
        assert await told(server, tmp_path, "guide.md", "# new") == {
            "type": "full-reload",
            "path": "/guide.html",
        }
        write(tmp_path, "ignored.js", "import.meta.hot.accept(); // new")
        message = await told(server, tmp_path, "other.js", "import.meta.hot.accept(); // new")
        assert [update["path"] for update in message["updates"]] == ["/other.js"]


async def test_a_plugin_talks_to_pages(tmp_path: Path) -> None:
    class Talks(Plugin):
        def configure_server(self, server: DevServer) -> None:
            server.channel.on("ask", lambda data, client: client.send("answer", data))

    async with serving(tmp_path, Talks) as server:
        url = f"ws://localhost:{server.port}/"
        async with connect(url, subprotocols=["vite-hmr"]) as page, asyncio.timeout(PATIENCE):  # type: ignore[list-item]
            await page.recv()
            await page.send('{"type":"custom","event":"ask","data":1}')
            assert json.loads(await page.recv()) == {"type": "custom", "event": "answer", "data": 1}


def test_hooks_that_are_not_there_do_nothing(caplog: pytest.LogCaptureFixture) -> None:
    plugins = Plugins([Plugin()])
    with caplog.at_level(logging.DEBUG):
        assert plugins.resolve("a", None) is None
        assert plugins.process("/a.js", b"a") is None
        assert plugins.process("/a.png", b"\xff") is None
        assert plugins.page("<p>", "/") == "<p>"
    assert caplog.text == ""
