"""Watcher: from the file system's events to batches of saved files.

Role: the only place that knows of watchdog and of the time between saves. A file counts as saved when
its writer closes it; where a system reports no close (all but Linux), or a writer keeps its file open, a
short rest counts. The first save goes out at once, what follows within milliseconds is gathered.
Invariant: no save is lost. What events cannot tell, new and vanished folders and floods in which the
kernel may have dropped some, is answered by naming every file concerned; the engine compares contents.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import warnings
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)

from hotchannel.errors import HotChannelError
from hotchannel.modules.urls import FilePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from watchdog.observers.api import BaseObserver

__all__ = ["SaveListener", "Watcher"]

_log = logging.getLogger("hotchannel.watch")

_IGNORED = frozenset((".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"))

_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""Asked of the kernel; opening and reading are not, since serving a page does both."""

_REST = 0.02 if sys.platform == "linux" else 0.005
"""Seconds without an event after which a file that was written counts as saved."""

_GATHER = 0.005
"""Seconds for which saves that follow one another are gathered into one batch."""

_SETTLE_STEP = 0.01
_SETTLE_STEPS = 10
"""A file that is suddenly empty or gone is looked at again for 100 ms before that counts."""

_FLOOD = 1000
_QUIET = 0.1
_FLOOD_AT_MOST = 1.0
"""Events with less than `_QUIET` seconds between them, after which the kernel's queue (16384 events) may have
overflowed, and nobody tells of what it dropped. Everything is compared then, as soon as it is quiet, or after
`_FLOOD_AT_MOST` seconds."""

_LOOK = 0.1
"""Seconds between two looks for a folder that is gone."""

_MANY_FOLDERS = 8
"""For so many new or vanished folders in one batch, all files are looked through once, not once for each."""


class SaveListener(Protocol):
    """Who is told of saves."""

    def saved(self, files: Iterable[FilePath], *, settled: bool = False) -> tuple[FilePath, ...]:
        """Take in a batch; return the files that look like the middle of a save."""
        ...

    def known_files(self, folder: str) -> Iterable[FilePath]:
        """Return the files below `folder` that a browser may show."""
        ...


