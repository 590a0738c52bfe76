"""Water that NumPy computes, 30 pictures a second in the browser, and drops that fall where the page says.

Start it in the repository's folder:

    uvicorn --app-dir examples/live-image main:app --reload --reload-dir examples/live-image
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
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
WIDTH, HEIGHT = 320, 180
FRAMES = 30  # a second
MOST_RAIN = 40  # drops a second
DEEP, CALM, FOAM = (8, 28, 66), (20, 116, 160), (226, 252, 250)  # Change CALM: the water has it at once.

hot = hotchannel.get_channel()
templates = Jinja2Templates(directory=HERE / "templates")
rows, columns = np.ogrid[:HEIGHT, :WIDTH]
shades = np.array([DEEP, CALM, FOAM]).T
palette = np.stack([*(np.interp(range(256), (0, 128, 255), shade) for shade in shades), np.full(256, 255)], 1)
palette = palette.astype(np.uint8)
water = before = np.zeros((HEIGHT, WIDTH), np.float32)
rain = 6.0  # drops a second


def drop(x: float, y: float) -> None:
    """Let a drop fall; `x` and `y` from 0 to 1."""
    global water
    distance = (columns - x * WIDTH) ** 2 + (rows - y * HEIGHT) ** 2
    water = water - 9 * np.exp(-distance / 14, dtype=np.float32)


def flow() -> None:
    """Each point goes where its neighbours pull it, and loses a little on the way."""
    global water, before
    pulled = sum(np.roll(water, step, axis) for step in (-1, 1) for axis in (0, 1)) / 2 - before
    before, water = water, 0.96 * pulled


def picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The water in the light from above left: red, green, blue and opacity of every point."""
    light = np.roll(water, 1, 1) + np.roll(water, 1, 0) - np.roll(water, -1, 1) - np.roll(water, -1, 0)
    return palette[np.clip(128.5 + 40 * light, 0, 255).astype(np.uint8)]


async def paint() -> None:
    """Send a picture whenever it is time, if anybody looks."""
    now = asyncio.get_running_loop().time
    due = now()
    while True:
        if random.random() < rain / FRAMES:
            drop(random.random(), random.random())
        flow()
        flow()
        if hot.clients:
            hot.send("image:frame", picture(), {"size": [WIDTH, HEIGHT], "rain": rain})
        due = max(due + 1 / FRAMES, now())
        await asyncio.sleep(due - now())


@hot.on("image:rain")
def set_rain(data: dict[str, Any], client: Any) -> None:
    """Somebody has moved the slider: with the next picture all other pages move theirs."""
    global rain
    rain = min(max(float(data["rain"]), 0), MOST_RAIN)


@hot.on("image:drop")
def touched(data: dict[str, Any], client: Any) -> None:
    """Somebody has touched the water."""
    drop(float(data["x"]), float(data["y"]))


async def index(request: Request) -> Response:
    # raise ValueError("The water is gone")  # take away the first #, and this stands in the page
    return templates.TemplateResponse(request, "index.html", {"most": MOST_RAIN, "size": (WIDTH, HEIGHT)})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    painting = asyncio.create_task(paint())
    yield
    painting.cancel()


app = Starlette(
    routes=[Route("/", index), Mount("/static", StaticFiles(directory=HERE / "static"), name="static")],
    middleware=[Middleware(HotChannelMiddleware, enabled=True)],
    lifespan=lifespan,
)
