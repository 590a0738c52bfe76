"""`acceptExports`: an update goes no further than to those importers that use what is not accepted.

Stock has this behind `experimental.hmrPartialAccept`, which is on here, but for one scenario.
"""

from __future__ import annotations

from browser.scenario import ACCEPT, Scenario, Step, Stock, edit, write

__all__ = ["SCENARIOS"]

ON = {"vite.config.js": "export default { experimental: { hmrPartialAccept: true } };\n"}
PART = (
    'export const Shown = "v1";\nexport const other = "o1";\n'
    'import.meta.hot.acceptExports(["Shown"], (fresh) => show(fresh.Shown));\n'
)
USES = 'import { Shown } from "./part.js";\nshow(Shown);\nnote("main runs");\n'
UPDATE = "update /src/part.js"
RUNS = ("main runs",)
PASSED_OVER = Stock(brings=(UPDATE,), notes=(), reloads=False)
NO_RE_EXPORTS = "Stock overlooks what re-exports pass on; those who use it keep what is outdated."


def spared(says: str, main: str, part: str = PART, **more: str) -> Scenario:
    """The importer in `main` uses accepted exports only, so it does not run again."""
    return Scenario(
        says,
        {"src/main.js": main, "src/part.js": part, **{f"src/{name}.js": text for name, text in more.items()}},
        "v1",
        Step(edit("src/part.js"), UPDATE, "v2"),
        notes=RUNS,
        stock_files=ON,
    )


def reached(
    says: str,
    main: str,
    part: str = PART,
    *,
    shows: str,
    after: str,
    why: str = "",
    stock: Stock | None = None,
    **more: str,
) -> Scenario:
    """The importer in `main` uses more, and nobody above it accepts: the page reloads."""
    return Scenario(
        says,
        {"src/main.js": main, "src/part.js": part, **{f"src/{name}.js": text for name, text in more.items()}},
        shows,
        Step(edit("src/part.js"), "full-reload", after, RUNS, reloads=True, stock=stock),
        why,
        notes=RUNS,
        stock_files=ON,
    )


