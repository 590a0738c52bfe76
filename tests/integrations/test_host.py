"""What an application's host answers, what it makes of pages, and what saves and exceptions mean to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hotchannel.devserver.http import PASS
from hotchannel.integrations.pages import AppPage
from hotchannel.options import DEFAULT_WS_PORT
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.wire.payloads import ErrorDetail
from integrations.conftest import get

if TYPE_CHECKING:
    from pathlib import Path

    from hotchannel.integrations.host import Host
    from hotchannel.integrations.pages import SentPage
    from integrations.conftest import Browser, StartHost

PAGE = """<!doctype html><html><head><title>T</title>
<link rel="stylesheet" href="/static/style.css">
<script type="module" src="http://localhost:8000/static/main.js"></script>
</head><body><script type="module">import { a } from "/static/dep.js"; a;</script></body></html>"""


async def send(
    host: Host, source: str, *, method: str = "GET", status: int = 200, fetched: bool = False
) -> SentPage:
    page = AppPage("/", "localhost:8000", method, status, source, is_fetched=fetched)
    sent = await host.page(page, [], "http://localhost:8000")
    assert sent is not None
    return sent


async def test_modules_and_stylesheets_are_answered_and_all_else_is_the_applications(host: StartHost) -> None:
    async with host() as made:
        module = await get(made, "/static/main.js", sec_fetch_dest="script", sec_fetch_mode="cors")
        assert b"createHotContext" in module.body  # type: ignore[operator]
        assert b'"/static/dep.js"' in module.body  # type: ignore[operator]
        sheet = await get(made, "/static/style.css", sec_fetch_dest="style")
        assert (sheet.status, sheet.body) == (200, b"h1 { color: red }")
        for target, headers in (
            ("/static/logo.svg", {"sec_fetch_dest": "image"}),
            ("/static/main.js", {"sec_fetch_dest": "script", "sec_fetch_mode": "no-cors"}),
            ("/static/missing.js", {}),
            ("/static/../secret.js", {}),
            ("/static/", {}),
        ):
            assert await get(made, target, **headers) is PASS, target


async def test_the_client_is_guarded_and_the_static_files_are_not(host: StartHost) -> None:
    async with host() as made:
        assert (await get(made, "/@vite/client")).status == 200
        assert (await get(made, "/@vite/client", host="evil.example")).status == 403
        assert (await get(made, "/static/main.js", host="evil.example")).status == 200
        foreign = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}
        assert (await get(made, "/@vite/client", **foreign)).status == 403


async def test_a_page_gets_the_client_once(host: StartHost) -> None:
    async with host() as made:
        sent = await send(made, PAGE)
        assert sent.text.count('src="/@vite/client"') == 1
        assert sent.text.index("hotchannel-page") < sent.text.index("<title>")
        tagged = PAGE.replace("<title>", '<script type="module" src="/@vite/client"></script><title>')
        again = await send(made, tagged)
        assert again.text.count('src="/@vite/client"') == 1
        assert "hotchannel-page" in again.text


@pytest.mark.parametrize("source", ["<p>part</p>", "", "text", "<li>1</li><li>2</li>"])
async def test_a_fragment_is_left_alone(host: StartHost, source: str) -> None:
    async with host() as made:
        page = AppPage("/", "localhost", "GET", 200, source)
        assert await made.page(page, [], "http://localhost") is None


@pytest.mark.parametrize(
    "tag",
    [
        '<link rel="stylesheet" href="http://[">',
        '<script type="module" src="//[::1"></script>',
        '<base href="http://[">',
        '<base href="a[b//">',
    ],
)
async def test_a_url_that_is_none_harms_no_page(host: StartHost, tag: str) -> None:
    async with host() as made:
        sent = await send(made, PAGE.replace("<title>", f"{tag}<title>"))
        assert sent.text.count('src="/@vite/client"') == 1


async def test_the_client_comes_behind_an_import_map_and_has_the_pages_nonce(host: StartHost) -> None:
    async with host() as made:
        source = (
            '<!doctype html><head><script type="importmap">{"imports": {"dep": "/static/dep.js"}}</script>'
            '<script nonce="abc">1</script></head>'
        )
        sent = await send(made, source)
        assert sent.text.index("importmap") < sent.text.index("/@vite/client")
        assert '<script type="module" src="/@vite/client" nonce="abc">' in sent.text


async def test_the_text_as_it_came_is_for_who_has_the_token(host: StartHost) -> None:
    async with host() as made:
        sent = await send(made, PAGE)
        address = f"/@hotchannel/page/{sent.name}"
        assert (await get(made, address)).status == 403
        assert (await get(made, f"{address}?token=wrong")).status == 403
        kept = await get(made, f"{address}?token={made.channel.token}")
        assert kept.body == PAGE.encode()
        assert (await get(made, f"/@hotchannel/page/none?token={made.channel.token}")).status == 404


async def test_a_page_that_is_fetched_again_is_sent_as_it_came(host: StartHost) -> None:
    async with host() as made:
        sent = await send(made, PAGE, fetched=True)
        assert sent.text == PAGE
        assert (await get(made, f"/@hotchannel/page/{sent.name}?token={made.channel.token}")).status == 200


async def test_pages_that_cannot_be_fetched_again_say_so(host: StartHost) -> None:
    async with host() as made:
        assert 'data-method="POST"' in (await send(made, PAGE, method="POST")).text
        assert 'data-failed="500"' in (await send(made, PAGE, status=500)).text


async def test_many_pages_are_kept_but_not_all(host: StartHost) -> None:
    async with host() as made:
        names = [(await send(made, PAGE)).name for _ in range(250)]
        token = made.channel.token
        assert (await get(made, f"/@hotchannel/page/{names[0]}?token={token}")).status == 404
        assert (await get(made, f"/@hotchannel/page/{names[-1]}?token={token}")).status == 200


async def test_an_edit_of_a_template_brings_pages_up_to_date(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host() as made:
        await visitor.connect(AsgiEntrance(made.channel))
        await made.watching()
        file = site / "templates" / "index.html"
        file.write_text("<h1>Two</h1>")
        expected = {"type": "full-reload", "path": "*", "triggeredBy": str(file), "morph": True}
        assert await visitor.next() == expected


async def test_without_morph_it_is_a_reload_that_every_client_knows(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host(morph=False) as made:
        await visitor.connect(AsgiEntrance(made.channel))
        await made.watching()
        file = site / "templates" / "index.html"
        file.write_text("<h1>Two</h1>")
        assert await visitor.next() == {"type": "full-reload", "path": "*", "triggeredBy": str(file)}


async def test_what_is_watched_besides_and_what_a_page_has_asked_for(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host(watch=["notes/*.md"]) as made:
        await visitor.connect(AsgiEntrance(made.channel))
        await made.watching()
        (site / "templates" / "index.html~").write_text("an editor's leftover")
        (site / "static" / "logo.svg").write_text("nobody has asked for it")
        (site / "static" / "style.css").write_text("nobody has linked it")
        await get(made, "/static/logo.svg", sec_fetch_dest="image")
        (site / "static" / "logo.svg").write_text("<svg></svg>")
        message = await visitor.next()
        assert message["triggeredBy"].endswith("logo.svg")
        assert "morph" not in message


async def test_a_stylesheet_is_swapped_and_a_module_updated(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host() as made:
        await visitor.connect(AsgiEntrance(made.channel))
        await made.watching()
        await send(made, PAGE)
        await get(made, "/static/style.css", sec_fetch_dest="style")
        await get(made, "/static/main.js", sec_fetch_dest="script", sec_fetch_mode="cors")
        await get(made, "/static/dep.js", sec_fetch_dest="script", sec_fetch_mode="cors")
        (site / "static" / "style.css").write_text("h1 { color: blue }")
        [update] = (await visitor.next())["updates"]
        assert (update["type"], update["path"]) == ("css-update", "/static/style.css")
        (site / "static" / "main.js").write_text("import.meta.hot?.accept();\n")
        [update] = (await visitor.next())["updates"]
        assert (update["type"], update["path"]) == ("js-update", "/static/main.js")
        # Importers name it by its stamp from now on, and so must the page.
        assert f'src="/static/main.js?t={update["timestamp"]}"' in (await send(made, PAGE)).text


async def test_a_page_of_a_server_before_is_hot_once_it_has_said_what_it_has(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host() as made:
        await visitor.connect(AsgiEntrance(made.channel))
        await made.watching()
        loaded = [
            {"url": "/static/style.css", "stylesheet": True},
            {"url": "/static/main.js", "stylesheet": False},
            {"url": "/static/../../etc/passwd", "stylesheet": True},
            {"url": 1},
            None,
        ]
        visitor.say("hotchannel:loaded", loaded)
        visitor.say("hotchannel:loaded", {"not": "a list"})
        visitor.say("test:done", None)
        await made_heard(made, "test:done")
        (site / "static" / "style.css").write_text("h1 { color: green }")
        [update] = (await visitor.next())["updates"]
        assert (update["type"], update["path"]) == ("css-update", "/static/style.css")


async def test_what_was_saved_while_the_server_was_away_comes_with_the_next_one(
    host: StartHost, site: Path, visitor: Browser
) -> None:
    async with host() as made:
        await visitor.connect(AsgiEntrance(made.channel))
        saved = int((site / "static" / "style.css").stat().st_mtime * 1000)
        loaded = [
            {"url": "/static/main.js", "stylesheet": False, "asked": saved + 60_000},
            {"url": "/static/style.css", "stylesheet": True, "asked": saved - 1_000},
        ]
        visitor.say("hotchannel:loaded", loaded)
        [update] = (await visitor.next())["updates"]
        assert (update["type"], update["path"]) == ("css-update", "/static/style.css")


async def made_heard(host: Host, event: str) -> None:
    """Wait until the host has heard an event."""
    heard = asyncio.Event()
    host.channel.on(event, lambda *_: heard.set())
    async with asyncio.timeout(10):
        await heard.wait()


async def test_an_exception_stands_until_its_url_is_answered(host: StartHost, visitor: Browser) -> None:
    async with host() as made:
        await visitor.connect(AsgiEntrance(made.channel))
        made.failed("GET /a", ErrorDetail(message="ZeroDivisionError: division by zero", stack=""))
        assert (await visitor.next())["err"]["message"] == "ZeroDivisionError: division by zero"
        made.succeeded("GET /b")
        made.succeeded("GET /a")
        assert await visitor.next() == {"type": "update", "updates": []}
        assert made.failing == set()


async def test_port_0_is_any_free_port(host: StartHost) -> None:
    async with (
        host(shares_port=False, ws={"port": 0}) as first,
        host(shares_port=False, ws={"port": 0}) as second,
    ):
        ports = {first.channel.port, second.channel.port}
        assert len(ports - {None}) == 2
        assert not any(DEFAULT_WS_PORT <= (port or 0) < DEFAULT_WS_PORT + 100 for port in ports)


async def test_whoever_comes_after_port_0_has_the_port_that_pages_know(host: StartHost) -> None:
    async with host(shares_port=False, ws={"port": 0}) as first:
        port = first.channel.port
    async with host(shares_port=False, ws={"port": 0}, port=port) as second:
        assert second.channel.port == port
        async with host(shares_port=False, ws={"port": 0}, port=port) as third:
            assert third.channel.port not in (port, None)


async def test_a_policy_that_blocks_the_socket_is_named_once(
    host: StartHost, caplog: pytest.LogCaptureFixture
) -> None:
    async with host() as made:
        for _ in range(2):
            page = AppPage("/", "localhost:8000", "GET", 200, PAGE)
            await made.page(page, ["connect-src 'none'"], "http://localhost:8000")
    warnings = [record.getMessage() for record in caplog.records if "connect-src" in record.getMessage()]
    assert len(warnings) == 1
