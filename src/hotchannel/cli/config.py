"""Settings from TOML files and the command line, as checked options.

Role: the edge where settings are read, once: `hotchannel.toml`, or `[tool.hotchannel]` in
`pyproject.toml`, in the served folder, else in the working folder. The command line wins.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hotchannel.errors import HotChannelError, OptionError
from hotchannel.options import DevOptions, WsOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["build_options", "load"]

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "str": ((str,), "a string"),
}
"""What TOML may give for a field, by the first word of its type."""


def load(root: Path, working_folder: Path, arguments: Mapping[str, object]) -> DevOptions:
    """Return the options for serving `root`; `arguments` of the command line win over files.

    Raises:
        HotChannelError: a file is not TOML.
        OptionError: a setting is unknown or wrong; it says which, and where it stands.
    """
    file, settings = _find(root, working_folder)
    given = {name: value for name, value in arguments.items() if value is not None}
    ws_port = given.pop("ws_port", None)
    try:
        # Checked on their own first, so that the file is blamed for what the file says.
        options = build_options(settings)
    except OptionError as error:
        raise OptionError(f"{file}: {error.name}", error.value, error.expected) from None
    if ws_port is not None and options.ws is not False:
        ws = settings.get("ws")
        settings["ws"] = {**(ws if isinstance(ws, dict) else {}), "port": ws_port}
    return build_options({**settings, **given}) if given or ws_port is not None else options


def build_options(settings: Mapping[str, object]) -> DevOptions:
    """Return checked options from a table of settings, named as in `DevOptions`.

    `allowed_hosts` may stand beside `ws` too, where Vite has it (`server.allowedHosts`).

    Raises:
        OptionError: a name is unknown or a value is wrong.
    """
    values = dict(settings)
    ws = values.pop("ws", {})
    allowed_hosts = values.pop("allowed_hosts", None)
    if ws is False:
        return DevOptions(**_checked(DevOptions, values, ""), ws=False)
    if not isinstance(ws, dict):
        raise OptionError("ws", ws, "false, or a table of settings")
    table = ws if allowed_hosts is None else {"allowed_hosts": allowed_hosts, **ws}
    hosts = table.get("allowed_hosts")
    if isinstance(hosts, list):
        table = {**table, "allowed_hosts": tuple(hosts)}
    return DevOptions(**_checked(DevOptions, values, ""), ws=WsOptions(**_checked(WsOptions, table, "ws.")))


def _find(root: Path, working_folder: Path) -> tuple[Path | None, dict[str, object]]:
    for folder in dict.fromkeys((root, working_folder)):
        for name in ("hotchannel.toml", "pyproject.toml"):
            file = folder / name
            if not file.is_file():
                continue
            try:
                content = tomllib.loads(file.read_text("utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise HotChannelError(f"{file} is not TOML: {error}") from error
            settings = content if name == "hotchannel.toml" else content.get("tool", {}).get("hotchannel")
            if isinstance(settings, dict):
                return file, settings
    return None, {}


def _checked(
    group: type[DevOptions | WsOptions], values: Mapping[str, object], prefix: str
) -> dict[str, Any]:
    """Return `values` as arguments of `group`, their names and plain types checked."""
    types = {field.name: str(field.type).split(" ")[0] for field in fields(group)}
    for name, value in values.items():
        if name not in types:
            close = difflib.get_close_matches(name, types, n=1)
            known = f"did you mean {prefix}{close[0]}?" if close else f"there are {', '.join(sorted(types))}"
            raise OptionError(prefix + name, value, f"the name of a setting; {known}")
        allowed, words = _TYPES.get(types[name], ((object,), ""))
        if not isinstance(value, allowed) or (isinstance(value, bool) and allowed != (bool,) and words):
            raise OptionError(prefix + name, value, words)
    return dict(values)
