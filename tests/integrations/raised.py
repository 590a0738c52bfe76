"""Exceptions, and what is told of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hotchannel.wire.payloads import Location

if TYPE_CHECKING:
    from pathlib import Path

    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["caret", "place", "raising", "run", "running", "where"]


def run(file: Path, source: str, **names: object) -> BaseException:
    """What a file with this source raises when it is imported."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), names)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def raising(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def place(detail: ErrorDetail) -> tuple[object, int, int]:
    assert isinstance(detail.loc, Location)
    assert detail.loc.file == detail.id
    return detail.id, detail.loc.line, detail.loc.column


def where(detail: ErrorDetail) -> tuple[int, int]:
    return place(detail)[1:]


def caret(detail: ErrorDetail) -> str:
    """The source from the caret to the line's end."""
    assert isinstance(detail.frame, str)
    lines = detail.frame.splitlines()
    number = next(number for number, line in enumerate(lines) if re.fullmatch(r"\s+\|\s+\^", line))
    return lines[number - 1][lines[number].index("^") :]


def running(detail: ErrorDetail) -> list[str]:
    """Names of what was run, as the stack has them."""
    return re.findall(r", in (\S+)$", detail.stack, re.MULTILINE)
