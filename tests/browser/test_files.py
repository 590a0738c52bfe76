"""Whatever a page may import, wherever it lies and whatever it is called, is hot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.project import StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><title>Test</title></head>
<body><p id="out"></p><p id="other"></p><script type="module" src="/src/main.js"></script></body></html>
"""

SHOW = 'export const show = (text) => { document.querySelector("#out").textContent = text; };\n'

NAMES = {
    "space": ("mit leer.js", "mit leer.js"),
    "umlaut": ("größe.js", "größe.js"),
    "script": ("日本語.js", "日本語.js"),
    "percent-encoded": ("naïve one.js", "na%C3%AFve%20one.js"),
    "percent-sign": ("100%.js", "100%25.js"),
    "hash": ("a#b.js", "a%23b.js"),
    "question-mark": ("why?.js", "why%3F.js"),
}
STOCK_TOO = {"space", "umlaut", "script"}


@pytest.mark.parametrize(
    ("name", "specifier"),
    [
        pytest.param(*pair, id=key, marks=() if key in STOCK_TOO else pytest.mark.ours)
        for key, pair in NAMES.items()
    ],
)
def test_any_file_name_is_hot(project: StartProject, tab: Tab, name: str, specifier: str) -> None:
    main = SHOW + (
        f'import {{ value }} from "./{specifier}";\nshow(value);\n'
        f'import.meta.hot.accept("./{specifier}", (fresh) => show(fresh.value));\n'
    )
    site = project({"index.html": PAGE, "src/main.js": main, f"src/{name}": 'export const value = "v1";\n'})
    tab.open(site.url)
    tab.text("v1")
    site.edit(f"src/{name}", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_json_is_a_module(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        'import data, { name } from "./data.json";\nshow(`${name} ${data.list.length}`);\n'
        'import.meta.hot.accept("./data.json", (fresh) => {\n'
        "  show(`${fresh.name} ${fresh.default.list.length}`);\n});\n"
    )
    site = project({"index.html": PAGE, "src/main.js": main, "src/data.json": '{"name": "v1", "list": [1]}'})
    tab.open(site.url)
    tab.text("v1 1")
    site.write("src/data.json", '{"name": "v2", "list": [1, 2]}')
    tab.text("v2 2")
    assert tab.kept


def test_files_are_imported_as_url_and_as_text(project: StartProject, tab: Tab) -> None:
    main = SHOW + (
        'import plain from "./logo.svg";\nimport asked from "./note.txt?url";\n'
        'import text from "./note.txt?raw";\n'
        'const bare = (url) => url.split("?")[0];\nshow([bare(plain), bare(asked), text].join(" "));\n'
        "import.meta.hot.accept();\n"
    )
    # Over 4 KiB: smaller images stock puts into the importer as a data URL.
    svg = '<svg xmlns="http://www.w3.org/2000/svg">' + "<g/>" * 1200 + "</svg>"
    site = project({"index.html": PAGE, "src/main.js": main, "src/logo.svg": svg, "src/note.txt": "v1"})
    tab.open(site.url)
    tab.text("/src/logo.svg /src/note.txt v1")
    site.write("src/note.txt", "v2")
    tab.text("/src/logo.svg /src/note.txt v2")
    assert tab.kept


@pytest.mark.ours
def test_a_bare_import_found_in_the_import_map_is_hot(project: StartProject, tab: Tab) -> None:
    import_map = '<script type="importmap">{"imports": {"lib": "/vendor/lib.js"}}</script>'
    main = SHOW + (
        'import { value } from "lib";\nshow(value);\n'
        'import.meta.hot.accept("lib", (fresh) => show(fresh.value));\n'
    )
    site = project(
        {
            "index.html": PAGE.replace("<head>", f"<head>{import_map}"),
            "src/main.js": main,
            "vendor/lib.js": 'export const value = "v1";\n',
        }
    )
    tab.open(site.url)
    tab.text("v1")
    site.edit("vendor/lib.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_an_inline_module_script_imports_hot_modules(project: StartProject, tab: Tab) -> None:
    inline = '<script type="module">import { value } from "/src/dep.js"; window.value = value;</script>'
    site = project(
        {
            "index.html": PAGE.replace('<script type="module" src="/src/main.js"></script>', inline),
            "src/dep.js": SHOW + 'export const value = "v1";\nshow(value);\nimport.meta.hot.accept();\n',
        }
    )
    tab.open(site.url)
    tab.text("v1")
    site.edit("src/dep.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_everything_works_below_a_base(project: StartProject, tab: Tab) -> None:
    css = "body { color: rgb(1, 1, 1); }"
    counter = SHOW + (
        "import.meta.hot.data.clicks ??= 0;\nwindow.press = () => { import.meta.hot.data.clicks += 1; };\n"
        "show(`v1 clicks=${import.meta.hot.data.clicks}`);\nimport.meta.hot.accept();\n"
    )
    page = PAGE.replace("</head>", '<link rel="stylesheet" href="style.css"></head>')
    page = page.replace("/src/main.js", "src/main.js")
    files = {"src/main.js": 'import "/src/counter.js";\n', "src/counter.js": counter, "style.css": css}
    site = project({"index.html": page, **files}, base="/app/")
    assert site.url.endswith("/app/")
    tab.open(site.url)
    tab.page.evaluate("press()")
    site.edit("src/counter.js", "v1", "v2")
    tab.text("v2 clicks=1")
    site.edit("style.css", "1, 1, 1", "2, 2, 2")
    tab.style("rgb(2, 2, 2)")
    assert tab.kept


@pytest.mark.ours
def test_a_touch_changes_nothing(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": 'import "./a.js";\nimport "./b.js";\n'} | _pair())
    tab.open(site.url)
    os.utime(site.root / "src/a.js")
    site.write("src/a.js", (site.root / "src/a.js").read_bytes())
    site.edit("src/b.js", "v1", "v2")
    tab.text("v2", "#other")
    assert [update["path"] for message in tab.received("update") for update in message["updates"]] == [
        "/src/b.js"
    ]
    assert tab.kept


@pytest.mark.ours
def test_a_file_deleted_and_restored_at_once_is_a_save(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": PAGE, "src/main.js": 'import "./a.js";\nimport "./b.js";\n'} | _pair())
    tab.open(site.url)
    source = (site.root / "src/a.js").read_text()
    (site.root / "src/a.js").unlink()
    site.write("src/a.js", source.replace("v1", "v2"))
    tab.text("v2")
    assert tab.kept


def test_a_file_that_was_missing_brings_the_page_up_when_it_is_made(project: StartProject, tab: Tab) -> None:
    main = SHOW + 'import { value } from "./later.js";\nshow(value);\n'
    site = project({"index.html": PAGE, "src/main.js": main})
    tab.open(site.url)
    tab.page.wait_for_selector("vite-error-overlay", state="attached")
    tab.errors.clear()
    site.write("src/later.js", 'export const value = "here";\n')
    tab.text("here")
    assert tab.page.locator("vite-error-overlay").count() == 0


def _pair() -> dict[str, str]:
    source = 'document.querySelector("{}").textContent = "v1";\nimport.meta.hot.accept();\n'
    return {"src/a.js": source.format("#out"), "src/b.js": source.format("#other")}
