"""How long from a save to the browser? hotchannel beside npm's Vite, on the same projects, at one time.

Prints, for a project of 10 and one of 1000 modules, with the ratio hotchannel / Vite of each:

- save -> payload: from the write of a file to the `update` message at a bare socket;
- save -> visible: from the write to the first animation frame after the new module ran, in Chromium;
- start -> first page: from the start of the process to the first `200` for the page;
- page load: from navigation to the last module's end, in a fresh profile and on reload;
- memory: resident set of the server's processes after all this.

The two take turns save by save and run by run, so that what else the machine does hits both. Compare
ratios, not milliseconds of different runs. Needs what `make bench` installs.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["main"]

REPOSITORY = Path(__file__).resolve().parent.parent
OURS, VITE = "hotchannel", "Vite"
FAN_OUT = 10
PAUSE = 0.08
"""Seconds between saves: Vite drops what comes within 50 ms of the last one."""

PATIENCE = 30.0
"""Seconds until something that does not come is given up, and with it the run."""

CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

Samples = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is done."""

    sizes: tuple[int, ...] = (10, 1000)
    saves: int = 60
    visible_saves: int = 40
    starts: int = 9
    loads: int = 5


QUICK = Effort(saves=40, visible_saves=10, starts=5, loads=2)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of small modules in a tree, of which the last is the one that is edited."""

    root: Path
    size: int

    def write_all(self) -> None:
        """Write the page, the entry and all modules."""
        source = self.root / "src"
        source.mkdir(parents=True)
        script = '<script type="module" src="/src/main.js"></script>'
        page = f"<!doctype html>\n<html><head><title>Benchmark</title></head><body>{script}</body></html>\n"
        (self.root / "index.html").write_text(page)
        accept = "window.loadedAt ??= performance.now();\nimport.meta.hot.accept();\n"
        (source / "main.js").write_text(_imports(0, min(FAN_OUT, self.size)) + accept)
        for index in range(self.size - 1):
            first = FAN_OUT * (index + 1)
            (source / f"m{index}.js").write_text(
                _imports(first, min(first + FAN_OUT, self.size)) + _body(index)
            )
        self.save(0)

    def save(self, version: int) -> None:
        """Save the last module in place; it tells the page when `version` is to be seen."""
        told = (
            f"const version = {version};\n"
            "requestAnimationFrame(() => { (window.visible ??= {})[version] = Date.now(); });\n"
        )
        (self.root / f"src/m{self.size - 1}.js").write_text(told + _body(self.size - 1))


def _imports(first: int, end: int) -> str:
    return "".join(f'import {{ value{index} }} from "./m{index}.js";\n' for index in range(first, end))


def _body(index: int) -> str:
    lines = "".join(f"  if (n === {line}) return `case {line} of module {index}`;\n" for line in range(12))
    function = f"export function describe{index}(n) {{\n{lines}  return null;\n}}\n"
    return f"export const value{index} = {index};\n{function}"


@dataclass(slots=True)
class Server:
    """One of the two, on a project of its own."""

    name: str
    project: Project
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> float:
        """Start it and give the milliseconds until its page was answered.

        Raises:
            RuntimeError: it ended, or there was no page within `PATIENCE`.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with self.log.open("ab") as log:
            begun = time.perf_counter()
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.project.root)
        while time.perf_counter() - begun < PATIENCE:
            if self.process.poll() is not None:
                break
            try:
                if self.get("/", accept="text/html").startswith(b"HTTP/1.1 200"):
                    return (time.perf_counter() - begun) * 1000
            except OSError:
                time.sleep(0.001)
        raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        """End it, by its process."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def get(self, path: str, *, accept: str = "*/*") -> bytes:
        """Everything the server answers to one GET."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: {accept}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            return b"".join(iter(lambda: connection.recv(65536), b""))

    @property
    def url(self) -> str:
        """The page."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def memory(self) -> float:
        """MiB that its processes hold."""
        assert self.process is not None, "it runs"
        process = psutil.Process(self.process.pid)
        tree = [process, *process.children(recursive=True)]
        return sum(float(each.memory_info().rss) for each in tree) / 2**20

    def _command(self) -> list[str]:
        root, port = str(self.project.root), str(self.port)
        if self.name == OURS:
            entry = "import sys; from hotchannel.cli import main; sys.exit(main())"
            options = ["--host", "127.0.0.1", "--port", port, "--strict-port"]
            return [sys.executable, "-c", entry, "dev", root, *options]
        script = REPOSITORY / "node_modules/vite/bin/vite.js"
        return ["node", str(script), root, "--host", "127.0.0.1", "--port", port, "--strictPort"]


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
            for server in _turn(servers, version):
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


def measure_visible(browser: Browser, servers: list[Server], count: int) -> Samples:
    """Milliseconds from the write to the frame that shows it, the servers taking turns."""
    samples: Samples = {server.name: [] for server in servers}
    with ExitStack() as open_pages:
        pages = {server.name: open_pages.enter_context(_open_page(browser, server)) for server in servers}
        for turn in range(count):
            version = 100_000 + turn
            for server in _turn(servers, turn):
                time.sleep(PAUSE)
                begun = time.time()
                server.project.save(version)
                page = pages[server.name]
                page.wait_for_function(f"window.visible[{version}]", timeout=PATIENCE * 1000)
                samples[server.name].append(page.evaluate(f"window.visible[{version}]") - begun * 1000)
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
    yield page
    context.close()


def measure_loads(browser: Browser, servers: list[Server], count: int) -> dict[str, Samples]:
    """Milliseconds from navigation until the last module ran: in fresh profiles, and on reload."""
    samples: dict[str, Samples] = {"cold": {}, "reload": {}}
    for turn in range(count):
        for server in _turn(servers, turn):
            context = browser.new_context()
            page = context.new_page()
            page.goto(server.url)
            samples["cold"].setdefault(server.name, []).append(_loaded(page))
            page.reload()
            samples["reload"].setdefault(server.name, []).append(_loaded(page))
            context.close()
    return samples


def _loaded(page: Page) -> float:
    page.wait_for_function("window.loadedAt", timeout=PATIENCE * 1000)
    return float(page.evaluate("window.loadedAt"))


def measure_starts(servers: list[Server], count: int) -> Samples:
    """Milliseconds from the process's start to its first page; leaves the servers running."""
    samples: Samples = {server.name: [] for server in servers}
    for turn in range(count):
        for server in _turn(servers, turn):
            server.stop()
            samples[server.name].append(server.start())
            if turn < count - 1:
                server.stop()
    return samples


