"""What all of Django's parts share: whether hotchannel is on, and the worker of this process.

Role: reads Django's settings, and says where a project has its static files and templates. The worker is in a
thread, unless `HotChannelASGI` has one in the server's event loop.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings

from hotchannel.integrations import jinja
from hotchannel.integrations.background import Background
from hotchannel.integrations.host import Host
from hotchannel.integrations.settings import read_settings
from hotchannel.integrations.switch import how_to_switch_on, is_on, is_undecided
from hotchannel.integrations.terminal import say_off, speak
from hotchannel.integrations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from hotchannel.integrations.settings import AppSettings
    from hotchannel.integrations.worker import Hot

__all__ = ["Runtime", "runtime"]

T = TypeVar("T")


class Runtime:
    """The worker of this process, whichever part of Django asks for it first."""

    def __init__(self) -> None:
        self._background = Background(lambda server: self.make(server, shares_port=False))
        self._shared: Callable[[], Hot] | None = None
        self._settings: AppSettings | None = None

    @staticmethod
    def is_on() -> bool:
        """Tell whether hotchannel is on; where it is off, say so once.

        Raises:
            OptionError: the environment variable is neither yes nor no.
        """
        enabled = _given().get("enabled")
        on = is_on(enabled, os.environ, bool(settings.DEBUG))
        if not on and is_undecided(enabled, os.environ):
            say_off(how_to_switch_on("`DEBUG = True` in the settings"))
        return on

    @property
    def settings(self) -> AppSettings:
        """The settings, as they were given."""
        if self._settings is None:
            given = {name: value for name, value in _given().items() if name != "enabled"}
            self._settings = read_settings(getattr(settings, "BASE_DIR", None) or os.getcwd(), given)
        return self._settings

    def hot(self, server: str) -> Hot:
        """Return what makes the project hot; the first that asks starts it.

        Args:
            server: the address that the project is served at.
        """
        return self._background.hot(server) if self._shared is None else self._shared()

    def share(self, hot: Callable[[], Hot] | None) -> None:
        """From now on the worker is one in the server's event loop; None where that has ended."""
        self._shared = hot

    def call(self, server: str, act: Callable[[Hot], Coroutine[object, object, T]]) -> T:
        """Return what a coroutine returns; waits for it, outside of the worker's event loop."""
        hot = self.hot(server)
        return asyncio.run_coroutine_threadsafe(act(hot), hot.loop).result()

    async def acall(self, server: str, act: Callable[[Hot], Coroutine[object, object, T]]) -> T:
        """Return the same, in any event loop."""
        # The first call waits until all is there, which the loop should not.
        hot = await asyncio.to_thread(self.hot, server) if self._shared is None else self._shared()
        if hot.loop is asyncio.get_running_loop():
            return await act(hot)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act(hot), hot.loop))

    def tell(self, server: str, act: Callable[[Hot], object]) -> None:
        """Have something done, and wait for nothing."""
        hot = self.hot(server)
        hot.loop.call_soon_threadsafe(act, hot)

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


def _given() -> dict[str, Any]:
    return dict(getattr(settings, "HOTCHANNEL", None) or {})


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
