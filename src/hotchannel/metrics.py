"""The server's numbers for Prometheus.

    registry.register(hotchannel.metrics.HotChannelCollector(server))

Role: from `server.stats()` to metric families, whenever they are asked for; nothing is counted here. Names
follow Prometheus' conventions: base units, and `_total` for what only grows. Needs `hotchannel[metrics]`.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from hotchannel.websocket.handshake import Reason

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError("metrics need prometheus-client: pip install 'hotchannel[metrics]'") from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from hotchannel.websocket.server import WebSocketServer
    from hotchannel.websocket.stats import Histogram, Stats

__all__ = ["HotChannelCollector"]


class HotChannelCollector(Collector):
    """Gives a registry the numbers of one server.

    Args:
        server: whose.
    """

    def __init__(self, server: WebSocketServer) -> None:
        self._server = server

    def describe(self) -> Iterator[Metric]:
        """Yield the names, for the registry to see that no other collector has them."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of this moment."""
        stats = self._server.stats()
        yield GaugeMetricFamily("hotchannel_clients", "Pages connected now.", stats.clients)
        yield GaugeMetricFamily(
            "hotchannel_outbox_bytes", "Bytes that clients have not taken yet.", stats.outbox_bytes
        )
        if self._server.is_shared:
            yield GaugeMetricFamily(
                "hotchannel_backplane_lag_seconds",
                "Time from sending a message to its return by the backplane, of the newest one.",
                stats.backplane_lag,
            )
            yield GaugeMetricFamily(
                "hotchannel_backplane_pending",
                "Messages that the backplane has not acknowledged.",
                stats.backplane_pending,
            )
        refusals = CounterMetricFamily(
            "hotchannel_refusals", "Handshakes and requests that were refused.", labels=["reason"]
        )
        for reason in Reason:
            refusals.add_metric([reason], stats.refused.get(reason, 0))
        yield refusals
        yield from _counters(stats)
        yield _histogram(
            "hotchannel_broadcast_duration_seconds",
            "Time of a message to all clients, from the journal to the last write.",
            stats.broadcast,
        )
        yield _histogram(
            "hotchannel_save_to_send_seconds",
            "Time from the first sign of a save to the message about it.",
            stats.save_to_send,
        )


def _counters(stats: Stats) -> Iterator[Metric]:
    for name, help_text, value in (
        ("handshakes_accepted", "Handshakes that were accepted, pings among them.", stats.accepted),
        ("messages_received", "Messages from clients.", stats.messages_in),
        ("messages_sent", "Messages to clients, each client counted.", stats.messages_out),
        ("received_bytes", "Bytes received after the handshake.", stats.bytes_in),
        ("sent_bytes", "Bytes sent after the handshake.", stats.bytes_out),
        ("messages_ignored", "Messages from clients that meant nothing.", stats.ignored),
        ("clients_dropped", "Clients that did not read or did not answer.", stats.dropped),
    ):
        yield CounterMetricFamily(f"hotchannel_{name}", help_text, value)


def _histogram(name: str, help_text: str, counted: Histogram) -> Metric:
    bounds = [*map(str, counted.bounds), "+Inf"]
    counts = accumulate(counted.counts)
    return HistogramMetricFamily(name, help_text, list(zip(bounds, counts, strict=True)), counted.total)
