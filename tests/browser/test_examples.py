"""`examples/typescript` and `examples/markdown` do what their pages say of them."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.project import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.project import Project, StartProject
    from support.tab import Tab

pytestmark = pytest.mark.ours


@pytest.fixture
def typescript(project: StartProject, tmp_path: Path) -> Project:
    """The example with an esbuild installed beside it, as a user would have it."""
    esbuild = REPOSITORY / "node_modules/.bin/esbuild"
    assert esbuild.exists(), "npm's esbuild is missing: `make test` installs it"
    folder = tmp_path / "example"
    shutil.copytree(REPOSITORY / "examples/typescript", folder)
    (folder / "node_modules/.bin").mkdir(parents=True)
    (folder / "node_modules/.bin/esbuild").symlink_to(esbuild)
    return project(folder)


def test_typescript_is_hot_with_its_state(typescript: Project, tab: Tab) -> None:
    tab.open(typescript.url)
    tab.page.click("#next")
    tab.text("Hello, Grace!", "#greeting")

    typescript.edit("src/greet.ts", "Hello", "Welcome")

    tab.text("Welcome, Grace!", "#greeting")
    assert tab.kept


def test_a_mistake_in_typescript_stands_in_the_page_with_its_line(typescript: Project, tab: Tab) -> None:
    tab.open(typescript.url)
    tab.text("Hello, Ada!", "#greeting")

    typescript.edit("src/greet.ts", "`;", "`);")

    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text("src/greet.ts:5:")
    expect(overlay).to_contain_text('Expected ";" but found ")"')
    typescript.edit("src/greet.ts", "`);", "`;")
    expect(overlay).to_have_count(0)
    tab.text("Hello, Ada!", "#greeting")
    assert tab.kept


def test_typescript_is_served_with_a_map_of_its_source(typescript: Project, tab: Tab) -> None:
    tab.open(typescript.url)

    served = tab.value("fetch('/src/greet.ts?import').then((response) => response.text())")

    encoded = served.partition("//# sourceMappingURL=data:application/json;base64,")[2]
    source_map = json.loads(base64.b64decode(encoded))
    assert source_map["sources"] == ["greet.ts"]
    assert source_map["sourcesContent"] == [(typescript.root / "src/greet.ts").read_text()]


def test_a_markdown_page_reloads_when_it_is_saved_and_no_other(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    site = project(REPOSITORY / "examples/markdown")
    guide = new_tab()
    tab.open(site.url)
    guide.open(f"{site.url}guide")
    tab.text("Markdown, hot", "h1")

    site.edit("index.md", "# Markdown, hot", "# Markdown, hotter")

    tab.text("Markdown, hotter", "h1")
    assert guide.kept
    site.edit("style.css", "{", "{ border-top-color: rgb(1, 2, 3);")
    tab.style("rgb(1, 2, 3)", name="border-top-color")
    assert guide.kept
