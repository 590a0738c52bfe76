"""Pages whose modules come in one response: everything is as it is without, but for the time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.project import Project, StartProject
    from support.tab import Tab

pytestmark = pytest.mark.ours

ON = "pack = true\n"
MAIN = '<script type="module" src="/main.js"></script>'


def page(body: str = MAIN, head: str = "") -> str:
    return f'<!doctype html><html><head>{head}</head><body><p id="out"></p>{body}</body></html>'


def show(expression: str) -> str:
    return f'document.querySelector("#out").textContent = {expression};\n'


def asked_for(tab: Tab) -> list[str]:
    """The paths of what the page's modules asked for, the client's own left out: its parts, and its ping."""
    names: list[str] = tab.page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    paths = ["/" + name.split("/", 3)[3] for name in names]
    return [path for path in paths if not re.search(r"@vite/(?!pack/)|favicon|^/$", path)]


def only_the_pack(tab: Tab) -> bool:
    return [re.sub(r"[0-9a-f]{24}", "DIGEST", path) for path in asked_for(tab)] == ["/@vite/pack/DIGEST.js"]


@pytest.fixture
def start(project: StartProject) -> Callable[..., Project]:
    """Start a site of these files, with packs for every page."""

    def start(files: dict[str, str], settings: str = ON, base: str = "/") -> Project:
        return project({"index.html": page(), "hotchannel.toml": settings, **files}, base=base)

    return start


def test_modules_come_in_one_response(start: Callable[..., Project], tab: Tab) -> None:
    site = start(
        {
            "main.js": 'import { b } from "./b.js"; import { c } from "/sub/c.js";\n' + show("b + c"),
            "b.js": 'export { b } from "./sub/b.js";\n',
            "sub/b.js": 'export const b = "b";\n',
            "sub/c.js": 'import { b } from "./b.js"; export const c = b + "c";\n',
        }
    )
    tab.open(site.url)
    tab.text("bbc")
    assert only_the_pack(tab)


def test_a_module_is_one_however_it_is_imported(start: Callable[..., Project], tab: Tab) -> None:
    site = start(
        {
            "index.html": page(
                '<script type="module">import "./lib.js"; window.inline = true;</script>' + MAIN,
                '<script type="importmap">{"imports": {"lib": "/lib.js", "lazily": "./lazy.js", '
                '"parts/": "/sub/"}}</script>',
            ),
            "main.js": (
                'import "./lib.js"; import "lib"; import "parts/same.js"; import "./sub/same.js";\n'
                'const lazy = await import("lazily"); const name = "lib";\n'
                'await import(`./${name}.js`); await import("/lib.js"); await import(name);\n'
                "await import(new URL('./lib.js', import.meta.url));\n" + show("window.runs.sort().join(' ')")
            ),
            "lib.js": "(window.runs ??= []).push('lib');\n",
            "sub/same.js": "(window.runs ??= []).push('same');\n",
            "lazy.js": 'import "lib"; import "./lib.js"; import "parts/same.js"; window.runs.push("lazy");\n',
        }
    )
    tab.open(site.url)
    tab.text("lazy lib same")
    assert asked_for(tab)[1:] == ["/lazy.js"]


def test_equal_modules_are_two(start: Callable[..., Project], tab: Tab) -> None:
    text = "window.runs = (window.runs ?? 0) + 1;\n"
    main = 'import "./a.js"; import "./b.js";\n'
    site = start({"main.js": main + show("window.runs"), "a.js": text, "b.js": text})
    tab.open(site.url)
    tab.text("2")


@pytest.mark.parametrize("base", ["/", "/app/"])
def test_a_module_knows_where_it_is(start: Callable[..., Project], tab: Tab, base: str) -> None:
    site = start(
        {
            "main.js": 'import { where } from "./sub dir/ü.js";\n' + show("where"),
            "sub dir/ü.js": (
                "export const where = [import.meta.url, import.meta.resolve('../x.js'), "
                "new URL('y.png', import.meta.url)].map((url) => new URL(url).pathname).join(' ');\n"
            ),
            "index.html": page(f'<script type="module" src="{base}main.js"></script>'),
        },
        base=base,
    )
    tab.open(site.url)
    tab.text(f"{base}sub%20dir/%C3%BC.js {base}x.js {base}sub%20dir/y.png")
    assert asked_for(tab)[0].startswith(f"{base}@vite/pack/")
    assert len(asked_for(tab)) == 1


def test_other_kinds_of_modules(start: Callable[..., Project], tab: Tab) -> None:
    site = start(
        {
            "main.js": (
                'import "./a.css"; import data, { name } from "./data.json";\n'
                'import text from "./t.txt?raw"; import url from "./t.txt?url";\n'
                'import native from "./data.json" with { type: "json" };\n'
                'import W from "./worker.js?worker"; import css from "./b.css?inline";\n'
                "new W().onmessage = ({ data: said }) => {\n"
                + show("[name, data.name, text, url, native.name, css, said].join(' ')")
                + "};\n"
            ),
            "a.css": "body { color: rgb(1, 2, 3) }\n",
            "b.css": "b{}",
            "data.json": '{"name": "json"}',
            "t.txt": "text",
            "worker.js": 'import { said } from "./said.js"; postMessage(said);\n',
            "said.js": 'export const said = "worker";\n',
        }
    )
    tab.open(site.url)
    tab.text("json json text /t.txt json b{} worker")
    tab.style("rgb(1, 2, 3)")


def test_updates_are_what_they_were(start: Callable[..., Project], new_tab: Callable[[], Tab]) -> None:
    site = start(
        {
            "main.js": (
                'import { dep } from "./dep.js"; import { state } from "./state.js"; import "./a.css";\n'
                'const draw = (text) => { document.querySelector("#out").textContent = '
                "`${text} ${state.count++}`; };\n"
                'draw(dep); import.meta.hot.accept("./dep.js", (fresh) => draw(fresh.dep));\n'
            ),
            "dep.js": 'import { leaf } from "./leaf.js"; export const dep = `dep1 ${leaf}`;\n',
            "leaf.js": 'import "./state.js"; export const leaf = "leaf1";\n',
            "state.js": "export const state = { count: 0 };\n",
            "a.css": "body { color: rgb(1, 1, 1) }\n",
        }
    )
    first = new_tab()
    first.open(site.url)
    first.text("dep1 leaf1 0")
    site.edit("dep.js", "dep1", "dep2")
    first.text("dep2 leaf1 1")
    site.edit("leaf.js", "leaf1", "leaf2")
    first.text("dep2 leaf2 2")
    site.edit("a.css", "1, 1, 1", "2, 2, 2")
    first.style("rgb(2, 2, 2)")
    assert first.kept

    # A page that comes later has what is on disk, in one response, and is updated the same way.
    second = new_tab()
    second.open(site.url)
    second.text("dep2 leaf2 0")
    second.style("rgb(2, 2, 2)")
    assert only_the_pack(second)
    site.edit("leaf.js", "leaf2", "leaf3")
    first.text("dep2 leaf3 3")
    second.text("dep2 leaf3 1")
    assert first.kept
    assert second.kept


def test_a_self_accepting_entry(start: Callable[..., Project], tab: Tab) -> None:
    main = "import.meta.hot.accept(); import.meta.hot.data.n = (import.meta.hot.data.n ?? 0) + 1;\n"
    site = start({"main.js": main + show("`v1 ${import.meta.hot.data.n}`")})
    tab.open(site.url)
    tab.text("v1 1")
    site.edit("main.js", "v1", "v2")
    tab.text("v2 2")
    assert tab.kept


def test_a_syntax_error_has_its_place(start: Callable[..., Project], new_tab: Callable[[], Tab]) -> None:
    site = start(
        {
            "main.js": 'import "./bad.js";\n',
            "bad.js": "let good;\n// import.meta.url\nlet a = 1; let a = 2;\n",
        }
    )
    tab = new_tab()
    tab.open(site.url)
    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay.locator(".file")).to_contain_text("/bad.js:3:16")
    expect(overlay.locator(".frame")).to_contain_text("let a = 1; let a = 2;")
    assert "already been declared" in tab.errors.pop()
    site.edit("bad.js", "let a = 2", "let b = 2")
    tab.wait_for_reload()
    expect(overlay).to_have_count(0)


def test_a_stack_names_the_file(start: Callable[..., Project], tab: Tab) -> None:
    site = start(
        {
            "main.js": 'import { fail } from "./f.js";\ntry { fail(); } catch (error) {\n'
            + show("error.stack")
            + "}\n",
            "f.js": "\n\nexport function fail() { throw new Error('x'); }\n",
        }
    )
    tab.open(site.url)
    expect(tab.page.locator("#out")).to_contain_text(f"{site.url}f.js:3:32")
    expect(tab.page.locator("#out")).to_contain_text(f"{site.url}main.js:2:7")


def test_a_module_that_the_server_finds_wrong_is_left_out(start: Callable[..., Project], tab: Tab) -> None:
    site = start({"main.js": 'import "./bad.js";\n' + show("'runs'"), "bad.js": "let a = (;\n"})
    tab.open(site.url)
    expect(tab.page.locator("vite-error-overlay .file")).to_contain_text("bad.js")
    site.edit("bad.js", "(;", "1;")
    tab.wait_for_reload()
    tab.text("runs")
    assert only_the_pack(tab)


POLICY = """<meta http-equiv="Content-Security-Policy" content="script-src 'self'">"""
SENT = '[headers]\nContent-Security-Policy = "'


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        pytest.param(POLICY, ON, id="policy-in-the-page"),
        pytest.param("", ON + SENT + "script-src 'self'\"\n", id="policy-of-the-server"),
        pytest.param("", ON + SENT + "require-trusted-types-for 'script'\"\n", id="trusted-types"),
        pytest.param('<base href="/">', ON, id="base"),
        pytest.param("", "pack = false\n", id="switched-off"),
        pytest.param("", "", id="few-modules"),
    ],
)
def test_it_steps_aside(start: Callable[..., Project], tab: Tab, head: str, settings: str) -> None:
    main = 'import "./b.js";\ndocument.querySelector("#out").append("runs");\n'
    site = start({"index.html": page(head=head), "main.js": main, "b.js": ""}, settings)
    tab.open(site.url)
    tab.text("runs")
    assert asked_for(tab) == ["/main.js", "/b.js"]


def test_scopes_of_an_import_map_are_kept(start: Callable[..., Project], tab: Tab) -> None:
    scopes = '{"imports": {"lib": "/one.js"}, "scopes": {"/sub/": {"lib": "/two.js"}}}'
    site = start(
        {
            "index.html": page(head=f'<script type="importmap">{scopes}</script>'),
            "main.js": 'import one from "lib"; import two from "./sub/s.js";\n' + show("one + two"),
            "sub/s.js": 'export { default } from "lib";\n',
            "one.js": "export default 1;\n",
            "two.js": "export default '2';\n",
        }
    )
    tab.open(site.url)
    tab.text("12")


def test_a_policy_that_comes_from_a_proxy_is_noticed(start: Callable[..., Project], tab: Tab) -> None:
    site = start({"main.js": 'import "./b.js";\n' + show("'runs'"), "b.js": ""})

    def forbid(route: object) -> None:
        response = route.fetch()  # type: ignore[attr-defined]
        headers = {**response.headers, "content-security-policy": "script-src 'self'"}
        route.fulfill(response=response, headers=headers)  # type: ignore[attr-defined]

    tab.page.route(site.url, forbid)
    tab.page.goto(site.url)
    tab.text("runs")
    assert asked_for(tab) == ["/main.js", "/b.js"]


def test_many_modules_are_packed_by_themselves(start: Callable[..., Project], tab: Tab) -> None:
    files = {f"m{index}.js": f"export default {index};\n" for index in range(60)}
    imports = "".join(f'import m{index} from "./m{index}.js";\n' for index in range(60))
    names = " + ".join(f"m{index}" for index in range(60))
    site = start({**files, "main.js": imports + show(names)}, "")
    tab.open(site.url)
    tab.text(str(sum(range(60))))
    assert only_the_pack(tab)


def test_a_pack_is_not_asked_for_twice(start: Callable[..., Project], tab: Tab) -> None:
    site = start({"main.js": 'import b from "./b.js";\n' + show("b"), "b.js": "export default 1;\n"})
    tab.open(site.url)
    tab.text("1")
    [before] = asked_for(tab)
    tab.page.reload()
    tab.text("1")
    assert asked_for(tab) == [before]
    size = "performance.getEntriesByType('resource').find((e) => e.name.includes('/pack/')).transferSize"
    assert tab.page.evaluate(size) == 0
    site.edit("b.js", "1", "2")
    tab.text("2")
    assert asked_for(tab) != [before]
