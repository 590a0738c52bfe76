"""System checks: what of a project's settings keeps hotchannel from working."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own word

from hotchannel.errors import OptionError
from hotchannel.integrations.django.runtime import SETTING, runtime
from hotchannel.integrations.switch import VARIABLE

__all__ = ["check_settings"]

_MIDDLEWARE = "hotchannel.integrations.django.HotChannelMiddleware"
_COMPRESSING = "django.middleware.gzip.GZipMiddleware"
_WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
_HINTS = {
    SETTING: 'In the settings, write HOTCHANNEL = {"enabled": True}, or {"enabled": False}.',
    VARIABLE: f"Set the environment variable {VARIABLE} to 1 or 0, or remove it.",
}
"""What mends the options that are not in the dict."""


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong; nothing where hotchannel is off."""
    try:
        if not runtime.is_wanted():
            return []
    except OptionError as error:
        hint = _HINTS.get(error.name, "See HOTCHANNEL in the settings.")
        return [Error(str(error), hint=hint, id="hotchannel.E001")]
    order = list(settings.MIDDLEWARE)
    if _MIDDLEWARE not in order:
        hint = f'Add "{_MIDDLEWARE}" to MIDDLEWARE.'
        return [Warning("Pages are not hot: the middleware is missing.", hint=hint, id="hotchannel.W001")]
    place = order.index(_MIDDLEWARE)
    found: list[CheckMessage] = []
    if _COMPRESSING in order[place:]:
        message = "Compressed pages cannot get hotchannel's client."
        hint = f'Put "{_MIDDLEWARE}" behind "{_COMPRESSING}" in MIDDLEWARE.'
        found.append(Warning(message, hint=hint, id="hotchannel.W002"))
    if _WHITENOISE in order[:place]:
        message = "WhiteNoise answers for JavaScript and CSS before hotchannel can."
        hint = f'Put "{_MIDDLEWARE}" ahead of "{_WHITENOISE}" in MIDDLEWARE.'
        found.append(Warning(message, hint=hint, id="hotchannel.W003"))
    return found
