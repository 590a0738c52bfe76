"""Files of other folders (`fs.allow`), and those that are not served by their name (`fs.deny`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hotchannel.devserver.app import DevServer
from hotchannel.devserver.denials import Denials
from hotchannel.devserver.files import Root
from hotchannel.devserver.http import Request
from hotchannel.options import DevOptions, FsOptions
from hotchannel.wire.payloads import FullReload, Update
from support.hotfolder import HotFolder, body

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "swordfish"
ACCEPT = "import.meta.hot.accept();"


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    """A site, and a folder beside it that is allowed."""
    for name in ("site", "shared/deep", "shared_private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "shared_private/b.js").write_text(SECRET)
    (tmp_path / "other.js").write_text(SECRET)
    folder = HotFolder(tmp_path / "site", allow=[tmp_path / "shared"], deny=["*.sql", "drafts"])
    folder.write("../shared/a.js", f"export const a = 1; {ACCEPT}")
    return folder


def elsewhere(folder: HotFolder, name: str) -> str:
    """The URL path of a file beside the site."""
    return f"/@fs{folder.path.parent}/{name}"


def test_a_file_of_an_allowed_folder_is_served_as_a_module(folder: HotFolder) -> None:
    text = folder.text(elsewhere(folder, "shared/a.js"), sec_fetch_dest="script")

    assert "export const a = 1" in text
    assert "createHotContext" in text


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("shared_private/b.js", id="a sibling with the same beginning"),
        pytest.param("other.js", id="beside it"),
        pytest.param("none.js", id="what is not there"),
        pytest.param("shared/../other.js", id="climbing out"),
        pytest.param("shared/.env", id="a dot file in it"),
        pytest.param("shared/server.key", id="a key in it"),
        pytest.param("shared/dump.sql", id="what is denied"),
        pytest.param("shared/Drafts/a.js", id="what is in a folder that is denied"),
        pytest.param("site/dump.SQL", id="what is denied in the root"),
    ],
)
def test_everything_else_is_refused_alike(folder: HotFolder, name: str) -> None:
    for path in (
        "shared/.env",
        "shared/server.key",
        "shared/dump.sql",
        "shared/Drafts/a.js",
        "site/dump.SQL",
    ):
        folder.write(f"../{path}", SECRET)

    response = folder.get(elsewhere(folder, name))

    assert response.status == 403
    assert SECRET.encode() not in body(response)


def test_a_link_into_an_allowed_folder_is_followed_and_one_elsewhere_is_not(folder: HotFolder) -> None:
    (folder.path / "in.js").symlink_to(folder.path.parent / "shared/a.js")
    (folder.path / "out.js").symlink_to(folder.path.parent / "other.js")

    assert "export const a = 1" in folder.text("/in.js", sec_fetch_dest="script")
    assert folder.get("/out.js").status == 403


def test_an_import_above_the_root_finds_the_allowed_folder(folder: HotFolder) -> None:
    folder.write("src/main.js", f'import "../../shared/a.js"; import "../../other.js"; {ACCEPT}')
    folder.write("other.js", "export {};")

    text = folder.text("/src/main.js")

    assert f'"{elsewhere(folder, "shared/a.js")}"' in text
    # What is not allowed is what a browser makes of it: `..` stops at the root.
    assert '"/other.js"' in text


def test_a_module_of_an_allowed_folder_imports_from_there_and_from_the_root(folder: HotFolder) -> None:
    folder.write("own.js", "export {};")
    folder.write("../shared/deep/c.js", "export {};")
    folder.write("../shared/b.js", 'import "./deep/c.js"; import "./a"; import "../site/own.js";')

    text = folder.text(elsewhere(folder, "shared/b.js"))

    assert f'"{elsewhere(folder, "shared/deep/c.js")}"' in text
    assert f'"{elsewhere(folder, "shared/a.js")}"' in text
    assert '"/own.js"' in text, "a file of the root is one module, whoever imports it"


def test_a_stylesheet_names_files_of_the_allowed_folder(folder: HotFolder) -> None:
    folder.write("../shared/dot.png", b"png")
    folder.write("css/page.css", "b { background: url(../../shared/dot.png) }")

    text = folder.text("/css/page.css", accept="text/css", sec_fetch_dest="style")

    assert elsewhere(folder, "shared/dot.png") in text


def test_a_save_in_an_allowed_folder_is_hot(folder: HotFolder) -> None:
    folder.write("main.js", 'import "../shared/a.js";')
    folder.text("/main.js")
    url = elsewhere(folder, "shared/a.js")
    folder.text(url)

    [message] = folder.save("../shared/a.js", f"export const a = 2; {ACCEPT}")

    assert isinstance(message, Update)
    assert message.updates[0].path == url


def test_a_missing_file_of_an_allowed_folder_heals(folder: HotFolder) -> None:
    folder.write("main.js", 'import "../shared/new.js";')
    assert folder.get("/main.js").status == 500
    assert folder.channel.errors

    sent = folder.save("../shared/new.js", "export {};")

    assert isinstance(sent[-1], FullReload)


@pytest.mark.parametrize(
    ("pattern", "path", "is_denied"),
    [
        ("*.sql", "/dump.sql", True),
        ("*.sql", "/data/DUMP.SQL", True),
        ("*.sql", "/dump.sql.js", False),
        ("drafts", "/drafts/a/b.js", True),
        ("drafts", "/a/drafts", True),
        ("drafts", "/drafts.js", False),
        ("data/*.json", "/data/a.json", True),
        ("data/*.json", "/src/data/a.json", False),
        ("/data/", "/data/a.js", True),
        ("src/private", "/src/private/a.js", True),
        ("**/*.sql", "/dump.sql", True),
        ("**/*.sql", "/a/b/dump.sql", True),
        ("**/sub/**", "/sub/dump.sql", True),
        ("**/a/b", "/x/a/b/c", True),
        ("**/a/b", "/a/b", True),
        ("**/a/b", "/a/c/b", False),
        ("*.{sql,bak}", "/dump.bak", True),
        ("*.{sql,bak}", "/dump.sqlbak", False),
        ("{a,b}/{c,d}.js", "/b/c.js", True),
        ("./dump.txt", "/dump.txt", True),
        ("[!a]*.txt", "/b.txt", True),
        ("[!a]*.txt", "/a.txt", False),
    ],
)
def test_what_a_pattern_denies(pattern: str, path: str, is_denied: bool) -> None:
    assert (Denials([pattern]).of(path) is not None) == is_denied


def test_a_linked_package_is_one_module_whoever_names_it(folder: HotFolder) -> None:
    (folder.path / "node_modules").mkdir()
    (folder.path / "node_modules/lib").symlink_to(folder.path.parent / "shared")
    folder.write("main.js", 'import "./node_modules/lib/a.js"; import "./../shared/a.js";')

    text = folder.text("/main.js")

    assert text.count(f'"{elsewhere(folder, "shared/a.js")}"') == 2


def test_what_is_denied_by_its_place_is_so_in_the_public_folder(tmp_path: Path) -> None:
    (tmp_path / "public/drafts").mkdir(parents=True)
    (tmp_path / "public/drafts/s.json").write_text(SECRET)
    options = DevOptions(fs=FsOptions(deny=("public/drafts/*",)))
    site = DevServer(tmp_path, options)._application._answering._site

    for path in ("/drafts/s.json", "/public/drafts/s.json"):
        response = site.respond(Request("GET", path, {}))
        assert response is not None
        assert response.status in (403, 404)


def test_the_store_of_an_allowed_node_modules_is_public() -> None:
    denials = Denials(is_store=True)

    assert denials.of("/.pnpm/d@1/node_modules/d/index.js") is None
    assert denials.of("/.env") is not None


@pytest.mark.parametrize("path", ["/", "/tmp"])
def test_every_root_is_watched(path: str) -> None:
    assert Root(path).folders == [os.path.realpath(path)]
    assert Root(path, allow=[path]).folders == [os.path.realpath(path)]


@pytest.mark.parametrize(
    ("path", "is_denied"),
    [
        ("/node_modules/.pnpm/lib@1/node_modules/lib/index.js", False),
        ("/node_modules/.store/lib/index.js", False),
        ("/node_modules/.pnpm/.env", True),
        ("/node_modules/.env", True),
        ("/.pnpm/a.js", True),
    ],
)
def test_where_package_managers_keep_packages_is_public(path: str, is_denied: bool) -> None:
    assert (Denials().of(path) is not None) == is_denied
