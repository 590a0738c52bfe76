"""What in a module's text counts, and what only looks like it."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, edit

__all__ = ["SCENARIOS"]

SHOW = 'show("v1");\n'
UPDATE = "update /src/main.js"
RELOADS = Stock(brings=("full-reload",), reloads=True)
REFUSED = Stock(brings=("error",), shows="Test")
SPELLING = "How a call is spelled makes no difference to what it does."
DEP = 'import { value } from "./dep.js";\nshow(value);\n'
ONTO = "(fresh) => show(fresh.value)"


def counts(
    says: str, text: str, *, why: str = "", stock: Stock | None = None, never: Stock | None = None
) -> Scenario:
    """The module accepts itself; `never` is stock's page where it does not even run."""
    return Scenario(
        says,
        {"src/main.js": text},
        "v1",
        Step(edit("src/main.js"), UPDATE, "v2", stock=stock),
        why,
        stock=never,
    )


def counts_not(says: str, text: str, *, why: str = "", stock: Stock | None = None) -> Scenario:
    """The module accepts nothing: the page reloads."""
    return Scenario(
        says,
        {"src/main.js": text},
        "v1",
        Step(edit("src/main.js"), "full-reload", "v2", reloads=True, stock=stock),
        why,
    )


def accepts(
    says: str, call: str, *, why: str = "", stock: Stock | None = None, never: Stock | None = None
) -> Scenario:
    """The module accepts `./dep.js` and not itself."""
    return Scenario(
        says,
        {"src/main.js": DEP + call + "\n", "src/dep.js": VALUE},
        "v1",
        Step(edit("src/dep.js"), "update /src/main.js < /src/dep.js", "v2", stock=stock),
        why,
        stock=never,
    )


def imports(
    says: str, statement: str, file: str = "src/dep.js", *, why: str = "", never: Stock | None = None
) -> Scenario:
    """The module imports a file in some way, and accepts itself."""
    return Scenario(
        says,
        {
            "src/main.js": statement + "\nshow(value);\n" + ACCEPT,
            file: VALUE if file.endswith(".js") else '{"value": "v1"}',
        },
        "v1",
        Step(edit(file), UPDATE, "v2"),
        why,
        stock=never,
    )


