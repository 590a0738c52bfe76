"""Who takes an update in: modules that accept themselves, or what they import."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, edit, page, write

__all__ = ["SCENARIOS"]

SELF = 'show("v1");\n'
IMPORTS = 'import { value } from "./dep.js";\nshow(value);\nnote("main runs");\n'
ACCEPTS = 'import.meta.hot.accept("./dep.js", (fresh) => show(fresh.value));\n'
UPDATE = "update /src/main.js < /src/dep.js"
RUNS = ("main runs",)
TAKES_AS = (
    'import "./dep.js";\nimport.meta.hot.accept("./dep.js", (fresh) => {{\n'
    "  window.{0} = fresh;\n  show(`${{fresh.value}} ${{window.left === window.right}}`);\n}});\n"
)
LAZY = 'show("lazy v1");\n' + ACCEPT

SCENARIOS: dict[str, Scenario] = {
    "self": Scenario(
        "A module that accepts itself runs anew, save after save.",
        {"src/main.js": SELF + ACCEPT},
        "v1",
        (
            Step(edit("src/main.js"), "update /src/main.js", "v2"),
            Step(edit("src/main.js", "v2", "v3"), "update /src/main.js", "v3"),
        ),
    ),
    "self-callback": Scenario(
        "The callback of `accept(callback)` gets the new module; all that were given are called, in order.",
        {
            "src/main.js": VALUE + "show(value);\n"
            "import.meta.hot.accept((fresh) => note(`first ${fresh.value}`));\n"
            "import.meta.hot.accept((fresh) => note(`second ${fresh.value}`));\n"
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2", ("first v2", "second v2")),
    ),
    "nobody": Scenario(
        "Where nobody accepts, the page reloads.",
        {"src/main.js": IMPORTS, "src/dep.js": VALUE},
        "v1",
        Step(edit("src/dep.js"), "full-reload", "v2", RUNS, reloads=True),
        notes=RUNS,
    ),
    "dependency": Scenario(
        "An accepted dependency is handed to its importer, which does not run again.",
        {"src/main.js": IMPORTS + ACCEPTS, "src/dep.js": VALUE},
        "v1",
        (
            Step(edit("src/dep.js"), UPDATE, "v2"),
            Step(edit("src/dep.js", "v2", "v3"), UPDATE, "v3"),
        ),
        notes=RUNS,
    ),
    "own-edit-of-acceptor": Scenario(
        "A module that accepts a dependency does not accept itself.",
        {"src/main.js": IMPORTS + ACCEPTS, "src/dep.js": VALUE},
        "v1",
        Step(
            edit("src/main.js", "show(value);", "show(`new ${value}`);"), "full-reload", "new v1", RUNS, True
        ),
        notes=RUNS,
    ),
    "dependency-without-callback": Scenario(
        "A dependency can be accepted without a callback; it runs anew, its importer keeps what it had.",
        {
            "src/main.js": IMPORTS + 'import.meta.hot.accept("./dep.js");\n',
            "src/dep.js": VALUE + "note(`dep ${value}`);\n",
        },
        "v1",
        Step(edit("src/dep.js"), UPDATE, "v1", "dep v2"),
        notes=("dep v1", *RUNS),
    ),
    "dependencies": Scenario(
        "Of several accepted dependencies the callback gets the one that changed, undefined for the others.",
        {
            "src/main.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\nshow(a + b);\n'
            'import.meta.hot.accept(["./a.js", "./b.js"], ([a, b]) => show(`${a?.a} ${b?.b}`));\n',
            "src/a.js": 'export const a = "a1";\n',
            "src/b.js": 'export const b = "b1";\n',
        },
        "a1b1",
        (
            Step(edit("src/b.js", "b1", "b2"), "update /src/main.js < /src/b.js", "undefined b2"),
            Step(edit("src/a.js", "a1", "a2"), "update /src/main.js < /src/a.js", "a2 undefined"),
        ),
    ),
    "dependencies-apart": Scenario(
        "Of two callbacks for two dependencies only that of the changed one is called.",
        {
            "src/main.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\nshow(a + b);\n'
            'import.meta.hot.accept("./a.js", (fresh) => note(fresh.a));\n'
            'import.meta.hot.accept("./b.js", (fresh) => note(fresh.b));\n',
            "src/a.js": 'export const a = "a1";\n',
            "src/b.js": 'export const b = "b1";\n',
        },
        "a1b1",
        Step(edit("src/b.js", "b1", "b2"), "update /src/main.js < /src/b.js", notes="b2"),
    ),
    "rooted": Scenario(
        "A dependency is the same however it is spelled: relative in one place, from the root in the other.",
        {
            "src/main.js": IMPORTS + ACCEPTS.replace("./dep.js", "/src/../src/dep.js"),
            "src/dep.js": VALUE,
        },
        "v1",
        Step(edit("src/dep.js"), UPDATE, "v2"),
        notes=RUNS,
    ),
    "without-suffix": Scenario(
        "A dependency is the same with and without its suffix.",
        {
            "src/main.js": IMPORTS.replace("./dep.js", "./dep") + ACCEPTS,
            "src/dep.js": VALUE,
        },
        "v1",
        Step(edit("src/dep.js"), UPDATE, "v2"),
        notes=RUNS,
    ),
    "nested": Scenario(
        "An edit far below reaches the boundary; what lies on the way runs anew, what lies beside does not.",
        {
            "src/main.js": 'import "./beside.js";\nimport { a } from "./a.js";\nshow(a);\n' + ACCEPT,
            "src/a.js": 'export { b as a } from "./deep/b.js";\nnote("a runs");\n',
            "src/deep/b.js": 'import { value } from "../dep.js";\nexport const b = `b of ${value}`;\n',
            "src/dep.js": VALUE,
            "src/beside.js": 'note("beside runs");\n',
        },
        "b of v1",
        (
            Step(edit("src/dep.js"), "update /src/main.js", "b of v2", "a runs"),
            Step(edit("src/deep/b.js", "b of", "B of"), "update /src/main.js", "B of v2", "a runs"),
            Step(edit("src/dep.js", "v2", "v3"), "update /src/main.js", "B of v3", "a runs"),
        ),
        notes=("beside runs", "a runs"),
    ),
    "dependency-of-dependency": Scenario(
        "An edit below an accepted dependency hands that dependency to its importer.",
        {
            "src/main.js": IMPORTS + ACCEPTS,
            "src/dep.js": 'export { value } from "./deep.js";\n',
            "src/deep.js": VALUE,
        },
        "v1",
        Step(edit("src/deep.js"), UPDATE, "v2"),
        notes=RUNS,
    ),
    "nearest": Scenario(
        "The nearest boundary takes the update in; those above hear nothing.",
        {"src/main.js": IMPORTS + ACCEPTS, "src/dep.js": VALUE + "note(value);\n" + ACCEPT},
        "v1",
        Step(edit("src/dep.js"), "update /src/dep.js", "v1", "v2"),
        notes=("v1", *RUNS),
    ),
    "two-boundaries": Scenario(
        "Two importers that accept one dependency both get it, the same instance, by one message.",
        {
            "src/main.js": 'import "./left.js";\nimport "./right.js";\nshow("main");\n',
            "src/left.js": TAKES_AS.format("left"),
            "src/right.js": TAKES_AS.format("right"),
            "src/dep.js": VALUE + "note(`dep ${value}`);\n",
        },
        "main",
        Step(
            edit("src/dep.js"),
            ("update /src/left.js < /src/dep.js", "update /src/right.js < /src/dep.js"),
            "v2 true",
            "dep v2",
        ),
        notes=("dep v1",),
    ),
    "diamond": Scenario(
        "A boundary that two ways lead to runs once.",
        {
            "src/main.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\nshow(a + b);\n'
            'note("main runs");\n' + ACCEPT,
            "src/a.js": 'import { value } from "./dep.js";\nexport const a = `a${value}`;\n',
            "src/b.js": 'import { value } from "./dep.js";\nexport const b = `b${value}`;\n',
            "src/dep.js": VALUE + 'note("dep runs");\n',
        },
        "av1bv1",
        Step(edit("src/dep.js"), "update /src/main.js", "av2bv2", ("dep runs", "main runs")),
        notes=("dep runs", "main runs"),
    ),
    "one-way-open": Scenario(
        "One importer without a boundary above it is enough for a reload.",
        {
            "src/main.js": 'import "./a.js";\nimport { value } from "./dep.js";\nshow(value);\n',
            "src/a.js": 'import "./dep.js";\nimport.meta.hot.accept("./dep.js");\n',
            "src/dep.js": VALUE,
        },
        "v1",
        Step(edit("src/dep.js"), "full-reload", "v2", reloads=True),
    ),
    "callback-throws": Scenario(
        "A callback that throws is logged; others are called, and the next save counts.",
        {
            "src/main.js": VALUE + "show(value);\n"
            'import.meta.hot.accept(() => { throw new Error("on purpose"); });\n'
            "import.meta.hot.accept((fresh) => note(`second ${fresh.value}`));\n"
        },
        "v1",
        (
            Step(edit("src/main.js"), "update /src/main.js", "v2", "second v2", stock=Stock(notes=())),
            Step(
                edit("src/main.js", "v2", "v3"),
                "update /src/main.js",
                "v3",
                "second v3",
                stock=Stock(notes=()),
            ),
        ),
        why="One module's mistake must not take the update from another.",
    ),
    "new-one-throws": Scenario(
        "A new version that throws as it runs is logged; the callback of the old one hears of it, and the "
        "next save mends it.",
        {
            "src/main.js": VALUE
            + "show(value);\nimport.meta.hot.accept((fresh) => note(`got ${fresh?.value}`));\n"
        },
        "v1",
        (
            Step(
                edit("src/main.js", "show(value);", 'throw new Error("on purpose");'),
                "update /src/main.js",
                notes="got undefined",
            ),
            Step(
                write("src/main.js", VALUE.replace("v1", "v3") + "show(value);\n" + ACCEPT),
                "update /src/main.js",
                "v3",
                "got v3",
                stock=Stock(notes=()),
            ),
        ),
        why="The version that still works is told of the one that mends it.",
    ),
    "accepting-ends": Scenario(
        "A version that no longer accepts is taken in by the one that did; the next save reloads.",
        {"src/main.js": SELF + ACCEPT},
        "v1",
        (
            Step(write("src/main.js", 'show("v2");\n'), "update /src/main.js", "v2"),
            Step(edit("src/main.js", "v2", "v3"), "full-reload", "v3", reloads=True),
        ),
    ),
    "accepting-begins": Scenario(
        "A version that begins to accept needs one reload; the next save does not.",
        {"src/main.js": SELF},
        "v1",
        (
            Step(write("src/main.js", 'show("v2");\n' + ACCEPT), "full-reload", "v2", reloads=True),
            Step(edit("src/main.js", "v2", "v3"), "update /src/main.js", "v3"),
        ),
    ),
    "branch-not-taken": Scenario(
        "`accept()` in a branch that does not run counts: who reads the text cannot know.",
        {"src/main.js": SELF + f"if (window.never) {ACCEPT}"},
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2", stock=Stock(shows="v1")),
        why="The page ends up with what was saved; stock sends the update and the page ignores it.",
    ),
    "decline": Scenario(
        "`decline()` does nothing: the page reloads, since nobody accepts.",
        {"src/main.js": SELF + "import.meta.hot.decline();\n"},
        "v1",
        Step(edit("src/main.js"), "full-reload", "v2", reloads=True),
    ),
    "not-loaded": Scenario(
        "A module that no page has loaded changes nothing, though a module that was loaded can import it.",
        {
            "src/main.js": 'show("main");\nwindow.load = () => import("./lazy.js");\n',
            "src/lazy.js": LAZY,
        },
        "main",
        (
            Step(edit("src/lazy.js")),
            Step(does="load()", shows="lazy v2"),
            Step(edit("src/lazy.js", "v2", "v3"), "update /src/lazy.js", "lazy v3"),
        ),
    ),
    "dynamic": Scenario(
        "A module that was imported dynamically is handed to the importer that accepts it.",
        {
            "src/main.js": 'show((await import("./dep.js")).value);\n' + ACCEPTS,
            "src/dep.js": VALUE,
        },
        "v1",
        Step(edit("src/dep.js"), UPDATE, "v2"),
    ),
    "dynamic-nobody": Scenario(
        "A module that was imported dynamically and that nobody accepts reloads the page.",
        {"src/main.js": 'show((await import("./dep.js")).value);\n', "src/dep.js": VALUE},
        "v1",
        Step(edit("src/dep.js"), "full-reload", "v2", reloads=True),
    ),
    "dynamic-again": Scenario(
        "Importing dynamically once more gives the instance that the importer's text names: the one it had.",
        {
            "src/main.js": 'window.load = async () => show((await import("./dep.js")).value);\n'
            "await load();\n",
            "src/dep.js": VALUE + ACCEPT,
        },
        "v1",
        (
            Step(edit("src/dep.js"), "update /src/dep.js"),
            Step(does="show(''); load()", shows="v1"),
        ),
    ),
    "entry-imported": Scenario(
        "What a page loads by a script of its own and a module accepts as well reloads the page.",
        {
            "index.html": page(body='<script type="module" src="/src/dep.js"></script>'),
            "src/main.js": IMPORTS + ACCEPTS,
            "src/dep.js": VALUE + "note(`dep ${value}`);\n",
        },
        "v1",
        Step(
            edit("src/dep.js"),
            "full-reload",
            "v2",
            ("dep v2", *RUNS),
            reloads=True,
            stock=Stock(brings=(UPDATE,), notes=("dep v2",), reloads=False),
        ),
        why="What the page's own script did with the old module, nobody who accepts it can undo.",
        notes=("dep v1", *RUNS),
    ),
}
