"""Stylesheets: by `<link>`, by `import`, by `@import`, and what their `url()` names."""

from __future__ import annotations

from browser.scenario import ACCEPT, Scenario, Step, Stock, delete, page, write

__all__ = ["SCENARIOS"]

COLOUR = "getComputedStyle(document.querySelector('#out')).color"
LINK = '<link rel="stylesheet" href="/style.css">'
LINKED = page(LINK, script=None)
TWO_LINKED = page(LINK + '<link rel="stylesheet" href="/last.css">', script=None)
ONE = Stock(brings=("update /style.css",))
IMPORTING = 'import "../style.css";\n'
# What an element shows instead of its content is as wide as that.
PICTURE = "#out { display: inline-block; content: url('./dot.svg'); }\n"
WIDTH = "String(document.querySelector('#out').getBoundingClientRect().width)"


def colour(level: int, selector: str = "#out") -> str:
    """A rule that sets a colour no browser has by itself."""
    return f"{selector} {{ color: {rgb(level)}; }}\n"


def rgb(level: int) -> str:
    """A colour as browsers compute it."""
    return f"rgb({level}, {level}, {level})"


def dot(width: int) -> str:
    """A picture; over 4 KiB, since stock puts smaller ones into the stylesheet."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="1">{"<g/>" * 1200}</svg>'


def styled(
    says: str,
    files: dict[str, str | bytes],
    *steps: Step,
    why: str = "",
    shows: str = rgb(1),
    probe: str = COLOUR,
    notes: tuple[str, ...] = (),
    stock: Stock | None = None,
) -> Scenario:
    """A scenario whose page shows a style."""
    return Scenario(says, files, shows, steps, why, notes=notes, probe=probe, stock=stock)


SCENARIOS: dict[str, Scenario] = {
    "linked": styled(
        "A linked stylesheet is swapped.",
        {"index.html": LINKED, "style.css": colour(1)},
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2)),
        Step(write("style.css", colour(3)), "swap /style.css", rgb(3)),
    ),
    "linked-twice": styled(
        "A stylesheet that is linked twice is swapped twice.",
        {"index.html": page(LINK + LINK, script=None), "style.css": colour(1)},
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2), stock=Stock(shows=rgb(1))),
        why="Stock swaps the first only; the second goes on with what is outdated.",
    ),
    "linked-byte-order-mark": styled(
        "A stylesheet may begin with a byte order mark.",
        {"index.html": LINKED, "style.css": "\ufeff" + colour(1)},
        Step(write("style.css", "\ufeff" + colour(2)), "swap /style.css", rgb(2)),
    ),
    "linked-with-query": styled(
        "A linked stylesheet keeps the query of its URL.",
        {
            "index.html": page('<link rel="stylesheet" href="style.css?v=7">', script=None),
            "style.css": colour(1),
        },
        Step(write("style.css", colour(2)), "swap /style.css?v=7", rgb(2)),
        Step(
            does="show(document.querySelector('link').href.replace(/^.*\\/|t=\\d+&?/g, ''))",
        ),
    ),
    "linked-by-script": styled(
        "A stylesheet whose `<link>` a script added is swapped.",
        {
            "src/main.js": 'const link = document.createElement("link");\nlink.rel = "stylesheet";\n'
            'link.href = "/style.css";\ndocument.head.append(link);\n',
            "style.css": colour(1),
        },
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2)),
    ),
    "linked-broken": styled(
        "A stylesheet that is wrong is swapped like any other: the browser reads what it can.",
        {"index.html": LINKED, "style.css": colour(1)},
        Step(write("style.css", colour(2) + "p { color: \n"), "swap /style.css", rgb(2)),
        Step(write("style.css", colour(3)), "swap /style.css", rgb(3)),
    ),
    "linked-emptied": styled(
        "An emptied stylesheet is swapped.",
        {"index.html": LINKED, "style.css": colour(1)},
        Step(write("style.css", ""), "swap /style.css", rgb(0)),
    ),
    "linked-of-several": styled(
        "Of several linked stylesheets the one that was saved is swapped, in its place.",
        {
            "index.html": TWO_LINKED,
            "style.css": colour(1),
            "last.css": colour(9, "p#out"),
        },
        Step(write("style.css", colour(2)), "swap /style.css"),
        Step(write("last.css", ""), "swap /last.css", rgb(2)),
        shows=rgb(9),
    ),
    "linked-in-folder": styled(
        "A stylesheet that is linked from a page in a folder is swapped.",
        {
            "index.html": page('<link rel="stylesheet" href="./css/größe 1.css">', script=None),
            "css/größe 1.css": colour(1),
        },
        Step(write("css/größe 1.css", colour(2)), "swap /css/größe 1.css", rgb(2)),
        why="Stock does not find the file.",
        stock=Stock(shows=rgb(0)),
    ),
    "linked-deleted": styled(
        "A linked stylesheet that is deleted stays until it is back.",
        {"index.html": LINKED, "style.css": colour(1)},
        Step(delete("style.css"), stock=Stock(brings=("swap /style.css",), shows=rgb(0))),
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2)),
        why="A file that is gone for a moment, as while a branch is switched, does not undress the page.",
    ),
    "imported": styled(
        "An imported stylesheet is replaced where it stands; its importer does not run again.",
        {"src/main.js": IMPORTING + 'note("main runs");\n', "style.css": colour(1)},
        Step(write("style.css", colour(2)), "update /style.css", rgb(2)),
        Step(write("style.css", colour(3)), "update /style.css", rgb(3)),
        notes=("main runs",),
    ),
    "imported-natively": styled(
        'A stylesheet that is imported with `type: "css"` is a constructed sheet, and updates its importer.',
        {
            "src/main.js": 'import sheet from "../style.css" with { type: "css" };\n'
            "document.adoptedStyleSheets = [sheet];\n" + ACCEPT,
            "style.css": colour(1),
        },
        Step(write("style.css", colour(2)), ("swap /style.css", "update /src/main.js"), rgb(2)),
        why="Import attributes mean what they mean in the browser; stock takes them away.",
        stock=Stock(shows=rgb(0)),
    ),
    "imported-order": styled(
        "Imported stylesheets keep their order.",
        {
            "src/main.js": 'import "../first.css";\nimport "../second.css";\n',
            "first.css": colour(3),
            "second.css": colour(1),
        },
        Step(write("first.css", colour(2)), "update /first.css"),
        Step(write("second.css", ""), "update /second.css", rgb(2)),
    ),
    "imported-and-gone": styled(
        "An imported stylesheet goes with its import, and comes back with it.",
        {"src/main.js": IMPORTING + ACCEPT, "style.css": colour(1)},
        Step(write("src/main.js", ACCEPT), ("update /src/main.js", "prune /style.css"), rgb(0)),
        Step(write("src/main.js", IMPORTING + ACCEPT), "update /src/main.js", rgb(1)),
        Step(write("style.css", colour(2)), "update /style.css", rgb(2)),
    ),
    "imported-accepted": styled(
        "A stylesheet takes its update in itself, also where its importer accepts it.",
        {
            "src/main.js": IMPORTING + 'import.meta.hot.accept("../style.css", () => note("accepted"));\n',
            "style.css": colour(1),
        },
        Step(write("style.css", colour(2)), "update /style.css", rgb(2)),
    ),
    "imported-by-two": styled(
        "A stylesheet that two modules import is one, and stays while one of them wants it.",
        {
            "src/main.js": 'import "./a.js";\nimport "./b.js";\n',
            "src/a.js": IMPORTING + ACCEPT,
            "src/b.js": IMPORTING + ACCEPT,
            "style.css": colour(1),
        },
        Step(write("style.css", colour(2)), "update /style.css", rgb(2)),
        Step(write("src/a.js", ACCEPT), "update /src/a.js"),
        Step(write("src/b.js", ACCEPT), ("update /src/b.js", "prune /style.css"), rgb(0)),
    ),
    "imported-dynamically": styled(
        "A stylesheet that is imported dynamically is replaced.",
        {"src/main.js": 'await import("../style.css");\n', "style.css": colour(1)},
        Step(write("style.css", colour(2)), "update /style.css", rgb(2)),
    ),
    "imported-as-text": styled(
        "A stylesheet that is imported with `?raw` is text, and updates its importer.",
        {"src/main.js": 'import text from "../style.css?raw";\nshow(text);\n' + ACCEPT, "style.css": "v1"},
        Step(write("style.css", "v2"), "update /src/main.js", "v2"),
        shows="v1",
        probe="document.querySelector('#out').textContent",
    ),
    "imported-deleted": styled(
        "An imported stylesheet that is deleted is missed, and the page keeps it.",
        {"src/main.js": IMPORTING, "style.css": colour(1)},
        Step(delete("style.css"), "error", stock=Stock(brings=("update /style.css",))),
        why="The page says what is missing; stock only logs that an import failed.",
    ),
    "linked-and-imported": styled(
        "A stylesheet that is linked and imported is replaced in both places by one message.",
        {"index.html": page(LINK), "src/main.js": IMPORTING, "style.css": colour(1)},
        Step(write("style.css", colour(2)), ("swap /style.css", "update /style.css"), rgb(2)),
        Step(write("style.css", ""), ("swap /style.css", "update /style.css"), rgb(0)),
    ),
    "chain-linked": styled(
        "What a linked stylesheet imports, and what that imports, swaps the link.",
        {
            "index.html": LINKED,
            "style.css": '@import "./css/a.css";\n',
            "css/a.css": '@import url("deep/b.css");\n',
            "css/deep/b.css": colour(1),
        },
        Step(write("css/deep/b.css", colour(2)), "swap /style.css", rgb(2)),
        Step(write("css/deep/b.css", colour(3)), "swap /style.css", rgb(3)),
        Step(write("css/a.css", colour(4)), "swap /style.css", rgb(4)),
    ),
    "chain-imported": styled(
        "What an imported stylesheet imports, and what that imports, replaces it.",
        {
            "src/main.js": IMPORTING,
            "style.css": '@import "./css/a.css";\n',
            "css/a.css": '@import url("deep/b.css");\n',
            "css/deep/b.css": colour(1),
        },
        *(
            Step(write(path, colour(level)), ("swap /css/a.css", "update /style.css"), rgb(level), stock=ONE)
            for path, level in (("css/deep/b.css", 2), ("css/deep/b.css", 3), ("css/a.css", 4))
        ),
        why="The browser fetched the one in between itself, and whether a script has linked it too nobody "
        "knows: a swap without a link does nothing.",
    ),
    "chain-conditions": styled(
        "`@import` with a layer, a condition and a medium is followed.",
        {
            "index.html": LINKED,
            "style.css": '@import "a.css" layer(base) supports(display: grid) screen;\n',
            "a.css": colour(1),
        },
        Step(write("a.css", colour(2)), "swap /style.css", rgb(2)),
    ),
    "chain-in-comment": styled(
        "An `@import` in a comment or in a string is none.",
        {
            "index.html": LINKED,
            "style.css": '/* @import "a.css"; */\np::after { content: \'@import "a.css";\'; }\n' + colour(1),
            "a.css": colour(1),
        },
        Step(write("a.css", colour(2))),
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2)),
    ),
    "chain-shared": styled(
        "A stylesheet that two linked ones import swaps both.",
        {
            "index.html": TWO_LINKED,
            "style.css": '@import "a.css";\n',
            "last.css": '@import "a.css";\n',
            "a.css": colour(1),
        },
        Step(write("a.css", colour(2)), ("swap /last.css", "swap /style.css"), rgb(2)),
    ),
    "chain-broken-off": styled(
        "A stylesheet that is no longer imported changes nothing.",
        {"index.html": LINKED, "style.css": '@import "a.css";\n', "a.css": colour(1)},
        Step(write("style.css", colour(2)), "swap /style.css", rgb(2)),
        Step(write("a.css", colour(3)), stock=Stock(brings=("swap /style.css",))),
        why="What nobody imports concerns nobody.",
    ),
    "chain-circle": styled(
        "Stylesheets that import one another swap the link.",
        {
            "index.html": LINKED,
            "style.css": '@import "a.css";\n',
            "a.css": '@import "style.css";\n' + colour(1),
        },
        Step(
            write("a.css", '@import "style.css";\n' + colour(2)),
            "swap /style.css (circular)",
            rgb(2),
            stock=Stock(brings=("swap /style.css",)),
        ),
        why="The mark is true; it concerns modules that run, so a swap takes no notice.",
    ),
    "chain-missing": Scenario(
        "A stylesheet that imports a missing one says so, and is swapped when that is made.",
        {"index.html": LINKED, "style.css": '@import "a.css";\n' + colour(5, "p")},
        rgb(5),
        (Step(write("a.css", colour(2)), "swap /style.css", rgb(2)),),
        "The rules that are there hold meanwhile; stock refuses the whole stylesheet.",
        at_first=("error",),
        probe=COLOUR,
        stock=Stock(shows=rgb(0)),
    ),
    "picture": styled(
        "A picture that a linked stylesheet names is fetched anew.",
        {
            "index.html": LINKED,
            "style.css": PICTURE,
            "dot.svg": dot(11),
        },
        Step(write("dot.svg", dot(22)), "swap /style.css", "22"),
        Step(write("dot.svg", dot(33)), "swap /style.css", "33"),
        shows="11",
        probe=WIDTH,
    ),
    "picture-imported": styled(
        "So is one that an imported stylesheet names, relative to itself.",
        {
            "src/main.js": 'import "./theme/style.css";\n',
            "src/theme/style.css": PICTURE.replace("./dot", "img/dot"),
            "src/theme/img/dot.svg": dot(11),
        },
        Step(write("src/theme/img/dot.svg", dot(22)), "update /src/theme/style.css", "22"),
        shows="11",
        probe=WIDTH,
    ),
    "picture-deep": styled(
        "So is one that a stylesheet names which another one imports from elsewhere.",
        {
            "index.html": LINKED,
            "style.css": '@import "./css/a.css";\n',
            "css/a.css": PICTURE.replace("./dot", "../img/a dot"),
            "img/a dot.svg": dot(11),
        },
        Step(write("img/a dot.svg", dot(22)), "swap /style.css", "22"),
        shows="11",
        probe=WIDTH,
    ),
    "picture-unused": styled(
        "A picture that no stylesheet names changes nothing.",
        {"index.html": LINKED, "style.css": PICTURE, "dot.svg": dot(11), "other.svg": dot(11)},
        Step(write("other.svg", dot(22))),
        shows="11",
        probe=WIDTH,
    ),
}
