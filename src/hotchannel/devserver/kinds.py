"""What a URL is to the module that imports it.

Role: pure decisions by path and query, as in Vite: `?raw` is text, `?url` an address, `.css` a stylesheet
that injects itself (with `?inline` one that does not), `?worker` a constructor of workers, `?html-proxy` an
inline module of a page.
"""

from __future__ import annotations

from typing import Literal

from hotchannel.modules import html
from hotchannel.modules.transform import HTML_PROXY, inline_module
from hotchannel.modules.urls import ModuleId, ModuleUrl, split_query

__all__ = [
    "Kind",
    "inline_modules",
    "inline_source",
    "is_javascript",
    "is_stylesheet",
    "kind_of",
    "module_id",
]

Kind = Literal[
    "javascript", "inline", "json", "css", "css-text", "raw", "url", "worker", "shared-worker", "asset"
]
"""An `asset` is what has no meaning to JavaScript of its own: its URL, unless a plugin makes more of it."""

_SCRIPTS = (".js", ".mjs", ".ts", ".mts", ".tsx", ".jsx")
_STYLESHEETS = (".css", ".scss", ".sass", ".less", ".styl", ".stylus", ".pcss", ".postcss", ".sss")


def is_javascript(path: str) -> bool:
    """Tell whether a file of this name is JavaScript source, or becomes it by a plugin."""
    return path.endswith(_SCRIPTS)


def is_stylesheet(path: str) -> bool:
    """Tell whether a file of this name is a stylesheet, or becomes one by a plugin."""
    return path.endswith(_STYLESHEETS)


def module_id(url: ModuleUrl, *, stylesheet: bool = False) -> ModuleId:
    """Return the graph's key of a module; a stylesheet that is linked differs from one that is imported."""
    return ModuleId(f"{url}?direct" if stylesheet else url)


def kind_of(url: ModuleUrl) -> Kind:
    """Tell what importing `url` in JavaScript means."""
    path, query = split_query(url)
    parameters = {part.partition("=")[0] for part in query.split("&")}
    if HTML_PROXY in parameters:
        return "inline"
    if "raw" in parameters:
        return "raw"
    if "url" in parameters:
        return "url"
    if is_javascript(path):
        if "worker" in parameters:
            return "worker"
        return "shared-worker" if "sharedworker" in parameters else "javascript"
    if is_stylesheet(path):
        return "css-text" if "inline" in parameters else "css"
    return "json" if path.endswith(".json") else "asset"


def inline_modules(page: html.Page) -> list[html.Element]:
    """Return the module scripts of a page that have their text in it."""
    return [s for s in page.scripts if s.get("type") == "module" and s.get("src") is None]


def inline_source(url: ModuleUrl, page: str) -> str:
    """Return the inline module that `url` names; nothing where the page has lost it, since it reloads."""
    query = split_query(url)[1]
    for index, script in enumerate(inline_modules(html.analyze(page))):
        if query == f"{HTML_PROXY}&index={index}.js":
            return inline_module(page, script)
    return ""
