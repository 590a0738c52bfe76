"""Where the workers of one server find the one of them that has the channel.

Role: a lock that one process holds for as long as it lives, and a file in which it says how to reach it. Both
are in a folder that only this user can read, under a name that is made of the project and of the server's
address. Invariant: what is read was written by this user.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from hotchannel.errors import HotChannelError

__all__ = ["Meeting", "Rendezvous"]


class Meeting(msgspec.Struct, frozen=True):
    """How to reach the owner.

    Attributes:
        port: of the link, on 127.0.0.1.
        secret: that it asks for.
        token: of the channel; the next owner has the same.
        ws_port: the channel's own port, where it has one; the next owner tries the same.
    """

    port: int
    secret: str
    token: str
    ws_port: int | None = None

    def __repr__(self) -> str:
        return f"Meeting(port={self.port})"


class Rendezvous:
    """The meeting point of one server's workers.

    Args:
        project: the application's folder.
        server: the address that it is served at.

    Raises:
        HotChannelError: the folder belongs to somebody else, or others may read it.
    """

    def __init__(self, project: str, server: str) -> None:
        name = blake2b(f"{os.path.realpath(project)}\0{server}".encode(), digest_size=12).hexdigest()
        folder = _private_folder()
        self._file = folder / f"{name}.json"
        self._lock = FileLock(folder / f"{name}.lock", timeout=0, mode=0o600)

    def claim(self) -> bool:
        """Become the owner, where there is none; the lock goes with the process, however that ends."""
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def announce(self, meeting: Meeting) -> None:
        """Say how to reach this process, which is the owner."""
        fresh = self._file.with_suffix(f".{os.getpid()}")
        with suppress(FileNotFoundError):
            fresh.unlink()
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(meeting))
        fresh.replace(self._file)

    def find(self) -> Meeting | None:
        """Return what the owner, or the last one, has announced."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Meeting)
        except (OSError, msgspec.DecodeError):
            return None

    def leave(self) -> None:
        """End being the owner: the next one begins anew."""
        with suppress(FileNotFoundError):
            self._file.unlink()
        self._lock.release()


def _private_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(base) / f"hotchannel-{user}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    is_ours = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o077)
    if not stat.S_ISDIR(status.st_mode) or not is_ours:
        raise HotChannelError(
            f"{folder} has to be a folder that only you can read (chmod 700): workers find one another there"
        )
    return folder
