"""How projects are started: the table of servers, and a server that runs as its user would run it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from frameworks.applications import (
    DJANGO,
    FASTAPI,
    FASTAPI_SHARED,
    FLASK,
    LITESTAR,
    PAGES,
    QUART,
    Application,
)
from support.project import REPOSITORY, START_TIMEOUT, Folder, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import IO

__all__ = ["SERVERS", "Answer", "Row", "RunningApp"]

_PATIENCE = 20.0
"""Seconds for what a restart is part of: reloaders look about every second, and Python starts anew."""

SAVE_AGAIN = 3.0
"""Seconds in which a reloader that looks has seen a save."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A project under a server.

    Attributes:
        application: the project.
        command: the server's command line for a port, run in the project's folder.
        environ: environment variables beside those of the tests.
        survives: whether the server is still there, and looks, after code that cannot be imported.
        notices: what its log says of each save of code that it sees, where it begins to look only some time
            after it answers, so that a save may go unseen. Empty where every save is seen.
        imports_late: whether the first request imports the code, so that the server starts without it.
        error_page: a text of the page that is the answer where a view raises.
        says_sockets: whether the log tells of the channel's sockets; None where it tells of no socket at all.
        needs: a folder that `make test` makes, without which the row fails.
        back_end: the command line, for a port, of what stands behind the server, whose own command line and
            environment have that port where they say `BACK`.
    """

    application: Application
    command: Callable[[int], list[str]]
    environ: Mapping[str, str] = field(default_factory=lambda: {"HOTCHANNEL": "1"})
    survives: bool = True
    notices: str = ""
    imports_late: bool = False
    error_page: str = ""
    says_sockets: bool | None = None
    needs: Path | None = None
    back_end: Callable[[int], list[str]] | None = None


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _uvicorn(*arguments: str) -> Callable[[int], list[str]]:
    return lambda port: _python("uvicorn", "app:app", "--port", str(port), *arguments)


def _hypercorn(port: int) -> list[str]:
    return _python("hypercorn", "app:app", "--bind", f"127.0.0.1:{port}", "--reload")


def _granian(port: int) -> list[str]:
    # It looks at all files, where others look at those of Python only.
    ignored = [part for name in ("static", "templates") for part in ("--reload-ignore-dirs", name)]
    return _python(
        "granian",
        *("--interface", "asgi", "app:app", "--port", str(port)),
        *("--reload", "--reload-ignore-worker-failure", *ignored),
    )


def _flask(port: int) -> list[str]:
    return _python("flask", "--app", "app", "run", "--debug", "--port", str(port))


def _gunicorn(port: int) -> list[str]:
    return _python("gunicorn", "-b", f"127.0.0.1:{port}", "--reload", "app:app")


def _runserver(port: int) -> list[str]:
    return [sys.executable, "manage.py", "runserver", str(port)]


def _django_uvicorn(port: int) -> list[str]:
    return _python("uvicorn", "project.asgi:application", "--port", str(port), "--reload")


def _daphne(port: int) -> list[str]:
    return _python("daphne", "-p", str(port), "project.asgi:application")


def _redis(port: int) -> list[str]:
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]


def _proxy(port: int) -> list[str]:
    options = ("--port", str(port), "--static", "/static=static", "--watch", "*.html")
    return _python("hotchannel", "proxy", "http://127.0.0.1:BACK", *options)


def _http_server(port: int) -> list[str]:
    return _python("http.server", "--bind", "127.0.0.1", str(port))


_DJANGO42 = REPOSITORY / ".venv/django42"
_RUNSERVER = Row(
    application=DJANGO,
    command=_runserver,
    environ={},
    notices="changed, reloading",
    error_page="Django Version:",
)

SERVERS: Mapping[str, Row] = {
    "fastapi-uvicorn": Row(application=FASTAPI, command=_uvicorn("--reload"), says_sockets=True),
    "fastapi-uvicorn-takeover": Row(
        application=FASTAPI,
        command=_uvicorn("--reload", "--ws", "hotchannel.websocket.uvicorn:TakeOver"),
        says_sockets=False,
    ),
    "fastapi-hypercorn": Row(application=FASTAPI, command=_hypercorn, survives=False),
    "fastapi-granian": Row(application=FASTAPI, command=_granian),
    "fastapi-uvicorn-redis": Row(
        application=FASTAPI_SHARED,
        command=_uvicorn("--reload"),
        environ={"HOTCHANNEL": "1", "BACKPLANE": "redis://127.0.0.1:BACK/0"},
        says_sockets=True,
        back_end=_redis,
    ),
    "litestar-uvicorn": Row(application=LITESTAR, command=_uvicorn()),
    "quart-uvicorn": Row(application=QUART, command=_uvicorn()),
    "django-runserver": _RUNSERVER,
    "django42-runserver": replace(_RUNSERVER, environ={"PYTHONPATH": str(_DJANGO42)}, needs=_DJANGO42),
    "django-uvicorn": Row(
        application=DJANGO,
        command=_django_uvicorn,
        environ={},
        imports_late=True,
        error_page="Django Version:",
    ),
    # It has no reloader.
    "django-daphne": Row(
        application=replace(DJANGO, abilities=DJANGO.abilities - {"code"}), command=_daphne, environ={}
    ),
    "flask-run": Row(
        application=FLASK,
        command=_flask,
        environ={},
        notices="Detected change in",
        error_page="// Werkzeug Debugger</title>",
    ),
    "flask-gunicorn": Row(
        application=FLASK,
        command=_gunicorn,
        notices="Worker reloading",
        error_page="<title>500 Internal Server Error</title>",
    ),
    "proxy-http-server": Row(application=PAGES, command=_proxy, environ={}, back_end=_http_server),
}


@dataclass(frozen=True)
class Answer:
    """What a server answered; the body without its transfer coding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RunningApp(Folder):
    """A project and the server that runs it.

    Attributes:
        row: what is run.
        folder: for its log, and for what programs leave for one another.
        port: of the server.
        url: of its page.
    """

    def __init__(self, row: Row, root: Path, folder: Path, port: int) -> None:
        super().__init__(root, 0)
        self.row = row
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        self.folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._back_port = free_port()
        self._back_end: subprocess.Popen[bytes] | None = None
        self.restore()

    @property
    def application(self) -> Application:
        """What the project looks like."""
        return self.row.application

    @property
    def log(self) -> str:
        """Everything the server printed."""
        return self._log.read_text("utf-8", "replace")

    @property
    def code(self) -> str:
        """The text of the file with `GREETING`, as it is now."""
        return (self.root / self.application.code).read_text("utf-8")

    def restore(self) -> bool:
        """Write what is not as in the beginning; tell whether there was such."""
        files = {
            path: content.encode() if isinstance(content, str) else content
            for path, content in self.application.files.items()
        }
        others = [
            path
            for path, content in files.items()
            if not (self.root / path).exists() or (self.root / path).read_bytes() != content
        ]
        for path in others:
            self.write(path, files[path])
        return bool(others)

    def start(self, terminal: IO[bytes] | int | None = None) -> None:
        """Start the server and wait until it answers.

        Args:
            terminal: what it prints to; None for the log.
        """
        needs = self.row.needs
        assert needs is None or needs.is_dir(), f"{needs} is missing: `make test` installs it"
        self.folder.mkdir(exist_ok=True)
        if self.row.back_end is not None and self._back_end is None:
            self.start_back_end()
        command = [self._with_port(part) for part in self.row.command(self.port)]
        self._process = self._run(command, terminal)
        self.until(self._answers, "the server to answer")

    def stop(self) -> None:
        """End the server, with all its processes."""
        self.stop_back_end()
        if self._process is not None:
            _end(self._process)
            self._process = None

    def start_back_end(self) -> None:
        """Start what stands behind the server, and wait until it listens."""
        assert self.row.back_end is not None
        self._back_end = self._run(self.row.back_end(self._back_port))
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens(self._back_port):
            assert self._back_end.poll() is None, f"the back end has ended:\n{self.log}"
            assert time.monotonic() < deadline, f"waited in vain for the back end:\n{self.log}"
            time.sleep(0.02)

    def stop_back_end(self) -> None:
        """End what stands behind the server."""
        if self._back_end is not None:
            _end(self._back_end)
            self._back_end = None

    def _with_port(self, text: str) -> str:
        return text.replace(":BACK", f":{self._back_port}")

    def _run(self, command: list[str], terminal: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        environ = {name: value for name, value in os.environ.items() if name != "HOTCHANNEL"}
        environ |= {"PYTHONUNBUFFERED": "1", "XDG_RUNTIME_DIR": str(self.folder)}
        environ |= {name: self._with_port(value) for name, value in self.row.environ.items()}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log if terminal is None else terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_end(self) -> None:
        """Wait until the server has ended by itself."""
        assert self._process is not None
        self._process.wait(_PATIENCE)

    @property
    def is_alive(self) -> bool:
        """Whether the process that was started runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started."""
        assert self._process is not None
        return self._process.pid

    def get(self, path: str, **headers: str) -> Answer:
        """Ask as a browser asks for a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request("GET", path, headers={"Accept": "text/html", **headers})
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for what nobody tells of."""
        deadline = time.monotonic() + max(_PATIENCE, START_TIMEOUT)
        while not condition():
            assert self.is_alive, f"the server has ended, instead of {what}:\n{self.log}"
            assert time.monotonic() < deadline, f"waited in vain for {what}:\n{self.log}"
            time.sleep(0.02)

    def until_status(self, path: str, status: int) -> Answer:
        """Ask until this is the answer's status; a server that restarts may hang up meanwhile."""
        answers: list[Answer] = []

        def has_status() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(self.get(path))
            return bool(answers) and answers[-1].status == status

        self.until(has_status, f"{path} to answer {status}")
        return answers[-1]

    def edit_code(self, old: str, new: str) -> None:
        """Change the code; save it again, as one would, where the server says nothing of it."""
        seen = len(self.log)
        self.edit(self.application.code, old, new)
        deadline = time.monotonic() + _PATIENCE
        saved = time.monotonic()
        while self.row.notices not in self.log[seen:]:
            assert time.monotonic() < deadline, f"no save of the code was seen:\n{self.log}"
            if time.monotonic() > saved + SAVE_AGAIN:
                (self.root / self.application.code).touch()
                saved = time.monotonic()
            time.sleep(0.02)

    def until_logged(self, text: str, *, since: int = 0) -> None:
        """Wait until the server has printed this, after so many characters."""
        self.until(lambda: text in self.log[since:], f"{text!r} in the log")

    def _answers(self) -> bool:
        if not _listens(self.port):
            return False
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/static/style.css").status == 200
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and all that it has started."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
