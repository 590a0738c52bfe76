"""The wire codec: exact bytes out, anything at all in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from hotchannel.errors import HotChannelError
from hotchannel.wire.codec import MAX_DEPTH, Malformed, decode, encode, number
from hotchannel.wire.payloads import (
    Connected,
    Custom,
    ErrorDetail,
    ErrorPayload,
    FullReload,
    HotPayload,
    Location,
    Ping,
    Prune,
    Update,
    UpdateEntry,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("payload", "wire"),
    [
        (Connected(), '{"type":"connected"}'),
        (Ping(), '{"type":"ping"}'),
        (Update(()), '{"type":"update","updates":[]}'),
        (
            Update((UpdateEntry("js-update", 7, "/a b.js", "/ü.js", is_within_circular_import=False),)),
            (
                '{"type":"update","updates":[{"type":"js-update","timestamp":7,"path":"/a b.js",'
                '"acceptedPath":"/ü.js","isWithinCircularImport":false}]}'
            ),
        ),
        (
            Update(
                (
                    UpdateEntry(
                        "css-update",
                        8,
                        "/a.css",
                        "/a.css",
                        explicit_import_required=True,
                        first_invalidated_by="/b.js",
                    ),
                )
            ),
            (
                '{"type":"update","updates":[{"type":"css-update","timestamp":8,"path":"/a.css",'
                '"acceptedPath":"/a.css","explicitImportRequired":true,"firstInvalidatedBy":"/b.js"}]}'
            ),
        ),
        (FullReload(), '{"type":"full-reload"}'),
        (
            FullReload(path="*", triggered_by="/r/a.js"),
            '{"type":"full-reload","path":"*","triggeredBy":"/r/a.js"}',
        ),
        (Prune(("/a.js",)), '{"type":"prune","paths":["/a.js"]}'),
        (
            ErrorPayload(ErrorDetail("m", "s", plugin_code="c", loc=Location(1, 0, "/f"))),
            (
                '{"type":"error","err":{"message":"m","stack":"s","pluginCode":"c",'
                '"loc":{"line":1,"column":0,"file":"/f"}}}'
            ),
        ),
        (Custom("a:b"), '{"type":"custom","event":"a:b"}'),
        (Custom("a:b", None), '{"type":"custom","event":"a:b","data":null}'),
        (Custom("a:b", {"x": [1, "\u2028"]}), '{"type":"custom","event":"a:b","data":{"x":[1,"\u2028"]}}'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_travels(payload: HotPayload, wire: str) -> None:
    assert encode(payload).decode() == wire


def test_file_names_that_are_not_utf8_survive() -> None:
    encoded = encode(FullReload(path="*", triggered_by="/r/\udcff.js"))
    assert json.loads(encoded) == {"type": "full-reload", "path": "*", "triggeredBy": "/r/\udcff.js"}
    assert encoded.startswith(b'{"type":')


def circle() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "data",
    [object(), circle(), {"a": {1, object()}}, ["\udcff", float("nan")], {(1, 2): 3}],
    ids=["object", "circle", "set of objects", "NaN beside a surrogate", "tuple as key"],
)
def test_what_is_not_json(data: object) -> None:
    with pytest.raises(HotChannelError, match="Custom"):
        encode(Custom("a", data))


@given(json_values, st.integers(1, 2**53))
def test_numbering_adds_one_key_at_the_end(data: Any, seq: int) -> None:
    encoded = encode(Custom("a", data))
    numbered = number(encoded, seq)
    assert numbered.startswith(encoded[:-1])
    assert json.loads(numbered) == {**json.loads(encoded), "seq": seq}


@given(json_values, texts)
def test_custom_events_come_back(data: Any, event: str) -> None:
    assert decode(encode(Custom(event, data))) == Custom(event, data)
    assert decode(encode(Custom(event)).decode()) == Custom(event, UNSET)


@given(st.one_of(st.binary(max_size=100), st.text(max_size=100), json_values.map(json.dumps)))
def test_anything_can_come_in(data: bytes | str) -> None:
    assert isinstance(decode(data), (Custom, Ping, Malformed))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"custom"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{}",
        b'{"type":"update","updates":[]}',
        b'{"type":null}',
        b'{"type":{"type":"ping"}}',
        b'{"type":"custom"}',
        b'{"type":"custom","event":1}',
        b'{"type":"custom","event":["a"]}',
        b'{"type":"custom","event":"a","data":NaN}',
        b'{"type":"custom","event":"a","data":1e999}',
        rb'{"type":"custom","event":"a","data":"\ud800"}',
        b'{"type":"custom","event":"a","data":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        "\udcff",
    ],
    ids=lambda data: repr(data)[:50],
)
def test_malformed(data: bytes | str) -> None:
    assert isinstance(decode(data), Malformed)


def test_depth_has_a_limit() -> None:
    def nested(depth: int) -> bytes:
        return b'{"type":"custom","event":"a","data":' + b"[" * depth + b"]" * depth + b"}"

    assert isinstance(decode(nested(MAX_DEPTH - 1)), Custom)
    assert decode(nested(MAX_DEPTH)) == Malformed("nested too deep")


def test_a_mebibyte_of_text() -> None:
    text = "x" * 1024 * 1024
    assert decode(encode(Custom("a", text))) == Custom("a", text)


def test_ping_may_carry_more() -> None:
    assert decode('{"type":"ping","at":1}') == Ping()
