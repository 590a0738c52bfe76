import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.modules.javascript import ImportSite, JavaScript, analyze
from hotchannel.modules.syntax import SourceError

Names = set[str] | None

STATEMENTS: list[object] = [
    pytest.param('import "./x"', "./x", set(), id="side effect"),
    pytest.param("import'./x';", "./x", set(), id="without blanks"),
    pytest.param('import a from "./x"', "./x", {"default"}, id="default"),
    pytest.param('import*as a from"./x"', "./x", None, id="namespace"),
    pytest.param('import{a}from"./x"', "./x", {"a"}, id="one name without blanks"),
    pytest.param('import { a, b as c, } from "./x";', "./x", {"a", "b"}, id="names"),
    pytest.param(
        'import a, { default as b, "c d" as e } from "./x"',
        "./x",
        {"default", "c d"},
        id="default, string name",
    ),
    pytest.param('import a, * as b from "./x"', "./x", None, id="default and namespace"),
    pytest.param('import {} from "./x"', "./x", set(), id="no names"),
    pytest.param('import from from "./x"', "./x", {"default"}, id="default called from"),
    pytest.param('import { as as as, from as of } from "./x"', "./x", {"as", "from"}, id="as as as"),
    pytest.param('import { as } from "./x"', "./x", {"as"}, id="as"),
    pytest.param('import defer * as a from "./x"', "./x", None, id="defer"),
    pytest.param('import defer from "./x"', "./x", {"default"}, id="default called defer"),
    pytest.param('import source a from "./x"', "./x", None, id="source phase"),
    pytest.param('import source from "./x"', "./x", {"default"}, id="default called source"),
    pytest.param('import source from from "./x"', "./x", None, id="source phase of from"),
    pytest.param('import source, { a } from "./x"', "./x", {"default", "a"}, id="source and names"),
    pytest.param(
        'import/*{*/{/*"*/a/*}*/,// b,\nc}/**/from// "y"\n"./x"', "./x", {"a", "c"}, id="comments everywhere"
    ),
    pytest.param('import\r\n{\r\na\r\n}\r\nfrom\r\n"./x"', "./x", {"a"}, id="CR LF"),
    pytest.param('import { a }\u2028from\u2029"./x"', "./x", {"a"}, id="LS and PS"),
    pytest.param('import { \\u0061, \u0062\u0308 } from "./x"', "./x", {"a", "b\u0308"}, id="unicode names"),
    pytest.param(r'import "\x2e\u002f\u{78}"', "./x", set(), id="escapes in the specifier"),
    pytest.param('import "./a\\\nb\\n\\\'"', "./ab\n'", set(), id="line continuation"),
    pytest.param(r'import "\ud83d\ude00\ud83d"', "😀\ud83d", set(), id="surrogates"),
    pytest.param('export * from "./x"', "./x", None, id="export star"),
    pytest.param('export * as a from "./x"', "./x", None, id="export namespace"),
    pytest.param('export*as "a b"from"./x"', "./x", None, id="export namespace by string"),
    pytest.param('export * as import from "./x"', "./x", None, id="export namespace called import"),
    pytest.param('export * as export from "./x"', "./x", None, id="export namespace called export"),
    pytest.param(
        'import { import as a, export as b } from "./x"', "./x", {"import", "export"}, id="keywords"
    ),
    pytest.param('export { a, b as c, default } from "./x"', "./x", {"a", "b", "default"}, id="export names"),
    pytest.param('export { "a b" as "c d" } from "./x"', "./x", {"a b"}, id="export string names"),
    pytest.param('export {} from "./x"', "./x", set(), id="export no names"),
]


@pytest.mark.parametrize("around", ["", "\n;", "/* c */ ", "a.b\n", "`${1}`\n", "x = /'/\n", "if (a) {}\n"])
@pytest.mark.parametrize(("statement", "specifier", "names"), STATEMENTS)
def test_statements(around: str, statement: str, specifier: str, names: Names) -> None:
    source = around + statement + "\nlet after"
    (site,) = analyze(source).imports
    assert (site.specifier, site.names) == (specifier, None if names is None else frozenset(names))
    assert site.kind == ("export-from" if statement.startswith("export") else "static")
    assert source[site.statement_start : site.statement_end] == statement
    assert source[site.start] == source[site.end - 1]
    assert statement.rstrip(";").endswith(source[site.start : site.end])


@pytest.mark.parametrize(
    ("source", "attributes"),
    [
        pytest.param('import a from "x" with { type: "json" }', (("type", "json"),), id="with"),
        pytest.param('import a from "x" assert { type: "json" };', (("type", "json"),), id="assert"),
        pytest.param(
            'import "x"\nwith\n{"a b": \'c\', /*d*/ e: "f",}', (("a b", "c"), ("e", "f")), id="several"
        ),
        pytest.param('export * from "x" with { type: "css" }', (("type", "css"),), id="export from"),
        pytest.param('import("x", { with: { type: "json" } })', (("type", "json"),), id="dynamic"),
        pytest.param('import "x"\nassert\n{ a: "b" }', (), id="assert on its own line is another statement"),
        pytest.param('import defer * as a from "x" with { type: "json" }', (("type", "json"),), id="defer"),
        pytest.param('import "x" with { a: "b", c, d: "e" }', (("a", "b"), ("d", "e")), id="no value"),
        pytest.param('import "x" with {}', (), id="empty"),
    ],
)
def test_attributes(source: str, attributes: tuple[tuple[str, str], ...]) -> None:
    assert analyze(source).imports[0].attributes == attributes


