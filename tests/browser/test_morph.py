"""A page that the server sends anew: what it changed comes into the live page, or reloads it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from browser.stage import SITE, Case, html

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from browser.stage import Stage

pytestmark = pytest.mark.ours

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
