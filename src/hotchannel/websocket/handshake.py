"""Who may come in: the decision about an opening handshake.

Role: `decide(policy, request)` is the only place where a WebSocket upgrade is accepted, refused or
left to the host application; entrances translate its answer and add nothing. Pure. Follows
protocol.md section 2, in the order of checks written there; RFC 6455 section 4.2.1.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from hotchannel.websocket.compression import Deflate, negotiate
from hotchannel.websocket.hosts import host_allowed
from hotchannel.websocket.token import query_parameter, token_matches

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = [
    "HMR",
    "PASS",
    "PING",
    "Accept",
    "Decision",
    "HandshakeRequest",
    "HttpAnswer",
    "Pass",
    "Policy",
    "Reason",
    "Reject",
    "Subprotocol",
    "decide",
    "decide_http",
    "knows_token",
]

Subprotocol = Literal["vite-hmr", "vite-ping"]

HMR: Subprotocol = "vite-hmr"
PING: Subprotocol = "vite-ping"

_PING_ACCEPT = "text/x-vite-ping"

_TARGET = re.compile(r"/(?!/)[!-~]*")


class Reason(StrEnum):
    """Why a peer was refused; also the labels of the metric."""

    ADDRESS_CLIENTS = "too-many-clients-of-address"
    ADDRESS_RATE = "too-many-connections-of-address"
    CLIENTS = "too-many-clients"
    CLOSED = "server-closed"
    FILE = "file"
    HEAD = "malformed-head"
    HEAD_SIZE = "head-too-large"
    HOST = "host-not-allowed"
    HOST_HEADER = "host-header"
    HTTP_VERSION = "http-version"
    KEY = "websocket-key"
    METHOD = "method"
    ORIGIN_HEADER = "origin-header"
    PATH = "path"
    PLAIN_HTTP = "plain-http"
    SCRIPT = "script-for-another-site"
    SUBPROTOCOL = "subprotocol"
    TARGET = "request-target"
    TIMEOUT = "handshake-timeout"
    TLS = "tls-on-a-port-without"
    TOKEN = "token"
    UNREADY = "pages-not-served-yet"
    UPGRADE = "other-upgrade"
    VERSION = "websocket-version"


@dataclass(frozen=True, slots=True)
class HandshakeRequest:
    """The head of an HTTP request.

    Attributes:
        method: as on the request line.
        target: the raw request target.
        headers: names in lower case, values in latin-1 without surrounding blanks, in order.
        http_version: `1.1`.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    http_version: str = "1.1"

    def values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What `decide` goes by.

    Attributes:
        base_path: the socket's path, decoded.
        token: the server's secret.
        former_tokens: those that it had before; pages served then may still come.
        allowed_hosts: see `hosts.host_allowed`.
        own_hosts: names the server itself goes by; always allowed.
        require_token: `always` asks the token of requests without Origin too.
        skip_web_socket_token_check: accept every allowed Host.
        exclusive: no host application stands behind; then no WebSocket is passed on.
        hosts_option: the option that a refused user should set, as they would write it.
        compression: agree on compression with clients that offer it.
    """

    base_path: str
    token: str
    former_tokens: tuple[str, ...] = ()
    allowed_hosts: Collection[str] | Literal[True] = ()
    own_hosts: Collection[str] = ()
    require_token: Literal["browser", "always"] = "browser"
    skip_web_socket_token_check: bool = False
    exclusive: bool = False
    hosts_option: str = "ws.allowed_hosts"
    compression: bool = False

    def __repr__(self) -> str:
        return f"Policy(base_path={self.base_path!r}, exclusive={self.exclusive})"


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer 101.

    Attributes:
        subprotocol: the one to confirm; `vite-ping` is closed at once.
        key: the request's `Sec-WebSocket-Key`.
        resume: the query's `resume`, as it came; None where there is none.
        binary: whether binary messages go out as they are (`binary=1` in the query).
        deflate: the compression to confirm; None for none. Plain ASGI leaves it to the server in front.
    """

    subprotocol: Subprotocol
    key: str
    resume: str | None = None
    binary: bool = False
    deflate: Deflate | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer with an error and hang up.

    Attributes:
        status: the HTTP status.
        reason: for the log and the metric; the client is not told.
        headers: what this status needs beside the usual.
    """

    status: int
    reason: Reason
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """Not a WebSocket of ours: the host application's, or plain HTTP."""


PASS = Pass()

