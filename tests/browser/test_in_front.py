"""A browser that does not reach the server directly: nginx, TLS, another page's port, another name.

The blocks below are those of the README, but for the ports.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from mmap import mmap
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import expect

from hotchannel.websocket.tls import self_signed
from support.nginx import Nginx
from support.project import Project, free_port, hotchannel_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from support.tab import Tab

pytestmark = pytest.mark.ours

PASS_WEBSOCKETS = """
location / {
    proxy_pass http://127.0.0.1:5173;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}
"""
WITHOUT_HOST = PASS_WEBSOCKETS.replace("    proxy_set_header Host $http_host;\n", "")
BELOW_A_PATH = PASS_WEBSOCKETS.replace("location /", "location /app/").replace(":5173;", ":5173/;")
WITHOUT_WEBSOCKETS = """
location / {
    proxy_pass http://127.0.0.1:5173;
}
"""
# The channel of Flask has a port of its own, and here a path of its own.
PASS_CHANNEL = """
location / {
    proxy_pass http://127.0.0.1:5000;
    proxy_set_header Host $http_host;
}
location = /hot {
    proxy_pass http://127.0.0.1:24678;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}
"""

BELOW = ("--root-path", "/app")

PAGE = """<!doctype html>
<html><head><link rel="stylesheet" href="static/style.css"></head>
<body><p id="out"></p><script type="module" src="static/main.js"></script></body></html>
"""
FILES = {
    "static/style.css": "body { color: rgb(1, 1, 1); }\n",
    "static/main.js": 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot?.accept();\n',
}
FASTAPI = f"""
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from hotchannel.integrations.asgi import HotChannelMiddleware

app = FastAPI()
app.mount("/static", StaticFiles(directory="static"))
app.add_middleware(HotChannelMiddleware, **SETTINGS)


@app.get("/")
def index():
    return HTMLResponse('''{PAGE}''')
"""
FLASK = f"""
from flask import Flask

from hotchannel.integrations.flask import HotChannel

app = Flask(__name__)
HotChannel(app, **SETTINGS)


@app.get("/")
def index():
    return '''{PAGE}'''
"""

NAME = "my-machine.lan"
"""A name for 127.0.0.2, where only those listen who listen on all interfaces."""


class Start(Protocol):
    """What the fixture `start` is: serve a project of this kind, with these settings.

    Settings are TOML for all kinds; applications get them as arguments.
    """

    def __call__(
        self, kind: str, settings: str = "", *, port: int | None = None, everywhere: bool = False
    ) -> Project: ...


@pytest.fixture(scope="module")
def chromium(browser: Browser) -> Iterator[Browser]:
    """A Chromium that knows a name of this machine."""
    made = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.2"],
    )
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


def port_of(url: str) -> int:
    found = re.search(r":(\d+)", url)
    assert found
    return int(found[1])


def to(locations: str, **ports: Project | int) -> str:
    """Return the locations with the test's ports, by the README's: `_5173=site`."""
    for name, at in ports.items():
        port = at if isinstance(at, int) else port_of(at.url)
        locations = re.sub(rf"127\.0\.0\.1:{name[1:]}(?=[;/])", f"127.0.0.1:{port}", locations)
    return locations


def ws(*settings: str) -> str:
    """Return the channel's settings as TOML."""
    return "\n".join(["[ws]", *settings])


def named(url: str) -> str:
    """Return the URL with this machine's name in it."""
    return re.sub(r"//[^:/]+", f"//{NAME}", url)


def check_hot(tab: Tab, site: Project) -> None:
    """An edit of CSS and one of JavaScript arrive, without a reload."""
    tab.text("v1")
    site.edit("static/style.css", "1, 1, 1", "2, 2, 2")
    tab.style("rgb(2, 2, 2)")
    site.edit("static/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def until_said(tab: Tab, lines: list[str], text: str) -> str:
    """Wait for a line of the console, and return it."""
    tab.until(lambda: any(text in line for line in lines), f"{text!r} in the console: {lines}")
    return next(line for line in lines if text in line)


def check_silent(lines: list[str]) -> None:
    """The socket was there at the first address that was tried."""
    assert not [line for line in lines if "directly" in line or "cannot be opened" in line]


# 1. nginx that passes WebSockets on.


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
@pytest.mark.parametrize("locations", [PASS_WEBSOCKETS, WITHOUT_HOST], ids=["with-host", "without-host"])
def test_nginx_that_passes_websockets_on_needs_no_setting(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str, locations: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(locations, _5173=site)))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["uvicorn", "take-over", "hypercorn"])
def test_below_a_path_that_nginx_leaves_out_the_server_has_to_know_it(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(BELOW_A_PATH, _5173=site)) + "app/")

    check_hot(tab, site)
    check_silent(lines)


