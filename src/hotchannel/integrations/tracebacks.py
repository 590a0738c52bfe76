"""An exception that a web application raised, as the error overlay shows it.

Role: reads the exception and the sources that it names, and changes neither. Invariant: whatever the
exception is like, there is a detail of it, bounded in size, without the value of any local variable.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from functools import cache
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
_MAX_LINKED = 20
"""Of the exceptions behind one, of the members of a group and of its notes."""

_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_FOREIGN = tuple(
    os.path.realpath(folder) for folder in (os.path.dirname(os.__file__), hotchannel.__path__[0], sys.prefix)
)
"""The standard library, hotchannel and the virtual environment."""

_NO_LINE_ENDS = {0x2028: " ", 0x2029: " "}  # In Python; in JavaScript they are.


class _Frame(NamedTuple):
    """A line that was being run, or read.

    Attributes:
        called: the file as its code calls it.
        line: from 1.
        column: from 0, in characters or in bytes of UTF-8.
        name: of what was run; empty where it was read only.
        times: how often it was being run at once.
    """

    called: str
    line: int
    column: int
    in_bytes: bool = False
    name: str = ""
    times: int = 1

    @property
    def file(self) -> str:
        """Its absolute path; empty where it is no file, such as `<string>`."""
        if self.called.startswith("<") or "\0" in self.called:
            return ""
        try:
            path = os.path.abspath(self.called)
            os.fsencode(path)
        except (OSError, ValueError):  # The working directory is gone, or no file can have the name.
            return ""
        return path if os.path.isabs(self.called) or os.path.isfile(path) else ""


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
    is_own, sections = _own_below(project), list(_sections(error))
    message = _encodable(_message(sections[0].told))
    stack = _encodable(_cut_middle("\n".join(line for each in sections for line in _trace(each, is_own))))
    own = (frame for section in sections for frame in reversed(section.frames) if is_own(frame.file))
    any_file = (frame for frame in reversed(sections[0].frames) if frame.file)
    place = next(own, None) or next(any_file, None)
    if place is None:
        return ErrorDetail(message=message, stack=stack)
    lines, file = _source(place.file), _encodable(place.file)
    column = _column(place, lines)
    frame = _code_frame(lines, place.line, column) or UNSET
    loc = Location(line=place.line, column=column, file=file)
    return ErrorDetail(message=message, stack=stack, id=file, frame=frame, loc=loc)


def _sections(error: BaseException) -> Iterator[_Section]:
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
        yield _Section(relation, told, [frame for each in line for frame in _frames(each)])
        behind = [link for each in reversed(line) for link in _behind(each)]
        beside = [("beside", member) for each in line for member in _members(each)[1:]]
        waiting += reversed(beside + behind)


def _first_members(error: BaseException, seen: set[int]) -> list[BaseException]:
    """Return a group, the first in it, and so on down to what is none; note all as seen."""
    line = [error]
    seen.add(id(error))
    while (members := _members(line[-1])) and len(line) < _MAX_LINKED and id(members[0]) not in seen:
        line.append(members[0])
        seen.add(id(members[0]))
    return line


def _members(error: BaseException) -> tuple[BaseException, ...]:
    # Through the class that knows, whatever a class below it makes of the name.
    return BaseExceptionGroup.exceptions.__get__(error) if issubclass(type(error), BaseExceptionGroup) else ()


def _behind(error: BaseException) -> list[tuple[str, BaseException]]:
    if isinstance(cause := _attribute(error, "__cause__"), BaseException):
        return [("caused by", cause)]
    context = _attribute(error, "__context__")
    if isinstance(context, BaseException) and not _attribute(error, "__suppress_context__"):
        return [("while handling", context)]
    return []


def _frames(error: BaseException) -> list[_Frame]:
    """Return the lines that led to `error`, and last the one that it is about."""
    running: dict[tuple[str, int, str], tuple[TracebackType, int]] = {}
    traceback = _attribute(error, "__traceback__")
    while isinstance(traceback, TracebackType):
        code = traceback.tb_frame.f_code
        key = (code.co_filename, traceback.tb_lineno or 1, code.co_name)
        # A line that runs again and again has the place of its innermost run.
        running[key] = (traceback, running.pop(key, (traceback, 0))[1] + 1)
        traceback = traceback.tb_next
    frames = [
        _Frame(file, line, _first_byte(traceback), in_bytes=True, name=name, times=times)
        for (file, line, name), (traceback, times) in running.items()
    ]
    stated = _stated(error)
    # Jinja makes a frame of what it states.
    if stated and not (frames and frames[-1][:2] == stated[:2]):
        frames.append(stated)
    return frames


def _first_byte(traceback: TracebackType) -> int:
    """Return where in its line the expression begins that was being run."""
    positions = traceback.tb_frame.f_code.co_positions()
    return next(islice(positions, max(traceback.tb_lasti, 0) // 2, None))[2] or 0


def _stated(error: BaseException) -> _Frame | None:
    """Return the place that a parser, or an engine of templates, has put into `error`."""
    file, line, column, in_bytes = _attribute(error, "filename"), _attribute(error, "lineno"), 0, False
    # Django: the template that was being read or rendered, where its engine is in debug mode.
    if isinstance(debug := _attribute(error, "template_debug"), dict):
        file, line, before = debug.get("name"), debug.get("line"), debug.get("before")
        column = len(before) if isinstance(before, str) else 0
    elif issubclass(type(error), SyntaxError):
        offset, end = _attribute(error, "offset"), _attribute(error, "end_offset")
        column = max(offset - 1, 0) if isinstance(offset, int) else 0
        # Before 3.13 the parser counts bytes in what is imported; the tokenizer, which says no end, does not.
        in_bytes = sys.version_info < (3, 13) and offset != end
    elif all(_attribute(kind, "__module__") != "jinja2.exceptions" for kind in type(error).__mro__):
        return None
    if isinstance(file, str) and isinstance(line, int) and 0 < line < 2**31:
        return _Frame(file, line, column, in_bytes)
    return None


def _own_below(project: str) -> Callable[[str], bool]:
    """Return what tells whether a file is the user's own."""
    folder, real_folder = os.path.abspath(project), os.path.realpath(project)
    # Around a project they say nothing of what is in it.
    foreign = [each for each in _FOREIGN if each != real_folder and _is_below(each, real_folder)]

    @cache
    def is_own(file: str) -> bool:
        if not file or _INSTALLED.search(file):
            return False
        real = os.path.realpath(file)
        is_foreign = any(_is_below(real, each) for each in foreign)
        return not is_foreign and (_is_below(file, folder) or _is_below(real, real_folder))

    return is_own


