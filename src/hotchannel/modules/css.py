"""What a stylesheet refers to.

Role: the spans of every URL in a stylesheet, for rewriting and for the graph. Which of them matter
(`data:`, `#id`, other hosts) is the caller's decision. Invariants: `analyze` never raises, is linear in
the source and does not recurse.

Follows CSS Syntax 3, section 4 (tokens) and 5.4 (where rules begin), CSS Cascade 4 for `@import`, CSS
Values 4 for `url()` and `src()`, CSS Images 4 for `image-set()`. Whether an `@import` comes too late to
count is not judged, nor what `var()` stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["CssReference", "StyleSheet", "analyze"]


@dataclass(frozen=True, slots=True)
class CssReference:
    """One URL.

    Attributes:
        value: the URL with its escapes decoded.
        start, end: span of what a CSS string may replace: the string with its quotes, or the bare text
            between the parentheses.
        form: `string` for a string alone, `url-quoted` for `url("…")`, `url-bare` for `url(…)`.
    """

    value: str
    start: int
    end: int
    form: Literal["string", "url-quoted", "url-bare"]


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """What was found; `imports` are those of `@import`, `urls` all others, each in source order.

    An empty URL names nothing (CSS Values 4, 4.5.4) and is left out.
    """

    imports: tuple[CssReference, ...]
    urls: tuple[CssReference, ...]


_ESCAPED = r"\\(?:[0-9A-Fa-f]{1,6}(?:\r\n|[ \t\n\r\f])?|[^\n\r\f0-9A-Fa-f])"
_NAME_CHARACTER = rf"(?:[^\x01-,./:-@\[-^`{{-\x7f]|{_ESCAPED})"
_COMMENT = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)"
_BLANK = rf"(?:[ \t\n\r\f]++|{_COMMENT})*+"
# A string may end with the source, but not with a line.
_STRING = (
    r'(?:"[^"\\\n\r\f]*+(?:\\(?:\r\n|[\s\S]|\Z)[^"\\\n\r\f]*+)*+(?:"|\Z)'
    r"|'[^'\\\n\r\f]*+(?:\\(?:\r\n|[\s\S]|\Z)[^'\\\n\r\f]*+)*+(?:'|\Z))"
)
# Names stop a run only where they are a function's.
_SKIPPED = (
    rf"<!--|[ \t\n\r\f!$%&*+,.:=>?^`|~\x01-\x08\x0b\x0e-\x1f\x7f]++|[#0-9]{_NAME_CHARACTER}*+"
    rf"|{_NAME_CHARACTER}++(?!\()|{_COMMENT}|/(?!\*)|<(?!!--)"
)
_OUTERMOST_RUN = re.compile(f"(?:{_SKIPPED})*+")
_INNER_RUN = re.compile(f"(?:{_SKIPPED}|;)*+")
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<function>{_NAME_CHARACTER}++)\(|@(?P<keyword>{_NAME_CHARACTER}*+)"
    r"|[\"'](?:[^\\\n\r\f]|\\(?:\r\n|[\s\S]))*+|[\s\S]"
)
_BETWEEN_RULES = re.compile(rf"(?:[ \t\n\r\f]++|{_COMMENT}|<!--|-->)*+")
_BLANKS = re.compile(_BLANK)
_QUOTED = re.compile(rf"{_BLANK}(?P<string>{_STRING})")
_QUOTE = re.compile(r"[ \t\n\r\f]*+[\"']")
_BARE = re.compile(
    rf"[ \t\n\r\f]*+(?P<bare>(?:[^\"'()\\ \t\n\r\f\x01-\x08\x0b\x0e-\x1f\x7f]|{_ESCAPED})*+)"
    r"[ \t\n\r\f]*+(?:\)|\Z)"
)
_BAD_URL = re.compile(r"(?:[^)\\]|\\[\s\S]?)*+\)?")
_ESCAPE = re.compile(
    r"\\(?:(?P<point>[0-9A-Fa-f]{1,6})(?:\r\n|[ \t\n\r\f])?"
    r"|(?P<end>\r\n|[\n\r\f]|\Z)|(?P<single>[\s\S]))|\x00"
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_IMAGE_SETS = frozenset(["image-set", "-webkit-image-set"])
_REPLACEMENT = "\ufffd"


def analyze(source: str) -> StyleSheet:
    """Find the URLs of a stylesheet. Never raises: CSS has an answer to every text."""
    imports: list[CssReference] = []
    urls: list[CssReference] = []
    open_brackets: list[tuple[str, str]] = []  # what closes it, and which function it belongs to
    rule: Literal["at-rule", "qualified"] | None = None
    rule_end = position = 0
    while True:
        run = (_INNER_RUN if open_brackets else _OUTERMOST_RUN).match(source, position)
        start = run.end() if run else position
        token = _TOKEN.match(source, start)
        if token is None:
            return StyleSheet(tuple(imports), tuple(urls))
        position = token.end()
        if token["string"] is not None:
            if open_brackets and open_brackets[-1][1] in _IMAGE_SETS:
                _add(urls, source, start, position, "string")
        elif token["function"] is not None:
            position = _read_function(urls, source, token, open_brackets)
        elif token["keyword"] is not None:
            if rule is None and not open_brackets:
                between = _BETWEEN_RULES.match(source, rule_end)
                rule = "at-rule" if between and between.end() == start else "qualified"
                if rule == "at-rule" and _unescape(token["keyword"]).lower() == "import":
                    position = _read_import(imports, source, position, open_brackets)
        elif (character := token[0]) in _CLOSERS:
            open_brackets.append((_CLOSERS[character], ""))
        elif open_brackets:
            if character == open_brackets[-1][0]:
                open_brackets.pop()
                if character == "}" and not open_brackets:
                    rule, rule_end = None, position
        elif character == ";" and rule == "at-rule":
            rule, rule_end = None, position


def _read_import(
    imports: list[CssReference], source: str, position: int, open_brackets: list[tuple[str, str]]
) -> int:
    """Read what stands first after `@import`; return where to go on."""
    blank = _BLANKS.match(source, position)
    token = _TOKEN.match(source, blank.end() if blank else position)
    if token is None:
        return len(source)
    if token["string"] is not None:
        _add(imports, source, *token.span(), "string")
        return token.end()
    if token["function"] is not None:
        return _read_function(imports, source, token, open_brackets)
    return token.start()


def _read_function(
    found: list[CssReference], source: str, token: re.Match[str], open_brackets: list[tuple[str, str]]
) -> int:
    """Read the start of a function, with the URL in it; return where to go on."""
    name = _unescape(token["function"]).lower()
    position = token.end()
    if name == "url" and not _QUOTE.match(source, position):
        bare = _BARE.match(source, position)
        if bare is not None:
            _add(found, source, *bare.span("bare"), "url-bare")
            return bare.end()
        bad = _BAD_URL.match(source, position)
        return bad.end() if bad else position
    open_brackets.append((")", name))
    if name in ("url", "src") and (quoted := _QUOTED.match(source, position)):
        _add(found, source, *quoted.span("string"), "url-quoted")
        return quoted.end()
    return position


def _add(
    found: list[CssReference],
    source: str,
    start: int,
    end: int,
    form: Literal["string", "url-quoted", "url-bare"],
) -> None:
    text = source[start:end]
    if form != "url-bare":
        # The closing quote is missing where the source ends; one behind an odd backslash closes nothing.
        body = text[1:-1]
        backslashes = len(body) - len(body.rstrip("\\"))
        is_closed = len(text) > 1 and text[-1] == text[0] and backslashes % 2 == 0
        text = body if is_closed else text[1:]
    value = _unescape(text)
    if value:
        found.append(CssReference(value, start, end, form))


def _unescape(text: str) -> str:
    return text if "\\" not in text and "\0" not in text else _ESCAPE.sub(_unescape_one, text)


def _unescape_one(escape: re.Match[str]) -> str:
    if escape["single"] is not None:
        return escape["single"]
    if escape["end"] is not None:
        return ""
    point = int(escape["point"] or "0", 16)
    return chr(point) if 0 < point < 0xD800 or 0xDFFF < point <= 0x10FFFF else _REPLACEMENT
