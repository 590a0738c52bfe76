"""`invalidate()`: a module that cannot take an update hands it on to its importers."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, edit, page

__all__ = ["SCENARIOS"]

HANDS_ON = 'import.meta.hot.accept(() => import.meta.hot.invalidate("not mine"));\n'
CHILD = VALUE + HANDS_ON
TAKES = 'import { value } from "./child.js";\nshow(value);\n'
CALLBACK = 'import.meta.hot.accept("./child.js", (fresh) => show(`${fresh.value} handed on`));\n'
LEFT = (
    'import { value } from "./child.js";\nwindow.left = value;\nshow(`${window.left} ${window.right}`);\n'
    + ACCEPT
)
BY = "(invalidated by /src/child.js)"
FIRST = "update /src/child.js"

SCENARIOS: dict[str, Scenario] = {
    "to-acceptor": Scenario(
        "An importer that accepts a module does not accept what that module hands on.",
        {"src/main.js": TAKES + CALLBACK, "src/child.js": CHILD},
        "v1",
        Step(edit("src/child.js"), (FIRST, "full-reload"), "v2", reloads=True),
    ),
    "to-acceptor-above": Scenario(
        "An importer that accepts the module in between is handed that one.",
        {
            "src/main.js": 'import { value } from "./parent.js";\nshow(value);\nnote("main runs");\n'
            'import.meta.hot.accept("./parent.js", (fresh) => show(fresh.value));\n',
            "src/parent.js": 'export { value } from "./child.js";\n',
            "src/child.js": CHILD,
        },
        "v1",
        Step(edit("src/child.js"), (FIRST, f"update /src/main.js < /src/parent.js {BY}"), "v2"),
        notes=("main runs",),
    ),
    "to-parent": Scenario(
        "An importer that accepts itself runs anew, with the module that could not.",
        {"src/main.js": TAKES + 'note("main runs");\n' + ACCEPT, "src/child.js": CHILD},
        "v1",
        (
            Step(edit("src/child.js"), (FIRST, f"update /src/main.js {BY}"), "v2", "main runs"),
            Step(edit("src/child.js", "v2", "v3"), (FIRST, f"update /src/main.js {BY}"), "v3", "main runs"),
        ),
        notes=("main runs",),
    ),
    "to-nobody": Scenario(
        "Where no importer accepts, the page reloads.",
        {"src/main.js": TAKES, "src/child.js": CHILD},
        "v1",
        Step(edit("src/child.js"), (FIRST, "full-reload"), "v2", reloads=True),
    ),
    "at-the-root": Scenario(
        "A module that nobody imports and that hands on reloads the page.",
        {"src/main.js": VALUE + "show(value);\n" + HANDS_ON},
        "v1",
        Step(edit("src/main.js"), ("update /src/main.js", "full-reload"), "v2", reloads=True),
    ),
    "as-it-runs": Scenario(
        "A module may hand on as it runs, without a callback.",
        {
            "src/main.js": TAKES + 'note("main runs");\n' + ACCEPT,
            "src/child.js": VALUE + ACCEPT + "if (import.meta.hot.data.again) import.meta.hot.invalidate();\n"
            "import.meta.hot.data.again = true;\n",
        },
        "v1",
        Step(edit("src/child.js"), (FIRST, f"update /src/main.js {BY}"), "v2", "main runs"),
        notes=("main runs",),
    ),
    "up-the-chain": Scenario(
        "Handed on from one to the next, an update names whoever began.",
        {
            "src/main.js": 'import { value } from "./parent.js";\nshow(value);\n' + ACCEPT,
            "src/parent.js": 'export { value } from "./child.js";\n' + HANDS_ON,
            "src/child.js": CHILD,
        },
        "v1",
        Step(
            edit("src/child.js"),
            (FIRST, f"update /src/parent.js {BY}", f"update /src/main.js {BY}"),
            "v2",
        ),
    ),
    "in-a-circle": Scenario(
        "An update that is handed on in a circle ends in a reload, not in an endless chase.",
        {
            "src/main.js": 'import { a } from "./a.js";\nshow(a());\n',
            "src/a.js": 'import { value } from "./b.js";\nexport const a = () => value;\n' + HANDS_ON,
            "src/b.js": 'import "./a.js";\n' + CHILD,
        },
        "v1",
        Step(
            edit("src/b.js"),
            (
                "update /src/b.js (circular)",
                "update /src/a.js (circular) (invalidated by /src/b.js)",
                "full-reload",
            ),
            "v2",
            reloads=True,
        ),
    ),
    "several-tabs": Scenario(
        "What several tabs hand on counts once.",
        {"src/main.js": TAKES + 'note("main runs");\n' + ACCEPT, "src/child.js": CHILD},
        "v1",
        (
            Step(edit("src/child.js"), (FIRST, f"update /src/main.js {BY}"), "v2", "main runs"),
            Step(edit("src/child.js", "v2", "v3"), (FIRST, f"update /src/main.js {BY}"), "v3", "main runs"),
        ),
        notes=("main runs",),
        tabs=("", "", ""),
    ),
    "event": Scenario(
        "`vite:invalidate` says in the page who hands on, why, and who began.",
        {
            "index.html": page(body='<script type="module" src="/src/watch.js"></script>'),
            "src/watch.js": 'import.meta.hot.on("vite:invalidate", (event) => {\n'
            "  note(`${event.path}, ${event.message}, ${event.firstInvalidatedBy}`);\n});\n",
            "src/main.js": 'import { value } from "./parent.js";\nshow(value);\n' + ACCEPT,
            "src/parent.js": 'export { value } from "./child.js";\n'
            + HANDS_ON.replace("not mine", "nor mine"),
            "src/child.js": CHILD,
        },
        "v1",
        Step(
            edit("src/child.js"),
            (FIRST, f"update /src/parent.js {BY}", f"update /src/main.js {BY}"),
            "v2",
            (
                "/src/child.js, not mine, /src/child.js",
                "/src/parent.js, nor mine, /src/child.js",
            ),
        ),
    ),
    "before-any-update": Scenario(
        "A module that hands on as the page loads says nothing that was not known.",
        {
            "src/main.js": TAKES + ACCEPT,
            "src/child.js": VALUE
            + ACCEPT
            + "if (!import.meta.hot.data.again) import.meta.hot.invalidate();\n"
            "import.meta.hot.data.again = true;\n",
        },
        "v1",
        Step(edit("src/child.js", "v1", "v2"), FIRST, "v1"),
    ),
    "two-importers": Scenario(
        "Handed on, an update reaches every importer.",
        {
            "src/main.js": 'import "./left.js";\nimport "./right.js";\n',
            "src/left.js": LEFT,
            "src/right.js": LEFT.replace("window.left =", "window.right ="),
            "src/child.js": CHILD,
        },
        "v1 v1",
        Step(
            edit("src/child.js"),
            (FIRST, f"update /src/left.js {BY}", f"update /src/right.js {BY}"),
            "v2 v2",
        ),
    ),
    "by-acceptor": Scenario(
        "Who accepts a dependency and not itself cannot hand on.",
        {
            "src/main.js": 'import { text } from "./parent.js";\nshow(text);\n' + ACCEPT,
            "src/parent.js": 'import { value } from "./child.js";\n'
            "export const text = `parent of ${value}`;\n"
            'import.meta.hot.accept("./child.js", () => import.meta.hot.invalidate());\n',
            "src/child.js": VALUE,
        },
        "parent of v1",
        Step(
            edit("src/child.js"),
            "update /src/parent.js < /src/child.js",
        ),
    ),
    "by-partial-acceptor": Scenario(
        "Who accepts some of its exports cannot hand on.",
        {
            "src/main.js": 'import { text } from "./child.js";\nshow(text);\n' + ACCEPT,
            "src/child.js": 'export const text = "v1";\nexport const other = 1;\n'
            'import.meta.hot.acceptExports(["text"], () => import.meta.hot.invalidate());\n',
        },
        "v1",
        Step(edit("src/child.js"), FIRST),
        stock_files={"vite.config.js": "export default { experimental: { hmrPartialAccept: true } };\n"},
    ),
}
