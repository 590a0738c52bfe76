"""The watcher over real files: whatever an editor does, the listener hears of the last content."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from hotchannel.devserver.watcher import Watcher
from hotchannel.modules.urls import FilePath

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

PATIENCE = 5.0
"""Seconds until what does not come has failed to come."""


class Listener:
    """Reads what it is told of, as the engine does, and takes nothing empty or gone for settled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.contents: dict[str, str | None] = {}
        self.batches: list[set[str]] = []
        self.told = asyncio.Event()

    def saved(self, files: Iterable[FilePath], *, settled: bool = False) -> tuple[FilePath, ...]:
        unsettled: list[FilePath] = []
        self.batches.append({os.path.relpath(file, self.root) for file in files})
        for file in files:
            name = os.path.relpath(file, self.root)
            content = None
            if os.path.isfile(file):
                with open(file, encoding="utf-8") as stream:
                    content = stream.read()
            if not settled and not content and self.contents.get(name):
                unsettled.append(file)
            else:
                self.contents[name] = content
        self.told.set()
        return tuple(unsettled)

    def known_files(self, folder: str) -> Iterable[FilePath]:
        prefix = folder.rstrip("/") + "/"
        known = [os.path.join(self.root, name) for name in self.contents]
        return [FilePath(file) for file in known if file.startswith(prefix)]

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self.told.clear()
                await self.told.wait()

    async def holds(self, name: str, content: str | None) -> None:
        await self.until(lambda: name in self.contents and self.contents[name] == content)


@pytest.fixture(params=["events", "polling"])
async def listener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Listener]:
    listener = Listener(tmp_path)
    (tmp_path / "old.txt").write_text("old")
    listener.contents["old.txt"] = "old"
    watcher = Watcher(str(tmp_path), listener, polling=request.param == "polling")
    await watcher.start()
    yield listener
    await watcher.stop()


async def test_a_file_that_is_written(listener: Listener) -> None:
    (listener.root / "old.txt").write_text("new")

    await listener.holds("old.txt", "new")


async def test_a_new_file(listener: Listener) -> None:
    (listener.root / "a.txt").write_text("a")

    await listener.holds("a.txt", "a")


async def test_a_save_by_rename(listener: Listener) -> None:
    (listener.root / "old.txt~").write_text("new")
    (listener.root / "old.txt~").rename(listener.root / "old.txt")

    await listener.holds("old.txt", "new")


async def test_a_save_that_truncates_first_is_never_seen_empty(listener: Listener) -> None:
    with (listener.root / "old.txt").open("w") as stream:
        stream.flush()
        await asyncio.sleep(0.05)
        stream.write("new")

    await listener.holds("old.txt", "new")


async def test_a_writer_that_keeps_its_file_open(listener: Listener) -> None:
    with (listener.root / "old.txt").open("w") as stream:
        stream.write("new")
        stream.flush()

        await listener.holds("old.txt", "new")


async def test_a_deleted_file(listener: Listener) -> None:
    (listener.root / "old.txt").unlink()

    await listener.holds("old.txt", None)


async def test_files_in_new_folders(listener: Listener) -> None:
    folder = listener.root / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "c.txt").write_text("c")

    await listener.holds("a/b/c.txt", "c")
    (folder / "c.txt").write_text("d")
    await listener.holds("a/b/c.txt", "d")


async def test_a_folder_that_is_moved_in_and_away(
    listener: Listener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "folder"
    outside.mkdir()
    (outside / "a.txt").write_text("a")

    shutil.move(outside, listener.root / "folder")
    await listener.holds("folder/a.txt", "a")
    shutil.move(listener.root / "folder", outside)
    await listener.holds("folder/a.txt", None)


async def test_a_folder_that_is_made_anew_is_watched_again(listener: Listener) -> None:
    for content in ("1", "2", "3"):
        shutil.rmtree(listener.root)
        listener.root.mkdir()
        (listener.root / "old.txt").write_text(content)
        await listener.holds("old.txt", content)
        (listener.root / "old.txt").write_text(f"{content}, and then this")
        await listener.holds("old.txt", f"{content}, and then this")


async def test_what_tools_write_for_themselves_is_not_told(listener: Listener) -> None:
    for name in (".git", "node_modules", "__pycache__"):
        (listener.root / name).mkdir()
        (listener.root / name / "x.txt").write_text("x")
    (listener.root / "last.txt").write_text("last")

    await listener.holds("last.txt", "last")
    assert set(listener.contents) == {"old.txt", "last.txt"}


async def test_any_run_of_saves_ends_with_the_last(listener: Listener) -> None:
    for number in range(100):
        (listener.root / "old.txt").write_text(str(number))
        if number % 10 == 0:
            await asyncio.sleep(0.003)

    await listener.holds("old.txt", "99")


async def test_nothing_is_told_after_the_end(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    watcher = Watcher(str(tmp_path), listener)
    await watcher.start()
    (tmp_path / "a.txt").write_text("a")
    await watcher.stop()
    told = len(listener.batches)
    (tmp_path / "a.txt").write_text("b")
    await asyncio.sleep(0.1)

    assert len(listener.batches) == told
