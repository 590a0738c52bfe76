"""The loop of `limit.c` in Python: `send()` over one prebuilt frame and the accepted sockets.

Role: tells apart what a server in Python costs and what Python costs. There is no transport here, no
event loop, no client object, nothing but a list of sockets: whoever writes through a transport is above this.
Answers every handshake with the same 101, since the clients of the benchmark do not check it. Commands
come on stdin, as with every other peer:

    send SIZE COUNT PAUSE    that many broadcasts of SIZE bytes, PAUSE milliseconds after each
    cpu                      microseconds of processor time that the process has had
"""

from __future__ import annotations

import json
import resource
import select
import socket
import sys
import time

__all__ = ["main"]

ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n"
)
AROUND = len('{"type":"custom","event":"bench:event","data":{"text":""}}')


def welcome(listener: socket.socket) -> socket.socket:
    """Accept a client and answer its handshake."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(4096)
        if not received:
            raise ConnectionResetError("hung up on in a handshake")
        head += received
    connection.sendall(ANSWER)
    # With a timeout every send would ask first whether it may.
    connection.setblocking(False)
    return connection


def broadcast(connections: list[socket.socket], size: int, count: int, pause: float) -> None:
    """Send to all, several times; nobody may be slow."""
    message = {"type": "custom", "event": "bench:event", "data": {"text": "x" * (size - AROUND)}}
    payload = json.dumps(message, separators=(",", ":")).encode()
    frame = b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload
    for _ in range(count):
        for connection in connections:
            connection.send(frame)
        time.sleep(pause)


def obey(listener: socket.socket) -> None:
    """Take clients, and do what stdin says until it ends."""
    connections: list[socket.socket] = []
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                connections.append(welcome(listener))
                continue
            match sys.stdin.readline().split():
                case []:
                    return
                case ["send", size, count, pause]:
                    broadcast(connections, int(size), int(count), int(pause) / 1000)
                    print("sent", flush=True)
                case _:
                    used = resource.getrusage(resource.RUSAGE_SELF)
                    print(f"cpu {round((used.ru_utime + used.ru_stime) * 1e6)}", flush=True)


def main() -> None:
    """Listen, say where, and obey."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(f"ready {listener.getsockname()[1]} -", flush=True)
        obey(listener)


if __name__ == "__main__":
    main()
