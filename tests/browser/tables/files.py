"""Files that come, go and move, and whatever they are called."""

from __future__ import annotations

import os

from browser.scenario import ACCEPT, VALUE, Save, Scenario, Step, Stock, delete, edit, move, page, write

__all__ = ["SCENARIOS"]

IMPORTS = 'import { value } from "./dep.js";\nshow(value);\n'
MAIN = IMPORTS + ACCEPT
UPDATE = "update /src/main.js"
NOT_FOUND = Stock(brings=("error",), shows="Test")
ANY_NAME = "A specifier is a URL, as the browser has it: every file can be named. Stock does not find it."
SAYS_SO = "The page says at once what is missing, and nothing is torn down for an import that must fail."
NOT_MISSED = Stock(brings=(UPDATE,))
AND_ERROR = Stock(brings=(UPDATE, "error"))


def called(
    name: str,
    specifier: str | None = None,
    *,
    why: str = "",
    never: Stock | None = None,
    stock: Stock | None = None,
) -> Scenario:
    """A dependency whose file is called `name`; `never` is stock's page where it does not even run."""
    specifier = specifier or name
    url = name.replace("%", "%25").replace("#", "%23").replace("?", "%3F")
    return Scenario(
        f"A file called `{name}` is hot, imported as `{specifier}`.",
        {
            "src/main.js": f'import {{ value }} from "./{specifier}";\nshow(value);\n'
            f'import.meta.hot.accept("./{specifier}", (fresh) => show(fresh.value));\n',
            f"src/{name}": VALUE,
        },
        "v1",
        Step(edit(f"src/{name}"), f"update /src/main.js < /src/{url}", "v2", stock=stock),
        why,
        stock=never,
    )


def touch(path: str) -> Save:
    """Give a file a new time and no new content."""
    return lambda folder: os.utime(folder.root / path)


