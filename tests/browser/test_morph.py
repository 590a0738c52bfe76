"""A page that the server sends anew: what it changed comes into the live page, all else stays as it is."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hotchannel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.ours

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


@pytest.fixture(scope="module")
def one_page(browser: Browser) -> Iterator[Stage]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Stage(context.new_page())
    context.close()


@pytest.fixture
def stage(one_page: Stage) -> Iterator[Stage]:
    """A page of its own for each test, though in the same tab. An uncaught error in it fails the test."""
    one_page.errors.clear()
    yield one_page
    assert one_page.errors == []


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


KEPT = {
    "an only child of which a script has changed one attribute": Case(
        '<ul><li><button aria-pressed="false" class="b"><span class="late">+5 min</span></button></li></ul>',
        '<ul><li><button aria-pressed="false" class="b"><span class="late">+8 min</span></button></li></ul>',
        {"$('.late').textContent": "+8 min", "$('.b').getAttribute('aria-pressed')": "true"},
        "$('.b').setAttribute('aria-pressed', 'true')",
    ),
    "typed text, its sibling changed": Case(
        '<label>Name</label><input id="i">',
        '<label>Full name</label><input id="i">',
        {"$('#i').value": "Ann", "$('label').textContent": "Full name", "$('#i') === i": True},
        "window.i = $('#i'); i.value = 'Ann'",
    ),
    "typed text, its own attributes changed": Case(
        '<input id="i" value="a" placeholder="x">',
        '<input id="i" value="b" placeholder="y" class="wide">',
        {
            "$('#i').value": "Ann",
            "$('#i').defaultValue": "b",
            "$('#i').placeholder": "y",
            "$('#i').className": "wide",
        },
        "$('#i').value = 'Ann'",
    ),
    "nothing typed: the new value shows": Case(
        '<input id="i" value="a">', '<input id="i" value="b">', {"$('#i').value": "b"}
    ),
    "focus and selection in a field": Case(
        '<p>one</p><input id="i" value="0123456789">',
        '<h2>New</h2><p>two</p><input id="i" value="0123456789" class="a">',
        {"document.activeElement.id": "i", "[$('#i').selectionStart, $('#i').selectionEnd]": [2, 5]},
        "$('#i').focus(); $('#i').setSelectionRange(2, 5)",
    ),
    "focus of a row that is moved": Case(
        '<div id="a"><input></div><div id="b"></div><div id="c"></div>',
        '<div id="b"></div><div id="c"></div><div id="a"><input></div>',
        {"document.activeElement.parentNode?.id": "a", "each('div', (e) => e.id)": ["b", "c", "a"]},
        "$('input').focus()",
    ),
    "selection beside a change in the same text": Case(
        "<p>The quick brown fox</p>",
        "<p>The quick brown foxes</p>",
        {"getSelection().toString()": "quick", "$('p').textContent": "The quick brown foxes"},
        "getSelection().setBaseAndExtent($('p').firstChild, 4, $('p').firstChild, 9)",
    ),
    "scroll of an inner element": Case(
        '<div id="s" style="height: 50px; overflow: auto"><p style="height: 900px">tall<p id="p">a</div>',
        '<div id="s" style="height: 50px; overflow: auto"><p style="height: 900px">tall<p id="p">b</div>',
        {"$('#s').scrollTop": 300, "$('#p').textContent": "b"},
        "$('#s').scrollTop = 300",
    ),
    "boxes and radios": Case(
        '<input type="checkbox" id="c"><input type="radio" name="r" id="r1" checked>'
        '<input type="radio" name="r" id="r2">'
        '<input type="radio" name="r" id="r3">',
        '<input type="checkbox" id="c" class="a"><input type="radio" name="r" id="r1">'
        '<input type="radio" name="r" id="r2"><input type="radio" name="r" id="r3" checked>',
        {"each('input', (e) => e.checked)": [True, False, True, False], "$('#c').className": "a"},
        "$('#c').click(); $('#r2').click()",
    ),
    "an open details": Case(
        "<details><summary>More</summary><p>a</p></details>",
        '<details class="x"><summary>More</summary><p>b</p></details>',
        {"$('details').open": True, "$('details p').textContent": "b", "$('details').className": "x"},
        "$('details').open = true",
    ),
    "a class that a script added": Case(
        '<p class="card old">x</p>',
        '<p class="card new">x</p>',
        {"[...$('p').classList].sort()": ["card", "is-open", "new"]},
        "$('p').classList.add('is-open')",
    ),
    "a class that a script added, where the template has none any more": Case(
        '<p class="card">x</p>',
        "<p>x</p>",
        {"$('p').className": "is-open"},
        "$('p').classList.add('is-open')",
    ),
    "a style that a script set": Case(
        '<p style="color: red; margin: 1px">x</p>',
        '<p style="color: blue; padding: 2px">x</p>',
        {"$('p').style.cssText": "color: blue; display: none; padding: 2px;"},
        "$('p').style.display = 'none'",
    ),
    "a style with variables": Case(
        '<p style="margin: var(--a)">x</p>',
        '<p style="margin: var(--b)">x</p>',
        {"$('p').style.cssText": "margin: var(--b);"},
        "$('p').style.display = 'none'",
    ),
    "a canvas": Case(
        '<p>a</p><canvas width="4" height="4"></canvas>',
        '<p>b</p><canvas width="4" height="4" class="x"></canvas>',
        {
            "[...$('canvas').getContext('2d').getImageData(1, 1, 1, 1).data]": [255, 0, 0, 255],
            "$('canvas').className": "x",
            "$('p').textContent": "b",
        },
        "const c = $('canvas').getContext('2d'); c.fillStyle = 'rgb(255, 0, 0)'; c.fillRect(0, 0, 4, 4)",
    ),
    "nodes that a script appended to a list that the template extends": Case(
        "<ul><li>a</li><li>b</li></ul>",
        "<ul><li>a</li><li>b</li><li>c</li></ul>",
        {"texts('li')": ["a", "b", "c", "drawn"], "$('li:last-child') === drawn": True},
        "window.drawn = document.createElement('li'); drawn.textContent = 'drawn'; $('ul').append(drawn)",
    ),
    "nodes that a script put among those of the template": Case(
        '<ul><li class="x">a</li><li class="x">b</li></ul>',
        '<ul><li class="y">a</li><li class="y">b</li></ul>',
        {"each('li', (e) => e.className + e.textContent)": ["new", "ya", "x tipmid", "yb"]},
        "const li = document.createElement('li'); li.textContent = 'new'; $('ul').prepend(li);"
        "const tip = document.createElement('li'); tip.className = 'x tip'; tip.textContent = 'mid';"
        "$('ul').children[1].after(tip)",
    ),
    "an attribute that a script set, where the template agrees with itself": Case(
        '<p title="a">x</p>', '<p title="a">y</p>', {"$('p').title": "mine"}, "$('p').title = 'mine'"
    ),
    "an attribute that a script set, where the template changes it": Case(
        '<p title="a">x</p>', '<p title="b">x</p>', {"$('p').title": "b"}, "$('p').title = 'mine'"
    ),
    "text that a script wrote, where the template agrees with itself": Case(
        "<p>0</p><b>a</b>", "<p>0</p><b>b</b>", {"texts('p, b')": ["5", "b"]}, "$('p').firstChild.data = '5'"
    ),
    "text that a script wrote, where the template changes it": Case(
        "<p>0 clicks</p>",
        "<p>0 presses</p>",
        {"texts('p')": ["0 presses"]},
        "$('p').textContent = '5 clicks'",
    ),
    "content that a script drew in place of the template's": Case(
        '<div id="app"><p class="wait">Loading</p></div><p>a</p>',
        '<div id="app" class="x"><p class="wait">Please wait</p><p class="more">Soon</p></div><p>b</p>',
        {
            "texts('#app *')": ["Shop", "Shop"],
            "$('#app > section > h2') === h2": True,
            "$('#app').className": "x",
            "texts('body > p')": ["b"],
        },
        "$('#app').innerHTML = '<section><h2>Shop</h2></section>'; window.h2 = $('h2')",
    ),
    "content that a script drew where the template has none": Case(
        '<div id="app"></div>',
        '<div id="app">Loading</div>',
        {"$('#app').innerHTML": "<b>Shop</b>"},
        "$('#app').innerHTML = '<b>Shop</b>'",
    ),
    "another element that a script put in place of the template's": Case(
        '<main><div class="spinner"></div><p>a</p></main>',
        "<main><p>b</p></main>",
        {"$('main').innerHTML": '<div class="app"><h1>Shop</h1></div><p>b</p>'},
        "$('.spinner').outerHTML = '<div class=app><h1>Shop</h1></div>'",
    ),
    "what a script took away": Case(
        "<p>a</p><div id='ad'><b>x</b></div><p>c</p>",
        "<p>a</p><div id='ad'><b>y</b></div><p>d</p>",
        {"document.body.innerHTML": "<p>a</p><p>d</p>"},
        "$('#ad').remove()",
    ),
    "a select's choice, when options come": Case(
        "<select><option>a<option>b<option>c</select>",
        "<select><option>z<option>a<option>b<option>c<option selected>d</select>",
        {"$('select').value": "b", "texts('option')": ["z", "a", "b", "c", "d"]},
        "$('select').value = 'b'",
    ),
    "a select whose choice goes": Case(
        "<select><option>a<option>b<option>c</select>",
        "<select><option>a<option selected>c</select>",
        {"$('select').value": "c"},
        "$('select').value = 'b'",
    ),
    "a select that nobody touched": Case(
        "<select><option>a<option>b</select>",
        "<select><option>a<option selected>b</select>",
        {"$('select').value": "b"},
    ),
    "a textarea that was written in": Case(
        "<textarea>a</textarea>",
        "<textarea rows=5>b</textarea>",
        {"$('textarea').value": "mine", "$('textarea').defaultValue": "b", "$('textarea').rows": 5},
        "$('textarea').value = 'mine'",
    ),
    "a textarea that nobody touched": Case(
        "<textarea>a</textarea>", "<textarea>b</textarea>", {"$('textarea').value": "b"}
    ),
    "a frame": Case(
        '<p>a</p><iframe id="f" srcdoc="<p>in"></iframe>',
        '<h1>new</h1><p>b</p><iframe id="f" srcdoc="<p>in" class="x"></iframe>',
        {"$('#f').contentWindow.mine": 1, "$('#f').className": "x"},
        "$('#f').contentWindow.mine = 1",
    ),
    "a sheet that was swapped": Case(
        html("<p>a</p>", '<link rel="stylesheet" href="style.css"><meta name="a" content="1">'),
        html("<p>b</p>", '<link rel="stylesheet" href="style.css"><meta name="a" content="2"><meta name=b>'),
        {
            "each('head > *', (e) => e.name ?? e.href)": [f"{SITE}/style.css?t=5", "a", "b"],
            "$('link') === link": True,
            "$('p').textContent": "b",
        },
        "window.link = $('link').cloneNode(); link.href = `${link.href}?t=5`; $('link').replaceWith(link)",
    ),
    "a swapped sheet among others": Case(
        html("", '<link rel="stylesheet" href="a.css"><link rel="stylesheet" href="b.css">'),
        html("", '<link rel="stylesheet" href="b.css">'),
        {"each('link', (e) => e.getAttribute('href'))": [f"{SITE}/b.css?t=5"]},
        f"const link = $('[href=\\'b.css\\']').cloneNode(); link.href = '{SITE}/b.css?t=5';"
        "$('[href=\\'b.css\\']').replaceWith(link)",
    ),
    "a swapped sheet behind one that a script put there": Case(
        html("<p>a</p>", '<link rel="stylesheet" href="a.css"><link rel="stylesheet" href="b.css">'),
        html("<p>a</p>", '<link rel="stylesheet" href="b.css">'),
        {"each('link', (e) => e.href)": [f"{SITE}/own.css", f"{SITE}/b.css?t=5"]},
        "const links = [...document.querySelectorAll('link')];"
        "for (const link of links) { const next = link.cloneNode(); next.href = `${link.href}?t=5`;"
        " link.replaceWith(next); }"
        "const own = links[0].cloneNode(); own.href = '/own.css'; document.head.prepend(own)",
    ),
    "an element that is to be ignored from now on": Case(
        "<p>a<b>b</b></p>", "<p data-hot-ignore>A<b>B</b></p>", {"$('p').outerHTML": "<p>a<b>b</b></p>"}
    ),
    "a container's attributes, with all in it drawn by a script": Case(
        '<div class="app"><p class="wait">Loading</p></div>',
        '<div class="app wide"><p class="wait">Please wait</p></div>',
        {"$('div').outerHTML": '<div class="app wide"><section><h2>Shop</h2></section></div>'},
        "$('.app').innerHTML = '<section><h2>Shop</h2></section>'",
    ),
    "a body that a script drew in": Case(
        html(""),
        html("<p>a</p>"),
        {"document.body.innerHTML": "<i>drawn</i><p>a</p>"},
        "document.body.append(document.createElement('i')); $('i').textContent = 'drawn'",
    ),
    "the overlay and the notice": Case(
        "<p>a</p>",
        "<p>b</p><p>c</p>",
        {
            "document.body.innerHTML": "<p>b</p><p>c</p><vite-error-overlay></vite-error-overlay>"
            "<hotchannel-notice></hotchannel-notice>"
        },
        "for (const name of ['vite-error-overlay', 'hotchannel-notice'])"
        " document.body.append(document.createElement(name))",
    ),
}

NAMES = ("id", "attributes", "style", "remove", "matches", "children", "content", "append")
CLOBBERING = "".join(f'<input name="{name}">' for name in NAMES)

CHANGED = {
    "a heading": Case("<h1>Old</h1>", "<h1>New</h1>", {"texts('h1')": ["New"]}),
    "an attribute that comes, changes and goes": Case(
        '<a href="/a" rel="x">l</a>',
        '<a href="/b" title="t">l</a>',
        {"$('a').outerHTML": '<a href="/b" title="t">l</a>'},
    ),
    "names that only a parser takes": Case(
        '<a @click="a" :class="c">l</a>',
        '<a @click="b" [x]="1" (y)="2">l</a>',
        {"$('a').getAttributeNames().sort()": ["(y)", "@click", "[x]"], "$('a').getAttribute('@click')": "b"},
    ),
    "attributes of html and body": Case(
        '<!doctype html><html lang="en"><body class="a">x</body></html>',
        '<!doctype html><html lang="de"><body class="b" id="main">x</body></html>',
        {"document.documentElement.lang": "de", "document.body.className": "b", "document.body.id": "main"},
    ),
    "another id of the body": Case(
        html("<input>", "", 'id="one"'),
        html("<input><p>x</p>", "", 'id="two"'),
        {"document.body.id": "two", "$('input').value": "mine"},
        "$('input').value = 'mine'",
    ),
    "a row at the top": Case(
        "<ul><li>b</li></ul>", "<ul><li>a</li><li>b</li></ul>", {"texts('li')": ["a", "b"]}
    ),
    "a row in the middle": Case(
        "<ul>\n<li>a</li>\n<li>c</li>\n</ul>",
        "<ul>\n<li>a</li>\n<li>b</li>\n<li>c</li>\n</ul>",
        {"texts('li')": ["a", "b", "c"], "$('li:last-child') === c": True},
        "window.c = $('li:last-child')",
    ),
    "rows at the end": Case(
        "<ul><li>a</li></ul>", "<ul><li>a</li><li>b</li><li>c</li></ul>", {"texts('li')": ["a", "b", "c"]}
    ),
    "a row that goes": Case(
        "<ul><li>a</li><li>b</li><li>c</li></ul>",
        "<ul><li>a</li><li>c</li></ul>",
        {"texts('li')": ["a", "c"], "$('li:last-child') === c": True},
        "window.c = $('li:last-child')",
    ),
    "rows in another order": Case(
        "".join(f'<p id="r{i}">{i}</p>' for i in range(6)),
        "".join(f'<p id="r{i}">{i}!</p>' for i in (5, 3, 4, 0, 2, 1)),
        {
            "texts('p')": ["5!", "3!", "4!", "0!", "2!", "1!"],
            "rows.every((row) => row === $(`#${row.id}`))": True,
        },
        "window.rows = [...document.querySelectorAll('p')]",
    ),
    "an id that is there twice": Case(
        '<p id="a">1</p><p id="a">2</p><p id="b">3</p>',
        '<p id="b">3</p><p id="a">2</p><p id="a">1</p><p id="a">0</p>',
        {"texts('p')": ["3", "2", "1", "0"]},
    ),
    "a comment": Case("<p>x</p><!--a-->", "<p>x</p><!--b-->", {"document.body.lastChild.data": "b"}),
    "text in the body": Case(
        "one<p>x</p>two", "eins<p>x</p>zwei", {"document.body.innerHTML": "eins<p>x</p>zwei"}
    ),
    "spaces": Case("<p>x</p>\n<p>y</p>", "<p>x</p>\n\n  <p>y</p>\n", {"texts('p')": ["x", "y"]}),
    "the head": Case(
        html("", '<title>a</title><meta name="description" content="a">'),
        html("", '<title>b</title><meta name="description" content="b"><link rel="icon" href="data:,">'),
        {"document.title": "b", "$('meta').content": "b", "$('link').rel": "icon"},
    ),
    "a stylesheet that comes": Case(
        html("<b>x</b>"),
        html("<b>x</b>", "<style>b { color: rgb(1, 2, 3) }</style>"),
        {"getComputedStyle($('b')).color": "rgb(1, 2, 3)"},
    ),
    "svg": Case(
        '<svg viewBox="0 0 9 9"><a xlink:href="#a"><circle r="1"/></a></svg>',
        '<svg viewBox="0 0 8 8"><a xlink:href="#b" xlink:title="t"><circle r="2"/>'
        "<linearGradient/></a></svg>",
        {
            "$('svg').getAttribute('viewBox')": "0 0 8 8",
            "$('svg a').getAttributeNS('http://www.w3.org/1999/xlink', 'href')": "#b",
            "$('svg a').getAttributeNS('http://www.w3.org/1999/xlink', 'title')": "t",
            "each('svg a > *', (e) => e instanceof SVGElement && e.localName)": ["circle", "linearGradient"],
        },
    ),
    "a template": Case(
        "<template><p>a</p><template><b>x</b></template></template>",
        "<template><p>b</p><i>i</i><template><b>y</b></template></template>",
        {
            "$('template').innerHTML": "<p>b</p><i>i</i><template><b>y</b></template>",
            "$('template').childNodes.length": 0,
        },
    ),
    "a template that comes": Case(
        "<p>x</p>",
        "<p>x</p><template><b>y</b></template>",
        {"$('template').content.firstChild.textContent": "y"},
    ),
    "a table": Case(
        "<table><tr><td>a<td>b</table>",
        "<table><caption>c</caption><tr><td>a<td>B<tr><td>c</table>",
        {"texts('caption, td')": ["c", "a", "B", "c"], "$('table').tBodies.length": 1},
    ),
    "a custom element with a shadow root": Case(
        "<my-box><b>a</b></my-box>",
        '<my-box open="1"><b>b</b></my-box><my-box open="2"><i>c</i></my-box>',
        {
            "each('my-box', (e) => e.shadowRoot.innerHTML)": ["<slot></slot>mine", "<slot></slot>"],
            "changes": ["open=1", "open=2"],
            "texts('my-box')": ["b", "c"],
        },
        "window.changes = []; customElements.define('my-box', class extends HTMLElement {"
        "  static observedAttributes = ['open'];"
        "  constructor() { super(); this.attachShadow({ mode: 'open' }).innerHTML = '<slot></slot>'; }"
        "  attributeChangedCallback(name, old, value) { changes.push(`${name}=${value}`); }"
        "}); $('my-box').shadowRoot.append('mine')",
    ),
    "a custom element that draws into itself": Case(
        "<my-list><b>1</b></my-list><p>a</p>",
        '<my-list size="2"><b>1</b></my-list><p>b</p>',
        {"$('my-list').outerHTML": '<my-list ready="" size="2"><i>drawn</i></my-list>', "texts('p')": ["b"]},
        "$('my-list').innerHTML = '<i>drawn</i>'; $('my-list').setAttribute('ready', '')",
    ),
    "a custom element that does not stay": Case(
        "<p>a</p><p>z</p>",
        "<p>a</p><gone-soon></gone-soon><p>b</p><p>z</p>",
        {"document.body.innerHTML": "<p>a</p><p>b</p><p>z</p>"},
        "customElements.define('gone-soon', class extends HTMLElement {"
        "  connectedCallback() { this.remove(); } })",
    ),
    "a form whose fields have the names of properties": Case(
        f"<form>{CLOBBERING}</form>",
        f'<form id="f" style="color: red">{CLOBBERING}<b>x</b></form>',
        {
            "$('form').getAttribute('id')": "f",
            "$('form').lastElementChild.localName": "b",
            "$('form').getAttribute('style')": "color: red",
        },
        "$('form').setAttribute('style', 'top: 0')",
    ),
    "a noscript with what no head can have": Case(
        html("<p>a</p>", '<noscript><img src="/n.gif"></noscript><meta name="a" content="1">'),
        html("<p>b</p>", '<noscript><img src="/n.gif"></noscript><meta name="a" content="2">'),
        {"$('head meta').content": "2", "texts('noscript, p')": ['<img src="/n.gif">', "b"]},
    ),
    "a data block": Case(
        '<script type="application/json" id="d">{"a": 1}</script>',
        '<script type="application/json" id="d">{"a": 2}</script>',
        {"JSON.parse($('#d').textContent).a": 2, "$('#d') === d": True},
        "window.d = $('#d')",
    ),
    "a data block that comes": Case(
        "<p>x</p>",
        '<p>x</p><script type="application/ld+json">{}</script>',
        {"$('script').textContent": "{}"},
    ),
    "a stylesheet that comes where nonces are asked for": Case(
        html("<b>x</b>", '<style nonce="one">b { color: red }</style>'),
        html(
            "<b>x</b>", '<style nonce="two">b { color: red }</style><style nonce="two">b { top: 0 }</style>'
        ),
        {"each('style', (e) => e.nonce)": ["one", "one"]},
        "const script = document.createElement('script'); script.type = 'x/y';"
        "script.setAttribute('nonce', 'one'); document.body.append(script)",
    ),
    "rows that come bring their token": Case(
        '<form><input name="csrfmiddlewaretoken" value="1"></form>',
        '<form><input name="csrfmiddlewaretoken" value="2"></form>' * 2,
        {"each('input', (e) => e.value)": ["1", "2"]},
    ),
    "an ignored element that comes": Case(
        "<p>x</p>",
        '<p>x</p><div data-hot-ignore class="c"><b>y</b></div>',
        {"$('div').outerHTML": '<div data-hot-ignore="" class="c"><b>y</b></div>'},
    ),
}

SCRIPTED = "<script>runs += 1</script>"
INLINE = '<p id="p">a</p>' + SCRIPTED
HOST = '<div id="host"><template shadowrootmode="open"><b>{}</b></template><i>light</i></div>'

RELOADED = {
    "a script that changed": Case(INLINE, INLINE.replace("+= 1", "+= 2").replace(">a<", ">b<")),
    "a script that came": Case("<p>a</p>", "<p>b</p><script>runs += 1</script>"),
    "a script that went": Case(INLINE, '<p id="p">b</p>'),
    "a script in an element that came": Case(
        "<p>a</p>", "<p>b</p><div><i><script>runs += 1</script></i></div>"
    ),
    "a script in an element that went": Case(f"<p>a</p><div>{SCRIPTED}</div>", "<p>b</p>"),
    "a script in an ignored element that came": Case(
        "<p>a</p>", f"<p>b</p><div data-hot-ignore>{SCRIPTED}</div>"
    ),
    "a module whose type has spaces": Case("<p>a</p>", '<p>b</p><script type=" module ">1</script>'),
    "a script in an svg": Case("<svg></svg>", "<svg><script>runs += 1</script></svg>"),
    "a module at another address": Case(
        '<script type="module" src="/a.js"></script>', '<script type="module" src="/b.js"></script>'
    ),
    "an import map": Case(
        '<script type="importmap">{"imports": {}}</script>',
        '<script type="importmap">{"imports": {"a": "/a.js"}}</script>',
    ),
    "speculation rules": Case("<p>a</p>", '<p>a</p><script type="speculationrules">{}</script>'),
    "a data block that becomes a script": Case(
        '<script type="text/plain">runs += 1</script>', "<script>runs += 1</script>"
    ),
    "a script where a script took the place away": Case(
        f'<div id="d"><p>x</p>{SCRIPTED}</div>',
        f'<div id="d"><p>x</p>{SCRIPTED.replace("1", "2")}</div>',
        act="$('#d').remove()",
    ),
    "data-hot-reload on the element": Case("<p data-hot-reload>a</p>", "<p data-hot-reload>b</p>"),
    "data-hot-reload on an ancestor": Case(
        '<div data-hot-reload><i><b class="a">a</b></i></div>',
        '<div data-hot-reload><i><b class="b">a</b></i></div>',
    ),
    "data-hot-reload that comes": Case("<p><b>a</b></p>", "<p data-hot-reload><b>a</b></p>"),
    "data-hot-reload in what goes": Case("<p>a</p><div><b data-hot-reload>a</b></div>", "<p>a</p>"),
    "a row in data-hot-reload": Case("<ul data-hot-reload></ul>", "<ul data-hot-reload><li>a</li></ul>"),
    "another doctype": Case("<!doctype html><p>a", '<!doctype html PUBLIC "-//W3C//DTD HTML 4.01//EN"><p>b'),
    "another base": Case(html("<p>a</p>", '<base href="/a/">'), html("<p>b</p>", '<base href="/b/">')),
    "another policy": Case(
        html("<p>a</p>", '<meta http-equiv="Content-Security-Policy" content="img-src *">'),
        html("<p>b</p>", '<meta http-equiv="content-security-policy" content="img-src \'self\'">'),
    ),
    "a declared shadow root that changed": Case(HOST.format("a"), HOST.format("b")),
    "a declared shadow root that came": Case("<p>a</p>", "<p>b</p>" + HOST.format("a")),
    "a declared shadow root that went": Case(HOST.format("a"), '<div id="host"><i>light</i></div>'),
}

ALIKE = {
    "the same": Case("<p>a</p>", "<p>a</p>"),
    "the same, whatever scripts did": Case("<p>a</p>", "<p>a</p>", act="$('p').remove()"),
    "nonces": Case('<p>a</p><style nonce="1"></style>', '<p>a</p><style nonce="2"></style>'),
    "the time of a script": Case(
        '<script type="module" src="/a.js?t=1"></script>', '<script type="module" src="/a.js?t=2"></script>'
    ),
    **{
        f"the field {name}": Case(f'<input name="{name}" value="1">', f'<input name="{name}" value="2">')
        for name in (
            "csrfmiddlewaretoken csrf_token _csrf _csrf_token authenticity_token"
            " __RequestVerificationToken _xsrf"
        ).split()
    },
    "a token in a meta": Case(
        html("", '<meta name="csrf-token" content="1">'), html("", '<meta name="csrf-token" content="2">')
    ),
    "a token in hx-headers": Case(
        """<p hx-headers='{"X-CSRFToken": "1"}'>a</p>""", """<p hx-headers='{"X-CSRFToken": "2"}'>a</p>"""
    ),
    "an ignored element": Case(
        '<p data-hot-ignore class="a">1<b>x</b></p>',
        '<p data-hot-ignore class="b">2<script>runs += 1</script></p>',
    ),
    "a policy's nonce": Case(
        html("", """<meta http-equiv="Content-Security-Policy" content="img-src * 'nonce-1'">"""),
        html("", """<meta http-equiv="Content-Security-Policy" content="img-src * 'nonce-2'">"""),
    ),
    "the position of the page": Case(
        html(
            "", '<meta name="hotchannel-page" content="1"><script type="module" src="/@vite/client"></script>'
        ),
        html("", '<meta name="hotchannel-page" content="1:2">'),
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in KEPT.items()])
def test_what_people_and_scripts_did_stays(stage: Stage, case: Case) -> None:
    case.play(stage)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CHANGED.items()])
def test_what_the_template_changed_comes(stage: Stage, case: Case) -> None:
    case.play(stage)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in RELOADED.items()])
def test_what_needs_a_reload_touches_nothing(stage: Stage, case: Case) -> None:
    case.result = "reload"
    case.act += "; countWrites()"
    case.wanted = {"written()": 0}
    case.play(stage)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ALIKE.items()])
def test_what_is_not_compared_changes_nothing(stage: Stage, case: Case) -> None:
    case.result = "unchanged"
    case.act += "; countWrites()"
    case.wanted = {"written()": 0}
    case.play(stage)


def test_where_a_policy_demands_trusted_types_the_page_is_reloaded(stage: Stage) -> None:
    policy = """<meta http-equiv="Content-Security-Policy" content="require-trusted-types-for 'script'">"""
    before, after = html("<p>a</p>", policy), html("<p>b</p>", policy)
    stage.show(before)
    sent = {f"{SITE}/": after, f"{SITE}/@hotchannel/page/1?token=t": before}

    def answer(route: Route) -> None:
        route.fulfill(
            body=sent[route.request.url], content_type="text/html", headers={"x-hotchannel-page": "2"}
        )

    addresses = re.compile(f"^{SITE}/(@hotchannel/.*)?$")
    stage.page.route(addresses, answer)
    with stage.page.expect_console_message(lambda told: "Trusted Types" in told.text):
        outcome = stage.value(
            """async () => {
                const { PageText } = await import("/@hot/refresh.js");
                const meta = document.createElement("meta");
                meta.dataset.page = "1";
                return new PageText(new URL(location), "t", meta).refresh();
            }"""
        )
    stage.page.unroute(addresses)
    assert outcome == "reload"
    assert stage.value("texts('p')") == ["a"]


def test_scripts_do_not_run_again(stage: Stage) -> None:
    body = '<p>{}</p><script>runs += 1</script><script src="/a.js"></script>'
    after = "<h1>New</h1>" + body.format("b")
    Case(body.format("a"), after, {"runs": 2, "texts('h1, p')": ["New", "b"]}).play(stage)


def test_only_what_changed_is_written(stage: Stage) -> None:
    rows = [f'<li class="r">{i}</li>' for i in range(50)]
    before = f"<ul>{''.join(rows)}</ul>"
    rows[30] = '<li class="r">new</li>'
    Case(before, f"<ul>{''.join(rows)}</ul>", {"written()": 1}, act="countWrites()").play(stage)


def test_spaces_alone_ask_for_no_reload(stage: Stage) -> None:
    before, after = "<div data-hot-reload><p>a b</p></div>", "<div data-hot-reload>\n  <p>a\n b</p>\n</div>"
    Case(before, after, {"$('div').innerHTML": "\n  <p>a\n b</p>\n"}).play(stage)


def test_changes_one_after_another(stage: Stage) -> None:
    pages = [html("".join(f"<p>{word}</p>" for word in words)) for words in ("abc", "axbc", "xbcd", "d")]
    stage.show(pages[0])
    for before, after in pairwise(pages):
        assert stage.morph(before, after) == "applied"
    assert stage.value("texts('p')") == ["d"]


def rows(numbers: list[int], row: str) -> str:
    written = "\n".join(row.replace("#", str(number)) for number in numbers)
    return html(f"<table><tbody>\n{written}\n</tbody></table>")


PLAIN = '<tr class="row"><td>row #</td><td><a href="/#">open</a></td></tr>'
NAMED = PLAIN.replace("<tr", '<tr id="r#"')
TOKEN = PLAIN.replace("</td></tr>", '<input name="csrf_token" value="{}"></td></tr>')
COUNT = 5000
ALL = list(range(COUNT))
MIDDLE = [*ALL[:2500], 9999, *ALL[2500:]]
MORE = [*ALL[:20], *range(6000, 7000), *ALL[20:], 9999]
LONG = {
    "one more in the middle": (rows(ALL, PLAIN), rows(MIDDLE, PLAIN), MIDDLE),
    "two far apart": (rows(ALL, PLAIN), rows([9998, *MIDDLE], PLAIN), [9998, *MIDDLE]),
    "a thousand more": (rows(ALL, PLAIN), rows(MORE, PLAIN), MORE),
    "a thousand more, and another class in each": (
        rows(ALL, PLAIN),
        rows(MORE, PLAIN.replace('"row"', '"new"')),
        MORE,
    ),
    "one that goes": (rows(MIDDLE, PLAIN), rows(ALL, PLAIN), ALL),
    "one text": (rows(ALL, PLAIN), rows(ALL, PLAIN).replace("row 4999<", "row 9999<"), [*ALL[:4999], 9999]),
    "another token in each": (rows(ALL, TOKEN.format("a")), rows(MIDDLE, TOKEN.format("b")), MIDDLE),
    "another class in each": (rows(ALL, PLAIN), rows(MIDDLE, PLAIN.replace('"row"', '"new"')), MIDDLE),
    "another text and class in each": (
        rows(ALL, PLAIN),
        rows(ALL, PLAIN.replace('"row"', '"new"').replace("open", "show")),
        ALL,
    ),
    "the other way round": (rows(ALL, NAMED), rows(ALL[::-1], NAMED), ALL[::-1]),
    "halves swapped": (rows(ALL, NAMED), rows(ALL[2500:] + ALL[:2500], NAMED), ALL[2500:] + ALL[:2500]),
}


@pytest.mark.parametrize(
    ("before", "after", "wanted"), [pytest.param(*case, id=name) for name, case in LONG.items()]
)
def test_thousands_of_rows(stage: Stage, before: str, after: str, wanted: list[int]) -> None:
    stage.show(before)
    # A script's own row among them, in two places: neither the start nor the end is as it was sent.
    stage.value(
        """() => {
            for (const row of document.querySelectorAll("tr")) row.mark = row.cells[0].textContent;
            for (const at of [10, 4000]) {
                const row = document.createElement("tr");
                row.className = "drawn";
                document.querySelector("tbody").children[at].after(row);
            }
        }"""
    )
    assert stage.morph(before, after) == "applied"
    assert stage.value("texts('tr:not(.drawn) td:first-child')") == [f"row {i}" for i in wanted]
    assert stage.value("document.querySelectorAll('.drawn').length") == 2
    # Each row is the one that it was.
    news = len({*wanted} - {int(number) for number in re.findall(r"row (\d+)<", before)})
    rebuilt = (
        "each('tr:not(.drawn)', (e) => e.mark === e.cells[0].textContent).filter((kept) => !kept).length"
    )
    assert stage.value(rebuilt) == news


VALUES = {"id": ["p", "q", "r"], "class": ["k", "k l", "m"], "style": ["top: 1px", ""], "@t": ["1", "2"]}


class Garden:
    """Trees of few kinds of nodes, so that what is alike and what is not come close to each other."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def tree(self, depth: int = 0) -> list[Any]:
        """Children of an element: strings of text, or `[tag, attributes, children]`."""
        pick = self._random
        return [self.node(depth) for _ in range(pick.randrange(1 if depth else 6, 5 if depth else 9))]

    def node(self, depth: int) -> Any:
        pick = self._random
        kind = pick.random()
        if kind < 0.2:
            return pick.choice(["a", "b c", "\n  ", "\n"])
        if kind < 0.25:
            return f"<!--{pick.choice('xy')}-->"
        tag = pick.choice(["div", "div", "span", "ul", "svg", "x-y", "template", "i"])
        attributes = {name: pick.choice(values) for name, values in VALUES.items() if pick.random() < 0.25}
        inside = ["div", "span"] if tag == "svg" else []
        return [tag, attributes, [] if depth > 2 or inside else self.tree(depth + 1)]

    def edit(self, children: list[Any], depth: int = 0) -> list[Any]:
        """The same with some of it changed."""
        pick = self._random
        result = []
        for child in children:
            chance = pick.random()
            if chance < 0.1:
                continue
            if chance < 0.2:
                result.append(self.node(depth))
            if not isinstance(child, str) and chance > 0.3:
                tag, attributes, inner = child
                if chance > 0.9:
                    attributes = {**attributes, "class": pick.choice(["k", "m n"])}
                result.append([tag, attributes, self.edit(inner, depth + 1)])
            else:
                result.append(child)
        if pick.random() < 0.2:
            pick.shuffle(result)
        return result

    def write(self, children: list[Any]) -> str:
        written = []
        for child in children:
            if isinstance(child, str):
                written.append(child)
            else:
                tag, attributes, inner = child
                told = "".join(f' {name}="{value}"' for name, value in attributes.items())
                written.append(f"<{tag}{told}>{self.write(inner)}</{tag}>")
        return "".join(written)


