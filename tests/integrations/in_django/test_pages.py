"""Pages and modules of a project, and what is left of it where it is off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from integrations.in_django.project import COMMON, SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from integrations.in_django.project import Run

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
