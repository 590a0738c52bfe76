"""Records that an engine does not take in one piece.

Role: PURE. Splits data, and puts together what comes in parts: those of a record in their order, but among
those of others, some of them maybe twice, and sometimes without the first ones.
"""

from __future__ import annotations

__all__ = ["Assembly", "split"]


def split(data: bytes, most: int) -> list[bytes]:
    """Return parts of at most `most` bytes, one at least."""
    return [data[start : start + most] for start in range(0, len(data), most)] or [data]


class Assembly:
    """Puts records together; of each sender the one that is under way."""

    __slots__ = ("_under_way",)

    def __init__(self) -> None:
        self._under_way: dict[str, tuple[int, list[bytes]]] = {}

    def add(self, sender: str, n: int, part: bytes, index: int, count: int) -> bytes | None:
        """Take in a part of the sender's record `n`.

        Args:
            sender: who sent it.
            n: which of the sender's it is.
            part: the data.
            index: which of the record's parts it is, from 0.
            count: how many there are.

        Returns:
            the record, with its last part; None before that, and where parts are missing.
        """
        known, parts = self._under_way.get(sender, (n, []))
        if known != n:
            parts = []
        if index == len(parts):
            parts.append(part)
        self._under_way[sender] = n, parts
        if index < count - 1:
            return None
        del self._under_way[sender]
        return b"".join(parts) if len(parts) == count else None