GROWN = """async ([pairs, drawn]) => {
    const { morph } = await import("/@hot/morph.js");
    const parse = (text) => new DOMParser().parseFromString(text, "text/html");
    const wrong = [];
    let [checked, lost] = [0, 0];
    for (const [before, after, places] of pairs) {
        const live = parse(before);
        const own = [];
        const parents = [...live.body.querySelectorAll("*"), live.body].filter(
            (each) => each.localName !== "template" && (each === live.body || each.textContent.trim()));
        for (const [where, at] of drawn ? places : []) {
            const parent = parents[Math.floor(where * parents.length)];
            const node = live.createElement("drawn-by-script");
            const next = parent.childNodes[Math.floor(at * (parent.childNodes.length + 1))];
            parent.insertBefore(node, next ?? null);
            own.push([node, parent]);
        }
        const result = morph(before, after, live);
        for (const [node, parent] of own) {
            checked += 1;
            if (!parent.isConnected) lost += 1;
            else if (node.parentNode !== parent) wrong.push(["a script's node is gone", before, after]);
            node.remove();
        }
        const wanted = parse(after).documentElement;
        const same = canonical(live.documentElement) === canonical(wanted)
            && (own.length > 0 || live.documentElement.isEqualNode(wanted));
        if (!same) wrong.push([result, before, after, canonical(live.documentElement), canonical(wanted)]);
    }
    return { wrong: wrong.slice(0, 2), count: wrong.length, checked, lost };
}"""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("drawn", [pytest.param(False, id="untouched"), pytest.param(True, id="drawn in")])
def test_the_page_becomes_what_the_server_sends(stage: Stage, seed: int, drawn: bool) -> None:
    garden = Garden(seed)
    chance = random.Random(seed)
    pairs = []
    for number in range(300):
        tree = garden.tree()
        other = garden.tree() if number % 5 == 0 else garden.edit(tree)
        places = [[chance.random(), chance.random()] for _ in range(3)]
        pairs.append([html(garden.write(tree)), html(garden.write(other)), places])
    stage.show(html(""))
    outcome = stage.page.evaluate(GROWN, [pairs, drawn])
    assert outcome["wrong"] == []
    # Most of what scripts drew was in elements that are still there.
    assert outcome["checked"] - outcome["lost"] >= (500 if drawn else 0)
