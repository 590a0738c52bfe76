"""Several workers of one server: who has the channel, what the others hand on, and who comes next."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hotchannel.devserver.http import PASS
from hotchannel.errors import HotChannelError
from hotchannel.integrations.asgi_worker import AsgiWorker
from hotchannel.integrations.channel import AppChannel
from hotchannel.integrations.follower import Follower
from hotchannel.integrations.host import Host
from hotchannel.integrations.link import Line
from hotchannel.integrations.pages import AppPage
from hotchannel.integrations.rendezvous import Meeting, Rendezvous
from hotchannel.integrations.settings import read_settings
from hotchannel.integrations.worker import Worker
from hotchannel.websocket.asgi import AsgiEntrance
from hotchannel.wire.binary import BinaryData, pack
from hotchannel.wire.payloads import Binary, Custom, ErrorDetail
from integrations.conftest import get

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from hotchannel.devserver.http import Request, Response
    from hotchannel.websocket.handshake import HandshakeRequest
    from integrations.conftest import Browser

    StartWorker = Callable[[], AbstractAsyncContextManager[Worker]]

PAGE = "<!doctype html><html><head></head><body>\udcff</body></html>"


@pytest.fixture(autouse=True)
def _private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def worker(site: Path) -> StartWorker:
    """Start a worker of the project's server."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Worker]:
        settings = read_settings(site, {"static": {"/static": "static"}, "templates": ["templates"]})

        def make(**given: Any) -> Host:
            return Host(settings, hosts_option="allowed_hosts", shares_port=True, **given)

        made = Worker(settings, "127.0.0.1:8000", make=make, forget_templates=lambda: None)
        await made.start()
        try:
            yield made
        finally:
            await made.close()

    return start


async def test_the_first_has_the_channel_and_the_second_follows(worker: StartWorker) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        assert isinstance(second.hot, Follower)
        client = await get(second.hot, "/@vite/client")
        assert first.hot.channel.token.encode() in client.body  # type: ignore[operator]
        assert await get(second.hot, "/static/missing.js") is PASS
        assert second.hot.concerns("/static/main.js", "")
        assert not second.hot.concerns("/other", "")


async def test_a_page_of_a_follower_is_as_the_owner_makes_it(worker: StartWorker) -> None:
    async with worker() as first, worker() as second:
        page = AppPage("/", "localhost", "GET", 200, PAGE)
        sent = await second.hot.page(page, [], "http://localhost")
        assert sent is not None
        assert "/@vite/client" in sent.text
        assert "\udcff" in sent.text
        token = first.hot.channel.token  # type: ignore[union-attr]
        for made in (first, second):
            kept = await get(made.hot, f"/@hotchannel/page/{sent.name}?token={token}")
            assert kept.body == PAGE.encode(errors="surrogateescape")
        assert await second.hot.page(AppPage("/", "localhost", "GET", 200, "<p>"), [], "") is None


