"""A real Redis or NATS on loopback, and what may happen to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from support.project import START_TIMEOUT, free_port

__all__ = ["Engine", "EngineKind"]

EngineKind = Literal["redis", "nats"]

_CONFIGURATIONS = Path(__file__).parent
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"))


class Engine:
    """A server of one kind, with a port and a folder of its own.

    Args:
        kind: which.
        folder: where it keeps what it writes; is made.
    """

    def __init__(self, kind: EngineKind, folder: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"{kind}://127.0.0.1:{self.port}" + ("/0" if kind == "redis" else "")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it had, and wait until it listens."""
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        command = f"{self.kind}-server"
        program = shutil.which(command, path=_SBIN)
        assert program is not None, f"{command} is missing: `make test` installs it"
        configuration = str(_CONFIGURATIONS / f"{self.kind}.conf")
        arguments = (
            [configuration, "--port", str(self.port), "--dir", str(data)]
            if self.kind == "redis"
            else ["-c", configuration, "-p", str(self.port), "-sd", str(data)]
        )
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen([program, *arguments], stdout=output, stderr=output)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            assert self._process.poll() is None, f"{command} has ended:\n{self.output}"
            assert time.monotonic() < deadline, f"{command} does not listen:\n{self.output}"
            time.sleep(0.02)

    @property
    def output(self) -> str:
        """What it printed."""
        return (self._folder / "output").read_text("utf-8", "replace")

    def kill(self, *, losing_data: bool = False) -> None:
        """End it at once, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        if losing_data:
            shutil.rmtree(self._folder / "data")

    def copy(self) -> None:
        """Keep a copy of what it has on disk; it has ended."""
        shutil.copytree(self._folder / "data", self._folder / "copy")

    def go_back(self) -> None:
        """Take the copy for what it has on disk; it has ended."""
        shutil.rmtree(self._folder / "data")
        shutil.move(self._folder / "copy", self._folder / "data")

    def pause(self) -> None:
        """Let it hang: it keeps its sockets, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it; nothing where it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False
