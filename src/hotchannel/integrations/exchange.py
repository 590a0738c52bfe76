"""One request and its answer, as every adapter sees them: what becomes of a page, and of an exception.

Role: pure. Which answers are pages that get the client, how their headers change, and what stands in place of
an answer that was never made.
"""

from __future__ import annotations

import re
from codecs import lookup
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Protocol

from hotchannel.devserver.http import plain_page
from hotchannel.integrations.pages import AppPage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.integrations.pages import SentPage
    from hotchannel.wire.payloads import ErrorDetail

__all__ = [
    "FETCHED",
    "MAX_PAGE",
    "Headers",
    "PageMaker",
    "Visit",
    "changed_page",
    "failure_page",
    "is_page",
]

FETCHED = "x-hotchannel-page"
"""Request header of a client that fetches its page again; the response has the name of the new text in it."""

MAX_PAGE = 8 * 1024 * 1024
"""Bytes of an answer beyond which it is no page to be changed."""

Headers = list[tuple[str, str]]
"""Pairs of name, in lower case, and value."""

_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]+)', re.IGNORECASE)
_NO_BODY = frozenset((204, 205, 206, 304))
_OF_THE_TEXT = frozenset(
    ("content-length", "etag", "last-modified", "content-md5", "digest", "accept-ranges")
)


class PageMaker(Protocol):
    """What a host is to a page."""

    async def page(self, page: AppPage, policies: Iterable[str], origin: str, /) -> SentPage | None: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to the application.

    Attributes:
        method: upper case.
        path: decoded, as the application sees it.
        query: raw.
        scheme: `http` or `https`.
        host: the Host header.
        accept: the Accept header.
        is_fetched: the client fetches its page again.
        server: the address that the server listens at, as all of its workers have it.
        prefix: what the application is mounted below, without a slash at the end.
        position: of the journal, from before the application was asked; empty where nobody has asked for it.
    """

    method: str
    path: str
    query: str
    scheme: str
    host: str
    accept: str
    is_fetched: bool
    server: str
    prefix: str
    position: str = ""

    @property
    def source(self) -> str:
        """What an error of this request goes by."""
        return f"{self.method} {self.path}?{self.query}" if self.query else f"{self.method} {self.path}"

    @property
    def origin(self) -> str:
        """What the browser asked."""
        return f"{self.scheme}://{self.host}"

    @property
    def navigates(self) -> bool:
        """Whether a browser shows what is answered."""
        return self.method in ("GET", "POST") and "text/html" in self.accept

    def page(self, status: int, source: str) -> AppPage:
        """Return the page that was answered."""
        return AppPage(
            self.path,
            self.host,
            self.method,
            status,
            source,
            is_fetched=self.is_fetched,
            prefix=self.prefix,
            position=self.position,
        )


def is_page(method: str, status: int, headers: Headers) -> bool:
    """Tell, by its head, whether an answer is an HTML page that may get the client.

    What is encoded, partial, without a body or not HTML is not.
    """
    fields = dict(headers)
    return (
        method != "HEAD"
        and status >= 200
        and status not in _NO_BODY
        and fields.get("content-type", "").lower().startswith("text/html")
        and fields.get("content-encoding", "identity").lower() == "identity"
        and "content-range" not in fields
        and not ("content-length" in fields and _int_of(fields["content-length"]) > MAX_PAGE)
    )


def _int_of(value: str) -> int:
    """Return a length; what is none is taken for too much."""
    return int(value) if value.isascii() and value.isdigit() else MAX_PAGE + 1


def _codec_of(headers: Headers) -> str | None:
    """Return the codec of an answer's text; None where there is no such, or where ASCII is not in it."""
    found = _CHARSET.search(dict(headers).get("content-type", ""))
    try:
        name = lookup(found[1] if found else "utf-8").name
    except LookupError:
        return None
    return None if name.startswith(("utf-16", "utf-32", "utf-7")) else name


async def changed_page(
    host: PageMaker, visit: Visit, status: int, headers: Headers, body: bytes
) -> tuple[Headers, bytes] | None:
    """Return headers and body of a page with the client in it; None where the answer stays as it is.

    What told of the text as it was is left out: a browser that kept the text under its tag would show one
    with an old place in the journal.
    """
    codec = _codec_of(headers)
    source = "" if codec is None else body.decode(codec, "surrogateescape")
    if codec is None or source.encode(codec, "surrogateescape") != body:
        return None
    policies = [value for name, value in headers if name == "content-security-policy"]
    sent = await host.page(visit.page(status, source), policies, visit.origin)
    if sent is None:
        return None
    text = sent.text.encode(codec, "surrogateescape")
    kept = [(name, value) for name, value in headers if name not in _OF_THE_TEXT]
    return [*kept, ("content-length", str(len(text))), (FETCHED, sent.name)], text


def failure_page(detail: ErrorDetail) -> str:
    """Return the page in place of an answer that was never made; the overlay stands over it."""
    title = detail.message.partition("\n")[0]
    return plain_page(
        title,
        f"<h1>500 Internal Server Error</h1><p>{escape(title)}</p><pre>{escape(detail.stack)}</pre>",
    )
