"""Exceptions of a project: which of them show in the pages, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integrations.in_django.project import URLS

if TYPE_CHECKING:
    from pathlib import Path

    from integrations.in_django.project import Run


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
