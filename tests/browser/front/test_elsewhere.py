"""A page that is another server's, another machine, a container, and names that the server is to know."""

from __future__ import annotations

import sys
from mmap import mmap
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.front.setups import (
    NAME,
    PASS_WEBSOCKETS,
    WITHOUT_WEBSOCKETS,
    check_hot,
    check_silent,
    named,
    port_of,
    to,
    until_said,
    ws,
)
from support.project import Project, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser.front.setups import Start
    from support.nginx import Nginx
    from support.tab import Tab

pytestmark = pytest.mark.ours


# 4. The page is another server's.


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Project]:
    """A server that knows nothing of hotchannel; its page is still to be written."""
    port = free_port()
    command = [sys.executable, "-um", "http.server", str(port), "--bind", "127.0.0.1"]
    made = Project(tmp_path / "pages", tmp_path / "pages.log", command, 0)
    made.root.mkdir()
    made.start()
    made.url = f"http://localhost:{port}"
    yield made
    made.stop()
    print(made.log)


ELSEWHERE = """<!doctype html>
<html><head><link rel="stylesheet" href="http://localhost:5173/static/style.css"></head>
<body><p id="out"></p>
<script type="module" src="http://localhost:5173/@vite/client"></script>
<script type="module" src="http://localhost:5173/static/main.js"></script></body></html>
"""


def write_elsewhere(elsewhere: Project, site: Project) -> None:
    elsewhere.write("index.html", ELSEWHERE.replace("5173", str(port_of(site.url))))
    site.write("static/imported.css", "p { color: rgb(3, 3, 3); }\n")
    site.edit("static/main.js", "document", 'import "./imported.css";\ndocument')


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_a_page_of_another_port_is_hot_where_cors_names_it(
    start: Start, elsewhere: Project, tab: Tab, lines: list[str], kind: str
) -> None:
    cors = f'cors = ["{elsewhere.url}"]'
    site = start(kind, cors)
    write_elsewhere(elsewhere, site)

    tab.open(elsewhere.url)

    check_hot(tab, site)
    site.edit("static/imported.css", "3, 3, 3", "4, 4, 4")
    tab.style("rgb(4, 4, 4)", "p")
    assert tab.kept
    check_silent(lines)


def test_a_page_of_another_port_is_kept_out_otherwise(
    start: Start, elsewhere: Project, tab: Tab, lines: list[str]
) -> None:
    write_elsewhere(elsewhere, start("dev"))

    tab.page.goto(elsewhere.url)

    until_said(tab, lines, f"from origin '{elsewhere.url}' has been blocked by CORS policy")


# 5. Another machine, or a container.


def test_the_dev_server_refuses_an_unknown_name_until_it_is_told_of_it(start: Start, tab: Tab) -> None:
    site = start("dev", everywhere=True)
    tab.page.goto(named(site.url))
    expect(tab.page.locator("body")).to_contain_text(
        f'This host ("{NAME}:{port_of(site.url)}") is not allowed'
    )
    expect(tab.page.locator("body")).to_contain_text("add its name (without port) to allowed_hosts in")
    assert "refused 127.0.0.1" in site.log

    site.write("hotchannel.toml", f'allowed_hosts = ["{NAME}"]\n')
    tab.until(lambda: "restarted" in site.log, "the server to read its settings")

    tab.open(named(site.url))
    check_hot(tab, site)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_an_ip_address_needs_no_name(start: Start, tab: Tab, lines: list[str], kind: str) -> None:
    host = ws('host = "0.0.0.0"', f"port = {free_port()}") if kind == "flask" else ""
    site = start(kind, host, everywhere=True)

    tab.open(named(site.url).replace(NAME, "127.0.0.2"))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_an_application_refuses_modules_to_an_unknown_name(
    start: Start, tab: Tab, lines: list[str], kind: str
) -> None:
    site = start(kind, everywhere=True)

    tab.page.goto(named(site.url))

    until_said(tab, lines, "403")
    tab.until(lambda: "refused 127.0.0.1" in site.log, "the server to say so")
    answer = tab.page.goto(f"{named(site.url).rstrip('/')}/@vite/client")
    assert answer is not None
    assert 'ws={"allowed_hosts": [...]} of HotChannel' in answer.text()


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_an_application_is_hot_under_a_name_that_it_is_told_of(
    start: Start, tab: Tab, lines: list[str], kind: str
) -> None:
    host = ['host = "0.0.0.0"', f"port = {free_port()}"] if kind == "flask" else []
    site = start(kind, ws(f'allowed_hosts = ["{NAME}"]', *host), everywhere=True)

    tab.open(named(site.url))

    check_hot(tab, site)
    check_silent(lines)


def test_a_container_may_show_the_channel_at_another_port(
    start: Start, nginx: Nginx, tab: Tab, lines: list[str]
) -> None:
    channel, shown = free_port(), free_port()
    site = start("flask", ws('host = "0.0.0.0"', f"port = {channel}", f"client_port = {shown}"))
    beside = f"server {{ listen 127.0.0.1:{shown}; {to(PASS_WEBSOCKETS, _5173=channel)} }}"

    tab.open(nginx.start(to(WITHOUT_WEBSOCKETS, _5173=site), beside=beside))

    check_hot(tab, site)
    check_silent(lines)


@pytest.mark.parametrize("kind", ["dev", "fastapi", "flask"])
def test_polling_sees_saves_that_the_system_does_not_tell_of(start: Start, tab: Tab, kind: str) -> None:
    site = start(kind, "polling = true")
    tab.open(site.url)
    tab.style("rgb(1, 1, 1)")

    # As on a bind mount: no event tells of what is written into memory.
    with (
        (site.root / "static/style.css").open("r+b") as file,
        mmap(file.fileno(), 0) as content,
    ):
        at = content.find(b"1, 1, 1")
        content[at : at + 7] = b"2, 2, 2"
        content.flush()
        tab.style("rgb(2, 2, 2)")

    assert tab.kept
