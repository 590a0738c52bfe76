"""Which editor opens a file, and how it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.cli.config import load
from hotchannel.devserver.editor import (
    NoEditor,
    choose_editor,
    editor_command,
    fit_for_batch,
    process_names,
)
from hotchannel.errors import OptionError
from hotchannel.options import DevOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TOKEN = "right-token1"
FILE = "/site/a b.js"

# How an editor is called.

CALLS: dict[str, tuple[list[str], list[str]]] = {
    "code": (["code"], ["code", "-g", f"{FILE}:3:5"]),
    "code by path": (["/opt/code/bin/code"], ["/opt/code/bin/code", "-g", f"{FILE}:3:5"]),
    "code with arguments": (["code", "--wait"], ["code", "--wait", "-g", f"{FILE}:3:5"]),
    "code on Windows": ([r"C:\VS Code\Code.exe"], [r"C:\VS Code\Code.exe", "-g", f"{FILE}:3:5"]),
    "cursor": (["cursor"], ["cursor", "-g", f"{FILE}:3:5"]),
    "windsurf": (["windsurf"], ["windsurf", "-g", f"{FILE}:3:5"]),
    "subl": (["subl"], ["subl", f"{FILE}:3:5"]),
    "zed": (["zed"], ["zed", f"{FILE}:3:5"]),
    "idea": (["idea"], ["idea", "--line", "3", "--column", "5", FILE]),
    "pycharm, a script": (["pycharm.sh"], ["pycharm.sh", "--line", "3", "--column", "5", FILE]),
    "webstorm on Windows": (["webstorm64.exe"], ["webstorm64.exe", "--line", "3", "--column", "5", FILE]),
    "kate": (["kate"], ["kate", "--line", "3", "--column", "5", FILE]),
    "emacsclient": (["emacsclient"], ["emacsclient", "-n", "+3:5", FILE]),
    "gvim": (["gvim"], ["gvim", "+call cursor(3, 5)", FILE]),
    "mate": (["mate"], ["mate", "--line", "3:5", FILE]),
    "notepad++": (["notepad++.exe"], ["notepad++.exe", "-n3", "-c5", FILE]),
    "unknown": (["my-editor", "-x"], ["my-editor", "-x", FILE]),
    "said by the user": (["my-editor", "--at={line}.{column}", "{file}"], ["my-editor", "--at=3.5", FILE]),
    "said by the user of a known one": (["code", "{file}"], ["code", FILE]),
}


@pytest.mark.parametrize(("editor", "command"), CALLS.values(), ids=CALLS)
def test_editor_command(editor: list[str], command: list[str]) -> None:
    assert editor_command(editor, FILE, 3, 5) == command


@pytest.mark.parametrize(
    "name", ["/s/{line}.js", "/s/{file}", "/s/;rm -rf ~.js", "/s/$(id).js", "/s/`id`", "/s/-rf", "/s/'\".js"]
)
def test_a_file_s_name_is_one_argument_as_it_stands(name: str) -> None:
    assert editor_command(["code"], name, 1, 1) == ["code", "-g", f"{name}:1:1"]
    assert editor_command(["e", "{file}", "{line}"], name, 1, 1) == ["e", name, "1"]


@pytest.mark.parametrize(
    ("command", "fits"),
    [
        pytest.param(["code.cmd", "-g", r"C:\site\a b.js:1:1"], True, id="plain"),
        pytest.param(["code.CMD", "-g", r"C:\site\a&calc.js:1:1"], False, id="ampersand"),
        pytest.param(["code.bat", '"&calc'], False, id="quote"),
        pytest.param(["code.bat", "%PATH%"], False, id="percent"),
        pytest.param(["code.exe", "a&calc.js"], True, id="a program reads no commands"),
        pytest.param(["/usr/bin/code", "a&b.js"], True, id="elsewhere"),
    ],
)
def test_what_a_batch_file_would_run_is_not_given_to_it(command: list[str], fits: bool) -> None:
    assert fit_for_batch(command) is fits


# Which editor.


def installed(*programs: str) -> Callable[[str], str | None]:
    """`shutil.which` of a machine that has these."""
    return lambda name: f"/bin/{name}" if name in programs else None


CHOICES: dict[str, tuple[Any, dict[str, str], set[str], list[str], list[str]]] = {
    "option": ("subl", {"LAUNCH_EDITOR": "code"}, {"code"}, ["code", "subl"], ["/bin/subl"]),
    "option with arguments": ("code -n 'x y'", {}, set(), ["code"], ["/bin/code", "-n", "x y"]),
    "option as list": (["code", "-n"], {}, set(), ["code"], ["/bin/code", "-n"]),
    "option, a path with blanks": ("my editor", {}, set(), ["my editor"], ["/bin/my editor"]),
    "option, unknown": ("mine", {}, set(), ["mine"], ["/bin/mine"]),
    "LAUNCH_EDITOR": (
        None,
        {"LAUNCH_EDITOR": "mine", "EDITOR": "code"},
        set(),
        ["code", "mine"],
        ["/bin/mine"],
    ),
    "VISUAL": (None, {"VISUAL": "subl -w", "EDITOR": "vim"}, set(), ["subl", "code"], ["/bin/subl", "-w"]),
    "EDITOR": (None, {"EDITOR": "subl"}, set(), ["subl", "code"], ["/bin/subl"]),
    "EDITOR in a terminal": (None, {"EDITOR": "vim"}, set(), ["vim", "code"], ["/bin/code"]),
    "EDITOR, unknown": (None, {"EDITOR": "mine"}, set(), ["mine", "code"], ["/bin/code"]),
    "EDITOR that is not there": (None, {"EDITOR": "subl"}, set(), ["code"], ["/bin/code"]),
    "running": (None, {}, {"pycharm"}, ["code", "pycharm"], ["/bin/pycharm"]),
    "running, without a program": (None, {}, {"pycharm"}, ["code"], ["/bin/code"]),
    "installed": (None, {}, set(), ["zed", "gedit"], ["/bin/zed"]),
    "emacs that runs": (None, {}, {"emacs"}, ["emacsclient", "code"], ["/bin/emacsclient"]),
    "emacs that does not": (None, {}, set(), ["emacsclient", "gedit"], ["/bin/gedit"]),
}


@pytest.mark.parametrize(
    ("option", "environ", "running", "programs", "chosen"), CHOICES.values(), ids=CHOICES
)
def test_choose_editor(
    option: Sequence[str] | str | None,
    environ: dict[str, str],
    running: set[str],
    programs: list[str],
    chosen: list[str],
) -> None:
    assert choose_editor(option, environ, running, installed(*programs)) == tuple(chosen)


@pytest.mark.parametrize(
    ("option", "environ", "words"),
    [
        pytest.param(None, {}, ["No editor was found", "`editor`", "--editor", "LAUNCH_EDITOR"], id="none"),
        pytest.param(
            None, {"EDITOR": "/bin/nvim"}, ["EDITOR is nvim", "terminal", "`editor`"], id="terminal"
        ),
        pytest.param("vim", {}, ["`editor` names vim", "terminal", "{file}"], id="option for a terminal"),
        pytest.param(None, {"LAUNCH_EDITOR": "nano"}, ["LAUNCH_EDITOR names nano", "terminal"], id="launch"),
        pytest.param("nowhere", {}, ["`editor` names nowhere", "no such program"], id="no such program"),
        pytest.param("a 'b", {}, ["no such program"], id="open quote"),
        pytest.param("\x1b[2J", {}, [r"\x1b[2J"], id="controls"),
    ],
)
def test_no_editor_says_what_to_do(option: str | None, environ: dict[str, str], words: list[str]) -> None:
    chosen = choose_editor(option, environ, (), installed("vim", "nano", "/bin/nvim"))
    assert isinstance(chosen, NoEditor)
    assert all(word in chosen.reason for word in words), chosen.reason


def test_process_names() -> None:
    linux = "systemd\nsublime_text\ncode\n"
    assert {"code", "sublime_text"} <= process_names(linux)
    mac = "/Applications/Visual Studio Code.app/Contents/MacOS/Electron\n/System/Library/loginwindow\n"
    assert "visual studio code" in process_names(mac)
    assert process_names("") == frozenset()


@pytest.mark.parametrize(
    ("settings", "arguments", "editor"),
    [
        pytest.param("editor = 'code -n'", {}, "code -n", id="string"),
        pytest.param("editor = ['e', '{file}']", {}, ["e", "{file}"], id="list"),
        pytest.param("editor = ['e', '{file}']", {"editor": "code"}, "code", id="command line"),
    ],
)
def test_the_option_is_read(tmp_path: Path, settings: str, arguments: dict[str, object], editor: Any) -> None:
    (tmp_path / "hotchannel.toml").write_text(settings)
    assert load(tmp_path, tmp_path, arguments).editor == editor


@pytest.mark.parametrize("editor", ["", " ", [], [""], ["a", 1], True, 7, {"a": "b"}])
def test_what_no_editor_can_be(editor: Any) -> None:
    with pytest.raises(OptionError, match="a command, or a list of a program and its arguments"):
        DevOptions(editor=editor)
