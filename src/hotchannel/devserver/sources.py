"""From a file's bytes to a source that can be compiled, or to the error that the overlay shows.

Role: decoding, analysing and reading JSON, each failing with the place in the file. Functions of the node's
names and the content; they change nothing.
"""

from __future__ import annotations

import codecs
import json
import re
import traceback
from functools import lru_cache
from typing import TYPE_CHECKING

from hotchannel.devserver.kinds import inline_source, kind_of
from hotchannel.devserver.plugins import PluginFailure, TransformError
from hotchannel.modules import transform
from hotchannel.modules.syntax import SourceError, code_frame, offset_of, position
from hotchannel.modules.urls import split_query
from hotchannel.wire.payloads import ErrorDetail, Location

if TYPE_CHECKING:
    from hotchannel.devserver.kinds import Kind
    from hotchannel.devserver.plugins import Plugins
    from hotchannel.hmr.graph import ModuleNode
    from hotchannel.modules import javascript

__all__ = ["ModuleError", "analyze", "error_at", "json_module", "read"]

_CHARSET = re.compile(rb'@charset "([a-zA-Z0-9_.:\-]{1,40})";')


_NO_JAVASCRIPT = " TypeScript and JSX need a plugin, such as the one in hotchannel's examples/typescript."

_FOR_PLUGINS = frozenset(["javascript", "inline", "css", "css-text", "asset"])
_UNREAD = frozenset(["url", "worker", "shared-worker", "asset"])
"""Kinds whose modules do not depend on the file's content."""


class ModuleError(Exception):
    """A module that cannot be served.

    Attributes:
        detail: what the overlay shows.
        salvaged: text of a stylesheet that is good but for what it does not find.
    """

    def __init__(self, detail: ErrorDetail, salvaged: str | None = None) -> None:
        super().__init__(detail.message)
        self.detail = detail
        self.salvaged = salvaged


def read(node: ModuleNode, content: bytes, plugins: Plugins) -> tuple[Kind, str]:
    """Return what `node` is, and its text after plugins; empty where nobody needs it.

    Raises:
        ModuleError: it is not in the encoding that it should be in, or a plugin raised.
    """
    kind = "css" if node.type == "css" else kind_of(node.url)
    if plugins and kind in _FOR_PLUGINS:
        given = _source_of(node, content).encode() if kind == "inline" else content
        query = split_query(node.url)[1]
        try:
            made = plugins.process(f"{node.file}?{query}" if query else node.file, given)
        except PluginFailure as failure:
            raise _of_plugin(node, given, failure) from failure.error
        if made is not None:
            return "javascript" if kind == "asset" else kind, made
    return kind, "" if kind in _UNREAD else _source_of(node, content)


def _source_of(node: ModuleNode, content: bytes) -> str:
    """Decode the content of `node`'s file; of a page take the inline module that `node` is.

    Raises:
        ModuleError: it is not in the encoding that it should be in.
    """
    kind = kind_of(node.url)
    if kind == "inline":
        return inline_source(node.url, content.decode(errors="replace"))
    declared = _CHARSET.match(content) if kind in ("css", "css-text") else None
    try:
        # CSS Syntax 3, section 3.2. It is served as UTF-8, whose header wins over the rule.
        text = content.decode(codecs.lookup(declared[1].decode()).name if declared else "utf-8")
    except (LookupError, UnicodeDecodeError) as error:
        offset = error.start if isinstance(error, UnicodeDecodeError) else 0
        message = f"This file is not UTF-8 (byte 0x{content[offset]:02X} cannot be read). Save it as UTF-8."
        raise error_at(node, content.decode("latin-1"), offset, message) from None
    # Of a module's string it would be the first character.
    return text.removeprefix("\ufeff") if kind in ("css", "css-text", "json") else text


def analyze(node: ModuleNode, source: str) -> javascript.JavaScript:
    """Find what a JavaScript module imports, exports and accepts.

    Raises:
        ModuleError: the lexer cannot get past something, or an argument of `accept` is no literal.
    """
    try:
        return _analyze(source)
    except SourceError as error:
        hint = _NO_JAVASCRIPT if split_query(node.url)[0].endswith((".ts", ".tsx", ".mts", ".jsx")) else ""
        raise error_at(node, source, error.offset, error.message + hint) from None


def json_module(node: ModuleNode, text: str) -> str:
    """Return the module that a JSON file is.

    Raises:
        ModuleError: it is not JSON.
    """
    try:
        return transform.json_module(text)
    except json.JSONDecodeError as error:
        raise error_at(node, text, error.pos, f"This is not JSON: {error.msg}.") from None
    except RecursionError:
        raise error_at(node, text, 0, "This JSON is nested too deeply.") from None


def error_at(
    node: ModuleNode, source: str, offset: int, message: str, plugin: str | None = None
) -> ModuleError:
    """Make the error of `node` that stands at `offset` of its source."""
    own = "hotchannel:import-analysis" if node.type == "js" else "hotchannel:css"
    line, column = position(source, offset)
    return ModuleError(
        ErrorDetail(
            message=message,
            stack=f"{node.file}:{line}:{column + 1}",
            id=node.file,
            frame=code_frame(source, offset),
            plugin=plugin or own,
            loc=Location(line=line, column=column, file=node.file),
        )
    )


def _of_plugin(node: ModuleNode, content: bytes, failure: PluginFailure) -> ModuleError:
    """Make the error of a plugin that raised: where in the module, or else where in the plugin."""
    error = failure.error
    if isinstance(error, TransformError):
        source = content.decode(errors="replace")
        offset = offset_of(source, error.line, error.column)
        return error_at(node, source, offset, error.message, failure.plugin)
    trace = "".join(traceback.format_exception(error))
    message = f"{type(error).__name__}: {error}"
    return ModuleError(ErrorDetail(message=message, stack=trace, id=node.file, plugin=failure.plugin))


@lru_cache(maxsize=32)
def _analyze(source: str) -> javascript.JavaScript:
    # Imported by the first module, not by the start: compiling the patterns takes as long as a page.
    from hotchannel.modules import javascript

    return javascript.analyze(source)
