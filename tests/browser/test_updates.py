"""JavaScript on its way from a save to a page that keeps its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><title>Test</title></head>
<body><p id="out"></p><p id="other"></p><script type="module" src="/src/main.js"></script></body></html>
"""

COUNTER = """
const hot = document.querySelector("#out");
import.meta.hot.data.clicks ??= 0;
const show = () => { hot.textContent = `v1 clicks=${import.meta.hot.data.clicks}`; };
window.press = () => { import.meta.hot.data.clicks += 1; show(); };
show();
import.meta.hot.accept();
"""

SHOW = 'export const show = (text) => { document.querySelector("#out").textContent = text; };\n'


def test_a_module_that_accepts_itself_is_replaced_and_keeps_its_data(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": COUNTER})
    tab.open(site.url)
    tab.page.evaluate("press(); press()")
    tab.text("v1 clicks=2")

    site.edit("src/main.js", "v1", "v2")

    tab.text("v2 clicks=2")
    tab.page.evaluate("press()")
    tab.text("v2 clicks=3")
    assert tab.kept
    [message] = tab.received("update")
    [update] = message["updates"]
    assert (update["type"], update["path"], update["acceptedPath"]) == (
        "js-update",
        "/src/main.js",
        "/src/main.js",
    )


def test_updates_follow_one_another(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": COUNTER})
    tab.open(site.url)
    for version in range(2, 7):
        tab.page.evaluate("press()")
        site.edit("src/main.js", f"v{version - 1}", f"v{version}")
        tab.text(f"v{version} clicks={version - 1}")
    assert tab.kept


def test_an_accepted_dependency_is_handed_to_its_importer(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        'import { value } from "./dep.js";\n'
        "window.runs = (window.runs ?? 0) + 1;\n"
        "show(value);\n"
        'import.meta.hot.accept("./dep.js", (fresh) => show(fresh.value));\n'
    )
    site = project({"index.html": PAGE, "src/main.js": main, "src/dep.js": 'export const value = "v1";\n'})
    tab.open(site.url)
    tab.text("v1")

    site.edit("src/dep.js", "v1", "v2")

    tab.text("v2")
    assert tab.kept
    assert tab.page.evaluate("runs") == 1
    [update] = tab.received("update")[0]["updates"]
    assert (update["path"], update["acceptedPath"]) == ("/src/main.js", "/src/dep.js")


def test_several_accepted_dependencies_share_a_callback(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        'import { a } from "./a.js";\nimport { b } from "./b.js";\n'
        "const now = { a, b };\nconst draw = () => show(now.a + now.b);\ndraw();\n"
        'import.meta.hot.accept(["./a.js", "./b.js"], ([freshA, freshB]) => {\n'
        "  now.a = freshA?.a ?? now.a; now.b = freshB?.b ?? now.b; draw();\n});\n"
    )
    files = {"src/a.js": 'export const a = "a1";\n', "src/b.js": 'export const b = "b1";\n'}
    site = project({"index.html": PAGE, "src/main.js": main, **files})
    tab.open(site.url)
    site.edit("src/b.js", "b1", "b2")
    tab.text("a1b2")
    site.edit("src/a.js", "a1", "a2")
    tab.text("a2b2")
    assert tab.kept


def test_an_edit_far_below_reaches_the_boundary(project: StartProject, tab: Tab) -> None:
    site = project(
        {
            "index.html": PAGE,
            "src/main.js": SHOW + 'import { a } from "./a.js";\nshow(a);\nimport.meta.hot.accept();\n',
            "src/a.js": 'export { a } from "./deep/b.js";\n',
            "src/deep/b.js": 'import { c } from "../c.js";\nexport const a = `b+${c}`;\n',
            "src/c.js": 'export const c = "v1";\n',
        }
    )
    tab.open(site.url)
    tab.text("b+v1")
    site.edit("src/c.js", "v1", "v2")
    tab.text("b+v2")
    site.edit("src/c.js", "v2", "v3")
    tab.text("b+v3")
    assert tab.kept


def test_dispose_hands_data_to_the_next_instance(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        "const { age = 0 } = import.meta.hot.data;\n"
        "show(`v1 age=${age}`);\n"
        "import.meta.hot.dispose((data) => {\n"
        "  data.age = age + 1;\n"
        '  window.disposed = [...(window.disposed ?? []), "v1"];\n});\n'
        "import.meta.hot.accept();\n"
    )
    site = project({"index.html": PAGE, "src/main.js": main})
    tab.open(site.url)
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2 age=1")
    site.edit("src/main.js", "v2", "v3")
    tab.text("v3 age=2")
    assert tab.page.evaluate("disposed") == ["v1", "v2"]
    assert tab.kept


def test_a_module_nobody_imports_any_more_is_pruned(project: StartProject, tab: Tab) -> None:
    dep = (
        "import.meta.hot.dispose(() => { window.disposed = true; });\n"
        "import.meta.hot.prune(() => { window.pruned = true; });\n"
    )
    main = SHOW + 'import "./dep.js";\nshow("v1");\nimport.meta.hot.accept();\n'
    site = project({"index.html": PAGE, "src/main.js": main, "src/dep.js": dep})
    tab.open(site.url)
    tab.text("v1")
    site.write("src/main.js", SHOW + 'show("v2");\nimport.meta.hot.accept();\n')
    tab.text("v2")
    tab.page.wait_for_function("window.disposed && window.pruned")
    assert tab.kept
    assert tab.received("prune")[0]["paths"] == ["/src/dep.js"]


def test_a_dynamically_imported_module_is_replaced(project: StartProject, tab: Tab) -> None:
    lazy = 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot.accept();\n'
    site = project({"index.html": PAGE, "src/main.js": 'await import("./lazy.js");\n', "src/lazy.js": lazy})
    tab.open(site.url)
    tab.text("v1")
    site.edit("src/lazy.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_a_boundary_in_an_import_cycle_is_replaced(project: StartProject, tab: Tab) -> None:
    site = project(
        {
            "index.html": PAGE,
            "src/main.js": 'import "./a.js";\n',
            "src/a.js": 'import { b } from "./b.js";\nexport const name = "a";\n'
            "export const both = () => b() + name;\n",
            "src/b.js": SHOW
            + 'import { name } from "./a.js";\nexport const b = () => `b of ${name}`;\n'
            + "queueMicrotask(() => show(`v1 ${b()}`));\nimport.meta.hot.accept();\n",
        }
    )
    tab.open(site.url)
    tab.text("v1 b of a")
    site.edit("src/b.js", "v1", "v2")
    tab.text("v2 b of a")
    assert tab.kept
    [update] = tab.received("update")[0]["updates"]
    assert update["isWithinCircularImport"] is True


def test_invalidate_passes_the_update_on_to_the_importer(project: StartProject, tab: Tab) -> None:
    site = project(
        {
            "index.html": PAGE,
            "src/main.js": SHOW
            + 'import { value } from "./parent.js";\nshow(value);\n'
            + 'import.meta.hot.accept("./parent.js", (fresh) => show(`${fresh.value} by invalidation`));\n',
            "src/parent.js": 'export { value } from "./child.js";\n',
            "src/child.js": 'export const value = "v1";\n'
            'import.meta.hot.accept(() => import.meta.hot.invalidate("not mine to handle"));\n',
        }
    )
    tab.open(site.url)
    tab.text("v1")
    site.edit("src/child.js", "v1", "v2")
    tab.text("v2 by invalidation")
    assert tab.kept
    assert tab.received("update")[-1]["updates"][0]["firstInvalidatedBy"] == "/src/child.js"


PARTIAL = (
    'export const Shown = "v1";\nexport const other = 1;\n'
    'const show = (fresh) => { document.querySelector("#out").textContent = fresh.Shown; };\n'
    'import.meta.hot.acceptExports(["Shown"], show);\n'
)


@pytest.mark.ours
def test_accepted_exports_spare_importers_that_use_no_others(project: StartProject, tab: Tab) -> None:
    main = SHOW + 'import { Shown } from "./part.js";\nshow(Shown);\n'
    site = project({"index.html": PAGE, "src/main.js": main, "src/part.js": PARTIAL})
    tab.open(site.url)
    site.edit("src/part.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


@pytest.mark.ours
def test_accepted_exports_reload_for_importers_that_use_another(project: StartProject, tab: Tab) -> None:
    main = SHOW + 'import { Shown, other } from "./part.js";\nshow(Shown + other);\n'
    site = project({"index.html": PAGE, "src/main.js": main, "src/part.js": PARTIAL})
    tab.open(site.url)
    site.edit("src/part.js", "v1", "v2")
    tab.wait_for_reload()
    tab.text("v21")


def test_events_frame_an_update(project: StartProject, tab: Tab) -> None:
    watch = "window.log = [];\n" + "".join(
        f'import.meta.hot.on("{name}", ({{ updates }}) => log.push("{name} " + updates[0].path));\n'
        for name in ("vite:beforeUpdate", "vite:afterUpdate")
    )
    main = 'import "./watch.js";\nimport "./counter.js";\n'
    site = project(
        {"index.html": PAGE, "src/main.js": main, "src/watch.js": watch, "src/counter.js": COUNTER}
    )
    tab.open(site.url)
    site.edit("src/counter.js", "v1", "v2")
    tab.text("v2 clicks=0")
    tab.page.wait_for_function("log.length === 2")
    assert tab.page.evaluate("log") == [
        "vite:beforeUpdate /src/counter.js",
        "vite:afterUpdate /src/counter.js",
    ]


@pytest.mark.ours
def test_a_module_that_fails_to_load_leaves_the_old_one_at_work(project: StartProject, tab: Tab) -> None:
    main = COUNTER + "import.meta.hot.dispose(() => { window.disposed = true; });\n"
    site = project({"index.html": PAGE, "src/main.js": main})
    tab.open(site.url)
    site.write("src/main.js", main + "let broken = ;\n")
    tab.page.wait_for_selector("vite-error-overlay", state="attached")
    assert tab.page.evaluate("window.disposed") is None
    tab.page.evaluate("press()")
    tab.text("v1 clicks=1")
    tab.errors.clear()
    site.write("src/main.js", main.replace("v1", "v3"))
    tab.text("v3 clicks=1")
    assert tab.page.evaluate("window.disposed") is True
    assert tab.kept
