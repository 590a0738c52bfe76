"""The names that `const`, `let` and `var` declare.

Role: `export const { a, b: [c] = d } = e, f = g` exports `a`, `c` and `f`; to know it, patterns are read and
initializers skipped, up to the end of the statement. Invariants: linear in the statement, no recursion.

Follows ECMA-262, 14.3 (declarations), 14.3.3 (patterns) and 12.10 (automatic semicolons), the last as far
as initializers need it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from hotchannel.modules.lexer import Token, Tokens, cook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["declared_names"]

_LINE_ENDS = re.compile(r"[\n\r\u2028\u2029]")

# Words that an expression goes on after, and words that an expression goes on with.
_UNFINISHED = frozenset(
    {
        "await",
        "class",
        "const",
        "delete",
        "extends",
        "function",
        "in",
        "instanceof",
        "let",
        "new",
        "of",
        "typeof",
        "var",
        "void",
        "yield",
    }
)
_INFIX = frozenset(["extends", "in", "instanceof", "of"])


def declared_names(tokens: Tokens, mark: int) -> set[str]:
    """Return the names of a declaration whose `const`, `let` or `var` is the first word after `mark`."""
    declarators = _statement(tokens.source, tokens.walk(mark))
    next(declarators)
    return _bindings(tokens, declarators)


def _statement(source: str, tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield tokens up to the end of a statement, be it a semicolon or a line end that is as good as one."""
    previous: Token | None = None
    for token in tokens:
        text = source[token.start : token.end] if token.kind in ("word", "punctuator") else ""
        if text == ";" or (token.kind == "export" and (previous is None or not _is_dot(source, previous))):
            return
        if (
            previous is not None
            and _begins_operand(source, token, text)
            and _ends_operand(source, previous)
            and _LINE_ENDS.search(source, previous.end, token.start)
        ):
            return
        yield token
        previous = token


def _is_dot(source: str, token: Token) -> bool:
    return token.kind == "punctuator" and source[token.start : token.end] in (".", "?.")


def _begins_operand(source: str, token: Token, text: str) -> bool:
    match token.kind:
        case "word":
            return text not in _INFIX
        case "punctuator":
            return text in ("++", "--", "@")
        case "string":
            return source[token.start] != "`"
        case kind:
            return kind in ("number", "r", "import")


def _ends_operand(source: str, token: Token) -> bool:
    if token.kind == "word":
        return source[token.start : token.end] not in _UNFINISHED
    if token.kind == "punctuator":
        return source[token.start : token.end] in ("++", "--")
    return token.kind != "/"


def _bindings(tokens: Tokens, declarators: Iterable[Token]) -> set[str]:
    """Return the names bound by the declarators of `const`, `let` or `var`, patterns included."""
    source = tokens.source
    names: set[str] = set()
    pending: list[tuple[Iterable[Token], Literal["key", "target"]]] = [(declarators, "target")]
    while pending:
        elements, first = pending.pop()
        expected: Literal["key", "target", "nothing"] = first
        shorthand: str | None = None
        for token in elements:
            text = source[token.start : token.end] if token.kind in ("word", "punctuator") else ""
            if text == ",":
                if shorthand is not None:
                    names.add(shorthand)
                expected, shorthand = first, None
            elif expected == "nothing":
                continue
            elif text == "...":
                expected = "target"
            elif text == ":":
                expected, shorthand = "target", None
            elif text == "=":
                expected = "nothing"
            elif expected == "key":
                shorthand = cook(text) if token.kind == "word" else None
            else:
                if token.kind == "word":
                    names.add(cook(text))
                elif token.kind in ("{", "["):
                    pending.append((tokens.walk(token.mark), "key" if token.kind == "{" else "target"))
                expected = "nothing"
        if shorthand is not None:
            names.add(shorthand)
    return names
