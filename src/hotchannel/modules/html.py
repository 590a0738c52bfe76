"""What an HTML page loads, and where a script goes that must run first.

Role: a tokenizer, no parser: it knows comments, raw text and attributes, and of the tree only what
decides where `<head>` begins. Invariants: `analyze` never raises, is linear in the source and does not
recurse. Spans count characters of the source.

Follows the HTML standard, 13.2.5 (tokenization) with scripting on, so that `<noscript>` is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

__all__ = ["Attribute", "Element", "Page", "analyze"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a start tag.

    Attributes:
        name: in lower case.
        value: with character references decoded; None where there is none.
        start, end: span of the whole attribute.
        value_start, value_end: span of the value as it is written, without quotes; empty where there is none.
        quote: `"`, `'` or nothing.
    """

    name: str
    value: str | None
    start: int
    end: int
    value_start: int
    value_end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag, with the raw text after it.

    Attributes:
        name: in lower case.
        attributes: in source order, repeated ones too.
        start, end: span of the start tag.
        content_start, content_end: span of the text of a raw text element; empty, at `end`, for others.
    """

    name: str
    attributes: tuple[Attribute, ...]
    start: int
    end: int
    content_start: int
    content_end: int

    def get(self, name: str) -> str | None:
        """Return an attribute's value, `""` where it has none, or None where the attribute is missing."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value or ""
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """What was found in a page.

    Attributes:
        is_document: there is a doctype, `<html>`, `<head>` or `<body>`: no mere fragment.
        inject_at: offset where the content of `<head>` begins; where it is implied, of the first tag that
            is not doctype, comment or `<html>`, or of what follows these.
        scripts: every `<script>`.
        stylesheets: every `<link>` whose `rel` contains `stylesheet`.
        preloads: every `<link>` whose `rel` contains `modulepreload`.
        import_map: the first `<script type="importmap">`.
        base_href: of the first `<base>` that has one.
        nonce: the first nonce of a script or style.
        csp: Content-Security-Policy given by `<meta>`; several are joined with a comma, as headers are.
    """

    is_document: bool
    inject_at: int
    scripts: tuple[Element, ...]
    stylesheets: tuple[Element, ...]
    preloads: tuple[Element, ...]
    import_map: Element | None
    base_href: str | None
    nonce: str | None
    csp: str | None


_MARKUP = re.compile(
    r"<(?:(?P<comment>!--(?:-?>|[^-]*+(?:-(?!-!?>)[^-]*+)*+(?:--!?>|\Z)))"
    r"|!(?P<doctype>doctype)[^>]*+(?:>|\Z)"
    r"|(?P<cdata>!\[CDATA\[)"
    r"|(?P<bogus>[!?]|/(?![A-Za-z]))[^>]*+(?:>|\Z)"
    r"|(?P<slash>/?)(?P<name>[A-Za-z][^\t\n\f\r />]*+))",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    r"(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>(?![\"'])[^\t\n\f\r >]*+)))?"
)
# The same for a whole tag that nobody asks about. An open quote is no name: the tag never ends then.
_TAG_REST = re.compile(
    r"(?:[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+(?:(?![\t\n\f\r ]*+=)"
    r"|[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+)))*+[\t\n\f\r /]*+>"
)
_QUOTES = {"double": '"', "single": "'", "bare": ""}
_OPEN_VALUE = re.compile(r"[\t\n\f\r ]*+=[\t\n\f\r ]*+[\"']")
_TAG_END = re.compile(r"[\t\n\f\r /]*+>")
_SCRIPT_MARKUP = re.compile(r"<!--|-->|<(?P<slash>/?)script(?=[\t\n\f\r />])", re.IGNORECASE)
_RAW_TEXT = frozenset(
    ["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp"]
)
_NUMERIC_REFERENCE = re.compile(r"&#0*+(?P<digits>[0-9]*+)")
_RAW_TEXT_ENDS = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in _RAW_TEXT - {"plaintext", "script"}
}
_FOREIGN = frozenset(["math", "svg"])
_READ = _RAW_TEXT | _FOREIGN | {"base", "link", "meta"}
_SPACE = "\t\n\f\r "


