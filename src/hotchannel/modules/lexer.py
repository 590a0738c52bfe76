"""The shape of a JavaScript source: which text is code, and which brackets belong together.

Role: one pass over every module that is served. It stops only at *marks*: brackets, slashes,
templates with substitutions, the words `import` and `export`. The text between two marks is skipped by
one regular expression and read again only where somebody asks what stands before or after a mark.

Invariants: linear in the source (quantifiers are possessive, and every slash and every candidate word is
a mark, so no text is read more than a few times), no recursion, and only `SourceError` is raised.

Follows ECMA-262, 12 (lexical grammar), for module code. Whether a slash divides or begins a regular
expression depends on what stands before it. Read wrongly, since no sensible program has it: a regular
expression directly after a prefix `++`, a division directly after the body of a class expression.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hotchannel.modules.syntax import SourceError, position

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLANK", "NAME", "STRING", "TEMPLATE", "TRIVIA", "WORD", "Token", "Tokens", "cook", "tokenize"]

# A class with single characters beyond ASCII takes ten times as long to compile, and a start waits for it;
# so these are met by Python's own `\s`, which has U+0085 too, and by literals.
_WIDE_SPACE = r"[^\S\x00-\x7f\x85]|\ufeff"
_LINE_END = r"\n\r\u2028\u2029"
_REST_OF_LINE = r"(?:[\x00-\t\v\f\x0e-\x7f]++|(?!\u2028)(?!\u2029)[^\x00-\x7f])*+"

WORD = r"(?:[$0-9A-Z_a-z]++|(?!\ufeff)[^\s\x00-\x7f])"
"""Pattern of characters in an identifier, a keyword or a number."""

NAME = rf"(?:{WORD}|\\u[0-9A-Fa-f]{{4}}|\\u\{{[0-9A-Fa-f]++\}})++"
"""Pattern of an identifier or keyword, unicode escapes included."""

STRING = (
    r'(?:"[^"\\\n\r]*+(?:\\(?:\r\n|[\s\S])[^"\\\n\r]*+)*+"'
    r"|'[^'\\\n\r]*+(?:\\(?:\r\n|[\s\S])[^'\\\n\r]*+)*+')"
)
"""Pattern of a string literal."""

_TEMPLATE_TEXT = r"[^`\\$]*+(?:(?:\\[\s\S]|\$(?!\{))[^`\\$]*+)*+"

TEMPLATE = f"`{_TEMPLATE_TEXT}`"
"""Pattern of a template literal without substitutions."""

_COMMENT = rf"//{_REST_OF_LINE}|/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/"

BLANK = rf"[\t-\r ]++|{_WIDE_SPACE}|{_COMMENT}"
"""Pattern of white space or one comment."""

TRIVIA = f"(?:{BLANK})*+"
"""Pattern of white space, line ends and comments; matches the empty text too."""

_RUN = re.compile(
    rf"(?:[\x00-!#%&*-.:-@^|~\x7f]++|{_WIDE_SPACE}|(?!(?:im|ex)port(?!{WORD}|\\)){WORD}++"
    rf"|{STRING}|{_COMMENT}|{TEMPLATE}|\\(?:u\{{[0-9A-Fa-f]++\}})?+{WORD}*+)*+"
)
_TEMPLATE_CHUNK = re.compile(rf"{_TEMPLATE_TEXT}(?:`|\$\{{)")
_REGEX = re.compile(
    rf"/(?:[^/\\\[{_LINE_END}]|\\[^{_LINE_END}]|\[(?:[^\]\\{_LINE_END}]|\\[^{_LINE_END}])*+\])++/{WORD}*+"
)
_HASHBANG = re.compile(rf"\ufeff?+(?:#!{_REST_OF_LINE}(?:\r\n|[{_LINE_END}])?+)?+")

_TOKEN = (
    rf"(?P<string>{STRING}|{TEMPLATE})|(?P<number>(?:[0-9]{WORD}*+\.?|\.[0-9]){WORD}*+)"
    rf"|(?P<member>\??\.{TRIVIA}\#?{NAME})|(?P<word>\#?{NAME})"
    r"|(?P<punctuator>\.\.\.|\?\.|\+\+|--|=>|[\s\S])"
)
_TOKENS = re.compile(rf"{BLANK}|{_TOKEN}")
_TOKENS_BACK = re.compile(
    rf"{BLANK}"
    # Two neighbours that only the end of a statement has: a slash after them divides nothing.
    rf"|(?P<statement>from(?!{WORD}|\\){TRIVIA}{STRING}|(?:break|continue)[ \t]++{NAME})"
    rf"|(?P<function>(?:async{TRIVIA})?+function(?!{WORD}|\\){TRIVIA}\*?+{TRIVIA}(?:{NAME})?+{TRIVIA}\Z)"
    rf"|{_TOKEN}"
)

_ESCAPE = re.compile(
    r"\r\n?|\\(?:u\{(?P<point>[0-9A-Fa-f]++)\}|u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})"
    r"|(?P<end>\r\n|[\n\r\u2028\u2029])|(?P<single>[\s\S]))"
)
_SINGLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}

_OPERAND = "0"
"""Stands for every token that ends an expression and that nobody asks about by name."""

_PREFIXES = frozenset(
    {
        "await",
        "break",
        "case",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "extends",
        "in",
        "instanceof",
        "new",
        "of",
        "return",
        "throw",
        "typeof",
        "void",
        "yield",
    }
)
"""Words after which a slash begins a regular expression (`of` only in the head of a `for`)."""

_NO_OPERAND_PREFIXES = frozenset(["break", "continue", "debugger", "do", "else"])
_HEADS = frozenset(["for", "if", "while", "with"])
_KEYWORDS = _PREFIXES | _HEADS | {"async", "class", "function", "get", "set", "static"}
_OPERAND_ENDS = frozenset([_OPERAND, "]", "++", "--", "export", "import"]) | (_KEYWORDS - _PREFIXES)
_BODY_STARTS = frozenset([";", "=>", "{", "}", ")", "of"]) | _OPERAND_ENDS | _NO_OPERAND_PREFIXES
_CLOSERS = {"(": ")", "[": "]", "{": "}", "$": "}"}


class Token(NamedTuple):
    """A token, or a whole pair of brackets as one.

    Attributes:
        kind: `string`, `number`, `member` (with its dot), `word`, `punctuator`, or the kind of a mark.
        start, end: its span.
        mark: of a mark its number, else -1.
    """

    kind: str
    start: int
    end: int
    mark: int


class Tokens:
    """The marks of a source, in order, in four lists of one length.

    Attributes:
        source: the source.
        kinds: `(` `[` `{` `)` `]` `}`; `$` and `` ` `` for the parts of a template up to a `${` and up to
            its end; `r` for a regular expression, `/` for a division; `import`, `export`.
        starts, ends: their spans; every part of a template starts where the template does.
        partners: of a bracket the mark of its other half, of a `$` the next part of its template, else -1.
        candidates: the marks of `import` and `export`, each with whether it is outside of all brackets.
        body_start: offset after byte order mark and hashbang line.
    """

    __slots__ = ("body_start", "candidates", "ends", "kinds", "partners", "source", "starts")

    def __init__(self, source: str, body_start: int) -> None:
        self.source = source
        self.body_start = body_start
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.partners: list[int] = []
        self.candidates: list[tuple[int, bool]] = []

    def before(self, mark: int) -> str:
        """Return what stands before a mark: see `last`."""
        return self.last(mark - 1, self.starts[mark])[0]

    def last(self, mark: int, end: int) -> tuple[str, int]:
        """Return the last token between `mark` (or -1) and `end`, and where it starts.

        Punctuators and keywords are given as they are, a mark as its kind, a statement's end and the start of
        the source as `;`, `function NAME` as `function`, everything else as `0`.
        """
        position = self.ends[mark] if mark >= 0 else self.body_start
        last: re.Match[str] | None = None
        count = 0
        for token in _TOKENS_BACK.finditer(self.source, position, end):
            if token.lastgroup is not None:
                last = token
                count += 1
        if last is None:
            if mark < 0:
                return ";", 0
            kind = self.kinds[mark]
            return _OPERAND if kind in "`r" else kind, self.starts[mark]
        start = last.start()
        match last.lastgroup:
            case "punctuator":
                return last[0], start
            case "word":
                return last[0] if last[0] in _KEYWORDS else _OPERAND, start
            case "function":
                return "function", start
            case "statement":
                return ";", start
            case "string" if count == 1 and mark >= 0 and self.kinds[mark] == "import":
                return ";", start
            case _:
                return _OPERAND, start

    def walk(self, mark: int) -> Iterator[Token]:
        """Yield the tokens after `mark` up to the end of the brackets around; a pair is one token."""
        source, kinds, position = self.source, self.kinds, self.ends[mark]
        while True:
            mark += 1
            end = self.starts[mark] if mark < len(kinds) else len(source)
            for found in _TOKENS.finditer(source, position, end):
                if found.lastgroup is not None:
                    yield Token(found.lastgroup, *found.span(), -1)
            if mark == len(kinds) or (kind := kinds[mark]) in ")]}":
                return
            first = mark
            while kinds[mark] in "([{$":
                mark = self.partners[mark]
            position = self.ends[mark]
            yield Token(kind, self.starts[first], position, first)


def tokenize(source: str) -> Tokens:
    """Find the marks of a module's source.

    Raises:
        SourceError: brackets do not match, or a string, template, regular expression or comment is not
            closed; the offset is that of what is not closed, or else of the wrong bracket.
    """
    found = _HASHBANG.match(source)
    position = found.end() if found else 0
    tokens = Tokens(source, position)
    kinds, starts, ends, partners = tokens.kinds, tokens.starts, tokens.ends, tokens.partners
    stack: list[int] = []
    slashes = _Slashes(tokens, stack)
    run, size = _RUN.match, len(source)
    while True:
        found = run(source, position)
        start = found.end() if found else position
        if start == size:
            break
        kind = source[start]
        partner = -1
        position = start + 1
        if kind in "([{":
            stack.append(len(kinds))
        elif kind in ")]}":
            opener = stack.pop() if stack else -1
            if opener < 0 or _CLOSERS[kinds[opener]] != kind:
                raise _unexpected(tokens, opener, start)
            partners[opener] = len(kinds)
            if kinds[opener] == "$":
                start = starts[opener]
                kind, position = _template(source, start, position)
                if kind == "$":
                    stack.append(len(kinds))
            else:
                partner = opener
        elif kind == "/":
            if source.startswith("*", position):
                raise SourceError("This comment is not closed.", start)
            if slashes.begin_regex(start):
                found = _REGEX.match(source, start)
                if found is None:
                    raise SourceError("This regular expression is not closed.", start)
                kind, position = "r", found.end()
        elif kind == "`":
            kind, position = _template(source, start, position)
            if kind == "$":
                stack.append(len(kinds))
        elif kind in "ie":
            position = start + 6
            kind = source[start:position]
            tokens.candidates.append((len(kinds), not stack))
        else:
            raise SourceError("This string is not closed.", start)
        kinds.append(kind)
        starts.append(start)
        ends.append(position)
        partners.append(partner)
    if stack:
        opener = stack[-1]
        name = "template" if kinds[opener] == "$" else f'"{kinds[opener]}"'
        raise SourceError(f"This {name} is not closed.", starts[opener])
    return tokens


class _Slashes:
    """Decides what a slash means, by looking back; nothing is looked up before a slash asks."""

    __slots__ = ("_blocks", "_heads", "_stack", "_tokens")

    def __init__(self, tokens: Tokens, stack: list[int]) -> None:
        self._tokens = tokens
        self._stack = stack
        self._blocks: dict[int, bool] = {}
        self._heads: dict[int, bool] = {}

    def begin_regex(self, slash: int) -> bool:
        """Tell whether the slash at this offset, not yet a mark, begins a regular expression."""
        tokens = self._tokens
        mark = len(tokens.kinds) - 1
        last, _ = tokens.last(mark, slash)
        if last == ")":
            return self._is_head(tokens.partners[mark])
        if last == "}":
            return self._is_body(tokens.partners[mark])
        if last == "of":
            return bool(self._stack) and self._is_head(self._stack[-1])
        return last not in _OPERAND_ENDS

    def _is_head(self, paren: int) -> bool:
        """Tell whether a parenthesis belongs to `if`, `while`, `for`, `for await` or `with`."""
        if self._tokens.kinds[paren] != "(":
            return False
        # Every `of` within it asks, and what stands before it may be long.
        known = self._heads.get(paren)
        if known is None:
            word, start = self._tokens.last(paren - 1, self._tokens.starts[paren])
            if word == "await":
                word, _ = self._tokens.last(paren - 1, start)
            known = self._heads[paren] = word in _HEADS
        return known

    def _is_body(self, brace: int) -> bool:
        """Tell whether a brace that was just closed held statements or class members, not an object."""
        pending: list[int] = []
        depth = len(self._stack)
        while (known := self._blocks.get(brace)) is None:
            pending.append(brace)
            before = self._tokens.before(brace)
            if before != ":":
                known = before in _BODY_STARTS and not (before == ")" and self._is_expression(brace - 1))
                break
            # A label or `case` if that is what can stand in the brackets around; else a property.
            depth -= 1
            if depth < 0 or self._tokens.kinds[self._stack[depth]] != "{":
                known = depth < 0
                break
            brace = self._stack[depth]
        for each in pending:
            self._blocks[each] = known
        return known

    def _is_expression(self, closing: int) -> bool:
        """Tell whether a function, known by the end of its parameters, is an expression."""
        tokens = self._tokens
        paren = tokens.partners[closing]
        word, start = tokens.last(paren - 1, tokens.starts[paren])
        if word != "function":
            return False
        before, _ = tokens.last(paren - 1, start)
        return before == "=>" or before not in _BODY_STARTS | {":", "default"}


def _template(source: str, start: int, position: int) -> tuple[str, int]:
    """Return the kind and the end of the part of a template that begins at `position`."""
    found = _TEMPLATE_CHUNK.match(source, position)
    if found is None:
        raise SourceError("This template is not closed.", start)
    end = found.end()
    return ("`" if source[end - 1] == "`" else "$"), end


def _unexpected(tokens: Tokens, opener: int, offset: int) -> SourceError:
    closer = tokens.source[offset]
    if opener < 0:
        return SourceError(f'Unexpected "{closer}": nothing is open here.', offset)
    kind = "${" if tokens.kinds[opener] == "$" else tokens.kinds[opener]
    start = tokens.starts[opener]
    line, column = position(tokens.source, start)
    return SourceError(
        f'Unexpected "{closer}": "{kind}" of line {line}, column {column} is still open.', offset
    )


def cook(text: str) -> str:
    """Return the value of a string literal, a template without substitutions, or an identifier."""
    if text[0] in "\"'`":
        text = text[1:-1]
    if "\\" not in text and "\r" not in text:
        return text
    cooked = _ESCAPE.sub(_unescape, text)
    # Two escaped surrogates are one character.
    return cooked.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescape(escape: re.Match[str]) -> str:
    match escape.lastgroup:
        case "point":
            # Not `int` of it all: the number of digits is the author's.
            digits = escape["point"].lstrip("0") or "0"
            is_character = len(digits) < 6 or (len(digits) == 6 and digits.startswith("10"))
            return chr(int(digits, 16)) if is_character else escape[0]
        case "unit" | "byte":
            return chr(int(escape[escape.lastgroup], 16))
        case "end":
            return ""
        case "single":
            return _SINGLE_ESCAPES.get(escape["single"], escape["single"])
        case _:
            return "\n"  # of a template, whose line ends are all one