SCENARIOS: dict[str, Scenario] = {
    "optional": counts("`import.meta.hot?.accept()` counts.", SHOW + "import.meta.hot?.accept();\n"),
    "optional-twice": counts(
        "`import.meta.hot?.accept?.()` counts.", SHOW + "import.meta.hot?.accept?.();\n"
    ),
    "guarded": counts(
        "A call behind `if (import.meta.hot)` counts.", SHOW + f"if (import.meta.hot) {{\n  {ACCEPT}}}\n"
    ),
    "and": counts("A call behind `&&` counts.", SHOW + "import.meta.hot && import.meta.hot.accept();\n"),
    "in-function": counts(
        "A call in a function counts.", f"const accept = () => {{ {ACCEPT} }};\naccept();\n" + SHOW
    ),
    "lines": counts(
        "A call over several lines counts.",
        SHOW + "import.meta\n  .hot\n  .accept();\n",
        stock=RELOADS,
        why=SPELLING,
    ),
    "comments-between": counts(
        "A call with comments in it counts.",
        SHOW + "import.meta /* a */ . hot /* b */ . accept /* c */ ( /* d */ );\n",
        stock=RELOADS,
        why=SPELLING,
    ),
    "template-hole": counts(
        "A call in the hole of a template counts.", SHOW + "`${import.meta.hot.accept()}`;\n"
    ),
    "comment-argument": counts(
        "A comment is no argument.", SHOW + "import.meta.hot.accept(/* './dep.js' */);\n"
    ),
    "alias": counts_not(
        "A call through another name does not count.", SHOW + "const hot = import.meta.hot;\nhot.accept();\n"
    ),
    "line-comment": counts_not("A call in a comment does not count.", SHOW + "// " + ACCEPT),
    "block-comment": counts_not("A call in a block comment does not count.", SHOW + f"/*\n{ACCEPT}*/\n"),
    "string": counts_not("A call in a string does not count.", SHOW + "'import.meta.hot.accept()';\n"),
    "template": counts_not("A call in a template does not count.", SHOW + "`import.meta.hot.accept()`;\n"),
    "template-nested": counts_not(
        "A call in a template in the hole of a template does not count.",
        SHOW + "`${`import.meta.hot.accept()`}`;\n",
    ),
    "regex": counts_not(
        "A call in a regular expression does not count.", SHOW + "/import.meta.hot.accept()/;\n"
    ),
    "regex-with-quote": counts(
        "A quote in a regular expression opens no string.", SHOW + "/[\"'`/]/.test('');\n" + ACCEPT
    ),
    "division": counts(
        "A division is no regular expression.", SHOW + "const a = 4, g = 2;\na / 2 / g;\n" + ACCEPT
    ),
    "other-object": counts_not(
        "A method of another object does not count.",
        SHOW + "const other = { meta: { hot: { accept() {} } } };\nother.meta.hot.accept();\n",
    ),
    "other-method": counts_not(
        "A method whose name only begins like it does not count.",
        SHOW + "import.meta.hot.acceptAll?.();\n",
        stock=Stock(brings=(UPDATE,), shows="v1", reloads=False),
        why="Stock takes it for `accept`, and the page stays as it was.",
    ),
    "single-quotes": accepts(
        "A dependency in single quotes counts.", f"import.meta.hot.accept('./dep.js', {ONTO});"
    ),
    "template-dependency": accepts(
        "A dependency in a template without holes counts.", f"import.meta.hot.accept(`./dep.js`, {ONTO});"
    ),
    "optional-dependency": accepts(
        "A dependency behind `?.` counts.", f"import.meta.hot?.accept('./dep.js', {ONTO});"
    ),
    "list-over-lines": accepts(
        "A list may go over lines, with a comma at its end.",
        "import.meta.hot.accept([\n  './dep.js',\n], ([fresh]) => show(fresh.value));",
    ),
    "list-with-comment": accepts(
        "A list may have comments in it.",
        "import.meta.hot.accept([/* one */ './dep.js' /* two */], ([fresh]) => show(fresh.value));",
        why=SPELLING + " Stock refuses the module.",
        never=REFUSED,
    ),
    "comment-before-dependency": accepts(
        "A comment may stand ahead of a dependency.",
        f"import.meta.hot.accept(/* one */ './dep.js', {ONTO});",
        why=SPELLING + " Stock takes it for `accept()` without a dependency, and runs the importer too.",
        stock=Stock(brings=(UPDATE,)),
    ),
    "escape": accepts(
        "A dependency may be spelled with escapes.",
        f"import.meta.hot.accept('./\\x64ep.js', {ONTO});",
        why=SPELLING + " Stock refuses the module.",
        never=REFUSED,
    ),
    "import-escape": imports(
        "A specifier may be spelled with escapes.", 'import { value } from "./\\x64ep.js";'
    ),
    "import-lines": imports(
        "An import may go over lines, with comments in it.",
        'import {\n  // what it is\n  value, /* , other */\n} from /* here */ "./dep.js";',
    ),
    "import-dense": imports("An import needs no spaces.", 'import{value}from"./dep.js";'),
    "import-dynamic-template": imports(
        "A dynamic import of a template without holes counts.",
        "const { value } = await import(`./dep.js`);",
    ),
    "import-dynamic-comment": imports(
        "A dynamic import with a comment in it counts.",
        'const { value } = await import(/* @vite-ignore */ "./dep.js");',
    ),
    "import-attributes": Scenario(
        "An import with attributes is read by the browser itself, and its file is hot.",
        {
            "src/main.js": 'import data from "./data.json" with { type: "json" };\nshow(data.value);\n'
            + ACCEPT,
            "src/data.json": '{"value": "v1"}',
        },
        "v1",
        Step(edit("src/data.json"), UPDATE, "v2"),
    ),
    "import-attributes-dynamic": imports(
        "A dynamic import with attributes is read by the browser itself, and its file is hot.",
        'const { default: { value } } = await import("./dep.json", { with: { type: "json" } });',
        "src/dep.json",
        why="It is what the browser would do without a server in between; stock serves a module instead.",
        never=Stock(shows="Test"),
    ),
    "no-edges": Scenario(
        "What comments, strings, templates and regular expressions name is not imported.",
        {
            "src/main.js": '// import "./ghost.js";\n/* import("./ghost.js") */\n'
            "const a = 'import \"./ghost.js\"';\n"
            'const b = `import("./ghost.js")`;\nconst c = /import(".\\/ghost.js")/;\nshow("v1");\n' + ACCEPT,
            "src/ghost.js": VALUE,
        },
        "v1",
        (
            Step(edit("src/ghost.js", "v1", "v2")),
            Step(edit("src/main.js"), UPDATE, "v2"),
        ),
    ),
    "hashbang": counts(
        "A module may begin with a hashbang.",
        "#!/usr/bin/env node\n" + SHOW + ACCEPT,
        why="Stock puts its own line ahead of it, so that the browser cannot read the module.",
        never=Stock(shows="Test"),
    ),
    "byte-order-mark": counts("A byte order mark is no text.", "\ufeff" + SHOW + ACCEPT),
    "byte-order-mark-and-hashbang": counts(
        "A hashbang may follow a byte order mark.",
        "\ufeff#!/usr/bin/env node\n" + SHOW + ACCEPT,
        why="As above.",
        never=Stock(shows="Test"),
    ),
    "crlf": counts("Lines may end in CR LF.", (SHOW + "// a comment\n" + ACCEPT).replace("\n", "\r\n")),
    "cr": counts("Lines may end in CR.", (SHOW + "// a comment\n" + ACCEPT).replace("\n", "\r")),
    "no-line-end": counts("The last line needs no end.", SHOW + ACCEPT.strip()),
    "line-separator": counts(
        "U+2028 ends a comment.",
        SHOW + "// a comment\u2028" + ACCEPT,
        why="It does in JavaScript; stock takes the call for a part of the comment.",
        stock=RELOADS,
    ),
    "computed": Scenario(
        "A dependency that is computed is an error that says so.",
        {"src/main.js": DEP + ACCEPT, "src/dep.js": VALUE},
        "v1",
        Step(
            edit("src/main.js", "accept()", "accept(['./dep.js', window.name])"),
            "error",
            stock=Stock(brings=(UPDATE, "error")),
        ),
        why="The page is not asked to import what cannot be served, and keeps what it has.",
    ),
}
