"""The only opener of files: walk down from the root, follow no link, read.

Role: whatever a request names, bytes come only from a regular file below the root, or below a folder that
is allowed beside it. Every step of the way is opened within the one before, and a link ends it, so nothing
can be swapped between a check and what it was about; links are resolved beforehand, and their target is
walked to in the same way. Invariant: never blocks on a FIFO, socket or device, opens nothing outside of these
folders, never reads dot files, keys or other secrets, and says the same of what is outside whether it exists
or not.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.devserver.denials import KEPT, Denials, FileRefused
from hotchannel.modules.urls import FilePath, decode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["ELSEWHERE", "FileRefused", "OpenFile", "Root"]

ELSEWHERE = "/@fs/"
"""Ahead of the absolute path of a file in a folder that is allowed beside the root (as in Vite)."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | _NO_LINK | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def _mounted(*folders: str) -> frozenset[int]:
    """Return the devices of those of `folders` that are file systems of their own."""
    devices: set[int] = set()
    for folder in folders:
        with suppress(OSError):
            devices.add(os.stat(folder).st_dev)
    return frozenset(devices - {os.stat(os.sep).st_dev})


_KERNEL = _mounted("/proc", "/sys")
"""Where regular files are none, but what the kernel says at the moment, such as a process's environment."""

_NOT_THERE = (errno.ENOENT, errno.ENAMETOOLONG, errno.EINVAL)
_NOT_A_FILE = (errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP)
_LINK_MET = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)
"""What systems say of a link where none may be."""

_CHUNK = 256 * 1024
_RETRIES = 5


