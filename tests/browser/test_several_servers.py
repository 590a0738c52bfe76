"""Servers with one channel behind nginx: where one is gone, or has not sent a page, another takes over."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from support.engines import Engine, EngineKind
from support.nginx import Nginx
from support.project import REPOSITORY, Project, free_port, hotchannel_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.tab import Tab

pytestmark = pytest.mark.ours

PARTS = 5

LOCATION = """
location {path} {{
    proxy_pass http://{to};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}}
"""
TO_ALL = LOCATION.format(path="/", to="all")
FILES = {
    "index.html": """<!doctype html><html><head><link rel="icon" href="data:,"></head><body>
<p id="shown"></p><ol id="heard"></ol><script type="module" src="/main.js"></script></body></html>
""",
    "main.js": """import { text } from "./text.js";
const show = (now) => { document.querySelector("#shown").textContent = now; };
show(text);
import.meta.hot.accept("./text.js", (module) => show(module.text));
"""
    + "".join(
        f"""import "./part{number}.js";
import.meta.hot.accept("./part{number}.js", (part) => document.querySelector("#heard").append(part.text));
"""
        for number in range(PARTS)
    ),
    "text.js": 'export const text = "one";\n',
    **{f"part{number}.js": 'export const text = "old";\n' for number in range(PARTS)},
}


def upstream(ports: list[int]) -> str:
    """Return the block of nginx's configuration by which each of these has its turn."""
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    return f"upstream all {{ {servers} }}"


class Pair:
    """Two servers of one folder, an engine between them and nginx in front.

    Attributes:
        url: of nginx.
        servers: the two.
    """

    def __init__(self, folder: Path, kind: EngineKind) -> None:
        self._engine = Engine(kind, folder / "engine")
        self._engine.start()
        root = folder / "site"
        ports = [free_port(), free_port()]
        self.servers = []
        for number, port in enumerate(ports):
            command = [*hotchannel_command(root, port, "/"), "--backplane", self._engine.url]
            self.servers.append(Project(root, folder / f"log{number}", command, 0))
        for path, content in FILES.items():
            self.servers[0].write(path, content)
        for server in self.servers:
            server.start()
        self._nginx = Nginx(folder / "nginx")
        self.url = self._nginx.start(TO_ALL, beside=upstream(ports))

    def serving(self) -> Project:
        """The server that has the page's socket."""
        return next(
            server
            for server in self.servers
            if server.log.count("client connected") > server.log.count("client disconnected")
        )

    def close(self) -> None:
        self._nginx.stop()
        for server in self.servers:
            server.stop()
            print(server.log)
        self._engine.stop()


@pytest.fixture(params=["redis", "nats"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path, request.param)
    yield made
    made.close()


def test_a_page_goes_on_at_another_server(pair: Pair, tab: Tab) -> None:
    tab.open(pair.url)
    tab.text("one", "#shown")
    # Whichever of the two has its modules, and whichever leads.
    pair.servers[0].edit("text.js", "one", "two")
    tab.text("two", "#shown")
    pair.serving().kill()
    pair.servers[0].edit("text.js", "two", "three")
    tab.text("three", "#shown")
    pair.servers[0].edit("text.js", "three", "four")
    tab.text("four", "#shown")
    assert tab.kept


def test_what_is_saved_while_the_line_is_cut_comes_once(pair: Pair, tab: Tab) -> None:
    tab.open(pair.url)
    tab.text("one", "#shown")
    pair.serving().kill()
    for number in range(PARTS):
        pair.servers[0].edit(f"part{number}.js", "old", f"{number}")
    # If the one that led is gone, the next leader sees all of them at once: of these, none is before another.
    heard = "[...document.querySelector('#heard').textContent].sort().join('')"
    tab.until_value(heard, "".join(map(str, range(PARTS))))
    pair.servers[0].edit("part0.js", "0", "5")
    tab.until_value(heard, "".join(map(str, range(PARTS + 1))))
    assert tab.kept
    assert tab.received("full-reload") == []


NAMES = ("red", "green", "blue")
MAKER = "document.querySelector('#name').dataset.process"
WORDS = "document.querySelector('#form p').textContent"


class Three:
    """The example of three processes, an engine between them and nginx in front.

    Attributes:
        url: of nginx.
        ports: of the processes, by name.
        files: what they serve.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
        root = folder / "cluster"
        shutil.copytree(REPOSITORY / "examples/cluster", root, ignore=shutil.ignore_patterns("__pycache__"))
        self._engine = Engine("redis", folder / "engine")
        self._engine.start()
        monkeypatch.setenv("BACKPLANE", self._engine.url)
        self.ports = {name: free_port() for name in NAMES}
        self._processes = []
        for name, port in self.ports.items():
            command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
            process = Project(root, folder / f"{name}.log", command, 0)
            monkeypatch.setenv("NAME", name)
            process.start()
            self._processes.append(process)
        self.files = self._processes[0]
        locations = TO_ALL
        if asked in self.ports:
            to = f"127.0.0.1:{self.ports[asked]}"
            locations += LOCATION.format(path="/@hotchannel/page/", to=to)
        self._asked = folder / "asked.log"
        beside = "log_format asked '$upstream_addr $status $uri';"
        self._nginx = Nginx(folder / "nginx")
        self.url = self._nginx.start(
            f"access_log {self._asked} asked;{locations}", beside=beside + upstream(list(self.ports.values()))
        )

    def open_page_of(self, name: str, tab: Tab) -> None:
        """Open pages until one is made by the process of this name."""
        before = NAMES[NAMES.index(name) - 1]
        for _ in range(10):
            while f'data-process="{before}"' not in self._page():
                pass
            # It is the turn of this one, unless another tab has asked for something meanwhile.
            tab.open(self.url)
            if tab.value(MAKER) == name:
                return
        pytest.fail(f"no page is made by {name}")

    def _page(self) -> str:
        with urlopen(self.url) as answer:
            return str(answer.read(), "utf-8")

    def texts_asked_for(self) -> list[tuple[str, str]]:
        """Who was asked for a page as it was sent, and the status of the answer."""
        lines = [line.split() for line in self._asked.read_text().splitlines()]
        return [(who, status) for who, status, path in lines if path.startswith("/@hotchannel/page/")]

    def close(self) -> None:
        self._nginx.stop()
        for process in self._processes:
            process.stop()
            print(process.log)
        self._engine.stop()


@pytest.fixture(params=["in turn", "blue"])
def three(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Three]:
    """Texts of pages are asked for in turn, or of one of the processes."""
    made = Three(tmp_path, monkeypatch, request.param)
    yield made
    made.close()


def test_pages_of_all_servers_keep_what_was_typed_when_a_template_is_saved(
    three: Three, new_tab: Callable[[], Tab]
) -> None:
    tabs = [new_tab() for _ in NAMES]
    for name, tab in zip(NAMES, tabs, strict=True):
        three.open_page_of(name, tab)
        tab.page.fill("#text", f"typed into {name}")
    for before, after in (("gave", "handed"), ("handed", "passed")):
        three.files.edit("index.html", f"nginx {before}", f"nginx {after}")
        for tab in tabs:
            tab.until_value(f"{WORDS}.startsWith('nginx {after} this page')", True)
    for name, tab in zip(NAMES, tabs, strict=True):
        assert tab.value("document.querySelector('#text').value") == f"typed into {name}"
        assert tab.kept
    asked = three.texts_asked_for()
    assert len(asked) >= len(tabs)
    assert {status for _, status in asked} == {"200"}
