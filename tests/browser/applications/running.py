"""How the examples of applications are started, and what all of them can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from playwright.sync_api import expect

from support.project import Project

if TYPE_CHECKING:
    import re

    from support.tab import Tab

__all__ = ["UVICORN", "Start", "raise_and_mend"]

Start: TypeAlias = Callable[[str, str, str], Project]
"""Start the example of this name by a command; the last is a folder below the example's."""

UVICORN = "-m uvicorn --app-dir {root} main:app --reload --reload-dir {root} --port {port}"


def raise_and_mend(site: Project, tab: Tab, path: str, words: str | re.Pattern[str]) -> None:
    """Let the line raise that is there for it: the overlay says what and where, until that is mended."""
    site.edit(path, "# raise", "raise")

    overlay = tab.page.locator("vite-error-overlay")
    expect(overlay).to_contain_text(words)
    expect(overlay).to_contain_text(path)

    site.edit(path, "    raise", "    # raise")

    expect(overlay).to_have_count(0)
