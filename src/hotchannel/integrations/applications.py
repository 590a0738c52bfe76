"""What an ASGI application tells of itself: its debug switch, and where its static files are.

Role: reads what Starlette and FastAPI, and what is built like them, have as attributes. It imports none of
them; what an application does not tell, its user does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["find_application", "is_debug", "static_folders"]

_MAX_DEPTH = 50
"""Middleware around an application, or mounts in one another; one that is its own inside has no end."""


def find_application(app: Any, scope: Mapping[str, Any]) -> Any:
    """Return the application that a framework has made: from the scope, or below its middleware."""
    if "app" in scope:
        return scope["app"]
    for _ in range(_MAX_DEPTH):
        # A bound method of the application, as Quart's `asgi_app` is, is the application too.
        owner = getattr(app, "__self__", app)
        if hasattr(owner, "debug") or hasattr(owner, "routes"):
            return owner
        inner = getattr(owner, "app", None)
        if inner is None:
            return app
        app = inner
    return app


def is_debug(application: Any) -> bool:
    """Tell whether the framework's debug switch is on."""
    return getattr(application, "debug", False) is True


def static_folders(application: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield URL prefix and folder of every mount of `StaticFiles`, in the order of the routes."""
    for route in getattr(application, "routes", None) or ():
        path, inner = getattr(route, "path", None), getattr(route, "app", None)
        if not isinstance(path, str) or inner is None or "{" in path or depth > _MAX_DEPTH:
            continue
        for _ in range(_MAX_DEPTH):
            if hasattr(inner, "all_directories") or hasattr(inner, "routes") or not hasattr(inner, "app"):
                break
            inner = inner.app  # middleware of the mount
        if hasattr(inner, "all_directories"):
            yield from ((prefix + path, os.fspath(folder)) for folder in inner.all_directories)
        else:
            yield from static_folders(inner, prefix + path, depth + 1)