async def test_a_question_that_takes_its_time_holds_up_no_other(
    worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        respond, begun, goes_on = first.hot.respond, asyncio.Event(), asyncio.Event()

        async def slowly(head: HandshakeRequest, request: Request, address: str) -> Response:
            if request.target == "/static/main.js":
                begun.set()
                await goes_on.wait()
            return await respond(head, request, address)

        monkeypatch.setattr(first.hot, "respond", slowly)
        slow = asyncio.create_task(get(second.hot, "/static/main.js"))
        await begun.wait()
        assert (await get(second.hot, "/static/style.css", sec_fetch_dest="style")).status == 200
        assert not slow.done()
        goes_on.set()
        assert (await slow).status == 200


async def test_a_page_of_a_follower_is_of_when_it_was_begun(worker: StartWorker, visitor: Browser) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(second.hot, Follower)
        position = await second.hot.position()
        first.hot.send(Custom("saved", 1))
        page = AppPage("/", "localhost", "GET", 200, PAGE, position=position)
        sent = await second.hot.page(page, [], "http://localhost")
        assert sent is not None
        assert f'content="{position}"' in sent.text
        await visitor.connect(second.hot.websocket, position=position)
        assert (await visitor.next())["event"] == "saved"


async def test_a_socket_that_comes_to_a_follower_is_the_owners(worker: StartWorker, visitor: Browser) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        assert isinstance(second.hot, Follower)
        heard: asyncio.Queue[object] = asyncio.Queue()
        first.hot.on("page:said", lambda data, client: heard.put_nowait(data))
        await visitor.connect(second.hot.websocket)
        second.hot.send(Custom("worker:says", {"é": 1}))
        assert await visitor.next() == {"type": "custom", "event": "worker:says", "data": {"é": 1}}
        visitor.say("page:said", [1])
        async with asyncio.timeout(10):
            assert await heard.get() == [1]
        assert len(first.hot.clients) == 1


async def test_bytes_go_to_pages_and_come_from_them_by_way_of_a_follower(
    worker: StartWorker, visitor: Browser
) -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        assert isinstance(second.hot, Follower)
        hot = AppChannel()
        hot.carried_by(second.hot)
        heard: asyncio.Queue[object] = asyncio.Queue()
        first.hot.on("frame", lambda data, client: heard.put_nowait(data))
        await visitor.connect(second.hot.websocket, binary=True)
        await asyncio.to_thread(hot.send, "frame", image.T, {"of": "thread"})
        hot.send("frame", image)
        assert await visitor.next() == pack(Binary("frame", image.T.tobytes(), {"of": "thread"}))
        assert await visitor.next() == pack(Binary("frame", image.tobytes()))
        visitor.say_bytes(pack(Binary("frame", b"\xff", 1)))
        async with asyncio.timeout(10):
            assert await heard.get() == BinaryData(b"\xff", 1)


@pytest.mark.parametrize(
    "data",
    [2**70, "\udcff", {"1": (2.5, None)}, datetime(2030, 1, 2, tzinfo=UTC)],
    ids=["a huge number", "no UTF-8", "nested", "a date"],
)
async def test_a_follower_says_whatever_the_owner_can(
    worker: StartWorker, visitor: Browser, data: object
) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        assert isinstance(second.hot, Follower)
        await visitor.connect(AsgiEntrance(first.hot.channel), binary=True)
        for hot in (first.hot, second.hot):
            hot.send(Custom("said", data))
            hot.send(Binary("said", b"", data))
        said = [await visitor.next() for _ in range(4)]
        assert said[:2] == said[2:]


@pytest.mark.parametrize(
    "arguments", [("frame", b"", object()), ("frame", b"", "x" * 64 * 1024), ("said", object())]
)
async def test_what_cannot_be_sent_is_told_in_every_worker(
    worker: StartWorker, arguments: tuple[Any, ...]
) -> None:
    async with worker() as first, worker() as second:
        for made in (first, second):
            hot = AppChannel()
            hot.carried_by(made.hot)
            with pytest.raises(HotChannelError):
                hot.send(*arguments)
            with pytest.raises(HotChannelError):
                await asyncio.to_thread(hot.send, *arguments)


async def test_a_page_that_does_not_read_is_dropped_by_the_owner(
    worker: StartWorker, visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    async with worker() as first, worker() as second:
        assert isinstance(first.hot, Host)
        assert isinstance(second.hot, Follower)
        await visitor.connect(second.hot.websocket)
        visitor.stop_reading()
        async with asyncio.timeout(20):
            while first.hot.channel.stats().dropped == 0:
                first.hot.send(Binary("frame", bytes(1024 * 1024)))
                await asyncio.sleep(0)
        assert first.hot.clients == frozenset()
        assert "it does not read" in caplog.text


async def test_a_channel_whose_port_is_taken_does_not_pass_for_one_that_shares_the_applications(
    site: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(site)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        reached: list[str] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            reached.append(scope["type"])

        made = AsgiWorker(application, lambda scope: _standalone(site, port))
        try:
            hot = await made.hot(SOCKET)
            assert isinstance(hot, Host)
            assert (hot.channel.mode, hot.channel.port) == ("standalone", None)
            assert f"port {port} is already in use" in caplog.text
            # The page says where its channel is missing, and the socket is the application's.
            assert b"wsPort = %d" % port in (await get(hot, "/@vite/client")).body  # type: ignore[operator]
            await made.websocket(SOCKET, _nothing, _nothing)
            assert reached == ["websocket"]
        finally:
            await made.close()


SOCKET = {
    "type": "websocket",
    "path": "/",
    "query_string": b"",
    "headers": [(b"host", b"localhost"), (b"sec-websocket-protocol", b"vite-hmr")],
    "subprotocols": ["vite-hmr"],
}


def _standalone(site: Path, port: int) -> Worker:
    settings = read_settings(site, {"static": {}, "templates": [], "ws": {"port": port}})

    def make(**given: Any) -> Host:
        return Host(settings, hosts_option="allowed_hosts", shares_port=False, **given)

    return Worker(settings, "127.0.0.1:8000", make=make, forget_templates=lambda: None)


async def _nothing(*_: object) -> Any:
    return {}


async def test_an_exception_in_one_is_mended_by_an_answer_of_another(
    worker: StartWorker, visitor: Browser
) -> None:
    async with worker() as first, worker() as second, worker() as third:
        assert isinstance(second.hot, Follower)
        await visitor.connect(second.hot.websocket)
        second.hot.failed("GET /a", ErrorDetail(message="ValueError", stack=""))
        assert (await visitor.next())["err"]["message"] == "ValueError"
        async with asyncio.timeout(10):
            while "GET /a" not in third.hot.failing:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        third.hot.succeeded("GET /a")
        assert await visitor.next() == {"type": "update", "updates": []}
        assert first.hot.failing == set()


async def test_when_the_owner_is_gone_another_has_its_token(worker: StartWorker) -> None:
    async with worker() as first:
        assert isinstance(first.hot, Host)
        token = first.hot.channel.token
        async with worker() as second:
            assert isinstance(second.hot, Follower)
            # As a process that is killed: its connections end, and its lock.
            assert first._link is not None
            assert first._rendezvous is not None
            first._link.close()
            first._rendezvous._lock.release()
            async with asyncio.timeout(10):
                while not isinstance(second.hot, Host):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
            assert second.hot.channel.token == token
            assert (await get(second.hot, "/static/main.js")).status == 200


async def test_another_server_of_the_project_has_its_own(site: Path) -> None:
    first, second = Rendezvous(str(site), "127.0.0.1:8000"), Rendezvous(str(site), "127.0.0.1:8001")
    assert first.claim()
    assert second.claim()
    assert not Rendezvous(str(site), "127.0.0.1:8000").claim()
    first.leave()
    second.leave()


async def test_what_workers_tell_each_other_is_for_this_user_only(site: Path, tmp_path: Path) -> None:
    rendezvous = Rendezvous(str(site), "s")
    rendezvous.announce(Meeting(1, "secret", "token"))
    [folder] = (tmp_path / "run").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [file for file in folder.iterdir() if file.suffix == ".json"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
    assert rendezvous.find() == Meeting(1, "secret", "token")
    files[0].write_text("{")
    assert rendezvous.find() is None


async def test_a_folder_that_others_may_read_is_refused(site: Path, tmp_path: Path) -> None:
    user = os.getuid()
    (tmp_path / "run" / f"hotchannel-{user}").mkdir(mode=0o755)
    os.chmod(tmp_path / "run" / f"hotchannel-{user}", 0o755)
    with pytest.raises(HotChannelError, match="only you can read"):
        Rendezvous(str(site), "s")


@pytest.mark.parametrize(
    "first",
    [{"secret": "wrong", "purpose": "worker"}, {}, [], None, {"secret": 1}, "text"],
    ids=["wrong", "none", "list", "null", "number", "text"],
)
async def test_who_does_not_know_the_secret_is_told_nothing(worker: StartWorker, first: object) -> None:
    async with worker() as owner:
        assert owner._rendezvous is not None
        meeting = owner._rendezvous.find()
        assert meeting is not None
        line = Line(*await asyncio.open_connection("127.0.0.1", meeting.port))
        line.write(first)
        assert await line.read() is None
        line.close()
        assert (await get(owner.hot, "/@vite/client")).status == 200


async def test_the_applications_channel_goes_by_whoever_carries_it(
    worker: StartWorker, visitor: Browser
) -> None:
    hot = AppChannel()
    hot.send("too:early", 1)
    with pytest.raises(HotChannelError):
        hot.send(1)  # type: ignore[arg-type]
    async with worker() as first:
        assert isinstance(first.hot, Host)
        heard: asyncio.Queue[object] = asyncio.Queue()

        @hot.on("page:said")
        def listener(data: object, client: object) -> None:
            heard.put_nowait(data)

        hot.carried_by(first.hot)
        await visitor.connect(AsgiEntrance(first.hot.channel))
        assert len(hot.clients) == 1
        await asyncio.to_thread(hot.send, "from:thread", 2)
        assert (await visitor.next())["event"] == "from:thread"
        with pytest.raises(HotChannelError):
            await asyncio.to_thread(hot.send, "from:thread", object())
        await asyncio.to_thread(hot.send, "from:thread", memoryview(b"\xff"), 1)
        assert (await visitor.next())["data"] == {"data": "/w==", "meta": 1}
        visitor.say("page:said", "hello")
        async with asyncio.timeout(10):
            assert await heard.get() == "hello"
        hot.off("page:said", listener)
        hot.dropped_by(first.hot)
        assert not hot.is_on
        assert hot.clients == frozenset()
