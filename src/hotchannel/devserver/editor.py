"""Open-in-editor: the place that the error overlay shows, opened in the user's editor.

Role: who may ask (the token, and no page of another site), which file (only what `Root` would serve), and
which editor is called how. These are functions of their arguments; `OpenInEditor` is the shell that looks at
the machine and starts a process, never through a command interpreter. Route and `LAUNCH_EDITOR` are those of
Vite. Follows attacks.md, 24.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import shutil
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.channel.printable import printable
from hotchannel.devserver.files import FileRefused
from hotchannel.devserver.http import Response, text
from hotchannel.modules.urls import FilePath, split_query
from hotchannel.websocket.handshake import Reason
from hotchannel.websocket.token import query_parameter, token_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from hotchannel.devserver.files import Root
    from hotchannel.devserver.http import Request

__all__ = [
    "NoEditor",
    "OpenInEditor",
    "Place",
    "choose_editor",
    "editor_command",
    "find_file",
    "fit_for_batch",
    "parse_place",
    "process_names",
    "refusal",
]

_log = logging.getLogger("hotchannel.server")

_ROUTE = "__open-in-editor"

_CODE = ("-g", "{file}:{line}:{column}")
_SUFFIX = ("{file}:{line}:{column}",)
_JETBRAINS = ("--line", "{line}", "--column", "{column}", "{file}")
_PLUS = ("+{line}:{column}", "{file}")
_CURSOR = ("+call cursor({line}, {column})", "{file}")

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("antigravity", "code", "code - insiders", "code-insiders", "code-oss", "codium"), _CODE),
    **dict.fromkeys(("cursor", "kiro", "positron", "trae", "vscodium", "windsurf"), _CODE),
    **dict.fromkeys(("lapce", "subl", "sublime_text", "zed", "zeditor", "zed-editor"), _SUFFIX),
    **dict.fromkeys(("charm", "clion", "datagrip", "dataspell", "goland", "idea", "phpstorm"), _JETBRAINS),
    **dict.fromkeys(("pycharm", "rider", "rubymine", "rustrover", "studio", "webstorm"), _JETBRAINS),
    **dict.fromkeys(("bbedit", "emacs", "gedit", "gnome-text-editor"), _PLUS),
    **dict.fromkeys(("gvim", "mvim"), _CURSOR),
    "emacsclient": ("-n", *_PLUS),
    "kate": _JETBRAINS,
    "mate": ("--line", "{line}:{column}", "{file}"),
    "notepad++": ("-n{line}", "-c{column}", "{file}"),
}
"""What an editor is given after its own arguments, by the name of its program."""

_TERMINAL = frozenset("ed ex hx helix joe kak less mcedit micro ne nano nvim pico vi view vim".split())
"""Editors that draw into a terminal, of which a server has none to give."""

_CANDIDATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cursor", ("cursor",)),
    ("windsurf", ("windsurf",)),
    ("code", ("code", "visual studio code")),
    ("code-insiders", ("code-insiders", "visual studio code - insiders")),
    ("codium", ("codium", "vscodium")),
    ("zed", ("zed", "zed-editor")),
    ("zeditor", ("zed-editor",)),
    ("pycharm", ("pycharm", "pycharm ce")),
    ("webstorm", ("webstorm",)),
    ("idea", ("idea", "intellij idea", "intellij idea ce")),
    ("subl", ("sublime_text", "sublime text")),
    ("kate", ("kate",)),
    ("emacsclient", ("emacs", "emacs-gtk", "emacs-pgtk")),
    ("mate", ("textmate",)),
    ("gvim", ("gvim",)),
    ("gnome-text-editor", ("gnome-text-edit",)),
    ("gedit", ("gedit",)),
)
"""Editors that are looked for: the program, and names of its processes, which Linux cuts at 15 letters."""

_NEEDS_RUNNING = frozenset(("emacsclient",))

_PLACE = re.compile(r"(.+?)(?::([0-9]{1,9})(?::([0-9]{1,9}))?)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PLACE = 4096
_FIELD = re.compile(r"\{(file|line|column)\}")
_SUFFIXES = re.compile(r"(?:64)?(?:\.(?:exe|cmd|bat|sh))?$")
_APPLICATION = re.compile(r"/([^/]+)\.app/")
# What `cmd.exe`, which runs batch files, does not leave as it is, whatever quotes stand around it.
_BATCH_SIGNS = re.compile(r'["%&|<>^!()\r\n]')

_WAY_OUT = (
    "Name yours with the option `editor` (in hotchannel.toml, or in [tool.hotchannel] of pyproject.toml), "
    "with --editor, or in the environment variable LAUNCH_EDITOR."
)

_PS_TIME = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, as it was asked for; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class NoEditor:
    """There is no editor to start; `reason` says what to do."""

    reason: str


def parse_place(query: str) -> Place | None:
    """Return the place that a raw query names as `file=PATH:LINE:COLUMN`; None where it is malformed."""
    raw = query_parameter(query, b"file")
    try:
        name = (raw or b"").decode()
    except UnicodeDecodeError:
        return None
    found = _PLACE.fullmatch(name) if len(name) <= _MAX_PLACE and not _CONTROL.search(name) else None
    if found is None:
        return None
    return Place(found[1], max(int(found[2] or 1), 1), max(int(found[3] or 1), 1))


def refusal(request: Request, *, token: str, cors: tuple[str, ...] | bool) -> Reason | None:
    """Return why `request` may not open anything; None where it may.

    Args:
        request: passed the Host check already, so its Host is ours.
        token: the server's secret.
        cors: origins whose pages belong to this server. True, which lets everybody read, lets nobody open.
    """
    if request.method not in ("GET", "POST"):
        return Reason.METHOD
    origin = request.header("origin")
    is_known = isinstance(cors, tuple) and origin in cors
    if not is_known:
        if request.header("sec-fetch-site") in ("cross-site", "same-site"):
            return Reason.ORIGIN_HEADER
        host = request.header("host").lower()
        if "origin" in request.headers and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return Reason.ORIGIN_HEADER
    query = split_query(request.target)[1]
    return None if token_matches(query_parameter(query, b"token"), token) else Reason.TOKEN


def find_file(root: Root, name: str) -> FilePath:
    """Return the file below `root` that `name`, an absolute or URL path, means; links are resolved.

    Raises:
        FileRefused: there is none, or it is none that is served.
    """
    # Errors that the server finds have the one, those that the browser finds the other.
    absolute = root.url_path(name)
    if absolute is not None:
        try:
            return _served(root, absolute)
        except FileRefused as refused:
            if refused.status != 404:
                raise
    return _served(root, name)


def editor_command(editor: Sequence[str], file: str, line: int, column: int) -> list[str]:
    """Return the command that opens `file` at a place.

    Args:
        editor: program and arguments of its own. Where these have `{file}` in them, and perhaps `{line}` and
            `{column}`, that is all; else the way to say it follows from the program's name, and a program
            that is not known gets the file alone.
        file: absolute, so that it can be taken for no option.
        line: from 1.
        column: from 1.
    """
    values = {"file": file, "line": str(line), "column": str(column)}
    template = tuple(editor)
    if not any("{file}" in part for part in template):
        template += _ARGUMENTS.get(_program_name(editor[0]), ("{file}",))
    return [_FIELD.sub(lambda field: values[field[1]], part) for part in template]


def choose_editor(
    option: Sequence[str] | str | None,
    environ: Mapping[str, str],
    running: Collection[str],
    which: Callable[[str], str | None],
) -> tuple[str, ...] | NoEditor:
    """Return the editor's program and its own arguments.

    Args:
        option: the option `editor`.
        environ: environment variables. `LAUNCH_EDITOR` is meant for this; of `VISUAL` and `EDITOR`, which are
            meant for terminals, only what is known to have a window.
        running: names of processes, in lower case; an editor that is open comes before one that is installed.
        which: finds a program's file, as `shutil.which`.
    """
    for source, value in (("The option `editor`", option), ("LAUNCH_EDITOR", environ.get("LAUNCH_EDITOR"))):
        if value:
            words = _words(value, which)
            return _named(source, words, which)
    in_terminal = ""
    for source in ("VISUAL", "EDITOR"):
        words = _words(environ.get(source, ""), which)
        if not words:
            continue
        name = _program_name(words[0])
        program = which(words[0])
        if name in _ARGUMENTS and program is not None:
            return (program, *words[1:])
        if name in _TERMINAL:
            in_terminal = f" ({source} is {printable(name, 40)}, which needs a terminal.)"
    for must_run in (True, False):
        for command, names in _CANDIDATES:
            is_open = any(name in running for name in names)
            if is_open if must_run else command not in _NEEDS_RUNNING:
                program = which(command)
                if program is not None:
                    return (program,)
    return NoEditor(f"No editor was found.{in_terminal} {_WAY_OUT}")


def process_names(listing: str) -> frozenset[str]:
    """Return what the lines of `ps -o comm=` say is running: programs, and on macOS applications."""
    names = {line.rpartition("/")[2].strip() for line in listing.splitlines()}
    return frozenset(name.lower() for name in names.union(_APPLICATION.findall(listing)))


def fit_for_batch(command: Sequence[str]) -> bool:
    """Tell whether `command` may be run: what a batch file is given, Windows' command interpreter reads."""
    is_batch = command[0].lower().endswith((".bat", ".cmd"))
    return not is_batch or not any(_BATCH_SIGNS.search(part) for part in command[1:])


