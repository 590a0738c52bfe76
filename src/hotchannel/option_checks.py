"""What values of options have in common: ports, paths, numbers, tables.

Role: PURE. Each `check_` raises `OptionError`, with the option's name and what is expected of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "are_strings",
    "check_editor",
    "check_name",
    "check_path",
    "check_port",
    "check_positive",
    "check_table",
    "is_pattern",
]


def check_port(name: str, value: object, *, lowest: int = 0) -> None:
    """A port number, or None."""
    # bool is an int, and `port = true` in TOML is a mistake worth naming.
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= 65535:
        raise OptionError(name, value, f"a port number from {lowest} to 65535")


def check_path(name: str, value: object) -> None:
    """A path of a URL."""
    if not isinstance(value, str) or not value.startswith("/") or "?" in value or "#" in value:
        raise OptionError(name, value, "a path that starts with '/', without query")


def check_positive(name: str, value: object) -> None:
    """A number greater than 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise OptionError(name, value, "a number greater than 0")


def check_name(name: str, value: object, expected: str) -> None:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise OptionError(name, value, expected)


def check_table(name: str, value: Mapping[str, str], expected: str) -> None:
    """Names and values, all of them text."""
    if not are_strings((*value, *value.values())):
        raise OptionError(name, dict(value), expected)


def check_editor(value: object) -> None:
    """A command, a program with its arguments, or None."""
    words = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if value is not None and not (words and are_strings(words) and words[0].strip()):
        raise OptionError("editor", value, "a command, or a list of a program and its arguments")


def is_pattern(pattern: str) -> bool:
    """Whether it is a pattern of file names."""
    return bool(pattern) and ".." not in pattern.split("/") and pattern.count("{") == pattern.count("}")


def are_strings(values: object) -> bool:
    """Whether it is a tuple of text."""
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
