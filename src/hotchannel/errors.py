"""The exception tree. Everything hotchannel raises on purpose is a `HotChannelError`.

An expected refusal (a handshake, a missing file) is a return value; an exception tells the caller
of a mistake that the caller can mend, so each message says what was wrong and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["HotChannelError", "ListenError", "OptionError", "RemoteError", "TransportError", "closest"]


class HotChannelError(Exception):
    """Root of all errors raised by hotchannel."""


class OptionError(HotChannelError, ValueError):
    """An option has a value it cannot have, or a name that does not exist.

    Attributes:
        name: the option's name as the user wrote it, dotted where it is in a group (`ws.port`).
        value: the value that was given.
        expected: what would have been right, in a few words.
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name} = {value!r}: expected {expected}")
        self.name = name
        self.value = value
        self.expected = expected


class ListenError(HotChannelError, OSError):
    """A listener could not be opened, most often because its port is in use."""


class TransportError(HotChannelError, ConnectionError):
    """A server does not answer, or its connection is gone."""


class RemoteError(HotChannelError):
    """A function that a server was asked to call has failed, or does not exist.

    Attributes:
        name: the error's name on the other side.
        message: what it says.
        stack: where it happened there, for the log; may be empty.
    """

    def __init__(self, error: Mapping[str, object]) -> None:
        self.name = str(error.get("name") or "Error")
        self.message = str(error.get("message") or "")
        self.stack = str(error.get("stack") or "")
        super().__init__(f"{self.name}: {self.message}")


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that somebody may have meant by `name`, for the error that says so."""
    # Loaded only when somebody has made a mistake.
    from difflib import get_close_matches

    found = get_close_matches(name, list(names), n=1)
    return found[0] if found else None
