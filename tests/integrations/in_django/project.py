"""A project of Django's, and code that runs in it, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]
    Check = Callable[..., str]

__all__ = ["COMMON", "MIDDLEWARE", "PRELUDE", "SETTINGS", "URLS", "start"]

MIDDLEWARE = "hotchannel.integrations.django.HotChannelMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"

SETTINGS: dict[str, Any] = {
    "DEBUG": True,
    "SECRET_KEY": "x",
    "ROOT_URLCONF": "urls",
    "INSTALLED_APPS": ["django.contrib.staticfiles", "shop", "hotchannel.integrations.django"],
    "MIDDLEWARE": [MIDDLEWARE, COMMON],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    "ALLOWED_HOSTS": ["testserver"],
    "STATIC_URL": "/static/",
    "USE_TZ": True,
}
URLS = """import threading

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path

PAGE = "<!doctype html><html><head><title>T</title></head><body><p>A page</p></body></html>"
seen = []


def page(request):
    seen.append(request)
    return HttpResponse(PAGE)


def tagged(request):
    request.csp_nonce = request.GET.get("nonce")
    return render(request, "tagged.html")


def missing(request):
    seen.append(request)
    raise Http404


def forbidden(request):
    seen.append(request)
    raise PermissionDenied


def boom(request):
    seen.append(request)
    raise ValueError("what was asked for")


def stream(request):
    return StreamingHttpResponse([PAGE[:20], PAGE[20:]])


def data(request):
    return JsonResponse({"a": 1})


views = (page, tagged, missing, forbidden, boom, stream, data)
urlpatterns = [path(view.__name__, view) for view in views]
"""
PRELUDE = """
import json
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "given"


def client(**given):
    from django.test import Client

    return Client(raise_request_exception=False, HTTP_ACCEPT="text/html,*/*", **given)


def names():
    import threading

    return sorted(thread.name for thread in threading.enumerate())


def tell(value):
    print("told:" + json.dumps(value))


def hears(act):
    # What an open page hears meanwhile: of errors their messages and places.
    import re

    from websockets.sync.client import connect

    import hotchannel

    script = client(HTTP_HOST="testserver").get("/@vite/client").content.decode()
    port = re.search(r"wsPort = (\\d+)", script)[1]
    token = re.search(r'wsToken = "([^"]+)"', script)[1]
    heard = []
    with connect(f"ws://127.0.0.1:{port}/?token={token}", subprotocols=["vite-hmr"]) as socket:
        act()
        hotchannel.get_channel().send("done", None)
        while (message := json.loads(socket.recv(10))).get("event") != "done":
            if message["type"] == "error":
                error = message["err"]
                heard.append([error["message"], os.path.basename(error["id"]), error["loc"]["line"]])
    return heard


django.setup()
"""


def start(
    project: Path, settings: dict[str, Any], *command: str, variable: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with this command line in `project`, with these settings beside the usual ones."""
    given = {**SETTINGS, "BASE_DIR": str(project), **settings}
    (project / "given.py").write_text("".join(f"{name} = {value!r}\n" for name, value in given.items()))
    environ = {name: value for name, value in os.environ.items() if name != "HOTCHANNEL"}
    environ |= {"XDG_RUNTIME_DIR": str(project / "run"), "PYTHONPATH": str(project)}
    if variable is not None:
        environ["HOTCHANNEL"] = variable
    return subprocess.run(
        [sys.executable, *command], cwd=project, env=environ, capture_output=True, text=True, timeout=60
    )
