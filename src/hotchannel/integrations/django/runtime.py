"""What all of Django's parts share: whether hotchannel is on, and the worker of this process.

Role: reads Django's settings, and says where a project has its static files and templates. The worker is in a
thread, unless `HotChannelASGI` has one in the server's event loop.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from hotchannel.errors import OptionError
from hotchannel.integrations import jinja
from hotchannel.integrations.background import Background
from hotchannel.integrations.host import Host
from hotchannel.integrations.middleware import decide
from hotchannel.integrations.settings import read_settings
from hotchannel.integrations.terminal import speak
from hotchannel.integrations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotchannel.integrations.settings import AppSettings

__all__ = ["SETTING", "Runtime", "runtime"]

SETTING = "settings.HOTCHANNEL"
"""How an error calls the dict itself; the environment variable has the same name."""


class Runtime(Background):
    """The worker of this process, whichever part of Django asks for it first."""

    def __init__(self) -> None:
        super().__init__(lambda server: self.make(server, shares_port=False))
        self._settings: AppSettings | None = None

    def is_on(self) -> bool:
        """Tell whether hotchannel is on; where it is off, say so once. With wrong settings it is off."""
        try:
            return self.is_wanted()
        except OptionError:
            return False

    def is_wanted(self) -> bool:
        """Tell the same, of settings that may be wrong.

        Raises:
            OptionError: a setting has a wrong name or value, or the environment variable is neither yes nor
                no.
        """
        enabled, switch = _given().get("enabled"), "`DEBUG = True` in the settings"
        if not decide(enabled, debug=bool(settings.DEBUG), debug_switch=switch):
            return False
        # Read now, what is wrong is found now, and not at the first request.
        _ = self.settings
        return True

    @property
    def settings(self) -> AppSettings:
        """The settings, as they were given."""
        if self._settings is None:
            given = {name: value for name, value in _given().items() if name != "enabled"}
            self._settings = read_settings(getattr(settings, "BASE_DIR", None) or os.getcwd(), given)
        return self._settings

    def make(self, server: str, *, shares_port: bool) -> Worker:
        """Make a worker, in the event loop that it is for."""
        from django.template.autoreload import get_template_directories, reset_loaders

        speak()
        environments = [backend.env for backend in _engines() if hasattr(backend, "env")]
        folders = [os.fspath(folder) for folder in get_template_directories()]
        folders = [os.path.join(self.settings.project, folder) for folder in folders]
        templates = [folder for folder in folders if os.path.isdir(folder) and "site-packages" not in folder]
        templates += jinja.template_folders(environments)
        found = self.settings.found(_static_folders(), templates, settings.ALLOWED_HOSTS)

        def forget_templates() -> None:
            reset_loaders()
            jinja.forget(environments)

        def make(**given: Any) -> Host:
            shares = shares_port and found.ws.port is None
            return Host(found, hosts_option="ALLOWED_HOSTS in the settings", shares_port=shares, **given)

        return Worker(found, server, make=make, forget_templates=forget_templates)


def _given() -> Mapping[str, Any]:
    given = getattr(settings, "HOTCHANNEL", None)
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise OptionError(SETTING, given, 'a dict of options, as {"enabled": True}')
    return given


def _engines() -> list[Any]:
    from django.template import engines

    return list(engines.all())


def _static_folders() -> Iterator[tuple[str, str]]:
    """Yield URL prefix and folder of everything that the finders of static files look through."""
    url = settings.STATIC_URL
    if not url or urlsplit(url).netloc or "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return
    from django.contrib.staticfiles.finders import get_finders

    for finder in get_finders():
        for storage in getattr(finder, "storages", {}).values():
            below = getattr(storage, "prefix", None) or ""
            if os.path.isdir(storage.location):
                yield f"{url.rstrip('/')}/{below}".rstrip("/"), os.fspath(storage.location)


runtime = Runtime()
"""That of this process."""
