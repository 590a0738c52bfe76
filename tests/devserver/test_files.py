"""The only opener of files: what it reads and what it refuses, and what of that other parts let out."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hotchannel.devserver import files
from hotchannel.devserver.app import DevServer
from hotchannel.devserver.files import FileRefused, Root
from hotchannel.options import DevOptions
from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from collections.abc import Callable

UNSEEN = "nobody-knows-me"


@pytest.fixture(params=[pytest.param(True, id="step-by-step"), pytest.param(False, id="as-on-windows")])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setattr(files, "_CAN_WALK", request.param)
    return planted(tmp_path)


def planted(tmp_path: Path) -> Root:
    """A folder beside which there are secrets."""
    folder = tmp_path / "site"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "sub" / "deep" / "c.txt").write_text("hello")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site_private").mkdir()
    (tmp_path / "site_private" / "b.txt").write_text("secret")
    return Root(folder)


def refused(root: Root, url_path: str) -> int:
    with pytest.raises(FileRefused) as refusal:
        root.open(root.locate(url_path)).close()
    # It is told to whoever asked.
    assert os.path.dirname(root.path) not in str(refusal.value)
    return refusal.value.status


def test_a_file_is_read(root: Root) -> None:
    for url_path in ("/a.txt", "/sub/deep/c.txt", "//sub///deep/c.txt"):
        opened = root.open(root.locate(url_path))
        assert (opened.size, opened.read()) == (5, b"hello")


def test_a_part_of_a_file_is_read(root: Root) -> None:
    assert b"".join(root.open(root.locate("/a.txt")).chunks(1, 3)) == b"ell"


@pytest.mark.parametrize(
    ("url_path", "status"),
    [
        pytest.param("/none.txt", 404, id="missing"),
        pytest.param("/none/none.txt", 404, id="missing-folder"),
        pytest.param("/a.txt/b", 404, id="below-a-file"),
        pytest.param("/a.txt/b/c", 404, id="far-below-a-file"),
        pytest.param("/", 404, id="root"),
        pytest.param("/sub", 404, id="folder"),
        pytest.param("/.env", 403, id="dot-file"),
        pytest.param("/.git/config", 403, id="below-a-dot-folder"),
        pytest.param("/sub/deep/.env", 403, id="dot-file-further-down"),
        pytest.param(".env", 403, id="dot-file-without-slash"),
        pytest.param("/\u200c.env", 403, id="dot-file-behind-what-has-no-width"),
        pytest.param("/../secret.txt", 403, id="parent"),
        pytest.param("/sub/../../secret.txt", 403, id="parent-further-on"),
        pytest.param("/./a.txt", 403, id="dot"),
        pytest.param("/.well-known", 403, id="well-known-as-a-file"),
        pytest.param("/.well-known/.env", 403, id="dot-file-in-well-known"),
        pytest.param("/.well-known/../../secret.txt", 403, id="parent-of-well-known"),
        pytest.param("/sub/.well-known/a.txt", 403, id="well-known-elsewhere"),
        pytest.param("/.well-known/none.json", 404, id="missing-in-well-known"),
        pytest.param("/" + "x" * 256, 404, id="name-too-long"),
        pytest.param("/" + "x" * 256 + "/a.txt", 404, id="name-of-a-folder-too-long"),
        pytest.param("/" + "x/" * 5000, 404, id="path-too-long"),
        pytest.param("/a\0b", 404, id="NUL"),
        pytest.param("/a\ud800b", 404, id="surrogate"),
    ],
)
def test_what_is_refused(root: Root, url_path: str, status: int) -> None:
    assert refused(root, url_path) == status


@pytest.mark.parametrize(
    "name",
    """
    server.pem SERVER.PEM server.pem. server.pem.. server.pem~ server.pem.bak server.PEM.Bak server.pem.1
    server.pem::$DATA server.pem:x .pem/ #server.pem# server.pe\u200dm server.\u212aey server.key server.crt
    server.cer server.der store.p12 store.pfx store.jks my.keystore my.kdbx auth.p8 key.pk8 putty.ppk
    id_rsa id_dsa id_ecdsa id_ed25519 id_ed25519_sk id_rsa_work old_id_rsa ID_RSA id_rsa.old id_rsa~
    id_r\u017fa prod.env .env #.env# .env~
    """.split(),
)
def test_names_of_secrets(root: Root, name: str) -> None:
    for url_path in (f"/{name}", f"/sub/{name}", f"/{name} ", f"/{name}/"):
        with pytest.raises(FileRefused, match="not served") as refusal:
            root.locate(url_path)
        assert refusal.value.status == 403
    assert root.url_path(root.path + f"/{name}") is None


@pytest.mark.parametrize(
    "name",
    """
    id_rsa.pub keys.js key.js pem pem.html env.js environment.json certificate.html grid_rsa.css a.pem.js
    monkey keyboard.svg crt.css a.key.json #top.html a~ .well-known/security.txt
    """.split(),
)
def test_names_of_no_secrets(root: Root, name: str) -> None:
    file = Path(root.path, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text("hello")

    assert root.open(root.locate(f"/{name}")).read() == b"hello"
    assert root.url_path(str(file)) == f"/{name}"


def test_a_link_out_of_the_root_is_refused(root: Root) -> None:
    os.symlink("../secret.txt", os.path.join(root.path, "link.txt"))
    os.symlink("../site_private", os.path.join(root.path, "folder"))

    assert refused(root, "/link.txt") == 403
    assert refused(root, "/folder/b.txt") == 403


def test_what_lies_behind_a_link_out_of_the_root_cannot_be_found_out(root: Root) -> None:
    os.symlink("../site_private", os.path.join(root.path, "folder"))
    os.symlink("../nothing", os.path.join(root.path, "dangling"))

    said = []
    for url_path in ("/folder", "/folder/b.txt", "/folder/none.txt", "/folder/b.txt/x", "/dangling"):
        with pytest.raises(FileRefused) as refusal:
            root.open(root.locate(url_path))
        said.append((refusal.value.status, str(refusal.value), refusal.value.is_directory))
        assert root.find(root.locate(url_path)) is None
    assert len(set(said)) == 1
    assert root.names("/folder") is None


def test_a_link_to_a_dot_file_is_refused(root: Root) -> None:
    Path(root.path, ".env").write_text("secret")
    os.symlink(".env", os.path.join(root.path, "link.txt"))

    assert refused(root, "/link.txt") == 403


def test_a_link_inside_the_root_is_followed_and_its_file_named(root: Root) -> None:
    os.symlink("a.txt", os.path.join(root.path, "link.txt"))
    os.symlink("../link.txt", os.path.join(root.path, "sub", "link.txt"))
    os.symlink("sub", os.path.join(root.path, "folder"))

    for url_path in ("/link.txt", "/sub/link.txt", "/folder/link.txt"):
        opened = root.open(root.locate(url_path))
        assert opened.path == os.path.join(root.path, "a.txt")
        assert opened.read() == b"hello"
        assert root.find(root.locate(url_path)) == opened.path


def test_a_link_to_itself_is_not_there(root: Root) -> None:
    os.symlink("loop", os.path.join(root.path, "loop"))

    assert refused(root, "/loop") == 404
    assert refused(root, "/loop/a.txt") == 404
    assert root.find(root.locate("/loop")) is None


def test_fifos_and_sockets_are_refused_at_once(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(os.path.join(root.path, "fifo"))
    monkeypatch.chdir(root.path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        assert refused(root, "/fifo") == 403
        assert refused(root, "/socket") == 403


@pytest.mark.parametrize(
    "file",
    ["/proc/self/environ", "/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/dev/null"],
)
def test_what_the_kernel_says_is_no_file(file: str) -> None:
    everything = Root("/")
    if not os.path.exists(file):
        assert refused(everything, file) == 404
        return

    assert refused(everything, file) == 403


def test_private_files_are_refused_by_any_name(tmp_path: Path) -> None:
    root = Root(planted(tmp_path).path, private=[tmp_path / "site" / "a.txt", tmp_path / "none"])
    os.symlink("a.txt", os.path.join(root.path, "link.txt"))
    os.link(os.path.join(root.path, "a.txt"), os.path.join(root.path, "hard.txt"))

    for url_path in ("/a.txt", "/link.txt", "/hard.txt"):
        assert refused(root, url_path) == 403
    assert root.open(root.locate("/sub/deep/c.txt")).read() == b"hello"


# Links that are swapped.


@pytest.mark.parametrize(
    ("swapped", "target", "url_path"),
    [
        pytest.param("a.txt", "../secret.txt", "/a.txt", id="file"),
        pytest.param("sub/deep/c.txt", "../../../secret.txt", "/sub/deep/c.txt", id="file-further-down"),
        pytest.param("sub", "../site_private", "/sub/b.txt", id="folder"),
        pytest.param("sub/deep", "../../site_private", "/sub/deep/b.txt", id="folder-further-down"),
    ],
)
def test_whenever_a_link_is_swapped_in_nothing_comes_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str, target: str, url_path: str
) -> None:
    """Every way in which a file and a link can take turns between the calls of the system."""
    root = planted(tmp_path)
    for inside in ("sub/b.txt", "sub/deep/b.txt"):
        Path(root.path, inside).write_text("hello")
    place, aside = Path(root.path, swapped), tmp_path / "aside"
    calls = {name: getattr(os, name) for name in ("open", "stat", "lstat", "readlink", "fstat")}
    turns: list[bool] = []

    def put(is_link: bool) -> None:
        if is_link and not aside.exists():
            place.rename(aside)
            place.symlink_to(target)
        elif not is_link and aside.exists():
            place.unlink()
            aside.rename(place)

    def taking_turns(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(path: Any, *args: Any, **options: Any) -> Any:
            if turns and not (isinstance(path, str) and path in root.path):
                following = turns.pop()
                with monkeypatch.context() as undisturbed:
                    for name, real in calls.items():
                        undisturbed.setattr(os, name, real)
                    put(following)
            return call(path, *args, **options)

        return called

    contents: set[bytes] = set()
    for order in itertools.product((False, True), repeat=8):
        turns[:] = order
        with monkeypatch.context() as disturbed:
            for name, call in calls.items():
                disturbed.setattr(os, name, taking_turns(call))
            with suppress(FileRefused):
                contents.add(root.open(root.locate(url_path)).read())
        put(False)
    assert contents == {b"hello"}


# Names and descriptors.


def test_the_url_of_a_file(root: Root) -> None:
    assert root.url_path(root.path) == "/"
    assert root.url_path(os.path.join(root.path, "sub", "b.txt")) == "/sub/b.txt"
    assert root.url_path(root.path + "_private/b.txt") is None
    assert root.url_path(os.path.join(root.path, ".git", "config.html")) is None


def test_the_names_in_a_folder_are_those_that_may_be_served(root: Root) -> None:
    for name in (".env", "key.pem", "id_rsa", "id_rsa.pub", "#.env#", "b.txt"):
        Path(root.path, "sub", name).write_text("")

    assert root.names("/sub") == root.names("/sub/") == ["b.txt", "deep", "id_rsa.pub"]
    assert root.names("/") == ["a.txt", "sub"]
    for url_path in ("/none", "/a.txt", "/..", "/.git", "/x\0", "/" + "x" * 300):
        assert root.names(url_path) is None


def test_no_descriptor_is_left_open(root: Root) -> None:
    os.mkfifo(os.path.join(root.path, "fifo"))
    os.symlink("../secret.txt", os.path.join(root.path, "link"))
    before = len(os.listdir("/proc/self/fd"))

    for url_path in ("/sub", "/fifo", "/none", "/link", "/a.txt", "/sub/deep/c.txt", "/sub/deep/none"):
        with suppress(FileRefused):
            root.open(root.locate(url_path)).read()
        with suppress(FileRefused):
            # Nobody comes for this one.
            root.open(root.locate(url_path)).chunks()

    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_file_is_not_read_on_for_a_peer_that_is_gone(tmp_path: Path) -> None:
    with (tmp_path / "film.mp4").open("wb") as film:
        film.truncate(1 << 40)
    dev = DevServer(tmp_path, DevOptions(middleware=True))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect" if sent else "http.request"}

    async def send(message: Any) -> None:
        # So that reading on is a failure, and does not hang.
        assert len(sent) < 1000
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/film.mp4",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
    }
    await dev(scope, receive, send)
    assert sent[0]["status"] == 200
    assert len(sent) < 10


# What other parts let out.


@pytest.fixture
def beside_secrets(tmp_path: Path) -> HotFolder:
    """A folder that is served, beside one that nobody may know of, and with links to it."""
    (tmp_path / "site").mkdir()
    folder = HotFolder((tmp_path / "site").resolve())
    for suffix in ("js", "css", "html", "json"):
        (tmp_path / "private").mkdir(exist_ok=True)
        (tmp_path / "private" / f"{UNSEEN}.{suffix}").write_text(f"({UNSEEN}")
        (tmp_path / f"{UNSEEN}.{suffix}").write_text(f"({UNSEEN}")
        folder.write(f".hidden/{UNSEEN}.{suffix}", f"({UNSEEN}")
    folder.write(f"{UNSEEN}.pem", f"({UNSEEN}")
    os.symlink("../private", folder.file("link"))
    return folder


@pytest.mark.parametrize(
    "specifier",
    [
        pytest.param("../../UNSEEN.js", id="parent"),
        pytest.param("./../../private/UNSEEN.js?raw", id="parent-as-text"),
        pytest.param("/../UNSEEN.js", id="parent-of-the-root"),
        pytest.param("%2e%2e/%2e%2e/UNSEEN.js", id="parent-escaped"),
        pytest.param("./..%2f..%2fUNSEEN.js", id="parent-with-an-escaped-slash"),
        pytest.param("..\\\\UNSEEN.js", id="backslash"),
        pytest.param("/@fs/PARENT/UNSEEN.js", id="fs"),
        pytest.param("PARENT/UNSEEN.js", id="absolute"),
        pytest.param("/link/UNSEEN.js", id="link"),
        pytest.param("/link/nobody-knows-us.js", id="link-misspelled"),
        pytest.param("/link", id="link-itself"),
        pytest.param("/.hidden/UNSEEN.js", id="hidden"),
        pytest.param("/.hidden/nobody-knows-us.js", id="hidden-misspelled"),
        pytest.param("/UNSEEN.pem?raw", id="key"),
        pytest.param("/nobody-knows-me.pen", id="key-misspelled"),
        pytest.param("mapped", id="import-map"),
        pytest.param("mapped/UNSEEN.js", id="import-map-of-a-folder"),
        pytest.param("linked/nobody-knows-us.js", id="import-map-to-a-link"),
    ],
)
@pytest.mark.parametrize(
    "statement",
    [
        pytest.param('import "{}";', id="import"),
        pytest.param('export * from "{}";', id="export"),
        pytest.param('import("{}");', id="dynamic"),
        pytest.param('import.meta.hot.accept("{}", () => {{}});', id="accept"),
        pytest.param('new URL("{}", import.meta.url);', id="url"),
    ],
)
def test_modules_that_import_secrets(beside_secrets: HotFolder, specifier: str, statement: str) -> None:
    folder = beside_secrets
    maps = '{"imports": {"mapped": "../../UNSEEN.js", "mapped/": "/../private/", "linked/": "/link/"}}'
    folder.write("index.html", f'<script type="importmap">{maps.replace("UNSEEN", UNSEEN)}</script>')
    folder.text("/")
    parent = str(folder.path.parent)
    written = specifier.replace("UNSEEN", UNSEEN).replace("PARENT", parent)
    folder.write("src/main.js", statement.format(written))

    served = body(folder.get("/src/main.js"))

    shown = [served.decode(), *(f"{error.message} {error.frame}" for error in folder.channel.errors.values())]
    for text in shown:
        # Of the name there is only what the module itself says.
        assert UNSEEN not in text.replace(written, "")
    for node in folder.graph:
        assert node.file.startswith(str(folder.path) + os.sep)
        assert UNSEEN not in node.file
