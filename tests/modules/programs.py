"""Programs that no one would write: Hypothesis strategies for modules full of what a lexer may trip over.

They follow ECMA-262 so far that oxc-parser takes most of them for valid: the test that compares the two drops
the others. Slashes, keywords as names, text that looks like code in strings, comments, templates and regular
expressions, and line ends in place of semicolons are much more frequent than in life.

Left out, since the lexer says of itself that it reads them wrongly: a class expression, or an object literal
after a colon, with a division directly behind it (here both stand in parentheses then), a block on the line
after `return`, and a regular expression after a prefix `++`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["modules"]

Text = st.SearchStrategy[str]

_gap = st.sampled_from(
    [
        *[""] * 6,
        *[" "] * 6,
        "\n",
        "\r\n",
        "\t",
        "\u2028",
        "\ufeff",
        "/**/",
        "/* import('x') ' */",
        "/*\n*/",
        "// export {` \n",
    ]
)
"""What may stand between two tokens and means nothing."""

_same_line = st.sampled_from([" ", " ", " ", "\t", "/**/", " /* '/ */ "])

_end = st.sampled_from([";", ";", ";", ";\n", "\n;", "\n", " // end '\n", "\u2029"])
"""The end of a statement. A bare line end may go on with the next line; then oxc says what is meant."""

_name = st.sampled_from(
    [
        "a",
        "b",
        "$",
        "_of",
        "of",
        "async",
        "get",
        "set",
        "from",
        "as",
        "source",
        "defer",
        "type",
        "é",
        r"\u0061b",
    ]
)
_property = st.one_of(
    _name,
    st.sampled_from(
        ["if", "return", "import", "export", "default", "class", "in", "while", "typeof", "hot", "meta"]
    ),
)
_specifier = st.sampled_from(
    ["'./a'", '"b"', "'it\\'s'", r"'\x2e/\u{63}'", '"a/b.js?x=1"', "'\\\n'", "'😀'", "'\u2028'"]
)
_string = st.one_of(
    _specifier,
    st.sampled_from(["''", "\"import 'x'\"", "'/'", "'`${'", "'//'", "'\\\\'", '"*/"', "'\\\r\n'"]),
)
_number = st.sampled_from(["1", ".5", "1.", "0x1f", "1e3", "1_0n", "0.0"])
_regex = st.sampled_from(
    [
        "/a/",
        "/'/",
        "/`/",
        "/[/]/g",
        r"/\//",
        r"/[\]'/]/v",
        "/import 'x'/",
        "/{/",
        "/(?:)/u",
        "/[`${]/",
        "/=/",
        "/*/",
    ]
)
_word_operator = st.sampled_from(["in", "instanceof"])
_operator = st.sampled_from(
    ["+", "-", "*", "/", "/", "/", "%", "**", "<", ">>>", "&&", "||", "??", "===", ",", "|"]
)


def _joined(*parts: Text | str) -> Text:
    """Put parts in a row, with anything that means nothing between them."""
    return st.builds(
        lambda texts, gaps: "".join(a + b for a, b in zip(texts, gaps, strict=True)),
        st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)),
        st.tuples(*[_gap] * (len(parts) - 1), st.just("")),
    )


def _spaced(*parts: Text | str) -> Text:
    """Put words in a row, on one line."""
    return st.builds(
        lambda texts, gaps: "".join(a + b for a, b in zip(texts, gaps, strict=True)),
        st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)),
        st.tuples(*[_same_line] * (len(parts) - 1), st.just("")),
    )


def _listed(part: Text, separator: str = ",", most: int = 3) -> Text:
    return st.lists(_joined(_gap, part), max_size=most).map(separator.join)


def _either(*choices: Text) -> Text:
    return st.one_of(*choices)


_template_text = st.sampled_from(
    ["", "a", "import('x')", "'", "/", "\\`", "$", "\\${", "\n", "//", "}", "{", "\r\n"]
)


def _template(inner: Text) -> Text:
    part = st.builds(lambda text, value: f"{text}${{{value}}}", _template_text, _joined(_gap, inner, _gap))
    return st.builds(
        lambda parts, last: f"`{''.join(parts)}{last}`", st.lists(part, max_size=2), _template_text
    )


def _pattern(inner: Text) -> Text:
    """What `const` declares."""
    return st.recursive(
        _name,
        lambda deeper: _either(
            _joined("[", _listed(_either(deeper, _joined(deeper, "=", inner), st.just(""))), "]"),
            _joined(
                "{", _listed(_either(_name, _joined(_property, ":", deeper), _joined(_name, "=", inner))), "}"
            ),
            _joined("{", _joined("[", inner, "]", ":", deeper), ",", "...", _name, "}"),
        ),
        max_leaves=3,
    )


def _method(body: Text, inner: Text) -> Text:
    key = _either(_property, _string, _number, _joined("[", inner, "]"))
    head = st.sampled_from(["", "", "async ", "*", "get ", "async *"])
    return _joined(head, key, "(", st.sampled_from(["", "", "", "c"]), ")", body)


def _class(name: Text, body: Text, inner: Text) -> Text:
    member = _either(
        _method(body, inner),
        _joined(
            st.sampled_from(["", "static "]), st.sampled_from(["#x", "y", "'z'", "import"]), "=", inner, ";"
        ),
        _joined("static", body),
        st.just(";"),
    )
    heritage = _either(
        st.just(""), _spaced(" extends", _name), _spaced(" extends", _joined("f", "(", inner, ")"))
    )
    members = st.lists(_joined(_gap, member), max_size=3).map("".join)
    return st.builds(lambda a, b, c: f"class {a}{b}{c}", name, heritage, _joined("{", members, "}"))


def _hot(inner: Text) -> Text:
    """Uses of `import.meta.hot`, and what only looks like one."""
    dot = st.sampled_from([".", ".", "?."])
    argument = _either(
        st.just(""),
        _joined(_specifier, ",", inner),
        _specifier,
        st.just("`./c`"),
        _joined("[", _listed(_either(_specifier, st.just(""))), "]"),
        _joined("()", "=>", "{", "}"),
        _name,
    )
    method = st.sampled_from(["accept", "accept", "acceptExports", "dispose", "acceptance"])
    call = _joined(
        "import", ".", "meta", dot, "hot", dot, method, st.sampled_from(["", "", "?."]), "(", argument, ")"
    )
    return _either(
        call,
        call,
        _joined("import", ".", "meta", dot, st.sampled_from(["hot", "env", "url", "environment"])),
        _joined("a", ".", "import", ".", "meta", ".", "hot", ".", "accept", "(", ")"),
    )


def _dynamic(inner: Text) -> Text:
    options = _either(
        st.just(""),
        st.just(","),
        _joined(",", "{", "with", ":", "{", "type", ":", "'json'", "}", "}"),
        _joined(",", inner),
    )
    phase = st.sampled_from(["", "", ".defer", ".source"])
    return _joined("import", phase, "(", _either(_specifier, _template(inner), inner), options, ")")


def _expression(deeper: Text) -> Text:
    """An assignment expression; `deeper` is a smaller one."""
    body = _joined("{", _either(st.just(""), _joined("return ", deeper, _end)), "}")
    function = _joined(st.sampled_from(["function", "async function", "function*"]), "(", ")", body)
    literal = _joined(
        "{",
        _listed(
            _either(_name, _joined(_property, ":", deeper), _method(body, deeper), _joined("...", deeper))
        ),
        "}",
    )
    grouped = _joined("(", _either(deeper, literal, function, _class(st.just(""), body, deeper)), ")")
    primary = _either(
        _name,
        _number,
        _string,
        _regex,
        _template(deeper),
        _joined("[", _listed(deeper), "]"),
        grouped,
        _dynamic(deeper),
        _hot(deeper),
        st.just("this"),
        _spaced("new", _joined(_name, "(", _listed(deeper), ")")),
    )
    postfix = _either(
        _joined(primary, st.sampled_from([".", "?."]), _property),
        _joined(primary, "(", _listed(deeper), ")"),
        _joined(primary, "[", deeper, "]"),
        _joined(_name, _template(deeper)),
        _name.map(lambda name: name + "++"),
        primary,
        primary,
    )
    unary = _either(
        postfix,
        postfix,
        _spaced(st.sampled_from(["typeof", "void", "await", "delete"]), postfix),
        _joined(st.sampled_from(["!", "~", "- ", "+ "]), postfix),
    )
    binary = _either(
        unary,
        _joined(unary, _operator, unary),
        _joined(unary, "/", unary, "/", unary),
        _spaced(unary, _word_operator, unary),
        _joined(unary, "?", deeper, ":", deeper),
    )
    return _either(
        binary,
        binary,
        _joined(_name, "=>", deeper),
        _joined(_name, st.sampled_from(["=", "+=", "/=", "??="]), deeper),
        _joined(_name, "=", _either(literal, function)),
        _joined("(", ")", "=>", body),
    )


_inner: Text = st.recursive(_either(_name, _number, _string, _regex), _expression, max_leaves=4)


def _statement(deeper: Text) -> Text:
    """A statement; `deeper` is a smaller one."""
    body = _joined("{", st.lists(_joined(_gap, deeper), max_size=2).map("".join), "}")
    declaration = _joined(
        st.sampled_from(["const ", "let ", "var "]), _joined(_pattern(_inner), "=", _inner), _end
    )
    head = _joined("(", _inner, ")")
    loop = _either(
        _joined("for", "(", "const ", _name, " of ", _inner, ")"),
        _joined("for", "(", "const ", _name, " of", "(", _inner, ")", ")"),
        _joined("for", " await", "(", "const ", _name, " of ", _regex, ")"),
        _joined("for", "(", "let ", _name, " in ", _inner, ")"),
        _joined("for", "(", ";", _inner, ";", ")"),
        _joined("while", head),
        _joined("if", head),
    )
    case = _joined(_either(_spaced("case", _inner), st.just("default")), ":", deeper)
    return _either(
        _joined(_inner, _end),
        _joined(_inner, _end),
        declaration,
        _joined(loop, deeper),
        _joined(loop, body),
        _joined("if", head, body, "else ", deeper),
        _joined("do ", deeper, "while", head),
        _joined("switch", head, "{", st.lists(case, max_size=2).map("".join), "}"),
        _joined("try", body, "catch", body),
        _joined("try", body, "finally", body),
        _joined("label", ":", body),
        body,
        _joined(st.sampled_from(["function f", "async function* f"]), "(", ")", body),
        _class(st.just("A"), body, _inner),
        _spaced("throw", _inner).flatmap(lambda text: _end.map(lambda end: text + end)),
    )


_statements: Text = st.recursive(_joined(_inner, _end), _statement, max_leaves=4)


def _module_item(unique: Callable[[], Text]) -> Text:
    name = unique()
    module_name = _either(_property, st.just("'a b'"))
    attributes = st.sampled_from(
        ["", "", " with {type: 'json'}", "\nwith\n{'a b': \"c\", d: 'e',}", " assert {type:'css'}"]
    )
    source = st.builds(lambda a, b: a + b, _specifier, attributes)
    named = _joined(
        "{", _listed(_either(_spaced(module_name, "as", name), name)), st.sampled_from(["", ""]), "}"
    )
    bindings = _either(
        name,
        _spaced("*", "as", name),
        named,
        _joined(name, ",", named),
        _joined(name, ",", _spaced("*", "as", name)),
        _spaced("defer", "*", "as", name),
        _spaced("source", name),
    )
    exported = _joined("{", _listed(_either(module_name, _spaced(module_name, "as", module_name))), "}")
    declaration = _either(
        _joined(st.sampled_from(["const ", "let "]), _joined(_pattern(_inner), "=", _inner), _end),
        _spaced("let", _joined(name, ",", name), _end),
        _spaced("function", _joined(name, "(", ")", "{", "}")),
        _spaced("async", "function", "*", _joined(name, "(", ")", "{", "}")),
        _class(name, st.just("{}"), _inner),
    )
    return _either(
        _joined("import", source, _end),
        _joined("import ", bindings, " from", source, _end),
        _joined("export", "*", "from", source, _end),
        _joined("export", "*", "as ", module_name, " from", source, _end),
        _joined("export", exported, "from", source, _end),
        _joined("export", "default ", _inner, _end),
        _spaced("export", declaration),
    )


def _unique_names() -> Callable[[], Text]:
    """Names of bindings, so that no two items of a module declare the same one too often."""
    names = [f"x{number}" for number in range(40)]
    return lambda: st.sampled_from([*names, "from", "as", "of", "source", "defer", "async"])


def modules() -> Text:
    """Sources of modules."""
    start = st.sampled_from(["", "", "", "\ufeff", "#!/usr/bin/env 'node\n", "\n", "/* ` */"])
    item = _either(_module_item(_unique_names()), _statements)
    return st.builds(
        lambda a, items: a + "".join(items), start, st.lists(_joined(_gap, item), min_size=1, max_size=4)
    )