class Watcher:
    """Watches a folder and tells `listener` what was saved, in the event loop.

    Args:
        root: the folder, links resolved.
        listener: who is told.
        polling: compare the tree again and again instead of trusting the system's events; for bind
            mounts, WSL and network file systems.
        recursive: False leaves out the folders in it.
        saving: is entered while `listener` is told, with when the first event of that came (`perf_counter`).
    """

    def __init__(
        self,
        root: str,
        listener: SaveListener,
        *,
        polling: bool = False,
        recursive: bool = True,
        saving: Callable[[float], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._root = root
        self._saving = saving
        self._listener = listener
        self._polling = polling
        self._recursive = recursive
        self._resting: dict[FilePath, asyncio.TimerHandle] = {}
        self._batch: dict[FilePath, None] = {}
        self._batch_began = 0.0
        self._folders: dict[str, None] = {}
        self._flush_handle: asyncio.Handle | None = None
        self._last_flush = 0.0
        self._unsettled: dict[FilePath, asyncio.TimerHandle] = {}
        self._observer: BaseObserver | None = None
        self._is_stopped = False
        self._last_event = 0.0
        self._events = 0
        self._flood_began = 0.0
        self._flood_handle: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None

    @property
    def root(self) -> str:
        """The folder."""
        return self._root

    async def start(self) -> None:
        """Begin to watch; returns when no later save can be missed.

        Raises:
            HotChannelError: the system refuses to watch so many folders.
        """
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._start_observer)
        except OSError as error:
            raise HotChannelError(
                f"{self._root} cannot be watched: {error}. Where the system's limit is reached, raise "
                "fs.inotify.max_user_watches, or set `polling = true`."
            ) from error

    def _start_observer(self) -> None:
        # Imported here, in the thread: it takes a fifth of the start, and pages are served meanwhile.
        from watchdog.observers import Observer
        from watchdog.observers.polling import PollingObserver

        # Folders that come with folders in them: watchdog registers the same callback twice, warns of its
        # own doing from its own thread, and where warnings are errors that thread would end.
        warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)
        observer = PollingObserver() if self._polling else Observer()
        forwarder = _Forwarder(self._loop, self._root, self._event)
        observer.schedule(forwarder, self._root, recursive=self._recursive, event_filter=_EVENTS)
        self._observer = observer
        observer.start()

    async def stop(self) -> None:
        """Stop watching; nothing is told afterwards."""
        self._is_stopped = True
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait({self._returning})
        await self._stop_observer()
        handles = (*self._resting.values(), *self._unsettled.values(), self._flush_handle, self._flood_handle)
        for handle in handles:
            if handle is not None:
                handle.cancel()

    async def _stop_observer(self) -> None:
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            await asyncio.to_thread(self._observer.join)

    async def _watch_again(self) -> None:
        """Wait until the folder is back, as after a build that made it anew, and watch that one."""
        await self._stop_observer()
        while not await asyncio.to_thread(os.path.isdir, self._root):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_LOOK)
        try:
            await asyncio.to_thread(self._start_observer)
        except OSError as error:
            _log.error("%s cannot be watched any more: %s", self._root, error)
            return
        self._returning = None
        self._add((), (self._root,))

    def _event(self, event: FileSystemEvent) -> None:
        if self._is_stopped:
            return
        source = FilePath(os.fsdecode(event.src_path))
        if source == self._root and isinstance(event, (DirDeletedEvent, DirMovedEvent)):
            if self._returning is None:
                self._returning = asyncio.create_task(self._watch_again())
            return
        match event:
            case FileModifiedEvent() | FileCreatedEvent():
                self._rest(source)
            case FileClosedEvent() | FileDeletedEvent():
                self._add((source,))
            case FileMovedEvent():
                self._add((source, FilePath(os.fsdecode(event.dest_path))))
            case DirCreatedEvent() | DirDeletedEvent():
                self._add((), (source,))
            case DirMovedEvent():
                self._add((), (source, os.fsdecode(event.dest_path)))
        self._beware_of_floods()

    def _beware_of_floods(self) -> None:
        now = self._loop.time()
        if now - self._last_event > _QUIET:
            self._events = 0
        self._last_event = now
        self._events += 1
        if self._events >= _FLOOD and self._flood_handle is None:
            self._flood_began = now
            self._flood_handle = self._loop.call_later(_QUIET, self._after_flood)

    def _after_flood(self) -> None:
        quiet_since = self._last_event + _QUIET
        now = self._loop.time()
        if quiet_since > now and now - self._flood_began < _FLOOD_AT_MOST:
            self._flood_handle = self._loop.call_at(quiet_since, self._after_flood)
            return
        _log.info("%d changes at once; every file is compared", self._events)
        self._flood_handle = None
        self._events = 0
        self._add((), (self._root,))

    def _rest(self, file: FilePath) -> None:
        pending = self._resting.pop(file, None)
        if pending is not None:
            pending.cancel()
        self._resting[file] = self._loop.call_later(_REST, self._add, (file,), (), perf_counter())

    def _add(
        self, files: Iterable[FilePath], folders: Iterable[str] = (), began: float | None = None
    ) -> None:
        for file in files:
            pending = self._resting.pop(file, None)
            if pending is not None:
                pending.cancel()
            self._batch[file] = None
        self._folders.update(dict.fromkeys(folders))
        if (self._batch or self._folders) and self._flush_handle is None:
            self._batch_began = began or perf_counter()
            self._flush_handle = self._loop.call_at(self._last_flush + _GATHER, self._flush)

    def _flush(self) -> None:
        self._flush_handle = None
        self._last_flush = self._loop.time()
        files, self._batch = self._batch, {}
        folders, self._folders = self._folders, {}
        if folders:
            files.update(dict.fromkeys(self._below(folders)))
        for file in files:
            pending = self._unsettled.pop(file, None)
            if pending is not None:
                pending.cancel()
        self._tell(files, self._batch_began, 0)

    def _tell(self, files: Iterable[FilePath], began: float, step: int) -> None:
        with self._saving(began):
            unsettled = self._listener.saved(files, settled=step >= _SETTLE_STEPS)
        for file in unsettled:
            handle = self._loop.call_later(_SETTLE_STEP, self._look_again, file, began, step + 1)
            self._unsettled[file] = handle

    def _below(self, folders: Mapping[str, None]) -> Iterator[FilePath]:
        """Yield the files that are or were below `folders`."""
        outermost = [folder for folder in folders if not any(above in folders for above in _above(folder))]
        for folder in outermost:
            yield from _walk(folder)
        for folder in outermost if len(outermost) < _MANY_FOLDERS else [self._root]:
            yield from self._listener.known_files(folder)

    def _look_again(self, file: FilePath, began: float, step: int) -> None:
        del self._unsettled[file]
        self._tell((file,), began, step)


class _Forwarder(FileSystemEventHandler):
    """Hands events from watchdog's thread to the event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, root: str, receive: Callable[[FileSystemEvent], None]
    ) -> None:
        self._loop = loop
        self._start = len(root.rstrip(os.sep)) + 1
        self._receive = receive

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if all(_IGNORED.intersection(path[self._start :].split(os.sep)) for path in paths):
            return
        try:
            self._loop.call_soon_threadsafe(self._receive, event)
        except RuntimeError:
            _log.debug("an event came after the end")  # the loop is closed


def _walk(folder: str) -> Iterator[FilePath]:
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _IGNORED]
        for name in names:
            yield FilePath(os.path.join(path, name))


def _above(folder: str) -> Iterator[str]:
    """Yield the folders that `folder` is in."""
    while (parent := os.path.dirname(folder)) != folder:
        folder = parent
        yield folder
