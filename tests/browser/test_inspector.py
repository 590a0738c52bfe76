"""The inspector: who may open it, what it shows of a channel at work, and what its buttons do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Locator, Page

    from support.project import Project, StartProject
    from support.tab import Tab

pytestmark = pytest.mark.ours

FILES = {
    "index.html": '<!doctype html><p id="out"></p><script type="module" src="/src/main.js"></script>',
    "src/main.js": 'import { part } from "./part.js";\nimport "./other.js";\n'
    'document.querySelector("#out").textContent = part;\n'
    'import.meta.hot.accept("./part.js", (fresh) => {\n'
    '  document.querySelector("#out").textContent = fresh.part;\n});\n'
    'import.meta.hot.on("page:say", ({ text }) => { document.querySelector("#out").textContent = text; });\n'
    "window.send = (event, data) => import.meta.hot.send(event, data);\n",
    "src/part.js": 'import { leaf } from "./leaf.js";\nexport const part = `part ${leaf}`;\n',
    "src/leaf.js": "export const leaf = 1;\n",
    "src/other.js": "export const other = 1;\n",
}
EVIL = '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>'


def link(site: Project) -> str:
    """The inspector's address, as the terminal says it."""
    found = re.search(r"Inspector:\s+(http\S+?token=[\w-]+)", site.log)
    assert found
    return found[1]


def look(tab: Tab, url: str) -> Page:
    """Open the inspector and wait until it is told something."""
    tab.page.goto(url)
    expect(tab.page.locator("#state")).to_have_text("connected")
    expect(tab.page.locator("#numbers li")).to_have_count(8)
    return tab.page


def rows(page: Page, name: str) -> Locator:
    """The lines of the log with this name."""
    return page.locator("#log details").filter(has=page.locator(".name", has_text=re.compile(f"^{name}")))


@pytest.fixture
def site(project: StartProject) -> Project:
    """A site whose page accepts a module."""
    return project(FILES)


