from collections.abc import Iterable

import pytest
import tinycss2  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st
from tinycss2.ast import Node  # type: ignore[import-untyped]

from hotchannel.modules.css import StyleSheet, analyze


def found(sheet: StyleSheet) -> list[tuple[str, str]]:
    """Return (value, form) of every reference, imports marked with `@`."""
    imports = [(reference.value, f"@{reference.form}") for reference in sheet.imports]
    return imports + [(reference.value, reference.form) for reference in sheet.urls]


REFERENCES = [
    pytest.param('@import "a.css";', [("a.css", "@string")], '"a.css"', id="import string"),
    pytest.param("@import'a.css'screen;", [("a.css", "@string")], "'a.css'", id="import with media"),
    pytest.param("@IMPORT url(a.css) layer(x);", [("a.css", "@url-bare")], "a.css", id="import bare url"),
    pytest.param('@import url( "a.css" );', [("a.css", "@url-quoted")], '"a.css"', id="import quoted url"),
    pytest.param("@import /* b */ src('a.css');", [("a.css", "@url-quoted")], "'a.css'", id="import src"),
    pytest.param(r'@\69mport "a.css";', [("a.css", "@string")], '"a.css"', id="escaped keyword"),
    pytest.param('@charset "u"; @layer x;@import "a"', [("a", "@string")], '"a"', id="after others"),
    pytest.param('<!-- @import "a.css"; -->', [("a.css", "@string")], '"a.css"', id="after an HTML comment"),
    pytest.param('a {} /**/ @import "late.css";', [("late.css", "@string")], '"late.css"', id="after a rule"),
    pytest.param("a { b: url(x.png) }", [("x.png", "url-bare")], "x.png", id="bare url"),
    pytest.param("a { b: URL(\n x.png\t) }", [("x.png", "url-bare")], "x.png", id="bare url with blanks"),
    pytest.param(r"a { b: url(x\ \(1\29.p) }", [("x (1).p", "url-bare")], r"x\ \(1\29.p", id="bare escapes"),
    pytest.param(r"a { b: \75 rl(x.png) }", [("x.png", "url-bare")], "x.png", id="escaped function"),
    pytest.param("a { b: url(x.png", [("x.png", "url-bare")], "x.png", id="bare url up to the end"),
    pytest.param('a { b: url("x.png', [("x.png", "url-quoted")], '"x.png', id="string up to the end"),
    pytest.param("a { b: url( 'x.png' ) }", [("x.png", "url-quoted")], "'x.png'", id="quoted url"),
    pytest.param('a { b: url("x.png" c) }', [("x.png", "url-quoted")], '"x.png"', id="url with modifiers"),
    pytest.param('a{b:url("x\\"\\0a y\\\nz")}', [('x"\nyz', "url-quoted")], '"x\\"\\0a y\\\nz"', id="escape"),
    pytest.param("a { b: src( 'x.png' ) }", [("x.png", "url-quoted")], "'x.png'", id="src"),
    pytest.param("a { --b: c url(x.png) }", [("x.png", "url-bare")], "x.png", id="custom property"),
    pytest.param('a { b: image-set("x.png" 1x) }', [("x.png", "string")], '"x.png"', id="image-set"),
    pytest.param('a { b: -webkit-image-set("x.png" 1x) }', [("x.png", "string")], '"x.png"', id="prefixed"),
    pytest.param('a { b: image-set(url(x.png) f("c")) }', [("x.png", "url-bare")], "x.png", id="nested url"),
    pytest.param("@media (b) { a { c: url(x.png) } }", [("x.png", "url-bare")], "x.png", id="nested"),
    pytest.param("@font-face { src: url(é😀.woff) }", [("é😀.woff", "url-bare")], "é😀.woff", id="unicode"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected", "text"), REFERENCES)
def test_references(source: str, expected: list[tuple[str, str]], text: str) -> None:
    sheet = analyze(source)
    assert found(sheet) == expected
    (reference,) = sheet.imports + sheet.urls
    assert source[reference.start : reference.end] == text


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="empty"),
        pytest.param("/* @import 'a'; url(b) */", id="comment"),
        pytest.param("/* url(b)", id="comment that is not closed"),
        pytest.param("a { b: 'url(x)' \"url(y)\" }", id="strings"),
        pytest.param("a { b: 'x\\' url(y)' }", id="string with an escaped quote"),
        pytest.param('a { b: "url(x)\n }', id="string that its line does not close"),
        pytest.param("a { b: url() url('') url( ) image-set('') }", id="empty urls"),
        pytest.param("a { b: url(x y) url(x'y) url(x(y) }", id="bad urls"),
        pytest.param("a { b: my-url(x) url2(y) urls('z') #url(x) @url(y) 1url(z) }", id="other functions"),
        pytest.param("a { b: url (x) }", id="blank before the parenthesis"),
        pytest.param("a { b: type('x') image-set(type('y')) image-set() 'z' }", id="other strings"),
        pytest.param("a { b: src(x) src(var(--y)) }", id="src without a string"),
        pytest.param("a { @import 'b'; }", id="import in a block"),
        pytest.param("a @import 'b' {}", id="import in a selector"),
        pytest.param("a; @import 'b'; {}", id="import after a semicolon that ends nothing"),
        pytest.param("@import b 'c';", id="import of something else"),
        pytest.param("@imports 'b'; @-import 'c';", id="other at-rules"),
    ],
)
def test_no_references(source: str) -> None:
    assert analyze(source) == StyleSheet((), ())


