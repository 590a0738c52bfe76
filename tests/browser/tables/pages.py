"""HTML pages: the one that is edited reloads."""

from __future__ import annotations

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, delete, edit, page, write

__all__ = ["SCENARIOS"]

MAIN = 'show("v1");\n' + ACCEPT
INLINE = '<script type="module">import { value } from "/src/dep.js"; show(`inline ${value}`);</script>'
INLINE_ACCEPTS = (
    '<script type="module">\nimport { value } from "/src/dep.js";\nshow(`inline ${value}`);\n'
    'import.meta.hot.accept("/src/dep.js", (fresh) => show(`inline ${fresh.value}`));\n</script>'
)
TITLE = "document.title"

SCENARIOS: dict[str, Scenario] = {
    "this": Scenario(
        "An edit of a page reloads it.",
        {"index.html": page(title="Home", script=None)},
        "Home",
        Step(edit("index.html", "Home", "Start"), "full-reload /index.html", "Start", reloads=True),
        probe=TITLE,
    ),
    "another": Scenario(
        "An edit of another page leaves this one alone.",
        {"index.html": page(title="Home", script=None), "about.html": page(title="About", script=None)},
        "Home",
        Step(
            edit("about.html", "About", "About us"),
            "full-reload /about.html",
            elsewhere=Stock(shows="About us", reloads=True),
        ),
        probe=TITLE,
        tabs=("", "about.html"),
        shows_elsewhere="About",
    ),
    "index-from-another": Scenario(
        "An edit of the start page leaves other pages alone.",
        {"index.html": page(title="Home", script=None), "about.html": page(title="About", script=None)},
        "About",
        Step(
            edit("index.html", "Home", "Start"),
            "full-reload /index.html",
            elsewhere=Stock(shows="Start", reloads=True),
            stock=Stock(reloads=True),
        ),
        why="Only who shows the page loses state; stock reloads every page for an edit of `/index.html`.",
        probe=TITLE,
        tabs=("about.html", ""),
        shows_elsewhere="Home",
    ),
    "in-folder": Scenario(
        "A page that a folder stands for reloads, the start page does not.",
        {"index.html": page(title="Home", script=None), "docs/index.html": page(title="Docs", script=None)},
        "Home",
        Step(
            edit("docs/index.html", "Docs", "Manual"),
            "full-reload /docs/index.html",
            elsewhere=Stock(shows="Manual", reloads=True),
        ),
        probe=TITLE,
        tabs=("", "docs/"),
        shows_elsewhere="Docs",
    ),
    "encoded": Scenario(
        "A page whose name has spaces and umlauts reloads.",
        {"über uns.html": page(title="Us", script=None)},
        "Us",
        Step(edit("über uns.html", "Us", "You"), "full-reload /über uns.html", "You", reloads=True),
        probe=TITLE,
        tabs=("über uns.html",),
    ),
    "never-asked-for": Scenario(
        "An edit of a page that nobody asked for reloads nobody.",
        {"index.html": page(title="Home", script=None), "about.html": page(title="About", script=None)},
        "Home",
        Step(edit("about.html", "About", "About us"), "full-reload /about.html"),
        probe=TITLE,
    ),
    "made": Scenario(
        "A page that is made reloads nobody else.",
        {"index.html": page(title="Home", script=None)},
        "Home",
        Step(write("about.html", page(title="About")), "full-reload /about.html"),
        probe=TITLE,
    ),
    "with-query": Scenario(
        "A page that was asked for with a query reloads.",
        {"index.html": page(title="Home", script=None)},
        "Home",
        Step(edit("index.html", "Home", "Start"), "full-reload /index.html", "Start", reloads=True),
        probe=TITLE,
        tabs=("?a=1#b",),
    ),
    "routed": Scenario(
        "A page whose router has changed the address reloads still.",
        {"index.html": page(title="Home", script=None)},
        "Home",
        Step(
            edit("index.html", "Home", "Start"),
            "full-reload /index.html",
            "Start",
            does="history.pushState(null, '', '/?elsewhere')",
            reloads=True,
        ),
        probe=TITLE,
    ),
    "inline-edited": Scenario(
        "An edit of a page with an inline module reloads that page, and no other.",
        {
            "index.html": page(title="Home", script=None),
            "about.html": page(title="About", body=INLINE, script=None),
            "src/dep.js": VALUE,
        },
        "Home",
        Step(
            edit("about.html", "About", "About us"),
            "full-reload /about.html",
            elsewhere=Stock(shows="About us", reloads=True),
            stock=Stock(brings=("full-reload",), reloads=True),
        ),
        why="Only who shows the page loses state; stock reloads every page there is.",
        probe=TITLE,
        tabs=("", "about.html"),
        shows_elsewhere="About",
    ),
    "inline-import": Scenario(
        "What an inline module imports and nobody accepts reloads its page.",
        {"index.html": page(body=INLINE, script=None), "src/dep.js": VALUE},
        "inline v1",
        Step(edit("src/dep.js"), "full-reload", "inline v2", reloads=True),
    ),
    "inline-accepts": Scenario(
        "An inline module may accept what it imports.",
        {"index.html": page(body=INLINE_ACCEPTS, script=None), "src/dep.js": VALUE},
        "inline v1",
        Step(
            edit("src/dep.js"),
            "update /index.html?html-proxy&index=0.js < /src/dep.js",
            "inline v2",
        ),
    ),
    "inline-self-accepting-import": Scenario(
        "What an inline module imports may accept itself.",
        {
            "index.html": page(body='<script type="module">import "/src/dep.js";</script>', script=None),
            "src/dep.js": 'show("v1");\n' + ACCEPT,
        },
        "v1",
        Step(edit("src/dep.js"), "update /src/dep.js", "v2"),
    ),
    "two-pages-one-module": Scenario(
        "A module that two pages load updates both.",
        {
            "index.html": page(title="Home"),
            "about.html": page(title="About"),
            "src/main.js": MAIN,
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2"),
        tabs=("", "about.html"),
    ),
    "module-of-another-page": Scenario(
        "An update of a module that only another page has loaded does nothing here.",
        {
            "index.html": page(title="Home", script=None),
            "about.html": page(title="About"),
            "src/main.js": MAIN,
        },
        "Home",
        Step(edit("src/main.js"), "update /src/main.js", elsewhere=Stock(shows="v2")),
        tabs=("", "about.html"),
        shows_elsewhere="v1",
    ),
    "deleted": Scenario(
        "A page that is deleted stays as it is; made anew, it reloads.",
        {"index.html": page(title="Home", script=None)},
        "Home",
        (
            Step(
                delete("index.html"), stock=Stock(brings=("full-reload /index.html",), gone=True, ends=True)
            ),
            Step(
                write("index.html", page(title="Start", script=None)),
                "full-reload /index.html",
                "Start",
                reloads=True,
            ),
        ),
        why="A page that is gone for a moment, as while a branch is switched, is back by itself. Stock "
        "reloads it into an error page, which no save brings back.",
        probe=TITLE,
    ),
}
