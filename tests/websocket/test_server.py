"""Modes, life cycle, newcomers and resumption."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.errors import HotChannelError, ListenError, OptionError
from hotchannel.options import WsOptions
from hotchannel.websocket.client import ReadyState
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.uvicorn import take_over
from hotchannel.wire.payloads import ErrorDetail, ErrorPayload, FullReload, Prune, Update
from support.entrances import ASGI_KINDS, CLOSE, TEXT, goodbye, handshake

if TYPE_CHECKING:
    from support.entrances import Entrance, Kind, OpenEntrance

ERROR = ErrorDetail(message="broken", stack="", id="/site/a.js")
ERROR_JSON = {"type": "error", "err": {"message": "broken", "stack": "", "id": "/site/a.js"}}
RELOAD_JSON = {"type": "full-reload", "path": "*"}


def seq(position: str) -> int:
    return int(position.rpartition(":")[2])


# Modes.


async def test_disabled() -> None:
    heard: list[object] = []
    async with WebSocketServer.disabled() as server:
        server.on("listening", heard.append)
        server.on("a", lambda data, client: heard.append(data))
        server.send(Update(()))
        server.send("a", 1)
        server.fail("a", ERROR)
        assert server.recover("a") is False
        server.off("a", print)
        assert (server.mode, len(server.clients), server.port, heard) == ("disabled", 0, None, [])
        assert seq(server.position()) == 0
    assert WebSocketServer(False).mode == "disabled"


async def test_disabled_behind_uvicorn(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("dev", options=False)
    assert (await entrance.ask(handshake("/"))).status == 404


async def test_integrated_opens_no_port() -> None:
    server = WebSocketServer(port=0)
    take_over(server)
    async with server:
        assert (server.mode, server.port) == ("integrated", None)


async def test_standalone_on_loopback() -> None:
    addresses: list[object] = []
    server = WebSocketServer(WsOptions(port=0))
    server.on("listening", addresses.append)
    async with server:
        assert server.mode == "standalone"
        assert server.port == server.addresses[0][1] != 0
        assert {host for host, _ in server.addresses} <= {"127.0.0.1", "::1"}
        assert {port for _, port in server.addresses} == {server.port}
        assert addresses == [server.addresses]
        await server.listen()
        assert addresses == [server.addresses]
    assert server.addresses == ()
    with pytest.raises(HotChannelError, match="closed"):
        await server.listen()
    await server.close()


async def test_standalone_on_a_host() -> None:
    async with WebSocketServer(host="127.0.0.1", port=0) as server:
        assert [host for host, _ in server.addresses] == ["127.0.0.1"]


@pytest.mark.parametrize("host", [None, "127.0.0.1"])
async def test_port_in_use(caplog: pytest.LogCaptureFixture, host: str | None) -> None:
    errors: list[Exception] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = WebSocketServer(host=host, port=port)
        server.on("error", errors.append)
        async with server:
            assert server.port is None
            server.send(Update(()))
        assert f"port {port}" in caplog.text
        assert "ws.port" in caplog.text
        assert [type(error) for error in errors] == [ListenError]
        with pytest.raises(ListenError, match=str(port)):
            await WebSocketServer(host=host, port=port, strict_port=True).listen()


async def test_port_in_use_on_ipv6_only() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        server = WebSocketServer(port=taken.getsockname()[1], strict_port=True)
        with pytest.raises(ListenError):
            await server.listen()


def test_tokens_are_new_and_not_shown() -> None:
    first, second = WebSocketServer(), WebSocketServer()
    assert first.token != second.token
    assert len(first.token) == 12
    assert first.position() != second.position()
    assert first.token not in repr(first) + repr(first.options) + repr(vars(first))
    assert WebSocketServer(token="mine").token == "mine"


@pytest.mark.parametrize("fields", [{"prot": 1}, {"token": ""}, {"port": 70_000}, {"ping_interval": 0}])
def test_wrong_options(fields: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        WebSocketServer(**fields)


def test_the_server_loads_no_framework() -> None:
    watched = "{'uvicorn', 'ssl', 'httptools', 'websockets'}"
    code = f"import sys, hotchannel.websocket.server; print(*{watched} & set(sys.modules))"
    # asyncio itself loads ssl where there is one.
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() in ([], ["ssl"])


# Closing.


async def test_close_says_goodbye(entrance: Entrance) -> None:
    polite, rude = await entrance.join(), await entrance.join()
    halfway = await entrance.open()
    await halfway.write(b"GET / HTTP/1.1\r\n")
    gone: list[object] = []
    entrance.server.on("vite:client:disconnect", lambda data, client: gone.append(client))
    (first, second) = entrance.server.clients
    closing = asyncio.create_task(entrance.server.close())
    assert await polite.receive() == (CLOSE, goodbye(entrance.kind, 1012))
    await polite.send(CLOSE, b"\x03\xf4")
    assert await polite.hung_up() == b""
    assert await rude.receive() == (CLOSE, goodbye(entrance.kind, 1012))
    await closing
    assert set(gone) == {first, second}
    assert first.ready_state is second.ready_state is ReadyState.CLOSED
    assert len(entrance.server.clients) == 0
    await entrance.server.close()


@pytest.mark.parametrize("kind", ["takeover-httptools", "takeover-h11", "dev"])
async def test_uvicorn_is_not_held_up(entrance: Entrance) -> None:
    peer = await entrance.join()
    assert entrance.uvicorn is not None
    assert entrance.connections == 1
    entrance.uvicorn.should_exit = True
    assert await peer.close_code() == 1012
    await entrance.until(lambda: entrance.connections == 0)


@pytest.mark.parametrize("kind", ["takeover-httptools", "takeover-h11", "dev"])
async def test_uvicorn_forgets_those_who_left(entrance: Entrance) -> None:
    peers = [await entrance.join() for _ in range(3)]
    assert entrance.connections == 3
    peers[0].vanish()
    await peers[1].send(CLOSE, b"\x03\xe8")
    await entrance.until(lambda: entrance.connections == 1)


# Newcomers and resumption.


async def test_an_error_stands_for_every_newcomer_until_its_source_recovers(entrance: Entrance) -> None:
    server = entrance.server
    server.fail("/site/a.js", ERROR)
    for _ in range(2):
        assert await (await entrance.join()).message() == ERROR_JSON
    peer = await entrance.join()
    assert await peer.message() == ERROR_JSON
    assert server.recover("/site/b.js") is False
    assert server.recover("/site/a.js") is True
    assert await peer.message() == {"type": "update", "updates": []}
    late = await entrance.join()
    server.send("end")
    assert (await late.message())["type"] == "custom"


async def test_a_kept_reload_goes_to_the_first_stock_client(entrance: Entrance) -> None:
    position = entrance.server.position()
    entrance.server.send(FullReload(path="*"))
    resuming = await entrance.join(f"?resume={position}")
    assert await resuming.message() == {**RELOAD_JSON, "seq": 1}
    assert await (await entrance.join()).message() == RELOAD_JSON
    second = await entrance.join()
    entrance.server.send("end")
    assert (await second.message())["type"] == "custom"


async def test_resuming_within_the_window(entrance: Entrance) -> None:
    server = entrance.server
    server.send("before")
    position = server.position()
    server.send("missed", {"a": 1})
    server.fail("/site/a.js", ERROR)
    peer = await entrance.connect(f"?resume={position}")
    assert await peer.receive() == (TEXT, b'{"type":"connected","seq":1}')
    assert await peer.message() == {"type": "custom", "event": "missed", "data": {"a": 1}, "seq": 2}
    assert await peer.message() == {**ERROR_JSON, "seq": 3}
    server.send("next")
    assert await peer.message() == {"type": "custom", "event": "next", "seq": 4}
    (client,) = server.clients
    assert client.resuming
    client.send("only:you")
    assert await peer.message() == {"type": "custom", "event": "only:you", "seq": 4}


async def test_resuming_with_an_error_from_before(entrance: Entrance) -> None:
    entrance.server.fail("/site/a.js", ERROR)
    peer = await entrance.join(f"?resume={entrance.server.position()}")
    assert await peer.message() == {**ERROR_JSON, "seq": 1}


@pytest.mark.parametrize(
    "resume",
    ["other:1", "{epoch}:0", "{epoch}:99", "{epoch}:-1", "{epoch}:", "{epoch}", "", "%ff:1", "x" * 5000],
    ids=lambda resume: resume[:12] or "empty",
)
async def test_resuming_out_of_the_window(open_entrance: OpenEntrance, kind: Kind, resume: str) -> None:
    entrance = await open_entrance(kind, journal_messages=2)
    server = entrance.server
    for number in range(3):
        server.send("a", number)
    server.fail("/site/a.js", ERROR)
    peer = await entrance.connect("?resume=" + resume.format(epoch=server.position().partition(":")[0]))
    assert await peer.message() == {"type": "connected", "seq": 0}
    assert await peer.message() == {**RELOAD_JSON, "seq": 4}
    assert await peer.message() == {**ERROR_JSON, "seq": 4}


async def test_without_hmr(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind, hmr=False)
    server = entrance.server
    server.send(FullReload(path="*"))
    peer = await entrance.join()
    stranger = await entrance.join("?resume=other:1")
    server.send(Update(()))
    server.send(Prune(("/a.js",)))
    server.send(FullReload())
    server.send("a")
    server.send(ErrorPayload(ERROR))
    for one, extra in ((peer, [{}, {}]), (stranger, [{"seq": 1}, {"seq": 2}])):
        assert await one.message() == {"type": "custom", "event": "a", **extra[0]}
        assert await one.message() == {**ERROR_JSON, **extra[1]}


async def test_misuse_of_send(entrance: Entrance) -> None:
    peer = await entrance.join()
    for arguments in [(1,), (None,), (Update(()), 1), ("a", object())]:
        with pytest.raises(HotChannelError):
            entrance.server.send(*arguments)  # type: ignore[arg-type]
    entrance.server.send("fine")
    assert (await peer.message())["event"] == "fine"


async def test_stats(entrance: Entrance, kind: Kind) -> None:
    peer = await entrance.join()
    await peer.say({"type": "custom", "event": "a"})
    await peer.say({"type": "nonsense"})
    await entrance.until(lambda: entrance.server.stats().messages_in == 2)
    entrance.server.send("b")
    await peer.message()
    stats = entrance.server.stats()
    assert (stats.clients, stats.accepted, stats.messages_in, stats.messages_out) == (1, 1, 2, 2)
    assert (stats.ignored, stats.dropped, dict(stats.refused)) == (1, 0, {})
    # Plain ASGI does not see the frames around the messages.
    theirs, ours = (0, 0) if kind in ASGI_KINDS else (6, 2)
    assert stats.bytes_in == sum(
        theirs + len(text) for text in ('{"type": "custom", "event": "a"}', '{"type": "nonsense"}')
    )
    assert stats.bytes_out == sum(
        ours + len(text) for text in ('{"type":"connected"}', '{"type":"custom","event":"b"}')
    )


async def test_coming_and_going_is_logged(entrance: Entrance, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    peer = await entrance.join()
    name, port = peer.writer.get_extra_info("sockname")[:2]
    await peer.send(CLOSE, b"\x03\xe8")
    await peer.hung_up()
    await entrance.until(lambda: "disconnected" in caplog.text)
    lines = [record.getMessage() for record in caplog.records if record.name == "hotchannel.server"]
    assert lines[-2:] == [f"client connected: {name}:{port}", f"client disconnected: {name}:{port}"]
    assert not any(record.name == "hotchannel.frames" for record in caplog.records)


async def test_limits_that_nobody_shares_are_named(caplog: pytest.LogCaptureFixture) -> None:
    WebSocketServer(WsOptions(shared_limits=True))
    assert "ws.shared_limits has no effect without ws.backplane" in caplog.text


@pytest.mark.parametrize(
    "name", ["strict_port", "overlay", "skip_web_socket_token_check", "compression", "shared_limits"]
)
@pytest.mark.parametrize("value", ["false", "no", 1, None], ids=repr)
def test_a_switch_is_true_or_false(name: str, value: object) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(OptionError, match=rf"ws\.{name} = .*: expected true or false"):
        WsOptions(**given)


@pytest.mark.parametrize("value", ["a.lan", 5, [1], None, {"a.lan"}], ids=repr)
def test_hosts_are_a_list_of_names(value: Any) -> None:
    with pytest.raises(OptionError, match=r"ws\.allowed_hosts"):
        WsOptions(allowed_hosts=value)


@pytest.mark.parametrize("names", [["a.lan"], ("a.lan",)], ids=["list", "tuple"])
def test_a_list_of_hosts_is_taken_as_it_is_now(names: list[str] | tuple[str, ...]) -> None:
    options = WsOptions(allowed_hosts=names)
    if isinstance(names, list):
        names.append("b.lan")
    assert options.allowed_hosts == ("a.lan",)
