"""Pages of other sites that try to read or run what is served, and what the log says: attacks 23 and 25."""

from __future__ import annotations

import logging
import re
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

import pytest

from attacks.paths import HIDDEN, KEYS, PUBLIC, Site, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from support.entrances import Answer

FOREIGN_ORIGINS = (
    "http://localhost:8000",
    "http://127.0.0.1:8000",
    "https://localhost:5173",
    "http://localhost",
    "http://evil.example",
    "http://localhost.evil.example",
    "http://evil.example:5173",
    "http://[::1]:8000",
    "http://[::1",
    "null",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "*",
    "",
    "\xff\xfe",
    "http://localhost:8000, http://localhost:5173",
    "http://" + "a" * 8000,
)

SERVED = (
    "/",
    "/index.html",
    "/main.js",
    "/main.js?import",
    "/style.css",
    "/style.css?import",
    "/picture.svg",
    "/picture.svg?import",
    "/data.json",
    "/public.txt",
    "/public.txt?raw",
    "/@vite/client",
)
UNSERVED = ("/none.js", "/none.html", "/.env", "/key.pem", "/link.txt", "/%zz", "/@vite/none")

NAVIGATIONS = ("document", "iframe", "frame", "embed", "object")

OPENED = "http://localhost:8000"
NEARLY_OPENED = (
    "http://localhost:80000",
    "http://localhost:8001",
    "http://localhost",
    "https://localhost:8000",
    "http://localhost:8000.evil.example",
    "http://localhost:8000/",
    "http://LOCALHOST:8000",
    "http://evil.example/http://localhost:8000",
    "http://127.0.0.1:8000",
    "null",
    "*",
)


def write_site(site: Site) -> None:
    for name, content in {
        "main.js": f"export const text = '{PUBLIC}'; import.meta.hot.accept();",
        "style.css": f"/* {PUBLIC} */",
        "picture.svg": f"<svg><!-- {PUBLIC} --></svg>",
        "data.json": f'{{"text": "{PUBLIC}"}}',
    }.items():
        (site.root / name).write_text(content)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving(tmp_path) as site:
        write_site(site)
        yield site


