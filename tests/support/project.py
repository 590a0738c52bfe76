"""A folder and the real server that makes it hot, run as a user would run it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "REPOSITORY",
    "Folder",
    "Project",
    "StartProject",
    "free_port",
    "hotchannel_command",
    "script_command",
    "vite_command",
]

REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT = 20.0
"""Seconds a server has until it prints its URL: generous, since the machine may be busy."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def hotchannel_command(
    root: Path, port: int, base: str, *, pack: str = "auto", backplane: str | None = None
) -> list[str]:
    """`hotchannel dev`, by the same entry point as the installed command."""
    entry = "import sys; from hotchannel.cli import main; sys.exit(main())"
    options = ["--port", str(port), "--strict-port", "--base", base]
    if pack != "auto":
        options += ["--pack", pack]
    if backplane is not None:
        options += ["--backplane", backplane]
    return [sys.executable, "-c", entry, "dev", str(root), *options]


def script_command(script: str, root: Path, port: int) -> list[str]:
    """A Python script that gets folder and port as arguments, its output unbuffered."""
    return [sys.executable, "-uc", script, str(root), str(port)]


def vite_command(root: Path, port: int, base: str) -> list[str]:
    """npm's Vite, of the version that package.json pins."""
    script = REPOSITORY / "node_modules/vite/bin/vite.js"
    assert script.exists(), "npm's Vite is missing: `make test` installs it"
    options = ["--port", str(port), "--strictPort", "--host", "127.0.0.1", "--base", base]
    return ["node", str(script), str(root), *options, "--clearScreen", "false"]


class Folder:
    """A folder whose files are edited while it is served.

    Attributes:
        root: the folder.
        pause: seconds to wait ahead of each save, for a server that loses what comes too quickly.
    """

    def __init__(self, root: Path, pause: float) -> None:
        self.root = root
        self.pause = pause

    def write(self, path: str, content: str | bytes) -> None:
        """Save a file in place, as an editor does; folders are made."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._pace()
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there; all else stays, line ends too."""
        source = (self.root / path).read_bytes().decode()
        assert old in source, f"{path} has no {old!r}"
        self.write(path, source.replace(old, new))

    def delete(self, path: str) -> None:
        """Remove a file, which must be there."""
        self._pace()
        (self.root / path).unlink()

    def move(self, old: str, new: str) -> None:
        """Rename a file; its new folder is made."""
        (self.root / new).parent.mkdir(parents=True, exist_ok=True)
        self._pace()
        (self.root / old).rename(self.root / new)

    def _pace(self) -> None:
        time.sleep(self.pause)


class Project(Folder):
    """A folder and the server that serves it.

    Attributes:
        url: where its pages are, base included, with a slash at the end.
    """

    def __init__(self, root: Path, log: Path, command: list[str], pause: float) -> None:
        super().__init__(root, pause)
        self.url = ""
        self._log = log
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def _pace(self) -> None:
        if self._process is not None:
            super()._pace()

    def start(self) -> None:
        """Start the server and wait for the line with its URL."""
        seen = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, cwd=self.root
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            text = self._log.read_bytes()[seen:].decode("utf-8", "replace")
            plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
            if found := re.search(r"https?://\S+(?=\s)", plain):
                self.url = found[0]
                return
            assert self._process.poll() is None, f"the server ended at once:\n{text}"
            time.sleep(0.01)
        pytest.fail(f"no URL from the server in {START_TIMEOUT:.0f} s:\n{self.log}")

    def stop(self) -> None:
        """End the server; a second time does nothing."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything the server printed."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


class StartProject(Protocol):
    """What the fixture `project` is: serve these files, below this base or by a script of the test's own.

    A script gets the folder and a free port as its arguments and prints the URL once it serves there.
    """

    def __call__(
        self, files: Mapping[str, str | bytes] | Path, *, base: str = "/", script: str | None = None
    ) -> Project: ...
