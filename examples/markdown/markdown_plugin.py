"""Markdown files as pages: `guide.md` is there as `/guide`, and reloads when it is saved.

Needs `pip install markdown-it-py`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from hotchannel import FullReload, Plugin

if TYPE_CHECKING:
    from hotchannel import DevServer, HotUpdate

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body><main>
{body}</main></body>
</html>
"""


class Markdown(Plugin):
    """Makes a page of each Markdown file that has no HTML file beside it."""

    name = "markdown"

    def __init__(self) -> None:
        self._markdown = MarkdownIt("commonmark").enable("table")
        self._root = Path()

    def configure_server(self, server: DevServer) -> None:
        self._root = Path(server.root)

    def load(self, id: str) -> str | None:
        source = Path(id).with_suffix(".md")
        if not id.endswith(".html") or not source.is_file():
            return None
        text = source.read_text("utf-8")
        title = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("#")), source.stem)
        return _PAGE.format(title=escape(title), body=self._markdown.render(text))

    def handle_hot_update(self, update: HotUpdate) -> None:
        file = Path(update.file)
        if file.suffix == ".md":
            page = file.with_suffix(".html").relative_to(self._root)
            update.send(FullReload(path=f"/{page.as_posix()}"))