def analyze(source: str) -> Page:
    """Find what a page loads. Never raises: HTML has an answer to every text."""
    elements: list[Element] = []
    is_document = False
    inject_at: int | None = None
    prologue_end = 0
    foreign_depth = 0
    position = 0
    while markup := _MARKUP.search(source, position):
        position = markup.end()
        name = markup["name"]
        if markup["cdata"] is not None:
            # Only inside of SVG and MathML; elsewhere it is a comment up to the next `>`.
            end = source.find("]]>" if foreign_depth else ">", position)
            position = len(source) if end < 0 else end + (3 if foreign_depth else 1)
        if name is None:
            is_document = is_document or markup["doctype"] is not None
            if inject_at is None:
                prologue_end = position
            continue
        name = name.lower()
        tag = _read_tag(source, markup.start(), position, name)
        if tag is None:
            break  # the source ends within a tag, which is no tag then
        position = tag.end
        if inject_at is None:
            if name == "html":
                prologue_end = position
            else:
                inject_at = position if name == "head" and not markup["slash"] else tag.start
        if markup["slash"]:
            foreign_depth -= name in _FOREIGN and foreign_depth > 0
            continue
        is_document = is_document or name in ("html", "head", "body")
        value_end = tag.attributes[-1].end if tag.attributes else tag.start
        is_self_closing = source.endswith("/>", value_end, tag.end)
        if name in _FOREIGN:
            foreign_depth += not is_self_closing
        elif name in _RAW_TEXT and not (foreign_depth and is_self_closing):
            position = _raw_text_end(source, name, position)
            tag = Element(name, tag.attributes, tag.start, tag.end, tag.end, position)
        elements.append(tag)
    return _page(elements, is_document, prologue_end if inject_at is None else inject_at)


def _page(elements: list[Element], is_document: bool, inject_at: int) -> Page:
    scripts = [element for element in elements if element.name == "script"]
    links = [
        (element, (element.get("rel") or "").lower().split())
        for element in elements
        if element.name == "link"
    ]
    maps = [script for script in scripts if (script.get("type") or "").strip(_SPACE).lower() == "importmap"]
    bases = [
        href for element in elements if element.name == "base" and (href := element.get("href")) is not None
    ]
    nonces = [
        nonce
        for element in elements
        if element.name in ("script", "style") and (nonce := element.get("nonce"))
    ]
    policies = [
        content
        for element in elements
        if element.name == "meta"
        and (element.get("http-equiv") or "").lower() == "content-security-policy"
        and (content := element.get("content"))
    ]
    return Page(
        is_document=is_document,
        inject_at=inject_at,
        scripts=tuple(scripts),
        stylesheets=tuple(element for element, rel in links if "stylesheet" in rel),
        preloads=tuple(element for element, rel in links if "modulepreload" in rel),
        import_map=maps[0] if maps else None,
        base_href=bases[0] if bases else None,
        nonce=nonces[0] if nonces else None,
        csp=", ".join(policies) if policies else None,
    )


def _read_tag(source: str, start: int, position: int, name: str) -> Element | None:
    """Read the rest of a tag, with attributes where they matter; None where the source ends first."""
    if name not in _READ:
        rest = _TAG_REST.match(source, position)
        return Element(name, (), start, rest.end(), rest.end(), rest.end()) if rest else None
    attributes: list[Attribute] = []
    while (end := _TAG_END.match(source, position)) is None:
        found = _ATTRIBUTE.match(source, position)
        if found is None:
            return None
        position = found.end()
        name_start, name_end = found.span("name")
        value_start = value_end = name_end
        value, quote = None, ""
        if found.lastgroup in _QUOTES:
            value_start, value_end = found.span(found.lastgroup)
            value, quote = _unescape(found[found.lastgroup]), _QUOTES[found.lastgroup]
        elif _OPEN_VALUE.match(source, position):
            return None
        attributes.append(
            Attribute(found["name"].lower(), value, name_start, position, value_start, value_end, quote)
        )
    return Element(name, tuple(attributes), start, end.end(), end.end(), end.end())


def _unescape(value: str) -> str:
    """Decode character references, also those with more digits than `int` takes."""
    return unescape(_NUMERIC_REFERENCE.sub(_shorten, value) if "&#" in value else value)


def _shorten(reference: re.Match[str]) -> str:
    digits = reference["digits"] or reference[0][2:][:1]
    return f"&#{digits}" if len(digits) < 8 else "&#1114112"  # one more than the last character


def _raw_text_end(source: str, name: str, position: int) -> int:
    """Return where the text of a raw text element ends: before its end tag, or with the source."""
    if name == "script":
        return _script_end(source, position)
    end = None if name == "plaintext" else _RAW_TEXT_ENDS[name].search(source, position)
    return len(source) if end is None else end.start()


def _script_end(source: str, position: int) -> int:
    """Return where a script's text ends (13.2.5.15 ff: `<!--` and then `<script` hide one `</script>`)."""
    is_escaped = is_doubly_escaped = False
    while markup := _SCRIPT_MARKUP.search(source, position):
        position = markup.end()
        if markup["slash"] is None:
            is_escaped = markup[0] == "<!--"
            is_doubly_escaped = is_doubly_escaped and is_escaped
            if is_escaped:
                position -= 2  # its dashes may be those of a `-->`
        elif not markup["slash"]:
            is_doubly_escaped = is_escaped
        elif is_doubly_escaped:
            is_doubly_escaped = False
        else:
            return markup.start()
    return len(source)
