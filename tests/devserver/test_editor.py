"""Opening files in an editor: who may ask, and which files. Attack 24."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from hotchannel.devserver.app import DevServer
from hotchannel.devserver.editor import (
    Place,
    find_file,
    parse_place,
    refusal,
)
from hotchannel.devserver.files import FileRefused, Root
from hotchannel.devserver.http import Request
from hotchannel.options import DevOptions, WsOptions
from hotchannel.websocket.handshake import Reason
from support.asgi_servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "right-token1"
FILE = "/site/a b.js"

# What is asked.


@pytest.mark.parametrize(
    ("query", "place"),
    [
        pytest.param("file=/a.js:3:5", Place("/a.js", 3, 5), id="place"),
        pytest.param("file=/a.js:3", Place("/a.js", 3, 1), id="line"),
        pytest.param("file=/a.js", Place("/a.js", 1, 1), id="file"),
        pytest.param("file=/a.js:0:0", Place("/a.js", 1, 1), id="zeros"),
        pytest.param("file=%2Fa%20b%2B+.js%3A3%3A5", Place("/a b++.js", 3, 5), id="encoded"),
        pytest.param("file=C:%5Ca.js:3:5", Place(r"C:\a.js", 3, 5), id="Windows"),
        pytest.param("file=/a:1:2:3.js:4:5", Place("/a:1:2:3.js", 4, 5), id="colons"),
        pytest.param("token=x&file=/a.js:3:5&file=/b.js", Place("/a.js", 3, 5), id="the first counts"),
        pytest.param("file=/a.js:" + "9" * 50, Place("/a.js:" + "9" * 50), id="line of 50 digits"),
        pytest.param("file=/a.js:%D9%A3", Place("/a.js:\u0663"), id="other digits"),
        pytest.param("", None, id="nothing"),
        pytest.param("file=", None, id="empty"),
        pytest.param("File=/a.js", None, id="other name"),
        pytest.param("file=/a%00.js", None, id="NUL"),
        pytest.param("file=/a%0a.js", None, id="newline"),
        pytest.param("file=/a.js%0d%0aX: y", None, id="header"),
        pytest.param("file=/a%1b[2J.js", None, id="escape"),
        pytest.param("file=/%ff.js", None, id="not UTF-8"),
        pytest.param("file=/%ed%a0%80.js", None, id="surrogate"),
        pytest.param("file=/" + "a" * 5000, None, id="huge"),
    ],
)
def test_parse_place(query: str, place: Place | None) -> None:
    assert parse_place(query) == place


OWN = {"host": "localhost:5173", "origin": "http://localhost:5173", "sec-fetch-site": "same-origin"}
BACK_END = {"origin": "http://localhost:8000", "sec-fetch-site": "same-site"}


@pytest.mark.parametrize(
    ("method", "query", "headers", "reason"),
    [
        pytest.param("POST", f"token={TOKEN}", OWN, None, id="our page"),
        pytest.param("GET", f"token={TOKEN}", {"host": "x"}, None, id="no browser"),
        pytest.param("GET", f"token={TOKEN}", {**OWN, "sec-fetch-site": "none"}, None, id="typed"),
        pytest.param("POST", f"token={TOKEN}", {**OWN, "origin": "https://localhost:5173"}, None, id="https"),
        pytest.param("POST", f"token={TOKEN}", {**OWN, **BACK_END}, None, id="page of a back end in cors"),
        pytest.param("HEAD", f"token={TOKEN}", OWN, Reason.METHOD, id="HEAD"),
        pytest.param("OPTIONS", f"token={TOKEN}", OWN, Reason.METHOD, id="OPTIONS"),
        pytest.param("get", f"token={TOKEN}", OWN, Reason.METHOD, id="method in small letters"),
        pytest.param("GET", "", OWN, Reason.TOKEN, id="token missing"),
        pytest.param("GET", "token=", OWN, Reason.TOKEN, id="token empty"),
        pytest.param("GET", "token=wrong-token1", OWN, Reason.TOKEN, id="token wrong"),
        pytest.param("GET", f"token={TOKEN[:-1]}", OWN, Reason.TOKEN, id="token short"),
        pytest.param("GET", f"token={TOKEN}%00", OWN, Reason.TOKEN, id="token and NUL"),
        pytest.param("GET", f"token=%f0%9f%98%80{TOKEN}", OWN, Reason.TOKEN, id="token with an emoji"),
        pytest.param("GET", f"token={TOKEN * 1000}", OWN, Reason.TOKEN, id="token huge"),
        pytest.param("GET", f"token=x&token={TOKEN}", OWN, Reason.TOKEN, id="token second"),
        pytest.param("GET", f"Token={TOKEN}", OWN, Reason.TOKEN, id="token by another name"),
        pytest.param("GET", f"#token={TOKEN}", OWN, Reason.TOKEN, id="token behind a hash"),
        pytest.param(
            "GET",
            f"token={TOKEN}",
            {"host": "x", "sec-fetch-site": "cross-site"},
            Reason.ORIGIN_HEADER,
            id="cross-site",
        ),
        pytest.param(
            "GET",
            f"token={TOKEN}",
            {"host": "x", "sec-fetch-site": "same-site"},
            Reason.ORIGIN_HEADER,
            id="same-site",
        ),
        *(
            pytest.param(
                "POST", f"token={TOKEN}", {**OWN, "origin": origin}, Reason.ORIGIN_HEADER, id=f"from {origin}"
            )
            for origin in (
                "http://evil.com",
                "http://localhost",
                "http://localhost:5174",
                "http://localhost:51730",
                "http://localhost:5173.evil.com",
                "http://localhost:5173@evil.com",
                "http://evil.com/localhost:5173",
                "null",
                "",
                "localhost:5173",
                "ftp://localhost:5173",
                "http://[::1",
                "h" * 8000,
            )
        ),
    ],
)
def test_who_may_ask(method: str, query: str, headers: dict[str, str], reason: Reason | None) -> None:
    request = Request(method, f"/__open-in-editor?file=/a.js&{query}", headers)
    assert refusal(request, token=TOKEN, cors=("http://localhost:8000",)) is reason


@pytest.mark.parametrize("cors", [True, False, ()])
def test_whoever_may_read_may_not_open(cors: bool | tuple[str, ...]) -> None:
    request = Request("POST", f"/?token={TOKEN}", {**OWN, **BACK_END})
    assert refusal(request, token=TOKEN, cors=cors) is Reason.ORIGIN_HEADER


# Which file.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with something in it, and secrets inside and outside."""
    site = tmp_path.resolve() / "site"
    for name in (
        "index.html",
        "src/a.js",
        "src/-rf.js",
        "a;touch pwned.js",
        "$(id) 'x' \"y\".js",
        ".env",
        "key.pem",
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("")
    for name in ("outside.js", "site_private/a.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (site / "out.js").symlink_to(tmp_path / "outside.js")
    (site / "away").symlink_to(tmp_path / "site_private")
    (site / "loop.js").symlink_to(site / "loop.js")
    (site / "in.js").symlink_to(site / "src/a.js")
    os.mkfifo(site / "fifo.js")
    return site


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("ROOT/src/a.js", "src/a.js", id="absolute"),
        pytest.param("/src/a.js", "src/a.js", id="URL path"),
        pytest.param("/in.js", "src/a.js", id="link within"),
        pytest.param("/src/-rf.js", "src/-rf.js", id="begins with a dash"),
        pytest.param("ROOT/a;touch pwned.js", "a;touch pwned.js", id="semicolon"),
        pytest.param("/$(id) 'x' \"y\".js", "$(id) 'x' \"y\".js", id="signs of a shell"),
    ],
)
def test_files_that_are_opened(root: Path, name: str, file: str) -> None:
    assert find_file(Root(root), name.replace("ROOT", str(root))) == str(root / file)


