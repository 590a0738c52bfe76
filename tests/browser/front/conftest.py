"""A Chromium that knows a name of this machine, projects of each kind, and nginx."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from browser.front.setups import BELOW, FASTAPI, FILES, FLASK, NAME, PAGE
from hotchannel.websocket.tls import self_signed
from support.chromium import launch
from support.nginx import Nginx
from support.project import Project, free_port, hotchannel_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from browser.front.setups import Start
    from support.tab import Tab


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Iterator[Browser]:
    """A Chromium that knows a name of this machine."""
    made = launch(browser.browser_type, f"--host-resolver-rules=MAP {NAME} 127.0.0.2")
    yield made
    made.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A profile that trusts any certificate."""
    made = chromium.new_context(ignore_https_errors=True)
    yield made
    made.close()


@pytest.fixture
def lines(tab: Tab) -> list[str]:
    """What the tab's console says."""
    said: list[str] = []
    tab.page.on("console", lambda message: said.append(message.text))
    return said


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setenv("HOTCHANNEL", "1")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    started: list[Project] = []

    def run(kind: str, settings: str = "", *, port: int | None = None, everywhere: bool = False) -> Project:
        root, port = tmp_path / f"project{len(started)}", port or free_port()
        commands = {
            "dev": hotchannel_command(root, port, "/"),
            "fastapi": [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)],
            "uvicorn": [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), *BELOW],
            "take-over": [
                *(sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), *BELOW),
                *("--ws", "hotchannel.websocket.uvicorn:TakeOver"),
            ],
            "hypercorn": [
                sys.executable,
                "-m",
                "hypercorn",
                "app:app",
                "--bind",
                f"127.0.0.1:{port}",
                *BELOW,
            ],
            "flask": [sys.executable, "-m", "flask", "run", "--debug", "--no-reload", "--port", str(port)],
        }
        options = ["--host", "0.0.0.0"] if everywhere else []
        log = tmp_path / f"server{len(started)}.log"
        site = Project(root, log, [*commands[kind], *options], 0)
        for path, content in FILES.items():
            site.write(path, content)
        if kind == "dev":
            site.write("index.html", PAGE)
            site.write("hotchannel.toml", settings)
        else:
            source = FLASK if kind == "flask" else FASTAPI
            site.write("app.py", source.replace("SETTINGS", repr(tomllib.loads(settings))))
        started.append(site)
        site.start()
        return site

    yield run
    for site in started:
        site.stop()
        print(site.log)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    made = Nginx(tmp_path / "nginx")
    yield made
    made.stop()
    print(made.log)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Self-signed, with its key."""
    return self_signed([NAME], tmp_path)
