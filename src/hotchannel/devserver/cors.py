"""Which pages of other origins may read what is served.

Role: pure. By default none, other ports of this machine included: a foreign page that reads the client
reads the token. `cors = ["http://localhost:8000"]` opens exactly those, for a back end whose pages load
their modules from here. Follows the Fetch standard, 3.2 (CORS) and 3.6 (Cross-Origin-Resource-Policy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.devserver.http import Response

if TYPE_CHECKING:
    from hotchannel.devserver.http import Request

__all__ = ["cross_origin_headers", "preflight"]

_EMBEDDED = ("image/", "font/", "audio/", "video/", "text/css")
"""What a page may load without asking (`no-cors`), where other origins are let in at all."""


def cross_origin_headers(cors: tuple[str, ...] | bool, origin: str, content_type: str) -> dict[str, str]:
    """Return the headers that let a page in, or keep it out.

    Args:
        cors: the origins that are let in; True for all.
        origin: the request's `Origin`; empty where it has none.
        content_type: of the response.
    """
    is_open = cors is True or bool(cors)
    is_embedded = is_open and content_type.startswith(_EMBEDDED)
    headers = {"cross-origin-resource-policy": "cross-origin" if is_embedded else "same-origin"}
    if is_open:
        # A cache must not hand one origin's answer to another.
        headers["vary"] = "Origin"
    if _lets_in(cors, origin):
        headers["access-control-allow-origin"] = origin
    return headers


def preflight(cors: tuple[str, ...] | bool, request: Request) -> Response | None:
    """Answer the question that a browser asks ahead of a request (Fetch 3.2.2); None where it asks none."""
    wanted = request.header("access-control-request-method")
    if request.method != "OPTIONS" or not wanted or not _lets_in(cors, request.header("origin")):
        return None
    headers = {"access-control-allow-methods": "GET, HEAD"}
    if names := request.header("access-control-request-headers"):
        headers["access-control-allow-headers"] = names
    return Response(204, headers)


def _lets_in(cors: tuple[str, ...] | bool, origin: str) -> bool:
    return bool(origin) and (cors is True or (cors is not False and origin in cors))
