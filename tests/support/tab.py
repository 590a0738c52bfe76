"""A browser tab that remembers what its channel brought and what went wrong in it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Frame, Page, WebSocket

__all__ = ["Tab"]

WAIT = 10.0
"""Seconds a page has to become what a test waits for."""


class Tab:
    """A browser tab.

    Attributes:
        page: Playwright's page.
        messages: every payload that came over its sockets, oldest first.
        errors: uncaught errors of the page; the test fails over what is left in it.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.messages: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._connected = False
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._listen)
        page.on("framenavigated", self._left)

    def _listen(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", self._receive)

    def _receive(self, frame: str | bytes) -> None:
        message = json.loads(frame)
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

    def mark(self) -> None:
        """Leave a mark in the page that only a reload removes."""
        self.page.evaluate("window.__marker = true")

    @property
    def kept(self) -> bool:
        """Whether the page is still the one that was marked."""
        kept: bool = self.page.evaluate("window.__marker === true")
        return kept

    def wait_for_reload(self) -> None:
        """Wait until the marked page is gone and the next one is connected, and mark that."""
        self.page.wait_for_function("window.__marker === undefined && document.readyState === 'complete'")
        self.until(lambda: self._connected, "the reloaded page to connect")
        self.mark()

    def text(self, text: str, selector: str = "#out") -> None:
        """Wait until an element shows this text."""
        expect(self.page.locator(selector)).to_have_text(text, timeout=WAIT * 1000)

    def style(self, value: str, selector: str = "body", name: str = "color") -> None:
        """Wait until an element has this computed style."""
        expect(self.page.locator(selector)).to_have_css(name, value, timeout=WAIT * 1000)