def test_below_a_path_the_application_may_say_so_itself(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("fastapi")
    site.stop()
    site.edit("app.py", "FastAPI()", 'FastAPI(root_path="/app")')
    site.start()

    tab.open(nginx.start(to(BELOW_A_PATH, _5173=site)) + "app/")

    check_hot(tab, site)
    check_silent(lines)


def test_the_name_of_an_upstream_is_no_host(start: Start, nginx: Nginx, tab: Tab) -> None:
    site = start("dev")
    upstream = f"upstream site {{ server 127.0.0.1:{port_of(site.url)}; }}"
    locations = WITHOUT_HOST.replace("127.0.0.1:5173", "site")

    tab.page.goto(nginx.start(locations, beside=upstream))

    expect(tab.page.locator("body")).to_contain_text('This host ("site") is not allowed')
    expect(tab.page.locator("body")).to_contain_text("allowed_hosts in [tool.hotchannel]")


# 2. nginx that does not.


def test_without_websockets_the_page_of_the_dev_server_connects_directly(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("dev")

    tab.open(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site)))

    check_hot(tab, site)
    said = until_said(tab, lines, "directly")
    assert f"connected to localhost:{port_of(site.url)}/ directly" in said
    assert f"because localhost:{nginx.port}/ does not answer WebSocket requests" in said
    assert "let the proxy in between pass them on, or set `ws.client_port`" in said


def test_without_websockets_the_page_of_an_application_says_what_is_missing(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("fastapi")

    tab.page.goto(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site)))

    said = until_said(tab, lines, "cannot be opened")
    assert f"socket: localhost:{nginx.port}/" in said
    assert "that a proxy in between passes WebSocket requests on" in said
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_without_websockets_client_port_leads_past_nginx(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    port = free_port()
    site = start(kind, ws(f"client_port = {port}", f'allowed_hosts = ["{NAME}"]'), port=port, everywhere=True)

    tab.open(named(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site))))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_without_websockets_a_port_of_its_own_leads_past_nginx(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f"port = {free_port()}", 'host = "0.0.0.0"', f'allowed_hosts = ["{NAME}"]'))

    tab.open(named(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site))))

    check_hot(tab, site)
    check_silent(lines)


# 3. TLS ends at nginx.


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_behind_tls_nothing_needs_to_be_set_where_websockets_are_passed_on(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(PASS_WEBSOCKETS, _5173=site), certificate=certificate))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_behind_tls_the_page_says_that_its_socket_is_missing(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f"port = {free_port()}") if kind == "flask" else "")

    tab.page.goto(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site), certificate=certificate))

    until_said(tab, lines, "cannot be opened")
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)
    assert ("this port speaks no TLS" in site.log) == (kind == "flask")


def test_behind_tls_the_channel_of_flask_is_reached_through_nginx(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str]
) -> None:
    channel = free_port()
    site = start("flask", ws(f"port = {channel}", 'path = "/hot"', f"client_port = {nginx.port}"))

    tab.open(nginx.start(to(PASS_CHANNEL, _5000=site, _24678=channel), certificate=certificate))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_behind_tls_a_page_comes_back_when_its_server_does(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, kind: str
) -> None:
    channel = free_port()
    own = ws(f"port = {channel}", 'path = "/hot"', f"client_port = {nginx.port}")
    site = start(kind, own if kind == "flask" else "")
    locations = PASS_CHANNEL if kind == "flask" else PASS_WEBSOCKETS
    tab.open(nginx.start(to(locations, _5173=site, _5000=site, _24678=channel), certificate=certificate))
    tab.text("v1")

    site.stop()
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)
    site.start()

    if kind == "dev":
        tab.wait_for_reload()
    else:
        tab.until(lambda: len(tab.received("connected")) == 2, "the page to connect again")
    expect(tab.page.locator("hotchannel-notice")).to_have_count(0)
    check_hot(tab, site)


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_a_tunnel_with_a_name_of_its_own_needs_that_name(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f'allowed_hosts = [".{NAME.partition(".")[2]}"]'))

    tab.open(named(nginx.start(to(PASS_WEBSOCKETS, _5173=site), certificate=certificate)))

    check_hot(tab, site)
    check_silent(lines)


# 4. The page is another server's.


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Project]:
    """A server that knows nothing of hotchannel; its page is still to be written."""
    port = free_port()
    command = [sys.executable, "-um", "http.server", str(port), "--bind", "127.0.0.1"]
    made = Project(tmp_path / "pages", tmp_path / "pages.log", command, 0)
    made.root.mkdir()
    made.start()
    made.url = f"http://localhost:{port}"
    yield made
    made.stop()
    print(made.log)


