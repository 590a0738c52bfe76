"""Pages that must reload, and pages beside them that must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.project import StartProject
    from support.tab import Tab

MAIN = 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot.accept();\n'


def page(title: str, script: str = "/src/main.js") -> str:
    return (
        f"<!doctype html>\n<html><head><title>{title}</title></head>"
        f'<body><h1>{title}</h1><p id="out"></p><script type="module" src="{script}"></script></body>\n'
        "</html>\n"
    )


def test_the_page_reloads_when_nothing_accepts(project: StartProject, tab: Tab) -> None:
    main = 'import { value } from "./dep.js";\ndocument.querySelector("#out").textContent = value;\n'
    site = project(
        {"index.html": page("Home"), "src/main.js": main, "src/dep.js": 'export const value = "v1";\n'}
    )
    tab.open(site.url)
    tab.text("v1")
    site.edit("src/dep.js", "v1", "v2")
    tab.wait_for_reload()
    tab.text("v2")
    assert tab.received("full-reload")[0]["path"] == "*"


def test_an_html_edit_reloads_that_page_only(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project({"index.html": page("Home"), "about.html": page("About"), "src/main.js": MAIN})
    tab.open(site.url)
    about = new_tab()
    about.open(f"{site.url}about.html")

    site.edit("about.html", "<h1>About", "<h1>About us")
    about.wait_for_reload()
    about.text("About us", "h1")

    # What comes later shows that nothing is on its way to the other page any more.
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


@pytest.mark.ours
def test_an_edit_of_the_index_page_leaves_other_pages(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project({"index.html": page("Home"), "about.html": page("About"), "src/main.js": MAIN})
    tab.open(f"{site.url}about.html")
    home = new_tab()
    home.open(site.url)
    site.edit("index.html", "<h1>Home", "<h1>Start")
    home.wait_for_reload()
    home.text("Start", "h1")
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_a_page_in_a_folder_reloads(project: StartProject, tab: Tab) -> None:
    site = project({"index.html": page("Home"), "docs/index.html": page("Docs"), "src/main.js": MAIN})
    tab.open(f"{site.url}docs/")
    site.edit("docs/index.html", "<h1>Docs", "<h1>Manual")
    tab.wait_for_reload()
    tab.text("Manual", "h1")


@pytest.mark.ours
def test_a_page_with_a_name_that_needs_encoding_reloads(project: StartProject, tab: Tab) -> None:
    site = project({"über uns.html": page("Us"), "src/main.js": MAIN})
    tab.open(f"{site.url}über uns.html")
    site.edit("über uns.html", "<h1>Us", "<h1>You")
    tab.wait_for_reload()
    tab.text("You", "h1")


def test_an_edit_of_a_file_nobody_loaded_reloads_nothing(project: StartProject, tab: Tab) -> None:
    files = {
        "src/main.js": MAIN,
        "src/unused.js": "export const a = 1;\n",
        "notes.txt": "a",
        "unused.css": "p {}",
    }
    site = project({"index.html": page("Home"), **files})
    tab.open(site.url)
    site.write("src/unused.js", "export const a = 2;\n")
    site.write("notes.txt", "b")
    site.write("unused.css", "a {}")
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept


def test_an_inline_script_that_accepts_nothing_reloads(project: StartProject, tab: Tab) -> None:
    script = (
        '<script type="module">import { value } from "/src/dep.js";'
        ' document.querySelector("#out").textContent = value;</script>'
    )
    html = page("Home").replace('<script type="module" src="/src/main.js"></script>', script)
    site = project({"index.html": html, "src/dep.js": 'export const value = "v1";\n'})
    tab.open(site.url)
    tab.text("v1")
    site.edit("src/dep.js", "v1", "v2")
    tab.wait_for_reload()
    tab.text("v2")


def test_two_tabs_are_updated_and_keep_a_state_of_their_own(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    main = (
        "import.meta.hot.data.clicks ??= 0;\n"
        "window.press = () => { import.meta.hot.data.clicks += 1; };\n"
        'document.querySelector("#out").textContent = `v1 ${import.meta.hot.data.clicks}`;\n'
        "import.meta.hot.accept();\n"
    )
    site = project({"index.html": page("Home"), "src/main.js": main})
    other = new_tab()
    tab.open(site.url)
    other.open(site.url)
    tab.page.evaluate("press()")
    other.page.evaluate("press(); press()")
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2 1")
    other.text("v2 2")
    assert tab.kept
    assert other.kept


def test_a_tab_that_was_closed_disturbs_nobody(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project({"index.html": page("Home"), "src/main.js": MAIN})
    closing = new_tab()
    tab.open(site.url)
    closing.open(site.url)
    closing.page.close()
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    assert tab.kept
