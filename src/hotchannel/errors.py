"""The exception tree. Everything hotchannel raises on purpose is a `HotChannelError`.

An expected refusal (a handshake, a missing file) is a return value; an exception tells the caller
of a mistake that the caller can mend, so each message says what was wrong and what to do.
"""

from __future__ import annotations

__all__ = ["HotChannelError", "ListenError", "OptionError"]


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