class OpenInEditor:
    """Answers `BASE__open-in-editor?file=PATH:LINE:COLUMN&token=TOKEN`.

    Args:
        root: whose files may be opened.
        base: path under which everything is served.
        token: the server's secret.
        editor: the option `editor`.
        cors: the option `cors`.
    """

    __slots__ = ("_cors", "_editor", "_path", "_root", "_token")

    def __init__(
        self,
        root: Root,
        *,
        base: str,
        token: str,
        editor: Sequence[str] | str | None = None,
        cors: tuple[str, ...] | bool = False,
    ) -> None:
        self._root = root
        self._path = base + _ROUTE
        self._token = token
        self._editor = editor
        self._cors = cors

    async def respond(self, request: Request, refused: Callable[[Reason], object]) -> Response | None:
        """Answer `request`; None where it is for something else.

        Args:
            request: passed the Host check already.
            refused: told why somebody may not ask.
        """
        path, query = split_query(request.target)
        if path != self._path:
            return None
        reason = refusal(request, token=self._token, cors=self._cors)
        if reason is not None:
            refused(reason)
            if reason is Reason.METHOD:
                return text(405, "Only GET and POST are answered here.\n", allow="GET, POST")
            return text(403, "Only pages of this server may open files, with its token. Reload the page.\n")
        place = parse_place(query)
        if place is None or not (place.file.startswith("/") or os.path.isabs(place.file)):
            return text(400, "Expected file=PATH:LINE:COLUMN with an absolute path or a URL path.\n")
        return await asyncio.to_thread(self._open, place)

    def _open(self, place: Place) -> Response:
        try:
            file = find_file(self._root, place.file)
        except FileRefused as refused:
            return text(refused.status, f"The file is not opened: {refused}.\n")
        is_named = self._editor or os.environ.get("LAUNCH_EDITOR")
        running = frozenset() if is_named else _running()
        editor = choose_editor(self._editor, os.environ, running, shutil.which)
        if isinstance(editor, NoEditor):
            _log.warning("%s is not opened in an editor: %s", printable(file), editor.reason)
            return text(500, f"{editor.reason}\n")
        command = editor_command(editor, file, place.line, place.column)
        if not fit_for_batch(command):
            return text(403, "A file with such a name is not given to a batch file; open it by hand.\n")
        try:
            _start(command)
        except (OSError, ValueError) as error:
            problem = f"{printable(editor[0])} cannot be started: {printable(str(error))}"
            _log.warning("%s is not opened in an editor: %s", printable(file), problem)
            return text(500, f"{problem}. {_WAY_OUT}\n")
        return Response(204, {"cache-control": "no-store"})