def fetch(site: str, mode: str, destination: str, **more: str) -> dict[str, str]:
    """What a browser says of a request."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination, **more}


def is_closed(answer: Answer) -> bool:
    """Whether no page of another origin may read it, however it was asked for."""
    allowing = [name for name in answer.headers if name.startswith("access-control-")]
    return (
        not allowing
        and answer.headers["cross-origin-resource-policy"] == "same-origin"
        and answer.headers["x-content-type-options"] == "nosniff"
    )


async def everything(site: Site) -> tuple[str, ...]:
    """What is served, with the modules that the client imports, whose names have a digest in them."""
    client = (await site.ask("/@vite/client")).body.decode()
    siblings = re.findall(r'from "\./([^"]+)"', client)
    assert siblings
    return (*SERVED, *(f"/@vite/{name}" for name in siblings))


async def test_no_page_of_another_origin_may_read_anything(site: Site, subtests: pytest.Subtests) -> None:
    witness = await site.entrance.join()
    for origin in FOREIGN_ORIGINS:
        with subtests.test(ascii(origin[:50])):
            for target in (*await everything(site), *UNSERVED):
                for headers in (
                    {},
                    fetch("cross-site", "cors", "script"),
                    fetch("same-site", "cors", "empty"),
                    fetch("cross-site", "no-cors", "image", Accept="image/*"),
                    fetch("same-site", "no-cors", "style", Accept="text/css"),
                    fetch("cross-site", "navigate", "document", Accept="text/html"),
                ):
                    answer = await site.ask(target, {"Origin": origin, **headers})
                    assert is_closed(answer), (target, headers, answer.headers)
            await site.still_serves(witness)


async def test_no_preflight_is_granted(site: Site, subtests: pytest.Subtests) -> None:
    for origin in FOREIGN_ORIGINS:
        with subtests.test(ascii(origin[:50])):
            for target in (*SERVED, *UNSERVED, "*"):
                for more in (
                    "Access-Control-Request-Method: GET",
                    "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-token",
                    "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true",
                    "Sec-Fetch-Mode: cors",
                ):
                    request = (
                        f"OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{more}\r\n"
                        "Connection: close\r\n\r\n"
                    )
                    answer = await site.exchange(request.encode("latin-1"))
                    assert answer.split()[1] in (b"400", b"405"), answer
                    assert b"access-control-" not in answer.lower()


async def test_classic_scripts_do_not_run_on_other_sites(site: Site) -> None:
    """They need no permission to run, and what they leave in the page can be read [CVE-2025-30359]."""
    token = site.entrance.server.token
    further: list[dict[str, str]] = [{}, {"Referer": "http://a/"}, {"Accept": "*/*"}, {"If-None-Match": "*"}]
    for target in (*await everything(site), *UNSERVED):
        for where, more in product(("cross-site", "same-site"), further):
            answer = await site.ask(target, fetch(where, "no-cors", "script", **more))
            assert answer.status == 403
            assert is_closed(answer)
            assert token not in answer.body.decode()
            assert PUBLIC not in answer.body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="plain HTTP in a LAN"),
        pytest.param(fetch("same-origin", "cors", "script"), id="module"),
        pytest.param(fetch("same-origin", "no-cors", "script"), id="classic script"),
        pytest.param(fetch("same-origin", "no-cors", "style", Accept="text/css"), id="stylesheet"),
        pytest.param(fetch("same-origin", "same-origin", "worker"), id="worker"),
        pytest.param(fetch("none", "navigate", "document", Accept="text/html"), id="typed address"),
        pytest.param({"Sec-Fetch-Dest": "script"}, id="destination alone"),
        pytest.param({"Sec-Fetch-Mode": "no-cors"}, id="mode alone"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="site alone"),
        pytest.param({"Origin": "http://localhost:8000"}, id="origin alone"),
        pytest.param({"Referer": "http://evil.example/"}, id="referrer alone"),
    ],
)
async def test_what_is_no_script_of_another_site_is_served(site: Site, headers: Mapping[str, str]) -> None:
    for target in await everything(site):
        assert (await site.ask(target, headers)).status == 200, target


async def test_navigations_and_frames_are_never_refused(site: Site) -> None:
    """A link, a bookmark, an editor's preview: who follows one sees the page."""
    further: list[dict[str, str]] = [
        {},
        {"Sec-Fetch-User": "?1"},
        {"Origin": "null"},
        {"Referer": "https://a/"},
    ]
    for where, destination, more in product(
        ("cross-site", "same-site", "same-origin", "none"), NAVIGATIONS, further
    ):
        headers = fetch(where, "navigate", destination, Accept="text/html", **more)
        for target in ("/", "/index.html", "/sub/", "/main.js", "/picture.svg", "/public.txt"):
            answer = await site.ask(target, headers)
            assert (answer.status, PUBLIC in answer.body.decode()) == (200, True), (target, headers)


async def test_an_origin_that_is_let_in_and_those_that_are_not(tmp_path: Path) -> None:
    async with serving(tmp_path, cors=(OPENED,)) as site:
        write_site(site)
        for target in (*await everything(site), *UNSERVED):
            answer = await site.ask(target, {"Origin": OPENED, **fetch("same-site", "cors", "script")})
            assert answer.headers["access-control-allow-origin"] == OPENED
            assert "access-control-allow-credentials" not in answer.headers
            for origin in (*NEARLY_OPENED, *FOREIGN_ORIGINS[1:]):
                answer = await site.ask(target, {"Origin": origin})
                assert "access-control-allow-origin" not in answer.headers
            for where in ("cross-site", "same-site"):
                foreign = {"Origin": OPENED, **fetch(where, "no-cors", "script")}
                assert (await site.ask(target, foreign)).status == 403


async def test_a_name_that_leads_here_is_not_believed(site: Site) -> None:
    """DNS rebinding makes a foreign page same-origin to the browser; its Host tells."""
    token = site.entrance.server.token
    for host in ("evil.example", "localhost.evil.example", "evil.example:5173", "", "127.1", "[::1"):
        for target in (*SERVED, *UNSERVED):
            answer = await site.ask(target, {"Host": host, **fetch("same-origin", "cors", "empty")})
            assert answer.status in (400, 403)
            assert is_closed(answer) or answer.hung_up
            assert token not in answer.body.decode()
            assert PUBLIC not in answer.body.decode()


@pytest.mark.parametrize("base", ["/", "/app/"])
async def test_no_redirect_leads_to_another_host(tmp_path: Path, base: str) -> None:
    async with serving(tmp_path, base=base) as site:
        for slashes in ("", "/", "//", "///"):
            for query in ("", "?//evil.example", "?a=/../b"):
                answer = await site.ask(f"{base}{slashes}sub{query}")
                assert (answer.status, answer.headers["location"]) == (301, f"{base}sub/{query}")
        for target in ("//evil.example/..", "//evil.example/", "/%2fevil.example", "/\\evil.example"):
            assert (await site.ask(target)).status in (400, 403, 404)


