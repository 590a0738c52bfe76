"""What a JavaScript module imports, exports and accepts.

Role: everything the server has to know of a module's text: specifiers with their spans, for rewriting;
names, for partial accepting; calls on `import.meta.hot`. Invariants: `analyze` is linear in the source,
does not recurse and raises only `SourceError`; what it does not understand it leaves to the browser's
parser, so a result is no proof that the module is valid.

Follows ECMA-262, 16.2 (modules), with import attributes, `import defer` and `import source`; for
accepting Vite's `lexAcceptedHmrDeps`, except that strings are cooked and comments may stand anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hotchannel.modules.declarations import declared_names
from hotchannel.modules.lexer import (
    BLANK,
    NAME,
    STRING,
    TEMPLATE,
    TRIVIA,
    WORD,
    Token,
    Tokens,
    cook,
    tokenize,
)
from hotchannel.modules.syntax import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AcceptedDependency", "HotUse", "ImportSite", "JavaScript", "analyze"]


@dataclass(frozen=True, slots=True)
class ImportSite:
    """One place that names another module.

    Attributes:
        kind: `static` for `import` statements, `export-from` for `export … from`, `dynamic` for `import()`.
        specifier: the name with its escapes decoded; None where a dynamic import computes it.
        start, end: span of the specifier with its quotes; of the argument where it is computed.
        names: what is imported, by the exporter's names; None is everything or unknown, empty is
            nothing but the side effects.
        attributes: import attributes, as `("type", "json")`.
        statement_start, statement_end: span of the statement with its semicolon, or of the call.
    """

    kind: Literal["static", "dynamic", "export-from"]
    specifier: str | None
    start: int
    end: int
    names: frozenset[str] | None
    attributes: tuple[tuple[str, str], ...]
    statement_start: int
    statement_end: int


@dataclass(frozen=True, slots=True)
class AcceptedDependency:
    """A specifier given to `import.meta.hot.accept`; `start` and `end` span it with its quotes."""

    specifier: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HotUse:
    """What a module does with `import.meta.hot`; several calls add up.

    Attributes:
        self_accepting: `accept()` or `accept(callback)` is called.
        accepted: the dependencies of `accept(dependency, callback)` and `accept([…], callback)`.
        accepted_exports: names given to `acceptExports`; None where it is not called.
    """

    self_accepting: bool
    accepted: tuple[AcceptedDependency, ...]
    accepted_exports: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class JavaScript:
    """What was found in a module; offsets count characters.

    Attributes:
        imports: in source order.
        hot: None where `import.meta.hot` does not occur in code.
        exports: names that the module exports, `default` included, those of `export *` not.
        has_export_star: `export * from` occurs.
        meta_env: offsets of `import.meta.env` in code.
        body_start: offset after byte order mark and hashbang line, where a preamble may go.
    """

    imports: tuple[ImportSite, ...]
    hot: HotUse | None
    exports: frozenset[str]
    has_export_star: bool
    meta_env: tuple[int, ...]
    body_start: int


_NOT_WORD = rf"(?!{WORD}|\\)"
_EXPORT_NAME = f"(?:{NAME}|{STRING})"
_LITERAL = f"(?:{STRING}|{TEMPLATE})"
_LIST = rf"(?:[^{{}}'\"/]++|{STRING}|{BLANK})*+"

# Groups that capture are never inside a possessive quantifier: CPython gets their spans wrong.
_FROM = (
    rf"(?P<specifier>{STRING})"
    rf"(?:(?:{TRIVIA}with|[ \t]*+assert){_NOT_WORD}{TRIVIA}\{{(?P<attributes>{_LIST})\}})?(?:{TRIVIA};)?"
)
_IMPORT = re.compile(
    rf"{TRIVIA}(?:"
    # `source` is a phase only before a binding, `defer` only before a namespace; else they are bindings.
    rf"(?:(?P<phase>source){_NOT_WORD}{TRIVIA}(?={NAME}{TRIVIA}from{_NOT_WORD}{TRIVIA}['\"])|defer{TRIVIA}(?=\*))?"
    rf"(?:(?P<default>{NAME}){TRIVIA}(?:,{TRIVIA}|(?=from)))?"
    rf"(?:(?P<namespace>\*){TRIVIA}as{_NOT_WORD}{TRIVIA}{NAME}{TRIVIA}|\{{(?P<named>{_LIST})\}}{TRIVIA})?"
    rf"from{_NOT_WORD}{TRIVIA})?{_FROM}"
)
_EXPORT_LIST = re.compile(
    rf"{TRIVIA}(?:(?P<star>\*){TRIVIA}(?:as{_NOT_WORD}{TRIVIA}(?P<namespace>{_EXPORT_NAME}){TRIVIA})?"
    rf"|\{{(?P<named>{_LIST})\}}{TRIVIA})(?:from{_NOT_WORD}{TRIVIA}{_FROM})?"
)
_EXPORT_DECLARATION = re.compile(
    rf"{TRIVIA}(?:(?P<name>default){_NOT_WORD}|(?P<variables>const|let|var){_NOT_WORD}"
    rf"|(?:(?:async{TRIVIA})?+function{_NOT_WORD}{TRIVIA}\*?+|class{_NOT_WORD}){TRIVIA}(?P<declared>{NAME}))"
)
_SPECIFIER = re.compile(
    rf"{BLANK}|(?P<name>{_EXPORT_NAME})(?:{TRIVIA}as{_NOT_WORD}{TRIVIA}(?P<alias>{_EXPORT_NAME}))?"
)
# A name that is no key is read as a whole too, not character by character to its end again and again.
_ATTRIBUTE = re.compile(rf"{BLANK}|(?P<key>{_EXPORT_NAME})(?:{TRIVIA}:{TRIVIA}(?P<value>{STRING}))?")

_META = re.compile(
    rf"{TRIVIA}\.{TRIVIA}meta{_NOT_WORD}(?:{TRIVIA}\??\.{TRIVIA}(?P<property>env|hot){_NOT_WORD}"
    rf"(?:{TRIVIA}\??\.{TRIVIA}(?P<method>accept|acceptExports){_NOT_WORD}{TRIVIA}(?:\?\.{TRIVIA})?\()?)?"
)
_CALL = re.compile(rf"{TRIVIA}(?:\.{TRIVIA}(?:defer|source){_NOT_WORD}{TRIVIA})?\(")
_OPTIONS = re.compile(
    rf"{TRIVIA}\{{{TRIVIA}with{TRIVIA}:{TRIVIA}\{{(?P<attributes>{_LIST})\}}{TRIVIA},?{TRIVIA}\}}"
)
_BODY = re.compile(rf"{TRIVIA}\{{")
_ACCEPTED = re.compile(
    rf"{TRIVIA}(?:(?P<literal>{_LITERAL}){TRIVIA}(?=[,)])|(?P<array>\[)|(?P<computed>['\"`]))?"
)
_ACCEPTED_ITEM = re.compile(rf"(?:{BLANK}|,)*+(?:(?P<literal>{_LITERAL}){TRIVIA}(?=[,\]])|(?P<end>\]))?")


def analyze(source: str) -> JavaScript:
    """Find imports, exports and uses of `import.meta` in a module's source.

    Raises:
        SourceError: the source cannot be read to its end (see `lexer.tokenize`), or `accept` or
            `acceptExports` of `import.meta.hot` is given what only running it would show.
    """
    tokens = tokenize(source)
    module = _Module(tokens)
    for mark, is_outermost in tokens.candidates:
        # Members, and what is a name in a statement just read: `export * as import from "x"`.
        if tokens.starts[mark] < module.statement_end or tokens.before(mark) in (".", "?.", "#"):
            continue
        if tokens.kinds[mark] == "import":
            module.read_import(mark, is_outermost)
        elif is_outermost:
            module.read_export(mark)
    hot = None
    if module.uses_hot:
        exports = module.accepted_exports
        hot = HotUse(
            module.self_accepting, tuple(module.accepted), None if exports is None else frozenset(exports)
        )
    return JavaScript(
        imports=tuple(module.imports),
        hot=hot,
        exports=frozenset(module.exports),
        has_export_star=module.has_export_star,
        meta_env=tuple(module.meta_env),
        body_start=tokens.body_start,
    )


class _Module:
    """What was found so far."""

    __slots__ = (
        "accepted",
        "accepted_exports",
        "exports",
        "has_export_star",
        "imports",
        "meta_env",
        "self_accepting",
        "source",
        "statement_end",
        "tokens",
        "uses_hot",
    )

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.source = tokens.source
        self.imports: list[ImportSite] = []
        self.statement_end = 0
        self.exports: set[str] = set()
        self.has_export_star = False
        self.meta_env: list[int] = []
        self.uses_hot = False
        self.self_accepting = False
        self.accepted: list[AcceptedDependency] = []
        self.accepted_exports: set[str] | None = None

    def read_import(self, mark: int, is_outermost: bool) -> None:
        position = self.tokens.ends[mark]
        if is_outermost and (statement := _IMPORT.match(self.source, position)):
            names: set[str] = set()
            if statement["default"] is not None:
                names.add("default")
            if statement["named"] is not None:
                names.update(name for name, _ in _specifiers(statement["named"]))
            is_whole = statement["namespace"] is not None or statement["phase"] is not None
            self._add_statement("static", mark, statement, None if is_whole else frozenset(names))
        elif meta := _META.match(self.source, position):
            self._read_meta(self.tokens.starts[mark], meta)
        elif _CALL.match(self.source, position):
            self._read_call(mark, is_outermost)

    def read_export(self, mark: int) -> None:
        position = self.tokens.ends[mark]
        if found := _EXPORT_LIST.match(self.source, position):
            names: set[str] | None = None
            if found["named"] is not None:
                names = set()
                for name, alias in _specifiers(found["named"]):
                    names.add(name)
                    self.exports.add(alias)
            elif found["namespace"] is not None:
                self.exports.add(cook(found["namespace"]))
            else:
                self.has_export_star = True
            if found["specifier"] is not None:
                self._add_statement("export-from", mark, found, None if names is None else frozenset(names))
        elif found := _EXPORT_DECLARATION.match(self.source, position):
            if found["variables"] is not None:
                self.exports |= declared_names(self.tokens, mark)
            else:
                self.exports.add(cook(found["name"] or found["declared"]))

    def _add_statement(
        self,
        kind: Literal["static", "export-from"],
        mark: int,
        statement: re.Match[str],
        names: frozenset[str] | None,
    ) -> None:
        self.statement_end = statement.end()
        start, end = statement.span("specifier")
        attributes = () if statement["attributes"] is None else _attributes(statement["attributes"])
        specifier = cook(statement["specifier"])
        self.imports.append(
            ImportSite(
                kind, specifier, start, end, names, attributes, self.tokens.starts[mark], statement.end()
            )
        )

    def _read_call(self, mark: int, is_outermost: bool) -> None:
        tokens, source = self.tokens, self.source
        paren = mark + 1
        call_end = tokens.ends[tokens.partners[paren]]
        argument: list[Token] = []
        options: re.Match[str] | None = None
        for token in tokens.walk(paren):
            if source[token.start] == ",":
                options = _OPTIONS.match(source, token.end)
                break
            argument.append(token)
        if not argument:
            return
        specifier = None
        if len(argument) == 1 and argument[0].kind == "string":
            specifier = cook(source[argument[0].start : argument[0].end])
        elif not is_outermost and _BODY.match(source, call_end):
            return  # a method of that name
        attributes = () if options is None else _attributes(options["attributes"])
        start, end = argument[0].start, argument[-1].end
        self.imports.append(
            ImportSite("dynamic", specifier, start, end, None, attributes, tokens.starts[mark], call_end)
        )

    def _read_meta(self, start: int, meta: re.Match[str]) -> None:
        if meta["property"] == "env":
            self.meta_env.append(start)
        elif meta["property"] == "hot":
            self.uses_hot = True
            if meta["method"] == "accept":
                accepted = self._read_accepted(meta.end())
                if accepted is None:
                    self.self_accepting = True
                else:
                    self.accepted += accepted
            elif meta["method"] == "acceptExports":
                exports = {dependency.specifier for dependency in self._read_accepted(meta.end()) or ()}
                self.accepted_exports = (self.accepted_exports or set()) | exports

    def _read_accepted(self, position: int) -> list[AcceptedDependency] | None:
        """Return what the argument at `position` names; None where it is a callback or there is none."""
        found = _ACCEPTED.match(self.source, position)
        if found is None or found.lastgroup is None:
            return None
        if found["literal"] is not None:
            return [_dependency(found)]
        if found["computed"] is not None:
            raise _computed(found.start("computed"))
        accepted: list[AcceptedDependency] = []
        for item in _ACCEPTED_ITEM.finditer(self.source, found.end()):
            if item["end"] is not None:
                break
            if item["literal"] is None:
                raise _computed(item.end())
            accepted.append(_dependency(item))
        return accepted


def _dependency(found: re.Match[str]) -> AcceptedDependency:
    return AcceptedDependency(cook(found["literal"]), *found.span("literal"))


def _computed(offset: int) -> SourceError:
    message = "import.meta.hot.accept() can only accept string literals or an array of string literals."
    return SourceError(message, offset)


def _specifiers(text: str) -> Iterator[tuple[str, str]]:
    """Yield the exporter's name and the new name of every specifier between braces."""
    for found in _SPECIFIER.finditer(text):
        if found["name"] is not None:
            name = cook(found["name"])
            yield name, name if found["alias"] is None else cook(found["alias"])


def _attributes(text: str) -> tuple[tuple[str, str], ...]:
    found = _ATTRIBUTE.finditer(text)
    return tuple((cook(each["key"]), cook(each["value"])) for each in found if each["value"] is not None)