def test_source_order() -> None:
    sheet = analyze(
        "@import 'a'; @import url(b); c { d: url(e), image-set('f' 1x, url('g') 2x) } @import 'h';"
    )
    assert [reference.value for reference in sheet.imports] == ["a", "b", "h"]
    assert [reference.value for reference in sheet.urls] == ["e", "f", "g"]


def _oracle(source: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what tinycss2 finds: imports, and all `url()`, `src()` and strings of `image-set()`."""
    imports: list[tuple[str, str]] = []
    for rule in tinycss2.parse_stylesheet(source):
        if rule.type == "at-rule" and rule.lower_at_keyword == "import":
            first = _first(rule.prelude)
            if first is not None and first.type == "string":
                imports.append((first.value, "@string"))
            elif first is not None:
                imports += [(value, f"@{form}") for value, form in _references(first, "")]
    urls: list[tuple[str, str]] = []
    pending = [(node, "") for node in reversed(tinycss2.parse_component_value_list(source))]
    while pending:
        node, around = pending.pop()
        urls += _references(node, around)
        name = node.lower_name if node.type == "function" else ""
        pending += [(child, name) for child in reversed(_content(node))]
    return [each for each in imports if each[0]], [each for each in urls if each[0]]


def _references(node: Node, around: str) -> list[tuple[str, str]]:
    if node.type == "url":
        return [(node.value, "url-bare")]
    if node.type == "string" and around in ("image-set", "-webkit-image-set"):
        return [(node.value, "string")]
    if node.type == "function" and node.lower_name in ("url", "src"):
        first = _first(node.arguments)
        return [(first.value, "url-quoted")] if first is not None and first.type == "string" else []
    return []


def _first(nodes: Iterable[Node]) -> Node | None:
    return next((node for node in nodes if node.type not in ("whitespace", "comment")), None)


def _content(node: Node) -> list[Node]:
    if node.type == "function":
        return list(node.arguments)
    return list(node.content) if node.type in ("() block", "[] block", "{} block") else []


PIECES = [
    *(
        "@import ",
        "@import",
        "@media ",
        "url(",
        "URL(",
        "src(",
        "image-set(",
        "f(",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
    ),
    *(
        "'a'",
        '"b"',
        "'c\\'",
        '"',
        "'",
        "x",
        "y.png",
        "#z",
        "1px",
        "-",
        "--",
        ";",
        ":",
        ",",
        " ",
        "\n",
        "\\",
        "\\75 ",
    ),
    *("/*", "*/", "/", "<!--", "-->", "@", "é", "url(k)", "url('l')", "\\\n", "!", "."),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@example("@import url( 'a' url(b) ) url(c) {} d")
@example("@import 'a' {} @import 'b'")
@example("url(a\\)b) url(c'd) e) {}")
def test_same_as_tinycss2(source: str) -> None:
    # tinycss2 takes an escaped line end in a bare URL for a backslash; and what a backslash means that
    # the source ends with depends on what it would have been part of.
    source = source.replace("\\\n", "\\ ").rstrip("\\")
    sheet = analyze(source)
    imports, urls = _oracle(source)
    references = sorted(sheet.imports + sheet.urls, key=lambda reference: reference.start)
    assert [(reference.value, f"@{reference.form}") for reference in sheet.imports] == imports
    assert [
        (reference.value, reference.form)
        for reference in references
        if reference not in sheet.imports or reference.form != "string"
    ] == urls


@given(st.text())
def test_never_raises(source: str) -> None:
    sheet = analyze(source)
    for reference in sheet.imports + sheet.urls:
        assert 0 <= reference.start < reference.end <= len(source)


UNITS = [
    *(
        "{",
        "(",
        "[",
        "url(",
        "url('",
        "image-set(",
        "@import",
        "@import'",
        "/*",
        "'",
        '"',
        "\\",
        "a",
        "a(",
        "@a",
    ),
    *("@a;", "a@b;", "a{}", "}", ")", ";", "url(a)", "-", "--", "#", "/", "/**/", "<!--", "<", "\\75"),
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("before", ["", "a", "@import ", "/**/"])
def test_repetition_ends(before: str, unit: str) -> None:
    assert isinstance(analyze(before + unit * (100_000 // len(unit))), StyleSheet)
