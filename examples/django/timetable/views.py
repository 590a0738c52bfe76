"""The page, and what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.shortcuts import render

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class Departure(NamedTuple):
    time: str
    to: str
    by_way_of: str
    track: int
    minutes_late: int = 0


DEPARTURES = [
    Departure("06:52", "Lisbon", "Coimbra, Santarém", 4),
    Departure("07:15", "Vienna", "Linz, St. Pölten", 2, minutes_late=5),
    Departure("09:40", "Copenhagen", "Odense, Ringsted", 7),
    Departure("13:05", "Milan", "Brig, Domodossola", 1),
    Departure("17:28", "Edinburgh", "York, Newcastle", 3, minutes_late=20),
    Departure("21:10", "Stockholm", "Malmö, Linköping", 6),
    # Add a train, or let one be late: the server restarts, and the board follows.
]


def board(request: HttpRequest) -> HttpResponse:
    # raise RuntimeError("The signals are out")  # take away the first #, and this stands in the page
    return render(request, "board.html", {"departures": DEPARTURES})
