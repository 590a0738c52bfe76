"""Where hotchannel is off, an application is as if nobody had named it: in its answers, and in its process.

The same project runs without the middleware, with it switched off in each way, and with it on: that is what
shows that the questions asked here can be answered otherwise.
"""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import pytest

from frameworks.applications import FASTAPI
from frameworks.servers import Row, RunningApp
from support.project import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SWITCH = "app.add_middleware(HotChannelMiddleware)"
LIFESPAN = """
@asynccontextmanager
async def lifespan(app):
    # How many there are would else depend on which of them is back in time.
    to_thread.current_default_thread_limiter().total_tokens = 1
    yield


app = FastAPI(debug=DEBUG, lifespan=lifespan)
"""
THREADS = """

@app.get("/threads")
async def threads():
    import threading

    return sorted(thread.name for thread in threading.enumerate())
"""


def code(switch: str, *, debug: bool = False) -> str:
    source = str(FASTAPI.files["app.py"])
    assert SWITCH in source
    source = source.replace(SWITCH, switch).replace(" / 1", " / 0")
    source = source.replace("app = FastAPI()\n", LIFESPAN.replace("DEBUG", str(debug)), 1)
    return f"from contextlib import asynccontextmanager\n\nfrom anyio import to_thread\n{source}{THREADS}"


VARIANTS = {
    "bare": code(""),
    "given": code(SWITCH),
    "disabled": code("app.add_middleware(HotChannelMiddleware, enabled=False)"),
    "debug": code(SWITCH, debug=True),
}
PROJECT = replace(FASTAPI, files={**FASTAPI.files, **{f"{name}.py": text for name, text in VARIANTS.items()}})


def row(variant: str, **environ: str) -> Row:
    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "uvicorn", f"{variant}:app", "--port", str(port), "--no-access-log"]

    return Row(application=PROJECT, command=command, environ=environ)


OFF = {
    "HOTCHANNEL=0": row("given", HOTCHANNEL="0"),
    "HOTCHANNEL=0 and debug": row("debug", HOTCHANNEL="0"),
    "unset": row("given"),
    "enabled=False": row("disabled", HOTCHANNEL="1"),
}
REQUESTS = [
    "GET /",
    "HEAD /",
    "POST /",
    "GET /boom",
    "GET /data",
    "GET /encoded",
    "GET /fragment",
    "GET /inner/stream",
    "GET /inner/whole",
    "GET /missing",
    "GET /nonce",
    "GET /static/main.js",
    "GET /static/missing.js",
    "GET /static/style.css",
    "GET /stream",
    "GET /@vite/client",
    "GET /@hotchannel/page/x",
    "POST /__open-in-editor?file=app.py",
]
SOCKETS = ["GET /echo", "GET /"]
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass(frozen=True)
class Seen:
    """What can be seen of a server from outside.

    Attributes:
        answers: to each request, without its date.
        threads: their names, by Python.
        count: of all threads, by the system.
        listening: how many ports.
        watching: how many file descriptors of inotify.
        processes: how many others it has started.
        files: what stands where it may leave something for others of this user.
    """

    answers: dict[str, bytes]
    threads: bytes
    count: int
    listening: int
    watching: int
    processes: int
    files: list[str]


