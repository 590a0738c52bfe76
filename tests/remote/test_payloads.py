"""What a server says, read as far as it is known."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.remote.payloads import parse
from hotchannel.wire.payloads import Connected, Custom, ErrorDetail, ErrorPayload, FullReload, Prune, Update

UPDATE = {"type": "css-update", "timestamp": 1, "path": "/a.css", "acceptedPath": "/a.css"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "connected"}, Connected()),
        ({"type": "custom", "event": "a:b", "data": [1]}, Custom("a:b", [1])),
        ({"type": "full-reload", "path": "*"}, FullReload(path="*")),
        ({"type": "prune", "paths": ["/a.js"]}, Prune(("/a.js",))),
        ({"type": "error", "err": {"message": "m", "stack": ""}}, ErrorPayload(ErrorDetail("m", ""))),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_what_is_known_is_typed(message: object, expected: object) -> None:
    assert parse(json.dumps(message)) == expected
    assert parse(json.dumps(message).encode()) == expected


def test_an_update_is_typed() -> None:
    payload = parse(json.dumps({"type": "update", "updates": [UPDATE]}))

    assert isinstance(payload, Update)
    assert payload.updates[0].accepted_path == "/a.css"


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"type": "tomorrow", "x": 1}, id="another type"),
        pytest.param({"type": "connected", "x": 1}, id="another field"),
        pytest.param({"type": "update", "updates": [{**UPDATE, "x": 1}]}, id="another field further in"),
        pytest.param({"type": "update"}, id="a field less"),
        pytest.param({"type": "prune", "paths": "/a.js"}, id="a field of another type"),
        pytest.param({"type": 7}, id="a type that is no name"),
        pytest.param({}, id="nothing in it"),
    ],
)
def test_what_is_not_stays_as_it_is(message: dict[str, object]) -> None:
    assert parse(json.dumps(message)) == message


@pytest.mark.parametrize("message", ["", "{", "[]", "1", "null", '"x"', b"\xff", "[" * 100_000])
def test_what_is_no_object_is_nothing(message: str | bytes) -> None:
    assert parse(message) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_nothing_raises(value: object) -> None:
    parse(json.dumps(value))
    parse(json.dumps({"type": "update", "updates": value}))
