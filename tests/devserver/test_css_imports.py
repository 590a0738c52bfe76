"""An `@import` that names no file: what browsers are told, and how it heals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotchannel.wire.payloads import Location, Update
from support.hotfolder import HotFolder

if TYPE_CHECKING:
    from pathlib import Path

LINKED = {"accept": "text/css,*/*;q=0.1", "sec_fetch_dest": "style"}
IMPORTED = {"sec_fetch_dest": "script"}
SHEET = '@import "./bsae.css";\nb { color: red; }\n'


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    folder = HotFolder(tmp_path)
    folder.write("base.css", "i { color: red; }")
    folder.write("page.css", SHEET)
    return folder


@pytest.mark.parametrize("how", [pytest.param(LINKED, id="linked"), pytest.param(IMPORTED, id="imported")])
def test_the_error_says_where_and_what_was_meant(folder: HotFolder, how: dict[str, str]) -> None:
    folder.get("/page.css", **how)

    [error] = folder.channel.errors.values()
    assert error.message == ('Failed to resolve @import "./bsae.css" from "page.css". Did you mean base.css?')
    assert isinstance(error.loc, Location)
    assert (error.loc.line, error.loc.column) == (1, 8)
    assert "^" in (error.frame or "")


def test_a_linked_stylesheet_is_served_all_the_same(folder: HotFolder) -> None:
    assert folder.text("/page.css", **LINKED) == SHEET


def test_what_else_it_names_is_found(tmp_path: Path) -> None:
    folder = HotFolder(tmp_path, base="/sub/")
    folder.write("dot.png", b"png")
    folder.write("page.css", '@import "./none.css"; b { background: url(/dot.png) }')

    assert 'url("/sub/dot.png")' in folder.text("/sub/page.css", **LINKED)


def test_a_module_is_not(folder: HotFolder) -> None:
    assert folder.get("/page.css", **IMPORTED).status == 500


@pytest.mark.parametrize("how", [pytest.param(LINKED, id="linked"), pytest.param(IMPORTED, id="imported")])
def test_the_missing_file_heals_it(folder: HotFolder, how: dict[str, str]) -> None:
    folder.get("/page.css", **how)

    sent = folder.save("bsae.css", "u { color: red; }")

    assert not folder.channel.errors
    assert sent
    assert folder.get("/page.css", **how).status == 200


def test_a_module_that_never_loaded_heals_by_its_importers(folder: HotFolder) -> None:
    folder.write("main.js", 'import "./page.css"; import.meta.hot.accept();')
    folder.text("/main.js")
    folder.get("/page.css?import")

    [update] = folder.save("page.css", "b { color: blue; }")

    assert isinstance(update, Update)
    assert [entry.path for entry in update.updates] == ["/main.js"]


def test_a_save_that_breaks_it_leaves_the_page_as_it_was(folder: HotFolder) -> None:
    folder.save("page.css", '@import "./base.css";')
    folder.text("/page.css", **LINKED)
    folder.text("/base.css", **LINKED, referer="http://localhost/page.css")

    assert folder.save("page.css", SHEET) == []
    assert folder.channel.errors

    [update] = folder.save("page.css", '@import "./base.css"; b { color: blue; }')
    assert isinstance(update, Update)
    assert not folder.channel.errors


def test_a_picture_that_is_missing_is_no_error(folder: HotFolder) -> None:
    folder.write("page.css", "b { background: url(none.png); }")

    folder.text("/page.css", **LINKED)

    assert not folder.channel.errors
