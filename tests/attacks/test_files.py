"""Files that nobody may read, asked for by raw request lines of a running dev server: attacks 18 to 22."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from attacks.paths import (
    HEADERS,
    HIDDEN,
    KEYS,
    LINKS,
    OUTSIDE,
    PUBLIC,
    QUERIES,
    SPELLINGS,
    UNSEEN,
    Site,
    plant,
    serving,
)
from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions, WsOptions
from support.asgi_servers import serve
from support.entrances import ASGI_KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from support.asgi_servers import AsgiKind

SECRETS = (*HIDDEN, *KEYS)
REFUSED = (400, 403, 404)

# What cannot be the name of anything.
MALFORMED: Sequence[bytes] = (
    *rb"""
    /%ff.html /%e2%80.html /%ed%a0%80.html /%zz /%4 /%4.html /% /100%/index.html /%+1 /%00 /index%00.html
    /%0d%0aSet-Cookie:%20a=b /%1b[2J /%7f /# /index.html#top /index.html?a#b /\ * ?raw localhost:80 index.html
    @localhost/ http:///index.html http://[::1/ http://localhost:99999/ http://localhost http://localhost?raw
    javascript:alert(1) data:,x
    """.split(),
    "/ä.html".encode(),
    b"/\xff.html",
    b"/\x00",
    b"/\x01",
    b"/\tindex.html",
    b"/index .html",
    b"",
)

# Status with the usual limit of 16 KiB for a head, and with one that lets it pass.
LONG: dict[str, tuple[str, int, int]] = {
    "name of 300": ("/" + "a" * 300, 404, 404),
    "folder of 300": ("/" + "a" * 300 + "/a.txt", 404, 404),
    "path of 8 kB": ("/" + "abc/" * 2000 + "a.txt", 404, 404),
    "up and down for 8 kB": ("/" + "sub/../" * 1200 + "index.html", 403, 403),
    "escapes of 8 kB": ("/" + "%61" * 2700, 404, 404),
    "name of 60 kB": ("/" + "a" * 60_000, 431, 404),
    "path of 60 kB": ("/" + "a/" * 30_000 + "a.txt", 431, 404),
    "dots of 60 kB": ("/" + "../" * 20_000 + "etc/passwd", 431, 403),
    "backups of 60 kB": ("/" + "id_rsa~.1" * 6000 + "x", 431, 404),
    "name of 100 kB": ("/" + "a" * 100_000, 431, 400),
    "query of 100 kB": ("/none.txt?" + "raw&" * 25_000, 431, 400),
}

# Asked of a file that is for everybody.
RANGES: dict[str, tuple[str, int]] = {
    "all": ("bytes=0-", 206),
    "backwards": ("bytes=5-2", 416),
    "behind the end": ("bytes=1000-", 416),
    "the last none": ("bytes=-0", 416),
    "more than there is": ("bytes=-1000", 206),
    "end of 18 digits": ("bytes=0-999999999999999999", 206),
    "end of 30 digits": ("bytes=0-" + "9" * 30, 200),
    "two": ("bytes=0-1,3-4", 200),
    "10,000 times all": ("bytes=" + ",".join(["0-"] * 10_000), 200),
    "10,000 different": ("bytes=" + ",".join(f"{i}-{i}" for i in range(10_000)), 200),
    "other digits": ("bytes=\xb2-\xb3", 200),
}

OTHER_METHODS = "POST PUT DELETE OPTIONS TRACE PROPFIND CONNECT get".split()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(tmp_path) as site:
        yield site


@pytest.fixture(autouse=True)
def nothing_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No refusal is an accident: the only errors that are logged are those of modules."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors if record.name != "hotchannel.hmr"] == []


async def test_secrets_in_the_root(site: Site, subtests: pytest.Subtests) -> None:
    """Attack 18: whatever is asked about them, and whoever seems to ask."""
    witness = await site.entrance.join()
    usual = [HEADERS[name] for name in ("none", "page", "stylesheet", "module")]
    questions = [(query, headers) for query in QUERIES for headers in usual]
    questions += [(query, headers) for query in ("", "?import&raw") for headers in HEADERS.values()]
    for path in SECRETS:
        with subtests.test(path):
            for query, headers in questions:
                answer = await site.ask(f"/{quote(path)}{query}", headers)
                assert answer.status == 403, (query, headers)
            await site.still_serves(witness)


async def test_secrets_by_other_spellings(site: Site, subtests: pytest.Subtests) -> None:
    """Attack 19, of what is in the root."""
    witness = await site.entrance.join()
    for spelling, spell in SPELLINGS.items():
        with subtests.test(spelling):
            for path in SECRETS:
                for query in ("", "?raw", "?import&raw", "?.svg?import"):
                    target = site.named(spell(path)) + query
                    assert (await site.ask(target)).status in REFUSED, target
                target = site.named(spell(path))
                assert (await site.ask(target, HEADERS["page"])).status in REFUSED, target
            await site.still_serves(witness)


@pytest.mark.parametrize(
    "rows", [pytest.param(OUTSIDE, id="beside the root"), pytest.param(LINKS, id="behind a link")]
)
async def test_secrets_outside_the_root(
    site: Site, rows: dict[str, tuple[str, int]], subtests: pytest.Subtests
) -> None:
    """Attacks 19 to 21."""
    witness = await site.entrance.join()
    for name, (target, status) in rows.items():
        with subtests.test(name):
            for query in QUERIES if "#" not in target else ("",):
                answer = await site.ask(site.named(target) + query)
                assert answer.status == status, query
            for headers in HEADERS.values():
                assert (await site.ask(site.named(target), headers)).status == status, headers
            await site.still_serves(witness)


async def test_nothing_says_where_the_folder_is(site: Site) -> None:
    """What is refused is called by its URL."""
    targets = [site.named(target) for target, _ in LINKS.values()]
    targets += [f"/{quote(path)}" for path in SECRETS] + ["/none.txt", "/" + "a" * 300, "/loop.txt/x"]
    for target in targets:
        for headers in (HEADERS["none"], HEADERS["page"]):
            answer = await site.ask(target, headers)
            if str(site.root.parent) not in target:
                assert str(site.root.parent).encode() not in answer.body


async def test_malformed_targets(site: Site, subtests: pytest.Subtests) -> None:
    witness = await site.entrance.join()
    for target in MALFORMED:
        with subtests.test(ascii(target)):
            assert (await site.ask(target)).status == 400
            await site.still_serves(witness)


@pytest.mark.parametrize(
    ("limit", "column"), [pytest.param(16 * 1024, 1, id="16 KiB"), pytest.param(256 * 1024, 2, id="256 KiB")]
)
async def test_long_targets(tmp_path: Path, limit: int, column: int, subtests: pytest.Subtests) -> None:
    """No length is too much, whether the head's limit stops it or not."""
    async with serving(tmp_path, ws=WsOptions(max_header_size=limit)) as site:
        witness = await site.entrance.join()
        for name, row in LONG.items():
            with subtests.test(name):
                assert (await site.ask(row[0])).status == row[column]
                await site.still_serves(witness)


async def test_ranges(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Attack 22: however many parts are asked for, the file comes once at most."""
    async with serving(tmp_path, ws=WsOptions(max_header_size=256 * 1024)) as site:
        witness = await site.entrance.join()
        whole = (site.root / "public.txt").read_bytes()
        for name, (parts, status) in RANGES.items():
            with subtests.test(name):
                answer = await site.ask("/public.txt", {"Range": parts})
                assert answer.status == status
                assert answer.body in whole
                assert (await site.ask("/.env", {"Range": parts})).status == 403
                await site.still_serves(witness)


async def test_ten_thousand_ranges_are_too_long_a_head(site: Site) -> None:
    assert (await site.ask("/public.txt", {"Range": RANGES["10,000 times all"][0]})).status == 431


async def test_other_methods(site: Site) -> None:
    witness = await site.entrance.join()
    for target in ("/.env", "/key.pem?raw", f"/../{UNSEEN}.txt", "/link.txt", "/index.html"):
        for method in OTHER_METHODS:
            request = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            assert (await site.exchange(request.encode())).split()[1] in (b"400", b"405"), (method, target)
        head = f"HEAD {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = await site.exchange(head.encode())
        assert answer.split()[1] == (b"200" if target == "/index.html" else b"403")
        assert answer.endswith(b"\r\n\r\n")
    await site.still_serves(witness)


async def test_old_and_odd_request_lines(site: Site) -> None:
    witness = await site.entrance.join()
    for line in (
        "GET /.env",
        "GET /.env HTTP/0.9",
        "GET /.env HTTP/1.0",
        "GET /.env HTTP/2.0",
        "GET  /.env HTTP/1.1",
        "GET\t/.env\tHTTP/1.1",
        " GET /.env HTTP/1.1",
        "GET /index.html /.env HTTP/1.1",
    ):
        request = f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert (await site.exchange(request.encode())).split()[1] in (b"400", b"403"), line
    await site.still_serves(witness)


async def test_several_requests_at_once(site: Site) -> None:
    """A refusal holds whatever goes ahead of it on the same line."""
    witness = await site.entrance.join()
    targets = ("/index.html", "/.env", "/public.txt", "/key.pem?raw", "/link.txt", "/index.html")
    lines = [f"GET {target} HTTP/1.1\r\nHost: localhost\r\n" for target in targets]
    answer = await site.exchange("\r\n".join(lines).encode() + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"HTTP/1.1 403 ") == 3
    await site.still_serves(witness)


async def test_a_single_page_site_answers_with_its_page_and_nothing_else(tmp_path: Path) -> None:
    async with serving(tmp_path, app_type="spa") as site:
        page = (await site.ask("/index.html", HEADERS["page"])).body
        targets = [site.named(target) for target, _ in (*OUTSIDE.values(), *LINKS.values())]
        targets += [site.named(spell(path)) for path in SECRETS for spell in SPELLINGS.values()]
        for target in targets:
            answer = await site.ask(target, HEADERS["page"])
            if answer.status == 200:
                assert PUBLIC in answer.body.decode()
                assert len(answer.body) < len(page) + 100
            else:
                assert answer.status in REFUSED, target


async def test_below_a_base(tmp_path: Path) -> None:
    async with serving(tmp_path, base="/app/") as site:
        assert PUBLIC in (await site.ask("/app/index.html")).body.decode()
        for path in SECRETS:
            assert (await site.ask(f"/app/{quote(path)}?raw")).status == 403
            for prefix in (
                "/",
                "//app/",
                "/app/../",
                "/app/../app/",
                "/ap%70/",
                "/app%2f",
                "/APP/",
                "/app/app/",
            ):
                assert (await site.ask(f"{prefix}{quote(path)}?raw")).status in REFUSED, prefix
        for target, status in (*OUTSIDE.values(), *LINKS.values()):
            if target.startswith("/"):
                assert (await site.ask("/app" + site.named(target))).status in (status, 404), target


@pytest.mark.parametrize("kind", ASGI_KINDS)
async def test_behind_another_server(tmp_path: Path, kind: AsgiKind) -> None:
    """What a server in front makes of a target changes nothing."""
    root = plant(tmp_path)
    dev = DevServer(root, DevOptions(app_type="mpa", middleware=True, ws=WsOptions(port=0)))
    async with dev, serve(kind, dev) as port:
        site = Site(root, dev, port)
        targets = [target for target, _ in (*OUTSIDE.values(), *LINKS.values())]
        targets += [
            spell(path) for path in (".env", "sub/.git/config", "key.pem") for spell in SPELLINGS.values()
        ]
        for target in targets:
            for query in ("", "?raw", "?import&raw"):
                line = f"GET {site.named(target)}{query} HTTP/1.1\r\n"
                answer = await site.exchange(line.encode() + b"Host: localhost\r\nConnection: close\r\n\r\n")
                # What stands behind a hash these servers leave away themselves.
                harmless = "#" in target and PUBLIC.encode() in answer
                assert harmless or not answer or int(answer.split()[1]) in REFUSED, (target, query)
        assert PUBLIC in (await site.ask("/index.html")).body.decode()
        await site.entrance.abandon()


async def test_files_for_everybody(site: Site) -> None:
    """Names that only look like secrets, links within the root, and what RFC 8615 makes public."""
    for path in ("public.txt", "id_rsa.pub", "keys.js", ".well-known/security.txt", "within.txt", "sub/"):
        answer = await site.ask(f"/{path}")
        assert (answer.status, PUBLIC in answer.body.decode()) == (200, True), path


async def test_a_file_without_permission(site: Site) -> None:
    file = site.root / "public.txt"
    file.chmod(0)
    # Whoever may read everything is not kept from it by permissions.
    expected = 200 if os.access(file, os.R_OK) else 403
    assert (await site.ask("/public.txt")).status == expected
    assert (await site.ask("/public.txt?raw")).status == expected


def swap(place: Path, link: Path, times: int, done: threading.Event) -> None:
    """Put a link in the place of what is there, and back, again and again."""
    aside = place.with_name("aside")
    for _ in range(times):
        place.rename(aside)
        link.rename(place)
        place.rename(link)
        aside.rename(place)
    done.set()


@pytest.mark.parametrize(
    ("place", "target", "asked"),
    [
        pytest.param("swapped.txt", f"../{UNSEEN}.txt", "/swapped.txt", id="file"),
        pytest.param("swapped.js", f"../{UNSEEN}.js", "/swapped.js?import", id="module"),
        pytest.param("swapped", "../site_private", f"/swapped/{UNSEEN}.txt", id="folder"),
        pytest.param("swapped", "../site_private", f"/swapped/{UNSEEN}.txt?raw", id="folder, as text"),
    ],
)
async def test_links_swapped_in_while_files_are_opened(
    site: Site, place: str, target: str, asked: str
) -> None:
    """Attack 21: a name leads to a file at one moment and out of the root at the next."""
    witness = await site.entrance.join()
    file = site.root / place if "." in place else site.root / place / f"{UNSEEN}.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"/* {PUBLIC} */")
    (site.root / "swapped.link").symlink_to(target)
    assert (await site.ask(asked)).status == 200
    done = threading.Event()
    swapping = threading.Thread(target=swap, args=(site.root / place, site.root / "swapped.link", 2000, done))
    swapping.start()
    while not done.is_set():
        answer = await site.ask(asked)
        assert answer.status in (200, 403, 404)
        assert (answer.status == 200) == (PUBLIC in answer.body.decode())
    swapping.join()
    assert (await site.ask(asked)).status == 200
    # What the swapping did to the module is told to pages, and they are still there.
    site.entrance.server.send("still:there")
    while await witness.message() != {"type": "custom", "event": "still:there"}:
        pass


async def test_pages_are_told_nothing_of_secrets(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Neither when such a file is saved, nor by an error, nor to whoever invalidates it."""
    caplog.set_level(logging.INFO, "hotchannel")
    (site.root / "main.js").write_text('import "./swapped.js"; import.meta.hot.accept();')
    (site.root / "swapped.js").write_text("export const a = 1;")
    for path in ("/main.js", "/swapped.js", "/.hidden/module.js", "/link.js", "/folder/{unseen}.js?import"):
        await site.ask(site.named(path), HEADERS["module"])
    page = await site.entrance.join()
    for path in ("/.env", "/../{unseen}.js", "../{unseen}.js", "/link.js", "/@fs{outside}", "/key.pem?raw"):
        data = {"path": site.named(path), "message": "mine"}
        await page.say({"type": "custom", "event": "vite:invalidate", "data": data})
    for name in (".env", ".hidden/page.html", ".hidden/module.js", "key.pem", "../{unseen}.js", "link.html"):
        with (site.root / site.named(name)).open("a") as file:
            file.write("( // more\n")
    (site.root / "swapped.js").unlink()
    (site.root / "swapped.js").symlink_to(f"../{UNSEEN}.js")
    told = [await page.message()]
    assert told[0]["type"] == "error"
    assert told[0]["err"]["message"].startswith('Failed to resolve import "./swapped.js" from "main.js".')
    (site.root / "swapped.js").unlink()
    (site.root / "swapped.js").write_text("export const a = 2;")
    while told[-1]["type"] != "update" or not told[-1]["updates"]:
        told.append(await page.message())
    assert [update["path"] for update in told[-1]["updates"]] == ["/main.js"]
    # A save may be told of twice, where the file was seen half written.
    site.entrance.server.send("still:there")
    while told[-1].get("event") != "still:there":
        told.append(await page.message())
    for message in told:
        assert not any(word in repr(message) for word in (UNSEEN, ".env", ".hidden", *KEYS)), message
