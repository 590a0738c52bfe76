"""Settings from TOML files and the command line, as checked options.

Role: the edge where settings are read, once: `hotchannel.toml`, or `[tool.hotchannel]` in
`pyproject.toml`, in the served folder, else in the working folder. The command line wins.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hotchannel.errors import HotChannelError, OptionError, closest
from hotchannel.options import DevOptions, FsOptions, HttpsOptions, ProxyOptions, WsOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["build_options", "file_stamps", "load", "stamp"]

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "Mapping[str,": ((dict,), "a table"),
    "str": ((str,), "a string"),
}
"""What TOML may give for a field, by the first word of its type."""

_BACK_END = re.compile(r"(.+?)=((?:http|ws)s?://.*)")

_SKIP = "skip_web_socket_token_check"

_BESIDE = {"allowed_hosts": "allowed_hosts", "web_socket_token": "token", "backplane": "backplane"}
"""Settings of the channel that may stand beside `ws`, and what they are called in it."""


def load(root: Path, working_folder: Path, arguments: Mapping[str, object]) -> DevOptions:
    """Return the options for serving `root`; `arguments` of the command line win over files.

    Raises:
        HotChannelError: a file is not TOML.
        OptionError: a setting is unknown or wrong; it says which, and where it stands.
    """
    file, settings = _find(root, working_folder)
    given = {name: value for name, value in arguments.items() if value not in (None, ())}
    try:
        # Checked on their own first, so that the file is blamed for what the file says.
        options = build_options(settings)
    except OptionError as error:
        raise OptionError(f"{file}: {error.name}", error.value, error.expected) from None
    if options.middleware:
        raise OptionError(
            f"{file}: middleware", True, "left out: it is for a DevServer that another application mounts"
        )
    return build_options(_merged(settings, given)) if given else options


def build_options(settings: Mapping[str, object]) -> DevOptions:
    """Return checked options from a table of settings, named as in `DevOptions`.

    What Vite keeps elsewhere may stand there too: `allowed_hosts`, `web_socket_token` and `backplane` beside
    `ws`, the channel's own settings in a table `hmr`, `skip_web_socket_token_check` in a table `legacy`, and
    `alias` in a table `resolve`.

    Raises:
        OptionError: a name is unknown or a value is wrong.
    """
    values = dict(settings)
    ws = values.pop("ws", {})
    if ws is not False and not isinstance(ws, dict):
        raise OptionError("ws", ws, "false, or a table of settings")
    moved = _from_vites_places(values)
    if isinstance(resolve := values.pop("resolve", None), dict) and resolve.keys() == {"alias"}:
        values.setdefault("alias", resolve["alias"])
    elif resolve is not None:
        raise OptionError("resolve", resolve, "a table with alias in it, and nothing else")
    for name in ("cors", "plugins"):
        if isinstance(listed := values.get(name), list):
            values[name] = tuple(listed)
    if isinstance(https := values.get("https"), dict):
        values["https"] = HttpsOptions(**_checked(HttpsOptions, https, "https."))
    if isinstance(fs := values.get("fs"), dict):
        lists = {name: tuple(value) if isinstance(value, list) else value for name, value in fs.items()}
        values["fs"] = FsOptions(**_checked(FsOptions, lists, "fs."))
    elif fs is not None:
        raise OptionError("fs", fs, "a table with allow and deny")
    if isinstance(proxy := values.get("proxy"), dict):
        values["proxy"] = {key: _back_end(key, back_end) for key, back_end in proxy.items()}
    if values.get("pack") in ("on", "off"):
        # As the command line has it.
        values["pack"] = values["pack"] == "on"
    if ws is False:
        return DevOptions(**_checked(DevOptions, values, ""), ws=False)
    table = {**moved, **ws}
    return DevOptions(**_checked(DevOptions, values, ""), ws=WsOptions(**_checked(WsOptions, table, "ws.")))


def _back_end(key: str, back_end: object) -> object:
    if not isinstance(back_end, dict):
        return back_end
    values = _checked(ProxyOptions, back_end, f"proxy.{key}.")
    if "target" not in values:
        raise OptionError(f"proxy.{key}", back_end, "a target in it, such as 'http://127.0.0.1:8000'")
    return ProxyOptions(**values)


def _from_vites_places(values: dict[str, object]) -> dict[str, object]:
    """Take what belongs to the channel out of `values`, and return it as the table `ws` would have it."""
    moved: dict[str, object] = {}
    for name, own in _BESIDE.items():
        if name in values:
            moved[own] = values.pop(name)
    if isinstance(hmr := values.get("hmr"), dict):
        del values["hmr"]
        moved |= _checked(WsOptions, hmr, "hmr.")
    legacy = values.pop("legacy", {})
    if not isinstance(legacy, dict) or legacy.keys() - {_SKIP}:
        raise OptionError("legacy", legacy, f"a table with {_SKIP} in it, and nothing else")
    return moved | legacy


def _merged(settings: Mapping[str, object], given: dict[str, object]) -> dict[str, object]:
    """Return `settings` with what the command line says over them."""
    merged = dict(settings)
    if "ws_port" in given:
        port, ws = given.pop("ws_port"), settings.get("ws")
        if ws is not False:
            merged["ws"] = {**(ws if isinstance(ws, dict) else {}), "port": port}
    if "proxy" in given:
        before = settings.get("proxy")
        given["proxy"] = (before if isinstance(before, dict) else {}) | _pairs(given["proxy"])
    files = {name: given.pop(name) for name in ("cert", "key") if name in given}
    if files:
        https = settings.get("https")
        # A certificate that is named on the command line needs no key of the file's certificate.
        kept = https if isinstance(https, dict) and "cert" not in files else {}
        given["https"] = {**kept, **files}
    return {**merged, **given}


def _pairs(values: object) -> dict[str, str]:
    """Return what several `--proxy PATH=URL` say."""
    pairs: dict[str, str] = {}
    for value in values if isinstance(values, tuple) else ():
        found = _BACK_END.fullmatch(str(value))
        if found is None:
            raise OptionError("--proxy", value, "a path and a URL, such as /api=http://127.0.0.1:8000")
        pairs[found[1]] = found[2]
    return pairs


def stamp(root: Path, working_folder: Path) -> tuple[object, ...]:
    """Return what changes whenever one of the files that `load` reads is written, made or removed."""
    return file_stamps(_candidates(root, working_folder))


def file_stamps(files: Iterable[Path | str]) -> tuple[object, ...]:
    """Return what changes whenever one of `files` is written, made or removed."""
    stamps: list[object] = []
    for file in files:
        try:
            status = os.stat(file)
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamps)


def _candidates(root: Path, working_folder: Path) -> list[Path]:
    folders = dict.fromkeys((root, working_folder))
    return [folder / name for folder in folders for name in ("hotchannel.toml", "pyproject.toml")]


def _find(root: Path, working_folder: Path) -> tuple[Path | None, dict[str, object]]:
    for file in _candidates(root, working_folder):
        if not file.is_file():
            continue
        try:
            content = tomllib.loads(file.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise HotChannelError(f"{file} is not TOML: {error}") from error
        is_own = file.name == "hotchannel.toml"
        settings = content if is_own else content.get("tool", {}).get("hotchannel")
        if isinstance(settings, dict):
            return file, _with_whole_paths(settings, file.parent)
    return None, {}


def _with_whole_paths(settings: dict[str, object], folder: Path) -> dict[str, object]:
    """Return `settings` of a file in `folder` with the paths in it, which start there, made absolute."""

    def whole(path: object) -> object:
        return str(folder / path) if isinstance(path, str) else path

    settings = dict(settings)
    if isinstance(https := settings.get("https"), dict):
        settings["https"] = {name: whole(path) for name, path in https.items()}
    if isinstance(fs := settings.get("fs"), dict) and isinstance(allow := fs.get("allow"), list):
        settings["fs"] = {**fs, "allow": [whole(path) for path in allow]}
    return settings


def _checked(
    group: type[DevOptions | FsOptions | HttpsOptions | ProxyOptions | WsOptions],
    values: Mapping[str, object],
    prefix: str,
) -> dict[str, Any]:
    """Return `values` as arguments of `group`, their names and plain types checked."""
    types = {field.name: str(field.type).split(" ")[0] for field in fields(group)}
    for name, value in values.items():
        if name not in types:
            close = closest(name, types)
            known = f"did you mean {prefix}{close}?" if close else f"there are {', '.join(sorted(types))}"
            raise OptionError(prefix + name, value, f"the name of a setting; {known}")
        allowed, words = _TYPES.get(types[name], ((object,), ""))
        if not isinstance(value, allowed) or (isinstance(value, bool) and allowed != (bool,) and words):
            raise OptionError(prefix + name, value, words)
    return dict(values)
