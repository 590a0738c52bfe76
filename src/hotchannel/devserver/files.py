"""The only opener of files: walk down from the root, follow no link, read.

Role: whatever a request names, bytes come only from a regular file below the root. Every step of the way is
opened within the one before, and a link ends it, so nothing can be swapped between a check and what it was
about; links are resolved beforehand, and their target is walked to in the same way. Invariant: never blocks
on a FIFO, socket or device, opens nothing outside the root, never reads dot files, keys or other secrets, and
says the same of what is outside whether it exists or not.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.modules.urls import FilePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["FileRefused", "OpenFile", "Root"]

_SECRET = re.compile(
    # Keys and certificates, what holds passwords, private keys of SSH, and what Emacs keeps of a dot file.
    r"(?: .*\.(?:cer|crt|der|env|jks|kdbx|key|keystore|p12|p8|pem|pfx|pk8|ppk)"
    r" | .*id_(?:dsa|ecdsa|ed25519|rsa)[^.:~\#\ ]*"
    r" | \#\..* )"
    # Their backups, and other names that a file system takes for the same.
    r"(?: \.(?:backup|bak|old|orig|save|swp|tmp|[0-9]+) | :.* | [.\ ~\#] )*",
    re.DOTALL | re.VERBOSE,
)
_WELL_KNOWN = "/.well-known/"
"""The folder with a dot that is meant for everybody (RFC 8615); browsers' own tools ask for files in it."""

# Some file systems take names for the same that differ in these (as Git's `core.protectHFS`).
_INVISIBLE = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))

_MAX_NAME = 255
"""No file system that a site lies on has longer names."""

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

_KEPT = "keys and other secrets are not served"

_CHUNK = 256 * 1024
_RETRIES = 5


class FileRefused(Exception):  # noqa: N818 - a refusal, not an error; it never leaves the dev server
    """A file that is not served.

    Attributes:
        status: 403 where it must not be read, 404 where there is none.
        is_directory: the path names a folder.
    """

    def __init__(self, status: int, reason: str, *, is_directory: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.is_directory = is_directory


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
    """

    __slots__ = ("_prefix", "_private", "path")

    def __init__(self, path: str | Path, private: Iterable[str | Path] = ()) -> None:
        self.path = os.path.realpath(path)
        self._prefix = self.path.rstrip(os.sep) + os.sep
        self._private = tuple(os.path.realpath(file) for file in private)

    def locate(self, url_path: str) -> FilePath:
        """Return the file that a decoded URL path names, whether it exists or not.

        Raises:
            FileRefused: a segment starts with a dot (`..` included), or the name is one for secrets.
        """
        denial = _denial(url_path)
        if denial is not None:
            raise denial
        below = os.sep.join([segment for segment in url_path.split("/") if segment])
        return FilePath(self._prefix + below if below else self.path)

    def url_path(self, file: str) -> str | None:
        """Return the decoded URL path of `file`, or None where it is not below the root, or never served."""
        url_path = self._below(file)
        return None if url_path is None or _denial(url_path) else url_path

    def open(self, file: FilePath) -> OpenFile:
        """Open `file` for reading.

        Raises:
            FileRefused: there is none, it is a folder, not a regular file, or a link out of the root.
        """
        real: str = file
        for _ in range(_RETRIES):
            url_path = self._below(real)
            if url_path is None:
                raise FileRefused(403, "links out of the served folder are not followed")
            denial = _denial(url_path)
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
        return entries and sorted(entry for entry in entries if _denial(f"/{entry}") is None)

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
            raise FileRefused(403, _KEPT)
        raise FileRefused(403, "only regular files are served")

    def _is_private(self, status: os.stat_result) -> bool:
        """Tell whether this is one of the private files, by whatever name it was opened."""
        for file in self._private:
            with suppress(OSError):
                if os.path.samestat(status, os.stat(file)):
                    return True
        return False


def _denial(url_path: str) -> FileRefused | None:
    """Return why a decoded URL path is refused by its name alone; None where it is not."""
    if not url_path.isascii():
        url_path = url_path.translate(_INVISIBLE)
    first = 1 if url_path.startswith(_WELL_KNOWN) else 0
    if url_path.find("/.", first) >= 0 or url_path.startswith("."):
        return FileRefused(403, "dot files are not served")
    name = url_path.rstrip("/").rpartition("/")[2]
    if len(name) > _MAX_NAME:
        return FileRefused(404, "there is no such file")
    # Compared without regard to case, since some file systems do.
    if _SECRET.fullmatch(name.casefold()):
        return FileRefused(403, _KEPT)
    return None


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
