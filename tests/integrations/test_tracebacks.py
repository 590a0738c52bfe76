"""What is made of the exceptions of web applications: message, place and stack."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from hotchannel.integrations.tracebacks import error_detail
from integrations.raised import caret, place, raising, run, running, where

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_that_the_overlay_shows(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    source = "def half(n):\n    return 1 + n / 0\n\ndef view():\n    return half(1)\n\nview()\n"
    detail = error_detail(run(file, source), str(tmp_path))
    assert detail.message == "ZeroDivisionError: division by zero"
    assert place(detail) == (str(file), 2, 15)
    assert detail.frame == "\n".join(
        [
            " 1 |  def half(n):",
            " 2 |      return 1 + n / 0",
            "   |                 ^",
            " 3 |",
            " 4 |  def view():",
        ]
    )
    assert detail.stack.splitlines()[:6] == [
        f'  File "{file}", line 2, in half',
        "    return 1 + n / 0",
        f'  File "{file}", line 5, in view',
        "    return half(1)",
        f'  File "{file}", line 7, in <module>',
        "    view()",
    ]


class TestPlace:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("x = 1\nx.nope", "x.nope", id="statement"),
            pytest.param("x = [] or (1 / 0)", "1 / 0)", id="expression"),
            pytest.param("é = 'ü😀'; é.nope", "é.nope", id="behind characters of several bytes"),
            pytest.param("if True:\n\té = 1; é.nope", "é.nope", id="behind a tab"),
            pytest.param("x = '\u2028'\nx.nope", "x.nope", id="below what ends a line in JavaScript only"),
            pytest.param("x = (\n  1,\n  2 / 0,\n)", "2 / 0,", id="inside an expression of several lines"),
            pytest.param("\ufeffint('x')", "int('x')", id="byte order mark"),
        ],
    )
    def test_caret_is_at_the_expression(self, tmp_path: Path, source: str, expected: str) -> None:
        assert caret(error_detail(run(tmp_path / "app.py", source), str(tmp_path))) == expected

    @pytest.mark.parametrize(
        ("folder", "is_own"),
        [
            pytest.param("project", True, id="in the project"),
            pytest.param("project/deep/er", True, id="deep in the project"),
            pytest.param("project/../project/x", True, id="by another name"),
            pytest.param("elsewhere", False, id="elsewhere"),
            pytest.param("project2", False, id="in a folder called nearly so"),
            pytest.param("project/.venv/lib/python3.11/site-packages/lib", False, id="installed"),
            pytest.param("project/env/lib/python3/dist-packages", False, id="installed by Debian"),
        ],
    )
    def test_innermost_line_of_the_users_own(self, tmp_path: Path, folder: str, is_own: bool) -> None:
        inner, outer = tmp_path / folder / "inner.py", tmp_path / "project" / "outer.py"
        names: dict[str, object] = {}
        inner.parent.mkdir(parents=True)
        inner.write_text(source := "def fail():\n    1 / 0\n")
        exec(compile(source, str(inner), "exec"), names)
        error = run(outer, "# comment\nfail()", **names)
        file, line, _ = place(error_detail(error, str(tmp_path / "project")))
        assert (file, line) == ((str(inner.resolve()), 2) if is_own else (str(outer), 2))

    def test_project_that_is_linked(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "linked").symlink_to(tmp_path / "real")
        error = run(tmp_path / "real" / "app.py", "import json\njson.loads('{')")
        assert where(error_detail(error, str(tmp_path / "linked"))) == (2, 0)

    def test_standard_library_is_not_own_wherever_it_is(self, tmp_path: Path) -> None:
        error = run(tmp_path / "app.py", "json.loads('{')", json=json)
        assert place(error_detail(error, "/")) == (str(tmp_path / "app.py"), 1, 0)

    def test_innermost_line_where_none_is_own(self, tmp_path: Path) -> None:
        file = tmp_path / "elsewhere.py"
        error = run(file, "def fail():\n    1 / 0\nfail()")
        assert place(error_detail(error, str(tmp_path / "project"))) == (str(file), 2, 4)

    def test_line_of_the_users_own_behind_a_foreign_exception(self, tmp_path: Path) -> None:
        error = RuntimeError("broken")
        error.__cause__ = run(tmp_path / "app.py", "1 / 0")
        detail = error_detail(raising(error), str(tmp_path))
        assert (detail.message, place(detail)) == ("RuntimeError: broken", (str(tmp_path / "app.py"), 1, 0))


class TestMessage:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            pytest.param(KeyError("x"), "KeyError: 'x'", id="builtin"),
            pytest.param(ValueError(), "ValueError", id="without text"),
            pytest.param(json.JSONDecodeError("m", "", 0).with_traceback(None), None, id="of a module"),
            pytest.param(
                SyntaxError("bad", ("a.py", 1, 1, "x")), "SyntaxError: bad", id="place not repeated"
            ),
            pytest.param(SyntaxError(), "SyntaxError", id="syntax error without text"),
            pytest.param(ValueError("\ud800"), "ValueError: \\ud800", id="what JSON cannot say"),
            pytest.param(
                ExceptionGroup("several", [KeyError("x"), ValueError("y")]),
                "ExceptionGroup: several (2 sub-exceptions)\n- KeyError: 'x'\n- ValueError: y",
                id="group",
            ),
            pytest.param(
                ExceptionGroup("g", [ExceptionGroup("h", [KeyError("x")])]), "KeyError: 'x'", id="of one"
            ),
        ],
    )
    def test_text(self, error: BaseException, expected: str | None) -> None:
        message = error_detail(error, "/project").message
        assert message == (expected or "json.decoder.JSONDecodeError: m: line 1 column 1 (char 0)")

    def test_notes_follow(self) -> None:
        error = ValueError("first")
        error.add_note("second\nthird")
        error.add_note("fourth")
        assert error_detail(error, "/project").message == "ValueError: first\nsecond\nthird\nfourth"

    def test_length_is_bounded(self) -> None:
        message = error_detail(ValueError("x" * 1_000_000), "/project").message
        assert (len(message), message[-1]) == (2_000, "…")


class TestSyntaxErrors:
    @pytest.mark.parametrize(
        ("source", "message", "line", "expected"),
        [
            pytest.param("a = 1\nb = = 2\n", "SyntaxError: invalid syntax", 2, "= 2", id="syntax"),
            pytest.param(
                "é = ü ü\n", "SyntaxError: invalid syntax", 1, "ü", id="behind characters of several bytes"
            ),
            pytest.param(
                "é = 1 )\n", "SyntaxError: unmatched ')'", 1, ")", id="the tokenizer's, behind such"
            ),
            pytest.param("a\n  b\n", "IndentationError: unexpected indent", 2, "b", id="indentation"),
            pytest.param("x = (\n", "SyntaxError: '(' was never closed", 1, "(", id="end of the file"),
        ],
    )
    def test_place_in_the_file_that_cannot_be_read(
        self, tmp_path: Path, source: str, message: str, line: int, expected: str
    ) -> None:
        detail = error_detail(run(tmp_path / "app.py", source), str(tmp_path))
        assert (detail.message, place(detail)[:2]) == (message, (str(tmp_path / "app.py"), line))
        assert caret(detail) == expected
        assert detail.stack.startswith(f'  File "{tmp_path / "app.py"}", line {line}\n')

    def test_code_that_is_no_file(self, tmp_path: Path) -> None:
        error = run(tmp_path / "app.py", "a = 1\neval('1 +')")
        assert where(error_detail(error, str(tmp_path))) == (2, 0)


class TestStack:
    def test_users_own_lines_are_first(self, tmp_path: Path) -> None:
        source = "def inner():\n    call(int, 'x')\ndef outer():\n    call(inner)\ncall(outer)"

        def call(function: object, *arguments: object) -> None:
            assert callable(function)
            function(*arguments)

        detail = error_detail(run(tmp_path / "app.py", source, call=call), str(tmp_path))
        assert running(detail) == ["inner", "outer", "<module>", "call", "run"]

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            pytest.param("raise A from KeyError('x')", ["caused by KeyError: 'x'"], id="cause"),
            pytest.param(
                "try: {}[1]\nexcept KeyError: raise A", ["while handling KeyError: 1"], id="context"
            ),
            pytest.param(
                "try: {}[1]\nexcept KeyError: raise A from None", [], id="context that is not wanted"
            ),
            pytest.param(
                "try: {}[1]\nexcept KeyError as e: raise A from e", ["caused by KeyError: 1"], id="both"
            ),
            pytest.param("a = A()\na.__cause__ = a\nraise a", [], id="its own cause"),
            pytest.param(
                "a, b = A(), KeyError(2)\na.__cause__, b.__cause__ = b, a\nraise a",
                ["caused by KeyError: 2"],
                id="each the other's cause",
            ),
            pytest.param(
                "raise A from ExceptionGroup('g', [KeyError(1), A()])",
                ["caused by ExceptionGroup: g (2 sub-exceptions)", "beside ArithmeticError"],
                id="group",
            ),
            pytest.param(
                "raise ExceptionGroup('g', [KeyError(1)]) from A()", ["caused by A"], id="of a group of one"
            ),
        ],
    )
    def test_exceptions_behind_it(self, tmp_path: Path, source: str, expected: list[str]) -> None:
        detail = error_detail(run(tmp_path / "app.py", source, A=ArithmeticError), str(tmp_path))
        shown = [line for line in detail.stack.splitlines() if not line.startswith("  ")]
        assert shown == [re.sub(r"\bA$", "ArithmeticError", line) for line in expected]

    def test_group_is_placed_where_its_first_was_raised(self, tmp_path: Path) -> None:
        first = run(tmp_path / "first.py", "\n1 / 0")
        second = run(tmp_path / "second.py", "{}[1]")
        assert isinstance(first, Exception)
        assert isinstance(second, Exception)
        error = run(tmp_path / "app.py", "raise ExceptionGroup('g', errors)", errors=[first, second])
        detail = error_detail(error, str(tmp_path))
        assert place(detail) == (str(tmp_path / "first.py"), 2, 0)
        assert "beside KeyError: 1" in detail.stack
        assert str(tmp_path / "second.py") in detail.stack

    def test_repeated_lines_are_shown_once(self, tmp_path: Path) -> None:
        source = "def a(): b()\ndef b():\n    a()\na()"
        detail = error_detail(run(tmp_path / "app.py", source), str(tmp_path))
        assert detail.message.startswith("RecursionError: ")
        assert sorted(running(detail)) == ["<module>", "a", "b", "run"]
        assert len(re.findall(r"^    \[\d{3} times\]$", detail.stack, re.MULTILINE)) == 2

    def test_length_is_bounded(self, tmp_path: Path) -> None:
        count = 400
        source = "".join(f"def f{n}(): f{n + 1}()\n" for n in range(count)) + f"def f{count}(): 1 / 0\nf0()"
        shown = error_detail(run(tmp_path / "app.py", source), str(tmp_path)).stack
        assert len(shown) <= 16 * 1024
        assert re.search(r"\n  \[[\d,]+ characters left out\]\n", shown)
        assert shown.startswith(f'  File "{tmp_path / "app.py"}", line {count + 1}, in f{count}\n')
        assert ", in run\n" in shown

    def test_values_are_not_shown(self, tmp_path: Path) -> None:
        source = "import os\ndef f(password):\n    salt = chr(115) * 9\n    1 / 0\nf(os.fspath(secret))"
        detail = error_detail(run(tmp_path / "app.py", source, secret="hunter" + "2"), str(tmp_path))
        assert not re.search("hunter2|sssssssss", repr(detail))


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError


class UntraceableError(Exception):
    __traceback__ = 5  # type: ignore[assignment]


class UnreadableError(Exception):
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


def with_filename(file: object, line: object) -> SyntaxError:
    error = SyntaxError("bad")
    error.filename, error.lineno = file, line  # type: ignore[assignment]
    return error


def with_debug(debug: object) -> Exception:
    error = ValueError("bad")
    error.template_debug = debug  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnspeakableError(), id="text that cannot be made"),
        pytest.param(UntraceableError(), id="trace that is none"),
        pytest.param(UnreadableError(), id="nothing can be read"),
        pytest.param(with_filename("\0", 1), id="NUL in the name"),
        pytest.param(with_filename("/\ud800.py", 1), id="name that is no name"),
        pytest.param(with_filename("", 1), id="empty name"),
        pytest.param(with_filename(7, "x"), id="place of other types"),
        pytest.param(with_filename(__file__, 10**9), id="line that there is not"),
        pytest.param(with_filename(__file__, 10**30), id="line without bounds"),
        pytest.param(with_filename(__file__, -1), id="negative line"),
        pytest.param(with_filename("/dev/zero", 1), id="file without an end"),
        pytest.param(with_debug({}), id="template without a place"),
        pytest.param(with_debug({"name": None, "line": None, "before": 3}), id="template of other types"),
        pytest.param(with_debug("x"), id="template that is none"),
        pytest.param(type("", (Exception,), {"__module__": 7})(), id="no name"),
        pytest.param(KeyboardInterrupt(), id="interrupt"),
    ],
)
def test_whatever_the_exception_is_like(error: BaseException) -> None:
    for each in (error, raising(error)):
        detail = error_detail(each, "/project")
        assert detail.message
        assert msgspec.json.encode(detail)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda file: file.unlink(), id="gone"),
        pytest.param(lambda file: file.write_bytes(b"\xff\xfe\x00"), id="not in UTF-8"),
        pytest.param(lambda file: file.write_text(""), id="empty by now"),
    ],
)
def test_file_that_cannot_be_read_has_a_place_and_no_frame(tmp_path: Path, change: object) -> None:
    assert callable(change)
    file = tmp_path / "app.py"
    error = run(file, "\n\n1 / 0")
    change(file)
    detail = error_detail(error, str(tmp_path))
    assert (place(detail)[:2], detail.frame) == ((str(file), 3), msgspec.UNSET)


def test_source_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    assert caret(error_detail(run(file, "1 / 0"), str(tmp_path))) == "1 / 0"
    assert caret(error_detail(run(file, "None.longer"), str(tmp_path))) == "None.longer"


def test_code_without_a_file_has_no_place(tmp_path: Path) -> None:
    names: dict[str, object] = {}
    exec("def generated(): 1 / 0", names)
    error = run(tmp_path / "app.py", "\ngenerated()", **names)
    detail = error_detail(error, str(tmp_path))
    assert where(detail) == (2, 0)
    assert '  File "<string>", line 1, in generated' in detail.stack
