"""What a save means to an application: modules go to the engine, templates bring the pages up to date.

Role: the listener of an application's watchers. Invariant: no save is lost, and one that changes nothing
says nothing, as in `HotEngine`.
"""

from __future__ import annotations

import logging
import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import UNSET

from hotchannel.channel.printable import printable
from hotchannel.devserver.served import EMPTY, digest
from hotchannel.wire.payloads import FullReload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hotchannel.devserver.compiler import Channel
    from hotchannel.devserver.engine import HotEngine
    from hotchannel.modules.urls import FilePath

__all__ = ["AppSaves", "watched_folder"]

_log = logging.getLogger("hotchannel.hmr")

_MAX_ASKED = 10_000

_LEFTOVERS = ("~", ".swp", ".swx", ".tmp", ".pyc", ".kate-swp")
"""Ends of names that editors and Python write beside what was saved."""


class AppSaves:
    """Takes in saves.

    Args:
        engine: knows the modules.
        channel: to the browsers.
        templates: folders of templates, links resolved.
        watch: further files, folders and patterns, absolute.
        morph: False reloads where otherwise what changed is changed in the page.
        forget_templates: drops what the framework has kept of them.
    """

    def __init__(
        self,
        engine: HotEngine,
        channel: Channel,
        *,
        templates: Iterable[str],
        watch: Iterable[str],
        morph: bool,
        forget_templates: Callable[[], object],
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._folders = [os.path.realpath(folder) + os.sep for folder in templates]
        self._patterns = [_pattern(path) for path in watch]
        self._morph = morph
        self._forget_templates = forget_templates
        self._asked: dict[FilePath, None] = {}
        self._contents: dict[FilePath, bytes] = {}

    def asked(self, file: FilePath) -> None:
        """Note that a page has asked for `file`, which is no module: a picture, a classic script."""
        if len(self._asked) < _MAX_ASKED:
            self._asked[file] = None

    def add_templates(self, folders: Iterable[str]) -> None:
        """From now on there are templates in these too."""
        self._folders += [os.path.realpath(folder) + os.sep for folder in folders]

    def known_files(self, folder: str) -> list[FilePath]:
        """Return the files below `folder` that a browser may show."""
        prefix = folder.rstrip(os.sep) + os.sep
        return [
            *self._engine.known_files(folder),
            *(file for file in (*self._asked, *self._contents) if file.startswith(prefix)),
        ]

    def saved(self, files: Iterable[FilePath], *, settled: bool = False) -> tuple[FilePath, ...]:
        """Take in a batch; return the files that look like the middle of a save."""
        files = tuple(files)
        unsettled = list(self._engine.saved(files, settled=settled))
        reasons: list[FilePath] = []
        is_template, morph = False, self._morph
        for file in files:
            in_templates = self._is_template(file)
            is_watched = in_templates or self._is_watched(file)
            if not is_watched and file not in self._asked:
                continue
            content = _read(file)
            fingerprint = EMPTY if content is None else digest(content)
            known = self._contents.get(file)
            if known == fingerprint:
                continue
            if fingerprint == EMPTY and not settled:
                unsettled.append(file)
                continue
            self._contents[file] = fingerprint
            is_template = is_template or in_templates
            # The text of the page does not tell of what it loads.
            morph = morph and is_watched
            reasons.append(file)
        if is_template:
            self._forget_templates()
        if reasons:
            self._channel.send(FullReload(path="*", triggered_by=reasons[0], morph=morph or UNSET))
            shown = ", ".join(printable(os.path.relpath(file)) for file in reasons)
            _log.info("page %s %s", "update" if morph else "reload", shown)
        return tuple(dict.fromkeys(unsettled))

    def _is_template(self, file: FilePath) -> bool:
        return file.startswith(tuple(self._folders)) and not file.endswith(_LEFTOVERS)

    def _is_watched(self, file: FilePath) -> bool:
        if file.endswith(_LEFTOVERS):
            return False
        return any(
            file == pattern or file.startswith(pattern + os.sep) or fnmatchcase(file, pattern)
            for pattern in self._patterns
        )


def watched_folder(path: str) -> tuple[str, bool]:
    """Return the folder that has to be watched for a file, folder or pattern, and whether all below it."""
    pattern = _pattern(path)
    if os.path.isdir(pattern):
        return pattern, True
    folder = os.path.dirname(pattern)
    is_recursive = False
    while any(sign in folder for sign in "*?["):
        folder = os.path.dirname(folder)
        is_recursive = True
    return folder, is_recursive or "**" in pattern


def _pattern(path: str) -> str:
    """Return `path` with the links of its folders resolved, as the watcher names files."""
    head, tail = path, ""
    while any(sign in head for sign in "*?["):
        head, _, part = head.rpartition(os.sep)
        tail = f"{os.sep}{part}{tail}"
    return os.path.realpath(head) + tail


def _read(file: FilePath) -> bytes | None:
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError:
        return None
