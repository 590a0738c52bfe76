"""All clients, in one process: raw sockets that read everything and look at nothing but its length.

Role: the other end of every line that `broadcast.py` and `compressed_broadcast.py` measure. Whatever a client
does here costs the servers the same. The head of a handshake is what a browser sends, without an offer of
compression unless one is named. Commands come on stdin, one a line, and each is answered with one line
that begins with `ok` or `failed`:

    open KEY PORT TOKEN COUNT GREETING [OFFER]    connect COUNT clients; GREETING bytes come after a 101
    expect KEY BYTES SECONDS              read until each client of KEY has got exactly BYTES
    frames KEY COUNT SECONDS              the same with COUNT frames; `ok` and the bytes of one client
    close KEY                             hang up all clients of KEY
    knock PORT TOKEN COUNT STATUS GREETING    COUNT handshakes; each answered STATUS, then hung up on
"""

from __future__ import annotations

import resource
import select
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

PATIENCE = 10.0
AT_ONCE = 8
"""Handshakes under way at one time."""

FRAME_HEAD = 4
"""Bytes in front of a payload of 126 bytes and more; no frame here is smaller as a whole."""

RESET = struct.pack("ii", 1, 0)
"""Lingers for no time: closing resets the line, and no port is kept waiting."""


class Group:
    """Connected clients of one server.

    Attributes:
        sockets: by file descriptor.
        poll: tells which of them have something to read.
    """

    def __init__(self) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.poll = select.epoll()

    def add(self, connection: socket.socket) -> None:
        """One more."""
        connection.setblocking(False)
        self.sockets[connection.fileno()] = connection
        self.poll.register(connection.fileno(), select.EPOLLIN)

    def expect(self, size: int, seconds: float) -> None:
        """Read `size` bytes on each.

        Raises:
            RuntimeError: one got more, or less within `seconds`, or was hung up on.
        """
        self._read(size, seconds, lambda descriptor, received: len(received))

    def frames(self, count: int, seconds: float) -> float:
        """Read `count` frames on each; bytes of one client, on average.

        Raises:
            RuntimeError: as `expect`, or something is left over.
        """
        size = 0
        unread = dict.fromkeys(self.sockets, b"")

        def whole(descriptor: int, received: memoryview) -> int:
            nonlocal size
            size += len(received)
            complete, unread[descriptor] = split_frames(unread[descriptor] + received)
            return complete

        self._read(count, seconds, whole)
        if any(unread.values()):
            raise RuntimeError("more than was sent")
        return size / len(self.sockets)

    def _read(self, due: int, seconds: float, counted: Callable[[int, memoryview], int]) -> None:
        missing = dict.fromkeys(self.sockets, due)
        left = len(missing)
        buffer = bytearray(1 << 18)
        view = memoryview(buffer)
        end = time.monotonic() + seconds
        while left:
            for descriptor, _ in self.poll.poll(max(0.0, end - time.monotonic()), len(missing)):
                got = self.sockets[descriptor].recv_into(buffer)
                missing[descriptor] -= counted(descriptor, view[:got])
                if not missing[descriptor]:
                    left -= 1
                if not got or missing[descriptor] < 0:
                    raise RuntimeError(f"hung up on, or {-missing[descriptor]} too many")
            if left and time.monotonic() > end:
                raise RuntimeError(f"{left} clients did not get all {due} in {seconds} s")

    def close(self) -> None:
        """Hang up."""
        self.poll.close()
        for connection in self.sockets.values():
            connection.close()


def split_frames(received: bytes) -> tuple[int, bytes]:
    """How many whole frames there are, and what comes after them."""
    count = start = 0
    while len(received) - start >= FRAME_HEAD:
        size = received[start + 1]
        end = start + 2 + size
        if size == 126:
            end = start + FRAME_HEAD + int.from_bytes(received[start + 2 : start + FRAME_HEAD], "big")
        elif size > 126:
            raise RuntimeError("a frame of 64 KiB or more")
        if end > len(received):
            break
        count, start = count + 1, end
    return count, received[start:]


def head(port: int, token: str, offer: str = "") -> bytes:
    """The request that Chromium sends for the socket."""
    extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
    return (
        f"GET /?token={token} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Connection: Upgrade\r\n"
        "Pragma: no-cache\r\n"
        "Cache-Control: no-cache\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Safari/537.36\r\n"
        "Upgrade: websocket\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        "Accept-Language: en-US,en;q=0.9\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"{extensions}"
        "Sec-WebSocket-Protocol: vite-hmr\r\n\r\n"
    ).encode()


def connect(port: int, request: bytes) -> socket.socket:
    """A connection on which the head has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.sendall(request)
    return connection


def read_answer(connection: socket.socket, status: str, greeting: int) -> None:
    """Read the head of the answer and `greeting` bytes after it.

    Raises:
        RuntimeError: another status, or another length.
    """
    answer = b""
    while (end := answer.find(b"\r\n\r\n")) < 0 or len(answer) < end + 4 + greeting:
        received = connection.recv(4096)
        if not received:
            raise RuntimeError(f"hung up on after {answer!r}")
        answer += received
    if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
        raise RuntimeError(f"expected {status}: {answer!r}")
    if status == "101" and len(answer) != end + 4 + greeting:
        raise RuntimeError(f"expected {greeting} bytes after the head: {answer!r}")


def knock(port: int, token: str, count: int, status: str, greeting: int) -> None:
    """Many handshakes, a few at a time."""
    request = head(port, token)
    while count > 0:
        connections = [connect(port, request) for _ in range(min(AT_ONCE, count))]
        for connection in connections:
            read_answer(connection, status, greeting)
        for connection in connections:
            connection.close()
        count -= AT_ONCE


def obey(line: str, groups: dict[str, Group]) -> str:
    """Do what one line says; the answer."""
    match line.split():
        case ["open", key, port, token, count, greeting, *offer]:
            group = groups[key] = Group()
            request = head(int(port), token, "".join(offer))
            for _ in range(int(count)):
                connection = connect(int(port), request)
                read_answer(connection, "101", int(greeting))
                group.add(connection)
        case ["expect", key, size, seconds]:
            groups[key].expect(int(size), float(seconds))
        case ["frames", key, count, seconds]:
            return f"ok {groups[key].frames(int(count), float(seconds))}"
        case ["close", key]:
            groups.pop(key).close()
        case ["knock", port, token, count, status, greeting]:
            knock(int(port), token, int(count), status, int(greeting))
        case _:
            raise RuntimeError(f"no such command: {line}")
    return "ok"


def main() -> None:
    """Obey until stdin ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    groups: dict[str, Group] = {}
    for line in sys.stdin:
        try:
            answer = obey(line, groups)
        except (OSError, RuntimeError) as exc:
            answer = f"failed {line.split()[0]}: {exc!r}"
        print(answer, flush=True)


if __name__ == "__main__":
    main()
