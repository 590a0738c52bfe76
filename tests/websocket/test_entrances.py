"""The tables of protocol.md, sections 1 to 3, over raw sockets and through every entrance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from attacks.handshakes import ORIGIN, TOKEN, head, with_token
from support.entrances import CLOSE, HOST_APPLICATION, TEXT, frame, goodbye, refusal

if TYPE_CHECKING:
    from support.entrances import Entrance, Kind, OpenEntrance


@pytest.fixture
async def entrance(open_entrance: OpenEntrance, kind: Kind) -> Entrance:
    return await open_entrance(kind, token=TOKEN)


async def test_all_hosts_allowed(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, allowed_hosts=True)
    assert (await entrance.ask(head(change={"Host": "evil.com"}))).status == 101


async def test_ping_is_answered_and_closed(entrance: Entrance) -> None:
    opened: list[object] = []
    entrance.server.on("connection", lambda client, request: opened.append(client))
    peer = await entrance.open()
    await peer.write(
        head(change={"Sec-WebSocket-Protocol": "vite-ping", "Host": "evil.com", "Origin": "http://evil.com"})
    )
    answer = await peer.answer()
    assert answer.status == 101
    assert answer.headers["sec-websocket-protocol"] == "vite-ping"
    assert await peer.receive() == (CLOSE, b"\x03\xe8")
    await peer.send(CLOSE, b"\x03\xe8")
    assert await peer.hung_up() == b""
    assert (opened, len(entrance.server.clients)) == ([], 0)


async def test_ping_is_hung_up_on_until_pages_are_served(open_entrance: OpenEntrance) -> None:
    listening = False
    entrance = await open_entrance("standalone", pages_listening=lambda: listening)
    ping = head(change={"Sec-WebSocket-Protocol": "vite-ping"})
    assert (await entrance.ask(ping)).hung_up
    listening = True
    assert (await entrance.ask(ping)).status == 101


async def test_token_asked_of_everyone(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, token=TOKEN, require_token="always")
    assert (await entrance.ask(head())).status == refusal(kind, 400)
    assert (await entrance.ask(head(f"GET /?token={TOKEN} HTTP/1.1"))).status == 101


async def test_token_asked_of_nobody(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, skip_web_socket_token_check=True)
    assert (await entrance.ask(with_token(""))).status == 101
    assert (await entrance.ask(head(change={**ORIGIN, "Host": "evil.com"}))).status == refusal(kind, 400)


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("/app/", "/", "/app/"),
        ("/", "/hmr", "/hmr"),
        ("/app/", "/hmr", "/app/hmr"),
        ("/mein büro/", "/", "/mein%20b%C3%BCro/"),
    ],
)
async def test_socket_below_base(
    open_entrance: OpenEntrance, kind: Kind, base: str, path: str, target: str
) -> None:
    entrance = await open_entrance(kind, base=base, path=path)
    assert (await entrance.ask(head(f"GET {target} HTTP/1.1"))).status == 101
    elsewhere = await entrance.open()
    await elsewhere.write(head())
    if entrance.exclusive:
        assert (await elsewhere.answer()).status == 404
    else:
        assert (await elsewhere.answer()).status == 101
        assert await elsewhere.receive() == (TEXT, HOST_APPLICATION)


async def test_plain_http_on_the_own_port(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    answer = await entrance.ask(b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.status, answer.body) == (426, b"Upgrade Required")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["upgrade"] == "websocket"


async def test_a_request_byte_by_byte(entrance: Entrance) -> None:
    peer = await entrance.open()
    for byte in head():
        await peer.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await peer.answer()).status == 101


async def test_frames_that_come_with_the_handshake(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    heard: list[object] = []
    entrance.server.on("early", lambda data, client: heard.append(data))
    peer = await entrance.open()
    message = b'{"type":"custom","event":"early","data":7}'
    await peer.write(head() + frame(TEXT, message))
    assert (await peer.answer()).status == 101
    await entrance.until(lambda: heard == [7])


async def test_nobody_comes_in_after_close(entrance: Entrance) -> None:
    peer = await entrance.join()
    await entrance.server.close()
    assert await peer.receive() == (CLOSE, goodbye(entrance.kind, 1012))
    if entrance.kind in ("standalone", "tls"):
        with pytest.raises(ConnectionError):
            await entrance.open()
    else:
        assert (await entrance.ask(head())).status == refusal(entrance.kind, 503)