# Names of what must not be opened, and the answer.
REFUSED: dict[str, tuple[str, int]] = {
    "none": ("/none.js", 404),
    "absolute, none": ("ROOT/none.js", 404),
    "folder": ("/src", 404),
    "the root": ("ROOT", 404),
    "slash": ("/", 404),
    "dot file": ("/.env", 403),
    "dot file, absolute": ("ROOT/.env", 403),
    "key": ("/key.pem", 403),
    "key, absolute": ("ROOT/key.pem", 403),
    "FIFO": ("/fifo.js", 403),
    "upward": ("/../outside.js", 403),
    "upward from within": ("/src/../../outside.js", 403),
    "upward, absolute": ("ROOT/../outside.js", 403),
    "upward, encoded twice": ("/%2e%2e/outside.js", 404),
    "outside": ("OUTER/outside.js", 404),
    "outside, a sibling with the same beginning": ("ROOT_private/a.js", 404),
    "outside, none": ("OUTER/none.js", 404),
    "passwords": ("/etc/passwd", 404),
    "two slashes": ("//etc/passwd", 404),
    "link out": ("/out.js", 403),
    "link out, absolute": ("ROOT/out.js", 403),
    "folder that leads out": ("/away/a.js", 403),
    "link to itself": ("/loop.js", 404),
    "command behind": ("/src/a.js;rm -rf ~", 404),
    "long name": ("/" + "a" * 300, 404),
}


