"""One of several processes that share a channel: what is said in any of them, every page hears.

`make cluster` starts three of these behind nginx, and Redis between them.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import hotchannel
from hotchannel.integrations.asgi import HotChannelMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

HERE = Path(__file__).parent
NAME = os.environ.get("NAME", "alone")

hot = hotchannel.get_channel()


async def tick() -> None:
    """Say every few seconds that this process lives."""
    while True:
        hot.send(
            "cluster:said", {"by": NAME, "text": f"I am here, at {time.strftime('%H:%M:%S')}", "page": False}
        )
        await asyncio.sleep(3)


@hot.on("cluster:say")
def say(data: dict[str, Any], client: Any) -> None:
    """A page of this process has said something: all pages of all processes hear it."""
    hot.send("cluster:said", {"by": NAME, "text": str(data["text"])[:200], "page": True})


async def index(request: Request) -> HTMLResponse:
    return HTMLResponse((HERE / "index.html").read_text("utf-8").replace("{{ name }}", NAME))


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()


app = Starlette(
    routes=[Route("/", index), Mount("/static", StaticFiles(directory=HERE / "static"), name="static")],
    middleware=[
        Middleware(
            HotChannelMiddleware,
            enabled=True,
            watch=[HERE / "index.html"],
            backplane=os.environ.get("BACKPLANE"),
        )
    ],
    lifespan=lifespan,
)
