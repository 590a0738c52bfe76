"""The Django application: what begins with Django itself, while hotchannel is on."""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import register
from django.core.signals import got_request_exception

from hotchannel.integrations.background import call_from_anywhere
from hotchannel.integrations.django.checks import check_settings
from hotchannel.integrations.django.exchange import answer, visit_of
from hotchannel.integrations.django.middleware import ERROR
from hotchannel.integrations.django.runtime import runtime
from hotchannel.integrations.tracebacks import error_detail

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

__all__ = ["HotChannelConfig"]


class HotChannelConfig(AppConfig):
    """`hotchannel.integrations.django` in `INSTALLED_APPS`."""

    name = "hotchannel.integrations.django"
    label = "hotchannel"
    verbose_name = "hotchannel"

    def ready(self) -> None:
        """Register checks, and begin to hear of exceptions and static files."""
        register(check_settings)
        if runtime.is_on():
            got_request_exception.connect(_raised)
            _wrap_static_files_handler()


def _raised(sender: object, request: HttpRequest | None = None, **extra: object) -> None:
    """A request has raised, and a 500 comes of it."""
    error = sys.exception()
    # What fails only behind that, as Django's own page may, is not what is to be mended.
    if request is not None and error is not None and not hasattr(request, ERROR):
        setattr(request, ERROR, error_detail(error, runtime.settings.project))


def _wrap_static_files_handler() -> None:
    """Answer for modules ahead of `runserver`, which answers `STATIC_URL` ahead of every middleware."""
    from django.contrib.staticfiles.handlers import StaticFilesHandlerMixin

    handler: Any = StaticFilesHandlerMixin
    if getattr(handler.get_response, "is_wrapped", False):
        return
    get_response: Callable[..., Any] = handler.get_response
    get_response_async: Callable[..., Any] = handler.get_response_async

    @wraps(get_response)
    def respond(self: Any, request: HttpRequest) -> Any:
        visit = visit_of(request)
        made = runtime.call(visit.server, lambda host: answer(host, request, visit))
        return get_response(self, request) if made is None else made

    @wraps(get_response_async)
    async def respond_async(self: Any, request: HttpRequest) -> Any:
        visit = visit_of(request)
        hot = await runtime.ahot(visit.server)
        made = await call_from_anywhere(hot, answer(hot, request, visit))
        return await get_response_async(self, request) if made is None else made

    respond.is_wrapped = True  # type: ignore[attr-defined]
    handler.get_response = respond
    handler.get_response_async = respond_async
