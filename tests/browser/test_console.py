"""What a page says in its console, and what goes wrong in it, in the server's terminal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from support.project import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from support.project import Project, StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><link rel="icon" href="data:,"></head><body><p id="out"></p>
<script type="module" src="/src/main.js"></script></body></html>
"""
MAIN = """
import.meta.hot.accept();
window.fail = () => { throw new TypeError("failed on purpose"); };
window.reject = () => { Promise.reject(new RangeError("rejected on purpose")); };
document.querySelector("#out").textContent = "runs";
"""
ON = "forward_console = true\n"


def plain(site: Project) -> str:
    """What the server printed, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", site.log)


def printed(tab: Tab, site: Project, text: str) -> str:
    """What the server printed, once `text` is in it."""
    tab.until(lambda: text in plain(site), f"{text!r} in the terminal: {plain(site)}")
    return plain(site)


@pytest.mark.ours
def test_what_goes_wrong_is_printed(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": MAIN, "hotchannel.toml": ON})
    tab.open(site.url)
    tab.text("runs")
    tab.page.evaluate("setTimeout(fail)")
    log = printed(tab, site, "TypeError: failed on purpose")
    assert re.search(r"\[Unhandled error\] TypeError: failed on purpose\n    at .*/src/main\.js:3:", log)
    tab.page.evaluate("reject()")
    log = printed(tab, site, "RangeError: rejected on purpose")
    assert re.search(r"\[Unhandled rejection\] RangeError: .*\n    at .*/src/main\.js:4:", log)
    tab.page.evaluate("setTimeout(() => { throw {code: 7}; })")
    printed(tab, site, "[Unhandled error] { code: 7 }")
    tab.page.evaluate("""() => {
        console.log("not asked for");
        console.error("%s is %o", "this", { bad: [1, "two"] });
        console.warn("the\\nend");
    }""")
    log = printed(tab, site, "[console.warn] the\n    end")
    assert '[console.error] this is { bad: [ 1, "two" ] }' in log
    assert "not asked for" not in log
    tab.errors.clear()
    # An update whose module fails while it runs.
    site.write("src/main.js", "import.meta.hot.accept();\n\nnull.nothing;\n")
    log = printed(tab, site, "reading 'nothing'")
    assert re.search(r"\[Unhandled error\] TypeError: Cannot read .*\n    at /src/main\.js:3:6\n", log)


@pytest.mark.ours
def test_what_the_server_knows_is_not_printed_twice(project: StartProject, tab: Tab) -> None:
    files = {"index.html": PAGE, "src/main.js": MAIN, "src/broken.js": "const list = [1, 2;\n"}
    site = project({**files, "hotchannel.toml": ON})
    tab.open(site.url)
    # Found by the server, and so told by it: once for the module that is loaded late, once for the update.
    tab.page.evaluate("import('/src/broken.js').catch((error) => { throw error; }), null")
    tab.until(lambda: len(tab.errors) == 1, "the page's own error")
    site.write("src/main.js", MAIN + "const list = [1, 2;\n")
    tab.until(lambda: len(tab.received("error")) == 2, "the server's error")
    site.write("src/main.js", MAIN.replace('"runs"', '"mended"'))
    tab.text("mended")
    # Found by the browser, of which the server knows nothing.
    site.write("src/main.js", MAIN + "let a = ;\n")
    log = printed(tab, site, "Unexpected token ';'")
    assert re.search(
        r"\[Unhandled error\] SyntaxError: Unexpected token ';'\n    at /src/main\.js:6:9\n", log
    )
    tab.page.evaluate("console.warn('the end')")
    log = printed(tab, site, "[console.warn] the end")
    assert log.count("[Unhandled") == log.count("Unexpected token ';'") == 1
    assert "[console.error]" not in log
    tab.errors.clear()


VALUES: dict[str, tuple[str, str]] = {
    "nothing": ("[]", ""),
    "strings": ("['a', 'b']", "a b"),
    "plain": (
        "[1, -0, 1n, true, null, undefined, Symbol('s'), NaN]",
        "1 -0 1n true null undefined Symbol(s) NaN",
    ),
    "functions": ("[function f() {}, () => {}, class A {}]", "[Function f] [Function] [Function A]"),
    "object": ("[{ a: 1, 'b-c': 's', d: {} }]", '{ a: 1, "b-c": "s", d: {} }'),
    "list": ("[[1, , 3], new Uint8Array(2)]", "[ 1, , 3 ] Uint8Array [ 0, 0 ]"),
    "collections": ("[new Map([['k', [1]]]), new Set([1, 'a'])]", 'Map { "k" => [ 1 ] } Set { 1, "a" }'),
    "class": ("[new (class Point { x = 1 })]", "Point { x: 1 }"),
    "no prototype": ("[Object.create(null)]", "{}"),
    "dates": ("[new Date(0), new Date(NaN), /a/g]", "1970-01-01T00:00:00.000Z Invalid Date /a/g"),
    "element": ("[Object.assign(document.createElement('p'), { id: 'x' })]", '<p id="x">'),
    "error": ("[{ e: new TypeError('no') }]", "{ e: [TypeError: no] }"),
    "specifiers": (
        "['%s %d %i %f %o %O %c%% %x %s', 's', '1.5', '1.5px', '1.5', [1], {}, 'css']",
        "s 1.5 1 1.5 [ 1 ] {} % %x %s",
    ),
    "numbers of odd things": ("['%d %i %d', {}, Symbol('s'), 2n]", "NaN NaN 2n"),
    "more arguments": ("['%s', 'a', 'b', { c: 1 }]", "a b { c: 1 }"),
    "circle": ("[(() => { const a = { b: [] }; a.b.push(a); return a; })()]", "{ b: [ [Circular] ] }"),
    "circle in a map": (
        "[(() => { const a = new Map(); a.set(a, 1); return a; })()]",
        "Map { [Circular] => 1 }",
    ),
    "twice is no circle": ("[(() => { const a = {}; return [a, a]; })()]", "[ {}, {} ]"),
    "deep": ("[{ a: { b: { c: { d: 1 } } } }]", "{ a: { b: { c: [Object] } } }"),
    "getter": ("[{ get a() { throw Error(); } }]", "{ a: [Getter] }"),
    "revoked": (
        "[(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()]",
        "[unreadable]",
    ),
    "proxy that throws": ("[new Proxy({}, { ownKeys() { throw Error(); } })]", "[unreadable]"),
    "name that throws": (
        "[Object.defineProperty(Error('x'), 'name', { get() { throw 1; } })]",
        "Error: [unreadable]",
    ),
    "tag that throws": ("[{ get [Symbol.toStringTag]() { throw 1; } }]", "{}"),
    "toString that throws": ("['%s', { toString() { throw 1; } }]", "{ toString: [Function toString] }"),
    "form that hides its id": ("[form()]", "<form>"),
}
"""Arguments of a console method, and what is sent of them."""

HUGE: dict[str, str] = {
    "string of 10 MB": "['x'.repeat(1e7)]",
    "list of a million": "[Array(1e6).fill('item')]",
    "list without end": "[Object.assign([], { length: 4294967295 })]",
    "map of a million": "[new Map(Array.from({ length: 1e6 }, (_, i) => [i, i]))]",
    "wide and deep": "[tree(3)]",
    "a chain of 100,000": "[(() => { let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; return a; })()]",
    "a proxy of proxies": "[endless()]",
    "100,000 arguments": "Array(1e5).fill('a')",
    "100,000 specifiers": "['%s'.repeat(1e5), ...Array(1000).fill('a')]",
    "an error's message of 10 MB": "[Error('x'.repeat(1e7))]",
}


MAKERS = """
window.form = () => {
    const form = document.createElement("form");
    form.innerHTML = "<input name=id>";
    return form;
};
window.tree = (depth) => (depth ? Array.from({ length: 100 }, () => tree(depth - 1)) : 1);
window.endless = () => new Proxy({}, {
    ownKeys: () => Array.from({ length: 100 }, (_, index) => `k${index}`),
    getOwnPropertyDescriptor: () => ({ value: endless(), enumerable: true, configurable: true }),
});
"""


@pytest.mark.ours
def test_values_as_texts(project: StartProject, tab: Tab, subtests: pytest.Subtests) -> None:
    site = project({"index.html": PAGE, "src/main.js": MAKERS + MAIN})
    tab.open(site.url)
    client = tab.page.request.get(f"{site.url}@vite/client").text()
    module = re.findall(r'from "\./(\w+/console\.js)"', client)[0]
    tab.page.evaluate(
        f"import('/@vite/{module}').then((found) => {{ window.format = found.formatConsole; }})"
    )
    for name, (expression, text) in VALUES.items():
        with subtests.test(name):
            assert tab.page.evaluate(f"format({expression})") == text
    for name, expression in HUGE.items():
        with subtests.test(name):
            assert 0 < tab.page.evaluate(f"format({expression}).length") <= 10_001


@pytest.mark.ours
def test_a_page_that_never_stops_talking_stays_connected(project: StartProject, tab: Tab) -> None:
    settings = 'forward_console = ["warn", "log"]\n'
    site = project({"index.html": PAGE, "src/main.js": MAIN, "hotchannel.toml": settings})
    tab.open(site.url)
    tab.page.evaluate("""() => {
        // What is logged while a value is looked at is not looked at as well.
        console.log("%o", new Proxy({}, { ownKeys() { console.log("again"); return []; } }));
        for (let count = 0; count < 10_000; count++) console.warn("tick \\ud800", count);
    }""")
    log = printed(tab, site, "more lines of this page within a second")
    assert "[console.log] {}" in log
    assert "[console.log] again" not in log
    assert log.count("[console.warn] tick \ufffd") == 39
    assert f"[console.warn] {10_000 - 39} more lines of this page within a second" in log
    # It is the same connection, and it is heard.
    tab.page.evaluate("console.warn('the end')")
    printed(tab, site, "[console.warn] the end")
    site.write("src/main.js", MAIN.replace('"runs"', '"still runs"'))
    tab.text("still runs")
    assert tab.kept


def stock_client(text: str) -> str:
    """npm's Vite client with the settings of ours, and with forwarding switched on."""
    ours = dict(re.findall(r"^const (\w+) = (.*);$", text, re.MULTILINE))
    values: dict[str, Any] = {
        "BASE": "/",
        "SERVER_HOST": json.loads(ours["serverHost"]),
        "HMR_PROTOCOL": None,
        "HMR_HOSTNAME": None,
        "HMR_PORT": None,
        "HMR_DIRECT_TARGET": json.loads(ours["wsDirectTarget"]),
        "HMR_BASE": "/",
        "HMR_TIMEOUT": 30_000,
        "HMR_ENABLE_OVERLAY": False,
        "HMR_CONFIG_NAME": "vite.config.js",
        "WS_TOKEN": json.loads(ours["wsToken"]),
        "SERVER_FORWARD_CONSOLE": {"enabled": True, "unhandledErrors": True, "logLevels": ["error", "warn"]},
    }
    source = (REPOSITORY / "node_modules/vite/dist/client/client.mjs").read_text("utf-8")
    source = source.replace('import "@vite/env";', "")
    return re.sub(
        r"\b__([A-Z_]+)__\b",
        lambda name: json.dumps(values[name[1]]) if name[1] in values else name[0],
        source,
    )


@pytest.mark.ours
def test_vite_s_own_client_is_heard_too(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": MAIN, "hotchannel.toml": ON})

    def client(route: Route) -> None:
        route.fulfill(body=stock_client(route.fetch().text()), content_type="text/javascript")

    tab.page.route(re.compile(r"/@vite/client$"), client)
    tab.open(site.url)
    tab.text("runs")
    tab.page.evaluate("setTimeout(fail)")
    log = printed(tab, site, "TypeError: failed on purpose")
    assert re.search(r"\[Unhandled error\] TypeError: failed on purpose\n    at .*/src/main\.js:3:", log)
    tab.page.evaluate("reject()")
    printed(tab, site, "[Unhandled rejection] RangeError: rejected on purpose")
    # Without an overlay it repeats in the console what the server told it.
    site.write("src/main.js", "const list = [1, 2;\n")
    tab.until(lambda: len(tab.received("error")) == 1, "the server's error")
    tab.page.evaluate("console.warn('the', { end: 1 })")
    log = printed(tab, site, "[console.warn] the { end: 1 }")
    assert "Internal Server Error" not in log
    tab.errors.clear()
