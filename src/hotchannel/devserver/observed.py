"""What an inspector is shown, as plain data.

Role: pure. Messages become rows of a bounded log, saves become times, the graph becomes a picture. All that
comes from outside is cut here, and stays text wherever it is shown.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from hotchannel.channel.printable import summary
from hotchannel.wire.payloads import Binary, FullReload, Update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.hmr.graph import ModuleNode

__all__ = ["MessageLog", "Save", "head_of", "hmr_payload", "picture_of"]

Json: TypeAlias = Any

MAX_TEXT = 4096
"""Bytes of a payload that are shown."""

_MAX_MESSAGES = 300
_MAX_MODULES = 800
_MAX_NAME = 200


class _Head(msgspec.Struct):
    type: str = ""
    event: str = ""


_decoder = msgspec.json.Decoder(_Head)


def head_of(message: bytes | str | Binary) -> tuple[str, str]:
    """Return type and event of a message; empty where it has none."""
    if isinstance(message, Binary):
        return "binary", message.event[:_MAX_NAME]
    try:
        head = _decoder.decode(message)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return "malformed", ""
    return head.type[:_MAX_NAME], head.event[:_MAX_NAME]


def _as_payload(said: Json) -> Update | FullReload:
    payload: Update | FullReload = msgspec.convert(said, Update | FullReload)
    return payload


def hmr_payload(kind: str, content: bytes | Binary) -> Update | FullReload | None:
    """Return what a message of this type says; None where it is no update and no reload.

    Other processes may have sent it: what is malformed says nothing.
    """
    if isinstance(content, Binary) or kind not in ("update", "full-reload"):
        return None
    try:
        # Of the standard library's, since a file name that is not UTF-8 has halves of pairs in it.
        return _as_payload(json.loads(content))
    except (ValueError, RecursionError):
        return None


class MessageLog:
    """The last messages.

    Attributes:
        last: number of the newest one, from 1.
    """

    __slots__ = ("_rows", "last")

    def __init__(self) -> None:
        self.last = 0
        self._rows: deque[dict[str, Json]] = deque(maxlen=_MAX_MESSAGES)

    def add(
        self, message: bytes | str | Binary, *, way: str, at: float, who: str, head: tuple[str, str]
    ) -> None:
        """Keep one.

        Args:
            message: as it travelled; of a binary one, no more than its size is shown.
            way: `in` or `out`.
            at: seconds since 1970.
            who: it came from or went to.
            head: see `head_of`.
        """
        text = summary(message) if isinstance(message, Binary) else message
        encoded = text.encode(errors="replace") if isinstance(text, str) else text
        self.last += 1
        self._rows.append(
            {
                "at": round(at * 1000),
                "way": way,
                "type": head[0],
                "event": head[1],
                "size": len(message.data) if isinstance(message, Binary) else len(encoded),
                "who": who,
                "text": encoded[:MAX_TEXT].decode(errors="replace"),
            }
        )

    def since(self, number: int) -> list[dict[str, Json]]:
        """Return the messages after `number` that are still there."""
        missed = min(self.last - number, len(self._rows))
        return list(islice(self._rows, len(self._rows) - missed, None))


@dataclass(slots=True)
class Save:
    """How long one save took to be seen.

    Attributes:
        number: its own.
        label: what was told of it.
        timestamp: that its update carries; 0 for a reload.
        sent: seconds until it was sent.
        applied: milliseconds that pages took after that, by the page's number.
    """

    number: int
    label: str
    timestamp: int
    sent: float
    applied: dict[int, float] = field(default_factory=dict)

    def shown(self) -> dict[str, Json]:
        """Return it as it travels."""
        return {
            "n": self.number,
            "label": self.label[:_MAX_NAME],
            "sent": round(self.sent * 1000, 2),
            "applied": round(max(self.applied.values()), 2) if self.applied else None,
            "pages": len(self.applied),
            "reload": not self.timestamp,
        }


def picture_of(
    nodes: Iterable[ModuleNode], *, lit: int, boundaries: Iterable[tuple[str, str]], is_reload: bool
) -> dict[str, Json]:
    """Return the modules and who imports whom.

    Args:
        nodes: of the graph.
        lit: timestamp of the last update, by which the modules on its way are known; 0 for none.
        boundaries: who took it in, and by which module: their URLs.
        is_reload: nobody did, so that pages reloaded.
    """
    everyone = list(nodes)
    shown = everyone[:_MAX_MODULES]
    numbers = {node: number for number, node in enumerate(shown)}
    by_url: dict[str, int] = {node.url: number for number, node in enumerate(shown)}
    return {
        "total": len(everyone),
        "reload": is_reload,
        "nodes": [
            {
                "url": node.url[:_MAX_NAME],
                "type": node.type,
                "accepts": bool(node.self_accepting),
                "entry": node.is_entry,
                "served": node.self_accepting is not None or node.type != "js",
                "lit": bool(lit) and node.timestamp == lit,
            }
            for node in shown
        ],
        "edges": [
            [number, numbers[imported]]
            for node, number in numbers.items()
            for imported in node.imports
            if imported in numbers
        ],
        "boundaries": [
            [by_url[taker], by_url[module]]
            for taker, module in boundaries
            if taker in by_url and module in by_url
        ],
    }
