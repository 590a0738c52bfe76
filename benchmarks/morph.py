"""What it takes to change a page in place, beside what the browser takes to read its text.

    python benchmarks/morph.py [--quick]

Pages of thousands of rows, before and after an edit, each in a fresh document without layout, with two rows
that a script has put among them: `morph` with both texts, and `DOMParser` with both, in turns. Prints the
medians of the rounds in milliseconds, and that of their ratios: other work slows both down.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import hotchannel
from peers.sites import CHROMIUM_ARGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Route

SOURCES = Path(hotchannel.__file__).parent / "browser"
SITE = "http://page.test"

PLAIN = '<tr class="row"><td>row #</td><td><a href="/#">open</a></td></tr>'
NAMED = PLAIN.replace("<tr", '<tr id="r#"')
TOKEN = PLAIN.replace("</td></tr>", '<input name="csrf_token" value="{}"></td></tr>')

MEASURE = """async ([before, after]) => {
    const { morph } = await import("/morph.js");
    const parse = (text) => new DOMParser().parseFromString(text, "text/html");
    const timed = (work) => {
        const start = performance.now();
        work();
        return performance.now() - start;
    };
    const live = parse(before);
    for (const at of [10, Math.floor(live.querySelectorAll("tr").length * 0.8)]) {
        const row = live.createElement("tr");
        row.className = "drawn";
        live.querySelectorAll("tr")[at].after(row);
    }
    const parsing = timed(() => [before, after].map(parse));
    let result;
    const morphing = timed(() => { result = morph(before, after, live); });
    if (result !== "applied") throw new Error(result);
    return [morphing, parsing];
}"""


def table(numbers: Sequence[int], row: str) -> str:
    """A page of a row for each number."""
    rows = "\n".join(row.replace("#", str(number)) for number in numbers)
    return f"<!doctype html><html><head></head><body><table><tbody>\n{rows}\n</tbody></table></body></html>"


def cases(count: int) -> dict[str, tuple[str, str]]:
    """Pages before and after an edit, by what the edit does."""
    rows = range(count)
    half = count // 2
    more = [*rows[:half], 2 * count, *rows[half:]]
    fifth = [*rows[:20], *range(count, count + count // 5), *rows[20:]]
    other = PLAIN.replace('"row"', '"new"')
    before = table(rows, PLAIN)
    return {
        "one row more": (before, table(more, PLAIN)),
        "one row less": (table(more, PLAIN), before),
        "a fifth more": (before, table(fifth, PLAIN)),
        "a fifth more, another class in each": (before, table(fifth, other)),
        "another class in each": (before, table(more, other)),
        "another class and text in each": (before, table(rows, other.replace("open", "show"))),
        "another token in each": (table(rows, TOKEN.format("a")), table(more, TOKEN.format("b"))),
        "ids, the other way round": (table(rows, NAMED), table(rows[::-1], NAMED)),
        "ids, halves swapped": (table(rows, NAMED), table([*rows[half:], *rows[:half]], NAMED)),
    }


def answer(route: Route) -> None:
    """Serve an empty page, and what it imports."""
    path = route.request.url.removeprefix(f"{SITE}/")
    if path.endswith(".js"):
        route.fulfill(path=SOURCES / path, content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html>", content_type="text/html")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        page = browser.new_page()
        page.route(f"{SITE}/**", answer)
        page.goto(SITE)
        for count in (1000,) if quick else (1000, 5000):
            print(f"{count} rows{'':32}{'morph':>10}{'parsing':>12}{'ratio':>8}")
            for name, texts in cases(count).items():
                page.evaluate(MEASURE, list(texts))
                found = [page.evaluate(MEASURE, list(texts)) for _ in range(3 if quick else 9)]
                morphing, parsing = (statistics.median(one[side] for one in found) for side in (0, 1))
                ratio = statistics.median(one[0] / one[1] for one in found)
                print(f"  {name:36}{morphing:>8.1f} ms{parsing:>9.1f} ms{ratio:>8.1f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
