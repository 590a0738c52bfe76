"""A line that Python draws in the browser: the channel carries its points, and the page's answers.

Start it in the repository's folder:

    uvicorn --app-dir examples/live-chart main:app --reload --reload-dir examples/live-chart
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

import hotchannel
from hotchannel.integrations.asgi import HotChannelMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

HERE = Path(__file__).parent
SLOWEST, FASTEST = 1, 40
VOLATILITY = 1.0  # Change it: the server restarts, and the line goes on from where it was.

hot = hotchannel.get_channel()
templates = Jinja2Templates(directory=HERE / "templates")
values: deque[float] = deque(maxlen=400)
speed = 12.0  # points a second


async def walk() -> None:
    """Draw the line, point by point."""
    while True:
        last = values[-1] if values else 0.0
        values.append(round(last * 0.99 + random.gauss(0, VOLATILITY), 3))
        hot.send("chart:point", {"value": values[-1]})
        await asyncio.sleep(1 / speed)


@hot.on("chart:join")
def join(data: dict[str, Any], client: Any) -> None:
    """A page is there: it gets the line; after a restart we have none yet, and go on with the page's."""
    global speed
    if len(data["values"]) > len(values):
        values.clear()
        values.extend(data["values"])
        speed = clamp(data["speed"])
    client.send("chart:line", {"values": list(values), "speed": speed})


@hot.on("chart:speed")
def set_speed(data: dict[str, Any], client: Any) -> None:
    """Somebody has moved the slider: all other pages move theirs."""
    global speed
    speed = clamp(data["speed"])
    hot.send("chart:speed", {"speed": speed})


def clamp(asked: Any) -> float:
    return min(max(float(asked), SLOWEST), FASTEST)


async def index(request: Request) -> Response:
    # raise ValueError("The line has no end")  # take away the first #, and this stands in the page
    return templates.TemplateResponse(request, "index.html", {"slowest": SLOWEST, "fastest": FASTEST})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    walking = asyncio.create_task(walk())
    yield
    walking.cancel()


app = Starlette(
    routes=[Route("/", index), Mount("/static", StaticFiles(directory=HERE / "static"), name="static")],
    middleware=[Middleware(HotChannelMiddleware, enabled=True)],
    lifespan=lifespan,
)