def say(port: int, line: str, headers: Mapping[str, str], end: bytes) -> bytes:
    """The bytes that answer a request, up to `end`, without their date."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = [
            f"{line} HTTP/1.1",
            "Host: localhost",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        answer = b""
        while (not end or end not in answer) and (part := connection.recv(65536)):
            answer += part
    first, _, body = answer.partition(b"\r\n\r\n")
    lines = [each for each in first.split(b"\r\n") if not each.lower().startswith(b"date:")]
    assert len(lines) > 1, answer
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answers(port: int) -> dict[str, bytes]:
    page = {"Accept": "text/html,*/*", "Connection": "close", "Content-Length": "0"}
    plain = {line: say(port, line, page, b"") for line in REQUESTS}
    return plain | {f"socket {line}": say(port, line, UPGRADE, b"\r\n\r\n") for line in SOCKETS}


def look(running: RunningApp) -> Seen:
    made = answers(running.port)
    # A connection that was closed by us may still be about to end there.
    running.until(
        lambda: len(process_of(running).net_connections("tcp")) == listening(running), "its sockets to end"
    )
    process = process_of(running)
    return Seen(
        made,
        running.get("/threads").body,
        process.num_threads(),
        listening(running),
        watching(running),
        len(process.children(recursive=True)),
        sorted(os.listdir(running.folder)),
    )


def process_of(running: RunningApp) -> psutil.Process:
    return psutil.Process(running.pid)


def listening(running: RunningApp) -> int:
    connections = process_of(running).net_connections("all")
    return sum(each.status == psutil.CONN_LISTEN for each in connections)


def watching(running: RunningApp) -> int:
    folder = f"/proc/{running.pid}/fd"
    found = 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found += "inotify" in os.readlink(f"{folder}/{name}")
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningApp]]:
    """The project without the middleware, and once for each way to have it off or on."""
    folder = tmp_path_factory.mktemp("off")
    rows = {"bare": row("bare"), **OFF, "HOTCHANNEL=1": row("given", HOTCHANNEL="1"), "debug": row("debug")}
    servers = {
        name: RunningApp(each, folder / "project", folder / name, free_port()) for name, each in rows.items()
    }
    try:
        for running in servers.values():
            running.start()
        yield servers
    finally:
        for running in servers.values():
            running.stop()


@pytest.fixture(scope="module")
def bare(run: dict[str, RunningApp]) -> Seen:
    """What is seen of the project without the middleware; by now, one with it has begun to watch."""
    run["HOTCHANNEL=1"].get("/")
    run["HOTCHANNEL=1"].until(lambda: watching(run["HOTCHANNEL=1"]) > 0, "the watchers")
    return look(run["bare"])


@pytest.mark.parametrize("way", OFF)
def test_nothing_of_it_is_there(run: dict[str, RunningApp], bare: Seen, way: str) -> None:
    seen = look(run[way])
    assert bare.listening == 1
    assert bare.watching == 0
    if "debug" in way:
        # Starlette's own page for what a view raises has other files' lines in it.
        del seen.answers["GET /boom"]
        bare = replace(
            bare, answers={line: text for line, text in bare.answers.items() if line != "GET /boom"}
        )
    assert seen == bare
    assert "hotchannel" not in run[way].log.replace("/hotchannel/integrations/asgi.py", "")


@pytest.mark.parametrize("way", ["HOTCHANNEL=1", "debug"])
def test_all_of_it_is_there_where_it_is_on(run: dict[str, RunningApp], bare: Seen, way: str) -> None:
    run[way].get("/")
    run[way].until(lambda: watching(run[way]) > 0, "the watchers")
    seen = look(run[way])
    changed = {line for line, answer in seen.answers.items() if answer != bare.answers[line]}
    assert changed == {
        "GET /",
        "POST /",
        "GET /boom",
        "GET /inner/whole",
        "GET /nonce",
        "GET /static/main.js",
        "GET /static/style.css",
        "GET /@vite/client",
        "GET /@hotchannel/page/x",
        "POST /__open-in-editor?file=app.py",
    }
    assert seen.threads != bare.threads
    assert seen.count > bare.count


@pytest.mark.parametrize(("way", "lines"), [("unset", 1), ("HOTCHANNEL=0", 0), ("enabled=False", 0)])
def test_a_terminal_is_told_how_to_switch_it_on(
    run: dict[str, RunningApp], tmp_path: Path, way: str, lines: int
) -> None:
    ours, its = pty.openpty()
    running = RunningApp(run[way].row, run[way].root, tmp_path, free_port())
    try:
        try:
            running.start(its)
            for _ in range(2):
                assert running.get("/").status == 200
        finally:
            running.stop()
            os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # at the end, Linux says that the terminal is gone
            while part := os.read(ours, 65536):
                said += part
    finally:
        os.close(ours)
    assert b"Uvicorn running on" in said
    told = [line for line in said.decode().splitlines() if "hotchannel" in line]
    assert len(told) == lines, said.decode()
    assert all("HOTCHANNEL=1" in line for line in told)
