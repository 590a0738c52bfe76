"""Django's parts, each case in a Django of its own: its settings are those of a process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]
    Check = Callable[..., str]

MIDDLEWARE = "hotchannel.integrations.django.HotChannelMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"

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
ASGI = """
import asyncio

from django.core.asgi import get_asgi_application
from hotchannel.integrations.django import HotChannelASGI

app = HotChannelASGI(get_asgi_application())


async def get(path):
    sent, asked = [], [{"type": "http.request", "body": b""}]

    async def receive():
        if asked:
            return asked.pop()
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"testserver"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers.get("content-type"), body.decode()


async def main(paths):
    asked, sent = asyncio.Queue(), asyncio.Queue()
    lifespan = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, asked.get, sent.put))
    await asked.put({"type": "lifespan.startup"})
    await sent.get()
    made = [await get(path) for path in paths]
    await asked.put({"type": "lifespan.shutdown"})
    await lifespan
    return made
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an application `shop`, which has templates and static files, and a folder `assets`."""
    (tmp_path / "run").mkdir(mode=0o700)
    files = {
        "urls.py": URLS,
        "shop/__init__.py": "",
        "shop/templates/tagged.html": (
            "{% load hotchannel %}<!doctype html><html><head>{% hotchannel %}<title>T</title></head></html>"
        ),
        "shop/static/shop/main.js": "import './dep.js';\nimport.meta.hot?.accept();\n",
        "shop/static/shop/dep.js": "export const a = 1;\n",
        "assets/main.js": "import './dep.js';\nimport.meta.hot?.accept();\n",
        "assets/dep.js": "export const a = 1;\n",
        "assets/plain.txt": "plain\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def _start(
    project: Path, settings: dict[str, Any], *command: str, variable: str | None = None
) -> subprocess.CompletedProcess[str]:
    given = {**SETTINGS, "BASE_DIR": str(project), **settings}
    (project / "given.py").write_text("".join(f"{name} = {value!r}\n" for name, value in given.items()))
    environ = {name: value for name, value in os.environ.items() if name != "HOTCHANNEL"}
    environ |= {"XDG_RUNTIME_DIR": str(project / "run"), "PYTHONPATH": str(project)}
    if variable is not None:
        environ["HOTCHANNEL"] = variable
    return subprocess.run(
        [sys.executable, *command], cwd=project, env=environ, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def run(project: Path) -> Run:
    """Run code behind `PRELUDE`, with these settings beside the usual ones, and return what it tells."""

    def start(code: str, **settings: Any) -> Any:
        done = _start(project, settings, "-c", PRELUDE + code)
        told = [line for line in done.stdout.splitlines() if line.startswith("told:")]
        assert done.returncode == 0, done.stderr
        assert told, f"{done.stdout}\n{done.stderr}"
        return json.loads(told[-1].removeprefix("told:"))

    return start


@pytest.fixture
def check(project: Path) -> Check:
    """Return what `manage.py check` says."""

    def start(variable: str | None = None, **settings: Any) -> str:
        command = ("-m", "django", "check", "--settings", "given")
        done = _start(project, settings, *command, variable=variable)
        return done.stdout + done.stderr

    return start


def test_nothing_is_said_of_settings_that_are_right(check: Check) -> None:
    assert "no issues" in check(MIDDLEWARE=[GZIP, MIDDLEWARE, COMMON])


@pytest.mark.parametrize(
    ("middleware", "id", "hint"),
    [
        ([COMMON], "W001", f'Add "{MIDDLEWARE}" to MIDDLEWARE.'),
        ([MIDDLEWARE, GZIP], "W002", f'Put "{MIDDLEWARE}" behind "{GZIP}" in MIDDLEWARE.'),
        ([WHITENOISE, MIDDLEWARE], "W003", f'Put "{MIDDLEWARE}" ahead of "{WHITENOISE}" in MIDDLEWARE.'),
    ],
)
def test_the_middleware_s_place_is_checked(check: Check, middleware: list[str], id: str, hint: str) -> None:
    said = check(MIDDLEWARE=middleware)
    assert said.count("hotchannel.") >= 1
    assert f"(hotchannel.{id})" in said
    assert hint in said
    assert "identified 1 issue" in said
    assert "no issues" in check(MIDDLEWARE=middleware, DEBUG=False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"morf": False}, "did you mean morph?"),
        ({"morph": "no"}, "True or False"),
        ({"ws": {"prot": 1}}, "port"),
        ({"static": {"/static": "nowhere"}}, "nowhere"),
        ({"enabled": "no"}, "True, False or None"),
    ],
)
def test_a_wrong_setting_is_an_error_with_a_hint(check: Check, given: dict[str, Any], sentence: str) -> None:
    said = check(HOTCHANNEL=given)
    assert "(hotchannel.E001)" in said
    assert sentence in said
    assert "HINT: See HOTCHANNEL in the settings." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("given", [True, False, "on", ["morph"], {1: True}], ids=repr)
def test_settings_that_are_no_dict_of_options_are_an_error_with_a_hint(check: Check, given: object) -> None:
    said = check(HOTCHANNEL=given)
    assert f"(hotchannel.E001) settings.HOTCHANNEL = {given!r}" in said
    assert 'HINT: In the settings, write HOTCHANNEL = {"enabled": True}, or {"enabled": False}.' in said
    assert "Traceback" not in said


def test_a_wrong_environment_variable_is_an_error_with_a_hint(check: Check) -> None:
    said = check(variable="maybe")
    assert "(hotchannel.E001) HOTCHANNEL = 'maybe'" in said
    assert "HINT: Set the environment variable HOTCHANNEL to 1 or 0, or remove it." in said
    assert "Traceback" not in said


def test_runserver_says_what_is_wrong_and_does_not_begin(project: Path) -> None:
    command = ("-m", "django", "runserver", "0", "--noreload", "--settings", "given")
    done = _start(project, {"HOTCHANNEL": True}, *command)
    assert done.returncode == 1
    assert "(hotchannel.E001)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_checks_nothing_says_what_is_wrong_and_goes_on(project: Path) -> None:
    code = f"{PRELUDE}\ntell(client().get('/page').content.decode())"
    done = _start(project, {}, "-c", code, variable="maybe")
    assert "told:" in done.stdout
    assert "/@vite/client" not in done.stdout
    assert done.stderr == "hotchannel is off: HOTCHANNEL = 'maybe': expected 1 or 0\n"


TAGGED = """
made = client()
tell([made.get(f"/tagged{query}").content.decode() for query in ("", "?nonce=abc", "?nonce=%22%3E")])
"""


def test_the_tag_stands_for_the_script(run: Run) -> None:
    plain, with_nonce, with_markup = run(TAGGED, MIDDLEWARE=[COMMON])
    page = "<!doctype html><html><head>{}<title>T</title></head></html>"
    assert plain == page.format('<script type="module" src="/@vite/client"></script>')
    assert with_nonce == page.format('<script type="module" src="/@vite/client" nonce="abc"></script>')
    assert 'nonce="&quot;&gt;"' in with_markup
    off = run(TAGGED, MIDDLEWARE=[COMMON], HOTCHANNEL={"enabled": False})
    assert off == [page.format("")] * 3


def test_a_page_with_the_tag_gets_no_other_script(run: Run) -> None:
    plain, with_nonce, _ = run(TAGGED)
    assert plain.count("<script") == with_nonce.count("<script") == 1
    assert '<script type="module" src="/@vite/client"></script>' in plain
    assert 'nonce="abc"' in with_nonce


def test_a_page_gets_the_client(run: Run) -> None:
    code = """
