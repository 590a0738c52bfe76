"""What an application says of itself: its static files, its templates, and the channel's settings.

Role: checks what stands in code and gives it one shape. What an adapter finds out by itself is filled in by
the adapter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypedDict

from hotchannel.errors import OptionError, closest
from hotchannel.option_checks import check_editor
from hotchannel.options import WsOptions, with_fields

__all__ = ["AppSettings", "Arguments", "PathLike", "StaticFolders", "read_settings"]

PathLike: TypeAlias = "str | os.PathLike[str]"

StaticFolders: TypeAlias = "Mapping[str, PathLike | Iterable[PathLike]]"
"""Folders of static files by URL prefix: `{"/static": "app/static"}`; several are searched in order."""


class Arguments(TypedDict, total=False):
    """The arguments of an adapter.

    Attributes:
        enabled: whether it is on; None leaves it to `HOTCHANNEL=1` or `0`, else to the framework's own debug
            switch.
        static: folders of static files by URL prefix; None takes what the framework tells.
        templates: folders of templates; None takes those that are found.
        watch: further files, folders and patterns whose change brings the pages up to date.
        morph: False reloads pages after an edit of a template, where otherwise what changed is changed.
        cors: origins of other servers' pages that may load modules from here; True for all.
        editor: what the overlay's link opens files with; see `DevOptions.editor`.
        polling: watch by comparing, where the system sends no events.
        backplane: URL of the engine by which several servers share one channel; see `WsOptions.backplane`.
        ws: the channel's settings.
    """

    enabled: bool | None
    static: StaticFolders | None
    templates: Iterable[PathLike] | None
    watch: Iterable[PathLike] | None
    morph: bool
    cors: Iterable[str] | bool
    editor: Iterable[str] | str | None
    polling: bool
    backplane: str | None
    ws: Mapping[str, Any] | WsOptions | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """The settings of one application.

    Attributes:
        project: its folder, absolute: whose frames of a traceback are its own, and whose files open in an
            editor.
        static: pairs of URL prefix and folder; None where the adapter is to find them.
        templates: folders of templates; None where the adapter is to find them.
        watch: further files, folders and patterns whose change brings the pages up to date.
        morph: False reloads pages, where otherwise only what changed in them is.
        cors: origins of other servers' pages that may load modules from here; True for all.
        editor: what the overlay's link opens files with; see `DevOptions.editor`.
        polling: watch by comparing, where the system sends no events.
        ws: the channel's settings.
    """

    project: str
    static: tuple[tuple[str, str], ...] | None = None
    templates: tuple[str, ...] | None = None
    watch: tuple[str, ...] = ()
    morph: bool = True
    cors: tuple[str, ...] | bool = ()
    editor: tuple[str, ...] | str | None = None
    polling: bool = False
    ws: WsOptions = field(default_factory=WsOptions)

    def found(
        self, static: Iterable[tuple[str, str]], templates: Iterable[str], hosts: Iterable[str] = ()
    ) -> AppSettings:
        """Return them with what an adapter has found, where they say nothing.

        Args:
            static: pairs of URL prefix and folder.
            templates: folders.
            hosts: host names that the application answers to; `*` for all.
        """
        allowed = tuple(hosts)
        ws = self.ws
        if allowed and ws.allowed_hosts == ():
            ws = replace(ws, allowed_hosts=True if "*" in allowed else allowed)
        return replace(
            self,
            static=tuple(dict.fromkeys(static)) if self.static is None else self.static,
            templates=tuple(dict.fromkeys(templates)) if self.templates is None else self.templates,
            ws=ws,
        )


def read_settings(project: PathLike, settings: Mapping[str, Any]) -> AppSettings:
    """Read the arguments of an adapter.

    Raises:
        OptionError: one has a wrong name or value, or a folder is not there.
    """
    project = os.path.abspath(project)
    fields = dict(settings)
    for name in fields:
        if name not in _NAMES:
            close = closest(name, _NAMES)
            hint = f"; did you mean {close}?" if close else f"; there are {', '.join(_NAMES)}"
            raise OptionError(name, fields[name], f"the name of an option{hint}")
    for name in ("morph", "polling"):
        if not isinstance(fields.get(name, False), bool):
            raise OptionError(name, fields[name], "True or False")
    check_editor(fields.get("editor"))
    made: dict[str, Any] = {name: fields[name] for name in ("morph", "polling", "editor") if name in fields}
    if (static := fields.get("static")) is not None:
        made["static"] = _mounts(static, project)
    if (templates := fields.get("templates")) is not None:
        made["templates"] = tuple(
            _folder("templates", path, project) for path in _paths("templates", templates)
        )
    if (watch := fields.get("watch")) is not None:
        made["watch"] = tuple(os.path.join(project, os.fspath(path)) for path in _paths("watch", watch))
    if (cors := fields.get("cors")) is not None:
        made["cors"] = cors if isinstance(cors, bool) else tuple(_paths("cors", cors))
    if (ws := fields.get("ws")) is not None:
        if isinstance(ws, Mapping):
            ws = with_fields(WsOptions(), ws)
        if not isinstance(ws, WsOptions):
            raise OptionError("ws", ws, "a dict of the channel's settings, or WsOptions")
        made["ws"] = ws
    if (backplane := fields.get("backplane")) is not None:
        made["ws"] = with_fields(made.get("ws", WsOptions()), {"backplane": backplane})
    return AppSettings(project=project, **made)


_NAMES = ("static", "templates", "watch", "morph", "cors", "editor", "polling", "backplane", "ws")


def _mounts(static: object, project: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(static, Mapping):
        raise OptionError("static", static, 'folders by URL prefix, as {"/static": "app/static"}')
    mounts: list[tuple[str, str]] = []
    for prefix, folders in static.items():
        if not isinstance(prefix, str) or not prefix.startswith("/"):
            raise OptionError("static", prefix, "a URL prefix that starts with '/', as '/static'")
        mounts += [(prefix, _folder("static", folder, project)) for folder in _paths("static", folders)]
    return tuple(mounts)


def _paths(name: str, value: object) -> list[PathLike]:
    listed = isinstance(value, Iterable) and not isinstance(value, str)
    values: list[Any] = list(value) if listed else [value]  # type: ignore[call-overload]  # asked above
    if not all(isinstance(path, (str, os.PathLike)) for path in values):
        raise OptionError(name, value, "a list of texts")
    return values


def _folder(name: str, path: PathLike, project: str) -> str:
    folder = os.path.join(project, os.fspath(path))
    if not os.path.isdir(folder):
        raise OptionError(name, os.fspath(path), f"a folder; there is no {folder}")
    return folder