SCENARIOS: dict[str, Scenario] = {
    "space": called("mit leer.js"),
    "umlaut": called("größe.js"),
    "script": called("日本語.js"),
    "folder-with-space": called("ein ordner/größe.js"),
    "percent-encoded": called("naïve one.js", "na%C3%AFve%20one.js", why=ANY_NAME, never=NOT_FOUND),
    "percent-sign": called("100%.js", "100%25.js", why=ANY_NAME, never=NOT_FOUND),
    "hash": called("a#b.js", "a%23b.js", why=ANY_NAME, never=NOT_FOUND),
    "question-mark": called("why?.js", "why%3F.js", why=ANY_NAME, never=NOT_FOUND),
    "deleted": Scenario(
        "A file that is deleted while it is imported is missed by name, and the page keeps what it has; "
        "restored, it is taken in.",
        {"src/main.js": MAIN, "src/dep.js": VALUE},
        "v1",
        (
            Step(delete("src/dep.js"), "error", "v1", stock=NOT_MISSED),
            Step(write("src/dep.js", VALUE.replace("v1", "v2")), UPDATE, "v2"),
        ),
        why=SAYS_SO,
    ),
    "deleted-nobody": Scenario(
        "So it is where nobody accepts: what reloads the page is the file that comes back.",
        {"src/main.js": IMPORTS, "src/dep.js": VALUE},
        "v1",
        (
            Step(
                delete("src/dep.js"),
                "error",
                "v1",
                stock=Stock(brings=("full-reload",), shows="Test", reloads=True),
            ),
            Step(write("src/dep.js", VALUE.replace("v1", "v2")), "full-reload", "v2", reloads=True),
        ),
        why=SAYS_SO,
    ),
    "deleted-then-import-goes": Scenario(
        "A file that is deleted ahead of its import is mended by the edit of the importer.",
        {"src/main.js": MAIN, "src/dep.js": VALUE},
        "v1",
        (
            Step(delete("src/dep.js"), "error", "v1", stock=NOT_MISSED),
            Step(
                write("src/main.js", 'show("v2");\n' + ACCEPT),
                (UPDATE, "prune /src/dep.js"),
                "v2",
            ),
        ),
        why=SAYS_SO,
    ),
    "deleted-not-loaded": Scenario(
        "A file that nobody loaded may go: what is deleted after it is all that is missed.",
        {"src/main.js": MAIN, "src/dep.js": VALUE, "src/other.js": VALUE},
        "v1",
        Step((delete("src/other.js"), delete("src/dep.js")), "error", stock=NOT_MISSED),
        why=SAYS_SO,
    ),
    "missing": Scenario(
        "A missing import at the first load is healed by making the file.",
        {"src/main.js": MAIN},
        "Test",
        Step(write("src/dep.js", VALUE), "full-reload", "v1", reloads=True),
        at_first=("error",),
    ),
    "missing-later": Scenario(
        "An edit that names a missing file is healed by making the file; the page is kept.",
        {"src/main.js": 'show("v0");\n' + ACCEPT},
        "v0",
        (
            Step(write("src/main.js", MAIN), "error", "v0", stock=AND_ERROR),
            Step(
                write("src/dep.js", VALUE),
                UPDATE,
                "v1",
                stock=Stock(brings=("full-reload",), reloads=True),
            ),
        ),
        why="The version that runs accepts itself; stock forgets that over the error.",
    ),
    "missing-below": Scenario(
        "So it is where a dependency names the missing file, two steps below the boundary.",
        {
            "src/main.js": 'import { value } from "./middle.js";\nshow(value);\n' + ACCEPT,
            "src/middle.js": 'export const value = "v0";\n',
        },
        "v0",
        (
            Step(
                write("src/middle.js", 'export { value } from "./dep.js";\n'), "error", "v0", stock=AND_ERROR
            ),
            Step(write("src/dep.js", VALUE), UPDATE, "v1"),
        ),
        why=SAYS_SO,
    ),
    "missing-optional": Scenario(
        "A dynamic import of a missing file is no error of the module; once made, the file is there.",
        {
            "src/main.js": 'show("main");\n'
            'window.load = () => import("./dep.js")\n'
            '  .then(({ value }) => show(value), () => show("missing"));\n' + ACCEPT
        },
        "main",
        (
            Step(does="load()", shows="missing"),
            Step(write("src/dep.js", VALUE), UPDATE, "main"),
            Step(does="load()", shows="v1"),
        ),
        why="Code that asks whether a file is there gets its answer; stock refuses the whole module.",
        stock=Stock(brings=("error",), shows="Test"),
    ),
    "renamed": Scenario(
        "A file that is renamed together with its import is the same module no longer: it runs anew.",
        {
            "src/main.js": MAIN,
            "src/dep.js": VALUE + 'import.meta.hot.prune(() => note("prunes dep"));\n',
        },
        "v1",
        (
            Step(
                (
                    write("src/named.js", VALUE.replace("v1", "v2")),
                    edit("src/main.js", "./dep.js", "./named.js"),
                ),
                (UPDATE, "prune /src/dep.js"),
                "v2",
                "prunes dep",
            ),
            Step(edit("src/named.js", "v2", "v3"), UPDATE, "v3"),
        ),
    ),
    "renamed-first": Scenario(
        "Renamed ahead of its import, it is missed until the importer follows.",
        {"src/main.js": MAIN, "src/dep.js": VALUE},
        "v1",
        (
            Step(move("src/dep.js", "src/named.js"), "error", "v1", stock=NOT_MISSED),
            Step(
                edit("src/main.js", "./dep.js", "./named.js"),
                (UPDATE, "prune /src/dep.js"),
                "v1",
            ),
            Step(edit("src/named.js"), UPDATE, "v2"),
        ),
        why=SAYS_SO,
    ),
    "renamed-over": Scenario(
        "A file that is moved over another is a save of that one.",
        {"src/main.js": MAIN, "src/dep.js": VALUE, "src/draft.js": VALUE.replace("v1", "v2")},
        "v1",
        Step(move("src/draft.js", "src/dep.js"), UPDATE, "v2"),
    ),
    "query": Scenario(
        "A query names a module of its own and is kept: both are updated.",
        {
            "src/main.js": 'import { value as a } from "./dep.js?a";\n'
            'import { value as b } from "./dep.js?b=1&c";\n'
            "show(a + b);\n" + ACCEPT,
            "src/dep.js": VALUE + "note(new URL(import.meta.url).search.replace(/t=\\d+&?/, ''));\n",
        },
        "v1v1",
        Step(edit("src/dep.js"), UPDATE, "v2v2", ("?a", "?b=1&c")),
        notes=("?a", "?b=1&c"),
    ),
    "query-accepted": Scenario(
        "An accepted dependency with a query is handed over under it.",
        {
            "src/main.js": 'import { value } from "./dep.js?a";\nshow(value);\n'
            'import.meta.hot.accept("./dep.js?a", (fresh) => show(fresh.value));\n',
            "src/dep.js": VALUE,
        },
        "v1",
        Step(edit("src/dep.js"), "update /src/main.js < /src/dep.js?a", "v2"),
    ),
    "raw": Scenario(
        "A file that is imported with `?raw` updates its importer.",
        {"src/main.js": 'import value from "./note.txt?raw";\nshow(value);\n' + ACCEPT, "src/note.txt": "v1"},
        "v1",
        Step(write("src/note.txt", "v2"), UPDATE, "v2"),
    ),
    "json": Scenario(
        "A JSON file is a module.",
        {
            "src/main.js": 'import { value } from "./data.json";\nshow(value);\n'
            'import.meta.hot.accept("./data.json", (fresh) => show(fresh.default.value));\n',
            "src/data.json": '{"value": "v1"}',
        },
        "v1",
        Step(edit("src/data.json"), "update /src/main.js < /src/data.json", "v2"),
    ),
    "index-of-folder": Scenario(
        "A folder that is imported is its `index.js`.",
        {
            "src/main.js": 'import { value } from "./part";\nshow(value);\n' + ACCEPT,
            "src/part/index.js": VALUE,
        },
        "v1",
        Step(edit("src/part/index.js"), UPDATE, "v2"),
    ),
    "not-loaded": Scenario(
        "Saves of files that no page has loaded change nothing.",
        {
            "src/main.js": MAIN,
            "src/dep.js": VALUE,
            "src/unused.js": VALUE,
            "notes.txt": "a",
            "unused.css": "p {}",
        },
        "v1",
        Step(
            (
                write("src/unused.js", VALUE + "// more\n"),
                write("notes.txt", "b"),
                write("unused.css", "a {}"),
                write("src/made.js", VALUE),
            )
        ),
    ),
    "touched": Scenario(
        "A file that is touched, or saved as it was, changes nothing.",
        {"src/main.js": 'note("main runs");\nshow("v1");\n' + ACCEPT},
        "v1",
        Step(
            (touch("src/main.js"), write("src/main.js", 'note("main runs");\nshow("v1");\n' + ACCEPT)),
            stock=Stock(brings=(UPDATE, UPDATE), notes=("main runs", "main runs")),
        ),
        why="Who checks out a branch and comes back has changed nothing.",
        notes=("main runs",),
    ),
    "deleted-and-restored-at-once": Scenario(
        "A file that is deleted and restored at once, as some editors save, is saved.",
        {"src/main.js": MAIN, "src/dep.js": VALUE},
        "v1",
        Step((delete("src/dep.js"), write("src/dep.js", VALUE.replace("v1", "v2"))), UPDATE, "v2"),
    ),
    "import-map": Scenario(
        "A bare name that the page's import map knows is hot.",
        {
            "index.html": page('<script type="importmap">{"imports": {"lib": "/vendor/lib.js"}}</script>'),
            "src/main.js": 'import { value } from "lib";\nshow(value);\n'
            'import.meta.hot.accept("lib", (fresh) => show(fresh.value));\n',
            "vendor/lib.js": VALUE,
        },
        "v1",
        Step(edit("vendor/lib.js"), "update /src/main.js < /vendor/lib.js", "v2"),
        why="Import maps are what browsers have for this; stock refuses the name.",
        stock=NOT_FOUND,
    ),
    "empty": Scenario(
        "An empty file is a module like any other.",
        {"src/main.js": 'import "./dep.js";\nshow("main");\nnote("main runs");\n' + ACCEPT, "src/dep.js": ""},
        "main",
        (
            Step(write("src/dep.js", 'show("dep v1");\n'), UPDATE, notes="main runs"),
            Step(write("src/dep.js", ""), UPDATE, "main", notes="main runs"),
        ),
        notes=("main runs",),
    ),
}
