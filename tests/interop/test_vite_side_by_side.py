"""One frame, sent to npm's Vite and to ours: there the process ends, here nobody notices.

The frames are what a page, a browser extension or any program on the machine can send once it is connected;
the table is what was found to end Vite 8.3.8, with a neighbour that does not. A version that lives through
one of them fails here, so that what is said of stock is brought up to date.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.project import Project, free_port, vite_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from support.project import StartProject

# It is npm's Vite here and hotchannel there, whichever the other tests run against.
pytestmark = pytest.mark.ours

PATIENCE = 20.0
"""Seconds after which a test that waits for something gives up."""

FILES = {
    "index.html": "<!doctype html><title>side by side</title><script type=module src=/main.js></script>",
    "main.js": "import.meta.hot.accept();\n",
}

FATAL = {
    "invoke without data": {"event": "vite:invoke"},
    "invoke with nothing in it": {"event": "vite:invoke", "data": {}},
    "invoke with a number for an id": {"event": "vite:invoke", "data": {"name": "x", "id": 1, "data": []}},
    "invalidate without data": {"event": "vite:invalidate"},
    "invalidate with a number for a path": {"event": "vite:invalidate", "data": {"path": 7}},
}


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Project]:
    """npm's Vite, serving the same files."""
    root = tmp_path / "stock"
    site = Project(root, tmp_path / "stock.log", vite_command(root, free_port(), "/"), 0.06)
    for path, content in FILES.items():
        site.write(path, content)
    site.start()
    yield site
    site.stop()
    print(site.log)


def get(site: Project, path: str) -> int:
    """The status of a page."""
    with urllib.request.urlopen(f"{site.url}{path}", timeout=PATIENCE) as answer:
        status: int = answer.status
        return status


@contextmanager
def joined(site: Project) -> Iterator[ClientConnection]:
    """A client without Origin, which needs no token."""
    with connect(
        site.url.replace("http", "ws", 1),
        subprotocols=["vite-hmr"],  # type: ignore[list-item]
        open_timeout=PATIENCE,
    ) as client:
        assert message(client) == {"type": "connected"}
        yield client


def message(client: ClientConnection) -> Any:
    """What it is told next."""
    return json.loads(client.recv(PATIENCE))


def send(client: ClientConnection, frame: dict[str, Any]) -> None:
    """Say something that is a custom event."""
    client.send(json.dumps({"type": "custom", **frame}))


def called(client: ClientConnection, name: str) -> Any:
    """What stock's function of this name returns."""
    send(client, {"event": "vite:invoke", "data": {"name": name, "id": "send:1", "data": []}})
    answer = message(client)["data"]
    assert (answer["name"], answer["id"]) == (name, "response:1")
    return answer["data"]["result"]


def updated(site: Project, *clients: ClientConnection) -> bool:
    """Whether a save reaches all `clients`."""
    site.write("main.js", f"import.meta.hot.accept(); // {time.monotonic_ns()}\n")
    told = [message(client) for client in clients]
    return all([update["path"] for update in one["updates"]] == ["/main.js"] for one in told)


@pytest.mark.parametrize("frame", [pytest.param(frame, id=name) for name, frame in FATAL.items()])
def test_a_frame_that_ends_stock(stock: Project, project: StartProject, frame: dict[str, Any]) -> None:
    ours = project(FILES)
    with ExitStack() as stack:
        for site in (stock, ours):
            assert get(site, "main.js") == 200
        their_peer, their_witness = [stack.enter_context(joined(stock)) for _ in range(2)]
        peer, witness = [stack.enter_context(joined(ours)) for _ in range(2)]
        assert called(their_witness, "getBuiltins") == []
        assert updated(ours, peer, witness)

        send(their_peer, frame)
        with pytest.raises(ConnectionClosed):
            # Nobody closed this one's connection but the end of the process.
            their_witness.recv(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while stock.alive:
            assert time.monotonic() < deadline, f"stock lives:\n{stock.log}"
            time.sleep(0.01)
        with pytest.raises(urllib.error.URLError):
            get(stock, "index.html")
        assert "Node.js v" in stock.log

        send(peer, frame)
        assert updated(ours, peer, witness)
        assert get(ours, "index.html") == 200
        assert ours.alive
        assert "Traceback" not in ours.log


def test_a_frame_that_ends_nobody(stock: Project, project: StartProject) -> None:
    """Names that every JavaScript object has: stock calls what it finds, ours knows none of them."""
    ours = project(FILES)
    with joined(stock) as theirs, joined(ours) as peer:
        assert called(theirs, "toString") == "[object Undefined]"
        assert get(ours, "main.js") == 200
        send(peer, {"event": "vite:invoke", "data": {"name": "toString", "id": "send:1", "data": []}})
        # No answer comes first: the dev server has nothing that can be called.
        assert updated(ours, peer)
