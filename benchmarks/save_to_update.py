"""How long from a save to the browser? hotchannel beside npm's Vite, on the same projects, at one time.

Prints, for a project of 10 and one of 1000 modules, with the ratio hotchannel / Vite of each:

- start -> first page: from the start of the process to the first `200` for the page;
- save -> payload: from the write of a file to the `update` message at a bare socket;
- save -> visible: from the write to the first animation frame that shows it, in Chromium: of a module, of a
  stylesheet that is linked and of one that is imported;
- processor time of the servers for a save, and memory: resident set of their processes after all this.

The two take turns save by save and run by run, so that what else the machine does hits both. Compare
ratios, not milliseconds of different runs. Needs what `make bench` installs.
"""

from __future__ import annotations

import argparse
import re
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from peers.sites import FAN_OUT, PATIENCE, Samples, Server, Table, bench, check_installed, turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

__all__ = ["main"]

PAUSE = 0.08
"""Seconds between saves: Vite drops what comes within 50 ms of the last one."""

WATCH_STYLES = """() => {
  window.seen = {};
  const look = () => {
    const style = getComputedStyle(document.body);
    for (const name of ["linked", "imported"]) {
      window.seen[name + style.getPropertyValue("--" + name)] ??= Date.now();
    }
    requestAnimationFrame(look);
  };
  look();
}"""
"""Notes when a version of a stylesheet is first in force."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is done."""

    sizes: tuple[int, ...] = (10, 1000)
    saves: int = 60
    visible_saves: int = 40
    starts: int = 9


QUICK = Effort(saves=40, visible_saves=10, starts=5)


class Socket:
    """The least that hears an update: no library between the bytes and the clock."""

    def __init__(self, server: Server) -> None:
        self._connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: vite-hmr\r\n\r\n".encode()
        )
        self.wait_for(b'{"type":"connected"}')

    def wait_for(self, wanted: bytes) -> bytes:
        """Read until `wanted` has come; gives all that was read."""
        read = bytearray()
        while wanted not in read:
            received = self._connection.recv(65536)
            if not received:
                raise RuntimeError(f"the server hung up after {bytes(read)!r}")
            read += received
        return bytes(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()


def measure_payloads(servers: list[Server], count: int) -> Samples:
    """Milliseconds from the write to the update message, the servers taking turns."""
    samples: Samples = {server.name: [] for server in servers}
    with ExitStack() as open_sockets:
        sockets = {server.name: open_sockets.enter_context(Socket(server)) for server in servers}
        for server in servers:
            _fetch_all(server)
        for version in range(1, count + 1):
            for server in turn(servers, version):
                time.sleep(PAUSE)
                begun = time.perf_counter()
                server.project.save(version)
                message = sockets[server.name].wait_for(b'"type":"update"')
                samples[server.name].append((time.perf_counter() - begun) * 1000)
                _fetch_again(server, message)
    return samples


def _fetch_all(server: Server) -> None:
    """Ask for every module as a page would, so that the server knows the graph."""
    for path in ("/src/main.js", *(f"/src/m{index}.js" for index in range(server.project.size))):
        answer = server.get(path)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


def _fetch_again(server: Server, message: bytes) -> None:
    """Ask for what changed as a page would, so that the next save finds a graph of today."""
    found = re.search(rb'"timestamp":(\d+)', message)
    assert found, message
    stamp = found[1].decode()
    index = server.project.size - 1
    paths = ["/src/main.js"]
    while index >= 0:
        paths.insert(1, f"/src/m{index}.js")
        index = index // FAN_OUT - 1
    for path in paths:
        server.get(f"{path}?t={stamp}")


def measure_visible(browser: Browser, servers: list[Server], count: int) -> dict[str, Samples]:
    """Milliseconds from the write to the frame that shows it, the servers taking turns."""
    kinds: dict[str, tuple[Callable[[Server, int], None], str]] = {
        "module": (lambda server, version: server.project.save(version), "window.visible?.[{}]"),
        "linked stylesheet": (
            lambda server, version: server.project.save_style("linked.css", version),
            "window.seen['linked{}']",
        ),
        "imported stylesheet": (
            lambda server, version: server.project.save_style("src/imported.css", version),
            "window.seen['imported{}']",
        ),
    }
    samples: dict[str, Samples] = {kind: {server.name: [] for server in servers} for kind in kinds}
    with ExitStack() as open_pages:
        pages = {server.name: open_pages.enter_context(_open_page(browser, server)) for server in servers}
        for number in range(count):
            version = 100_000 + number
            for kind, (save, seen) in kinds.items():
                for server in turn(servers, number):
                    time.sleep(PAUSE)
                    begun = time.time()
                    save(server, version)
                    page = pages[server.name]
                    page.wait_for_function(seen.format(version), timeout=PATIENCE * 1000)
                    at = float(page.evaluate(seen.format(version)))
                    samples[kind][server.name].append(at - begun * 1000)
    return samples


@contextmanager
def _open_page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    connected: list[bool] = []
    page.on("websocket", lambda line: line.on("framereceived", lambda _: connected.append(True)))
    page.goto(server.url)
    page.wait_for_function("window.loadedAt", timeout=PATIENCE * 1000)
    while not connected:
        page.wait_for_timeout(10)
    page.evaluate(WATCH_STYLES)
    yield page
    context.close()


def measure_starts(servers: list[Server], count: int) -> Samples:
    """Milliseconds from the process's start to its first page; leaves the servers running."""
    samples: Samples = {server.name: [] for server in servers}
    for number in range(count):
        for server in turn(servers, number):
            server.stop()
            samples[server.name].append(server.start())
            if number < count - 1:
                server.stop()
    return samples


def run(effort: Effort) -> None:
    """Measure and print everything."""
    table = Table()
    with bench(effort.sizes) as (browser, pairs):
        for size, servers in pairs:
            table.title(f"{size} modules")
            table.samples("start -> first page", measure_starts(servers, effort.starts), p95=False)
            before = {server.name: server.cpu for server in servers}
            table.samples("save -> payload", measure_payloads(servers, effort.saves))
            ours, vite = ((server.cpu - before[server.name]) / effort.saves for server in servers)
            table.row("processor time, a save and what is asked for", ours, vite)
            for kind, samples in measure_visible(browser, servers, effort.visible_saves).items():
                table.samples(f"save -> visible, {kind}", samples)
            ours, vite = (server.memory for server in servers)
            table.row("memory, resident", ours, vite, "MiB")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, a minute or two in all")
    arguments = parser.parse_args()
    check_installed()
    run(QUICK if arguments.quick else Effort())


if __name__ == "__main__":
    main()
