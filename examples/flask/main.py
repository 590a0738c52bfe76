"""A recipe: Flask, its templates and static files, all of it hot while Flask is in debug mode.

Start it in the repository's folder:

    flask --app examples/flask/main run --debug
"""

from __future__ import annotations

from typing import NamedTuple

from flask import Flask, render_template

from hotchannel.integrations.flask import HotChannel


class Ingredient(NamedTuple):
    name: str
    amount: float
    unit: str = ""


SERVES = 4
INGREDIENTS = [
    Ingredient("flour", 250, "g"),
    Ingredient("milk", 400, "ml"),
    Ingredient("eggs", 2),
    Ingredient("sugar", 1.5, "tbsp"),
    Ingredient("baking powder", 2, "tsp"),
    # Change an amount, or add blueberries: the server restarts, and the page follows.
]
STEPS = [
    "Whisk the flour, sugar and baking powder with the milk until it is smooth.",
    "Beat in the eggs, then let the batter rest for ten minutes.",
    "Fry in a little butter, and turn each one when bubbles open on its top.",
]

app = Flask(__name__)
HotChannel(app)


@app.get("/")
def index() -> str:
    # raise RuntimeError("The milk boils over")  # take away the first #, and this stands in the page
    return render_template("index.html", serves=SERVES, ingredients=INGREDIENTS, steps=STEPS)
