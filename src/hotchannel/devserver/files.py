"""The only opener of files: open, check the descriptor, read.

Role: whatever a request names, bytes come only from a regular file below the root. The check is made
on the open descriptor, so a link that is swapped in between changes nothing. Invariant: never blocks on
a FIFO, socket or device, never follows a link out of the root, never reads dot files or keys.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.modules.urls import FilePath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FileRefused", "OpenFile", "Root"]

_DENIED_SUFFIXES = (".pem", ".crt", ".key", ".p12", ".pfx")
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
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
    """A regular file below the root, open for reading.

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


class Root:
    """The folder that is served."""

    __slots__ = ("path",)

    def __init__(self, path: str | Path) -> None:
        self.path = os.path.realpath(path)

    def locate(self, url_path: str) -> FilePath:
        """Return the file that a decoded URL path names, whether it exists or not.

        Raises:
            FileRefused: a segment starts with a dot (`..` included), or the name is one for keys.
        """
        segments = [segment for segment in url_path.split("/") if segment]
        if any(segment.startswith(".") for segment in segments):
            raise FileRefused(403, "dot files are not served")
        if segments and segments[-1].lower().rstrip(". ").endswith(_DENIED_SUFFIXES):
            raise FileRefused(403, "keys and certificates are not served")
        return FilePath(os.path.join(self.path, *segments))

    def url_path(self, file: str) -> str | None:
        """Return the decoded URL path of `file`, or None where it is not below the root."""
        prefix = self.path.rstrip(os.sep) + os.sep
        return "/" + file[len(prefix) :].replace(os.sep, "/") if file.startswith(prefix) else None

    def open(self, file: FilePath) -> OpenFile:
        """Open `file` for reading.

        Raises:
            FileRefused: there is none, it is a folder, not a regular file, or a link out of the root.
        """
        for _ in range(_RETRIES):
            opened = self._try_open(file)
            if opened is not None:
                return opened
        raise FileRefused(403, "the file is replaced all the time")

    def _try_open(self, file: FilePath) -> OpenFile | None:
        try:
            descriptor = os.open(file, _FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            raise FileRefused(404, "there is no such file") from None
        except IsADirectoryError:
            raise FileRefused(404, "this is a folder", is_directory=True) from None
        except (OSError, ValueError) as error:
            raise FileRefused(403, f"the file cannot be opened: {error}") from None
        try:
            opened = self._check(file, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if opened is None:
            os.close(descriptor)
        return opened

    def is_file(self, file: str) -> bool:
        """Tell whether `file` is a regular file below the root."""
        try:
            self.open(FilePath(file)).close()
        except FileRefused:
            return False
        return True

    def _check(self, file: FilePath, descriptor: int) -> OpenFile | None:
        """Return the open file, or None where the name has led to another one since."""
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise FileRefused(404, "this is a folder", is_directory=True)
        if not stat.S_ISREG(status.st_mode):
            raise FileRefused(403, "only regular files are served")
        real = os.path.realpath(file)
        try:
            named = os.stat(real)
        except OSError:
            raise FileRefused(404, "the file vanished while it was opened") from None
        # Saved by rename, or a link swapped on purpose: only a name that leads to what is open counts.
        if (named.st_dev, named.st_ino) != (status.st_dev, status.st_ino):
            return None
        url_path = self.url_path(real)
        if url_path is None:
            raise FileRefused(403, "links out of the served folder are not followed")
        self.locate(url_path)
        return OpenFile(
            FilePath(real), status.st_size, (status.st_mtime_ns, status.st_size, status.st_ino), descriptor
        )
