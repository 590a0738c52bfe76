"""What the tests with a real browser stand on: a folder that a real server makes hot, and a Chromium to look at it.

`project` starts the dev server as a user would, on a folder of its own, and stops it by its process.
`tab` is a page that remembers every message of its socket and fails its test on an error that the
test did not announce. Nothing here is skipped: a missing browser or server is a failure.

The same behaviour tests run against npm's Vite with `pytest tests/browser --server vite`, which is
how the tests themselves are checked. Tests marked `ours` are left out then: there hotchannel differs
from Vite on purpose.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, BrowserContext, Page, WebSocket

REPOSITORY = Path(__file__).resolve().parent.parent
START_TIMEOUT = 20.0
"""Seconds a server has until it prints its URL: generous, since two cores may be busy elsewhere."""

WAIT = 10.0
"""Seconds a page has to become what a test waits for."""

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        choices=("hotchannel", "vite"),
        default="hotchannel",
        help="what serves the browser tests' projects; vite checks the tests themselves",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: hotchannel differs from stock Vite here on purpose")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Browsers last: a quick failure shows first, and Playwright keeps an event loop running in this
    # thread from its first use on, so that no asyncio test could start after it.
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
    if config.getoption("--server") == "vite":
        left_out = [item for item in items if item.get_closest_marker("ours")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("ours")]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _hotchannel(root: Path, port: int, base: str) -> list[str]:
    entry = "import sys; from hotchannel.cli import main; sys.exit(main())"
    options = ["--port", str(port), "--strict-port", "--base", base]
    return [sys.executable, "-c", entry, "dev", str(root), *options]


def _vite(root: Path, port: int, base: str) -> list[str]:
    script = REPOSITORY / "node_modules/vite/bin/vite.js"
    assert script.exists(), "npm's Vite is missing: `make test` installs it"
    options = ["--port", str(port), "--strictPort", "--host", "127.0.0.1", "--base", base]
    return ["node", str(script), str(root), *options, "--clearScreen", "false"]


class Project:
    """A folder and the server that serves it.

    Attributes:
        root: the folder.
        url: where its pages are, base included, with a slash at the end.
    """

    def __init__(self, root: Path, log: Path, command: list[str]) -> None:
        self.root = root
        self.url = ""
        self._log = log
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, path: str, content: str | bytes) -> None:
        """Save a file in place, as an editor does; folders are made."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        source = (self.root / path).read_text("utf-8")
        assert old in source, f"{path} has no {old!r}"
        self.write(path, source.replace(old, new))

    def start(self) -> None:
        """Start the server and wait for the line with its URL."""
        seen = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT, cwd=self.root)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            text = self._log.read_bytes()[seen:].decode("utf-8", "replace")
            plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
            if found := re.search(r"https?://\S+(?=\s)", plain):
                self.url = found[0]
                return
            assert self._process.poll() is None, f"the server ended at once:\n{text}"
            time.sleep(0.01)
        pytest.fail(f"no URL from the server in {START_TIMEOUT:.0f} s:\n{self.log}")

    def stop(self) -> None:
        """End the server; a second time does nothing."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything the server printed."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""


class StartProject(Protocol):
    """What the fixture `project` is: serve these files, below this base."""

    def __call__(self, files: Mapping[str, str | bytes] | Path, *, base: str = "/") -> Project: ...


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
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._listen)

    def _listen(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", lambda frame: self.messages.append(json.loads(frame)))

    def open(self, url: str) -> None:
        """Show a page and wait until its channel is connected; leaves a mark that a reload wipes away."""
        self.messages.clear()
        self.page.goto(url)
        self.until(lambda: bool(self.received("connected")), "the channel to connect")
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
        """Wait until the marked page is gone and the next one connected."""
        self.page.wait_for_function("window.__marker === undefined && document.readyState === 'complete'")

    def text(self, text: str, selector: str = "#out") -> None:
        """Wait until an element shows this text."""
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_have_text(text, timeout=WAIT * 1000)

    def style(self, value: str, selector: str = "body", name: str = "color") -> None:
        """Wait until an element has this computed style."""
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_have_css(name, value, timeout=WAIT * 1000)


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartProject]:
    """Write files into a folder (or copy one), serve it, and stop the server after the test."""
    command = _vite if request.config.getoption("--server") == "vite" else _hotchannel
    started: list[Project] = []

    def start(files: Mapping[str, str | bytes] | Path, *, base: str = "/") -> Project:
        root = tmp_path / f"project{len(started)}"
        made = Project(root, tmp_path / f"server{len(started)}.log", command(root, free_port(), base))
        if isinstance(files, Path):
            shutil.copytree(files, root)
        else:
            for path, content in files.items():
                made.write(path, content)
        started.append(made)
        made.start()
        return made

    yield start
    for made in started:
        made.stop()
        # pytest shows this, with the rest of what was captured, when the test failed.
        print(made.log)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium, the distribution's own, for all tests."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium")
    assert executable, "chromium is missing: `make test` installs Debian's"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile for each test: nothing is cached from the last one."""
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    yield made
    made.close()


@pytest.fixture
def new_tab(context: BrowserContext) -> Iterator[Callable[[], Tab]]:
    """Open tabs, all in one profile. An uncaught error in one of them fails the test."""
    tabs: list[Tab] = []

    def new() -> Tab:
        tabs.append(Tab(context.new_page()))
        return tabs[-1]

    yield new
    assert [error for tab in tabs for error in tab.errors] == []


@pytest.fixture
def tab(new_tab: Callable[[], Tab]) -> Tab:
    """One tab."""
    return new_tab()
