"""A browser that does not reach the server directly: nginx, TLS, a tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.front.setups import (
    BELOW_A_PATH,
    NAME,
    PASS_CHANNEL,
    PASS_WEBSOCKETS,
    WITHOUT_HOST,
    WITHOUT_WEBSOCKETS,
    check_hot,
    check_silent,
    named,
    port_of,
    to,
    until_said,
    ws,
)
from support.project import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from browser.front.setups import Start
    from support.nginx import Nginx
    from support.tab import Tab

pytestmark = pytest.mark.ours


# 1. nginx that passes WebSockets on.


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
@pytest.mark.parametrize("locations", [PASS_WEBSOCKETS, WITHOUT_HOST], ids=["with-host", "without-host"])
def test_nginx_that_passes_websockets_on_needs_no_setting(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str, locations: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(locations, _5173=site)))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["uvicorn", "take-over", "hypercorn"])
def test_below_a_path_that_nginx_leaves_out_the_server_has_to_know_it(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(BELOW_A_PATH, _5173=site)) + "app/")

    check_hot(tab, site)
    check_silent(lines)


def test_below_a_path_the_application_may_say_so_itself(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("fastapi")
    site.stop()
    site.edit("app.py", "FastAPI()", 'FastAPI(root_path="/app")')
    site.start()

    tab.open(nginx.start(to(BELOW_A_PATH, _5173=site)) + "app/")

    check_hot(tab, site)
    check_silent(lines)


def test_the_name_of_an_upstream_is_no_host(start: Start, nginx: Nginx, tab: Tab) -> None:
    site = start("dev")
    upstream = f"upstream site {{ server 127.0.0.1:{port_of(site.url)}; }}"
    locations = WITHOUT_HOST.replace("127.0.0.1:5173", "site")

    tab.page.goto(nginx.start(locations, beside=upstream))

    expect(tab.page.locator("body")).to_contain_text('This host ("site") is not allowed')
    expect(tab.page.locator("body")).to_contain_text("allowed_hosts in [tool.hotchannel]")


# 2. nginx that does not.


def test_without_websockets_the_page_of_the_dev_server_connects_directly(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("dev")

    tab.open(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site)))

    check_hot(tab, site)
    said = until_said(tab, lines, "directly")
    assert f"connected to localhost:{port_of(site.url)}/ directly" in said
    assert f"because localhost:{nginx.port}/ does not answer WebSocket requests" in said
    assert "let the proxy in between pass them on, or set `ws.client_port`" in said


def test_without_websockets_the_page_of_an_application_says_what_is_missing(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    site = start("fastapi")

    tab.page.goto(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site)))

    said = until_said(tab, lines, "cannot be opened")
    assert f"socket: localhost:{nginx.port}/" in said
    assert "that a proxy in between passes WebSocket requests on" in said
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_without_websockets_client_port_leads_past_nginx(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    port = free_port()
    site = start(kind, ws(f"client_port = {port}", f'allowed_hosts = ["{NAME}"]'), port=port, everywhere=True)

    tab.open(named(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site))))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_without_websockets_a_port_of_its_own_leads_past_nginx(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f"port = {free_port()}", 'host = "0.0.0.0"', f'allowed_hosts = ["{NAME}"]'))

    tab.open(named(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site))))

    check_hot(tab, site)
    check_silent(lines)


# 3. TLS ends at nginx.


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_behind_tls_nothing_needs_to_be_set_where_websockets_are_passed_on(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind)

    tab.open(nginx.start(to(PASS_WEBSOCKETS, _5173=site), certificate=certificate))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_behind_tls_the_page_says_that_its_socket_is_missing(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f"port = {free_port()}") if kind == "flask" else "")

    tab.page.goto(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site), certificate=certificate))

    until_said(tab, lines, "cannot be opened")
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)
    assert ("this port speaks no TLS" in site.log) == (kind == "flask")


def test_behind_tls_the_channel_of_flask_is_reached_through_nginx(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str]
) -> None:
    channel = free_port()
    site = start("flask", ws(f"port = {channel}", 'path = "/hot"', f"client_port = {nginx.port}"))

    tab.open(nginx.start(to(PASS_CHANNEL, _5000=site, _24678=channel), certificate=certificate))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_behind_tls_a_page_comes_back_when_its_server_does(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, kind: str
) -> None:
    channel = free_port()
    own = ws(f"port = {channel}", 'path = "/hot"', f"client_port = {nginx.port}")
    site = start(kind, own if kind == "flask" else "")
    locations = PASS_CHANNEL if kind == "flask" else PASS_WEBSOCKETS
    tab.open(nginx.start(to(locations, _5173=site, _5000=site, _24678=channel), certificate=certificate))
    tab.text("v1")

    site.stop()
    expect(tab.page.locator("hotchannel-notice")).to_have_count(1)
    site.start()

    if kind == "dev":
        tab.wait_for_reload()
    else:
        tab.until(lambda: len(tab.received("connected")) == 2, "the page to connect again")
    expect(tab.page.locator("hotchannel-notice")).to_have_count(0)
    check_hot(tab, site)


@pytest.mark.parametrize("kind", ["dev", "fastapi"])
def test_a_tunnel_with_a_name_of_its_own_needs_that_name(
    start: Start, nginx: Nginx, certificate: Path, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, ws(f'allowed_hosts = [".{NAME.partition(".")[2]}"]'))

    tab.open(named(nginx.start(to(PASS_WEBSOCKETS, _5173=site), certificate=certificate)))

    check_hot(tab, site)
    check_silent(lines)
