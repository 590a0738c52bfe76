"""Prometheus and the inspector look at an application under each server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.metrics_core import Metric

    from frameworks.servers import RunningApp
    from support.tab import Tab


def scrape(site: RunningApp) -> dict[str, Metric]:
    answer = site.get("/@hotchannel/metrics")
    assert answer.status == 200
    return {family.name: family for family in text_string_to_metric_families(answer.body.decode())}


def test_an_application_answers_scrapers(site: RunningApp) -> None:
    # The page of the test before may still be on its way out.
    site.until(lambda: scrape(site)["hotchannel_clients"].samples[0].value == 0, "all pages to be gone")
    found = scrape(site)
    assert found["hotchannel_refusals"].type == "counter"
    assert found["hotchannel_save_to_send_seconds"].type == "histogram"
    refused = site.get("/@hotchannel/metrics", Host="evil.example")
    assert refused.status in (400, 403)
    assert b"hotchannel_" not in refused.body


def test_the_inspector_shows_the_application_s_pages(
    site: RunningApp, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    links: list[str] = []

    def note(line: str) -> None:
        links.extend(re.findall(r"inspector: (\S+)", line))

    tab.page.on("console", lambda message: note(message.text))
    tab.open(site.url)
    tab.until(lambda: bool(links), "the link to the inspector")
    page = new_tab().page
    page.goto(links[0])
    expect(page.locator("#state")).to_have_text("connected")
    expect(page.locator("#clients .row code")).to_have_text("/")
    site.edit(f"{site.row.application.static}/style.css", "rgb(255, 0, 0)", "rgb(0, 128, 0)")
    tab.style("rgb(0, 128, 0)", "h1")
    expect(page.locator("#graph .node.boundary")).to_have_count(1)
    expect(page.locator("#saves .row code")).to_have_text("style.css")
    assert tab.kept