ELSEWHERE = """<!doctype html>
<html><head><link rel="stylesheet" href="http://localhost:5173/static/style.css"></head>
<body><p id="out"></p>
<script type="module" src="http://localhost:5173/@vite/client"></script>
<script type="module" src="http://localhost:5173/static/main.js"></script></body></html>
"""


def write_elsewhere(elsewhere: Project, site: Project) -> None:
    elsewhere.write("index.html", ELSEWHERE.replace("5173", str(port_of(site.url))))
    site.write("static/imported.css", "p { color: rgb(3, 3, 3); }\n")
    site.edit("static/main.js", "document", 'import "./imported.css";\ndocument')


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_a_page_of_another_port_is_hot_where_cors_names_it(
    start: Start, elsewhere: Project, tab: Tab, lines: list[str], kind: str
) -> None:
    cors = f'cors = ["{elsewhere.url}"]'
    site = start(kind, cors)
    write_elsewhere(elsewhere, site)

    tab.open(elsewhere.url)

    check_hot(tab, site)
    site.edit("static/imported.css", "3, 3, 3", "4, 4, 4")
    tab.style("rgb(4, 4, 4)", "p")
    assert tab.kept
    check_silent(lines)


def test_a_page_of_another_port_is_kept_out_otherwise(
    start: Start, elsewhere: Project, tab: Tab, lines: list[str]
) -> None:
    write_elsewhere(elsewhere, start("dev"))

    tab.page.goto(elsewhere.url)

    until_said(tab, lines, f"from origin '{elsewhere.url}' has been blocked by CORS policy")


# 5. Another machine, or a container.


def test_the_dev_server_refuses_an_unknown_name_until_it_is_told_of_it(start: Start, tab: Tab) -> None:
    site = start("dev", everywhere=True)
    tab.page.goto(named(site.url))
    expect(tab.page.locator("body")).to_contain_text(
        f'This host ("{NAME}:{port_of(site.url)}") is not allowed'
    )
    expect(tab.page.locator("body")).to_contain_text("add its name (without port) to allowed_hosts in")
    assert "refused 127.0.0.1" in site.log

    site.write("hotchannel.toml", f'allowed_hosts = ["{NAME}"]\n')
    tab.until(lambda: "restarted" in site.log, "the server to read its settings")

    tab.open(named(site.url))
    check_hot(tab, site)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_an_ip_address_needs_no_name(start: Start, tab: Tab, lines: list[str], kind: str) -> None:
    host = ws('host = "0.0.0.0"', f"port = {free_port()}") if kind == "flask" else ""
    site = start(kind, host, everywhere=True)

    tab.open(named(site.url).replace(NAME, "127.0.0.2"))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_an_application_refuses_modules_to_an_unknown_name(
    start: Start, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, everywhere=True)

    tab.page.goto(named(site.url))

    until_said(tab, lines, "403")
    tab.until(lambda: "refused 127.0.0.1" in site.log, "the server to say so")
    answer = tab.page.goto(f"{named(site.url).rstrip('/')}/@vite/client")
    assert answer is not None
    assert 'ws={"allowed_hosts": [...]} of HotChannel' in answer.text()


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_an_application_is_hot_under_a_name_that_it_is_told_of(
    start: Start, tab: Tab, lines: list[str], kind: str
) -> None:
    host = ['host = "0.0.0.0"', f"port = {free_port()}"] if kind == "flask" else []
    site = start(kind, ws(f'allowed_hosts = ["{NAME}"]', *host), everywhere=True)

    tab.open(named(site.url))

    check_hot(tab, site)
    check_silent(lines)


def test_a_container_may_show_the_channel_at_another_port(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    channel, shown = free_port(), free_port()
    site = start("flask", ws('host = "0.0.0.0"', f"port = {channel}", f"client_port = {shown}"))
    beside = f"server {{ listen 127.0.0.1:{shown}; {to(PASS_WEBSOCKETS, _5173=channel)} }}"

    tab.open(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site), beside=beside))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_polling_sees_saves_that_the_system_does_not_tell_of(start: Start, tab: Tab, kind: str) -> None:
    site = start(kind, "polling = true")
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")

    # As on a bind mount: no event tells of what is written into memory.
    with (
        (site.root / "static/style.css").open("r+b") as file,
        mmap(file.fileno(), 0) as content,
    ):
        at = content.find(b"1, 1, 1")
        content[at : at + 7] = b"2, 2, 2"
        content.flush()
        tab.style("rgb(2, 2, 2)")

    assert tab.kept
