"""What counts as accepting an update: what Vite takes for it, and no text that only looks like it."""

from __future__ import annotations

import pytest

from hotchannel.modules.javascript import AcceptedDependency, HotUse, JavaScript, analyze
from hotchannel.modules.syntax import SourceError

HOT = [
    pytest.param("import.meta.hot", HotUse(False, (), None), id="only looked at"),
    pytest.param("import.meta.hot.accept()", HotUse(True, (), None), id="accept nothing"),
    pytest.param("import.meta.hot?.accept((m) => {})", HotUse(True, (), None), id="callback"),
    pytest.param("import.meta.hot.accept(f)", HotUse(True, (), None), id="callback by name"),
    pytest.param("import.meta.hot?.accept?.()", HotUse(True, (), None), id="optional call"),
    pytest.param("if (import.meta.hot) { import . meta\n.hot /* a */ . accept // b\n ( /* c */ ) }",
                 HotUse(True, (), None), id="blanks and comments"),
    pytest.param("import.meta.hot.accept('./a')",
                 HotUse(False, (AcceptedDependency("./a", 23, 28),), None), id="dependency"),
    pytest.param("import.meta.hot.accept(/* x */ `./a` , f)",
                 HotUse(False, (AcceptedDependency("./a", 31, 36),), None), id="template as dependency"),
    pytest.param("import.meta.hot.accept(['./a', /*,*/\n\"./\\x62\",], f)",
                 HotUse(False, (AcceptedDependency("./a", 24, 29), AcceptedDependency("./b", 37, 45)), None),
                 id="dependencies"),
    pytest.param("import.meta.hot.accept([], f)", HotUse(False, (), None), id="no dependencies"),
    pytest.param("import.meta.hot.acceptExports('a')", HotUse(False, (), frozenset({"a"})), id="one export"),
    pytest.param("import.meta.hot.acceptExports(['a', 'b'], f); import.meta.hot.acceptExports(['c'])",
                 HotUse(False, (), frozenset({"a", "b", "c"})), id="exports add up"),
    pytest.param("import.meta.hot.accept(); import.meta.hot.accept('a')",
                 HotUse(True, (AcceptedDependency("a", 49, 52),), None), id="calls add up"),
    pytest.param("import.meta.hot.acceptExports()", HotUse(False, (), frozenset()), id="exports: none"),
    pytest.param("import.meta.hot.acceptExports([])", HotUse(False, (), frozenset()), id="exports: empty"),
    pytest.param("import.meta.hot.acceptExports(names, f)", HotUse(False, (), frozenset()),
                 id="exports: only running it would show"),
    pytest.param("import.meta.hot?.acceptExports?.(/* 'a' */ `b`)", HotUse(False, (), frozenset({"b"})),
                 id="exports: comment before a template"),
    pytest.param("import.meta.hot.acceptExports(['default', 'a b',,])",
                 HotUse(False, (), frozenset({"default", "a b"})), id="exports: default, hole"),
    pytest.param("import.meta.hot.accept(// './a'\n './b' /* , */, f)",
                 HotUse(False, (AcceptedDependency("./b", 33, 38),), None), id="comments around it"),
    pytest.param("import.meta.hot.accept(/* './a' */)", HotUse(True, (), None), id="nothing but a comment"),
    pytest.param("import.meta.hot.accept(['./a', , './b'],)",
                 HotUse(False, (AcceptedDependency("./a", 24, 29), AcceptedDependency("./b", 33, 38)), None),
                 id="hole and last comma"),
    pytest.param("import.meta.hot.accept(['./a' /* ] */])",
                 HotUse(False, (AcceptedDependency("./a", 24, 29),), None), id="bracket in a comment"),
    pytest.param("import.meta.hot?.accept(\r\n  './a'\r\n)",
                 HotUse(False, (AcceptedDependency("./a", 28, 33),), None), id="CR LF"),
    pytest.param("import.meta.hot.accept(({ a = './b' }) => {})", HotUse(True, (), None), id="in a callback"),
    pytest.param("import.meta.hot.accept(('./a'))", HotUse(True, (), None), id="parentheses, as in Vite"),
    pytest.param("function f() { import.meta.hot.accept() }", HotUse(True, (), None), id="never called"),
    pytest.param("`${import.meta.hot.accept()}`", HotUse(True, (), None), id="in a substitution"),
    pytest.param("(import.meta).hot.accept()", None, id="parentheses around import.meta"),
    pytest.param("import.meta['hot'].accept()", None, id="hot by key"),
    pytest.param("import.meta.hot['accept']()", HotUse(False, (), None), id="accept by key"),
    pytest.param("import.meta.hot.accept`./a`", HotUse(False, (), None), id="accept as a tag"),
    pytest.param("const { hot } = import.meta; hot.accept()", None, id="taken out"),
    pytest.param("const { accept } = import.meta.hot", HotUse(False, (), None), id="accept taken out"),
    pytest.param("x = /import.meta.hot.accept()/", None, id="regular expression"),
    pytest.param("x = a / import.meta.hot.accept() / 2", HotUse(True, (), None), id="between divisions"),
    pytest.param("import.meta.hot.dispose(() => {})", HotUse(False, (), None), id="dispose"),
    pytest.param("f(import.meta.hot.accept)", HotUse(False, (), None), id="accept without a call"),
    pytest.param("const hot = import.meta.hot; hot.accept()", HotUse(False, (), None), id="alias"),
    pytest.param("import.meta.hot.acceptance()", HotUse(False, (), None), id="longer name"),
    pytest.param("import.meta.hotter.accept()", None, id="longer property"),
    pytest.param("a.import.meta.hot.accept()", None, id="member"),
    pytest.param("import.meta.env.hot", None, id="env"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "hot"), HOT)
