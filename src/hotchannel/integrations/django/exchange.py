"""Django's requests and responses, as hotchannel sees them.

Role: translates, for the middleware and for the handler of static files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from django.http import HttpResponse

from hotchannel.devserver.http import PASS, Request, Response
from hotchannel.integrations.exchange import FETCHED, Headers, Visit, changed_page, is_page
from hotchannel.modules.urls import request_target
from hotchannel.websocket.handshake import HandshakeRequest

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from hotchannel.integrations.worker import Hot

__all__ = ["answer", "change", "may_change", "visit_of"]


def visit_of(request: HttpRequest) -> Visit:
    """Return what a request asks for."""
    meta = request.META
    return Visit(
        method=request.method or "GET",
        path=request.path,
        query=meta.get("QUERY_STRING", ""),
        scheme=request.scheme or "http",
        host=meta.get("HTTP_HOST", ""),
        accept=meta.get("HTTP_ACCEPT", ""),
        is_fetched=FETCHED in request.headers,
        server=f"{meta.get('SERVER_NAME', '')}:{meta.get('SERVER_PORT', '')}",
        prefix=meta.get("SCRIPT_NAME", "").rstrip("/"),
    )


async def answer(host: Hot, request: HttpRequest, visit: Visit) -> HttpResponse | None:
    """Answer a request for what is ours; None where Django has to."""
    fields = {name.lower(): str(value) for name, value in request.headers.items()}
    target = request_target(visit.path, visit.query)
    head = HandshakeRequest(visit.method, target, tuple(fields.items()))
    address = str(request.META.get("REMOTE_ADDR", ""))
    made = await host.respond(head, Request(visit.method, target, fields), address)
    return None if made is PASS else _translated(made)


def may_change(response: HttpResponseBase, visit: Visit) -> TypeGuard[HttpResponse]:
    """Tell whether a response is a page that may get the client."""
    return isinstance(response, HttpResponse) and is_page(
        visit.method, response.status_code, _fields(response)
    )


async def change(host: Hot, visit: Visit, response: HttpResponse) -> None:
    """Put the client into a page."""
    changed = await changed_page(host, visit, response.status_code, _fields(response), response.content)
    if changed is None:
        return
    headers, body = changed
    kept = {name for name, _ in headers}
    for name in list(response.headers):
        if name.lower() not in kept:
            del response.headers[name]
    response.content = body
    response.headers[FETCHED] = dict(headers)[FETCHED]
    if "content-length" in response.headers:
        response.headers["Content-Length"] = str(len(body))


def _fields(response: HttpResponseBase) -> Headers:
    return [(name.lower(), value) for name, value in response.headers.items()]


def _translated(made: Response) -> HttpResponse:
    assert isinstance(made.body, bytes), "only what is compiled is answered here"
    response = HttpResponse(made.body, status=made.status)
    del response.headers["Content-Type"]
    for name, value in made.headers.items():
        response.headers[name] = value
    return response
