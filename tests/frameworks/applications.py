"""What a framework's project looks like: files by path, and what the scenario may ask of them.

All have the same page and the same static files, so that one scenario fits. How a project is started is the
business of `servers`.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DJANGO",
    "FASTAPI",
    "FASTAPI_SHARED",
    "FLASK",
    "LITESTAR",
    "PAGES",
    "QUART",
    "Ability",
    "Application",
]

Ability: TypeAlias = Literal["code", "errors", "echo", "post", "answers"]
"""What not every project has:

- `code`: a file of Python whose `GREETING` is on the page, and a server that restarts when it is saved;
- `errors`: `/boom` raises where its source says so, `/missing` and `/teapot` answer 404 and 418;
- `echo`: a WebSocket `/echo` that answers `{"type": "echo", "text": ...}`;
- `post`: the page's form is answered with the page;
- `answers`: routes for answers that are to stay as they are, and for policies.
"""


@dataclass(frozen=True, kw_only=True)
class Application:
    """A project of some framework.

    Attributes:
        files: by path; `code` and `template` are among them.
        abilities: what the scenario may ask beside static files and the page at `/`.
        code: where `GREETING = "one"` is, and `/boom` with its `/ 1`.
        template: of the page.
        static: folder of the static files, which are at `/static/`.
        shows_values: whether the framework's own page for an exception shows what variables hold.
    """

    files: Mapping[str, str | bytes]
    abilities: frozenset[Ability] = frozenset()
    code: str = "app.py"
    template: str = "templates/index.html"
    static: str = "static"
    shows_values: bool = False


PAGE = """<!doctype html>
<html lang="en">
<head>
<title>{{ greeting }}</title>
<link rel="stylesheet" href="/static/style.css">
<script>window.inlineRuns = (window.inlineRuns ?? 0) + 1;</script>
<script type="module">window.moduleRuns = (window.moduleRuns ?? 0) + 1;</script>
<script type="module" src="/static/main.js"></script>
</head>
<body>
<h1>First</h1>
<p id="greeting">{{ greeting }}</p>
<p id="drawn"></p>
<p><input id="typed"></p>
<ul><li>of the template</li></ul>
<p id="state" data-hot-reload>first state</p>
<form method="post" action="/"><button id="post">Post</button></form>
<div style="height: 3000px"></div>
</body>
</html>
"""
STATIC: Mapping[str, str] = {
    "static/style.css": "h1 { color: rgb(255, 0, 0) }\n",
    "static/text.js": 'export const text = "drawn once";\n',
    "static/main.js": """import { text } from "./text.js";

const drawn = document.querySelector("#drawn");
drawn.textContent = text;
globalThis.loads = (globalThis.loads ?? 0) + 1;
import.meta.hot?.accept("./text.js", (fresh) => { drawn.textContent = fresh.text; });
""",
}

_FASTAPI = """from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from hotchannel.integrations.asgi import HotChannelMiddleware

GREETING = "one"

HERE = Path(__file__).parent
templates = Jinja2Templates(directory=HERE / "templates")
app = FastAPI()
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
app.add_middleware(HotChannelMiddleware)


def answer(name: str) -> bytes:
    return (HERE / "answers" / name).read_bytes()


@app.get("/")
@app.post("/")
def index(request: Request):
    return templates.TemplateResponse(request, "index.html", {"greeting": GREETING})


@app.get("/boom")
def boom(request: Request):
    password = "open " + "sesame"
    greeting = f"quiet {len(password) / 1:.0f}"
    return templates.TemplateResponse(request, "index.html", {"greeting": greeting})


@app.get("/missing")
def missing():
    raise HTTPException(404)


@app.get("/teapot")
def teapot():
    raise HTTPException(418)


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_json({"type": "echo", "text": await socket.receive_text()})
    except WebSocketDisconnect:
        pass


@app.get("/data")
def data():
    return {"greeting": GREETING}


@app.get("/fragment")
def fragment():
    return HTMLResponse(answer("fragment.html"))


@app.get("/stream")
def stream():
    text = answer("page.html")
    return StreamingResponse(iter([text[:40], text[40:]]), media_type="text/html")


@app.get("/encoded")
def encoded():
    return Response(answer("page.html.gz"), media_type="text/html", headers={"Content-Encoding": "gzip"})


@app.get("/whole")
def whole():
    return HTMLResponse(answer("page.html"))


@app.get("/nonce")
def nonce():
    policy = "default-src 'self'; script-src 'nonce-abc'; style-src 'self' 'nonce-abc'"
    return HTMLResponse(answer("nonce.html"), headers={"Content-Security-Policy": policy})


@app.get("/shut")
def shut():
    return HTMLResponse(answer("page.html"), headers={"Content-Security-Policy": "connect-src 'none'"})


inner = FastAPI()
app.mount("/inner", inner)