Decision = Accept | Reject | Pass


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a plain HTTP request gets instead of the page it asked for.

    Attributes:
        status: the HTTP status.
        body: plain text; empty with 204.
        reason: why it was refused; None where it was not.
    """

    status: int
    body: str
    reason: Reason | None


def decide(policy: Policy, request: HandshakeRequest) -> Decision:
    """Accept, refuse or pass on one request. Never raises, whatever the request holds."""
    fields = _group(request.headers)
    upgrades = _tokens(fields, "upgrade")
    if not upgrades or "upgrade" not in _tokens(fields, "connection"):
        return PASS
    path, _, query = request.target.partition("?")
    subprotocol = ", ".join(fields.get("sec-websocket-protocol", ()))
    if "websocket" not in upgrades:
        # Clients of plain HTTP offer h2c on any GET; only one that talks to our socket is mistaken.
        ours = subprotocol in (HMR, PING) and _same_path(path, policy.base_path)
        return Reject(400, Reason.UPGRADE) if ours else PASS
    return (
        _malformed(request, fields, path)
        or _elsewhere(policy, path, subprotocol)
        or _admit(policy, fields, query, subprotocol)
    )


def decide_http(policy: Policy, request: HandshakeRequest) -> HttpAnswer | None:
    """Guard a plain HTTP request of our own paths; None lets it through.

    The Host check answers 403 with the way out (400 where there is no single Host); then a poll with
    `Accept: text/x-vite-ping` gets 204 and nothing else.
    """
    hosts = request.values("host")
    if policy.allowed_hosts is not True:
        if len(hosts) != 1:
            return HttpAnswer(400, "Bad Request: expected one Host header", Reason.HOST_HEADER)
        if not host_allowed(hosts[0], policy.allowed_hosts, policy.own_hosts):
            return HttpAnswer(403, _blocked(hosts[0], policy.hosts_option), Reason.HOST)
    if _PING_ACCEPT in request.values("accept"):
        return HttpAnswer(204, "", None)
    return None


def _malformed(request: HandshakeRequest, fields: Mapping[str, Sequence[str]], path: str) -> Reject | None:
    if request.method != "GET":
        return Reject(405, Reason.METHOD, (("Allow", "GET"),))
    if request.http_version != "1.1":
        return Reject(400, Reason.HTTP_VERSION)
    if not _TARGET.fullmatch(request.target) or "#" in request.target or "\\" in path:
        return Reject(400, Reason.TARGET)
    if len(fields.get("host", ())) != 1:
        return Reject(400, Reason.HOST_HEADER)
    if len(fields.get("origin", ())) > 1:
        return Reject(400, Reason.ORIGIN_HEADER)
    keys = fields.get("sec-websocket-key", ())
    if len(keys) != 1 or not _is_key(keys[0]):
        return Reject(400, Reason.KEY)
    if list(fields.get("sec-websocket-version", ())) != ["13"]:
        return Reject(426, Reason.VERSION, (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")))
    return None


def _elsewhere(policy: Policy, path: str, subprotocol: str) -> Reject | Pass | None:
    if not _same_path(path, policy.base_path):
        return Reject(404, Reason.PATH) if policy.exclusive else PASS
    if subprotocol in (HMR, PING):
        return None
    # A ping skips every check below, so a list that names it is not left for anyone to choose from.
    if policy.exclusive or PING in (name.strip(" \t") for name in subprotocol.split(",")):
        return Reject(400, Reason.SUBPROTOCOL)
    return PASS


def _admit(
    policy: Policy, fields: Mapping[str, Sequence[str]], query: str, subprotocol: str
) -> Accept | Reject:
    key = fields["sec-websocket-key"][0]
    if subprotocol == PING:
        return Accept(PING, key)
    if not host_allowed(fields["host"][0], policy.allowed_hosts, policy.own_hosts):
        return Reject(400, Reason.HOST)
    # An empty Origin is one: only its absence tells that no browser is asking.
    token_needed = "origin" in fields or policy.require_token == "always"
    if (
        token_needed
        and not policy.skip_web_socket_token_check
        and not knows_token(policy, query_parameter(query, b"token"))
    ):
        return Reject(400, Reason.TOKEN)
    resume = query_parameter(query, b"resume")
    offers = fields.get("sec-websocket-extensions") if policy.compression else None
    return Accept(
        HMR,
        key,
        None if resume is None else resume.decode("latin-1"),
        query_parameter(query, b"binary") == b"1",
        negotiate(", ".join(offers)) if offers else None,
    )


def knows_token(policy: Policy, given: bytes | None) -> bool:
    """Whether this is the server's secret, or one that it had before."""
    return any(token_matches(given, token) for token in (policy.token, *policy.former_tokens))


def _group(headers: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value.strip(" \t"))
    return fields


def _tokens(fields: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [
        token.strip(" \t").lower() for value in fields.get(name, ()) for token in value.split(",") if token
    ]


def _is_key(key: str) -> bool:
    try:
        return len(key) == 24 and len(b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _same_path(path: str, base_path: str) -> bool:
    # Decoded segment by segment: `%2F` is no separator (RFC 3986 section 2.2).
    return path == base_path or ("%" in path and list(map(unquote, path.split("/"))) == base_path.split("/"))


def _blocked(host: str, option: str) -> str:
    shown = "".join(char if " " <= char <= "~" else "?" for char in host[:100])
    return (
        f'Blocked request. This host ("{shown}") is not allowed.\n'
        f"To allow it, add its name (without port) to {option}.\n"
    )
