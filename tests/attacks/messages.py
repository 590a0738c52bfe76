"""Messages that a client may send, and that must do no harm: attacks 13 to 16, row by row."""

from __future__ import annotations

from typing import Any

__all__ = ["INVALIDATES", "INVOKES", "MEANINGLESS", "NASTY", "ODD", "UNSAFE"]

LIMIT = 1024 * 1024

_DATA = b'{"type":"custom","event":"x","data":'

NASTY = "\x1b[2J\x1b]0;title\x07\r\nforged line\u202e\u2066\u200b\x9b31m\x7f"
"""Clears the screen, sets the title, begins a line of its own, reads from right to left."""

UNSAFE = "\x1b\x07\r\u202e\u2066\u200b\x9b\x7f"
"""What of it may never reach a terminal; a line feed may, between lines of ours."""

# All of these are ignored and counted, whoever listens.
MEANINGLESS: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "list": b"[]",
    "number": b"7",
    "string": b'"custom"',
    "string of 1 MiB": b'"' + b"x" * (LIMIT - 2) + b'"',
    "a message in a list": b'[{"type":"custom","event":"x"}]',
    "nothing": b"",
    "1000 blanks": b" " * 1000,
    "NUL": b"\0",
    "not JSON": b"{",
    "cut short": _DATA,
    "byte order mark": b"\xef\xbb\xbf" + _DATA + b"1}",
    "something behind": _DATA + b"1}x",
    "two messages": (_DATA + b"1}") * 2,
    "comment": b"/**/" + _DATA + b"1}",
    "comma at the end": _DATA + b"1,}",
    "single quotes": b"{'type':'custom','event':'x'}",
    "line feed in a string": b'{"type":"custom","event":"x\n"}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "data of 500 lists in each other": _DATA + b"[" * 500 + b"]" * 500 + b"}",
    "data of 100,000 lists in each other": _DATA + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": _DATA + b"NaN}",
    "Infinity": _DATA + b"-Infinity}",
    "a number too large": _DATA + b"1e999}",
    "an exponent of 5000 digits": _DATA + b"1e" + b"9" * 5000 + b"}",
    "integer of 5000 digits": _DATA + b"9" * 5000 + b"}",
    "octal": _DATA + b"01}",
    "lone surrogate": _DATA + rb'"\ud800"}',
    "lone surrogate as event": rb'{"type":"custom","event":"\udfff"}',
    "lone surrogate as key": _DATA + rb'{"\udc00":1}}',
    "surrogates the wrong way round": _DATA + rb'"\udc00\ud800"}',
    "no type": b'{"event":"x"}',
    "type null": b'{"type":null,"event":"x"}',
    "type that is a number": b'{"type":1,"event":"x"}',
    "type that is a list": b'{"type":["custom"],"event":"x"}',
    "type in capitals": b'{"type":"CUSTOM","event":"x"}',
    "Type": b'{"Type":"custom","event":"x"}',
    "the type is taken back": b'{"type":"custom","event":"x","type":"nothing"}',
    "the event is taken back": b'{"type":"custom","event":"x","event":null}',
    "connected": b'{"type":"connected"}',
    "full-reload": b'{"type":"full-reload"}',
    "update": b'{"type":"update","updates":[]}',
    "prune": b'{"type":"prune","paths":["/self.js"]}',
    "error": b'{"type":"error","err":{"message":"forged","stack":""}}',
    "no event": b'{"type":"custom"}',
    "event that is a number": b'{"type":"custom","event":1}',
    "event that is true": b'{"type":"custom","event":true}',
    "event that is null": b'{"type":"custom","event":null}',
    "event that is a list": b'{"type":"custom","event":["x"]}',
    "event that is an object": b'{"type":"custom","event":{"x":1}}',
    "forged connect": b'{"type":"custom","event":"vite:client:connect"}',
    "forged disconnect": b'{"type":"custom","event":"vite:client:disconnect"}',
    "forged connection": b'{"type":"custom","event":"connection"}',
    "forged error": b'{"type":"custom","event":"error"}',
    "forged headers": b'{"type":"custom","event":"headers"}',
    "forged listening": b'{"type":"custom","event":"listening"}',
    "forged message": b'{"type":"custom","event":"message"}',
    "forged in escapes": rb'{"type":"custom","event":"\u0063onnection"}',
}


def lists(depth: int) -> list[Any]:
    """`depth` lists in each other."""
    nested: list[Any] = []
    for _ in range(depth - 1):
        nested = [nested]
    return nested