def _served(root: Root, url_path: str) -> FilePath:
    opened = root.open(root.locate(url_path))
    opened.close()
    return opened.path


def _program_name(program: str) -> str:
    return _SUFFIXES.sub("", re.split(r"[\\/]", program)[-1].lower())


def _words(value: Sequence[str] | str, which: Callable[[str], str | None]) -> list[str]:
    """Return program and arguments; a string may be a path with blanks in it, or a command."""
    if not isinstance(value, str):
        return list(value)
    if which(value) is not None:
        return [value]
    try:
        return shlex.split(value)
    except ValueError:
        return [value]


def _named(
    source: str, words: Sequence[str], which: Callable[[str], str | None]
) -> tuple[str, ...] | NoEditor:
    """Return the editor that the user named; no other is taken in its place."""
    shown = printable(words[0] if words else "", 80)
    if words and _program_name(words[0]) in _TERMINAL:
        return NoEditor(
            f"{source} names {shown}, which needs a terminal, and a server has none to give. Name an editor "
            'with a window, or a terminal that runs it: editor = ["xterm", "-e", "vim", "+{line}", "{file}"].'
        )
    program = which(words[0]) if words else None
    if program is None:
        return NoEditor(f"{source} names {shown}, and there is no such program. {_WAY_OUT}")
    return (program, *words[1:])


def _running() -> frozenset[str]:
    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "comm="], capture_output=True, timeout=_PS_TIME, check=False
        )
    except (OSError, subprocess.SubprocessError):
        # Windows and small containers have none; then what is installed counts.
        return frozenset()
    return process_names(listed.stdout.decode(errors="replace"))


def _start(command: Sequence[str]) -> None:
    # Not asyncio's: that kills what still runs when the loop ends, and an editor outlives the server. In a
    # session of its own, so that Ctrl-C in the server's terminal is not for it.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=_wait, args=(process,), name="hotchannel-editor", daemon=True).start()


def _wait(process: subprocess.Popen[bytes]) -> None:
    status = process.wait()
    if status:
        program = process.args[0] if isinstance(process.args, (list, tuple)) else process.args
        _log.warning("the editor %s ended with status %d", printable(str(program)), status)
