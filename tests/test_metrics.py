"""The numbers for Prometheus: as text, read by its own parser, and in an application's own registry."""

from __future__ import annotations

import asyncio
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import hotchannel
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions, WsOptions
from hotchannel.websocket.server import WebSocketServer
from hotchannel.websocket.stats import Buckets
from hotchannel.wire.payloads import Update
from support.asgi_servers import PATIENCE
from support.entrance_fixtures import kind, open_entrance, pytest_asyncio_loop_factories
from support.entrances import Entrance, Kind, handshake

if TYPE_CHECKING:
    from pathlib import Path

    from support.entrances import OpenEntrance

__all__ = ["kind", "open_entrance", "pytest_asyncio_loop_factories"]

HISTOGRAMS = ("hotchannel_broadcast_duration_seconds", "hotchannel_save_to_send_seconds")


def numbers(text: str) -> dict[str, float]:
    """The samples of an exposition by name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of_registry(server: WebSocketServer) -> dict[str, float]:
    """What an application's own registry gives out."""
    registry = CollectorRegistry()
    registry.register(hotchannel.metrics.HotChannelCollector(server))
    return numbers(generate_latest(registry).decode())


async def ask(url: str, host: str | None = None, method: str = "GET") -> tuple[int, str, str]:
    """Status, content type and body."""

    def get() -> tuple[int, str, str]:
        request = urllib.request.Request(url, headers={"Host": host} if host else {}, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()

    return await asyncio.to_thread(get)


def test_buckets() -> None:
    buckets = Buckets((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        buckets.observe(seconds)
    picture = buckets.picture()
    assert (picture.counts, picture.count, picture.total) == ((2, 1, 1), 4, 12.0)


async def test_every_number_has_its_name_before_anything_happens() -> None:
    found = of_registry(WebSocketServer())
    assert {value for name, value in found.items()} == {0.0}
    assert "hotchannel_refusals_total token" in found
    for name in HISTOGRAMS:
        assert f"{name}_bucket +Inf" in found
        assert f"{name}_sum" in found
    assert all(name.startswith("hotchannel_") for name in found)


async def test_what_happens_is_counted(open_entrance: OpenEntrance, kind: Kind) -> None:
    entrance = await open_entrance(kind)
    peers = [await entrance.join() for _ in range(2)]
    before = of_registry(entrance.server)
    assert before["hotchannel_clients"] == before["hotchannel_handshakes_accepted_total"] == 2
    entrance.server.send("news", "x" * 100)
    for peer in peers:
        assert (await peer.message())["event"] == "news"
    await peers[0].say({"type": "custom", "event": "a"})
    await peers[0].say({"type": "what"})
    await entrance.ask(handshake("/").replace(b"localhost", b"evil.example"))
    await entrance.until(lambda: entrance.server.stats().ignored == 1)
    after = of_registry(entrance.server)
    grown = {name: after[name] - value for name, value in before.items() if after[name] != value}
    assert grown.pop("hotchannel_broadcast_duration_seconds_sum") > 0
    assert grown.pop("hotchannel_sent_bytes_total") > 200
    assert grown.pop("hotchannel_received_bytes_total") > 30
    # A server in front may still be at the greeting's end.
    grown.pop("hotchannel_outbox_bytes", None)
    buckets = [name for name in grown if "_bucket" in name]
    assert {grown.pop(name) for name in buckets} == {1.0}
    assert grown == {
        "hotchannel_messages_received_total": 2,
        "hotchannel_messages_sent_total": 2,
        "hotchannel_messages_ignored_total": 1,
        "hotchannel_refusals_total host-not-allowed": 1,
        "hotchannel_broadcast_duration_seconds_count": 1,
    }


async def _fill(entrance: Entrance) -> None:
    """Send to a peer that does not read until something waits."""
    for _ in range(200):
        entrance.server.send("news", "x" * 100_000)
        if entrance.server.stats().outbox_bytes:
            return
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["standalone", "tls", "asgi-uvicorn"])
async def test_what_waits_for_a_slow_client_is_told(open_entrance: OpenEntrance, way: Kind) -> None:
    entrance = await open_entrance(way, max_outbox_size=20_000_000)
    peer = await entrance.join(buffer=4096)
    assert of_registry(entrance.server)["hotchannel_outbox_bytes"] == 0
    await _fill(entrance)
    assert of_registry(entrance.server)["hotchannel_outbox_bytes"] > 0
    peer.vanish(reset=True)
    await entrance.until(lambda: entrance.server.stats().outbox_bytes == 0)


async def test_only_what_answers_a_save_is_a_save(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    entrance.server.send(Update(()))
    with entrance.server.tally.saving(0.0):
        entrance.server.send(Update(()))
    entrance.server.send(Update(()))
    stats = entrance.server.stats()
    assert (stats.broadcast.count, stats.save_to_send.count) == (3, 1)


@pytest.mark.parametrize("base", ["/", "/app/"])
async def test_the_dev_server_answers_scrapers(tmp_path: Path, base: str) -> None:
    (tmp_path / "self.js").write_text("import.meta.hot.accept();\n")
    async with DevServer(tmp_path, DevOptions(port=0, base=base)) as server:
        url = server.local_urls[0]
        status, kind, text = await ask(f"{url}@hotchannel/metrics?x=1")
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        assert numbers(text)["hotchannel_save_to_send_seconds_count"] == 0
        assert (await ask(f"{url}self.js"))[0] == 200
        (tmp_path / "self.js").write_text("import.meta.hot.accept(); // changed\n")
        async with asyncio.timeout(PATIENCE):
            while not server.channel.stats().broadcast.count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        found = numbers((await ask(f"{url}@hotchannel/metrics"))[2])
        assert found["hotchannel_save_to_send_seconds_count"] == 1
        assert 0 < found["hotchannel_save_to_send_seconds_sum"] < PATIENCE
        status, _, text = await ask(f"{url}@hotchannel/metrics", host="evil.example")
        assert (status, "hotchannel_" in text) == (403, False)
        assert (await ask(f"{url}@hotchannel/metrics", method="POST"))[0] == 405


async def test_without_prometheus_client_the_answer_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "hotchannel.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    options = DevOptions(middleware=True, ws=WsOptions(port=0))
    server = DevServer(tmp_path, options)
    heard: list[dict[str, object]] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        heard.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/@hotchannel/metrics",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"host", b"localhost")],
        "client": None,
    }
    await server(scope, receive, send)
    assert heard[0]["status"] == 501
    assert b"pip install 'hotchannel[metrics]'" in heard[1]["body"]  # type: ignore[operator]


async def test_a_channel_of_one_process_has_no_backplane_to_tell_of(open_entrance: OpenEntrance) -> None:
    entrance = await open_entrance("standalone")
    assert not any("backplane" in name for name in of_registry(entrance.server))
    stats = entrance.server.stats()
    assert (stats.backplane_lag, stats.backplane_pending) == (0.0, 0)


def test_two_servers_do_not_share_one_registry() -> None:
    registry = CollectorRegistry()
    registry.register(hotchannel.metrics.HotChannelCollector(WebSocketServer()))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(hotchannel.metrics.HotChannelCollector(WebSocketServer()))
