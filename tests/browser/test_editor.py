"""The place in the error overlay opens the file in an editor."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from support.project import StartProject
    from support.tab import Tab

PAGE = '<!doctype html><html><body><script type="module" src="/src/a b.js"></script></body></html>\n'
RECORD = """
import os, sys
with open(sys.argv[1] + "~", "w") as note:
    note.write(sys.argv[2])
os.replace(sys.argv[1] + "~", sys.argv[1])
"""


def settings(note: Path) -> str:
    """An editor that notes what it is given; JSON's strings are TOML's too."""
    return f"editor = {json.dumps([sys.executable, '-c', RECORD, str(note), '{file}:{line}:{column}'])}\n"


@pytest.mark.ours
@pytest.mark.parametrize(
    ("broken", "place"),
    [
        # The overlay has the file's own path for the one, and its URL for the other.
        pytest.param("\nconst list = [1;\n", "2:14", id="found by the server"),
        pytest.param("\n\nlet a = ;\n", "3:9", id="found by the browser"),
    ],
)
def test_a_click_opens_the_place(
    project: StartProject, tab: Tab, tmp_path: Path, broken: str, place: str
) -> None:
    note = tmp_path / "note"
    site = project({"index.html": PAGE, "src/a b.js": broken, "hotchannel.toml": settings(note)})
    tab.page.goto(site.url)
    link = tab.page.locator("vite-error-overlay .file-link")
    expect(link).to_contain_text(f"a b.js:{place}")
    link.click()
    expect(tab.page.locator("vite-error-overlay .told")).to_have_text("Opened in your editor.")
    tab.until(note.exists, "the editor")
    assert note.read_text() == f"{site.root / 'src/a b.js'}:{place}"
    # It is a button, for those who have no mouse, and closes nothing.
    note.unlink()
    link.press("Enter")
    tab.until(note.exists, "the editor")
    expect(link).to_be_visible()
    tab.errors.clear()


@pytest.mark.ours
def test_why_a_file_is_not_opened_is_said_there(project: StartProject, tab: Tab) -> None:
    files = {"index.html": PAGE, "src/a b.js": "const list = [1;\n", "hotchannel.toml": "editor = 'vim'\n"}
    site = project(files)
    tab.page.goto(site.url)
    overlay = tab.page.locator("vite-error-overlay")
    overlay.locator(".file-link").click()
    expect(overlay.locator(".told")).to_contain_text("The option `editor` names vim, which needs a terminal")
    site.stop()
    overlay.locator(".file-link").click()
    expect(overlay.locator(".told")).to_have_text("The server does not answer.")
    tab.errors.clear()