@dataclass(slots=True)
class OpenFile:
    """A regular file below the root, open for reading; closed at the latest when nobody holds it any more.

    Attributes:
        path: absolute, links resolved.
        size: bytes.
        version: changes whenever the file's metadata says that it was written.
    """

    path: FilePath
    size: int
    version: tuple[int, int, int]
    _descriptor: int

    def read(self) -> bytes:
        """Return the whole content and close the file."""
        return b"".join(self.chunks())

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield `length` bytes from `start` on, piece by piece, and close the file."""
        try:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            while length is None or length > 0:
                chunk = os.read(self._descriptor, _CHUNK if length is None else min(_CHUNK, length))
                if not chunk:
                    return
                if length is not None:
                    length -= len(chunk)
                yield chunk
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        # A peer may be gone before the first chunk of its answer is asked for.
        self.close()


class Root:
    """The folder that is served.

    Args:
        path: the folder.
        private: files that are never served whatever they are called, such as the server's own key.
        allow: folders elsewhere whose files are served too, below `/@fs/` (Vite: `server.fs.allow`).
        deny: patterns of further names that are never served (Vite: `server.fs.deny`); see `Denials`.
    """

    __slots__ = ("_denials", "_others", "_prefix", "_private", "path")

    def __init__(
        self,
        path: str | Path,
        private: Iterable[str | Path] = (),
        *,
        allow: Iterable[str | Path] = (),
        deny: Iterable[str] = (),
    ) -> None:
        self.path = os.path.realpath(path)
        self._prefix = self.path.rstrip(os.sep) + os.sep
        self._private = tuple(os.path.realpath(file) for file in private)
        self._denials = Denials(deny, is_store=os.path.basename(self.path) == "node_modules")
        self._others = tuple(Root(folder, self._private, deny=deny) for folder in allow)

    @property
    def folders(self) -> list[str]:
        """The folders whose files may be served, without those that lie in another of them."""
        roots = (self, *self._others)
        folders = dict.fromkeys(root.path for root in roots)
        return [
            folder
            for folder in folders
            if not any(folder != other.path and folder.startswith(other._prefix) for other in roots)
        ]

    def locate(self, url_path: str) -> FilePath:
        """Return the file that a decoded URL path names, whether it exists or not.

        Raises:
            FileRefused: a segment starts with a dot (`..` included), the name is one for secrets, or the path
                begins with `/@fs/` and names nothing in a folder that is allowed.
        """
        if url_path.startswith(ELSEWHERE):
            return self._locate_elsewhere(_absolute(url_path))
        denial = self._denials.of(url_path)
        if denial is not None:
            raise denial
        below = os.sep.join([segment for segment in url_path.split("/") if segment])
        return FilePath(self._prefix + below if below else self.path)

    def candidates(self, url_path: str) -> list[FilePath]:
        """Return the files that a decoded URL path may name; see `locate`, which raises the same."""
        return [self.locate(url_path)]

    def url_path(self, file: str) -> str | None:
        """Return the decoded URL path of `file`; None where it is in no folder of ours, or never served."""
        url_path = self._below(file)
        if url_path is not None:
            return None if self._denials.of(url_path) else url_path
        if any(other.url_path(file) is not None for other in self._others):
            return ELSEWHERE + file.replace(os.sep, "/").lstrip("/")
        return None

    def open(self, file: FilePath) -> OpenFile:
        """Open `file` for reading.

        Raises:
            FileRefused: there is none, it is a folder, not a regular file, or a link out of the root.
        """
        real: str = file
        for _ in range(_RETRIES):
            url_path = self._below(real)
            if url_path is None:
                for other in self._others:
                    if other._below(real) is not None:
                        return other.open(FilePath(real))
                raise FileRefused(403, "links out of the served folder are not followed")
            denial = self._denials.of(url_path)
            if denial is not None:
                raise denial
            try:
                descriptor = self._walk(url_path[1:].split("/"))
            except ValueError:
                raise FileRefused(404, "there is no such file") from None
            except OSError as error:
                if error.errno not in _LINK_MET:
                    raise _because_of(error) from None
            else:
                return self._regular(FilePath(real), descriptor)
            # What is found here is not believed: if this way has a link too by now, the walk ends again.
            real = _resolved(file)
        # A file taken for a folder, a link to itself, or one that is swapped all the time.
        raise FileRefused(404, "there is no such file")

    def climb(self, importer_path: str, reference: str) -> str | None:
        """Return the URL path of what a relative reference names above the root; None where it stays below.

        A browser stops at the root; a file system does not, and neither does Vite.

        Args:
            importer_path: decoded URL path of the file that names it.
            reference: path of the reference, as it is written.
        """
        # Most have no such folders, and every import of every module comes by here.
        file = self._meant(importer_path, decode_path(reference) or "") if self._others else None
        if file is None or all(other._below(file) is None for other in self._others):
            return None
        return ELSEWHERE + file.replace(os.sep, "/").lstrip("/")

    def is_above(self, importer_path: str, reference: str) -> bool:
        """Tell whether a relative reference names a file above the root that is there, but not served."""
        file = self._meant(importer_path, reference)
        return file is not None and os.path.isfile(file)

    def leads_out(self, url_path: str) -> bool:
        """Tell whether a folder is there, but by a link that is not followed."""
        folder = self._prefix + url_path.lstrip("/").replace("/", os.sep)
        return os.path.isdir(folder) and self.url_path(_resolved(folder)) is None

    def _meant(self, importer_path: str, reference: str) -> str | None:
        """Return the file above the root that a relative reference means in the file system."""
        reference = posixpath.normpath(reference)
        if not reference.startswith("../") or importer_path.startswith(ELSEWHERE):
            return None
        folder = importer_path.rpartition("/")[0].lstrip("/").replace("/", os.sep)
        file = os.path.normpath(os.path.join(self._prefix + folder, reference.replace("/", os.sep)))
        return file if self._below(file) is None else None

    def path_is_denied(self, file: str) -> bool:
        """Tell whether a file below the root is never served, by its name or its place."""
        url_path = self._below(file)
        return url_path is not None and self._denials.of(url_path) is not None

    def find(self, file: str) -> FilePath | None:
        """Return `file` with its links resolved; None where that is no file that is served."""
        real = _resolved(file)
        return FilePath(real) if os.path.isfile(real) and self.url_path(real) is not None else None

    def names(self, url_path: str) -> list[str] | None:
        """Return what may be served by its name in a folder, sorted; None where there is no such folder."""
        try:
            folder = _resolved(self.locate(url_path))
            entries = None if self.url_path(folder) is None else os.listdir(folder)
        except (FileRefused, OSError, ValueError):
            return None
        return entries and sorted(entry for entry in entries if self._denials.of(f"/{entry}") is None)

    def _locate_elsewhere(self, file: str) -> FilePath:
        for root in (self, *self._others):
            below = root._below(file)
            if below is not None:
                return root.locate(below)
        raise FileRefused(403, "only folders that `fs.allow` names are served from elsewhere")

    def _below(self, file: str) -> str | None:
        """Return the URL path of what is below the root, be it served or not."""
        if not file.startswith(self._prefix):
            return "/" if file == self.path else None
        return "/" + file[len(self._prefix) :].replace(os.sep, "/")

    def _walk(self, names: list[str]) -> int:
        """Open what is at `names` below the root, and meet no link on the way."""
        if not _CAN_WALK:
            return _open_without_links(self._prefix + os.sep.join(names))
        if len(names) == 1:
            return os.open(self._prefix + names[0], _FILE)
        folder = os.open(self._prefix + names[0], _FOLDER)
        try:
            for name in names[1:-1]:
                inner = os.open(name, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            return os.open(names[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)

    def _regular(self, path: FilePath, descriptor: int) -> OpenFile:
        """Take over `descriptor`, which leads to `path`, if it is a file that is served."""
        status = os.fstat(descriptor)
        opened = OpenFile(
            path, status.st_size, (status.st_mtime_ns, status.st_size, status.st_ino), descriptor
        )
        if stat.S_ISREG(status.st_mode) and status.st_dev not in _KERNEL and not self._is_private(status):
            return opened
        opened.close()
        if stat.S_ISDIR(status.st_mode):
            raise FileRefused(404, "this is a folder", is_directory=True)
        if stat.S_ISREG(status.st_mode) and status.st_dev not in _KERNEL:
            raise FileRefused(403, KEPT)
        raise FileRefused(403, "only regular files are served")

    def _is_private(self, status: os.stat_result) -> bool:
        """Tell whether this is one of the private files, by whatever name it was opened."""
        for file in self._private:
            with suppress(OSError):
                if os.path.samestat(status, os.stat(file)):
                    return True
        return False


def _absolute(url_path: str) -> str:
    """Return the path that follows `/@fs/`, as the system writes it."""
    path = url_path[len(ELSEWHERE) :]
    return f"/{path}" if os.sep == "/" else path.replace("/", os.sep)


def _resolved(path: str) -> str:
    """Return `path` with its links resolved, as far as they stand still."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _open_without_links(path: str) -> int:
    """Open `path` where the system cannot open one step within another (Windows).

    A link may be put there in the meantime; making one takes more rights there than reading the file.
    """
    if os.path.realpath(path) != path:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return os.open(path, _FILE)


def _because_of(error: OSError) -> FileRefused:
    """Return what an error amounts to; the system's own words would name the folder on this machine."""
    if error.errno == errno.EISDIR:
        return FileRefused(404, "this is a folder", is_directory=True)
    if error.errno in _NOT_THERE:
        return FileRefused(404, "there is no such file")
    if error.errno in _NOT_A_FILE:
        return FileRefused(403, "only regular files are served")
    return FileRefused(403, f"the file cannot be opened: {error.strerror}")
