"""What stands between a browser and its server: nginx's blocks, projects, and what each has to end in.

The blocks are those of the README, but for the ports.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from support.project import Project
    from support.tab import Tab

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
