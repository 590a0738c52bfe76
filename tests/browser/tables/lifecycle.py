"""What a module is told and may keep through its life: dispose, data, prune."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, delete, edit, write

__all__ = ["SCENARIOS"]

DISPOSES = (
    'const mine = "v1";\nnote(`runs ${mine}`);\nimport.meta.hot.dispose(() => note(`disposes ${mine}`));\n'
)
MAIN = 'import "./dep.js";\nshow("main");\n'
SCENARIOS: dict[str, Scenario] = {
    "dispose": Scenario(
        "`dispose` runs before the new version does, once for each version.",
        {"src/main.js": DISPOSES + "show(mine);\n" + ACCEPT},
        "v1",
        (
            Step(edit("src/main.js"), "update /src/main.js", "v2", ("disposes v1", "runs v2")),
            Step(edit("src/main.js", "v2", "v3"), "update /src/main.js", "v3", ("disposes v2", "runs v3")),
        ),
        notes=("runs v1",),
    ),
    "dispose-last": Scenario(
        "Of several `dispose` callbacks the last one counts.",
        {
            "src/main.js": 'show("v1");\nimport.meta.hot.dispose(() => note("first"));\n'
            'import.meta.hot.dispose(() => note("second"));\n' + ACCEPT
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2", "second"),
    ),
    "dispose-throws": Scenario(
        "A `dispose` that throws is logged and does not stop the update.",
        {
            "src/main.js": 'show("v1");\nimport.meta.hot.dispose(() => { throw new Error("on purpose"); });\n'
            + ACCEPT
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2", stock=Stock(shows="v1")),
        why="One mistake does not keep the page from what was saved; in stock the update ends there.",
    ),
    "dispose-dependency": Scenario(
        "An accepted dependency is disposed of; the importer that goes on is not.",
        {
            "src/main.js": 'import { value } from "./dep.js";\nshow(value);\n'
            'import.meta.hot.dispose(() => note("disposes main"));\n'
            'import.meta.hot.accept("./dep.js", (fresh) => show(fresh.value));\n',
            "src/dep.js": VALUE + DISPOSES,
        },
        "v1",
        Step(edit("src/dep.js"), "update /src/main.js < /src/dep.js", "v2", ("disposes v1", "runs v2")),
        notes=("runs v1",),
    ),
    "dispose-on-the-way": Scenario(
        "Every module that runs anew disposes of what it was, not only the one that is imported again.",
        {
            "src/main.js": 'import { value } from "./dep.js";\nshow(value);\n' + ACCEPT,
            "src/dep.js": VALUE + DISPOSES,
        },
        "v1",
        Step(
            edit("src/dep.js"),
            "update /src/main.js",
            "v2",
            ("disposes v1", "runs v2"),
            stock=Stock(notes=("runs v2",)),
        ),
        why="Timers and listeners of a replaced module end; in stock they go on beside the new ones.",
        notes=("runs v1",),
    ),
    "dispose-without-hot": Scenario(
        "A version that no longer mentions `import.meta.hot` ends the one before it all the same.",
        {"src/main.js": DISPOSES + "show(mine);\n" + ACCEPT},
        "v1",
        Step(write("src/main.js", 'show("v2");\n'), "update /src/main.js", "v2", "disposes v1"),
        notes=("runs v1",),
    ),
    "dispose-not-of-broken": Scenario(
        "Where the new version cannot be loaded, the old one is not disposed of and goes on.",
        {"src/main.js": DISPOSES + "show(mine);\n" + ACCEPT},
        "v1",
        (
            Step(
                write("src/main.js", "const list = [;\n"),
                "error",
                stock=Stock(brings=("update /src/main.js", "error"), notes=("disposes v1",)),
            ),
            Step(
                write("src/main.js", DISPOSES.replace("v1", "v3") + "show(mine);\n" + ACCEPT),
                "update /src/main.js",
                "v3",
                ("disposes v1", "runs v3"),
            ),
        ),
        why="A typing error costs no state. Stock has torn the old version down by then.",
        notes=("runs v1",),
    ),
    "data": Scenario(
        "`data` is the same object for every version, and what `dispose` gets.",
        {
            "src/main.js": "const { data } = import.meta.hot;\ndata.runs = (data.runs ?? 0) + 1;\n"
            "show(`v1 run ${data.runs}`);\n"
            "import.meta.hot.dispose((same) => note(`${same === import.meta.hot.data}`));\n" + ACCEPT
        },
        "v1 run 1",
        (
            Step(edit("src/main.js"), "update /src/main.js", "v2 run 2", "true"),
            Step(edit("src/main.js", "v2", "v3"), "update /src/main.js", "v3 run 3", "true"),
        ),
    ),
    "data-apart": Scenario(
        "Modules have `data` of their own.",
        {
            "src/main.js": 'import "./dep.js";\nshow(`v1 ${import.meta.hot.data.mine}`);\n' + ACCEPT,
            "src/dep.js": "import.meta.hot.data.mine = 1;\n",
        },
        "v1 undefined",
        Step(edit("src/main.js"), "update /src/main.js", "v2 undefined"),
    ),
    "prune": Scenario(
        "A module whose last import goes is told: dispose, then prune; nobody else is.",
        {
            "src/main.js": 'import "./dep.js";\nimport "./kept.js";\nshow("v1");\n' + ACCEPT,
            "src/dep.js": 'import.meta.hot.prune(() => note("prunes dep"));\n'
            'import.meta.hot.dispose(() => note("disposes dep"));\n',
            "src/kept.js": 'import.meta.hot.prune(() => note("prunes kept"));\n',
        },
        "v1",
        Step(
            write("src/main.js", 'import "./kept.js";\nshow("v2");\n' + ACCEPT),
            ("update /src/main.js", "prune /src/dep.js"),
            "v2",
            ("disposes dep", "prunes dep"),
        ),
    ),
    "prune-last-of-two": Scenario(
        "A module that another one still imports is not pruned.",
        {
            "src/main.js": 'import "./other.js";\nimport "./dep.js";\nshow("v1");\n' + ACCEPT,
            "src/other.js": 'import "./dep.js";\n' + ACCEPT,
            "src/dep.js": 'import.meta.hot.prune(() => note("prunes dep"));\n',
        },
        "v1",
        (
            Step(
                write("src/main.js", 'import "./other.js";\nshow("v2");\n' + ACCEPT),
                "update /src/main.js",
                "v2",
            ),
            Step(
                write("src/other.js", ACCEPT),
                ("update /src/other.js", "prune /src/dep.js"),
                notes="prunes dep",
            ),
        ),
    ),
    "prune-below": Scenario(
        "With a module goes what only it imported.",
        {
            "src/main.js": 'import "./dep.js";\nshow("v1");\n' + ACCEPT,
            "src/dep.js": 'import "./deep.js";\nimport.meta.hot.prune(() => note("prunes dep"));\n',
            "src/deep.js": 'import.meta.hot.prune(() => note("prunes deep"));\n',
        },
        "v1",
        Step(
            write("src/main.js", 'show("v2");\n' + ACCEPT),
            ("update /src/main.js", "prune /src/dep.js /src/deep.js"),
            "v2",
            ("prunes dep", "prunes deep"),
            stock=Stock(brings=("update /src/main.js", "prune /src/dep.js"), notes=("prunes dep",)),
        ),
        why="What nobody imports any more ends, however deep it was; in stock it goes on.",
    ),
    "prune-and-back": Scenario(
        "A module that comes back after it was pruned runs anew, with fresh data.",
        {
            "src/main.js": 'import "./dep.js";\nshow("v1");\n' + ACCEPT,
            "src/dep.js": "import.meta.hot.data.runs = (import.meta.hot.data.runs ?? 0) + 1;\n"
            "note(`dep run ${import.meta.hot.data.runs}`);\n" + ACCEPT,
        },
        "v1",
        (
            Step(
                write("src/main.js", 'show("v2");\n' + ACCEPT),
                ("update /src/main.js", "prune /src/dep.js"),
                "v2",
            ),
            Step(
                write("src/main.js", 'import "./dep.js";\nshow("v3");\n' + ACCEPT),
                "update /src/main.js",
                "v3",
                "dep run 1",
            ),
        ),
        notes=("dep run 1",),
    ),
    "prune-dynamic": Scenario(
        "A module that was imported dynamically is pruned when the import goes.",
        {
            "src/main.js": 'await import("./dep.js");\nshow("v1");\n' + ACCEPT,
            "src/dep.js": 'import.meta.hot.prune(() => note("prunes dep"));\n',
        },
        "v1",
        Step(
            write("src/main.js", 'show("v2");\n' + ACCEPT),
            ("update /src/main.js", "prune /src/dep.js"),
            "v2",
            "prunes dep",
        ),
    ),
    "prune-deleted": Scenario(
        "A module whose import goes together with its file is pruned.",
        {
            "src/main.js": 'import "./dep.js";\nshow("v1");\n' + ACCEPT,
            "src/dep.js": 'import.meta.hot.prune(() => note("prunes dep"));\n',
        },
        "v1",
        Step(
            (write("src/main.js", 'show("v2");\n' + ACCEPT), delete("src/dep.js")),
            ("update /src/main.js", "prune /src/dep.js"),
            "v2",
            "prunes dep",
            stock=Stock(brings=("update /src/main.js", "prune /src/dep.js", "full-reload"), reloads=True),
        ),
        why="Nobody has the module any more, so its end concerns nobody.",
    ),
}
