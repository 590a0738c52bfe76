"""An exception that a web application raised, as the error overlay shows it.

Role: reads the exception and the sources that it names, and changes neither. Invariant: whatever the
exception is like, there is a detail of it, bounded in size, without the value of any local variable.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from dataclasses import dataclass
from html import unescape
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

import hotchannel
from hotchannel.modules.syntax import code_frame, offset_of
from hotchannel.wire.payloads import ErrorDetail, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["error_detail"]

_MAX_MESSAGE = 2_000
_MAX_STACK = 16 * 1024
_MAX_SOURCE_LINE = 200
_MAX_LINE = 2**31
_MAX_LINKED = 20
"""Of the exceptions behind one, and of the groups in groups."""

_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_FOREIGN = tuple(
    os.path.realpath(folder) for folder in (os.path.dirname(os.__file__), hotchannel.__path__[0], sys.prefix)
)
"""The standard library, hotchannel and the virtual environment."""

_NO_LINE_ENDS = {0x2028: " ", 0x2029: " "}
"""What ends a line in JavaScript, and none in Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A line that was being run, or read.

    Attributes:
        shown: path of the file, or what stands for one.
        file: absolute path; empty where there is no file.
        name: of what was run; empty where it was read only.
        column: from 0; the traceback knows it where there is one.
        times: how often it was being run at once.
    """

    shown: str
    file: str
    is_own: bool
    line: int
    name: str = ""
    column: int = 0
    traceback: TracebackType | None = None
    times: int = 1


class _Place(NamedTuple):
    """Where an exception itself says that it is: file as it calls it, line from 1, column from 0."""

    file: str
    line: int
    column: int


class _Section(NamedTuple):
    """An exception with all that is told of it; the frames are in the order of the calls."""

    relation: str
    told: BaseException
    frames: list[_Frame]


def error_detail(error: BaseException, project: str) -> ErrorDetail:
    """Return what the overlay shows of `error`.

    The place is the innermost line of the user's own, be it of an exception behind this one; else the
    innermost of all. The stack has the user's own lines first, innermost first.

    Args:
        error: what was raised; a group with one exception stands for that.
        project: the folder below which files are the user's own, but for what is installed there.
    """
    sections = list(_sections(error, _own_below(project)))
    message = _encodable(_cut_end(_message(sections[0].told)))
    stack = _encodable(_cut_middle("\n".join(line for section in sections for line in _trace(section))))
    own = (frame for section in sections for frame in reversed(section.frames) if frame.is_own)
    any_file = (frame for frame in reversed(sections[0].frames) if frame.file)
    place = next(own, None) or next(any_file, None)
    if place is None:
        return ErrorDetail(message=message, stack=stack)
    lines = _source(place.file)
    column = _column(place, lines)
    file = _encodable(place.file)
    return ErrorDetail(
        message=message,
        stack=stack,
        id=file,
        frame=_code_frame(lines, place.line, column) or UNSET,
        loc=Location(line=place.line, column=column, file=file),
    )


def _sections(error: BaseException, is_own: Callable[[str], bool]) -> Iterator[_Section]:
    """Give `error` and those behind it, each once."""
    waiting = [("", error)]
    seen: set[int] = set()
    for _ in range(_MAX_LINKED):
        while waiting and id(waiting[-1][1]) in seen:
            waiting.pop()
        if not waiting:
            return
        relation, current = waiting.pop()
        line = _first_members(current, seen)
        told = next((each for each in line if len(_members(each)) != 1), line[-1])
        yield _Section(relation, told, [frame for each in line for frame in _frames(each, is_own)])
        linked = [behind for each in reversed(line) for behind in _behind(each)]
        beside = [("beside", member) for each in line for member in _members(each)[1:]]
        waiting += reversed(beside + linked)


def _first_members(error: BaseException, seen: set[int]) -> list[BaseException]:
    """Return a group, the first in it, and so on down to what is no group; note all as seen."""
    line = [error]
    seen.add(id(error))
    while (members := _members(line[-1])) and len(line) < _MAX_LINKED and id(members[0]) not in seen:
        line.append(members[0])
        seen.add(id(members[0]))
    return line


def _members(error: BaseException) -> list[BaseException]:
    members = _attribute(error, "exceptions") if isinstance(error, BaseExceptionGroup) else None
    return [each for each in members if isinstance(each, BaseException)] if isinstance(members, tuple) else []


def _behind(error: BaseException) -> list[tuple[str, BaseException]]:
    if isinstance(cause := _attribute(error, "__cause__"), BaseException):
        return [("caused by", cause)]
    context = _attribute(error, "__context__")
    if isinstance(context, BaseException) and not _attribute(error, "__suppress_context__"):
        return [("while handling", context)]
    return []


def _frames(error: BaseException, is_own: Callable[[str], bool]) -> Iterator[_Frame]:
    """Give the lines that led to `error`, and last the one that it is about."""
    running: dict[tuple[str, int, str], tuple[TracebackType, int]] = {}
    traceback = _attribute(error, "__traceback__")
    while isinstance(traceback, TracebackType):
        code = traceback.tb_frame.f_code
        key = (code.co_filename, max(traceback.tb_lineno or 1, 1), code.co_name)
        # A line that runs again and again has the place of its innermost run.
        _, times = running.pop(key, (traceback, 0))
        running[key] = (traceback, times + 1)
        traceback = traceback.tb_next
    last = None
    for (name, line, function), (traceback, times) in running.items():
        file = _file(name)
        last = (file, line)
        yield _Frame(
            shown=file or name,
            file=file,
            is_own=is_own(file),
            line=line,
            name=function,
            traceback=traceback,
            times=times,
        )
    place = _stated(error)
    file = _file(place.file) if place else ""
    if place and file and (file, place.line) != last:
        yield _Frame(shown=file, file=file, is_own=is_own(file), line=place.line, column=place.column)


def _stated(error: BaseException) -> _Place | None:
    """Return the place that a parser, or an engine of templates, has put into `error`."""
    file, line, column = _attribute(error, "filename"), _attribute(error, "lineno"), 0
    # Django: the template that was being read or rendered, where its engine is in debug mode.
    if isinstance(debug := _attribute(error, "template_debug"), dict):
        file, line, before = debug.get("name"), debug.get("line"), debug.get("before")
        column = len(unescape(before)) if isinstance(before, str) else 0
    elif isinstance(error, SyntaxError):
        offset = _attribute(error, "offset")
        column = max(offset - 1, 0) if isinstance(offset, int) else 0
    elif all(kind.__module__ != "jinja2.exceptions" for kind in type(error).__mro__):
        return None
    if isinstance(file, str) and isinstance(line, int) and 0 < line < _MAX_LINE:
        return _Place(file, line, column)
    return None


def _file(name: str) -> str:
    """Return the absolute path of what code calls its file; empty where it is none, such as `<string>`."""
    if name.startswith("<") or "\0" in name:
        return ""
    try:
        path = os.path.abspath(name)
    except OSError:
        return ""
    return path if os.path.isabs(name) or os.path.isfile(path) else ""


def _own_below(project: str) -> Callable[[str], bool]:
    folder, real_folder = os.path.abspath(project), os.path.realpath(project)
    # Around a project they say nothing of what is in it.
    foreign = [each for each in _FOREIGN if each != real_folder and _is_below(each, real_folder)]

    def is_own(file: str) -> bool:
        if not file or _INSTALLED.search(file):
            return False
        real = os.path.realpath(file)
        if any(_is_below(real, each) for each in foreign):
            return False
        return _is_below(file, folder) or _is_below(real, real_folder)

    return is_own


def _is_below(path: str, folder: str) -> bool:
    return os.path.normcase(path).startswith(os.path.normcase(os.path.join(folder, "")))


def _message(error: BaseException) -> str:
    lines = [_headline(error)]
    notes = _attribute(error, "__notes__")
    if isinstance(notes, list):
        lines += map(_string, notes)
    lines += (f"- {_headline(each)}" for each in islice(_members(error), _MAX_LINKED))
    return "\n".join(lines)


def _headline(error: BaseException) -> str:
    kind = type(error)
    is_plain = kind.__module__ in ("builtins", "__main__")
    name = kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"
    # The text of a syntax error repeats the place.
    text = _string(_attribute(error, "msg") or "" if isinstance(error, SyntaxError) else error)
    return f"{name}: {text}" if text else name


def _trace(section: _Section) -> Iterator[str]:
    if section.relation:
        yield f"{section.relation} {_headline(section.told).splitlines()[0]}"
    for frame in sorted(reversed(section.frames), key=lambda frame: not frame.is_own):
        yield f'  File "{frame.shown}", line {frame.line}' + (f", in {frame.name}" if frame.name else "")
        if text := _line(_source(frame.file), frame.line).strip():
            yield f"    {text[:_MAX_SOURCE_LINE]}"
        if frame.times > 1:
            yield f"    [{frame.times} times]"


def _source(file: str) -> list[str]:
    """Return the lines of a file as it is now; none where it cannot be read."""
    if not os.path.isfile(file):
        return []
    linecache.checkcache(file)
    return linecache.getlines(file)


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1].removesuffix("\n") if number <= len(lines) else ""


def _column(frame: _Frame, lines: list[str]) -> int:
    """Return the column of an expression's begin, in characters."""
    text, column = _line(lines, frame.line), frame.column
    if frame.traceback is not None:
        code = frame.traceback.tb_frame.f_code
        *_, start, _ = next(islice(code.co_positions(), max(frame.traceback.tb_lasti, 0) // 2, None))
        # Python counts bytes of UTF-8.
        column = len(text.encode(errors="replace")[: start or 0].decode(errors="ignore"))
    indent = len(text) - len(text.lstrip())
    return max(min(column, len(text)), indent)


def _code_frame(lines: list[str], line: int, column: int) -> str:
    if line > len(lines):
        return ""
    source = "".join(lines).removesuffix("\n").translate(_NO_LINE_ENDS)
    return code_frame(source, offset_of(source, line, column))


def _attribute(owner: object, name: str) -> object:
    try:
        return getattr(owner, name, None)
    except Exception:
        return None


def _string(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return "<its text could not be made>"


def _cut_end(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"


def _cut_middle(text: str) -> str:
    """Cut whole lines out of the middle, and say so."""
    if len(text) <= _MAX_STACK:
        return text
    half = _MAX_STACK // 2 - 40
    head, tail = text[:half].rpartition("\n")[0], text[-half:].partition("\n")[2]
    return f"{head}\n  [{len(text) - len(head) - len(tail):,} characters left out]\n{tail}"


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON cannot say."""
    return text.encode(errors="backslashreplace").decode()
