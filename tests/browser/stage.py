"""A page that is served from a string, on which the morph is tried, and cases that play on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hotchannel

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

__all__ = ["SITE", "Case", "Stage", "html"]

SOURCES = Path(hotchannel.__file__).parent / "browser"
SITE = "http://page.test"

# `canonical` also tells what `isEqualNode` does not look at: what is in a template.
HELPERS = """
window.runs = 0;
window.$ = (selector) => document.querySelector(selector);
window.each = (selector, tell) => [...document.querySelectorAll(selector)].map(tell);
window.texts = (selector) => each(selector, (found) => found.textContent.trim());
window.canonical = (node) => {
    if (node.nodeType !== 1) return `${node.nodeName}:${node.nodeValue}`;
    const attributes = [...node.attributes].map(({ name, value }) => `${name}=${JSON.stringify(value)}`);
    const inside = [...node.childNodes, ...(node.content?.childNodes ?? [])].map(canonical);
    const name = `${node.namespaceURI.split("/").at(-1)} ${node.localName}`;
    return `<${[name, ...attributes.sort()].join(" ")}>[${inside.join()}]`;
};
window.countWrites = () => {
    window.writes = 0;
    const everything = { subtree: true, childList: true, attributes: true, characterData: true };
    const observer = new MutationObserver((records) => { writes += records.length; });
    observer.observe(document, everything);
    window.written = () => { writes += observer.takeRecords().length; return writes; };
};
"""
MORPH = """async ([before, after]) => {
    const { morph } = await import("/@hot/morph.js");
    return morph(before, after);
}"""


def html(body: str, head: str = "", attributes: str = "") -> str:
    return f"<!doctype html><html><head>{head}</head><body {attributes}>{body}</body></html>"


class Stage:
    """A page that is served from a string, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.html = ""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(f"{SITE}/**", self._answer)
        page.add_init_script(HELPERS)

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(SITE).split("?")[0]
        if path.startswith("/@hot/"):
            route.fulfill(path=SOURCES / path.removeprefix("/@hot/"), content_type="text/javascript")
        elif path.endswith(".css"):
            route.fulfill(body="b { color: red }", content_type="text/css")
        elif path.endswith(".js"):
            route.fulfill(body="window.runs += 1;", content_type="text/javascript")
        else:
            route.fulfill(body=self.html, content_type="text/html; charset=utf-8")

    def show(self, text: str) -> None:
        """Load a page as the server sends it."""
        self.html = text
        self.page.goto(SITE)

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def morph(self, before: str, after: str) -> str:
        """What came of it, of `unchanged`, `applied` and `reload`."""
        result: str = self.page.evaluate(MORPH, [before, after])
        return result


@dataclass
class Case:
    """A body (or a whole page) before and after, what happened in the page meanwhile, and what it is then."""

    before: str
    after: str
    wanted: dict[str, Any] = field(default_factory=dict)
    act: str = ""
    result: str = "applied"

    def play(self, stage: Stage) -> None:
        before, after = (
            each if each.startswith("<!doctype") else html(each) for each in (self.before, self.after)
        )
        stage.show(before)
        stage.value(f"() => {{ {self.act} }}")
        assert stage.morph(before, after) == self.result
        assert {expression: stage.value(expression) for expression in self.wanted} == self.wanted
