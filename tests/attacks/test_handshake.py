"""Handshakes, good and bad, through every entrance: attacks 1 to 7."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from attacks.handshakes import (
    ACCEPTED,
    ALLOWED_HOSTS,
    ELSEWHERE,
    HEADS,
    ORIGIN,
    REFUSED,
    REFUSED_HOSTS,
    TOKEN,
    head,
)
from hotchannel.websocket.handshake import Reason
from support.entrances import ASGI_KINDS, EXCLUSIVE_KINDS, HOST_APPLICATION, KINDS, OWN_KINDS, TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.entrances import Entrance, Kind, OpenEntrance, Peer
    from support.outcomes import Outcomes

SILENCE = 1.5
"""Seconds after which a foreign server is taken to have no answer."""


@pytest.fixture
async def entrance(open_entrance: OpenEntrance, kind: Kind) -> Entrance:
    """An entrance whose token is known and that allows two hosts."""
    return await open_entrance(kind, token=TOKEN, allowed_hosts=("example.com", ".mydomain.com"))


async def knock(entrance: Entrance, request: bytes) -> str:
    """Send one request and say what came of it, in the words of docs/entrances.md."""
    peer = await entrance.open()
    await peer.write(request)
    try:
        async with asyncio.timeout(SILENCE):
            answer = await peer.answer()
            if answer.headers.get("upgrade") == "h2c":
                return "101 h2c"
            if answer.status == 101:
                _, first = await peer.receive()
                return {HOST_APPLICATION: "101 application", b'{"type":"connected"}': "101"}[first]
    except TimeoutError:
        return "no answer"
    except (asyncio.IncompleteReadError, ConnectionError):
        return "hung up"
    if entrance.kind in EXCLUSIVE_KINDS and answer.status >= 400:
        assert answer.hung_up
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["connection"].startswith("close")
    assert TOKEN.encode() not in answer.body
    return f"{answer.status} application" if answer.body == HOST_APPLICATION else str(answer.status)


async def knock_all(entrance: Entrance, requests: Mapping[str, bytes]) -> dict[str, str]:
    """What comes of each request, all sent at once: a server that says nothing costs its silence once."""
    outcomes = await asyncio.gather(*(knock(entrance, request) for request in requests.values()))
    return dict(zip(requests, outcomes, strict=True))


async def still_serves(entrance: Entrance, witness: Peer) -> None:
    """Somebody who was there all the time gets a broadcast, and so does a newcomer."""
    newcomer = await entrance.join()
    entrance.server.send("still:there", 1)
    for peer in (witness, newcomer):
        assert await peer.message() == {"type": "custom", "event": "still:there", "data": 1}


async def test_accepted(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    for name, request in ACCEPTED.items():
        with subtests.test(name):
            outcome = await knock(entrance, request)
            ours = None if entrance.kind.startswith("asgi") else "101"
            outcomes.check("Good handshakes", name, entrance.kind, outcome, ours)
    await still_serves(entrance, witness)


async def test_refused(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    own = entrance.kind in EXCLUSIVE_KINDS
    knocked = await knock_all(entrance, {name: request for name, (request, _, _) in REFUSED.items()})
    for name, (_, status, _) in REFUSED.items():
        with subtests.test(name):
            outcomes.check("Refused", name, entrance.kind, knocked[name], str(status) if own else None)
    if own:
        # Nothing came before these, so that each is counted by its reason and nothing else is.
        assert entrance.server.stats().refused == Counter(reason for _, _, reason in REFUSED.values())
    await still_serves(entrance, witness)


@pytest.mark.parametrize("kind", OWN_KINDS)
async def test_the_right_version_is_listed(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    answer = await entrance.ask(head(change={"Sec-WebSocket-Version": "12"}))
    assert (answer.status, answer.headers["sec-websocket-version"]) == (426, "13")


async def test_elsewhere(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    """What is no socket of the channel belongs to the application, if there is one."""
    witness = await entrance.join()
    own = entrance.kind in EXCLUSIVE_KINDS
    for name, (request, status, reason) in ELSEWHERE.items():
        with subtests.test(name):
            outcome = await knock(entrance, request)
            outcomes.check("Not the channel's", name, entrance.kind, outcome, str(status) if own else None)
            if own:
                assert entrance.server.stats().refused[reason] >= 1
    assert len(entrance.server.clients) == 1
    await still_serves(entrance, witness)


async def test_heads(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    knocked = await knock_all(entrance, {name: request for name, (request, _, _) in HEADS.items()})
    for name, (_, standalone, dev) in HEADS.items():
        with subtests.test(name):
            ours = {"standalone": standalone, "tls": standalone, "dev": dev}.get(entrance.kind)
            outcomes.check("Odd heads", name, entrance.kind, knocked[name], ours)
    await still_serves(entrance, witness)


async def test_hosts(entrance: Entrance, outcomes: Outcomes, subtests: pytest.Subtests) -> None:
    witness = await entrance.join()
    ours = not entrance.kind.startswith("asgi")
    for host, status in [(host, "101") for host in ALLOWED_HOSTS] + [(host, "400") for host in REFUSED_HOSTS]:
        with subtests.test(host):
            outcome = await knock(entrance, head(change={"Host": host}))
            named = ascii(host)[1:-1] or "(empty)"
            outcomes.check("Host", named, entrance.kind, outcome, status if ours else None)
            assert (outcome == "101") == (status == "101")
    await still_serves(entrance, witness)


def test_what_a_foreign_server_lets_pass_skips_no_guard(outcomes: Outcomes) -> None:
    """Keys, versions and targets are their business; token, Host and subprotocol are checked on all."""
    guards = (Reason.TOKEN, Reason.HOST, Reason.SUBPROTOCOL)
    for kind in KINDS:
        for row, (_, _, reason) in REFUSED.items():
            if reason in guards or kind not in ASGI_KINDS:
                assert "101" not in outcomes.expected("Refused", row, kind)


async def test_a_right_token_is_not_enough_where_the_host_is_wrong(entrance: Entrance) -> None:
    answer = await knock(
        entrance, head(f"GET /?token={TOKEN} HTTP/1.1", change={**ORIGIN, "Host": "evil.com"})
    )
    assert answer in ("400", "403")


async def test_no_connection_goes_out_for_an_absolute_target(entrance: Entrance, outcomes: Outcomes) -> None:
    reached = asyncio.Event()
    listener = await asyncio.start_server(lambda *_: reached.set(), "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        outcome = await knock(entrance, head(f"GET http://127.0.0.1:{port}/ HTTP/1.1"))
        assert outcome in outcomes.expected("Refused", "absolute-form target elsewhere", entrance.kind)
        await still_serves(entrance, await entrance.join())
        assert not reached.is_set()


@pytest.mark.parametrize("kind", EXCLUSIVE_KINDS)
async def test_silent_sockets(open_entrance: OpenEntrance, kind: Kind) -> None:
    """A thousand that say nothing, half a request, or a byte now and then: all are hung up on in time."""
    entrance = await open_entrance(kind, handshake_timeout=1.0)
    witness = await entrance.join()
    count = 1000 if kind != "tls" else 100
    silent: list[Peer] = []
    for number in range(count):
        silent.append(await entrance.open())
        await silent[-1].write(head()[: number % 150])
    drip = await entrance.open()

    async def drop_by_drop() -> None:
        for byte in head():
            await drip.write(bytes((byte,)))
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drop_by_drop())
    await still_serves(entrance, witness)
    for peer in (*silent, drip):
        assert await peer.hung_up() == b""
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    assert entrance.server.stats().refused[Reason.TIMEOUT] == count + 1
    await still_serves(entrance, witness)


async def test_tls_that_is_never_agreed_on(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("tls", handshake_timeout=0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", entrance.port)
    writer.write(b"\x16\x03\x01")
    async with asyncio.timeout(10):
        assert await reader.read(-1) == b""
    writer.close()
    await still_serves(entrance, await entrance.join())


@pytest.mark.parametrize("kind", ["standalone"])
@pytest.mark.parametrize(
    ("start", "reason"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01", Reason.TLS, id="TLS"),
        pytest.param(b"\x16", Reason.TLS, id="a byte of TLS"),
        pytest.param(b"\x00\x00\x00\x2a", Reason.HEAD, id="a length"),
        pytest.param(b"\x80", Reason.HEAD, id="a frame"),
        pytest.param(b" GET", Reason.HEAD, id="a blank"),
        pytest.param(b"\r\n", Reason.HEAD, id="an empty line"),
    ],
)
async def test_what_cannot_become_a_request_is_not_waited_for(
    open_entrance: OpenEntrance, kind: Kind, start: bytes, reason: Reason
) -> None:
    entrance = await open_entrance(kind, handshake_timeout=60)
    peer = await entrance.open()
    await peer.write(start)
    answer = await peer.answer()
    assert (answer.status, answer.hung_up) == (400, True)
    assert entrance.server.stats().refused == {reason: 1}
    await still_serves(entrance, await entrance.join())


@pytest.mark.parametrize("kind", ["standalone"])
async def test_tls_on_a_port_without_it_is_told_of_with_the_way_out(
    open_entrance: OpenEntrance, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    entrance = await open_entrance(kind)
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", entrance.port, ssl=True, server_hostname="localhost")
    [line] = [record.getMessage() for record in caplog.records if record.name == "hotchannel.handshake"]
    assert "tls-on-a-port-without; this port speaks no TLS" in line
    assert "Flask behind HTTPS" in line


async def test_half_a_request_then_silence(
    open_entrance: OpenEntrance, kind: Kind, outcomes: Outcomes
) -> None:
    entrance = await open_entrance(kind, handshake_timeout=0.2)
    peer = await entrance.open()
    await peer.write(head()[:60])
    try:
        async with asyncio.timeout(SILENCE):
            await peer.hung_up()
        outcome = "hung up"
    except TimeoutError:
        outcome = "open"
    ours = "hung up" if kind in EXCLUSIVE_KINDS else None
    outcomes.check("Odd heads", "half a request, then silence", kind, outcome, ours)
    await still_serves(entrance, await entrance.join())


async def test_a_flood_of_refusals_is_not_a_flood_of_lines(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hotchannel")
    # daphne answers an Origin that is no URL itself.
    origin = "http://evil.com" if entrance.kind == "asgi-daphne" else "\x9b31m\x85"
    for _ in range(30):
        await knock(entrance, head(f"GET /?token=secret{TOKEN} HTTP/1.1", change={"Origin": origin}))
    await entrance.server.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "hotchannel.handshake"]
    assert len(lines) < 30
    assert "token" in lines[0]
    assert "token 2" in lines[-1]
    assert not any(TOKEN in line or "\x9b" in line or "\x85" in line for line in lines)


async def test_every_refusal_has_its_line_at_debug(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel.handshake")
    await entrance.ask(head(change={"Host": "evil.com"}))
    await entrance.ask(
        head(f"GET /?token=secret{TOKEN} HTTP/1.1", change={"Origin": "http://\x1b[2Jevil.com"})
    )
    await entrance.ask(
        head(f"GET /?token=secret{TOKEN} HTTP/1.1", change={"Origin": "http://b" + "x" * 5000})
    )
    lines = [record.getMessage() for record in caplog.records if record.name == "hotchannel.handshake"]
    assert any("host-not-allowed" in line and "Host: evil.com" in line for line in lines)
    assert any("token" in line and "Origin: http://b" in line for line in lines)
    assert not any(TOKEN in line or "\x1b" in line for line in lines)
    assert max(map(len, lines)) < 300


async def test_host_application_keeps_its_websockets(entrance: Entrance) -> None:
    """A catch-all route beside ours, both at work at once."""
    if entrance.exclusive:
        assert await knock(entrance, head("GET /chat HTTP/1.1")) == "404"
        return
    guest = await entrance.join()
    peer = await entrance.open()
    await peer.write(head("GET /chat HTTP/1.1", change={"Sec-WebSocket-Protocol": None}))
    assert (await peer.answer()).status == 101
    assert await peer.receive() == (TEXT, HOST_APPLICATION)
    for word in (b"one", b"two"):
        await peer.send(TEXT, word)
        assert await peer.receive() == (TEXT, word.upper())
    entrance.server.send("to:ours", None)
    assert (await guest.message())["event"] == "to:ours"
