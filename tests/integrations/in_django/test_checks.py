"""Settings that are wrong are told with what mends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integrations.in_django.project import COMMON, MIDDLEWARE, PRELUDE, start

if TYPE_CHECKING:
    from pathlib import Path

    from integrations.in_django.project import Check

GZIP = "django.middleware.gzip.GZipMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


def test_nothing_is_said_of_settings_that_are_right(check: Check) -> None:
    assert "no issues" in check(MIDDLEWARE=[GZIP, MIDDLEWARE, COMMON])


@pytest.mark.parametrize(
    ("middleware", "id", "hint"),
    [
        ([COMMON], "W001", f'Add "{MIDDLEWARE}" to MIDDLEWARE.'),
        ([MIDDLEWARE, GZIP], "W002", f'Put "{MIDDLEWARE}" behind "{GZIP}" in MIDDLEWARE.'),
        ([WHITENOISE, MIDDLEWARE], "W003", f'Put "{MIDDLEWARE}" ahead of "{WHITENOISE}" in MIDDLEWARE.'),
    ],
)
def test_the_middleware_s_place_is_checked(check: Check, middleware: list[str], id: str, hint: str) -> None:
    said = check(MIDDLEWARE=middleware)
    assert said.count("hotchannel.") >= 1
    assert f"(hotchannel.{id})" in said
    assert hint in said
    assert "identified 1 issue" in said
    assert "no issues" in check(MIDDLEWARE=middleware, DEBUG=False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"morf": False}, "did you mean morph?"),
        ({"morph": "no"}, "True or False"),
        ({"ws": {"prot": 1}}, "port"),
        ({"static": {"/static": "nowhere"}}, "nowhere"),
        ({"enabled": "no"}, "True, False or None"),
    ],
)
def test_a_wrong_setting_is_an_error_with_a_hint(check: Check, given: dict[str, Any], sentence: str) -> None:
    said = check(HOTCHANNEL=given)
    assert "(hotchannel.E001)" in said
    assert sentence in said
    assert "HINT: See HOTCHANNEL in the settings." in said
    assert "Traceback" not in said


@pytest.mark.parametrize("given", [True, False, "on", ["morph"], {1: True}], ids=repr)
def test_settings_that_are_no_dict_of_options_are_an_error_with_a_hint(check: Check, given: object) -> None:
    said = check(HOTCHANNEL=given)
    assert f"(hotchannel.E001) settings.HOTCHANNEL = {given!r}" in said
    assert 'HINT: In the settings, write HOTCHANNEL = {"enabled": True}, or {"enabled": False}.' in said
    assert "Traceback" not in said


def test_a_wrong_environment_variable_is_an_error_with_a_hint(check: Check) -> None:
    said = check(variable="maybe")
    assert "(hotchannel.E001) HOTCHANNEL = 'maybe'" in said
    assert "HINT: Set the environment variable HOTCHANNEL to 1 or 0, or remove it." in said
    assert "Traceback" not in said


def test_runserver_says_what_is_wrong_and_does_not_begin(project: Path) -> None:
    command = ("-m", "django", "runserver", "0", "--noreload", "--settings", "given")
    done = start(project, {"HOTCHANNEL": True}, *command)
    assert done.returncode == 1
    assert "(hotchannel.E001)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_checks_nothing_says_what_is_wrong_and_goes_on(project: Path) -> None:
    code = f"{PRELUDE}\ntell(client().get('/page').content.decode())"
    done = start(project, {}, "-c", code, variable="maybe")
    assert "told:" in done.stdout
    assert "/@vite/client" not in done.stdout
    assert done.stderr == "hotchannel is off: HOTCHANNEL = 'maybe': expected 1 or 0\n"
