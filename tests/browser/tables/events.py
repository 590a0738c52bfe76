"""What modules are told, and what they tell: `on`, `off`, `send` and the client's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.scenario import ACCEPT, VALUE, Scenario, Step, Stock, edit, page, write

if TYPE_CHECKING:
    from hotchannel.devserver.app import DevServer
    from hotchannel.websocket.client import WebSocketClient

__all__ = ["SCENARIOS"]

# Kept by a module of its own, so that they outlive what they tell of.
EVENTS = ("beforeUpdate afterUpdate beforeFullReload beforePrune invalidate error").split()
WATCH = (
    "const told = (name) => ({ updates, path, paths, err }) => {\n"
    '  const what = updates ? updates.map((each) => each.path).join(" ") : paths?.join(" ") ?? path ?? "";\n'
    '  if (what === "/beacon.js" || (updates && what === "")) return;\n'
    '  note(`${name} ${err ? "" : what}`.trim());\n};\n'
    f"for (const name of {EVENTS}) import.meta.hot.on(`vite:${{name}}`, told(name));\n"
)
ADDS_UP = {
    "vite.config.js": "const configureServer = ({ ws }) => ws.on('sum:ask', (of, client) => {\n"
    "  client.send('sum:answer', { sum: of.reduce((a, b) => a + b) });\n"
    "  ws.send('sum:count', { count: of.length });\n});\n"
    "export default { plugins: [{ name: 'adds-up', configureServer }] };\n"
}


def adds_up(server: DevServer) -> None:
    """Answer as `ADDS_UP` does."""

    def asked(of: list[int], client: WebSocketClient) -> None:
        client.send("sum:answer", {"sum": sum(of)})
        server.channel.send("sum:count", {"count": len(of)})

    server.channel.on("sum:ask", asked)


def watched(
    says: str, files: dict[str, str | bytes], step: Step, *, why: str = "", notes: tuple[str, ...] = ()
) -> Scenario:
    """A page with a module beside the others that notes the events."""
    watch = '<script type="module" src="/src/watch.js"></script>'
    return Scenario(
        says, {"index.html": page(body=watch), "src/watch.js": WATCH, **files}, "v1", step, why, notes=notes
    )


SCENARIOS: dict[str, Scenario] = {
    "on-ends": Scenario(
        "A listener ends with the version that added it.",
        {
            "src/main.js": 'show("v1");\nconst mine = "v1";\n'
            'import.meta.hot.on("vite:beforeUpdate", ({ updates }) => {\n'
            '  if (updates[0].path === "/src/main.js") note(`${mine} hears`);\n});\n' + ACCEPT
        },
        "v1",
        (
            Step(edit("src/main.js"), "update /src/main.js", "v2", "v1 hears"),
            Step(edit("src/main.js", "v2", "v3"), "update /src/main.js", "v3", "v2 hears"),
        ),
    ),
    "off": Scenario(
        "`off` takes one listener away and leaves the others.",
        {
            "src/main.js": 'import "./dep.js";\nshow("main");\n',
            "src/dep.js": "const heard = (name) => ({ updates }) => {\n"
            '  if (updates[0].path === "/src/dep.js") note(name);\n};\n'
            'const gone = heard("gone");\nimport.meta.hot.on("vite:beforeUpdate", gone);\n'
            'import.meta.hot.on("vite:beforeUpdate", heard("kept"));\n'
            'import.meta.hot.off("vite:beforeUpdate", gone);\n' + ACCEPT + "// v1\n",
        },
        "main",
        Step(edit("src/dep.js"), "update /src/dep.js", notes="kept"),
    ),
    "on-async": Scenario(
        "A listener of `vite:beforeUpdate` that is asynchronous is waited for.",
        {
            "src/main.js": 'note("runs v1");\nshow("v1");\n'
            'import.meta.hot.on("vite:beforeUpdate", async ({ updates }) => {\n'
            '  if (updates[0].path !== "/src/main.js") return;\n'
            '  await new Promise((resolve) => setTimeout(resolve, 20));\n  note("ready");\n});\n' + ACCEPT
        },
        "v1",
        Step(edit("src/main.js"), "update /src/main.js", "v2", ("ready", "runs v2")),
        notes=("runs v1",),
    ),
    "update": watched(
        "`vite:beforeUpdate` comes before the new version runs, `vite:afterUpdate` after it.",
        {"src/main.js": 'note("runs");\nshow("v1");\n' + ACCEPT},
        Step(
            edit("src/main.js"),
            "update /src/main.js",
            "v2",
            ("beforeUpdate /src/main.js", "runs", "afterUpdate /src/main.js"),
        ),
        notes=("runs",),
    ),
    "prune": watched(
        "`vite:beforePrune` comes when the update is over, ahead of dispose and prune.",
        {
            "src/main.js": 'import "./dep.js";\nshow("v1");\n' + ACCEPT,
            "src/dep.js": 'import.meta.hot.prune(() => note("prunes"));\n'
            'import.meta.hot.dispose(() => note("disposes"));\n',
        },
        Step(
            write("src/main.js", 'show("v2");\n' + ACCEPT),
            ("update /src/main.js", "prune /src/dep.js"),
            "v2",
            (
                "beforeUpdate /src/main.js",
                "afterUpdate /src/main.js",
                "beforePrune /src/dep.js",
                "disposes",
                "prunes",
            ),
        ),
    ),
    "full-reload": watched(
        "`vite:beforeFullReload` comes ahead of a reload, and no update with it.",
        {"src/main.js": 'show("v1");\n'},
        Step(edit("src/main.js"), "full-reload", "v2", "beforeFullReload *", reloads=True),
    ),
    "other-page": watched(
        "An edit of another page is no event of this one.",
        {"src/main.js": 'show("v1");\n', "about.html": page(title="About")},
        Step(
            edit("about.html", "About", "About us"),
            "full-reload /about.html",
            stock=Stock(notes=("beforeFullReload /about.html",)),
        ),
        why="Who saves its state ahead of a reload does so for nothing in stock, where the page stays.",
    ),
    "error": watched(
        "`vite:error` comes where a module is wrong, and no update with it.",
        {"src/main.js": 'show("v1");\n' + ACCEPT},
        Step(
            write("src/main.js", "const list = [;\n"),
            "error",
            notes="error",
            stock=Stock(
                brings=("update /src/main.js", "error"),
                notes=("beforeUpdate /src/main.js", "afterUpdate /src/main.js", "error"),
            ),
        ),
        why="What cannot be served is no update.",
    ),
    "invalidate": watched(
        "`vite:invalidate` comes while the first update is at work; the second begins when that is over.",
        {
            "src/main.js": 'import { value } from "./dep.js";\nshow(value);\n' + ACCEPT,
            "src/dep.js": VALUE + "import.meta.hot.accept(() => import.meta.hot.invalidate());\n",
        },
        Step(
            edit("src/dep.js"),
            ("update /src/dep.js", "update /src/main.js (invalidated by /src/dep.js)"),
            "v2",
            (
                "beforeUpdate /src/dep.js",
                "invalidate /src/dep.js",
                "afterUpdate /src/dep.js",
                "beforeUpdate /src/main.js",
                "afterUpdate /src/main.js",
            ),
        ),
    ),
    "send": Scenario(
        "An event that a page sends reaches the server with its data, an answer that page, a broadcast all.",
        {
            "src/main.js": 'import.meta.hot.on("sum:answer", ({ sum }) => show(`sum ${sum}`));\n'
            'import.meta.hot.on("sum:count", ({ count }) => note(`count ${count}`));\n'
            'window.ask = (...of) => import.meta.hot.send("sum:ask", of);\nshow("ready");\n'
        },
        "ready",
        (
            Step(
                does="ask(2, 3)",
                brings=("custom sum:answer", "custom sum:count"),
                shows="sum 5",
                notes="count 2",
                elsewhere=Stock(brings=("custom sum:count",), shows="ready"),
            ),
            Step(
                does="ask(20, 30, 40)",
                brings=("custom sum:answer", "custom sum:count"),
                shows="sum 90",
                notes="count 3",
                elsewhere=Stock(brings=("custom sum:count",), shows="ready"),
            ),
        ),
        tabs=("", ""),
        serve=adds_up,
        stock_files=ADDS_UP,
    ),
    "send-early": Scenario(
        "What a module sends before the socket is open arrives all the same.",
        {
            "src/main.js": 'import.meta.hot.on("sum:answer", ({ sum }) => show(`sum ${sum}`));\n'
            'import.meta.hot.send("sum:ask", [1, 2]);\n'
        },
        "sum 3",
        Step(),
        at_first=("custom sum:answer", "custom sum:count"),
        serve=adds_up,
        stock_files=ADDS_UP,
    ),
}
