"""No text makes an analysis slow: 16 times the text takes about 16 times the time, up to a megabyte.

What is not linear here takes 256 times the time at least, so that four times too much is allowed for whatever
else the machine does; and the processor's time is measured, not that of a clock on the wall.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from hotchannel.modules import css, html, javascript
from hotchannel.modules.syntax import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (2**12, 2**16, 2**20)
FACTOR = 16
"""From one size to the next."""

ALLOWANCE = 4
SHORTEST = 0.002
"""Seconds; what is faster says nothing about growth."""


def _seconds(analyze: Callable[[str], object], source: str) -> float:
    begun = time.process_time()
    with suppress(SourceError):  # to refuse a text has to be quick too
        analyze(source)
    return max(time.process_time() - begun, SHORTEST)


def check(
    analyze: Callable[[str], object], make: Callable[[int], str], sizes: tuple[int, ...] = SIZES[:2]
) -> None:
    """Compare each size with the one before, so that what grows too fast fails before it takes hours."""
    before = _seconds(analyze, make(sizes[0]))
    for size in sizes[1:]:
        source = make(size)
        bound = FACTOR * ALLOWANCE * before
        before = _seconds(analyze, source)
        if before > bound:
            before = min(_seconds(analyze, source) for _ in range(3))
        assert before <= bound, f"{before / bound * ALLOWANCE:.0f} times too slow at {size} characters"


def repeated(before: str, unit: str, after: str) -> Callable[[int], str]:
    return lambda size: before + unit * (size // len(unit)) + after


JAVASCRIPT = [
    *["a ", "/", "a/b/", "\\", "{", "[", "(", "`", "`${", "$", "'", "'\\", "\n", "/*", "//\n", "<!--"],
    *["/**/", "/[", "()/a/", "{}/a/", "a:{", "(of/a/", "\\u{", ".", "import ", "import{", "import("],
    *["import'a'", "import.meta", "import/**/", "import.meta.hot.accept(", "import.meta.hot.accept(['a',"],
    *["import('a',{with:{", "import{}from'a'with{", "export{", "export{a}", "export*", "export let a,"],
    *["export const {", "from'a'/b/"],
]  # fmt: skip

JAVASCRIPT_BETWEEN = [
    ("'", "a", ""),
    ("'", "a", "\n'"),
    ("`", "a\\", ""),
    ("/", "[", "/"),
    ("/[", "a", "]/"),
    ("x(", "of/a/", ")"),
    ("import a from 'b' with{", "a", "}"),
    ("import a from 'b' with{", "'a'", "}"),
    ("import a from 'b' with{", "a:'b',", "}"),
    ("import{", "a as b,", "}from'c'"),
    ("import{", "a", "}from'c'"),
    ("import{", "/**/", "}"),
    ("export{", "a", "}"),
    ("export let{", "a,", "}=b"),
    ("export let a=", "b\n", ""),
    ("export let a=", "b+\n", ""),
    ("import.meta.hot.accept([", "'a',", "])"),
    ("import.meta.hot.accept([", ",", "])"),
    ("import.meta.hot.accept(", "/**/", ")"),
    ("import(", "a,", ")"),
    ("import(", "`${a}`+", "1)"),
    ("import('", "\\u{61}", "')"),
    ("import('\\u{", "0", "61}')"),
]


@pytest.mark.parametrize("unit", JAVASCRIPT)
def test_repeated_javascript(unit: str) -> None:
    check(javascript.analyze, repeated("", unit, ""), SIZES)


@pytest.mark.parametrize("unit", JAVASCRIPT)
@pytest.mark.parametrize("before", ["export const x = ", "import.meta.hot.accept(", "for("])
def test_javascript_after_a_beginning(before: str, unit: str) -> None:
    check(javascript.analyze, repeated(before, unit, ""))


@pytest.mark.parametrize(("before", "unit", "after"), JAVASCRIPT_BETWEEN)
def test_long_javascript(before: str, unit: str, after: str) -> None:
    check(javascript.analyze, repeated(before, unit, after))


@pytest.mark.parametrize(
    ("opening", "inner", "closing"),
    [
        ("`${", "", "}`"),
        ("{", "", "}/a/"),
        ("({a:", "b", "}/c)"),
        ("a:{", "", "}/a/"),
        ("import(", "'a'", ")"),
        ("import('a',{with:{", "b", "}})"),
        ("export const {a:", "b", "}=c;"),
        ("import.meta.hot.accept(()=>{", "", "})"),
        ("function(){", "", "}/a/"),
    ],
)
def test_nested_javascript(opening: str, inner: str, closing: str) -> None:
    """A third of the text opens, a third stands within, a third closes."""

    def make(size: int) -> str:
        depth = size // 3 // len(opening + closing)
        return opening * depth + inner * (size // 3) + closing * depth

    check(javascript.analyze, make)


@pytest.mark.parametrize("before", ["a ", "'a',", "/**/", "a\n", "function ", "from'a'"])
@pytest.mark.parametrize("unit", ["of/a/", "a:{}/b/", "()/a/"])
def test_what_looks_back_does_so_once(before: str, unit: str) -> None:
    """Whether a slash divides is asked of what stands before the brackets, be it ever so long."""
    check(
        javascript.analyze,
        lambda size: before * (size // 2 // len(before)) + "(" + unit * (size // 2 // len(unit)) + ")",
    )


CSS = [
    *["{", "(", "[", "url(", "url('", "url(a", "image-set('a'", "@import", "@import'", "@import url("],
    *["/*", "'", '"\\', "\\", "a", "a(", "a{}", "}", ";", "-", "<!--", "\\75", "#"],
]  # fmt: skip


@pytest.mark.parametrize("unit", CSS)
def test_repeated_css(unit: str) -> None:
    check(css.analyze, repeated("", unit, ""), SIZES)


HTML = [
    *["<", "</", "<!", "<!--", "-->", "<a ", "<a b='", "<link a=b ", "<link a", "<script>"],
    *["<script><!--", "<svg>", "</script>", "<![CDATA[", "<title>", "<?", "<a/", "<link a='&#"],
    *["<base href='&amp;&#99;'>", "<html>"],
]  # fmt: skip


@pytest.mark.parametrize("unit", HTML)
def test_repeated_html(unit: str) -> None:
    check(html.analyze, repeated("", unit, ""), SIZES)


@pytest.mark.parametrize("unit", HTML)
@pytest.mark.parametrize("before", ["<script><!--", "<link a='", "<svg><![CDATA["])
def test_long_html(before: str, unit: str) -> None:
    check(html.analyze, repeated(before, unit, ""))


@pytest.mark.parametrize("digits", ["9", "0", "x9", "x0"])
def test_a_character_reference_of_any_length(digits: str) -> None:
    check(html.analyze, lambda size: f"<link rel=stylesheet href='&#{digits * (size // len(digits))};'>")
