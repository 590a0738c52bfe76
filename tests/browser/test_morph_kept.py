"""A page that the server sends anew: what people and scripts did to the live page stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.stage import SITE, Case, html

if TYPE_CHECKING:
    from browser.stage import Stage

pytestmark = pytest.mark.ours

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


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in KEPT.items()])
def test_what_people_and_scripts_did_stays(stage: Stage, case: Case) -> None:
    case.play(stage)