# The log.


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of refusals."""
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("hotchannel")]
    return [line for line in lines if line.startswith("refused ")]


def refused(site: Site) -> Counter[str]:
    """The metric."""
    return Counter({str(reason): count for reason, count in site.entrance.server.stats().refused.items()})


@pytest.mark.parametrize(
    ("target", "reason", "said"),
    [
        pytest.param("/.env", "file", "dot files are not served", id="dot file"),
        pytest.param("/.env?raw&token=abc", "file", "dot files are not served", id="dot file with a query"),
        pytest.param("/../secret", "file", "dot files are not served", id="parent"),
        pytest.param("/key.pem", "file", "keys and other secrets are not served", id="key"),
        pytest.param("/link.txt", "file", "links out of the served folder are not followed", id="link"),
        pytest.param("/folder/", "file", "links out of the served folder are not followed", id="folder"),
        pytest.param("/key.txt", "file", "keys and other secrets are not served", id="link to a key"),
        pytest.param("/fifo", "file", "only regular files are served", id="fifo"),
        pytest.param("/%zz", "request-target", "the path is malformed", id="malformed"),
        pytest.param("/..%5csecret", "request-target", "the path is malformed", id="backslash"),
    ],
)
async def test_what_is_refused_has_its_line_and_is_counted(
    site: Site, target: str, reason: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = refused(site)
    await site.ask(target)
    (line,) = refusals(caplog)
    assert re.fullmatch(rf"refused 127\.0\.0\.1:\d+: {reason} \(GET (\S+)\): {said}", line)
    assert f"GET {target.partition('?')[0]})" in line
    assert "abc" not in line
    assert refused(site) - before == Counter({reason: 1})


async def test_a_refused_script_has_its_line_and_is_counted(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = fetch("cross-site", "no-cors", "script", Referer="http://evil.example/")
    await site.ask("/@vite/client", foreign)
    (line,) = refusals(caplog)
    assert "script-for-another-site (GET /@vite/client" in line
    assert "http://evil.example/" in line
    assert refused(site) == Counter({"script-for-another-site": 1})


async def test_what_is_just_not_there_is_no_refusal(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    for target in ("/none.js", "/.well-known/appspecific/com.chrome.devtools.json", "/loop.txt", "/sub"):
        assert (await site.ask(target)).status in (301, 404)
    assert refusals(caplog) == []
    assert not refused(site)


async def test_a_refused_name_cannot_forge_a_line(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hotchannel")
    for name in ("%0d%0aforged%20line", "%1b[2J", "%e2%80%ae", "%c2%9b31m", "a" * 5000):
        await site.ask(f"/.{name}")
        await site.ask("/main.js", fetch("same-site", "no-cors", "script", Referer=f"http://\x1b\x9b{name}"))
    lines = refusals(caplog)
    assert len(lines) == 10
    assert all(line.isprintable() and len(line) < 300 for line in lines)


async def test_a_flood_of_refusals_is_not_a_flood_of_lines(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack 25: the first in full, then the number of each kind, once a second."""
    caplog.set_level(logging.INFO, "hotchannel")
    witness = await site.entrance.join()
    for _ in range(10):
        for path in (*HIDDEN, *KEYS):
            await site.ask(f"/{path.replace('#', '%23')}?raw")
        await site.ask("/main.js", fetch("same-site", "no-cors", "script"))
        await site.ask("/index.html", {"Host": "evil.example"})
        await site.ask("/%zz")
    await site.still_serves(witness)
    total = Counter(
        {
            "file": 10 * len((*HIDDEN, *KEYS)),
            "script-for-another-site": 10,
            "host-not-allowed": 10,
            "request-target": 10,
        }
    )
    assert refused(site) == total
    witness.vanish()
    await site.entrance.server.close()
    lines = refusals(caplog)
    summaries = [line for line in lines if " more within a second: " in line]
    assert 1 <= len(summaries) <= len(lines) <= 2 * len(summaries) + 1
    assert len(lines) < total.total() / 10
    counted = sum(int(line.split()[1]) for line in summaries) + len(lines) - len(summaries)
    assert counted == total.total()