made = client()
tell([made.get(path).getvalue().decode() for path in ("/page", "/stream", "/data", "/static/shop/main.js")])
"""
    page, stream, data, module = run(code)
    assert page.count("/@vite/client") == 1
    assert "/@vite/client" not in stream
    assert data == '{"a": 1}'
    assert "import.meta.hot" in module
    assert "/@vite/client" in module


PATHS = ("/page", "/missing", "/forbidden", "/boom", "/stream", "/data", "/static/shop/main.js")
ANSWERS = f"""
made = client()
tell([[answer.status_code, sorted(answer.items()), answer.getvalue().decode()]
      for answer in map(made.get, {PATHS})] + [names()])
"""
CHAIN = """
from django.core.handlers.base import BaseHandler
from hotchannel.integrations.django import HotChannelMiddleware

handler = BaseHandler()
handler.load_middleware()
step, steps = handler._middleware_chain, []
while step is not None:
    step = getattr(step, "__wrapped__", step)
    steps.append(type(step).__name__)
    step = getattr(step, "get_response", None)
tell([steps, names()])
"""


@pytest.mark.parametrize(
    "given",
    [
        {"DEBUG": False},
        {"HOTCHANNEL": {"enabled": False}},
        {"HOTCHANNEL": True},
        {"HOTCHANNEL": {"morf": False}},
    ],
    ids=repr,
)
def test_nothing_of_it_is_there_where_it_is_off(run: Run, given: dict[str, Any]) -> None:
    bare_apps = SETTINGS["INSTALLED_APPS"][:-1]
    *off, threads = run(ANSWERS, **given)
    *bare, bare_threads = run(ANSWERS, **given, MIDDLEWARE=[COMMON], INSTALLED_APPS=bare_apps)
    assert [answer[0] for answer in off] == [200, 404, 403, 500, 200, 200, 404]
    if "DEBUG" not in given:
        # Django's own page for an exception tells of the settings, and of each object's address.
        del off[3], bare[3]
    assert off == bare
    assert threads == bare_threads == ["MainThread"]
    *on, on_threads = run(ANSWERS)
    assert on[0] != off[0]
    assert len(on_threads) > 1


def test_the_chain_is_without_it_where_it_is_off(run: Run) -> None:
    steps, threads = run(CHAIN, DEBUG=False)
    assert "CommonMiddleware" in steps
    assert "HotChannelMiddleware" not in steps
    assert threads == ["MainThread"]
    steps, _ = run(CHAIN)
    assert steps[0] == "HotChannelMiddleware"


def test_static_files_of_applications_and_of_folders_with_a_prefix_are_modules(
    run: Run, project: Path
) -> None:
    paths = ["/static/shop/main.js", "/static/lib/main.js", "/static/lib/plain.txt", "/static/none.js"]
    code = f"{ASGI}\ntell(asyncio.run(main({paths})))"
    shop, lib, plain, none = run(code, STATICFILES_DIRS=[("lib", str(project / "assets"))])
    for status, kind, body in (shop, lib):
        assert status == 200
        assert kind.startswith("text/javascript")
        assert "import.meta.hot" in body
        assert "/@vite/client" in body
    assert '"/static/shop/main.js"' in shop[2]
    assert '"/static/lib/main.js"' in lib[2]
    assert [plain[0], plain[2]] == [200, "plain\n"]
    assert none[0] == 404


def test_a_page_under_asgi_gets_the_client_and_the_server_s_own_port(run: Run) -> None:
    code = f'{ASGI}\ntell([*asyncio.run(main(["/page", "/@vite/client"])), names()])'
    page, module, threads = run(code)
    assert page[2].count("/@vite/client") == 1
    assert module[0] == 200
    assert "wsPort = null" in module[2]
    assert "hotchannel" not in threads


def test_without_it_the_channel_has_a_port_of_its_own(run: Run) -> None:
    code = ASGI.replace("HotChannelASGI(get_asgi_application())", "get_asgi_application()")
    page, module, threads = run(f"""{code}

