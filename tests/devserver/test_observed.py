"""What an inspector is shown is bounded, whatever was said."""

from __future__ import annotations

from hotchannel.devserver.observed import MAX_TEXT, MessageLog, Save, head_of, hmr_payload, picture_of
from hotchannel.hmr.graph import ModuleGraph
from hotchannel.modules.urls import FilePath, ModuleId, ModuleUrl
from hotchannel.wire.codec import encode
from hotchannel.wire.payloads import Binary, Custom, FullReload, Update, UpdateEntry


def test_heads() -> None:
    assert head_of(b'{"type":"update","updates":[]}') == ("update", "")
    assert head_of('{"type":"custom","event":"a"}') == ("custom", "a")
    for malformed in ("", "[]", "{", b"\xff", '{"type": 1}', "[" * 100_000):
        assert head_of(malformed) == ("malformed", "")
    assert len(head_of(f'{{"type":"custom","event":"{"x" * 5000}"}}')[1]) == 200


def test_of_a_binary_message_its_event_and_size_are_shown() -> None:
    message = Binary("frame\x1b", b"\x00" * 9000)
    assert head_of(message) == ("binary", "frame\x1b")
    log = MessageLog()
    log.add(message, way="out", at=1.5, who="x", head=head_of(message))
    (row,) = log.since(0)
    assert (row["size"], row["text"]) == (9000, "frame\\x1b, 9000 bytes")


def test_updates_and_reloads_are_read_and_all_else_is_passed_over() -> None:
    entry = UpdateEntry("js-update", 5, "/a.js", "/b.js")
    update, reload = Update((entry,)), FullReload(triggered_by="/tmp/\udc80.html")
    assert hmr_payload("update", encode(update)) == update
    assert hmr_payload("full-reload", encode(reload)) == reload
    assert hmr_payload("custom", encode(Custom("update"))) is None
    assert hmr_payload("update", Binary("update", b"")) is None
    for malformed in (b"", b"[]", b'{"type":"update"}', b'{"type":"update","updates":[1]}', b"[" * 100_000):
        assert hmr_payload("update", malformed) is None


def test_the_log_keeps_the_last_messages_and_cuts_them() -> None:
    log = MessageLog()
    for number in range(1000):
        log.add(f"{number}" + "\ud800ü" * 9000, way="in", at=1.5, who="x", head=("custom", "e"))
    assert len(log.since(0)) == 300
    assert [row["text"][:3] for row in log.since(998)] == ["998", "999"]
    assert log.since(1000) == []
    assert all(len(row["text"].encode()) <= MAX_TEXT + 2 for row in log.since(0))
    assert log.since(999)[0]["at"] == 1500


def test_a_save_is_as_long_as_its_slowest_page() -> None:
    save = Save(1, "a.js", 5, 0.0123)
    assert (save.shown()["applied"], save.shown()["pages"]) == (None, 0)
    save.applied.update({1: 3.0, 2: 7.5})
    assert save.shown() == {
        "n": 1,
        "label": "a.js",
        "sent": 12.3,
        "applied": 7.5,
        "pages": 2,
        "reload": False,
    }


def test_a_large_graph_is_shown_in_part() -> None:
    graph = ModuleGraph()
    nodes = [
        graph.ensure(ModuleId(f"/{n}.js"), ModuleUrl(f"/{n}.js"), FilePath(f"/{n}.js"), "js")
        for n in range(900)
    ]
    graph.connect(nodes[0], imports={nodes[1]: None, nodes[850]: None}, self_accepting=True)
    graph.touch((nodes[1],), 7)
    picture = picture_of(graph, lit=7, boundaries=[("/0.js", "/1.js"), ("/0.js", "/880.js")], is_reload=False)
    assert (picture["total"], len(picture["nodes"])) == (900, 800)
    assert picture["edges"] == [[0, 1]]
    assert picture["boundaries"] == [[0, 1]]
    assert [node["url"] for node in picture["nodes"] if node["lit"]] == ["/1.js"]
