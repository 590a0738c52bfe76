"""A page that the server sends anew, at length and at random."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from browser.stage import html

if TYPE_CHECKING:
    from browser.stage import Stage

pytestmark = pytest.mark.ours


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
