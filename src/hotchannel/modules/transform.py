"""From a source and what was found in it to the text that is served.

Role: pure text work; which URL stands for which specifier is the caller's decision. Invariant: no
newline is added or dropped, so line numbers in browsers are those of the file and plain JavaScript
needs no source map.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from hotchannel.modules.pack import BODY, COMPUTED, COMPUTED_END, entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotchannel.modules.html import Element, Page
    from hotchannel.modules.javascript import JavaScript

__all__ = [
    "HTML_PROXY",
    "asset_module",
    "client_script",
    "css_module",
    "inline_module",
    "javascript",
    "json_module",
    "page",
    "page_meta",
    "quote",
    "raw_module",
    "replace",
    "worker_module",
]

HTML_PROXY = "html-proxy"
"""Query that names a page's inline module: `/index.html?html-proxy&index=0.js`, as in Vite."""

_BOM = "\ufeff"

_OF_A_FILE = frozenset(["crossorigin", "integrity", "src"])
"""Attributes that say something of the file that a script loads."""


def replace(source: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Return `source` with every span (start, end) replaced by its text; spans do not overlap."""
    parts: list[str] = []
    position = 0
    for start, end, text in sorted(edits):
        parts += (source[position:start], text)
        position = end
    parts.append(source[position:])
    return "".join(parts)


def quote(text: str) -> str:
    """Return `text` as a JavaScript string literal."""
    return json.dumps(text, ensure_ascii=False)


def javascript(
    source: str,
    analysis: JavaScript,
    *,
    specifiers: Mapping[int, str],
    hot_url: str,
    client_url: str,
    env: str,
) -> str:
    """Serve a JavaScript module; the text has the marks of `modules.pack`.

    Args:
        source: the file's text.
        analysis: what was found in it.
        specifiers: the URL for each specifier that changes, by the offset it starts at.
        hot_url: the module's own URL for `createHotContext`, without base.
        client_url: where the browser client is, with base.
        env: what `import.meta.env` is, as JavaScript.
    """
    ends = {site.start: site.end for site in analysis.imports}
    if analysis.hot is not None:
        ends |= {dependency.start: dependency.end for dependency in analysis.hot.accepted}
    edits = [(start, ends[start], quote(url)) for start, url in specifiers.items()]
    if source.startswith(_BOM):
        edits.append((0, 1, ""))
    for site in analysis.imports:
        if site.specifier is None:
            edits += [(site.start, site.start, COMPUTED), (site.end, site.end, COMPUTED_END)]
    preamble = "" if analysis.hot is None else _hot_preamble(hot_url, client_url)
    if analysis.meta_env:
        preamble += f"import.meta.env = {env};"
    edits.append((analysis.body_start, analysis.body_start, BODY + preamble))
    return replace(source, edits)


def css_module(css: str, *, id: str, hot_url: str, client_url: str) -> str:
    """Serve a stylesheet that JavaScript imports: a module that injects it and accepts itself."""
    return (
        f"{_hot_preamble(hot_url, client_url)}"
        "import { updateStyle as __vite__updateStyle, removeStyle as __vite__removeStyle } "
        f"from {quote(client_url)};\n"
        f"const __vite__id = {quote(id)};\n"
        f"const __vite__css = {quote(css)};\n"
        "__vite__updateStyle(__vite__id, __vite__css);\n"
        "import.meta.hot.accept();\n"
        "import.meta.hot.prune(() => __vite__removeStyle(__vite__id));\n"
        "export default __vite__css;\n"
    )


def json_module(text: str) -> str:
    """Serve JSON as a module: the value as default, its keys that are identifiers by name.

    Raises:
        json.JSONDecodeError: `text` is not JSON.
        RecursionError: `text` is nested too deeply.
    """

    def refuse(name: str) -> None:
        raise json.JSONDecodeError(f"there is no {name} in it", text, text.find(name))

    # What the numbers are is the browser's business.
    value = json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str)
    # JSON.parse reads any key as data, `__proto__` too, where an object literal would set the prototype.
    lines = [f"const data = JSON.parse({quote(text)});"]
    if isinstance(value, dict):
        names = [key for key in value if key.isidentifier() and key.isascii() and key not in _RESERVED]
        lines += [f"export const {name} = data.{name};" for name in names if name != "data"]
    return "\n".join([*lines, "export default data;", ""])


def asset_module(url: str) -> str:
    """Serve an import of a file as its URL."""
    return f"export default {quote(url)};\n"


def worker_module(url: str, constructor: str) -> str:
    """Serve an import with `?worker` or `?sharedworker`: what makes a worker of the module at `url`."""
    return (
        f"export default function WorkerWrapper(options) {{\n"
        f'  return new {constructor}({quote(url)}, {{ type: "module", name: options?.name }});\n'
        "}\n"
    )


def raw_module(text: str) -> str:
    """Serve an import with `?raw`: the file's text as a string."""
    return f"export default {quote(text)};\n"


def inline_module(html: str, script: Element) -> str:
    """Return the text of an inline module, on the lines that it has in its page."""
    return "\n" * html.count("\n", 0, script.content_start) + html[script.content_start : script.content_end]


def page(
    source: str,
    analysis: Page,
    *,
    client_url: str,
    position: str,
    module_urls: Mapping[Element, str | None],
    fallback: str | None = None,
    pack_url: str | None = None,
) -> str:
    """Serve an HTML page: with the client ahead of all scripts, and the number it was served at.

    Args:
        source: the page's text.
        analysis: what was found in it.
        client_url: where the browser client is, with base.
        position: `EPOCH:SEQ` of the journal, so that the page misses nothing until its socket opens.
        module_urls: the URL to load instead, for every module script that changes; an inline script
            becomes one with `src`.
        fallback: the URL path of the page, where it answers in place of one that there is not.
        pack_url: where the page's pack is; its own import map is in there too, and `module_urls` names all
            that it loads.
    """
    edits: list[tuple[int, int, str]] = []
    for script, url in module_urls.items():
        if url is None:
            continue
        if pack_url is not None:
            # `src` would load it past the import map; the same URL imported is the packed module.
            edits += [(a.start, a.end, "") for a in script.attributes if a.name in _OF_A_FILE]
            edits.append((script.end, script.content_end, entry(url)))
            continue
        src = next((attribute for attribute in script.attributes if attribute.name == "src"), None)
        if src is not None:
            edits.append((src.start, src.end, f'src="{escape(url)}"'))
        else:
            # Just inside the start tag's `>`; the text would be ignored beside `src`, so it goes.
            edits.append((script.end - 1, script.content_end, f' src="{escape(url)}">'))
    nonce = "" if analysis.nonce is None else f' nonce="{escape(analysis.nonce)}"'
    packed = "" if pack_url is None else f'<script src="{escape(pack_url)}"{nonce}></script>'
    meta = page_meta(position, {} if fallback is None else {"fallback": fallback})
    head = f"{meta}{packed}{client_script(client_url, analysis.nonce)}"
    if analysis.import_map is not None and (
        pack_url is not None or analysis.import_map.start >= analysis.inject_at
    ):
        # Until lately browsers ignored an import map that came after the first module script.
        start, end = analysis.import_map.start, _element_end(source, analysis.import_map)
        edits.append((start, end, ""))
        if pack_url is None:
            head = source[start:end] + head
    return replace(source, [*edits, (analysis.inject_at, analysis.inject_at, head)])


def page_meta(position: str, data: Mapping[str, str]) -> str:
    """Return the element that tells the client of its page.

    Args:
        position: `EPOCH:SEQ` of the journal.
        data: by name, without `data-`: what else there is to know.
    """
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return f'<meta name="hotchannel-page" content="{escape(position)}"{attributes}>'


def client_script(client_url: str, nonce: str | None) -> str:
    """Return the element that loads the client."""
    attribute = "" if nonce is None else f' nonce="{escape(nonce)}"'
    return f'<script type="module" src="{escape(client_url)}"{attribute}></script>'


def _element_end(source: str, element: Element) -> int:
    end = source.find(">", element.content_end)
    return len(source) if end < 0 else end + 1


def _hot_preamble(hot_url: str, client_url: str) -> str:
    return (
        f"import {{ createHotContext as __vite__createHotContext }} from {quote(client_url)};"
        f"import.meta.hot = __vite__createHotContext({quote(hot_url)});"
    )


_RESERVED = frozenset(
    "arguments await break case catch class const continue debugger default delete do else enum eval export "
    "extends false finally for function if implements import in instanceof interface let new null package "
    "private protected public return static super switch this throw true try typeof var void while with "
    "yield".split()
)