async def both():
    return [await get("/page"), await get("/@vite/client")]

tell([*asyncio.run(both()), names()])
""")
    assert page[2].count("/@vite/client") == 1
    port = re.search(r"wsPort = (\d+)", module[2])
    assert port is not None
    assert int(port[1]) >= 24678
    assert "hotchannel" in threads


def test_exceptions_that_are_answers_are_no_errors(run: Run) -> None:
    code = """
import urls

made = client()
statuses = [made.get(path).status_code for path in ("/page", "/missing", "/forbidden", "/boom")]
tell([statuses, [hasattr(request, "hotchannel_error") for request in urls.seen]])
"""
    statuses, failed = run(code)
    assert statuses == [200, 404, 403, 500]
    assert failed == [False, False, False, True]


def test_an_error_is_where_the_project_raises_it(run: Run) -> None:
    code = """
import urls
from django.test import RequestFactory

client().get("/boom")
detail = urls.seen[0].hotchannel_error
tell([detail.message, detail.frame, detail.loc.file, detail.loc.line])
"""
    message, frame, file, line = run(code)
    assert "what was asked for" in message
    assert "raise ValueError" in frame
    assert file.endswith("urls.py")
    assert line == URLS.splitlines().index('    raise ValueError("what was asked for")') + 1


# Django tests with a client of each kind, and calls the middleware as the client is called.
CALLS = {
    "sync": """
