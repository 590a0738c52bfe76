"""What the middleware costs, and what open pages cost a restart.

    python benchmarks/middleware.py [--quick]

A FastAPI application with and without `HotChannelMiddleware`, each in a uvicorn of its own, asked in turns:
server CPU and wall time for a request, JSON and HTML. Then `uvicorn --reload`, restarted by an edit with no
page open and with ten: time until the new code answers. Medians of the rounds, and their ratio.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

from hotchannel.remote import connect_sync

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = """
import os
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()
if os.environ.get("HOTCHANNEL"):
    from hotchannel.integrations.asgi import HotChannelMiddleware
    app.add_middleware(HotChannelMiddleware)

PAGE = "<!doctype html><html><head><title>Hello</title></head><body>" + "<p>Hello</p>" * 50 + "</body></html>"

@app.get("/json")
def data():
    return {"hello": "world", "edit": 0}

@app.get("/html", response_class=HTMLResponse)
def page():
    return PAGE
"""


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(folder: Path, *, on: bool, reload: bool = False) -> Iterator[tuple[int, psutil.Process]]:
    """Run the application; give its port and process."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if name != "HOTCHANNEL"}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen(
        [*command, *(["--reload"] if reload else [])],
        cwd=folder,
        env={**environ, **({"HOTCHANNEL": "1"} if on else {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while ask(port, "/json") is None:
            time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def ask(port: int, path: str) -> bytes | None:
    """Return the answer; None where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except OSError:
        return None
    finally:
        connection.close()


def measure(port: int, process: psutil.Process, path: str, count: int) -> tuple[float, float]:
    """Return server CPU and wall time of one request, in microseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    cpu, wall = process.cpu_times(), time.perf_counter()
    for _ in range(count):
        connection.request("GET", path, headers={"accept": "text/html"})
        connection.getresponse().read()
    after = process.cpu_times()
    connection.close()
    spent = after.user + after.system - cpu.user - cpu.system
    return spent / count * 1e6, (time.perf_counter() - wall) / count * 1e6


def compare_requests(folder: Path, rounds: int, count: int) -> None:
    """Print what a request costs with and without."""
    with serving(folder, on=False) as plain, serving(folder, on=True) as hot:
        for path in ("/json", "/html"):
            for port, process in (plain, hot):
                measure(port, process, path, count)
            found = [(measure(*plain, path, count), measure(*hot, path, count)) for _ in range(rounds)]
            for index, what in enumerate(("CPU", "wall")):
                without = statistics.median(one[0][index] for one in found)
                with_it = statistics.median(one[1][index] for one in found)
                ratio = statistics.median(one[1][index] / one[0][index] for one in found)
                print(
                    f"{path:6} {what:5} without {without:6.0f} us   with {with_it:6.0f} us"
                    f"   ratio {ratio:.2f}"
                )


def restart(folder: Path, port: int, number: int) -> float:
    """Edit the code; return the seconds until it answers."""
    source = (folder / "app.py").read_text()
    before = source.partition('"edit": ')[2].partition("}")[0]
    (folder / "app.py").write_text(source.replace(f'"edit": {before}}}', f'"edit": {number}}}'))
    began = time.perf_counter()
    while f'"edit":{number}}}'.encode() not in (ask(port, "/json") or b""):
        time.sleep(0.01)
    return time.perf_counter() - began


def compare_restarts(folder: Path, rounds: int) -> None:
    """Print how long a restart takes with no page open, and with ten."""
    with serving(folder, on=True, reload=True) as (port, _):
        alone, crowded = [], []
        for number in range(1, 2 * rounds, 2):
            alone.append(restart(folder, port, number))
            with ExitStack() as pages:
                for _ in range(10):
                    pages.enter_context(connect_sync(f"http://127.0.0.1:{port}"))
                crowded.append(restart(folder, port, number + 1))
            time.sleep(0.5)
    ratio = statistics.median(b / a for a, b in zip(alone, crowded, strict=True))
    none, ten = statistics.median(alone), statistics.median(crowded)
    print(f"restart      no page {none:.2f} s   ten pages {ten:.2f} s   ratio {ratio:.2f}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP)
        compare_requests(folder, rounds=3 if quick else 9, count=300 if quick else 1000)
        compare_restarts(folder, rounds=2 if quick else 7)


if __name__ == "__main__":
    main()
