"""What the middlewares for ASGI and WSGI have in common: settings, the switch, and the worker they ask for.

Role: keeps what the application's code says, finds Jinja's templates, and makes the worker when the first
request comes. How requests travel is the adapters' business.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Unpack

from hotchannel.integrations import jinja
from hotchannel.integrations.host import Host
from hotchannel.integrations.settings import read_settings
from hotchannel.integrations.switch import how_to_switch_on, is_on, is_undecided
from hotchannel.integrations.terminal import say_off, speak
from hotchannel.integrations.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.integrations.settings import Arguments, PathLike

__all__ = ["Middleware", "decide"]


def decide(enabled: bool | None, *, debug: bool, debug_switch: str | None) -> bool:
    """Tell whether hotchannel is on; where it is off and somebody may wonder, say so once.

    Raises:
        OptionError: `enabled` or the environment variable has a value that it cannot have.
    """
    on = is_on(enabled, os.environ, debug)
    if not on and is_undecided(enabled, os.environ):
        say_off(how_to_switch_on(debug_switch))
    return on


class Middleware:
    """Makes an application hot.

    Args:
        arguments: see `Arguments`.

    Raises:
        OptionError: a setting has a wrong name or value.
    """

    debug_switch: str | None = None
    """How one writes the framework's debug switch."""

    hosts_option = 'ws={"allowed_hosts": [...]} of HotChannelMiddleware'

    def __init__(self, **arguments: Unpack[Arguments]) -> None:
        given = dict(arguments)
        self._enabled = arguments.get("enabled")
        given.pop("enabled", None)
        self.settings = read_settings(self.project(), given)
        self._decided: bool | None = None
        self._environments: list[Any] = []

    def project(self) -> PathLike:
        """Return the application's folder."""
        return os.getcwd()

    def environments(self) -> list[Any]:
        """Return the Jinja environments of the application, as far as they are there."""
        return jinja.environments()

    def is_on(self, debug: bool) -> bool:
        """Tell whether hotchannel is on; the first answer stands.

        Args:
            debug: the framework's debug switch.
        """
        if self._decided is None:
            self._decided = decide(self._enabled, debug=debug, debug_switch=self.debug_switch)
        return self._decided

    def template_folders(self) -> list[str]:
        """Look for environments anew, and return where they load from."""
        self._environments = self.environments()
        return jinja.template_folders(self._environments)

    def make_worker(
        self, server: str, static: Iterable[tuple[str, str]], *, shares_port: bool, base: str
    ) -> Worker:
        """Make the worker, in the event loop that it is for.

        Args:
            server: the address that the application is served at.
            static: URL prefixes and folders that the framework tells.
            shares_port: sockets can come by the application's own port.
            base: path that the application is served below; ends with a slash.
        """
        speak()
        settings = self.settings.found(static, self.template_folders())

        def make(**given: Any) -> Host:
            shares = shares_port and settings.ws.port is None
            return Host(settings, hosts_option=self.hosts_option, shares_port=shares, base=base, **given)

        return Worker(settings, server, make=make, forget_templates=lambda: jinja.forget(self._environments))
