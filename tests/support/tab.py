"""A browser tab that remembers what its channel brought and what went wrong in it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Frame, Page, WebSocket

__all__ = ["Tab"]

WAIT = 30.0
"""Seconds a page has to become what a test waits for, as in all of Playwright: the machine may be busy."""

_MARK = """() => {
    window.__marker = true;
    // `location.reload()` says so at once, long before the page is gone.
    navigation.addEventListener("navigate", ({ destination }) => {
        if (!destination.sameDocument) window.__marker = false;
    });
}"""
# Longer than the client takes to gather reasons to reload: a timer set before it has fired by then.
_STILL_MARKED = """() => new Promise((resolve) => {
    setTimeout(() => resolve(window.__marker === true), 30);
})"""


class Tab:
    """A browser tab.

    Attributes:
        page: Playwright's page.
        messages: every payload that came over its sockets, oldest first; of a binary one only its size.
        errors: uncaught errors of the page; the test fails over what is left in it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.messages: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._connected = False
        page.on("pageerror", self._fail)
        page.on("websocket", self._listen)
        page.on("framenavigated", self._left)

    def release(self) -> None:
        """Leave the page, for another tab to take it over."""
        self.page.remove_listener("pageerror", self._fail)
        self.page.remove_listener("websocket", self._listen)
        self.page.remove_listener("framenavigated", self._left)
        # The next page may have the same origin: ports come again. An error page has no storage.
        self.value("(() => { try { sessionStorage.clear(); } catch {} })()")
        self.page.goto("about:blank")

    def _fail(self, error: Error) -> None:
        self.errors.append(str(error))

    def _listen(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", self._receive)

    def _receive(self, frame: str | bytes) -> None:
        message = json.loads(frame) if isinstance(frame, str) else _read_binary(frame)
        self._connected |= message["type"] == "connected"
        self.messages.append(message)

    def _left(self, _: Frame) -> None:
        self._connected = False

    def open(self, url: str) -> None:
        """Show a page and wait until its channel is connected; leaves a mark that a reload wipes away."""
        self.page.goto(url)
        self.until(lambda: self._connected, "the channel to connect")
        self.mark()

    def received(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of one type that came so far."""
        return [message for message in self.messages if message["type"] == kind]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that Playwright itself has no wait for."""
        deadline = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}; messages: {self.messages}"
            self.page.wait_for_timeout(10)

    def until_value(self, expression: str, wanted: object) -> None:
        """Wait until JavaScript gives this value in the page, whichever page it is by then."""
        try:
            self.page.wait_for_function(f"(wanted) => ({expression}) === wanted", arg=wanted, polling=10)
        except Error:
            pytest.fail(
                f"{expression} is {self.value(expression)!r}, not {wanted!r}; messages: {self.messages}"
            )

    def mark(self) -> None:
        """Leave a mark in the page that only a reload removes."""
        self.page.evaluate(_MARK)

    @property
    def kept(self) -> bool:
        """Whether the page is still the one that was marked, and is not about to go."""
        return self.value(_STILL_MARKED) is True

    def value(self, expression: str) -> Any:
        """What the page's JavaScript says now; None where the page is just leaving."""
        try:
            return self.page.evaluate(expression)
        except Error as error:
            if "context was destroyed" in str(error) or "navigation" in str(error):
                return None
            raise

    def wait_for_reload(self) -> None:
        """Wait until the marked page is gone and the next one is connected, and mark that."""
        fresh = "window.__marker === undefined && document.readyState === 'complete'"
        self.page.wait_for_function(fresh)
        self.until(lambda: self._connected, "the reloaded page to connect")
        self.mark()

    def text(self, text: str, selector: str = "#out") -> None:
        """Wait until an element shows this text."""
        expect(self.page.locator(selector)).to_have_text(text)

    def style(self, value: str, selector: str = "body", name: str = "color") -> None:
        """Wait until an element has this computed style."""
        expect(self.page.locator(selector)).to_have_css(name, value)


def _read_binary(frame: bytes) -> dict[str, Any]:
    end = 4 + int.from_bytes(frame[:4], "big")
    return {"type": "binary", **json.loads(frame[4:end]), "size": len(frame) - end}
