"""Requests and responses of the dev server, without a server.

Role: the values that `Site` takes and gives; an entrance translates. Content types are fixed here
where the operating system's table is known to be wrong.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.devserver.files import OpenFile
    from hotchannel.websocket.handshake import Reason

__all__ = [
    "CSS",
    "HTML",
    "JAVASCRIPT",
    "PASS",
    "FileSlice",
    "Request",
    "Response",
    "content_type",
    "plain_page",
    "text",
]

JAVASCRIPT = "text/javascript; charset=utf-8"
CSS = "text/css; charset=utf-8"
HTML = "text/html; charset=utf-8"

_TYPES = {
    ".css": CSS,
    ".htm": HTML,
    ".html": HTML,
    ".js": JAVASCRIPT,
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": JAVASCRIPT,
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Attributes:
        method: upper case.
        target: path and query as they stand in the request line.
        headers: the last value of each header, names in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A part of an open file as a body: `length` bytes from `start` on."""

    file: OpenFile
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response.

    Attributes:
        status: the HTTP status.
        headers: without Content-Length, which follows from the body.
        body: the body.
        refused: why the request was refused, and what there is to say of that; for the log and the metric.
        file: that a module was made of, absolute; empty for all else.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileSlice = b""
    refused: tuple[Reason, str] | None = None
    file: str = ""

    @property
    def content_length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


PASS = Response(0)
"""What a site says of a request that is not its own; compared by identity."""


def only_read() -> Response:
    """Answer a request that would change something."""
    return text(405, "Only GET and HEAD are answered here.\n", allow="GET, HEAD")


def text(status: int, message: str, *, refused: tuple[Reason, str] | None = None, **headers: str) -> Response:
    """Return a short plain answer."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"content-type": "text/plain; charset=utf-8", **names}
    return Response(status, fields, message.encode(), refused)


def plain_page(title: str, body: str) -> str:
    """Return an HTML page for a person, in place of one that there is not.

    Args:
        title: a text.
        body: HTML.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;"
        "margin:12vh auto;padding:1rem}code{font-size:.95em}pre{font:13px/1.5 ui-monospace,monospace;"
        f"overflow:auto}}</style></head><body>{body}</body></html>"
    )


def content_type(path: str) -> str:
    """Return the content type of a file by its name."""
    suffix = path[path.rfind(".") :].lower() if "." in path.rpartition("/")[2] else ""
    known = _TYPES.get(suffix)
    if known is not None:
        return known
    guessed = mimetypes.guess_type("x" + suffix)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed
