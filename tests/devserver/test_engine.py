"""What browsers are told when files are saved."""

from __future__ import annotations

import pytest

from hotchannel.wire.payloads import FullReload, Update
from support.hotfolder import HotFolder, body, pruned, reload_path, updates

ACCEPTING = "import.meta.hot.accept();"


@pytest.fixture
def project(folder: HotFolder) -> HotFolder:
    """A page with an accepting entry, a nested dependency, a linked and an imported stylesheet."""
    folder.write(
        "index.html", '<link rel="stylesheet" href="/page.css"><script type="module" src="/main.js"></script>'
    )
    folder.write("page.css", '@import "./base.css";')
    folder.write("base.css", "b {}")
    folder.write("main.js", f"import './mid.js'; import './theme.css'; {ACCEPTING}")
    folder.write("mid.js", "export * from './leaf.js'")
    folder.write("leaf.js", "export let a = 1")
    folder.write("theme.css", "i {}")
    folder.get("/")
    for css in ("/page.css", "/base.css"):
        folder.text(
            css, accept="text/css", referer="http://localhost/" + ("page.css" if css == "/base.css" else "")
        )
    for js in ("/main.js", "/mid.js", "/leaf.js", "/theme.css"):
        folder.text(js, sec_fetch_dest="script")
    return folder


def test_a_nested_dependency_updates_its_boundary_with_stamps_all_the_way(project: HotFolder) -> None:
    assert updates(project.save("leaf.js", "export let a = 2")) == [("js-update", "/main.js", "/main.js")]

    main = project.text("/main.js")
    assert "/mid.js?t=1000" in main
    assert "/leaf.js?t=1000" in project.text("/mid.js?t=1000")
    assert 'import "/theme.css"' in main, "what did not change keeps its instance"


def test_a_linked_stylesheet_is_swapped(project: HotFolder) -> None:
    assert updates(project.save("page.css", "b { color: red }")) == [("css-update", "/page.css", "/page.css")]


def test_an_edit_of_what_a_stylesheet_imports_swaps_the_link(project: HotFolder) -> None:
    assert updates(project.save("base.css", "b { color: red }")) == [("css-update", "/page.css", "/page.css")]
    assert '@import "/base.css?t=1000"' in project.text("/page.css", accept="text/css")


def test_an_imported_stylesheet_updates_itself(project: HotFolder) -> None:
    assert updates(project.save("theme.css", "i { color: red }")) == [
        ("js-update", "/theme.css", "/theme.css")
    ]


def test_an_image_of_a_stylesheet_updates_the_stylesheet(project: HotFolder) -> None:
    project.write("a.png", "1")
    project.save("page.css", "b { background: url(a.png) }")
    project.text("/page.css", accept="text/css")
    assert body(project.get("/a.png")) == b"1"

    assert updates(project.save("a.png", "2")) == [("css-update", "/page.css", "/page.css")]
    assert "/a.png?t=" in project.text("/page.css", accept="text/css")


def test_a_page_reloads_by_its_path(project: HotFolder) -> None:
    assert project.save("index.html", "<p>2") == [FullReload(path="/index.html")]


def test_a_page_that_nobody_asked_for_reloads_too(project: HotFolder) -> None:
    assert reload_path(project.save("docs/about.html", "<p>")) == "/docs/about.html"


def test_a_module_that_nobody_loaded_does_nothing(project: HotFolder) -> None:
    assert project.save("other.js", "1") == []


def test_what_nothing_accepts_reloads(project: HotFolder) -> None:
    project.write("entry.js", "1")
    project.text("/entry.js")

    (payload,) = project.save("entry.js", "2")

    assert payload == FullReload(path="*", triggered_by=project.file("entry.js"))


def test_a_touch_does_nothing(project: HotFolder) -> None:
    assert project.save("leaf.js", "export let a = 1") == []


def test_one_batch_is_one_message(project: HotFolder) -> None:
    files = [project.write("leaf.js", "export let a = 2"), project.write("page.css", "")]

    assert updates(project.saved(*files)) == [
        ("js-update", "/main.js", "/main.js"),
        ("css-update", "/page.css", "/page.css"),
    ]


def test_timestamps_grow(project: HotFolder) -> None:
    stamps: list[int] = []
    for number in range(3):
        (payload,) = project.save("leaf.js", f"export let a = '{number}'")
        assert isinstance(payload, Update)
        stamps.append(payload.updates[0].timestamp)

    assert stamps == sorted(set(stamps))


class TestErrors:
    def test_an_error_goes_out_alone_and_the_repair_updates(self, project: HotFolder) -> None:
        assert project.save("leaf.js", "export let a = (") == []
        assert len(project.channel.errors) == 1

        assert updates(project.save("leaf.js", "export let a = 3")) == [("js-update", "/main.js", "/main.js")]
        assert project.channel.errors == {}

    def test_a_repair_to_what_it_was_updates(self, project: HotFolder) -> None:
        project.save("leaf.js", "export let a = (")

        assert updates(project.save("leaf.js", "export let a = 1")) == [("js-update", "/main.js", "/main.js")]

    def test_an_entry_that_failed_at_first_reloads_when_it_is_mended(self, folder: HotFolder) -> None:
        folder.write("main.js", "(")
        assert folder.get("/main.js").status == 500

        assert reload_path(folder.save("main.js", "1")) == "*"
        assert folder.channel.errors == {}

    def test_a_missing_import_is_healed_by_making_the_file(self, project: HotFolder) -> None:
        assert project.save("mid.js", "import './new/file.js'") == []
        (detail,) = project.channel.errors.values()
        assert "./new/file.js" in detail.message

        assert updates(project.save("new/file.js", "1")) == [("js-update", "/main.js", "/main.js")]
        assert project.channel.errors == {}

    def test_a_missing_import_at_first_load_is_healed_by_making_the_file(self, folder: HotFolder) -> None:
        folder.write("main.js", "import './new.js'")
        assert folder.get("/main.js").status == 500

        assert reload_path(folder.save("new.js", "1")) == "*"

    def test_an_import_that_is_taken_out_takes_its_error_along(self, project: HotFolder) -> None:
        project.write("bad.js", "(")
        project.save("mid.js", "import './bad.js'")
        project.text("/mid.js")
        assert project.get("/bad.js").status == 500

        project.save("mid.js", "1")
        project.text("/mid.js")

        assert project.channel.errors == {}


