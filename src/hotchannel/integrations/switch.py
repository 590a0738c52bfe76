"""Whether hotchannel is on in an application.

Role: pure. What the code says comes first, then the environment, then the framework's own debug switch.
Invariant: off means inert; who wonders is told once how to switch it on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotchannel.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VARIABLE", "how_to_switch_on", "is_on", "is_undecided"]

VARIABLE = "HOTCHANNEL"
"""The environment variable: `1` or `0`."""

_YES = frozenset(("1", "true", "on", "yes"))
_NO = frozenset(("0", "false", "off", "no"))


def is_on(enabled: bool | None, environ: Mapping[str, str], debug: bool) -> bool:
    """Decide.

    Args:
        enabled: what the application's code says; None where it says nothing.
        environ: the environment.
        debug: the framework's debug switch.

    Raises:
        OptionError: the environment variable is neither yes nor no, or `enabled` is neither True nor False.
    """
    if enabled is not None and not isinstance(enabled, bool):
        # A text such as "no" would count as true, and switch it on where it must be off.
        raise OptionError("enabled", enabled, "True, False or None")
    if enabled is not None:
        return enabled
    value = environ.get(VARIABLE, "").strip().lower()
    if not value:
        return debug
    if value not in _YES | _NO:
        raise OptionError(VARIABLE, environ[VARIABLE], "1 or 0")
    return value in _YES


def is_undecided(enabled: bool | None, environ: Mapping[str, str]) -> bool:
    """Tell whether neither the code nor the environment says anything, so that somebody may wonder."""
    return enabled is None and not environ.get(VARIABLE, "").strip()


def how_to_switch_on(debug_switch: str | None) -> str:
    """Return the line that an application prints where hotchannel is off.

    Args:
        debug_switch: how one writes the framework's debug switch; None where it has none.
    """
    other = "" if debug_switch is None else f", or {debug_switch}"
    return f"hotchannel is off: set {VARIABLE}=1{other} to switch it on, {VARIABLE}=0 to keep this line away"
