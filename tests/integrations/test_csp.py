"""What a policy keeps the client from doing; the tables agree with what Chromium does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.integrations.csp import blocked_by

OWN = "ws://localhost:8000/"
OTHER = "ws://localhost:24678/"

HASH = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


def blocked(
    *policies: str, nonce: str | None = None, page: str = "http://localhost:8000", socket: str = OWN
) -> list[str]:
    return blocked_by(policies, nonce=nonce, page=page, socket=socket)


def names(sentences: list[str]) -> list[str]:
    """The directives that forbid something."""
    return [sentence.partition(" forbids ")[0] for sentence in sentences]


@pytest.mark.parametrize(
    ("policy", "socket", "expected"),
    [
        pytest.param(
            "connect-src 'self'",
            OTHER,
            "connect-src forbids ws://localhost:24678: add it to connect-src",
            id="socket on another port",
        ),
        pytest.param(
            "connect-src 'none'",
            "ws://localhost/",
            "connect-src forbids ws://localhost:80: add it to connect-src",
            id="the port that is meant is said",
        ),
        pytest.param(
            "connect-src 'none'",
            "ws://[::1]:8000/",
            "connect-src forbids ws://[::1]:8000: add ws: to connect-src",
            id="no source names an IPv6 address",
        ),
        pytest.param(
            "script-src 'none'",
            OWN,
            "script-src forbids /@vite/client: add 'self', or a nonce to a script of the page",
            id="script",
        ),
        pytest.param(
            "script-src 'nonce-abc' 'strict-dynamic'",
            OWN,
            "script-src forbids /@vite/client: add a nonce to a script of the page",
            id="script, where only a nonce counts",
        ),
        pytest.param(
            "style-src 'self'",
            OWN,
            "style-src forbids the <style> elements of hot CSS modules: "
            "add 'unsafe-inline', or a nonce to a script of the page",
            id="style",
        ),
        pytest.param(
            "style-src 'self' 'nonce-abc'",
            OWN,
            "style-src forbids the <style> elements of hot CSS modules: add a nonce to a script of the page",
            id="style, where only a nonce counts",
        ),
        pytest.param(
            "sandbox allow-same-origin",
            OWN,
            "sandbox forbids all scripts: add allow-scripts to it",
            id="sandbox without scripts",
        ),
        pytest.param(
            "sandbox allow-scripts",
            OWN,
            "sandbox forbids /@vite/client: add allow-same-origin to it",
            id="sandbox without an origin",
        ),
    ],
)
def test_sentence_says_what_is_forbidden_and_the_way_out(policy: str, socket: str, expected: str) -> None:
    assert blocked(policy, socket=socket) == [expected]


def test_nonce_that_the_page_has_is_the_way_out() -> None:
    assert blocked("default-src 'nonce-other'; connect-src *", nonce="abc") == [
        "default-src forbids /@vite/client: add 'self', or the nonce of the page's scripts",
        "default-src forbids the <style> elements of hot CSS modules: add the nonce of the page's scripts",
    ]


@pytest.mark.parametrize(
    ("sources", "own", "other"),
    [
        pytest.param("'self'", True, False, id="self"),
        pytest.param("'SELF'", True, False, id="self in capitals"),
        pytest.param("'self' 'strict-dynamic'", True, False, id="strict-dynamic is for scripts"),
        pytest.param("*", True, True, id="star"),
        pytest.param("", False, False, id="no source"),
        pytest.param("'none'", False, False, id="none"),
        pytest.param("'none' ws:", True, True, id="none beside another means nothing"),
        pytest.param("ws:", True, True, id="scheme"),
        pytest.param("wss:", False, False, id="secure scheme"),
        pytest.param("http: https:", False, False, id="schemes that are not the socket's"),
        pytest.param("localhost:24678", False, False, id="no scheme means the page's"),
        pytest.param("http://localhost:*", False, False, id="scheme of the page"),
        pytest.param("ws://localhost", False, False, id="no port means the scheme's"),
        pytest.param("ws://localhost:24678", False, True, id="host and port"),
        pytest.param("WS://LOCALHOST:24678", False, True, id="host and port in capitals"),
        pytest.param("ws://localhost:24678/", False, True, id="root path"),
        pytest.param("ws://localhost:24678/hmr", False, False, id="another path"),
        pytest.param("ws://localhost:*", True, True, id="any port"),
        pytest.param("ws://*:8000", True, False, id="any host"),
        pytest.param("ws://*.localhost:*", False, False, id="hosts below"),
        pytest.param("ws://localhost:999999 ws://local[host: ://", False, False, id="malformed"),
    ],
)
def test_sockets_that_sources_allow(sources: str, own: bool, other: bool) -> None:
    found = (not blocked(f"connect-src {sources}"), not blocked(f"connect-src {sources}", socket=OTHER))
    assert found == (own, other)


@pytest.mark.parametrize(
    ("page", "socket", "sources", "is_allowed"),
    [
        pytest.param("https://a.test", "wss://a.test/", "'self'", True, id="both default ports"),
        pytest.param("http://a.test", "wss://a.test/", "'self'", True, id="secure socket of a plain page"),
        pytest.param("https://a.test", "ws://a.test/", "'self'", False, id="plain socket of a secure page"),
        pytest.param("http://a.test:8000", "ws://b.test:8000/", "'self'", False, id="another host"),
        pytest.param("http://a.test", "wss://a.test/", "ws://a.test", True, id="more secure than the source"),
        pytest.param("http://a.test", "ws://b.a.test/", "ws://*.a.test", True, id="host below"),
        pytest.param("http://a.test", "ws://ba.test/", "ws://*.a.test", False, id="host that ends alike"),
        pytest.param("http://a.test", "ws://a.test/x/hmr", "ws://a.test/x/", True, id="folder"),
        pytest.param("http://a.test", "ws://a.test/x/hmr", "ws://a.test/%78/hmr", True, id="escaped path"),
        pytest.param("http://a.test", "ws://a.test/x/hmr", "ws://a.test/X/", False, id="path in capitals"),
    ],
)
def test_socket_by_page(page: str, socket: str, sources: str, is_allowed: bool) -> None:
    assert (not blocked(f"connect-src {sources}", page=page, socket=socket)) is is_allowed


@pytest.mark.parametrize(
    ("sources", "without", "with_nonce"),
    [
        pytest.param("'self'", True, True, id="self"),
        pytest.param("'none'", False, False, id="none"),
        pytest.param("'unsafe-inline'", False, False, id="inline scripts"),
        pytest.param("'nonce-abc'", False, True, id="nonce"),
        pytest.param("'NONCE-abc'", False, True, id="nonce, keyword in capitals"),
        pytest.param("'nonce-ABC'", False, False, id="nonce in capitals"),
        pytest.param("'nonce-abc", False, False, id="nonce without its quote"),
        pytest.param("'self' 'strict-dynamic'", False, False, id="strict-dynamic ignores self"),
        pytest.param("* 'strict-dynamic'", False, False, id="strict-dynamic ignores hosts"),
        pytest.param("'nonce-abc' 'strict-dynamic'", False, True, id="strict-dynamic with nonce"),
        pytest.param("http:", True, True, id="scheme"),
        pytest.param("localhost:8000", True, True, id="host"),
        pytest.param("localhost", False, False, id="host with the scheme's port"),
        pytest.param("localhost:8000/@vite/", True, True, id="folder of the client"),
        pytest.param("localhost:8000/%40vite/client", True, True, id="escaped path of the client"),
        pytest.param("localhost:8000/static/", False, False, id="another folder"),
    ],
)
def test_scripts_that_sources_allow(sources: str, without: bool, with_nonce: bool) -> None:
    policy = f"script-src {sources}"
    assert (not blocked(policy), not blocked(policy, nonce="abc")) == (without, with_nonce)


@pytest.mark.parametrize(
    ("sources", "without", "with_nonce"),
    [
        pytest.param("'self' * http:", False, False, id="URLs are no elements"),
        pytest.param("'unsafe-inline'", True, True, id="unsafe-inline"),
        pytest.param("'unsafe-inline' 'strict-dynamic'", True, True, id="strict-dynamic is for scripts"),
        pytest.param("'unsafe-inline' 'nonce-other'", False, False, id="unsafe-inline beside a nonce"),
        pytest.param(f"'unsafe-inline' {HASH}", False, False, id="unsafe-inline beside a hash"),
        pytest.param("'nonce-abc'", False, True, id="nonce"),
    ],
)
def test_styles_that_sources_allow(sources: str, without: bool, with_nonce: bool) -> None:
    policy = f"style-src {sources}"
    assert (not blocked(policy), not blocked(policy, nonce="abc")) == (without, with_nonce)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], [], id="no policy"),
        pytest.param([" ; ;,,;"], [], id="nothing in it"),
        pytest.param(["img-src 'none'; script-src-attr 'none'"], [], id="directives that do not concern it"),
        pytest.param(["default-src 'none'"], ["default-src"] * 3, id="default-src stands in for all"),
        pytest.param(["DEFAULT-SRC 'none'"], ["default-src"] * 3, id="in capitals"),
        pytest.param(
            ["default-src 'none'; script-src 'none'; style-src 'none'; connect-src 'none'"],
            ["script-src", "connect-src", "style-src"],
            id="its own directive ahead of default-src",
        ),
        pytest.param(
            ["script-src 'none'; style-src 'none'; script-src-elem 'self'; style-src-elem 'unsafe-inline'"],
            [],
            id="that for elements ahead of both",
        ),
        pytest.param(["connect-src 'self'; connect-src 'none'"], [], id="the first of one name counts"),
        pytest.param(
            ["connect-src *, connect-src 'none'"], ["connect-src"], id="both in one value must allow"
        ),
        pytest.param(["connect-src *", "connect-src 'none'"], ["connect-src"], id="both values must allow"),
        pytest.param(["connect-src 'none'"] * 2, ["connect-src"], id="said once"),
        pytest.param(["sandbox"], ["sandbox", "sandbox"], id="sandbox"),
        pytest.param(["sandbox allow-scripts allow-same-origin"], [], id="open sandbox"),
        pytest.param(["connect-src\t\n'self'\f;"], [], id="any white space"),
    ],
)
def test_directive_that_decides(policies: list[str], expected: list[str]) -> None:
    assert names(blocked(*policies)) == expected


TOKENS = st.sampled_from(
    [
        "default-src",
        "connect-src",
        "script-src",
        "style-src",
        "sandbox",
        "'self'",
        "*",
        "ws:",
        "://",
        "a:*",
        ";",
        ",",
    ]
)


@given(
    st.lists(st.text() | st.lists(TOKENS | st.text(max_size=6)).map(" ".join)),
    st.none() | st.text(),
)
def test_no_text_is_too_much(policies: list[str], nonce: str | None) -> None:
    sentences = blocked(*policies, nonce=nonce)
    assert len(sentences) == len(set(sentences))
    assert all(" forbids " in sentence and ": add " in sentence for sentence in sentences)