def ask(path):
    return client().get(path)


def through(get_response, request):
    return HotChannelMiddleware(get_response)(request)
""",
    "async": """
import asyncio


def ask(path):
    from django.test import AsyncClient

    return asyncio.run(AsyncClient(raise_request_exception=False).get(path))


def through(get_response, request):
    async def respond(request):
        return get_response(request)

    async def call():
        return await HotChannelMiddleware(respond)(request)

    return asyncio.run(call())
""",
}
ESCAPES = """
def raised(path):
    try:
        return ask(path).status_code
    except Exception as error:
        return type(error).__name__


told = []
heard = hears(lambda: told.append(raised(PATH)))
tell([told, heard])
"""


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_urlconf_that_cannot_be_read_shows_in_the_pages(run: Run, project: Path, call: str) -> None:
    (project / "broken.py").write_text("urlpatterns = [\n]]\n")
    # Django's own page looks for the view, and so fails as well.
    told, heard = run(f"{call}\nPATH = '/page'{ESCAPES}", ROOT_URLCONF="broken")
    assert told == ["SyntaxError"]
    assert heard == [["SyntaxError: unmatched ']'", "broken.py", 2]]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_exception_that_django_does_not_answer_shows_in_the_pages(run: Run, call: str) -> None:
    line = URLS.splitlines().index('    raise ValueError("what was asked for")') + 1
    error = ["ValueError: what was asked for", "urls.py", line]
    told, heard = run(f"{call}\nPATH = '/boom'{ESCAPES}", DEBUG_PROPAGATE_EXCEPTIONS=True)
    assert told == ["ValueError"]
    assert heard == [error]
    told, heard = run(f"{call}\nPATH = '/boom'{ESCAPES}")
    assert told == [500]
    assert heard == [error]


def test_the_exception_that_came_first_is_shown(run: Run, project: Path) -> None:
    handler = "\n\ndef handler500(request):\n    raise KeyError\n"
    (project / "urls.py").write_text(URLS + handler)
    code = f"{CALLS['sync']}\nPATH = '/boom'{ESCAPES}"
    told, heard = run(code, DEBUG=False, HOTCHANNEL={"enabled": True})
    assert told == ["KeyError"]
    assert [message for message, *_ in heard] == ["ValueError: what was asked for"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_exceptions_that_become_other_answers_pass_unheard(run: Run, call: str) -> None:
    code = f"""
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory
from hotchannel.integrations.django import HotChannelMiddleware
{call}

def passes(kind):
    def get_response(request):
        raise kind("said")

    try:
        through(get_response, RequestFactory().get("/page"))
    except kind:
        passed.append(kind.__name__)


passed = []
answers = (Http404, PermissionDenied, SuspiciousOperation, BadRequest, MultiPartParserError)
heard = [hears(lambda kind=kind: passes(kind)) for kind in (*answers, OSError)]
tell([passed, [[message for message, *_ in each] for each in heard]])
"""
    passed, heard = run(code)
    assert passed[-1] == "OSError"
    assert len(passed) == 6
    assert heard == [[], [], [], [], [], ["OSError: said"]]