@inner.middleware("http")
async def stamp(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Inner"] = "yes"
    return response


inner.get("/whole")(whole)
inner.get("/fragment")(fragment)
inner.get("/stream")(stream)
"""
_WHOLE = """<!doctype html>
<html>
<head><title>Whole</title></head>
<body><p>Ä page</p></body>
</html>
""".encode()
_NONCE = """<!doctype html>
<html>
<head><title>Nonce</title><link rel="stylesheet" href="/static/style.css"></head>
<body>
<h1>Nonce</h1>
<script nonce="abc">window.isAllowed = true;</script>
<script>window.isForbidden = true;</script>
</body>
</html>
"""

FASTAPI = Application(
    files={
        "app.py": _FASTAPI,
        "templates/index.html": PAGE,
        "answers/fragment.html": "<li>one</li>\n<li>two</li>\n",
        "answers/page.html": _WHOLE,
        "answers/page.html.gz": gzip.compress(_WHOLE, mtime=0),
        "answers/nonce.html": _NONCE,
        **STATIC,
    },
    abilities=frozenset(("code", "errors", "echo", "post", "answers")),
)

FASTAPI_SHARED = replace(
    FASTAPI,
    files={
        **FASTAPI.files,
        "app.py": "import os\n"
        + _FASTAPI.replace(
            "add_middleware(HotChannelMiddleware)",
            'add_middleware(HotChannelMiddleware, backplane=os.environ["BACKPLANE"])',
        ),
    },
)

_LITESTAR = """from pathlib import Path

from litestar import Litestar, get
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from hotchannel.integrations.asgi import HotChannelMiddleware

GREETING = "one"

HERE = Path(__file__).parent


@get("/")
async def index() -> Template:
    return Template(template_name="index.html", context={"greeting": GREETING})


litestar_app = Litestar(
    route_handlers=[index, create_static_files_router(path="/static", directories=[HERE / "static"])],
    template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
)
app = HotChannelMiddleware(
    litestar_app, static={"/static": HERE / "static"}, templates=[HERE / "templates"]
)
"""

LITESTAR = Application(files={"app.py": _LITESTAR, "templates/index.html": PAGE, **STATIC})

_QUART = """from pathlib import Path

from quart import Quart, render_template

from hotchannel.integrations.asgi import HotChannelMiddleware

GREETING = "one"

HERE = Path(__file__).parent
app = Quart(__name__)
app.asgi_app = HotChannelMiddleware(
    app.asgi_app, static={"/static": HERE / "static"}, templates=[HERE / "templates"]
)


@app.get("/")
async def index():
    return await render_template("index.html", greeting=GREETING)
"""

QUART = Application(files={"app.py": _QUART, "templates/index.html": PAGE, **STATIC})

_FLASK = """from flask import Flask, abort, render_template

from hotchannel.integrations.flask import HotChannel

GREETING = "one"

app = Flask(__name__)
HotChannel(app)


@app.route("/", methods=["GET", "POST"])
def index():
    return render_template("index.html", greeting=GREETING)


@app.get("/boom")
def boom():
    password = "open " + "sesame"
    greeting = f"quiet {len(password) / 1:.0f}"
    return render_template("index.html", greeting=greeting)


@app.get("/missing")
def missing():
    abort(404)


@app.get("/teapot")
def teapot():
    abort(418)
"""

FLASK = Application(
    files={"app.py": _FLASK, "templates/index.html": PAGE, **STATIC},
    abilities=frozenset(("code", "errors", "post")),
)

_MANAGE = """import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
execute_from_command_line(sys.argv)
"""
_DJANGO_SETTINGS = """from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
DEBUG = True
SECRET_KEY = "x"
ROOT_URLCONF = "project.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "project", "hotchannel.integrations.django"]
MIDDLEWARE = [
    "hotchannel.integrations.django.HotChannelMiddleware",
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
USE_TZ = True
"""
_DJANGO_URLS = """from django.urls import path

from project import views

urlpatterns = [
    path("", views.index),
    path("boom", views.boom),
    path("missing", views.missing),
    path("teapot", views.teapot),
]
"""
_DJANGO_VIEWS = """from django.http import Http404, HttpResponse
from django.shortcuts import render

GREETING = "one"


def index(request):
    return render(request, "index.html", {"greeting": GREETING})


def boom(request):
    password = "open " + "sesame"
    greeting = f"quiet {len(password) / 1:.0f}"
    return render(request, "index.html", {"greeting": greeting})


def missing(request):
    raise Http404


def teapot(request):
    return HttpResponse(status=418)
"""
_DJANGO_ASGI = """import os

from django.core.asgi import get_asgi_application

from hotchannel.integrations.django import HotChannelASGI

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
application = HotChannelASGI(get_asgi_application())
"""

DJANGO = Application(
    files={
        "manage.py": _MANAGE,
        "project/__init__.py": "",
        "project/asgi.py": _DJANGO_ASGI,
        "project/settings.py": _DJANGO_SETTINGS,
        "project/urls.py": _DJANGO_URLS,
        "project/views.py": _DJANGO_VIEWS,
        "project/templates/index.html": PAGE,
        **{f"project/{path}": text for path, text in STATIC.items()},
    },
    abilities=frozenset(("code", "errors", "post")),
    code="project/views.py",
    template="project/templates/index.html",
    static="project/static",
    shows_values=True,
)

PAGES = Application(files={"index.html": PAGE, **STATIC}, template="index.html")
"""Files only, for a back end that knows nothing of hotchannel."""
