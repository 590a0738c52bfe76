"""Settings from files and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotchannel.cli.config import build_options, load
from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import DevOptions, FsOptions, HttpsOptions, WsOptions

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_set_is_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, tmp_path, {"port": None}) == DevOptions()


@pytest.mark.parametrize(
    ("name", "header"),
    [("pyproject.toml", "[tool.hotchannel]"), ("hotchannel.toml", "")],
)
def test_settings_of_a_file(tmp_path: Path, name: str, header: str) -> None:
    (tmp_path / name).write_text(f'{header}\nport = 8000\nbase = "/app/"\nallowed_hosts = ["example.com"]\n')

    options = load(tmp_path, tmp_path, {})

    assert options == DevOptions(port=8000, base="/app/", ws=WsOptions(allowed_hosts=("example.com",)))


def test_the_served_folder_comes_before_the_working_folder(tmp_path: Path) -> None:
    served = tmp_path / "site"
    served.mkdir()
    (tmp_path / "hotchannel.toml").write_text("port = 1\n")
    (served / "pyproject.toml").write_text("[tool.hotchannel]\nport = 2\n")

    assert load(served, tmp_path, {}).port == 2


def test_a_pyproject_of_other_tools_is_passed_over(tmp_path: Path) -> None:
    served = tmp_path / "site"
    served.mkdir()
    (served / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "hotchannel.toml").write_text("port = 1\n")

    assert load(served, tmp_path, {}).port == 1


def test_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "hotchannel.toml").write_text("port = 1\n[ws]\nport = 2\npath = '/ws'\n")

    options = load(tmp_path, tmp_path, {"port": 3, "ws_port": 4, "host": None})

    assert options == DevOptions(port=3, ws=WsOptions(port=4, path="/ws"))


def test_the_channel_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "hotchannel.toml").write_text("ws = false\n")

    assert load(tmp_path, tmp_path, {}).ws is False


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            "allowed_hosts = ['a.test']\n[ws]\nallowed_hosts = ['b.test']",
            WsOptions(allowed_hosts=("b.test",)),
            id="ws-comes-first",
        ),
        pytest.param("web_socket_token = 'x'", WsOptions(token="x"), id="webSocketToken"),
        pytest.param(
            "[legacy]\nskip_web_socket_token_check = true",
            WsOptions(skip_web_socket_token_check=True),
            id="legacy.skipWebSocketTokenCheck",
        ),
        pytest.param(
            "[hmr]\nport = 1\nclient_port = 2\nhost = 'h'\npath = '/p'\nprotocol = 'wss'\ntimeout = 3\n"
            "overlay = false",
            WsOptions(port=1, client_port=2, host="h", path="/p", protocol="wss", timeout=3, overlay=False),
            id="server.hmr",
        ),
    ],
)
def test_what_vite_keeps_elsewhere_may_stand_there(tmp_path: Path, content: str, expected: WsOptions) -> None:
    (tmp_path / "hotchannel.toml").write_text(content)

    assert load(tmp_path, tmp_path, {}) == DevOptions(ws=expected)


@pytest.mark.parametrize(
    ("content", "arguments", "expected"),
    [
        pytest.param("https = true", {}, True, id="self-signed"),
        pytest.param("", {"https": True}, True, id="self-signed-by-command"),
        pytest.param("[https]\ncert = 'c.pem'", {}, HttpsOptions(cert="FOLDER/c.pem"), id="file"),
        pytest.param(
            "[https]\ncert = '/c.pem'\nkey = 'k.pem'",
            {},
            HttpsOptions(cert="/c.pem", key="FOLDER/k.pem"),
            id="absolute-path",
        ),
        pytest.param("", {"cert": "c.pem"}, HttpsOptions(cert="c.pem"), id="cert-by-command"),
        pytest.param(
            "[https]\ncert = 'a.pem'\nkey = 'b.pem'",
            {"https": True, "cert": "c.pem"},
            HttpsOptions(cert="c.pem"),
            id="another-cert-needs-another-key",
        ),
        pytest.param(
            "[https]\ncert = '/a.pem'",
            {"key": "k.pem"},
            HttpsOptions(cert="/a.pem", key="k.pem"),
            id="key-by-command",
        ),
    ],
)
def test_https(
    tmp_path: Path, content: str, arguments: dict[str, object], expected: HttpsOptions | bool
) -> None:
    (tmp_path / "hotchannel.toml").write_text(content)
    if isinstance(expected, HttpsOptions):
        cert, key = (path and path.replace("FOLDER", str(tmp_path)) for path in (expected.cert, expected.key))
        expected = HttpsOptions(cert=cert, key=key)

    assert load(tmp_path, tmp_path, arguments) == DevOptions(https=expected)


def test_folders_elsewhere_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "hotchannel.toml").write_text('[fs]\nallow = ["../shared", "/lib"]\ndeny = ["*.sql"]')

    expected = FsOptions(allow=(f"{tmp_path}/../shared", "/lib"), deny=("*.sql",))
    assert load(tmp_path, tmp_path, {}) == DevOptions(fs=expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("fs = true", ["fs", "a table with allow and deny"], id="fs"),
        pytest.param("[fs]\nallow = 'x'", ["fs.allow", "a list of folders"], id="fs.allow"),
        pytest.param("[fs]\ndeny = ['']", ["fs.deny", "a list of patterns"], id="fs.deny"),
        pytest.param("[fs]\nstrict = true", ["fs.strict", "there are allow, deny"], id="unknown-of-fs"),
        pytest.param("https = 'yes'", ["https", "a table with cert and key"], id="https"),
        pytest.param("[https]\nkey = 'k'", ["https.key", "https.cert beside it"], id="key-alone"),
        pytest.param("[https]\ncrt = 'k'", ["https.crt", "did you mean https.cert"], id="unknown-of-https"),
        pytest.param("[hmr]\nprt = 1", ["hmr.prt", "did you mean hmr.port"], id="unknown-of-hmr"),
        pytest.param("[legacy]\nother = 1", ["legacy", "skip_web_socket_token_check"], id="legacy"),
        pytest.param("hmr = 1", ["hmr", "true or false"], id="hmr"),
        pytest.param("middleware = true", ["middleware", "left out"], id="middleware"),
        pytest.param("[ws]\nprotocol = 'http'", ["ws.protocol", "'wss'"], id="protocol"),
        pytest.param("prot = 1", ["prot", "did you mean port?"], id="unknown"),
        pytest.param("xyzzy = 1", ["xyzzy", "there are alias, app_type"], id="unknown-and-like-nothing"),
        pytest.param("[ws]\nprot = 1", ["ws.prot", "ws.port"], id="unknown-in-a-group"),
        pytest.param('port = "x"', ["port", "'x'", "a whole number"], id="type"),
        pytest.param("port = true", ["port", "a whole number"], id="a-bool-is-no-number"),
        pytest.param("port = 70000", ["port", "70000", "0 to 65535"], id="range"),
        pytest.param("strict_port = 1", ["strict_port", "true or false"], id="bool"),
        pytest.param('base = "app"', ["base", "starts with '/'"], id="base"),
        pytest.param('base = "/app"', ["base", "ends with '/'"], id="base-without-end"),
        pytest.param('log_level = "loud"', ["log_level", "debug"], id="choice"),
        pytest.param("ws = 1", ["ws", "false, or a table"], id="ws"),
        pytest.param("ws = true", ["ws", "false, or a table"], id="ws-true"),
        pytest.param("allowed_hosts = 'x'", ["allowed_hosts", "list of host names"], id="hosts"),
        pytest.param("[ws]\ntimeout = 0", ["ws.timeout", "greater than 0"], id="positive"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    file = tmp_path / "hotchannel.toml"
    file.write_text(content)

    with pytest.raises(OptionError) as error:
        load(tmp_path, tmp_path, {})

    assert all(word in str(error.value) for word in [str(file), *words])


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "hotchannel.toml").write_text("port = \n")

    with pytest.raises(HotChannelError, match=r"hotchannel\.toml is not TOML"):
        load(tmp_path, tmp_path, {})


def test_a_token_is_not_shown() -> None:
    with pytest.raises(OptionError) as error:
        build_options({"ws": {"token": 123456}})

    assert "123456" not in repr(WsOptions(token="123456"))
    assert "token" in str(error.value)