@pytest.mark.parametrize(
    ("source", "specifier", "argument"),
    [
        pytest.param('import("./x")', "./x", '"./x"', id="string"),
        pytest.param("import(`./x`)", "./x", "`./x`", id="template"),
        pytest.param("import(`./a\r\nb`)", "./a\nb", "`./a\r\nb`", id="template over lines"),
        pytest.param('import/**/(/* c */ "./x" /* d */, {})', "./x", '"./x"', id="comments"),
        pytest.param('import.defer("./x")', "./x", '"./x"', id="defer"),
        pytest.param('import /**/ .\nsource("./x")', "./x", '"./x"', id="source phase"),
        pytest.param("import(`./${x}`)", None, "`./${x}`", id="template with a substitution"),
        pytest.param('import("./" + x)', None, '"./" + x', id="expression"),
        pytest.param("import( f(a, b)[c, d] /* e */, {})", None, "f(a, b)[c, d]", id="commas in brackets"),
        pytest.param('import(("./x"))', None, '("./x")', id="parenthesised"),
    ],
)
@pytest.mark.parametrize("context", ["{}", "a({})", "x = {{ a: {} }}", "`${{{}}}`", "f(...{})", "() => {}"])
def test_dynamic_imports(context: str, source: str, specifier: str | None, argument: str) -> None:
    whole = context.replace("{}", source, 1).replace("{{", "{").replace("}}", "}")
    (site,) = analyze(whole).imports
    assert (site.kind, site.specifier, site.names) == ("dynamic", specifier, None)
    assert whole[site.start : site.end] == argument
    assert whole[site.statement_start : site.statement_end] == source


def test_sites_are_in_source_order_also_nested_ones() -> None:
    source = 'import("a" + import("b")); export * from "c"; import "d"'
    assert [site.specifier for site in analyze(source).imports] == [None, "b", "c", "d"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a.import('x')", id="method call"),
        pytest.param("a?.import('x')", id="optional method call"),
        pytest.param(".5.import('x'); 1..import('x')", id="method call on a number"),
        pytest.param("a. /* c */\nimport('x')", id="method call over lines"),
        pytest.param("class A { #import; b() { this.#import('x') } }", id="private method"),
        pytest.param("x = { import: 1, export: 2 }", id="keys"),
        pytest.param("x = { import(a) {}, export(b) {} }", id="methods"),
        pytest.param(
            "class A { import(a) {} static async import(a) {} get import() {} }", id="class methods"
        ),
        pytest.param("x = { import }", id="shorthand"),
        pytest.param("important('x'); $import('x'); import_('x'); ximport('x')", id="longer names"),
        pytest.param("éimport('x'); importé('x')", id="longer unicode names"),
        pytest.param(r"\u{61}import('x'); \u0061import('x'); import\u0061('x')", id="longer escaped names"),
        pytest.param("/import 'x'/", id="regular expression"),
        pytest.param("/[/]import 'x'/", id="regular expression with a slash in a class"),
        pytest.param("import()", id="nothing imported"),
    ],
)
def test_no_imports(source: str) -> None:
    result = analyze(source)
    assert result.imports == ()
    assert result.exports == frozenset()
    assert result.hot is None


