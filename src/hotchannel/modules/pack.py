"""One response with all modules of a page, as native modules.

Role: pure text work for packed pages. A browser takes about a millisecond for each module that it has to
ask for, however fast the answer is. A pack spares it the asking: a script ahead of everything makes an import
map from each module's URL to a `data:` URL with its text, so that importing that URL, from wherever, gives
the one instance, and modules stay modules: hot updates, stack traces and breakpoints are what they were.

What differs for a module whose own URL is a `data:` URL is written into its text: specifiers are absolute,
`import.meta.url` and `import.meta.resolve` are those of the real URL, computed dynamic imports are resolved
against it, and a `sourceURL` names it, which also keeps equal texts apart. Where these things go is marked
when a module is compiled, since only then its parts are known; `plain` takes the marks out again.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BODY", "COMPUTED", "COMPUTED_END", "ORIGIN", "entry", "pack", "packed", "plain"]

ORIGIN = "\ue000hotchannel-origin\ue000"
"""Ahead of each rooted URL in a module's text: only the browser knows its origin, behind a proxy too."""

BODY = "\ue000hotchannel-body\ue000"
"""Where a preamble may go."""

COMPUTED = "\ue000hotchannel-computed\ue000"
COMPUTED_END = "\ue000hotchannel-computed-end\ue000"
"""Around the argument of a dynamic import that is no literal."""

_MARK = re.compile("\ue000hotchannel-[a-z-]+\ue000")

# What a URL's parser leaves as it is in a path or query (URL Standard, 1.3).
_NOT_ENCODED = "/?&=%:@!$'()*+,;~-._|^[]\\"

# What a URL's parser would drop or take for syntax; all else it encodes by itself (URL Standard, 4.4).
_DATA_SYNTAX = (("%", "%25"), ("#", "%23"), ("\n", "%0A"), ("\r", "%0D"), ("\t", "%09"))


def plain(text: str) -> str:
    """Return the text of a module as it is served under its own URL."""
    return _MARK.sub("", text) if "\ue000" in text else text


def packed(text: str, url: str) -> str:
    """Return the text of a module for a `data:` URL, without the URL's beginning; `ORIGIN` is still in it.

    Args:
        text: as compiled, with marks.
        url: the module's URL, with base, rooted.
    """
    href = ORIGIN + quote(url, safe=_NOT_ENCODED)
    own = json.dumps(href, ensure_ascii=False)
    preamble = ""
    if "import.meta" in text:
        preamble = f"import.meta.url = {own};"
        if "resolve" in text:
            preamble += (
                "{ const resolve = import.meta.resolve; import.meta.resolve = (name) => "
                "/^\\.{0,2}\\//.test(name) ? new URL(name, import.meta.url).href : resolve(name); }"
            )
    if COMPUTED in text:
        preamble += (
            "const __vite__resolve = (name) => /^\\.{0,2}\\//.test(name = String(name)) "
            f"? new URL(name, {own}).href : name;"
        )
        text = text.replace(COMPUTED, "__vite__resolve(").replace(COMPUTED_END, ")")
    text = text.replace(BODY, preamble, 1)
    text += f"\n//# sourceURL={href}"
    for character, encoded in _DATA_SYNTAX:
        text = text.replace(character, encoded)
    return text


def pack(script: str, modules: Iterable[tuple[Iterable[str], str]], imports: Mapping[str, str]) -> str:
    """Return the script that makes the import map.

    Args:
        script: the browser's part, with `__PACK__` where the modules go.
        modules: the names of each module and its text from `packed`. A name is a rooted URL or a bare name.
        imports: what else is in the page's own import map.
    """
    content = json.dumps(
        {
            "mark": ORIGIN,
            "modules": [[list(names), text] for names, text in modules],
            "imports": dict(imports),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return script.replace("__PACK__", content, 1)


def entry(url: str) -> str:
    """Return the text of an inline module that stands for `<script src>`, which would ignore the map."""
    # Inside a script element, `<` could begin its end tag.
    literal = json.dumps(url).replace("<", "\\u003c")
    return f"import {literal};"