class TestDeletion:
    def test_importers_show_an_error_and_the_file_heals_it(self, project: HotFolder) -> None:
        file = project.file("leaf.js")
        (project.path / "leaf.js").unlink()

        assert project.saved(file) == []
        (detail,) = project.channel.errors.values()
        assert detail.id == project.file("mid.js")

        assert updates(project.save("leaf.js", "export let a = 1")) == [("js-update", "/main.js", "/main.js")]
        assert project.channel.errors == {}

    def test_a_file_that_is_gone_for_a_moment_is_waited_for(self, project: HotFolder) -> None:
        file = project.file("leaf.js")
        (project.path / "leaf.js").unlink()

        assert project.engine.saved([file]) == (file,)
        assert project.save("leaf.js", "export let a = 1") == []

    def test_a_file_that_is_empty_for_a_moment_is_waited_for(self, project: HotFolder) -> None:
        file = project.write("leaf.js", "")

        assert project.engine.saved([file]) == (file,)
        assert updates(project.save("leaf.js", "export let a = 2")) == [("js-update", "/main.js", "/main.js")]

    def test_a_file_that_stays_empty_counts(self, project: HotFolder) -> None:
        assert updates(project.save("leaf.js", "")) == [("js-update", "/main.js", "/main.js")]


class TestPrune:
    def test_a_module_that_nothing_imports_any_more(self, project: HotFolder) -> None:
        project.save("main.js", f"import './mid.js'; {ACCEPTING}")
        before = len(project.channel.sent)
        project.text("/main.js")

        assert pruned(project.channel.sent[before:]) == {"/theme.css"}

    def test_it_takes_along_what_only_it_imported(self, project: HotFolder) -> None:
        project.save("main.js", ACCEPTING)
        before = len(project.channel.sent)
        project.text("/main.js")

        assert pruned(project.channel.sent[before:]) == {"/theme.css", "/mid.js", "/leaf.js"}

    def test_imported_again_it_is_a_new_instance(self, project: HotFolder) -> None:
        project.save("main.js", ACCEPTING)
        project.text("/main.js")
        project.save("main.js", f"import './theme.css'; {ACCEPTING}")

        assert "/theme.css?t=" in project.text("/main.js")


class TestInvalidate:
    def test_it_goes_on_with_the_importers_once(self, project: HotFolder) -> None:
        project.save("theme.css", "i { color: red }")
        project.text("/theme.css?t=1000", sec_fetch_dest="script")
        before = len(project.channel.sent)

        for _ in range(3):
            project.engine.invalidated(
                {"path": "/theme.css", "message": "x", "firstInvalidatedBy": "/theme.css"}
            )

        assert updates(project.channel.sent[before:]) == [("js-update", "/main.js", "/main.js")]

    @pytest.mark.parametrize("first", ["/none.js", "<b>", 7, None])
    def test_no_browser_names_to_others_what_is_no_module(self, project: HotFolder, first: object) -> None:
        project.save("theme.css", "i { color: red }")
        project.text("/theme.css?t=1000", sec_fetch_dest="script")

        project.engine.invalidated({"path": "/theme.css", "firstInvalidatedBy": first})

        message = project.channel.sent[-1]
        assert isinstance(message, Update)
        assert message.updates[0].first_invalidated_by == "/theme.css"

    @pytest.mark.parametrize(
        "data",
        [None, 1, "x", [], {}, {"path": 1}, {"path": None}, {"path": "/none.js"}, {"path": "/../etc/passwd"}],
        ids=repr,
    )
    def test_what_is_malformed_or_unknown_is_ignored(self, project: HotFolder, data: object) -> None:
        before = len(project.channel.sent)

        project.engine.invalidated(data)

        assert len(project.channel.sent) == before


def test_the_accepted_set_that_counts_is_the_one_the_browser_runs(project: HotFolder) -> None:
    project.write("entry.js", ACCEPTING)
    project.text("/entry.js")

    assert updates(project.save("entry.js", "1")) == [("js-update", "/entry.js", "/entry.js")]
    project.text("/entry.js?t=1000")
    assert reload_path(project.save("entry.js", ACCEPTING)) == "*"


def test_accepting_every_export_is_accepting_oneself(folder: HotFolder) -> None:
    folder.write("a.js", "import {x} from './b.js'")
    folder.write("b.js", "export let x, y; import.meta.hot.acceptExports(['x', 'y'])")
    folder.text("/a.js")
    folder.text("/b.js")

    assert updates(folder.save("b.js", "export let x, y, z")) == [("js-update", "/b.js", "/b.js")]


def test_a_save_that_one_browser_saw_ahead_of_its_event_is_told(project: HotFolder) -> None:
    file = project.write("leaf.js", "export let a = 2")
    project.text("/leaf.js")

    assert updates(project.saved(file)) == [("js-update", "/main.js", "/main.js")]


def test_known_files_below_a_folder(project: HotFolder) -> None:
    assert project.file("main.js") in project.engine.known_files(str(project.path))
    assert project.engine.known_files(str(project.path / "mai")) == []
