"""However an editor saves, and however quickly: the last content on disk is what the page ends up with."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Route

    from support.project import Project, StartProject
    from support.tab import Tab

PAGE = """<!doctype html>
<html><head><link rel="stylesheet" href="style.css"></head>
<body><p id="out"></p><script type="module" src="/src/main.js"></script></body></html>
"""
MAIN = 'document.querySelector("#out").textContent = "v1";\nimport.meta.hot.accept();\n'
STYLE = "body { color: rgb(1, 1, 1); }\n"
FILES = {"index.html": PAGE, "src/main.js": MAIN, "style.css": STYLE}


def in_place(path: Path, content: str) -> None:
    path.write_text(content)


def by_rename(path: Path, content: str) -> None:
    fresh = path.with_name(f".{path.name}.swp")
    fresh.write_text(content)
    fresh.replace(path)


def with_backup(path: Path, content: str) -> None:
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(content)
    backup.unlink()


def truncate_first(path: Path, content: str) -> None:
    with path.open("w") as file:
        file.flush()
        time.sleep(0.03)
        file.write(content)


def in_pieces(path: Path, content: str) -> None:
    with path.open("w") as file:
        for piece in (content[:10], content[10:20], content[20:]):
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())


SAVES = [
    pytest.param(in_place, id="in place"),
    pytest.param(by_rename, id="by rename"),
    pytest.param(with_backup, id="with a backup"),
    pytest.param(truncate_first, id="truncate first", marks=pytest.mark.ours),
    pytest.param(in_pieces, id="in pieces", marks=pytest.mark.ours),
]


@pytest.mark.parametrize("save", SAVES)
def test_a_module_is_hot_however_it_is_saved(
    project: StartProject, tab: Tab, save: Callable[[Path, str], None]
) -> None:
    site = project(FILES)
    tab.open(site.url)
    for version in range(2, 5):
        time.sleep(0.06)  # a person's pace; what is quicker has a test of its own
        save(site.root / "src/main.js", MAIN.replace("v1", f"v{version}"))
        tab.text(f"v{version}")
    assert tab.kept


@pytest.mark.parametrize("save", SAVES)
def test_a_stylesheet_is_hot_however_it_is_saved(
    project: StartProject, tab: Tab, save: Callable[[Path, str], None]
) -> None:
    site = project(FILES)
    tab.open(site.url)
    save(site.root / "style.css", STYLE.replace("1, 1, 1", "2, 2, 2"))
    tab.style("rgb(2, 2, 2)")
    assert tab.kept


@pytest.mark.ours
@pytest.mark.parametrize("save", [SAVES[0], SAVES[1]])
def test_the_last_of_twenty_quick_saves_is_what_the_page_shows(
    project: StartProject, tab: Tab, save: Callable[[Path, str], None]
) -> None:
    site = project(FILES)
    tab.open(site.url)
    for version in range(1, 21):
        save(site.root / "src/main.js", MAIN.replace("v1", f"save {version}"))
        time.sleep(0.005)
    tab.text("save 20")
    # What comes after everything else shows that no older save arrives late.
    site.write("style.css", STYLE.replace("1, 1, 1", "2, 2, 2"))
    tab.style("rgb(2, 2, 2)")
    tab.text("save 20")
    assert tab.kept


@pytest.mark.ours
def test_twenty_quick_saves_of_a_stylesheet_end_with_the_last(project: StartProject, tab: Tab) -> None:
    site = project(FILES)
    tab.open(site.url)
    for level in range(101, 121):
        site.write("style.css", STYLE.replace("1, 1, 1", f"{level}, 1, 1"))
        time.sleep(0.005)
    tab.style("rgb(120, 1, 1)")
    site.edit("src/main.js", "v1", "v2")
    tab.text("v2")
    tab.style("rgb(120, 1, 1)")
    tab.page.wait_for_function("document.querySelectorAll('link').length === 1")
    assert tab.kept


@pytest.mark.ours
def test_many_files_saved_at_once_all_arrive(project: StartProject, tab: Tab) -> None:
    count = 30
    source = 'document.querySelector("#m{0}").textContent = "v1";\nimport.meta.hot.accept();\n'
    modules = {f"src/m{index}.js": source.format(index) for index in range(count)}
    cells = "".join(f'<i id="m{index}"></i>' for index in range(count))
    main = "".join(f'import "./m{index}.js";\n' for index in range(count))
    site = project(
        {"index.html": PAGE.replace("<p", cells + "<p"), "style.css": "", "src/main.js": main, **modules}
    )
    tab.open(site.url)
    for path, content in modules.items():
        site.write(path, content.replace("v1", "v2"))
    for index in range(count):
        tab.text("v2", f"#m{index}")
    assert tab.kept


@pytest.mark.ours
def test_a_file_in_a_new_folder_is_hot(project: StartProject, tab: Tab) -> None:
    site = project(FILES)
    tab.open(site.url)
    site.write("src/new/deep/part.js", MAIN.replace("v1", "part v1"))
    site.write("src/main.js", 'import "./new/deep/part.js";\nimport.meta.hot.accept();\n')
    tab.text("part v1")
    site.edit("src/new/deep/part.js", "part v1", "part v2")
    tab.text("part v2")
    assert tab.kept


@pytest.mark.ours
@pytest.mark.parametrize("path", ["src/main.js", "style.css"])
def test_a_save_between_page_and_socket_is_not_lost(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab], path: str
) -> None:
    site = project(FILES)
    witness = new_tab()
    witness.open(site.url)

    # The page is there, its client script is held up: no socket yet.
    held: list[Route] = []
    tab.page.route("**/@vite/client*", lambda route: held.append(route), times=1)
    tab.page.goto(site.url, wait_until="commit")
    tab.until(lambda: bool(held), "the client script to be asked for")
    tab.style("rgb(1, 1, 1)")
    tab.page.wait_for_function(
        "performance.getEntriesByType('resource').some((e) => /\\/src\\/main\\.js$|\\/pack\\//.test(e.name))"
    )

    site.edit(path, *(("v1", "v2") if path.endswith("js") else ("1, 1, 1", "2, 2, 2")))
    if path.endswith("js"):
        witness.text("v2")
    else:
        witness.style("rgb(2, 2, 2)")

    held[0].continue_()
    if path.endswith("js"):
        tab.text("v2")
    else:
        tab.style("rgb(2, 2, 2)")


@pytest.mark.ours
def test_a_module_that_is_imported_again_is_not_pruned_by_what_came_before(
    project: StartProject, tab: Tab, new_tab: Callable[[], Tab]
) -> None:
    part = (
        'document.querySelector("#out").textContent = "here";\n'
        'import.meta.hot.prune(() => { document.querySelector("#out").textContent = "pruned"; });\n'
    )
    accepts = "import.meta.hot.accept();\n"
    site = project({**FILES, "src/main.js": f'import "./part.js";\n{accepts}', "src/part.js": part})
    tab.open(site.url)
    tab.text("here")

    # One page is slow: when it asks for the version without the import, another one has it already.
    held: list[Route] = []
    tab.page.route("**/src/main.js?t=*", lambda route: held.append(route), times=1)
    site.write("src/main.js", accepts)
    tab.until(lambda: bool(held), "the update to be asked for")
    new_tab().open(site.url)
    tab.until(lambda: bool(tab.received("prune")), "the prune")
    site.write("src/main.js", f'import "./part.js";\n{accepts}export {{}};\n')
    held[0].continue_()

    tab.until(lambda: len(tab.received("update")) > 1, "the second update")
    site.write("style.css", STYLE.replace("1, 1, 1", "2, 2, 2"))
    tab.style("rgb(2, 2, 2)")
    tab.text("here")
    assert tab.kept


ACCEPTS = "import.meta.hot.accept();\n"
STYLED = {**FILES, "src/main.js": f'import "./part.css";\n{ACCEPTS}', "src/part.css": STYLE}
INJECTED = "document.querySelectorAll('style').length"


@pytest.mark.ours
def test_a_module_that_is_saved_and_dropped_at_once_is_pruned(project: StartProject, tab: Tab) -> None:
    site = project(STYLED)
    tab.open(site.url)
    tab.until_value(INJECTED, 1)
    held: list[Route] = []

    def hold(route: Route) -> None:
        # It may as well be asked for after the prune, when nothing lets go of it any more.
        if tab.received("prune"):
            route.continue_()
        else:
            held.append(route)

    tab.page.route("**/src/part.css?*", hold)
    in_place(site.root / "src/main.js", ACCEPTS)
    in_place(site.root / "src/part.css", STYLE.replace("1, 1, 1", "2, 2, 2"))
    tab.until(lambda: bool(tab.received("prune")), "the prune")
    for route in held:
        route.continue_()

    tab.until_value(INJECTED, 0)
    assert tab.kept


@pytest.mark.ours
def test_a_prune_that_comes_while_an_update_of_its_module_waits_is_done(
    project: StartProject, tab: Tab
) -> None:
    site = project(STYLED)
    tab.open(site.url)
    tab.until_value(INJECTED, 1)
    held: list[Route] = []
    tab.page.route("**/src/main.js?t=*", lambda route: held.append(route), times=1)
    site.write("src/main.js", ACCEPTS)
    tab.until(lambda: bool(held), "the update to be asked for")
    site.write("src/part.css", STYLE.replace("1, 1, 1", "2, 2, 2"))
    tab.until(lambda: len(tab.received("update")) == 2, "the update of the stylesheet")

    # The answer is on its way, the prune is quicker.
    answer = held[0].fetch()
    tab.until(lambda: bool(tab.received("prune")), "the prune")
    with tab.page.expect_response("**/src/part.css?*"):
        held[0].fulfill(response=answer)

    tab.until_value(INJECTED, 0)
    assert tab.kept


# Tells what becomes of it.
PART = """const out = document.querySelector("#out");
out.textContent += " v1";
import.meta.hot.accept();
import.meta.hot.dispose(() => { out.textContent += " disposed"; });
import.meta.hot.prune(() => { out.textContent += " pruned"; });
"""
IMPORTS_PART = f'import "./part.js";\n{ACCEPTS}'


def open_with_part(project: StartProject, tab: Tab) -> Project:
    site = project({**FILES, "src/main.js": IMPORTS_PART, "src/part.js": PART})
    tab.open(site.url)
    tab.text("v1")
    return site


@pytest.mark.ours
def test_an_update_that_an_importer_has_brought_already_ends_nothing(project: StartProject, tab: Tab) -> None:
    site = open_with_part(project, tab)

    # The importer is slow: what it imports by then is the newest version, of which the page is told too.
    held: list[Route] = []
    tab.page.route("**/src/main.js?t=*", lambda route: held.append(route), times=1)
    site.write("src/main.js", f"{IMPORTS_PART}export {{}};\n")
    tab.until(lambda: bool(held), "the update to be asked for")
    site.edit("src/part.js", "v1", "v2")
    tab.until(lambda: len(tab.received("update")) == 2, "the second update")
    held[0].continue_()
    tab.text("v1 disposed v2")

    site.write("src/main.js", ACCEPTS)
    tab.text("v1 disposed v2 disposed pruned")
    assert tab.kept


@pytest.mark.ours
def test_a_version_without_hot_ends_the_one_that_was_made_while_it_waited(
    project: StartProject, tab: Tab
) -> None:
    site = open_with_part(project, tab)
    held: list[Route] = []
    tab.page.route("**/src/part.js?t=*", lambda route: held.append(route), times=1)
    site.edit("src/part.js", "v1", "v2")
    tab.until(lambda: bool(held), "the update to be asked for")
    answer = held[0].fetch()
    site.write("src/part.js", 'document.querySelector("#out").textContent += " v3";\n')
    tab.until(lambda: len(tab.received("update")) == 2, "the second update")
    held[0].fulfill(response=answer)
    tab.text("v1 disposed v2 v3 disposed")
    assert tab.kept


@pytest.mark.ours
def test_a_page_that_was_opened_while_its_module_was_away_runs_it_when_it_is_back(
    project: StartProject, tab: Tab
) -> None:
    site = project(FILES)
    tab.open(site.url)
    tab.text("v1")
    # As an editor, or git, takes it away for a moment.
    site.delete("src/main.js")
    tab.page.reload()
    tab.text("")
    site.write("src/main.js", MAIN.replace("v1", "v2"))
    tab.text("v2")


@pytest.mark.ours
@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_saves_ends_with_what_is_on_disk(project: StartProject, tab: Tab, seed: int) -> None:
    names = ("main", "a", "b", "c")
    source = 'document.querySelector("#{0}").textContent = "{0} @";\n'
    accepts = "import.meta.hot.accept();\n"
    texts = {f"src/{name}.js": source.format(name) for name in names}
    texts["src/main.js"] = 'import "./a.js";\nimport "./b.js";\n' + texts["src/main.js"] + accepts
    texts["src/b.js"] = 'import "./c.js";\n' + texts["src/b.js"]
    texts["src/a.js"] += accepts
    texts["style.css"] = "body { color: rgb(@, 0, 7); }\n"
    cells = "".join(f'<i id="{name}"></i>' for name in names)
    version = dict.fromkeys(texts, 0)

    def text_of(path: str) -> str:
        return texts[path].replace("@", str(version[path]))

    site = project(
        {"index.html": PAGE.replace("<p", cells + "<p"), **{path: text_of(path) for path in texts}}
    )
    tab.open(site.url)

    chance = random.Random(seed)

    for number in range(1, 41):
        path = chance.choice(list(texts))
        file = site.root / path
        match chance.choice(["save", "save", "empty", "remove", "away and back"]):
            case "save":
                version[path] = number
                chance.choice([in_place, by_rename, truncate_first, in_pieces])(file, text_of(path))
            case "empty":
                file.write_text("")
            case "remove":
                file.unlink(missing_ok=True)
            case "away and back" if file.exists():
                away = file.with_name(f"{file.name}.away")
                file.rename(away)
                time.sleep(chance.choice([0, 0.02, 0.2]))
                away.rename(file)
        time.sleep(chance.choice([0, 0, 0.005, 0.03, 0.15, 0.3]))
    for path in texts:
        by_rename(site.root / path, text_of(path))

    for name in names:
        tab.text(f"{name} {version[f'src/{name}.js']}", f"#{name}")
    tab.style(f"rgb({version['style.css']}, 0, 7)")
    tab.until_value("document.querySelector('vite-error-overlay') === null", True)