def test_hot(source: str, hot: HotUse | None) -> None:
    assert analyze(source).hot == hot


@pytest.mark.parametrize(
    ("source", "culprit"),
    [
        pytest.param("import.meta.hot.accept(['./x', variable])", "variable", id="variable in an array"),
        pytest.param("import.meta.hot.accept([...x])", "...x", id="spread"),
        pytest.param("import.meta.hot.accept(`./${x}`, f)", "`./$", id="template with a substitution"),
        pytest.param("import.meta.hot.accept('./a' + b, f)", "'./a'", id="computed string"),
        pytest.param("import.meta.hot.accept(['./a' + b], f)", "'./a'", id="computed string in an array"),
        pytest.param("import.meta.hot.acceptExports([a])", "a]", id="variable export"),
    ],
)
def test_accepting_something_computed_is_an_error(source: str, culprit: str) -> None:
    with pytest.raises(SourceError, match="only accept string literals") as caught:
        analyze(source)
    assert source.startswith(culprit, caught.value.offset)


CALLS = ["accept()", "accept('./a')", "accept(['./a'])", "acceptExports('a')"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "wrapper",
    [
        pytest.param("// {}", id="line comment"),
        pytest.param("/* {} */", id="comment"),
        pytest.param("/*\r\n * {}\r\n */", id="comment on several lines"),
        pytest.param('x = "{}"', id="string"),
        pytest.param("x = `{}`", id="template"),
        pytest.param("x = `${{1}} {}`", id="template after a substitution"),
        pytest.param("x = `\\${{{}}}`", id="escaped substitution"),
        pytest.param("x = `${{`{}`}}`", id="template in a template"),
        pytest.param("x = /{}/", id="regular expression"),
        pytest.param("if (x) /{}/.test(x)", id="regular expression after a head"),
        pytest.param("#! {}", id="hashbang"),
        pytest.param("\ufeff#! {}\r\n", id="hashbang after a byte order mark"),
    ],
)
def test_text_that_is_no_code(wrapper: str, call: str) -> None:
    escaped = call.replace("/", r"\/") if "/{}/" in wrapper else call
    source = wrapper.format(f"import.meta.hot.{escaped}")
    result = analyze(source)
    assert (result.hot, result.imports, result.exports) == (None, (), frozenset())


def test_a_comment_between_any_two_tokens_changes_nothing() -> None:
    tokens = ["import", ".", "meta", ".", "hot", "?.", "accept", "?.", "(", "[", "'./a'", "]", ",", "f", ")"]
    source = "/* ' */".join(tokens)
    assert analyze(source) == JavaScript(
        imports=(),
        hot=HotUse(
            False, (AcceptedDependency("./a", source.index("'./a'"), source.index("'./a'") + 5),), None
        ),
        exports=frozenset(),
        has_export_star=False,
        meta_env=(),
        body_start=0,
    )
