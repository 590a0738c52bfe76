"""The only opener of files: what it reads and what it refuses."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hotchannel.devserver.files import FileRefused, Root
from hotchannel.modules.urls import FilePath


@pytest.fixture
def root(tmp_path: Path) -> Root:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    (folder / "sub").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site_private").mkdir()
    (tmp_path / "site_private" / "b.txt").write_text("secret")
    return Root(folder)


def refused(root: Root, url_path: str) -> int:
    with pytest.raises(FileRefused) as refusal:
        root.open(root.locate(url_path)).close()
    return refusal.value.status


def test_a_file_is_read(root: Root) -> None:
    opened = root.open(root.locate("/a.txt"))

    assert (opened.size, opened.read()) == (5, b"hello")


def test_a_part_of_a_file_is_read(root: Root) -> None:
    assert b"".join(root.open(root.locate("/a.txt")).chunks(1, 3)) == b"ell"


@pytest.mark.parametrize(
    ("url_path", "status"),
    [
        pytest.param("/none.txt", 404, id="missing"),
        pytest.param("/a.txt/b", 404, id="below-a-file"),
        pytest.param("/sub", 404, id="folder"),
        pytest.param("/.env", 403, id="dot-file"),
        pytest.param("/.git/config", 403, id="below-a-dot-folder"),
        pytest.param("/../secret.txt", 403, id="parent"),
        pytest.param("/sub/../../secret.txt", 403, id="parent-further-on"),
        pytest.param("/./a.txt", 403, id="dot"),
        pytest.param("/server.pem", 403, id="key"),
        pytest.param("/SERVER.PEM", 403, id="key-in-capitals"),
        pytest.param("/server.pem.", 403, id="key-with-a-trailing-dot"),
    ],
)
def test_what_is_refused(root: Root, url_path: str, status: int) -> None:
    assert refused(root, url_path) == status


def test_a_name_too_long_for_the_system_is_refused(root: Root) -> None:
    assert refused(root, "/" + "x" * 5000) == 403


def test_a_link_out_of_the_root_is_refused(root: Root) -> None:
    os.symlink("../secret.txt", os.path.join(root.path, "link.txt"))
    os.symlink("../site_private", os.path.join(root.path, "folder"))

    assert refused(root, "/link.txt") == 403
    assert refused(root, "/folder/b.txt") == 403


def test_a_link_to_a_dot_file_is_refused(root: Root) -> None:
    Path(root.path, ".env").write_text("secret")
    os.symlink(".env", os.path.join(root.path, "link.txt"))

    assert refused(root, "/link.txt") == 403


def test_a_link_inside_the_root_is_followed_and_its_file_named(root: Root) -> None:
    os.symlink("a.txt", os.path.join(root.path, "link.txt"))

    opened = root.open(root.locate("/link.txt"))

    assert opened.path == os.path.join(root.path, "a.txt")
    assert opened.read() == b"hello"


def test_fifos_sockets_and_devices_are_refused_at_once(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(os.path.join(root.path, "fifo"))
    monkeypatch.chdir(root.path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        assert refused(root, "/fifo") == 403
        assert refused(root, "/socket") == 403


def test_a_file_swapped_for_a_link_after_it_was_named_is_refused(root: Root) -> None:
    named = root.locate("/a.txt")
    os.remove(named)
    os.symlink("../secret.txt", named)

    with pytest.raises(FileRefused):
        root.open(named)


def test_the_url_of_a_file(root: Root) -> None:
    assert root.url_path(FilePath(os.path.join(root.path, "sub", "b.txt"))) == "/sub/b.txt"
    assert root.url_path(FilePath(root.path + "_private/b.txt")) is None


def test_no_descriptor_is_left_open(root: Root) -> None:
    before = len(os.listdir("/proc/self/fd"))

    for url_path in ("/sub", "/fifo", "/none", "/a.txt"):
        try:
            root.open(root.locate(url_path)).read()
        except FileRefused:
            continue

    assert len(os.listdir("/proc/self/fd")) == before
