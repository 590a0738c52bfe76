"""Prometheus asks an application under each server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from frameworks.servers import RunningApp


def test_an_application_answers_scrapers(site: RunningApp) -> None:
    answer = site.get("/@hotchannel/metrics")
    assert answer.status == 200
    found = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert found["hotchannel_clients"].samples[0].value == 0
    assert found["hotchannel_refusals"].type == "counter"
    assert found["hotchannel_save_to_send_seconds"].type == "histogram"
    refused = site.get("/@hotchannel/metrics", Host="evil.example")
    assert refused.status in (400, 403)
    assert b"hotchannel_" not in refused.body