def _is_below(path: str, folder: str) -> bool:
    return os.path.normcase(path).startswith(os.path.normcase(os.path.join(folder, "")))


def _message(error: BaseException) -> str:
    lines = [_headline(error)]
    if isinstance(notes := _attribute(error, "__notes__"), list):
        lines += map(_string, notes[:_MAX_LINKED])
    lines += (f"- {_headline(each)}" for each in _members(error)[:_MAX_LINKED])
    text = "\n".join(lines)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"


def _headline(error: BaseException) -> str:
    module, name = (_string(_attribute(type(error), each)) for each in ("__module__", "__qualname__"))
    # The text of a syntax error repeats the place.
    text = _string((_attribute(error, "msg") or "") if issubclass(type(error), SyntaxError) else error)
    qualified = name if module in ("builtins", "__main__") else f"{module}.{name}"
    return f"{qualified}: {text}" if text else qualified


def _trace(section: _Section, is_own: Callable[[str], bool]) -> Iterator[str]:
    if section.relation:
        yield f"{section.relation} {_headline(section.told)}".partition("\n")[0]
    innermost_first = section.frames[::-1]
    for frame in sorted(innermost_first, key=lambda frame: not is_own(frame.file)):
        file, within = frame.file, f", in {frame.name}" if frame.name else ""
        yield f'  File "{file or frame.called}", line {frame.line}{within}'
        if text := _line(_source(file), frame.line).strip():
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
    """Return where an expression begins, in characters; no expression begins with white space."""
    text, column = _line(lines, frame.line), frame.column
    if frame.in_bytes:
        column = len(text.encode()[:column].decode(errors="ignore"))
    return max(min(column, len(text)), len(text) - len(text.lstrip()))


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
        return str(value)[: _MAX_MESSAGE + 1]
    except Exception:
        return "<its text could not be made>"


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
