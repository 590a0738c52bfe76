"""A reading list: FastAPI, Jinja templates and static files, all of it hot.

Start it in the repository's folder:

    HOTCHANNEL=1 uvicorn --app-dir examples/fastapi main:app --reload --reload-dir examples/fastapi
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from hotchannel.integrations.asgi import HotChannelMiddleware

HERE = Path(__file__).parent


class Book(NamedTuple):
    title: str
    author: str
    year: int
    pages: int


BOOKS = [
    Book("Middlemarch", "George Eliot", 1871, 838),
    Book("Kindred", "Octavia E. Butler", 1979, 288),
    Book("The Name of the Rose", "Umberto Eco", 1980, 512),
    Book("A Wizard of Earthsea", "Ursula K. Le Guin", 1968, 205),
    Book("Things Fall Apart", "Chinua Achebe", 1958, 209),
    # Add one of yours: the server restarts, and the page has it, with your choice kept.
]

app = FastAPI()
app.add_middleware(HotChannelMiddleware)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
templates = Jinja2Templates(directory=HERE / "templates")


@app.get("/", response_class=HTMLResponse)
def index(request: Request) -> HTMLResponse:
    # raise LookupError("The shelf is empty")  # take away the first #, and this stands in the page
    return templates.TemplateResponse(request, "index.html", {"books": BOOKS})
