"""Modules that import one another in a circle."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, edit

__all__ = ["SCENARIOS"]

A = 'import { b } from "./b.js";\nexport const name = "a1";\nexport const a = () => `${name} ${b()}`;\n'
B = (
    'import { name } from "./a.js";\nexport const word = "b1";\n'
    "export const b = () => `${word} of ${name}`;\n"
)
MAIN = 'import { a } from "./a.js";\nshow(a());\nnote("main runs");\n'
RUNS = ("main runs",)
FIRST = "a1 b1 of a1"

SCENARIOS: dict[str, Scenario] = {
    "nobody": Scenario(
        "A circle that nobody accepts reloads the page.",
        {"src/main.js": MAIN, "src/a.js": A, "src/b.js": B},
        FIRST,
        Step(edit("src/b.js", "b1", "b2"), "full-reload", "a1 b2 of a1", RUNS, reloads=True),
        notes=RUNS,
    ),
    "above": Scenario(
        "A boundary above the circle runs anew, and the circle with it.",
        {"src/main.js": MAIN + ACCEPT, "src/a.js": A, "src/b.js": B},
        FIRST,
        (
            Step(edit("src/b.js", "b1", "b2"), "update /src/main.js", "a1 b2 of a1", RUNS),
            Step(edit("src/a.js", "a1", "a2"), "update /src/main.js", "a2 b2 of a2", RUNS),
        ),
        notes=RUNS,
    ),
    "acceptor-above": Scenario(
        "A boundary above the circle is handed the way in.",
        {
            "src/main.js": MAIN + 'import.meta.hot.accept("./a.js", (fresh) => show(fresh.a()));\n',
            "src/a.js": A,
            "src/b.js": B,
        },
        FIRST,
        Step(edit("src/b.js", "b1", "b2"), "update /src/main.js < /src/a.js", "a1 b2 of a1"),
        notes=RUNS,
    ),
    "self-inside": Scenario(
        "A member of a circle that accepts itself runs anew, and the message says that it is in one.",
        {
            "src/main.js": MAIN,
            "src/a.js": A,
            "src/b.js": B + "note(word);\n" + ACCEPT,
        },
        FIRST,
        Step(edit("src/b.js", "b1", "b2"), "update /src/b.js (circular)", notes="b2"),
        notes=("b1", *RUNS),
    ),
    "self-inside-again": Scenario(
        "A member that accepts itself has its newest self in what it imports.",
        {
            "src/main.js": 'import "./b.js";\n',
            "src/a.js": A,
            "src/b.js": 'import { a } from "./a.js";\nexport const word = "b1";\n'
            "export const b = () => word;\nshow(a());\n" + ACCEPT,
        },
        "a1 b1",
        Step(edit("src/b.js", "b1", "b2"), "update /src/b.js (circular)", "a1 b2"),
    ),
    "self-inside-three": Scenario(
        "In a circle of three every member on the way runs again.",
        {
            "src/main.js": 'import "./a.js";\n',
            "src/a.js": 'import { b } from "./b.js";\nexport const a = "a1";\nshow(b());\n' + ACCEPT,
            "src/b.js": 'import { c } from "./c.js";\nexport const b = () => `b1 ${c()}`;\nnote("b runs");\n',
            "src/c.js": 'import { a } from "./a.js";\nexport const c = () => `c1 ${a}`;\nnote("c runs");\n',
        },
        "b1 c1 a1",
        Step(
            edit("src/a.js", "a1", "a2"),
            "update /src/a.js (circular)",
            "b1 c1 a2",
            notes=("c runs", "b runs"),
        ),
        notes=("c runs", "b runs"),
    ),
    "self-inside-other-edited": Scenario(
        "An edit of another member is taken in by the one that accepts itself.",
        {
            "src/main.js": 'import { b } from "./b.js";\nshow(b());\n',
            "src/a.js": A,
            "src/b.js": B + "note(`b sees ${name}`);\n" + ACCEPT,
        },
        "b1 of a1",
        Step(edit("src/a.js", "a1", "a2"), "update /src/b.js (circular)", notes="b sees a2"),
        notes=("b sees a1",),
    ),
    "self-inside-two-ways": Scenario(
        "A member that accepts itself does not stop an update that has another way out of the circle.",
        {"src/main.js": MAIN, "src/a.js": A, "src/b.js": B + ACCEPT},
        FIRST,
        Step(edit("src/a.js", "a1", "a2"), "full-reload", "a2 b1 of a2", RUNS, reloads=True),
        notes=RUNS,
    ),
    "acceptor-inside": Scenario(
        "A member that accepts the next one is handed it.",
        {
            "src/main.js": MAIN,
            "src/a.js": A + 'import.meta.hot.accept("./b.js", (fresh) => note(fresh.b()));\n',
            "src/b.js": B,
        },
        FIRST,
        Step(edit("src/b.js", "b1", "b2"), "update /src/a.js < /src/b.js (circular)", notes="b2 of a1"),
        notes=RUNS,
    ),
    "order-breaks": Scenario(
        "Where the new versions cannot run in the order that the update begins, the page reloads.",
        {
            "src/main.js": 'import "./b.js";\n',
            "src/a.js": 'import { b } from "./b.js";\nexport const a = "a1";\nif (window.again) b();\n'
            "window.again = true;\n",
            "src/b.js": 'import { a } from "./a.js";\nexport const b = () => a;\nshow(a);\n' + ACCEPT,
        },
        "a1",
        Step(edit("src/a.js", "a1", "a2"), "update /src/b.js (circular)", "a2", reloads=True),
    ),
    "itself": Scenario(
        "A module that imports itself is in no circle.",
        {
            "src/main.js": 'import * as self from "./main.js";\n'
            + VALUE
            + "show(self.value ?? value);\n"
            + ACCEPT
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2"),
    ),
    "itself-nobody": Scenario(
        "A module that imports itself and accepts nothing reloads the page.",
        {"src/main.js": 'import * as self from "./main.js";\n' + VALUE + "show(value);\n"},
        "v1",
        Step(
            edit("src/main.js"),
            "full-reload",
            "v2",
            reloads=True,
            stock=Stock(brings=(), shows="v1", reloads=False),
        ),
        why="No save is passed over; stock leaves the page as it was.",
    ),
    "three": Scenario(
        "A circle of three is left by the member that has a boundary above it.",
        {
            "src/main.js": 'import { text } from "./one.js";\nshow(text());\n' + ACCEPT,
            "src/one.js": 'import { two } from "./two.js";\nexport const text = () => two();\n',
            "src/two.js": 'import { three } from "./three.js";\nexport const two = () => three();\n',
            "src/three.js": 'import "./one.js";\nexport const three = () => "v1";\n',
        },
        "v1",
        Step(edit("src/three.js"), "update /src/main.js", "v2"),
    ),
    "dynamic": Scenario(
        "A circle that a dynamic import closes is one too.",
        {
            "src/main.js": 'import { value } from "./dep.js";\nshow(value);\n' + ACCEPT,
            "src/dep.js": VALUE + 'export const back = () => import("./main.js");\n',
        },
        "v1",
        Step(edit("src/dep.js"), "update /src/main.js (circular)", "v2"),
    ),
}