def _turn(servers: list[Server], turn: int) -> list[Server]:
    return servers if turn % 2 else servers[::-1]


class Table:
    """Prints rows as they are measured."""

    def __init__(self) -> None:
        print(f"{'':44}{OURS:>12}{VITE:>12}{'ratio':>9}")

    def title(self, text: str) -> None:
        """A line above a group of rows."""
        print(f"\n{text}")

    def row(self, label: str, ours: float, vite: float, unit: str = "ms") -> None:
        """One figure of both, and what ours is of Vite's."""
        shown = [f"{value:.1f} {unit}" for value in (ours, vite)]
        print(f"  {label:42}{shown[0]:>12}{shown[1]:>12}{ours / vite:>9.2f}", flush=True)

    def samples(self, label: str, samples: Samples, *, p95: bool = True) -> None:
        """The median of both, and where there is enough to tell, the 95th percentile."""
        figures: list[tuple[str, Callable[[list[float]], float]]] = [("p50", statistics.median)]
        if p95:
            figures.append(("p95", lambda values: statistics.quantiles(values, n=20)[-1]))
        for name, figure in figures:
            suffix = f", {name}" if p95 else ", median"
            self.row(label + suffix, figure(samples[OURS]), figure(samples[VITE]))


def run(effort: Effort) -> None:
    """Measure and print everything."""
    table = Table()
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="hotchannel-benchmark-")))
        playwright = cleanup.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        cleanup.callback(browser.close)
        for size in effort.sizes:
            servers = []
            for name in (OURS, VITE):
                project = Project(folder / f"{name}-{size}", size)
                project.write_all()
                servers.append(Server(name, project, folder / f"{name}-{size}.log"))
                cleanup.callback(servers[-1].stop)
            table.title(f"{size} modules")
            table.samples("start -> first page", measure_starts(servers, effort.starts), p95=False)
            first = measure_loads(browser, servers, 1)["cold"]
            table.row("page load, the server's first", first[OURS][0], first[VITE][0])
            loads = measure_loads(browser, servers, effort.loads)
            table.samples("page load, fresh profile", loads["cold"], p95=False)
            table.samples("page load, reload", loads["reload"], p95=False)
            table.samples("save -> payload", measure_payloads(servers, effort.saves))
            table.samples("save -> visible", measure_visible(browser, servers, effort.visible_saves))
            ours, vite = (server.memory for server in servers)
            table.row("memory, resident", ours, vite, "MiB")
            for server in servers:
                server.stop()


def main() -> None:
    """Read the command line, check that both servers and the browser are there, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, a minute or two in all")
    arguments = parser.parse_args()
    for there, what in (
        ((REPOSITORY / "node_modules/vite").is_dir(), "npm's Vite"),
        (shutil.which("node"), "node"),
        (shutil.which("chromium"), "chromium"),
    ):
        if not there:
            sys.exit(f"{what} is missing: `make bench` installs what this needs")
    print(f"hotchannel beside npm's Vite on {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    run(QUICK if arguments.quick else Effort())


if __name__ == "__main__":
    main()
