"""Whether hotchannel is on, and what adapters are told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.errors import OptionError
from hotchannel.integrations.settings import read_settings
from hotchannel.integrations.switch import how_to_switch_on, is_on

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("enabled", "environ", "debug", "expected"),
    [
        pytest.param(None, {}, False, False, id="nothing says so"),
        pytest.param(None, {}, True, True, id="debug"),
        pytest.param(None, {"HOTCHANNEL": "1"}, False, True, id="environment"),
        pytest.param(None, {"HOTCHANNEL": "0"}, True, False, id="environment against debug"),
        pytest.param(None, {"HOTCHANNEL": "Off"}, True, False, id="off in words"),
        pytest.param(None, {"HOTCHANNEL": ""}, True, True, id="empty is unset"),
        pytest.param(False, {"HOTCHANNEL": "1"}, True, False, id="code against all"),
        pytest.param(True, {"HOTCHANNEL": "0"}, False, True, id="code for it"),
    ],
)
def test_the_switch(enabled: bool | None, environ: dict[str, str], debug: bool, expected: bool) -> None:
    assert is_on(enabled, environ, debug) is expected


def test_a_value_that_is_neither_is_an_error_that_says_so() -> None:
    with pytest.raises(OptionError, match=r"HOTCHANNEL = 'maybe': expected 1 or 0"):
        is_on(None, {"HOTCHANNEL": "maybe"}, False)


def test_a_text_never_switches_it_on() -> None:
    with pytest.raises(OptionError, match="expected True, False or None"):
        is_on("no", {}, False)  # type: ignore[arg-type]


def test_the_line_names_both_switches() -> None:
    line = how_to_switch_on("`debug=True`")
    assert "HOTCHANNEL=1" in line
    assert "`debug=True`" in line


def test_folders_are_made_absolute_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    settings = read_settings(tmp_path, {"static": {"/static": "static"}, "watch": ["*.md"]})
    assert settings.static == (("/static", str(tmp_path / "static")),)
    assert settings.watch == (str(tmp_path / "*.md"),)
    with pytest.raises(OptionError, match="there is no"):
        read_settings(tmp_path, {"static": {"/static": "missing"}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"statics": {}}, "did you mean static", id="misspelt"),
        pytest.param({"xyzzy": 1}, "there are static, templates", id="unknown"),
        pytest.param({"static": ["static"]}, "folders by URL prefix", id="static without prefix"),
        pytest.param({"static": {"static": "."}}, "starts with '/'", id="prefix without slash"),
        pytest.param({"templates": [1]}, "a list of texts", id="templates"),
        pytest.param({"morph": "no"}, "True or False", id="morph"),
        pytest.param({"editor": [1]}, "a command, or a list", id="editor"),
        pytest.param({"ws": {"prot": "ws"}}, "did you mean port", id="channel's option"),
        pytest.param({"ws": 24678}, "a dict of the channel's settings", id="channel"),
        pytest.param({"ws": {"port": "a"}}, "a port number", id="port"),
    ],
)
def test_mistakes_say_what_was_expected(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read_settings(tmp_path, given)


def test_what_is_given_comes_before_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    found = [("/static", "/found")]
    assert read_settings(tmp_path, {}).found(found, ["/templates"]).static == (("/static", "/found"),)
    given = read_settings(tmp_path, {"static": {"/s": "given"}, "templates": []}).found(found, ["/templates"])
    assert given.static == (("/s", os.path.join(tmp_path, "given")),)
    assert given.templates == ()


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [([], ()), (["*"], True), (["a.example", ".b.example"], ("a.example", ".b.example"))],
    ids=["none", "all", "names"],
)
def test_the_hosts_of_the_framework_are_the_channels(tmp_path: Path, hosts: list[str], expected: Any) -> None:
    assert read_settings(tmp_path, {}).found((), (), hosts).ws.allowed_hosts == expected
