"""Two dev servers with one channel behind nginx: a page whose server is gone goes on at the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.engines import Engine, EngineKind
from support.nginx import Nginx
from support.project import Project, free_port, hotchannel_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.tab import Tab

pytestmark = pytest.mark.ours

PARTS = 5

UPSTREAM = """upstream pair {{
    server 127.0.0.1:{0} max_fails=0;
    server 127.0.0.1:{1} max_fails=0;
}}
"""
LOCATION = """
location / {
    proxy_pass http://pair;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}
"""
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
        self.url = self._nginx.start(LOCATION, beside=UPSTREAM.format(*ports))

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