@given(
    st.sampled_from(
        [
            *(
                'import "x"',
                'import a from "x"',
                'export * from "x"',
                'import("x")',
                "import.meta.hot.accept()",
            ),
            *("import.meta.env", "export default 1", "export const a = 1"),
        ]
    ),
    st.sampled_from(["'{}'", '"{}"', "`{}`", "// {}", "/* {} */", "x = /{}/", "`${{1}}{}`", "`{}${{1}}`"]),
    st.text("ab \t.,;", max_size=10),
)
def test_what_is_not_code_never_counts(statement: str, wrapper: str, noise: str) -> None:
    text = statement.replace("'", "").replace('"', "") if wrapper[0] == '"' else statement
    result = analyze(wrapper.format(noise + " " + text) + f"\n{noise.replace('.', '')}")
    assert result == JavaScript((), None, frozenset(), False, (), 0)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("export default a", "default", id="default"),
        pytest.param("export default function f() {}", "default", id="default function"),
        pytest.param("export { a, b as c, d as default, e as 'f g' }", "a|c|default|f g", id="list"),
        pytest.param("export { a as b, c } from 'x'", "b|c", id="list from"),
        pytest.param("export * as ns from 'x'", "ns", id="namespace"),
        pytest.param("export function f(g) {}", "f", id="function"),
        pytest.param("export async function* f() {}", "f", id="async generator"),
        pytest.param("export function*f() {}", "f", id="generator"),
        pytest.param("export class A extends B {}", "A", id="class"),
        pytest.param("export const a = 1, b = [c, d], e = f(g, h)", "a|b|e", id="const"),
        pytest.param("export let a, b\nc, d", "a|b", id="ends with the line"),
        pytest.param("export let a = 1\nb = 2, c", "a", id="assignment on the next line"),
        pytest.param("export let a = b\n, c", "a|c", id="comma on the next line"),
        pytest.param("export let a = b\n+ c, d", "a|d", id="operator on the next line"),
        pytest.param("export let a = b\n(c), d", "a|d", id="call on the next line"),
        pytest.param("export let a = b\n++c, d", "a", id="increment on the next line"),
        pytest.param("export let a = b++, c", "a|c", id="increment on the same line"),
        pytest.param("export let a = b\nin c, d", "a|d", id="operator word on the next line"),
        pytest.param("export let a = typeof\nb, c", "a|c", id="prefix word at the line's end"),
        pytest.param("export let a = async x => x, b", "a|b", id="async arrow"),
        pytest.param(
            "export let a = () => {}\n/x/.test(b), c", "a", id="regular expression on the next line"
        ),
        pytest.param("export let a = function ()\n{\n}, b", "a|b", id="brace on its own line"),
        pytest.param("export let a = class A\nextends B\n{\n}, b", "a|b", id="class on several lines"),
        pytest.param("export let a = `x${1}`\n`y`, b", "a|b", id="template on the next line"),
        pytest.param("export let a = x.export, b", "a|b", id="member called export"),
        pytest.param("export const\n  a = 1,\n  b = 2\nexport const c = 3", "a|b|c", id="names on lines"),
        pytest.param("export const { a, b: c, ...d } = e", "a|c|d", id="object pattern"),
        pytest.param("export const [a, , [b = c], ...d] = e, f = g", "a|b|d|f", id="array pattern"),
        pytest.param(
            "export const { a = f(b, { c }), 'd': { e }, [g]: h, 1: i = j } = k", "a|e|h|i", id="patterns"
        ),
        pytest.param("export const { a: [{ b }] = [{ c: d }] } = e ? f : g", "b", id="nested patterns"),
        pytest.param(r"export const \u0061 = 1, µ = 2", "a|µ", id="unicode"),
        pytest.param("export var a; var b", "a", id="ends with a semicolon"),
        pytest.param("x = { export: 1 }; f.export = 2", "", id="no exports"),
    ],
)
def test_exports(source: str, names: str) -> None:
    result = analyze(source)
    assert sorted(result.exports) == [name for name in names.split("|") if name]
    assert not result.has_export_star


def test_export_star_is_known_but_has_no_names() -> None:
    result = analyze("export * from 'x'")
    assert result.has_export_star
    assert result.exports == frozenset()


def test_meta_env() -> None:
    source = "import.meta.env.MODE; x = 'import.meta.env'; f(import.meta /**/ .env); import.meta.environment"
    assert analyze(source).meta_env == (0, source.index("import.meta /"))


@pytest.mark.parametrize(
    ("source", "start"),
    [
        pytest.param("a", 0, id="plain"),
        pytest.param("\ufeffa", 1, id="byte order mark"),
        pytest.param("#!/usr/bin/env node\na", 20, id="hashbang"),
        pytest.param("\ufeff#! x\r\na", 7, id="both"),
        pytest.param("#! import 'x'", 13, id="nothing but a hashbang"),
        pytest.param(" #x", 0, id="no hashbang"),
    ],
)
def test_body_start(source: str, start: int) -> None:
    result = analyze(source)
    assert (result.body_start, result.imports) == (start, ())


def test_unbalanced_sources_are_refused() -> None:
    with pytest.raises(SourceError, match=r'This "\{" is not closed'):
        analyze('import "x"; if (a) {')


def _outcome(source: str) -> JavaScript | SourceError:
    try:
        return analyze(source)
    except SourceError as error:
        return error


WORDS = [
    *(
        "import",
        "export",
        "from",
        "as",
        "*",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ";",
        ":",
        "=",
        ".",
        "?.",
        "...",
    ),
    *(" ", "\n", "'a'", '"b"', "`c`", "`", "${", "/", "//", "/*", "*/", "a", "b", "default", "const", "let"),
    *(
        "function",
        "class",
        "async",
        "meta",
        "hot",
        "accept",
        "acceptExports",
        "env",
        "with",
        "source",
        "defer",
    ),
    *("\\u{62}", "\\", "é", "1", "=>", "++", "\ufeff", "\r\n", "\u2028"),
]


def _check(source: str, site: ImportSite) -> None:
    assert 0 <= site.statement_start < site.start < site.end <= site.statement_end <= len(source)
    assert site.specifier is None or source[site.start] == source[site.end - 1] in "\"'`"


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | st.text())
def test_any_text_has_a_result_or_a_source_error(source: str) -> None:
    result = _outcome(source)
    if isinstance(result, SourceError):
        assert 0 <= result.offset < len(source)
        return
    for site in result.imports:
        _check(source, site)
    starts = [site.statement_start for site in result.imports]
    assert starts == sorted(starts)
