"""Which text is code: brackets, strings, templates, comments, and slashes that divide or do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.modules.lexer import tokenize
from hotchannel.modules.syntax import SourceError

UNCLOSED = [
    pytest.param("a(b", 1, 'This "(" is not closed.', id="parenthesis"),
    pytest.param("x = [1, (2)", 4, 'This "[" is not closed.', id="square bracket"),
    pytest.param("{{}", 0, 'This "{" is not closed.', id="brace"),
    pytest.param("x = 'abc\n'", 4, "This string is not closed.", id="string at the line's end"),
    pytest.param('x = "abc\\"', 4, "This string is not closed.", id="string with an escaped quote"),
    pytest.param("x = `abc", 4, "This template is not closed.", id="template"),
    pytest.param("x = `a${1}b", 4, "This template is not closed.", id="template after a substitution"),
    pytest.param("x = `a${1", 4, "This template is not closed.", id="substitution"),
    pytest.param("x /* y", 2, "This comment is not closed.", id="comment"),
    pytest.param("x = /a\n/", 4, "This regular expression is not closed.", id="regular expression"),
    pytest.param("x = /[/]", 4, "This regular expression is not closed.", id="slash in a class"),
    pytest.param("a)", 1, 'Unexpected ")": nothing is open here.', id="closer without opener"),
    pytest.param("\n (]", 3, 'Unexpected "]": "(" of line 2, column 1 is still open.', id="wrong closer"),
    pytest.param(
        "`${a]`",
        4,
        'Unexpected "]": "${" of line 1, column 0 is still open.',
        id="wrong closer in a template",
    ),
]


@pytest.mark.parametrize(("source", "offset", "message"), UNCLOSED)
def test_what_is_not_closed_is_named_with_its_offset(source: str, offset: int, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        tokenize(source)
    assert (caught.value.offset, caught.value.message) == (offset, message)


# A quote within a regular expression is no string; after a division it would be one that is not closed.
REGEXES = [
    "/'/",
    "x = /'/",
    "x(/'/, /'/)",
    "[/'/]",
    "{ /'/ }",
    "return /'/",
    "typeof /'/",
    "void /'/, delete /'/",
    "case /'/: ",
    "do /'/.test(x); while (1)",
    "if (a) b; else /'/.test(x)",
    "a in /'/",
    "a instanceof /'/",
    "yield /'/",
    "await /'/",
    "throw /'/",
    "export default /'/",
    "for (const x of /'/.exec(y)) ;",
    "for await (const x of y) /'/.test(x)",
    "if (x) /'/.test(y)",
    "if /* c */ (x) /* d */ /'/.test(y)",
    "while (x) /'/.test(y)",
    "for (;;) /'/.test(y)",
    "if (x) {} /'/.test(y)",
    "{} /'/.test(y)",
    "{{}} /'/.test(y)",
    "a: {} /'/.test(y)",
    "switch (x) { case 1: {} /'/.test(y) }",
    "switch (x) { case 1: { b() } /'/.test(y) }",
    "function f() {} /'/.test(y)",
    "async function f() {} /'/.test(y)",
    "function* f() {}\n/'/.test(y)",
    "x = a\nfunction f() {}\n/'/.test(y)",
    "class A {} /'/.test(y)",
    "class A extends B {} /'/.test(y)",
    "class A extends b(c) {} /'/.test(y)",
    "class A { static {} x = /'/ }",
    "class A { static { a() } /* c */ static { /'/.test(x) } }",
    "x = () => {}\n/'/.test(y)",
    "try {} catch {} /'/.test(y)",
    "try {} finally {} /'/.test(y)",
    "try {} catch (e) {} /'/.test(y)",
    "break\n/'/.test(y)",
    "break a\n/'/.test(y)",
    "of\n{}\n/'/.test(y)",
    "export default function () {}\n/'/.test(y)",
    "continue\n/'/.test(y)",
    "debugger\n/'/.test(y)",
    "import a from 'x'\n/'/.test(y)",
    "import 'x'\n/'/.test(y)",
    "import { a } from 'x'\n/'/.test(y)",
    "import a from 'x' with { type: 'json' }\n/'/.test(y)",
    "export * from 'x'\n/'/.test(y)",
    "export { a }\n/'/.test(y)",
    "a ? /'/ : /'/",
    "!/'/.test(x)",
    "x => /'/",
    "[.../'/.exec(x)]",
    "a && /'/ || /'/",
    "x = { a: /'/, [/'/]: 1 }",
    "`${/'/}${a / 2}${/'/}`",
    "/[/']/",
    r"/\/'/",
    r"/[\]/']/v",
    "// c\n/'/",
    "/* c */ /'/",
    "a // c\n, /'/",
    "#!/usr/bin/env '\n/'/",
    "a / b / /'/.source.length",
]

# After a division a quote begins a string: it is closed here, and with a regular expression it would not be.
DIVISIONS = [
    "a / '/'",
    "a /* c */ / '/'",
    "a // '\n / '/'",
    "a() / '/'",
    "a.if(x) / '/'",
    "a?.while(x) / '/'",
    "(a) / '/'",
    "a[0] / '/'",
    "'a' / '/'",
    "`a` / '/'",
    "`${a}` / '/'",
    "/a/ / '/'",
    "/a/g / '/'",
    "1 / '/'",
    "1. / '/'",
    ".5 / '/'",
    "0x1f / '/'",
    "1e3 / '/'",
    "a++ / '/'",
    "a-- / '/'",
    "a++\n/ '/'",
    "this / '/'",
    "null / '/'",
    "x.return / '/'",
    "x. /* c */ typeof / '/'",
    "x?.in / '/'",
    "x.#in / '/'",
    "of / '/'",
    "async / '/'",
    "x = {} / '/'",
    "({}) / '/'",
    "({} / '/')",
    "f({} / '/')",
    "[{} / '/']",
    "return {} / '/'",
    "x = { a: {} / '/' }",
    "x = { a: { b: {} / '/' } / '/' }",
    "f(a ? {} : {} / '/')",
    "`${{} / '/'}`",
    "x = function () {} / '/'",
    "(function f() {} / '/')",
    "x = async function* f() {} / '/'",
    "import.meta / '/'",
    "new import.meta.a`b` / '/'",
    "import('x') / '/'",
    "new.target / '/'",
    "export default {} / '/'",
    r"\u0061 / '/'",
    "µ / '/'",
    "for (const x of a / '/') ;",
    "await (a) / '/'",
]


@pytest.mark.parametrize("source", [*REGEXES, *DIVISIONS])
def test_slashes_are_told_apart(source: str) -> None:
    marks = tokenize(source).kinds
    assert ("r" in marks) == (source in REGEXES or source.startswith("/a/"))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("'}' + \"{\" + `}`", id="strings"),
        pytest.param("/* } */ // {\n", id="comments"),
        pytest.param("// {", id="comment at the end"),
        pytest.param("'a\\\r\nb' + 'a\\\u2028b' + 'a\u2029b'", id="strings over lines"),
        pytest.param("`a${`b${`c${1}`}`}d${{}}`", id="nested templates"),
        pytest.param("`\\`\\${` + `$` + `$${1}$`", id="template escapes"),
        pytest.param("\ufeff#!/bin/node '`{\r\nx", id="byte order mark and hashbang"),
        pytest.param("a\\u{62}c", id="unicode escape"),
        pytest.param("\u2028{\u00a0}\ufeff", id="unusual white space"),
    ],
)
def test_balanced(source: str) -> None:
    tokenize(source)


@pytest.mark.parametrize("unit", ["{", "(", "[", "`${"])
def test_deep_nesting_is_no_problem(unit: str) -> None:
    closers = {"{": "}", "(": ")", "[": "]", "`${": "}`"}
    tokenize(unit * 100_000 + closers[unit] * 100_000)


FRAGMENTS = [
    *"()[]{}/`'\"\\$\n.,;:=+-*",
    *("/*", "*/", "//", "${", "=>", "++", "import", "export", "from", "as", "a", "1", "if", "of", "function"),
    *("import.meta.hot.accept(", "class", "const", "\u2028", "\\u{", "#", "é", "return"),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join) | st.text())
def test_nothing_but_source_errors(source: str) -> None:
    try:
        tokens = tokenize(source)
    except SourceError as error:
        offset = error.offset
    else:
        offset = 0
        assert len(tokens.kinds) == len(tokens.starts) == len(tokens.ends) == len(tokens.partners)
    assert 0 <= offset <= len(source)
