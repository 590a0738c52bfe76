"""What the dev server's options do to what is served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect

from hotchannel.devserver.app import DevServer
from hotchannel.errors import OptionError
from hotchannel.options import DevOptions
from support.asgi_servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAVIGATION = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Dest": "document"}
OTHER = "http://localhost:8000"
SCRIPT = {"Accept": "*/*", "Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "cors"}


class Answer:
    """Status, headers and text."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.text = body.decode()


class Site:
    """A running dev server."""

    def __init__(self, server: DevServer) -> None:
        self.url = server.local_urls[0]

    async def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, headers=named, method=method)

        def ask() -> Answer:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return Answer(answer.status, answer.headers, answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    return Answer(error.code, error.headers, error.read())

        return await asyncio.to_thread(ask)


@contextlib.asynccontextmanager
async def served(folder: Path, **options: Any) -> AsyncIterator[Site]:
    async with DevServer(folder, DevOptions(port=0, **options)) as server:
        yield Site(server)


def files(folder: Path, **contents: str) -> None:
    for name, content in contents.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


# Pages that are no files.


@pytest.mark.parametrize(
    ("path", "headers", "status", "title"),
    [
        pytest.param("about", NAVIGATION, 200, "about", id="html-left-out"),
        pytest.param("some/route", NAVIGATION, 200, "start", id="route"),
        pytest.param("some/route/", NAVIGATION, 200, "start", id="route-with-slash"),
        pytest.param("user/john.doe", NAVIGATION, 200, "start", id="route-with-a-dot"),
        pytest.param("some/route", {"Accept": "*/*"}, 200, "start", id="asked-by-hand"),
        pytest.param("missing.json", {"Accept": "*/*"}, 404, None, id="a-file-asked-by-hand"),
        pytest.param("missing.js", SCRIPT, 404, None, id="module"),
        pytest.param("missing", SCRIPT, 404, None, id="module-without-suffix"),
        pytest.param("missing.png", {"Accept": "image/*", "Sec-Fetch-Dest": "image"}, 404, None, id="image"),
        pytest.param("api/x", {"Accept": "application/json"}, 404, None, id="json"),
        pytest.param(".env", NAVIGATION, 403, None, id="refused"),
        pytest.param("@vite/nothing", NAVIGATION, 404, None, id="the-client's"),
    ],
)
async def test_a_single_page_site_answers_every_page(
    tmp_path: Path, path: str, headers: dict[str, str], status: int, title: str | None
) -> None:
    files(tmp_path, index_html="<title>start</title>", about_html="<title>about</title>")
    async with served(tmp_path) as site:
        answer = await site.get(path, **headers)
    assert answer.status == status
    found = re.search(r"<title>(.*?)</title>", answer.text)
    assert (found[1] if found else None) == title
    if title is not None:
        shown = "/about.html" if title == "about" else "/index.html"
        assert f'data-fallback="{shown}"' in answer.text


async def test_a_site_of_many_pages_has_no_others(tmp_path: Path) -> None:
    files(tmp_path, index_html="<title>start</title>", about_html="<title>about</title>")
    async with served(tmp_path, app_type="mpa") as site:
        assert (await site.get("some/route", **NAVIGATION)).status == 404
        assert "<title>about</title>" in (await site.get("about", **NAVIGATION)).text


# Files that are served as they are.


async def test_public_files_are_served_at_the_base_as_they_are(tmp_path: Path) -> None:
    files(
        tmp_path,
        public__robots_txt="robots",
        public__lib_js='import "./nowhere.js"; import.meta.env;',
        public__data_json="{}",
        public__a_css="a{}",
        lib_js="the_root",
        main_js='import "/lib.js"; import "/data.json";',
        other_js='import "/only.js";',
        public__only_js="",
    )
    async with served(tmp_path, base="/app/") as site:
        assert (await site.get("robots.txt")).text == "robots"
        assert (await site.get("lib.js", **SCRIPT)).text == 'import "./nowhere.js"; import.meta.env;'
        assert (await site.get("a.css", Accept="text/css")).text == "a{}"
        assert (await site.get("other.js", **SCRIPT)).text == 'import "/only.js";'
    async with served(tmp_path, public_dir=False) as site:
        assert (await site.get("robots.txt")).status == 404
        assert (await site.get("lib.js", **SCRIPT)).text == "the_root"
    async with served(tmp_path, public_dir="static/files") as site:
        files(tmp_path, static__files__x_txt="x")
        assert (await site.get("x.txt")).text == "x"


async def test_a_public_stylesheet_is_hot(tmp_path: Path) -> None:
    files(tmp_path, index_html="<link rel=stylesheet href=/a.css>", public__a_css="a{}", public__p_html="p")
    async with DevServer(tmp_path, DevOptions(port=0)) as server:
        site = Site(server)
        await site.get("", **NAVIGATION)
        await site.get("a.css", Accept="text/css")
        await site.get("p.html", **NAVIGATION)
        url = f"ws://localhost:{server.port}/"
        async with connect(url, subprotocols=["vite-hmr"]) as page, asyncio.timeout(PATIENCE):  # type: ignore[list-item]
            await page.recv()
            files(tmp_path, public__a_css="a{ color: red }")
            message = json.loads(await page.recv())
            assert [(entry["type"], entry["path"]) for entry in message["updates"]] == [
                ("css-update", "/a.css")
            ]
            files(tmp_path, public__p_html="new")
            assert json.loads(await page.recv()) == {"type": "full-reload", "path": "/p.html"}


@pytest.mark.parametrize("path", [".env", "../secret.txt", "%2e%2e/secret.txt", "key.pem"])
async def test_public_is_no_way_around(tmp_path: Path, path: str) -> None:
    files(tmp_path, public__index_html="", secret_txt="hidden words")
    (tmp_path / "public" / ".env").write_text("hidden words")
    (tmp_path / "public" / "key.pem").write_text("hidden words")
    (tmp_path / "public" / "link.txt").symlink_to("/etc/hostname")
    async with served(tmp_path / "public", public_dir=".") as site:
        assert "hidden words" not in (await site.get(path)).text
        assert (await site.get("link.txt")).status == 403


# What modules know.


async def test_import_meta_env(tmp_path: Path) -> None:
    source = "// import.meta.env\nexport default import.meta.env;\n"
    files(tmp_path, main_js=source, plain_js="// import.meta.env\nexport default 1;\n")
    define = {"import.meta.env.VITE_ANSWER": {"is": 42}}
    async with served(tmp_path, base="/app/", mode="test", define=define) as site:
        text = (await site.get("main.js")).text
        assert (await site.get("plain.js")).text == "// import.meta.env\nexport default 1;\n"
    found = re.match(r"import\.meta\.env = (\{.*\});// import", text)
    assert found is not None
    assert text.count("\n") == source.count("\n")
    assert json.loads(found[1]) == {
        "BASE_URL": "/app/",
        "DEV": True,
        "MODE": "test",
        "PROD": False,
        "SSR": False,
        "VITE_ANSWER": {"is": 42},
    }


async def test_global_names_are_set_by_the_client(tmp_path: Path) -> None:
    async with served(tmp_path, define={"__VERSION__": "1.2", "app.debug": True}) as site:
        client = (await site.get("@vite/client")).text
    assert 'const defines = {"__VERSION__": "1.2", "app.debug": true};' in client


# What specifiers stand for.


@pytest.mark.parametrize(
    ("specifier", "served_as"),
    [
        pytest.param("@/a.js", "/src/a.js", id="prefix"),
        pytest.param("@/icons/a.js", "/assets/a.js", id="longest"),
        pytest.param("lib", "/src/lib.js", id="whole"),
        pytest.param("library", "library", id="not-a-prefix-of-a-word"),
        pytest.param("cdn/x.js", "https://example.com/x.js", id="another-host"),
    ],
)
async def test_alias(tmp_path: Path, specifier: str, served_as: str) -> None:
    files(tmp_path, src__a_js="", src__lib_js="", assets__a_js="", main_js=f'import "{specifier}";')
    alias = {
        "@": "/src",
        "@/icons": "/assets/",
        "lib": "/src/lib.js",
        "cdn/": "https://example.com/",
    }
    async with served(tmp_path, alias=alias) as site:
        assert (await site.get("main.js")).text == f'import "{served_as}";'


async def test_alias_in_stylesheets_and_pages(tmp_path: Path) -> None:
    files(
        tmp_path,
        src__a_css="body { background: url(@/b.png) }",
        src__b_png="png",
        main_js='import "@/a.css"; import.meta.hot.accept("@/a.css", () => {});',
    )
    async with served(tmp_path, alias={"@": "/src"}) as site:
        assert 'import "/src/a.css"' in (await site.get("main.js")).text
        assert "/src/b.png" in (await site.get("src/a.css?import", **SCRIPT)).text


# Queries.


async def test_inline_is_the_text_of_a_stylesheet(tmp_path: Path) -> None:
    files(tmp_path, a_css="a { color: red }", main_js='import css from "./a.css?inline";')
    async with served(tmp_path) as site:
        assert "/a.css?inline" in (await site.get("main.js")).text
        assert (await site.get("a.css?inline", **SCRIPT)).text == 'export default "a { color: red }";\n'


@pytest.mark.parametrize(
    ("query", "made_by"), [("worker", "new Worker("), ("sharedworker", "new SharedWorker(")]
)
async def test_worker_is_a_constructor(tmp_path: Path, query: str, made_by: str) -> None:
    files(tmp_path, w_js="postMessage(1)", main_js=f'import W from "./w.js?{query}";')
    async with served(tmp_path, base="/app/") as site:
        assert f"/app/w.js?{query}" in (await site.get("main.js")).text
        assert f'{made_by}"/app/w.js"' in (await site.get(f"w.js?{query}", **SCRIPT)).text


# Headers.


async def test_headers_of_every_answer(tmp_path: Path) -> None:
    files(tmp_path, index_html="", a_js="")
    headers = {"X-Mine": "yes", "Cross-Origin-Opener-Policy": "same-origin"}
    async with served(tmp_path, headers=headers) as site:
        for path in ("", "a.js", "missing.js", "@vite/client"):
            answer = await site.get(path)
            assert answer.headers["X-Mine"] == "yes"
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("cors", "origin", "allowed"),
    [
        pytest.param(False, OTHER, None, id="closed"),
        pytest.param(
            ("http://localhost:8000",), "http://localhost:8000", "http://localhost:8000", id="listed"
        ),
        pytest.param(("http://localhost:8000",), "http://localhost:8001", None, id="another-port"),
        pytest.param(("http://localhost:8000",), "https://localhost:8000", None, id="another-scheme"),
        pytest.param(("http://localhost:8000",), "null", None, id="null"),
        pytest.param(True, "http://example.com", "http://example.com", id="open"),
    ],
)
async def test_cors(tmp_path: Path, cors: Any, origin: str, allowed: str | None) -> None:
    files(tmp_path, a_js="", a_css="", a_png="x")
    async with served(tmp_path, cors=cors) as site:
        for path in ("a.js", "@vite/client", "missing.js"):
            answer = await site.get(path, Origin=origin)
            assert answer.headers["Access-Control-Allow-Origin"] == allowed
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        embedded = "cross-origin" if cors else "same-origin"
        for path in ("a.css", "a.png"):
            answer = await site.get(path, Accept="text/css")
            assert answer.headers["Cross-Origin-Resource-Policy"] == embedded
        asked = await site.get("a.js", "OPTIONS", Origin=origin, Access_Control_Request_Method="GET")
        assert asked.status == (405 if allowed is None else 204)
        assert asked.headers["Access-Control-Allow-Origin"] == allowed
        # A classic script needs no permission to run, so it is not let out at all.
        foreign = {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"}
        assert (await site.get("a.js", **foreign)).status == 403


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"app_type": "x"}, id="app_type"),
        pytest.param({"alias": {"@": 1}}, id="alias"),
        pytest.param({"headers": {"X": 1}}, id="headers"),
        pytest.param({"cors": "http://localhost"}, id="cors"),
        pytest.param({"define": {"a": object()}}, id="define"),
        pytest.param({"define": {"a": float("nan")}}, id="nan"),
    ],
)
def test_wrong_options(options: Any) -> None:
    with pytest.raises(OptionError):
        DevOptions(**options)
