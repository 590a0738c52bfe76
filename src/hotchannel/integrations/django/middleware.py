"""Django's middleware: pages get the client, modules are answered, exceptions go to the pages.

Role: one step in the chain, sync or async as its neighbours are. Where hotchannel is off, Django leaves it
out of the chain.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import BadRequest, MiddlewareNotUsed, PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.http.multipartparser import MultiPartParserError

from hotchannel.errors import OptionError
from hotchannel.integrations.background import call_from_anywhere
from hotchannel.integrations.django.exchange import answer, change, may_change, visit_of
from hotchannel.integrations.django.runtime import runtime
from hotchannel.integrations.tracebacks import error_detail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from hotchannel.integrations.exchange import Visit
    from hotchannel.wire.payloads import ErrorDetail

__all__ = ["ERROR", "HotChannelMiddleware"]

ERROR = "hotchannel_error"
"""Attribute of a request: the detail of what it has raised first."""

_log = logging.getLogger("hotchannel.server")

_ANSWERS = (Http404, PermissionDenied, MultiPartParserError, BadRequest, SuspiciousOperation)
"""The exceptions that Django makes answers of other than 500."""


class HotChannelMiddleware:
    """Makes a Django project hot; its place is inside of what compresses, and outside of all else.

    Raises:
        MiddlewareNotUsed: hotchannel is off.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        try:
            is_on = runtime.is_wanted()
        except OptionError as error:
            # Servers other than `runserver` run no checks.
            _log.error("hotchannel is off: %s", error)
            is_on = False
        if not is_on:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request."""
        if self._is_async:
            return self._acall(request)
        visit = visit_of(request)
        if runtime.hot(visit.server).concerns(visit.path, visit.accept):
            made = runtime.call(visit.server, lambda host: answer(host, request, visit))
            if made is not None:
                return made
        if visit.navigates:
            # A save that comes while the page is made is not in it for sure.
            visit = replace(visit, position=runtime.call(visit.server, lambda host: host.position()))
        try:
            response: HttpResponseBase = self.get_response(request)
        except Exception as error:
            _passes(request, visit, error)
            raise
        response = _finished(request, visit, response)
        if may_change(response, visit):
            runtime.call(visit.server, lambda host: change(host, visit, response))
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        visit = visit_of(request)
        hot = await runtime.ahot(visit.server)
        if hot.concerns(visit.path, visit.accept):
            made = await call_from_anywhere(hot, answer(hot, request, visit))
            if made is not None:
                return made
        if visit.navigates:
            visit = replace(visit, position=await call_from_anywhere(hot, hot.position()))
        try:
            response: HttpResponseBase = await self.get_response(request)
        except Exception as error:
            _passes(request, visit, error)
            raise
        response = _finished(request, visit, response)
        if may_change(response, visit):
            hot = await runtime.ahot(visit.server)
            await call_from_anywhere(hot, change(hot, visit, response))
        return response


def _passes(request: HttpRequest, visit: Visit, error: Exception) -> None:
    """Tell the pages of an exception that no answer was made of yet, as where the URLconf is broken."""
    if not isinstance(error, _ANSWERS):
        detail: ErrorDetail | None = getattr(request, ERROR, None)
        runtime.failed(visit, detail or error_detail(error, runtime.settings.project))


def _finished(request: HttpRequest, visit: Visit, response: HttpResponseBase) -> HttpResponseBase:
    """Tell the pages what became of a request, and return the answer to it."""
    response = _found(request, visit, response)
    detail: ErrorDetail | None = getattr(request, ERROR, None)
    if detail is not None:
        runtime.failed(visit, detail)
    elif response.status_code < 500:
        runtime.succeeded(visit)
    return response


def _found(request: HttpRequest, visit: Visit, response: HttpResponseBase) -> HttpResponseBase:
    """Serve a static file that nobody else does, as under ASGI, where there is no `runserver`."""
    url = settings.STATIC_URL
    if response.status_code != 404 or visit.method not in ("GET", "HEAD") or not url:
        return response
    if not visit.path.startswith(url) or "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return response
    from django.contrib.staticfiles.views import serve

    try:
        return serve(request, visit.path[len(url) :], insecure=True)
    except Http404:
        return response
