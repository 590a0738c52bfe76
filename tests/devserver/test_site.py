"""What the dev server answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hotchannel.devserver.http import Request
from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from pathlib import Path


class TestStaticFiles:
    def test_a_file_comes_with_its_type_and_a_tag(self, folder: HotFolder) -> None:
        folder.write("plain.txt", "hello")

        response = folder.get("/plain.txt")

        assert (response.status, body(response)) == (200, b"hello")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"

    def test_a_known_tag_is_answered_without_a_body(self, folder: HotFolder) -> None:
        folder.write("plain.txt", "hello")
        first = folder.get("/plain.txt")
        body(first)

        response = folder.get("/plain.txt", if_none_match=first.headers["etag"])

        assert (response.status, response.body) == (304, b"")

    def test_a_save_within_one_tick_of_the_clock_changes_the_tag(self, folder: HotFolder) -> None:
        file = folder.write("plain.txt", "hello")
        first = folder.get("/plain.txt").headers["etag"]
        folder.saved(file)

        assert folder.get("/plain.txt").headers["etag"] != first

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.HTML", "text/html; charset=utf-8"),
            ("a.unknown-kind", "application/octet-stream"),
            ("no-suffix", "application/octet-stream"),
        ],
    )
    def test_types(self, folder: HotFolder, name: str, expected: str) -> None:
        folder.write(name, "x" if not name.endswith("js") else "0")

        response = folder.get(f"/{name}")
        body(response)

        assert response.headers["content-type"] == expected

    @pytest.mark.parametrize(
        ("asked", "status", "expected"),
        [
            pytest.param("bytes=1-3", 206, b"123", id="middle"),
            pytest.param("bytes=7-", 206, b"789", id="from"),
            pytest.param("bytes=-2", 206, b"89", id="last"),
            pytest.param("bytes=5-100", 206, b"56789", id="beyond-the-end"),
            pytest.param("bytes=10-", 416, b"", id="nothing"),
            pytest.param("bytes=3-1", 416, b"", id="backwards"),
            pytest.param("bytes=0-1,4-5", 200, b"0123456789", id="several-are-not-served"),
            pytest.param("lines=1-2", 200, b"0123456789", id="another-unit"),
        ],
    )
    def test_ranges(self, folder: HotFolder, asked: str, status: int, expected: bytes) -> None:
        folder.write("film.mp4", "0123456789")

        response = folder.get("/film.mp4", range=asked)

        assert (response.status, body(response)) == (status, expected)

    def test_an_empty_file(self, folder: HotFolder) -> None:
        folder.write("empty.txt", "")

        response = folder.get("/empty.txt")

        assert (response.status, body(response)) == (200, b"")


class TestRefusals:
    @pytest.mark.parametrize(
        ("target", "status"),
        [
            pytest.param("/none.txt", 404, id="missing"),
            pytest.param("/.env", 403, id="dot-file"),
            pytest.param("/.env?raw", 403, id="dot-file-raw"),
            pytest.param("/.env?import&raw", 403, id="dot-file-import-raw"),
            pytest.param("/.env?raw??", 403, id="dot-file-odd-query"),
            pytest.param("/.env?.svg?import", 403, id="dot-file-svg"),
            pytest.param("/%2eenv", 403, id="dot-file-escaped"),
            pytest.param("/key.pem?url", 403, id="key"),
            pytest.param("/../secret", 403, id="parent"),
            pytest.param("/%2e%2e/secret", 403, id="parent-escaped"),
            pytest.param("/%2e%2e%2fsecret", 400, id="parent-with-an-escaped-slash"),
            pytest.param("/%252e%252e/secret", 404, id="parent-escaped-twice"),
            pytest.param("/..%5csecret", 400, id="backslash"),
            pytest.param("/..;/secret", 403, id="semicolon"),
            pytest.param("/%c0%ae%c0%ae/secret", 400, id="overlong"),
            pytest.param("//etc/passwd", 404, id="two-slashes"),
            pytest.param("/%ff.html", 400, id="not-utf-8"),
            pytest.param("/%zz", 400, id="bad-escape"),
            pytest.param("/a%00.txt", 400, id="nul"),
            pytest.param("/a#b", 400, id="fragment"),
            pytest.param("http://evil.example/", 400, id="absolute-form"),
            pytest.param("*", 400, id="asterisk"),
        ],
    )
    def test_what_is_not_served(self, folder: HotFolder, target: str, status: int) -> None:
        folder.write(".env", "SECRET")
        folder.write("key.pem", "SECRET")

        response = folder.get(target)

        assert response.status == status
        assert b"SECRET" not in body(response)

    def test_other_methods(self, folder: HotFolder) -> None:
        assert folder.get("/", method="POST").status == 405

    def test_a_script_of_another_site(self, folder: HotFolder) -> None:
        foreign = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}

        response = folder.get("/@vite/client", **foreign)

        assert response.status == 403
        assert b"secret-token" not in body(response)

    def test_a_missing_page_has_the_client_so_that_making_it_shows_it(self, folder: HotFolder) -> None:
        response = folder.get("/about<b>.html", accept="text/html")

        assert response.status == 404
        assert b"/@vite/client" in body(response)
        assert b"<b>" not in body(response)


class TestPages:
    def test_the_client_comes_first_in_the_head(self, folder: HotFolder) -> None:
        folder.write("index.html", "<!doctype html><html><head><title>x</title></head><body></body></html>")

        served = folder.text("/", sec_fetch_dest="document")

        head = served.partition("<head>")[2]
        assert re.match(r'<meta [^>]*><script type="module" src="/@vite/client"></script><title>', head)

    def test_it_says_where_in_the_journal_it_was_served(self, folder: HotFolder) -> None:
        folder.write("index.html", "<head></head>")

        assert '<meta name="hotchannel-page" content="epoch:0">' in folder.text("/")

    def test_a_folder_shows_its_index(self, folder: HotFolder) -> None:
        folder.write("docs/index.html", "<p>docs")

        assert "<p>docs" in folder.text("/docs/")
        response = folder.get("/docs?x=1")
        assert (response.status, response.headers["location"]) == (301, "/docs/?x=1")

    def test_an_import_map_stays_ahead_of_all_modules(self, folder: HotFolder) -> None:
        import_map = '<script type="importmap">{"imports":{"lib":"/lib.js"}}</script>'
        folder.write("index.html", f"<head><title>x</title>{import_map}</head>")

        served = folder.text("/")

        assert served.count(import_map) == 1
        assert served.index(import_map) < served.index("/@vite/client")

    def test_a_nonce_is_carried_over(self, folder: HotFolder) -> None:
        folder.write("index.html", '<head></head><script nonce="abc">1</script>')

        assert '<script type="module" src="/@vite/client" nonce="abc">' in folder.text("/")

    def test_an_inline_module_becomes_a_module_of_its_own(self, folder: HotFolder) -> None:
        folder.write("a.js", "export const a = 1")
        folder.write("index.html", '<head></head>\n<script type="module">\nimport "./a.js"\n</script>')

        served = folder.text("/")

        url = re.search(r'src="(/index\.html\?html-proxy&amp;index=0\.js)"', served)
        assert url is not None
        assert 'import "./a.js"' not in served
        module = folder.text(url[1].replace("&amp;", "&"))
        assert module == '\n\nimport "/a.js"\n', "its lines are those of the page"

    @pytest.mark.parametrize(
        "query", ["html-proxy&index=1.js", "html-proxy", f"html-proxy&index={'9' * 5000}.js"]
    )
    def test_an_inline_module_that_the_page_has_not_is_empty_and_no_error(
        self, folder: HotFolder, query: str
    ) -> None:
        folder.write("index.html", '<script type="module">1</script>')

        assert folder.text(f"/index.html?{query}") == ""
        assert folder.channel.errors == {}

    def test_a_fragment_that_a_script_fetches_is_left_alone(self, folder: HotFolder) -> None:
        folder.write("row.html", "<tr><td>1")

        assert folder.text("/row.html", sec_fetch_dest="empty") == "<tr><td>1"

    def test_bytes_of_another_encoding_go_through(self, folder: HotFolder) -> None:
        folder.write("index.html", b"<head><meta charset=latin1></head>caf\xe9")

        response = folder.get("/")

        assert b"caf\xe9" in body(response)
        assert response.headers["content-type"] == "text/html"


class TestConditionalRequests:
    def test_an_unchanged_module_is_not_sent_again(self, folder: HotFolder) -> None:
        folder.write("a.js", "export let a")
        etag = folder.get("/a.js").headers["etag"]

        assert folder.get("/a.js", if_none_match=etag).status == 304

    def test_a_module_whose_import_was_updated_is(self, folder: HotFolder) -> None:
        folder.write("a.js", "import './b.js'")
        folder.write("b.js", "import.meta.hot.accept()")
        etag = folder.get("/a.js").headers["etag"]
        folder.text("/b.js")
        folder.save("b.js", "import.meta.hot.accept() // 2")

        response = folder.get("/a.js", if_none_match=etag)

        assert response.status == 200
        assert b"/b.js?t=" in body(response)

    def test_two_contents_of_one_size_and_time_differ(self, folder: HotFolder) -> None:
        folder.write("a.js", "export let a")
        etag = folder.get("/a.js").headers["etag"]
        folder.save("a.js", "export let b")

        assert folder.get("/a.js", if_none_match=etag).status == 200


def test_a_file_that_is_suddenly_empty_is_waited_for(folder: HotFolder) -> None:
    folder.write("a.js", "export let a")
    folder.get("/a.js")
    folder.write("a.js", "")
    request = Request("GET", "/a.js", {})

    assert folder.site.respond(request, settled=False) is None
    assert folder.get("/a.js").status == 200


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/", 302, "/app/"),
        ("/app", 302, "/app/"),
        ("/index.html?x", 302, "/app/?x"),
        ("/other.txt", 404, None),
        ("/application/a.txt", 404, None),
    ],
)
def test_outside_the_base(tmp_path: Path, target: str, status: int, location: str | None) -> None:
    response = HotFolder(tmp_path.resolve(), base="/app/").get(target)

    assert (response.status, response.headers.get("location")) == (status, location)


@pytest.mark.parametrize("where", ["same-site", "cross-site"])
@pytest.mark.parametrize("destination", ["image", "video", "empty", ""])
def test_what_another_site_embeds_is_no_module(tmp_path: Path, where: str, destination: str) -> None:
    folder = HotFolder(tmp_path)
    folder.write("broken.js", "(")
    headers = {"sec_fetch_site": where, "sec_fetch_mode": "no-cors", "sec_fetch_dest": destination}

    for number in range(20):
        folder.get(f"/broken.js?{number}&raw", **headers)

    assert len(folder.graph) == 0
    assert not folder.channel.errors


def test_a_script_that_is_not_there_is_a_line_in_the_terminal(
    folder: HotFolder, caplog: pytest.LogCaptureFixture
) -> None:
    for destination in ("script", "style", "image", "document"):
        folder.get("/none.js", sec_fetch_dest=destination, referer="http://localhost:5173/page?a")

    told = [record.getMessage() for record in caplog.records]
    assert told == ["/none.js is not there; http://localhost:5173/page asks for it"] * 2
