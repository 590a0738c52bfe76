"""What an application answers: whole pages get the client, all else is sent byte for byte as it was made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from frameworks.servers import RunningApp
    from support.tab import Tab

pytestmark = pytest.mark.needs("answers")

CLIENT = re.compile(rb'<script[^>]*src="/@vite/client"[^>]*></script>')


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/fragment", "fragment.html"),
        ("/stream", "page.html"),
        ("/encoded", "page.html.gz"),
        ("/inner/fragment", "fragment.html"),
        ("/inner/stream", "page.html"),
    ],
)
def test_what_is_no_whole_page_is_left_alone(site: RunningApp, path: str, file: str) -> None:
    answer = site.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body == (site.root / "answers" / file).read_bytes()
    assert "x-hotchannel-page" not in answer.headers
    is_stream = path.endswith("stream")
    assert answer.headers.get("content-length") == (None if is_stream else str(len(answer.body)))


def test_json_is_left_alone(site: RunningApp) -> None:
    answer = site.get("/data")
    assert (answer.status, answer.body) == (200, b'{"greeting":"one"}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("path", ["/whole", "/inner/whole", "/"])
def test_a_page_gets_the_client_once(site: RunningApp, path: str) -> None:
    answer = site.get(path)
    assert len(CLIENT.findall(answer.body)) == 1
    assert answer.body.count(b"/@vite/client") == 1
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers.get("x-inner") == ("yes" if path.startswith("/inner") else None)


def test_a_policy_with_a_nonce_lets_the_client_run(site: RunningApp, tab: Tab) -> None:
    seen = len(site.log)
    tab.open(f"{site.url}nonce")
    # The policy is in force.
    assert tab.value("[window.isAllowed, window.isForbidden]") == [True, None]
    site.edit("static/style.css", "rgb(255, 0, 0)", "rgb(0, 128, 0)")
    tab.style("rgb(0, 128, 0)", "h1")
    site.edit("static/style.css", "rgb(0, 128, 0)", "rgb(255, 0, 0)")
    tab.style("rgb(255, 0, 0)", "h1")
    assert tab.kept
    assert "Content-Security-Policy" not in site.log[seen:]


def test_a_policy_that_forbids_the_socket_is_told_of_once(site: RunningApp) -> None:
    warning = f"connect-src forbids ws://127.0.0.1:{site.port}"
    for _ in range(2):
        answer = site.get("/shut")
        assert len(CLIENT.findall(answer.body)) == 1
    site.until_logged(warning)
    assert site.log.count(warning) == 1