def test_it_shows_who_is_there_and_is_no_page_itself(
    site: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    tab.open(site.url)
    page = look(new_tab(), link(site))
    clients = page.locator("#clients .row")
    expect(clients).to_have_count(1)
    expect(clients.locator("code")).to_have_text("/")
    expect(clients.locator(".number")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(page.locator("#numbers li").first).to_have_text("1clients")
    socket = f"{site.url.replace('http', 'ws')}?token=none"
    with connect(socket, subprotocols=[Subprotocol("vite-hmr")]) as other:
        assert other.recv(10) == '{"type":"connected"}'
        expect(clients).to_have_count(2)
        expect(clients.last.locator("code")).to_have_text("\u2013")
        expect(clients.last.locator(".number")).to_have_text("\u2013")
        # It came without the token: it is told nothing, whatever it says.
        other.send(json.dumps({"type": "custom", "event": "hotchannel:inspect"}))
        other.send(json.dumps({"type": "custom", "event": "hotchannel:inspect:reload"}))
        tab.page.evaluate("send('page:hello', 1)")
        expect(rows(page, "page:hello")).to_have_count(1)
        with pytest.raises(TimeoutError):
            other.recv(0.6)
    expect(clients).to_have_count(1)
    assert tab.kept


def test_the_log_has_what_is_said_and_a_filter(site: Project, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    tab.open(site.url)
    page = look(new_tab(), link(site))
    tab.page.evaluate("send('page:first', { list: [1, 2] }); send('page:second', 'x'.repeat(9000))")
    site.edit("src/leaf.js", "1", "2")
    tab.text("part 2")
    expect(rows(page, "update")).to_have_count(1)
    expect(rows(page, "update").locator(".who")).to_have_text("1 page")
    row = rows(page, "page:first")
    row.locator("summary").click()
    shown = row.locator("pre").text_content()
    assert json.loads(shown or "")["data"] == {"list": [1, 2]}
    assert '\n    "list": [\n' in (shown or "")
    rows(page, "page:second").locator("summary").click()
    expect(rows(page, "page:second").locator("pre")).to_have_text(re.compile(r"9\.0 kB in all$"))
    page.locator("#filter").fill("SECOND")
    expect(page.locator("#log details")).to_have_count(1)
    page.locator("#filter").fill("no such thing")
    expect(page.locator("#log")).to_have_text("No message fits.")
    page.locator("#filter").fill("")
    page.locator("#clear").click()
    expect(page.locator("#log details")).to_have_count(0)
    page.locator("#pause").click()
    tab.page.evaluate("send('page:third')")
    expect(page.locator("#numbers li", has_text="messages in")).not_to_have_text("0messages in")
    page.locator("#pause").click()
    expect(rows(page, "page:third")).to_have_count(1)
    # Of the inspector itself there is nothing to see.
    assert "hotchannel:" not in page.locator("#log").inner_text()


def test_a_flood_is_shown_as_far_as_there_is_room(
    site: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    tab.open(site.url)
    page = look(new_tab(), link(site))
    tab.page.evaluate("for (let i = 0; i < 900; i++) send('page:flood', i)")
    expect(rows(page, "page:flood")).to_have_count(300)
    expect(page.locator("#log > .empty")).to_have_text(re.compile(r"^\d+ more came too quickly"))
    assert tab.kept


def test_an_edit_lights_its_way_and_is_timed(site: Project, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    tab.open(site.url)
    page = look(new_tab(), link(site))
    expect(page.locator("#graph .node")).to_have_count(4)
    # The page is asked before it can tell how long it took.
    expect(page.locator("#clients code")).to_have_text("/")
    site.edit("src/leaf.js", "1", "2")
    tab.text("part 2")
    expect(page.locator("#graph .node.lit text")).to_have_text(["part.js", "leaf.js"])
    expect(page.locator("#graph .node.boundary text")).to_have_text(["main.js"])
    expect(page.locator("#graph .edge.lit")).to_have_count(2)
    expect(page.locator("#picked")).to_have_text("Last update: 2 modules, taken in by /src/main.js.")
    saves = page.locator("#saves .row")
    expect(saves).to_have_count(1)
    expect(saves.locator("code")).to_have_text("leaf.js")
    expect(saves.locator(".bar i")).to_have_count(2)
    page.locator("#only").click()
    expect(page.locator("#graph .node")).to_have_count(3)
    page.locator("#only").click()
    page.locator("#find").fill("other")
    expect(page.locator("#graph .node.found text")).to_have_text(["other.js"])
    page.locator("#graph .node.found").click()
    expect(page.locator("#picked")).to_have_text("/src/other.js imported by 1 · imports 0")
    # What nobody takes in reloads the page, and that is another colour.
    site.edit("src/other.js", "1", "2")
    tab.wait_for_reload()
    expect(page.locator("#graph .node.reload text").first).to_have_text("main.js")
    expect(saves.first.locator("code")).to_have_text("other.js")
    # The next page is asked at once.
    site.edit("src/leaf.js", "2", "3")
    tab.text("part 3")
    expect(saves.first.locator("code")).to_have_text("leaf.js")
    expect(saves.first.locator(".bar i")).to_have_count(2)


def test_what_was_refused_stands_there_with_its_reason(
    site: Project, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    new_tab().page.goto(f"{site.url}@hotchannel/?token=wrong")
    page = look(tab, link(site))
    refusal = page.locator("#refusals .row").first
    expect(refusal.locator("b")).to_have_text("token")
    expect(refusal.locator("code")).to_have_text(re.compile(r"^\(GET /@hotchannel/"))
    assert "wrong" not in page.locator("#refusals").inner_text()


def test_the_buttons_send_and_reload(site: Project, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    tab.open(site.url)
    page = look(new_tab(), link(site))
    page.locator("#event").fill("page:say")
    page.locator("#data").fill("{ no JSON")
    page.locator("#send").click()
    expect(page.locator("#problem")).to_have_text(re.compile("^The data is no JSON"))
    page.locator("#data").fill('{"text": "said"}')
    page.locator("#send").click()
    tab.text("said")
    expect(page.locator("#problem")).to_have_text("")
    page.evaluate("window.isSame = true")
    page.locator("#reload").click()
    tab.wait_for_reload()
    assert page.evaluate("window.isSame")
    expect(rows(page, "full-reload")).to_have_count(1)


def test_it_opens_with_its_token_only(site: Project, tab: Tab) -> None:
    for query in ("", "?token=", "?token=wrong", "?Token=" + link(site).partition("=")[2]):
        answer = tab.page.request.get(f"{site.url}@hotchannel/{query}")
        assert (answer.status, answer.headers["cache-control"]) == (403, "no-store")
        assert "prints the whole link" in answer.text()
        assert "data-settings" not in answer.text()
    good = tab.page.request.get(link(site))
    assert good.status == 200
    assert good.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in good.headers["content-security-policy"]
    for site_of, mode, to in (("cross-site", "cors", "empty"), ("same-site", "navigate", "iframe")):
        headers = {"sec-fetch-site": site_of, "sec-fetch-mode": mode, "sec-fetch-dest": to}
        assert tab.page.request.get(link(site), headers=headers).status == 403
    assert tab.page.request.get(link(site), headers={"Host": "evil.example"}).status == 403
    assert tab.page.request.post(link(site)).status == 405
    assert tab.page.request.get(f"{site.url}@hotchannel/inspector/none/main.js").status == 404


def test_what_clients_say_is_text(site: Project, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    page = look(tab, link(site))
    other = new_tab()
    other.open(f"{site.url}{'%3Cimg src=x onerror=harmed=1%3E'}")
    other.page.evaluate("(evil) => { send(evil, evil); send('hotchannel:applied', evil); }", EVIL)
    expect(rows(page, re.escape(EVIL))).to_have_count(1)
    rows(page, re.escape(EVIL)).locator("summary").click()
    expect(page.locator("#log pre")).to_contain_text("onerror")
    page.request.get(f"{site.url}@hotchannel/{EVIL}")
    expect(page.locator("#clients code")).to_contain_text("img")
    for hostile in ("null", "[]", "{}", '{"id": {}, "page": [1]}', '{"ms": -1, "timestamp": 0}'):
        for event in ("seen", "applied", "inspect:send", "inspect:reload"):
            other.page.evaluate(
                "([event, data]) => send(`hotchannel:${event}`, JSON.parse(data))", [event, hostile]
            )
    other.page.evaluate("send('page:end')")
    expect(rows(page, "page:end")).to_have_count(1)
    assert page.evaluate("window.harmed") is None
    assert page.locator("#log img, #clients img, main script").count() == 0


def test_it_comes_back_with_the_server(
    site: Project, tab: Tab, new_tab: Callable[[], Tab], shared_engine: str | None
) -> None:
    page = look(new_tab(), link(site))
    before = page.url
    site.restart()
    if shared_engine is None:
        # Another server has another token; one that shares its channel has that of the others.
        page.wait_for_url(lambda url: url != before)
    expect(page.locator("#state")).to_have_text("connected")
    tab.open(site.url)
    expect(page.locator("#clients .row")).to_have_count(1)


def test_it_fits_a_phone(site: Project, tab: Tab, browser: Browser) -> None:
    tab.open(site.url)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(link(site))
    expect(page.locator("#graph .node")).to_have_count(4)
    tab.page.evaluate("send('page:' + 'long'.repeat(60), 'wide'.repeat(900))")
    expect(page.locator("#log details")).to_have_count(1)
    page.locator("#log summary").click()
    wide: Any = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    context.close()
    assert wide == [390, 390]


def test_below_a_base(project: StartProject, tab: Tab, new_tab: Callable[[], Tab]) -> None:
    site = project(FILES, base="/app/")
    tab.open(site.url)
    page = look(new_tab(), link(site))
    assert "/app/@hotchannel/" in page.url
    expect(page.locator("#clients code")).to_have_text("/app/")