SCENARIOS: dict[str, Scenario] = {
    "by-default": Scenario(
        "Partial acceptance needs no option.",
        {"src/main.js": USES, "src/part.js": PART},
        "v1",
        Step(
            edit("src/part.js"),
            UPDATE,
            "v2",
            stock=Stock(brings=("full-reload",), notes=RUNS, reloads=True),
        ),
        why="A call that is there does what it says. Stock wants `experimental.hmrPartialAccept`, "
        "which is on in all other rows.",
        notes=RUNS,
    ),
    "accepted-only": spared("An importer that uses accepted names only does not run again.", USES),
    "as-string": spared("One name can be given as a string.", USES, PART.replace('["Shown"]', '"Shown"')),
    "import-renamed": spared(
        "A name that is renamed by its import counts as the exporter calls it.",
        'import { Shown as Mine } from "./part.js";\nshow(Mine);\nnote("main runs");\n',
    ),
    "export-renamed": spared(
        "A name that is renamed by its export counts as importers call it.",
        USES,
        'const x = "v1";\nexport { x as Shown };\nexport const other = 1;\n'
        'import.meta.hot.acceptExports(["Shown"], (fresh) => show(fresh.Shown));\n',
    ),
    "default": spared(
        "The default export is called `default`.",
        'import Shown from "./part.js";\nshow(Shown);\nnote("main runs");\n',
        'export default "v1";\nexport const other = 1;\n'
        'import.meta.hot.acceptExports(["default"], (fresh) => show(fresh.default));\n',
    ),
    "every-export": spared(
        "Who accepts every export accepts itself, whatever importers use.",
        'import * as all from "./part.js";\nshow(all.Shown);\nnote("main runs");\n',
        PART.replace('["Shown"]', '["Shown", "other"]'),
    ),
    "with-accept": spared(
        "Beside `accept()`, `acceptExports` takes nothing away.",
        'import * as all from "./part.js";\nshow(all.Shown);\nnote("main runs");\n',
        PART + ACCEPT,
    ),
    "side-effect": spared(
        "An import for side effects uses no name.",
        'import "./part.js";\nshow("v1");\nnote("main runs");\n',
    ),
    "another-name": reached(
        "An importer that uses another name is reached.",
        'import { Shown, other } from "./part.js";\nshow(Shown + other);\nnote("main runs");\n',
        shows="v1o1",
        after="v2o1",
    ),
    "two-statements": reached(
        "What two statements import counts together.",
        'import { Shown } from "./part.js";\nimport { other } from "./part.js";\nshow(Shown + other);\n'
        'note("main runs");\n',
        shows="v1o1",
        after="v2o1",
    ),
    "star": reached(
        "A namespace import uses every name.",
        'import * as all from "./part.js";\nshow(all.Shown);\nnote("main runs");\n',
        shows="v1",
        after="v2",
    ),
    "dynamic": reached(
        "A dynamic import may use every name.",
        'const { Shown } = await import("./part.js");\nshow(Shown);\nnote("main runs");\n',
        shows="v1",
        after="v2",
    ),
    "re-export-other": reached(
        "A re-export uses the names that it passes on.",
        'import { other } from "./barrel.js";\nshow(other);\nnote("main runs");\n',
        PART.replace("o1", "v1"),
        barrel='export { other } from "./part.js";\n',
        shows="v1",
        after="v2",
        why=NO_RE_EXPORTS,
        stock=PASSED_OVER,
    ),
    "re-export-accepted": spared(
        "A re-export of accepted names is spared.",
        USES.replace("./part.js", "./barrel.js"),
        barrel='export { Shown } from "./part.js";\n',
    ),
    "barrel": reached(
        "`export *` uses every name.",
        USES.replace("./part.js", "./barrel.js"),
        barrel='export * from "./part.js";\n',
        shows="v1",
        after="v2",
        why=NO_RE_EXPORTS,
        stock=PASSED_OVER,
    ),
    "barrel-namespace": reached(
        "`export * as` uses every name.",
        'import { all } from "./barrel.js";\nshow(all.Shown);\nnote("main runs");\n',
        barrel='export * as all from "./part.js";\n',
        shows="v1",
        after="v2",
        why=NO_RE_EXPORTS,
        stock=PASSED_OVER,
    ),
    "empty-list": reached(
        "An empty list accepts for nobody who uses a name.",
        USES,
        PART.replace('["Shown"]', "[]"),
        shows="v1",
        after="v2",
    ),
    "empty-list-side-effect": spared(
        "An empty list accepts for importers that want side effects only.",
        'import "./part.js";\nshow("v1");\nnote("main runs");\n',
        PART.replace('["Shown"]', "[]"),
    ),
    "unknown-name": spared(
        "A name that is not exported does no harm.",
        USES,
        PART.replace('["Shown"]', '["Shown", "missing"]'),
    ),
    "entry": Scenario(
        "A module that a page loads and nobody imports accepts itself that way.",
        {"src/main.js": PART + "show(Shown);\n"},
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2"),
        stock_files=ON,
    ),
    "boundary-above": Scenario(
        "An importer that uses more is reached as far as the next boundary; one that does not is spared.",
        {
            "src/main.js": 'import "./spared.js";\nimport { text } from "./reached.js";\nshow(text);\n'
            'import.meta.hot.accept("./reached.js", (fresh) => show(fresh.text));\n',
            "src/spared.js": 'import { Shown } from "./part.js";\nnote(`spared ${Shown}`);\n',
            "src/reached.js": 'import { other, Shown } from "./part.js";\n'
            "export const text = Shown + other;\nnote(`reached ${Shown}`);\n",
            "src/part.js": PART.replace("show(fresh.Shown)", "note(`callback ${fresh.Shown}`)"),
        },
        "v1o1",
        Step(
            edit("src/part.js"),
            ("update /src/main.js < /src/reached.js", UPDATE),
            "v2o1",
            ("reached v2", "callback v2"),
        ),
        notes=("spared v1", "reached v1"),
        stock_files=ON,
    ),
    "set-grows": Scenario(
        "Which names are accepted says the version that runs: one that accepts more does so from the "
        "next save on.",
        {
            "src/main.js": 'import { Shown, other } from "./part.js";\nshow(Shown);\nnote(other);\n',
            "src/part.js": PART + "export const third = 1;\n",
        },
        "v1",
        (
            Step(
                write(
                    "src/part.js",
                    PART.replace('["Shown"]', '["Shown", "other"]').replace("v1", "v2")
                    + "export const third = 1;\n",
                ),
                "full-reload",
                "v2",
                "o1",
                reloads=True,
            ),
            Step(edit("src/part.js", "v2", "v3"), UPDATE, "v3"),
        ),
        notes=("o1",),
        stock_files=ON,
    ),
    "set-shrinks": Scenario(
        "A version that accepts fewer names is taken in by the one that runs, and reaches importers from the "
        "next save on.",
        {
            "src/main.js": 'import { Shown, other } from "./part.js";\nshow(Shown);\nnote(other);\n',
            "src/part.js": PART.replace('["Shown"]', '["Shown", "other"]') + "export const third = 1;\n",
        },
        "v1",
        (
            Step(write("src/part.js", PART.replace("v1", "v2") + "export const third = 1;\n"), UPDATE, "v2"),
            Step(edit("src/part.js", "v2", "v3"), "full-reload", "v3", "o1", reloads=True),
        ),
        notes=("o1",),
        stock_files=ON,
    ),
    "importer-changes": Scenario(
        "What an importer uses is what its version that runs uses.",
        {
            "src/main.js": USES + ACCEPT,
            "src/part.js": PART,
        },
        "v1",
        (
            Step(
                write(
                    "src/main.js", 'import { other } from "./part.js";\nshow(other);\nnote("main runs");\n'
                ),
                "update /src/main.js",
                "o1",
                "main runs",
            ),
            Step(edit("src/part.js", "o1", "o2"), "full-reload", "o2", "main runs", reloads=True),
        ),
        notes=RUNS,
        stock_files=ON,
    ),
}
