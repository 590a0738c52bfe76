"""Examples of applications, each started by its command."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.project import REPOSITORY, START_TIMEOUT, Project, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser.applications.running import Start


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Copy an example, start it, and stop it after the test."""
    monkeypatch.delenv("HOTCHANNEL", raising=False)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    started: list[Project] = []

    def run(name: str, command: str, folder: str = "") -> Project:
        root = tmp_path / name
        shutil.copytree(REPOSITORY / "examples" / name, root, ignore=shutil.ignore_patterns("__pycache__"))
        if name == "fastapi":  # the others are on by their debug mode, or by what their code says
            monkeypatch.setenv("HOTCHANNEL", "1")
        port = free_port()
        argv = [word.format(root=root, port=port) for word in command.split()]
        site = Project(root, tmp_path / "server.log", [sys.executable, *argv], 0)
        started.append(site)
        site.start()
        # A server with a reloader says its URL before it listens there.
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(port):
            assert time.monotonic() < deadline, f"nobody listens:\n{site.log}"
            time.sleep(0.05)
        site.root = root / folder
        return site

    yield run
    for site in started:
        site.stop()
        print(site.log)
