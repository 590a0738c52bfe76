"""The projects that page benchmarks serve, and the two servers that serve them.

A project is a page with a tree of small modules and two stylesheets, one linked and one imported. A server is
a process of hotchannel or of npm's Vite on a copy of its own; `turn` says who comes first, so that noise hits
both alike.
"""

from __future__ import annotations

import os
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
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Browser, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FAN_OUT",
    "OURS",
    "PATIENCE",
    "VITE",
    "Project",
    "Samples",
    "Server",
    "Table",
    "bench",
    "check_installed",
    "turn",
]

REPOSITORY = Path(__file__).resolve().parents[2]
OURS, VITE = "hotchannel", "Vite"
FAN_OUT = 10

PATIENCE = 60.0
"""Seconds until something that does not come is given up, and with it the run."""

CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

Samples = dict[str, list[float]]


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
        link = '<link rel="icon" href="data:,"><link rel="stylesheet" href="/linked.css">'
        page = f"<!doctype html>\n<html><head>{link}</head><body>{script}</body></html>\n"
        (self.root / "index.html").write_text(page)
        accept = "window.loadedAt ??= performance.now();\nimport.meta.hot.accept();\n"
        style = 'import "./imported.css";\n'
        (source / "main.js").write_text(style + _imports(0, min(FAN_OUT, self.size)) + accept)
        self.save_style("linked.css", 0)
        self.save_style("src/imported.css", 0)
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

    def save_style(self, name: str, version: int) -> None:
        """Save one of the stylesheets in place."""
        property_name = name.rpartition("/")[2].partition(".")[0]
        (self.root / name).write_text(f"body {{ --{property_name}: {version}; }}\n")


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
    def cpu(self) -> float:
        """Milliseconds of processor time that its processes took."""
        return sum(float(sum(each.cpu_times()[:2])) for each in self._processes()) * 1000

    @property
    def memory(self) -> float:
        """MiB that its processes hold."""
        return sum(float(each.memory_info().rss) for each in self._processes()) / 2**20

    def _processes(self) -> list[psutil.Process]:
        assert self.process is not None, "it runs"
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def _command(self) -> list[str]:
        root, port = str(self.project.root), str(self.port)
        if self.name == OURS:
            entry = "import sys; from hotchannel.cli import main; sys.exit(main())"
            options = ["--host", "127.0.0.1", "--port", port, "--strict-port"]
            return [sys.executable, "-c", entry, "dev", root, *options]
        script = REPOSITORY / "node_modules/vite/bin/vite.js"
        return ["node", str(script), root, "--host", "127.0.0.1", "--port", port, "--strictPort"]


def turn(servers: list[Server], number: int) -> list[Server]:
    """Both, in an order that changes from one round to the next."""
    return servers if number % 2 else servers[::-1]


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


@contextmanager
def bench(sizes: tuple[int, ...]) -> Iterator[tuple[Browser, Iterator[tuple[int, list[Server]]]]]:
    """Chromium, and for each size both servers on projects of that size, not started yet."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="hotchannel-benchmark-")))
        playwright = cleanup.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        cleanup.callback(browser.close)

        def pairs() -> Iterator[tuple[int, list[Server]]]:
            for size in sizes:
                servers = []
                for name in (OURS, VITE):
                    project = Project(folder / f"{name}-{size}", size)
                    project.write_all()
                    servers.append(Server(name, project, folder / f"{name}-{size}.log"))
                    cleanup.callback(servers[-1].stop)
                yield size, servers
                for server in servers:
                    server.stop()

        yield browser, pairs()


def check_installed() -> None:
    """End where one of the two servers or the browser is missing."""
    for there, what in (
        ((REPOSITORY / "node_modules/vite").is_dir(), "npm's Vite"),
        (shutil.which("node"), "node"),
        (shutil.which("chromium"), "chromium"),
    ):
        if not there:
            sys.exit(f"{what} is missing: `make bench` installs what this needs")
    print(f"hotchannel beside npm's Vite on {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