# These are odd, and yet JSON: they are heard, as what a browser would read.
ODD: dict[str, tuple[bytes, str, Any]] = {
    "duplicate data": (b'{"type":"custom","event":"x","data":1,"data":2}', "x", 2),
    "duplicate event": (b'{"type":"custom","event":"y","event":"x","data":1}', "x", 1),
    "escaped keys": (rb'{"\u0074ype":"\u0063ustom","event":"\u0078","data":1}', "x", 1),
    "keys of objects' makers": (
        b'{"type":"custom","event":"x","__proto__":{},"__class__":1,"data":{"__proto__":{"a":1}}}',
        "x",
        {"__proto__": {"a": 1}},
    ),
    "unknown keys": (b'{"type":"custom","event":"x","seq":9,"err":{},"data":1}', "x", 1),
    "integer of 300 digits": (_DATA + b"9" * 300 + b"}", "x", int("9" * 300)),
    "negative zero": (_DATA + b"-0}", "x", 0),
    "100 lists in each other": (_DATA + b"[" * 100 + b"]" * 100 + b"}", "x", lists(100)),
    "data of 1 MiB": (_DATA + b'"' + b"x" * (LIMIT - 39) + b'"}', "x", "x" * (LIMIT - 39)),
    "10,000 keys": (
        _DATA + b"{" + b",".join(b'"%d":0' % i for i in range(10_000)) + b"}}",
        "x",
        {str(i): 0 for i in range(10_000)},
    ),
    "event without letters": (b'{"type":"custom","event":"","data":1}', "", 1),
    "event with NUL": (rb'{"type":"custom","event":"\u0000","data":1}', "\0", 1),
    "event of 100 kB": (b'{"type":"custom","event":"%b","data":1}' % (b"e" * 100_000), "e" * 100_000, 1),
    "event named as a method": (b'{"type":"custom","event":"__init__","data":1}', "__init__", 1),
    "pair of surrogates": (_DATA + rb'"\ud83d\udd25"}', "x", "🔥"),
}


def _request(name: object, **other: object) -> dict[str, Any]:
    return {"name": name, "id": "send:1", "data": [], **other}


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in _request("add", data=[1, 2]).items() if name != key}


# Data of `vite:invoke`, and what comes back: the result, a part of the error's message, or nothing.
INVOKES: dict[str, tuple[object, dict[str, Any] | None]] = {
    "sync": (_request("add", data=[1, 2]), {"result": 3}),
    "async": (_request("later"), {"result": "later"}),
    "unknown": (_request("nope"), {"error": "no function is named nope"}),
    **{
        name: (_request(name), {"error": "no function"})
        for name in (
            "__class__",
            "__init__",
            "__call__",
            "_functions",
            "add.__globals__",
            "constructor",
            "toString",
            "__proto__",
            "fetchModule",
            "getBuiltins",
            "",
            " add",
            "ADD",
            "add\0",
        )
    },
    "name of 100 kB": (_request("n" * 100_000), {"error": "no function"}),
    "name that is a list": (_request(["add"]), {"error": "no function"}),
    "name that is an object": (_request({"toString": 1}), {"error": "no function"}),
    "name null": (_request(None), {"error": "no function"}),
    "no name": (_without("name"), {"error": "no function"}),
    "no arguments": (_without("data"), {"error": "not a list"}),
    "arguments null": (_request("add", data=None), {"error": "not a list"}),
    "arguments that are an object": (_request("add", data={"a": 1, "b": 2}), {"error": "not a list"}),
    "arguments that are a string": (_request("add", data="12"), {"error": "not a list"}),
    "arguments that are a number": (_request("add", data=12), {"error": "not a list"}),
    "too few arguments": (_request("add", data=[1]), {"error": "missing"}),
    "too many arguments": (_request("add", data=[1, 2, 3]), {"error": "takes 2"}),
    "10,000 arguments": (_request("add", data=[0] * 10_000), {"error": "takes 2"}),
    "arguments of other types": (_request("add", data=[{}, None]), {"error": "unsupported"}),
    "raises": (_request("raises"), {"error": "trouble"}),
    "result that is not JSON": (_request("opaque"), {"error": "JSON"}),
    "id that is a number": (_request("add", id=1), None),
    "id null": (_request("add", id=None), None),
    "id that is a list": (_request("add", id=["send:1"]), None),
    "id that is a response": (_request("add", id="response:1"), None),
    "id without a direction": (_request("add", id="1"), None),
    "no id": (_without("id"), None),
    "request null": (None, None),
    "request list": ([], None),
    "request in a list": ([_request("add", data=[1, 2])], None),
    "request string": ("add", None),
    "request number": (7, None),
    "request without anything": ({}, None),
}

# Data of `vite:invalidate` of which nothing may come; `{root}` is the served folder, `{other}` one beside it.
INVALIDATES: dict[str, object] = {
    "null": None,
    "number": 7,
    "string": "/self.js",
    "list": ["/self.js"],
    "nothing in it": {},
    "no path": {"message": "m", "firstInvalidatedBy": "/self.js"},
    "path null": {"path": None},
    "path that is a number": {"path": 1},
    "path that is a list": {"path": ["/self.js"]},
    "path that is an object": {"path": {"path": "/self.js"}},
    "unknown path": {"path": "/nope.js"},
    "a file that nobody asked for": {"path": "/unseen.js"},
    "empty path": {"path": ""},
    "the page": {"path": "/index.html"},
    "a folder": {"path": "/"},
    "a stylesheet": {"path": "/linked.css"},
    "path without a slash": {"path": "self.js"},
    "path with a query": {"path": "/self.js?t=1"},
    "path in capitals": {"path": "/SELF.js"},
    "path with dots": {"path": "/../{other}/self.js"},
    "path by way of another folder": {"path": "/folder/../self.js"},
    "file of the folder": {"path": "{root}/self.js"},
    "file of another folder": {"path": "{other}/self.js"},
    "file of another folder by @fs": {"path": "/@fs{other}/self.js"},
    "URL": {"path": "http://localhost/self.js"},
    "URL without a scheme": {"path": "//localhost/self.js"},
    "path named as a method": {"path": "__class__"},
    "path of 100 kB": {"path": "/" + "p" * 100_000},
    "path with NUL": {"path": "/self.js\0"},
    "path of controls": {"path": NASTY},
}