@pytest.mark.parametrize(("name", "status"), REFUSED.values(), ids=REFUSED)
def test_files_that_are_not_opened(root: Path, name: str, status: int) -> None:
    name = name.replace("ROOT", str(root)).replace("OUTER", str(root.parent))
    with pytest.raises(FileRefused) as refused:
        find_file(Root(root), name)
    assert refused.value.status == status


# All of it.

RECORD = (
    "import json, os, sys\n"
    "with open(sys.argv[1] + '.part', 'w') as file:\n    json.dump(sys.argv[2:], file)\n"
    "os.replace(sys.argv[1] + '.part', sys.argv[1])\n"
)
"""An editor that writes down what it was given; `RECORDING` calls it."""


class Editor:
    """An editor that takes notes."""

    def __init__(self, folder: Path) -> None:
        self._note = folder / "opened.json"
        self.option = [sys.executable, "-c", RECORD, str(self._note), "{file}", "{line}", "{column}"]

    async def opened(self) -> list[str]:
        """What was opened, once it was."""
        await until(self._note.exists)
        opened: list[str] = json.loads(self._note.read_text())
        self._note.unlink()
        return opened


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path)


async def ask(
    dev: DevServer,
    file: str,
    *,
    method: str = "POST",
    token: str | None = None,
    base: str = "/",
    **headers: str,
) -> tuple[int, str]:
    """Status and text of an answer; with the right token, unless another is given."""
    query = f"file={quote(file, safe='/:')}&token={dev.channel.token if token is None else token}"
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    def request() -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", dev.port, timeout=PATIENCE)
        try:
            line.request(method, f"{base}__open-in-editor?{query}", headers=fields)
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    return await asyncio.to_thread(request)


PLACES: dict[str, tuple[str, list[str]]] = {
    "absolute": ("ROOT/src/a.js:3:5", ["ROOT/src/a.js", "3", "5"]),
    "URL path": ("/src/a.js:3:5", ["ROOT/src/a.js", "3", "5"]),
    "no line": ("/src/a.js", ["ROOT/src/a.js", "1", "1"]),
    "semicolon": ("/a;touch pwned.js:1:1", ["ROOT/a;touch pwned.js", "1", "1"]),
    "signs of a shell": ("/$(id) 'x' \"y\".js:1:1", ["ROOT/$(id) 'x' \"y\".js", "1", "1"]),
    "dash": ("/src/-rf.js:1:1", ["ROOT/src/-rf.js", "1", "1"]),
}


async def test_places_are_opened(root: Path, editor: Editor, subtests: pytest.Subtests) -> None:
    async with DevServer(root, DevOptions(port=0, editor=editor.option)) as dev:
        for name, (place, opened) in PLACES.items():
            with subtests.test(name):
                assert await ask(dev, place.replace("ROOT", str(root))) == (204, "")
                assert await editor.opened() == [word.replace("ROOT", str(root)) for word in opened]
    assert not (root / "pwned.js").exists()


async def test_below_a_base(root: Path, editor: Editor) -> None:
    async with DevServer(root, DevOptions(port=0, editor=editor.option, base="/app/")) as dev:
        assert (await ask(dev, "/src/a.js", method="GET"))[0] == 404
        assert (await ask(dev, "/src/a.js", method="GET", base="/app/"))[0] == 204
        assert await editor.opened() == [str(root / "src/a.js"), "1", "1"]


async def test_behind_another_server_too(root: Path, editor: Editor) -> None:
    dev = DevServer(root, DevOptions(middleware=True, editor=editor.option, ws=WsOptions(port=0)))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/__open-in-editor",
        "query_string": f"file=/src/a.js&token={dev.channel.token}".encode(),
        "headers": [(b"host", b"localhost")],
    }
    async with dev:
        await dev(scope, receive, send)
        assert sent[0]["status"] == 204
        assert await editor.opened() == [str(root / "src/a.js"), "1", "1"]


