"""`decide`, `decide_http` and the head parser on their own: no input makes them raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.websocket.handshake import (
    PASS,
    Accept,
    HandshakeRequest,
    HttpAnswer,
    Policy,
    Reason,
    Reject,
    decide,
    decide_http,
)
from hotchannel.websocket.head import parse_head, refusal, switching_protocols
from hotchannel.websocket.hosts import host_allowed, host_name
from hotchannel.websocket.token import encode_token, query_parameter, token_matches

POLICY = Policy(base_path="/", token="AAAAAAAAAAAA", allowed_hosts=("example.com", ".mydomain.com"))

GOOD = {
    "host": "localhost",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "vite-hmr",
}

latin1 = st.text(st.characters(max_codepoint=255), max_size=40)
names = st.one_of(st.sampled_from([*GOOD, "origin"]), latin1)
values = st.one_of(
    st.sampled_from([*GOOD.values(), "vite-ping", "null", "h2c", "http://[::1", "chrome-extension://x"]),
    latin1,
)
requests = st.builds(
    HandshakeRequest,
    method=st.one_of(st.just("GET"), latin1),
    target=st.one_of(st.just("/"), latin1, latin1.map(lambda text: f"/?token={text}&resume={text}")),
    headers=st.lists(st.tuples(names, values), max_size=12).map(lambda extra: (*GOOD.items(), *extra)),
    http_version=st.sampled_from(["1.1", "1.0"]),
)


@given(requests, st.booleans())
def test_decide_never_raises_and_passes_no_websocket_on_where_nobody_is(
    request: HandshakeRequest, exclusive: bool
) -> None:
    policy = Policy(base_path="/", token="t", exclusive=exclusive)
    decision = decide(policy, request)
    assert isinstance(decision, (Accept, Reject)) or decision is PASS
    assert isinstance(decide_http(policy, request), HttpAnswer | None)


@given(latin1, latin1)
def test_with_an_origin_only_the_token_opens(origin: str, presented: str) -> None:
    request = HandshakeRequest("GET", f"/?token={presented}", (*GOOD.items(), ("origin", origin)))
    assert not isinstance(decide(POLICY, request), Accept)


@given(st.binary(max_size=200))
def test_head_parser_takes_any_bytes(head: bytes) -> None:
    parsed = parse_head(head)
    assert parsed is None or all(name == name.lower() for name, _ in parsed.headers)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True),
            st.text(
                st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20
            ),
        ),
        max_size=5,
    )
)
def test_head_parser_reads_what_was_written(headers: list[tuple[str, str]]) -> None:
    lines = ["GET /a?b HTTP/1.1", *(f"{name}:\t{value} " for name, value in headers)]
    parsed = parse_head("\r\n".join(lines).encode("latin-1"))
    expected = tuple((name.lower(), value.strip(" \t")) for name, value in headers)
    assert parsed == HandshakeRequest("GET", "/a?b", expected, "1.1")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /",
        b"GET / HTTP/1.1\r\n",
        b"GET  / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nA : b",
        b"GET / HTTP/1.1\r\n a: b",
        b"GET / HTTP/1.1\r\na: b\r\n c",
        b"GET / HTTP/1.1\r\na: b\nc: d",
        b"GET / HTTP/1.1\r\na: b\x00",
        b"GET / HTTP/1.1\r\n: b",
        b"GET / HTTP/1.1\r\na",
        b"GET /\x00 HTTP/1.1",
        b"G\x00T / HTTP/1.1",
    ],
)
def test_malformed_heads(head: bytes) -> None:
    assert parse_head(head) is None


def test_responses() -> None:
    assert switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", "vite-hmr", [("X-A", "b")]) == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: vite-hmr\r\n"
        b"X-A: b\r\n\r\n"
    )
    assert refusal(400) == (
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 11\r\n\r\nBad Request"
    )


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["localhost:5173"], None),
        (["example.com"], None),
        (["a.b.mydomain.com"], None),
        (["evil.com"], 403),
        ([""], 403),
        (["\x1b[31m<b>\xe4"], 403),
        (["x" * 8000], 403),
        ([], 400),
        (["localhost", "localhost"], 400),
    ],
    ids=str,
)
def test_plain_http(hosts: list[str], status: int | None) -> None:
    answer = decide_http(POLICY, HandshakeRequest("GET", "/", tuple(("host", host) for host in hosts)))
    assert (answer and answer.status) == status
    if answer is not None and status == 403:
        assert answer.reason is Reason.HOST
        assert "ws.allowed_hosts" in answer.body
        assert answer.body.replace("\n", "").isprintable()
        assert len(answer.body) < 400


def test_plain_http_names_the_option_of_the_users_framework() -> None:
    policy = Policy(base_path="/", token="t", hosts_option="ALLOWED_HOSTS in settings.py")
    answer = decide_http(policy, HandshakeRequest("GET", "/", (("host", "evil.com"),)))
    assert answer is not None
    assert "ALLOWED_HOSTS in settings.py" in answer.body


def test_http_ping() -> None:
    headers = (("host", "localhost"), ("accept", "text/x-vite-ping"))
    assert decide_http(POLICY, HandshakeRequest("GET", "/", headers)) == HttpAnswer(204, "", None)


# The names of protocol.md section 3 are tried over sockets in test_entrances; here are their neighbours.
@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("file:", True),
        ("file:///a", True),
        ("chrome-extension:", True),
        ("chrome-extension://abc", True),
        ("safari-web-extension://abc", True),
        ("-extension:", False),
        ("evil.com/-extension:", False),
        ("evil.com-extension:80", False),
        ("files:", False),
        ("[fe80::1%25eth0]", False),
        ("[v1.a]", False),
        ("[::ffff:1.2.3.4]:65535", True),
        ("[1::2::3]", False),
        ("127.0.0.1:", False),
        ("127.0.0.1:123456", False),
        ("127.0.0.1:\u0663", False),
        ("\u0661\u0662\u0667.0.0.1", False),
        ("localhost.", False),
        (".localhost", False),
        ("a..localhost", False),
        ("mydomain.com.", False),
        (".mydomain.com", False),
        ("localhost\n", False),
        ("localhost ", False),
        ("own.host", True),
        ("own.host:1", True),
        ("not.own.host", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host, ("example.com", ".mydomain.com"), ("Own.Host",)) is allowed
    assert host_allowed(host, True)


@given(st.text(max_size=30))
def test_any_host_is_decided(host: str) -> None:
    name = host_name(host)
    assert name is None or name == name.lower()
    assert isinstance(host_allowed(host, ()), bool)


def test_tokens() -> None:
    assert encode_token(bytes(9)) == "A" * 12
    assert len({len(encode_token(bytes([byte]) * 9)) for byte in range(256)}) == 1
    assert token_matches(b"abc", "abc")
    assert not token_matches(b"", "")
    assert not token_matches(None, "abc")
    assert token_matches("ü".encode(), "ü")


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("", None),
        ("token", b""),
        ("token=", b""),
        ("token=a&token=b", b"a"),
        ("Token=a", None),
        ("xtoken=a", None),
        ("%74oken=a", b"a"),
        ("token=%61%00%ff%zz", b"a\x00\xff%zz"),
        ("a=token=b", None),
        ("token=a=b", b"a=b"),
        ("token=a+b", b"a+b"),
        ("&&token=a", b"a"),
    ],
)
def test_query_parameter(query: str, value: bytes | None) -> None:
    assert query_parameter(query, b"token") == value
