"""Asking a server over HTTP: for its client script, and whether it is there.

Role: the few requests that come before the socket, by the standard library and in a thread.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hotchannel.errors import TransportError

if TYPE_CHECKING:
    import ssl

__all__ = ["fetch_text", "wait_until_ready"]

_PING = "text/x-vite-ping"
_NO_CONTENT = 204

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
"""Seconds between two questions whether the server is there; each pause is twice the one before."""


async def fetch_text(url: str, *, timeout: float, ssl: ssl.SSLContext | None = None) -> str:  # noqa: ASYNC109
    """Return the text at `url`.

    Raises:
        TransportError: nobody answers, or with an error.
    """
    try:
        return await asyncio.to_thread(_get, url, timeout, ssl)
    except urllib.error.HTTPError as error:
        error.close()
        raise TransportError(f"{url} answers {error.code}: is that a Vite server, and its base?") from None
    except (OSError, ValueError) as error:
        raise TransportError(f"nobody answers at {url}: {_reason(error)}") from None


async def wait_until_ready(
    url: str,
    timeout: float = 30.0,  # noqa: ASYNC109 - part of what the caller asks for
    *,
    ssl: ssl.SSLContext | None = None,
) -> None:
    """Wait until a server that speaks Vite's protocol answers at `url`.

    Asks as Vite's client does, by HTTP with `Accept: text/x-vite-ping`, which needs no token.

    Args:
        url: where its pages are.
        timeout: seconds to wait in all.
        ssl: what to trust, where it is `https`.

    Raises:
        TransportError: `timeout` is over; it says what was the matter last.
    """
    page = url if "://" in url else f"http://{url}"
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        left = deadline - time.monotonic()
        try:
            problem = await asyncio.to_thread(_ping, page, max(left, _FIRST_PAUSE), ssl)
        except ValueError as error:
            raise TransportError(f"{url} is no URL: {error}") from None
        if not problem:
            return
        if time.monotonic() + pause >= deadline:
            raise TransportError(f"{url} is not ready after {timeout:g} s: {problem}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _ping(url: str, timeout: float, ssl: ssl.SSLContext | None) -> str:
    """Return what is the matter; empty where the server is there."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("it has to begin with http:// or https://")
    request = urllib.request.Request(url, headers={"Accept": _PING})
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=ssl) as response:
            return "" if response.status == _NO_CONTENT else "what answers is no Vite server"
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answers {error.code}"
    except OSError as error:
        return _reason(error)


def _get(url: str, timeout: float, ssl: ssl.SSLContext | None) -> str:
    request = urllib.request.Request(url, headers={"Accept": "*/*"})
    with urllib.request.urlopen(request, timeout=timeout, context=ssl) as response:
        text: str = response.read().decode("utf-8", "replace")
        return text


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason) or type(reason).__name__