# File, token (None is the right one), headers, method, and the answer.
REQUESTS: dict[str, tuple[str, str | None, dict[str, str], str, int]] = {
    "no token": ("/src/a.js", "", {}, "POST", 403),
    "wrong token": ("/src/a.js", "wrong-token1", {}, "GET", 403),
    "another origin": ("/src/a.js", None, {"Origin": "http://localhost:1"}, "POST", 403),
    "another site": ("/src/a.js", None, {"Sec-Fetch-Site": "cross-site"}, "GET", 403),
    "another host": ("/src/a.js", None, {"Host": "evil.com"}, "GET", 403),
    "method": ("/src/a.js", None, {}, "PUT", 405),
    "relative": ("src/a.js", None, {}, "POST", 400),
    "an option": ("-x", None, {}, "POST", 400),
    "URL": ("file:///etc/passwd", None, {}, "POST", 400),
    "NUL": ("/src/a.js\0.txt", None, {}, "POST", 400),
    "newline": ("/src/a.js\nx", None, {}, "POST", 400),
    "huge": ("/" + "a" * 9000, None, {}, "POST", 400),
    "none": ("/none.js", None, {}, "POST", 404),
    "upward": ("/../outside.js", None, {}, "POST", 403),
    "link out": ("/out.js", None, {}, "POST", 403),
    "dot file": ("/.env", None, {}, "POST", 403),
    "outside": ("/etc/passwd", None, {}, "POST", 404),
}


async def test_refused(
    root: Path, editor: Editor, subtests: pytest.Subtests, caplog: pytest.LogCaptureFixture
) -> None:
    async with DevServer(root, DevOptions(port=0, editor=editor.option)) as dev:
        for name, (file, token, headers, method, status) in REQUESTS.items():
            with subtests.test(name):
                found, text = await ask(dev, file, method=method, token=token, **headers)
                assert found == status
                assert text
                assert str(root) not in text
                assert dev.channel.token not in text
                # What comes after is opened, and nothing before it was.
                assert (await ask(dev, "/index.html"))[0] == 204
                assert await editor.opened() == [str(root / "index.html"), "1", "1"]
        counted = {Reason.TOKEN: 2, Reason.ORIGIN_HEADER: 2, Reason.HOST: 1, Reason.METHOD: 1}
        assert dev.channel.stats().refused == counted
        assert "/__open-in-editor" in caplog.text
        assert dev.channel.token not in caplog.text


async def test_without_an_editor_the_answer_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    for name in ("LAUNCH_EDITOR", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    async with DevServer(root, DevOptions(port=0)) as dev:
        status, text = await ask(dev, "/src/a.js")
        assert status == 500
        assert "No editor was found" in text
        assert "`editor`" in text
        assert "No editor was found" in caplog.text


async def test_an_editor_that_cannot_be_started(root: Path) -> None:
    # It may be executed, but is neither a program nor a script that names one.
    broken = root / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    async with DevServer(root, DevOptions(port=0, editor=[str(broken)])) as dev:
        status, text = await ask(dev, "/src/a.js")
        assert status == 500
        assert "cannot be started" in text
        assert "`editor`" in text


async def test_an_editor_that_fails_is_told_in_the_log(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "hotchannel")
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    async with DevServer(root, DevOptions(port=0, editor=failing)) as dev:
        assert (await ask(dev, "/src/a.js"))[0] == 204
        await until(lambda: "ended with status 3" in caplog.text)


async def test_the_editor_outlives_the_server(root: Path, editor: Editor) -> None:
    gate = root.parent / "gate"
    os.mkfifo(gate)
    waiting = f"open({str(gate)!r}).read()\n{RECORD}"
    command = [*editor.option[:2], waiting, *editor.option[3:]]
    async with DevServer(root, DevOptions(port=0, editor=command)) as dev:
        assert (await ask(dev, "/src/a.js"))[0] == 204
    # The server is gone; only now may the editor go on.
    async with asyncio.timeout(PATIENCE):
        await asyncio.to_thread(gate.write_text, "go on")
    assert await editor.opened() == [str(root / "src/a.js"), "1", "1"]
