"""Processes that a benchmark starts, commands and stops.

Role: whoever is measured runs in a process of its own, so that its processor time and memory are its own. All
of them, in whatever language, follow one protocol: a command is a line on stdin, and is answered with a
line on stdout whose first word says what it is. A server says `ready PORT TOKEN` first of all, and each
process ends when its stdin does, so that none outlives a benchmark that was killed. Stderr goes to a file.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PATIENCE", "PEERS", "REPOSITORY", "Child", "ChildError", "Server", "python", "running"]

PEERS = Path(__file__).resolve().parent
REPOSITORY = PEERS.parent.parent

PATIENCE = 60.0
"""Seconds until something that does not come is given up, and with it the run."""

_GOODBYE = 3.0
"""Seconds that a process has to end by itself."""

_STEP = 0.3
"""Seconds in which a resident set that is at rest does not change."""


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"peers.{module}", *map(str, arguments)]


class ChildError(Exception):
    """A process did not do what it was told; nothing that was measured with it counts."""


class Child:
    """A process that does what lines tell it.

    Args:
        name: in error messages.
        command: starts it.
        log: file for its stderr.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        self._read = bytearray()
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=PEERS.parent
            )

    def tell(self, line: str) -> None:
        """Give a command.

        Raises:
            ChildError: it has ended.
        """
        assert self.process.stdin is not None, "it is a pipe"
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._failure(f"cannot be told {line!r}") from None

    def hear(self, expected: str) -> list[str]:
        """The rest of the next line, in words.

        Raises:
            ChildError: the line does not begin with `expected`, or does not come within `PATIENCE`.
        """
        return self._next(expected).split()

    def ask(self, line: str, expected: str) -> list[str]:
        """Tell and hear."""
        self.tell(line)
        return self.hear(expected)

    def figures(self, line: str) -> Any:
        """Tell, and hear what is counted: JSON after the word `count`."""
        self.tell(line)
        return json.loads(self._next("count"))

    def errors(self) -> str:
        """What it has written to stderr."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it: by the end of its stdin, or else by its process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None, "it is a pipe"
            pipe.close()
        for harder in (self.process.terminate, self.process.kill, None):
            try:
                self.process.wait(_GOODBYE)
            except subprocess.TimeoutExpired:
                assert harder is not None, "nothing outlives a kill"
                harder()
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _next(self, expected: str) -> str:
        assert self.process.stdout is not None, "it is a pipe"
        end = time.monotonic() + PATIENCE
        while b"\n" not in self._read:
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise self._failure(f"did not say {expected!r} in {PATIENCE:.0f} s")
            received = os.read(self.process.stdout.fileno(), 65536)
            if not received:
                raise self._failure(f"ended instead of saying {expected!r}")
            self._read += received
        line, _, rest = self._read.partition(b"\n")
        self._read = rest
        first, _, more = line.decode().partition(" ")
        if first != expected:
            raise self._failure(f"said {line.decode()!r} instead of {expected!r}")
        return more

    def _failure(self, what: str) -> ChildError:
        return ChildError(f"{self.name} {what}; the end of its log:\n{self.errors()[-2000:]}")


class Server(Child):
    """A server, which says where it listens.

    Attributes:
        port: as it said, once it is up.
        token: what its clients must present.
    """

    port = token = ""

    def await_ready(self) -> None:
        """Wait until it listens."""
        self.port, self.token = self.hear("ready")

    @property
    def cpu(self) -> float:
        """Microseconds of processor time so far, user and system, all threads."""
        return float(self.ask("cpu", "cpu")[0])

    @property
    def memory(self) -> float:
        """Its resident set in bytes, once that no longer moves."""
        process = psutil.Process(self.process.pid)
        before, now = -1.0, float(process.memory_info().rss)
        end = time.monotonic() + 5
        while before != now and time.monotonic() < end:
            time.sleep(_STEP)
            before, now = now, float(process.memory_info().rss)
        return now


@contextmanager
def running(commands: dict[str, Sequence[str]], folder: Path) -> Iterator[dict[str, Server]]:
    """A server for each name, all up; ended whatever happens. Their logs go to `folder`."""
    with ExitStack() as cleanup:
        servers: dict[str, Server] = {}
        for name, command in commands.items():
            log = folder / f"server-{len(servers)}.log"
            servers[name] = cleanup.enter_context(Server(name, command, log))
        for server in servers.values():
            server.await_ready()
        yield servers
