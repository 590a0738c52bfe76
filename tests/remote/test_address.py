"""Where a client script says that the socket is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotchannel.remote.address import client_url, is_socket_url, socket_urls

PAGE = "http://localhost:5173/@vite/client"


def vites(
    *,
    protocol: str | None = None,
    host: str | None = None,
    port: int | None = None,
    path: str = "/",
    direct: str = "127.0.0.1:5173/",
    token: str = "T",
) -> str:
    """The lines of npm's client that matter, as its server fills them in."""
    return "\n".join(
        (
            "const importMetaUrl = new URL(import.meta.url);",
            f'const socketProtocol = {json.dumps(protocol)} || (importMetaUrl.protocol === "https:");',
            f"const hmrPort = {json.dumps(port)};",
            (
                f"const socketHost = `${{{json.dumps(host)} || importMetaUrl.hostname}}"
                f":${{hmrPort || importMetaUrl.port}}${{{json.dumps(path)}}}`;"
            ),
            f"const directSocketHost = {json.dumps(direct)};",
            f"const wsToken = {json.dumps(token)};",
        )
    )


def ours(**settings: object) -> str:
    """The same of hotchannel's client."""
    values = {
        "wsProtocol": None,
        "wsHostname": None,
        "wsPort": None,
        "wsDirectTarget": "localhost:5173/",
        "wsBase": "/",
        "wsToken": "T",
        **settings,
    }
    return "\n".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())


@pytest.mark.parametrize(
    ("script", "page", "urls"),
    [
        pytest.param(
            vites(), PAGE, ["ws://localhost:5173/?token=T", "ws://127.0.0.1:5173/?token=T"], id="vite"
        ),
        pytest.param(
            vites(path="/app/", direct="localhost:5173/app/"),
            "http://localhost:5173/app/@vite/client",
            ["ws://localhost:5173/app/?token=T"],
            id="vite, base",
        ),
        pytest.param(
            vites(port=24678, path="/"), PAGE, ["ws://localhost:24678/?token=T"], id="vite, a port of its own"
        ),
        pytest.param(
            vites(protocol="wss", host="example.com", port=443),
            PAGE,
            ["wss://example.com:443/?token=T"],
            id="vite, elsewhere",
        ),
        pytest.param(
            vites(direct="[::1]:5173/"),
            "https://[::1]:5173/@vite/client",
            ["wss://[::1]:5173/?token=T"],
            id="vite, encrypted, IPv6",
        ),
        pytest.param(
            vites(direct="localhost:80/", token="a+b/c"),
            "http://localhost/@vite/client",
            ["ws://localhost/?token=a%2Bb%2Fc", "ws://localhost:80/?token=a%2Bb%2Fc"],
            id="vite, default port",
        ),
        pytest.param(ours(), PAGE, ["ws://localhost:5173/?token=T"], id="ours"),
        pytest.param(
            ours(wsPort=24678, wsBase="/hmr", wsProtocol="wss", wsHostname="[::1]"),
            PAGE,
            ["wss://[::1]:24678/hmr?token=T"],
            id="ours, everything set",
        ),
        pytest.param("export const a = 1;", PAGE, [], id="no client"),
        pytest.param("", PAGE, [], id="nothing"),
        pytest.param('const wsToken = "x";\nconst socketHost = 1;', PAGE, [], id="something like it"),
    ],
)
def test_where_the_socket_is(script: str, page: str, urls: list[str]) -> None:
    assert list(socket_urls(script, page)) == urls


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert socket_urls(text, PAGE) == ()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:5173", "http://localhost:5173/@vite/client"),
        ("http://localhost:5173/app/", "http://localhost:5173/app/@vite/client"),
        ("http://localhost:5173/app/index.html?x#y", "http://localhost:5173/app/@vite/client"),
        ("localhost:5173", "http://localhost:5173/@vite/client"),
        ("https://[::1]:1/", "https://[::1]:1/@vite/client"),
    ],
)
def test_where_the_client_is(url: str, expected: str) -> None:
    assert client_url(url) == expected


def test_what_names_a_socket() -> None:
    assert is_socket_url("ws://localhost:1/?token=T")
    assert is_socket_url("WSS://localhost")
    assert not is_socket_url("http://localhost")
