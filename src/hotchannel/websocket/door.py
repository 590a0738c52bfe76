"""Who comes in to one server.

Role: a server's policy, its token and its limits, which together say who may come in; `handshake` and
`limits` decide, here is what they decide by. Where several processes share a channel, they agree on a token,
and those that a process had before stay good for the pages that were served with them.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from hotchannel.websocket.handshake import (
    PASS,
    PING,
    Accept,
    Decision,
    HandshakeRequest,
    HttpAnswer,
    Pass,
    Policy,
    Reason,
    Reject,
    decide,
    decide_http,
    knows_token,
)
from hotchannel.websocket.limits import Admission
from hotchannel.websocket.token import TOKEN_BYTES, encode_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.options import WsOptions

__all__ = ["Door", "DoorState"]

_log = logging.getLogger("hotchannel.server")

DoorState = Literal["open", "early", "closed", "off"]
"""`early`: the pages are not served yet, so that a ping gets no answer."""


class Door:
    """Lets handshakes in, or not.

    Args:
        options: the channel's settings.
        base: path under which the site is served.
        own_hosts: names that the site goes by beside `ws.host`.
        hosts_option: how the user would write `ws.allowed_hosts`.
    """

    def __init__(self, options: WsOptions, *, base: str, own_hosts: Iterable[str], hosts_option: str) -> None:
        self._options = options
        self._policy = Policy(
            base_path=base.rstrip("/") + options.path,
            token=options.token or encode_token(secrets.token_bytes(TOKEN_BYTES)),
            allowed_hosts=options.allowed_hosts,
            own_hosts=(*own_hosts, *([options.host] if options.host else [])),
            require_token=options.require_token,
            skip_web_socket_token_check=options.skip_web_socket_token_check,
            hosts_option=hosts_option,
            compression=options.compression,
        )
        self._exclusive_policy = replace(self._policy, exclusive=True)
        self.admission = Admission(options)

    @property
    def token(self) -> str:
        """The secret in the socket's URL."""
        return self._policy.token

    def knows_token(self, given: bytes | None) -> bool:
        """Whether this is the secret, or one that was it before."""
        return knows_token(self._policy, given)

    @property
    def path(self) -> str:
        """The socket's path, decoded."""
        return self._policy.base_path

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """Names that the server goes by."""
        return tuple(self._policy.own_hosts)

    def judge(
        self, request: HandshakeRequest, host: str, *, exclusive: bool, state: DoorState, now: float
    ) -> Decision:
        """Decide about a handshake that comes from the IP address `host` at `now`, seconds of a loop's clock.

        A server that is off has no socket at all, and one that is closed or full takes nobody.
        """
        decision = decide(self._exclusive_policy if exclusive else self._policy, request)
        if isinstance(decision, Pass):
            return decision
        if isinstance(decision, Accept) and state == "off":
            return Reject(404, Reason.PATH) if exclusive else PASS
        too_many = self.admission.knock(host, now)
        if too_many is not None or isinstance(decision, Reject):
            return too_many or decision
        if state == "closed":
            return Reject(503, Reason.CLOSED)
        if decision.subprotocol == PING:
            return Reject(503, Reason.UNREADY) if state == "early" else decision
        return self.admission.enter(host) or decision

    def check_http(self, request: HandshakeRequest) -> HttpAnswer | None:
        """The Host check for a plain HTTP request of the site; None lets it through."""
        return decide_http(self._policy, request)

    def agree(self, token: str) -> None:
        """All processes that share the channel have this token."""
        if token == self._policy.token:
            return
        if self._options.token is not None:
            _log.error("another process has another ws.token: pages of one cannot use sockets of the other")
            return
        former = (self._policy.token, *self._policy.former_tokens)[:2]
        self._policy = replace(self._policy, token=token, former_tokens=former)
        self._exclusive_policy = replace(self._policy, exclusive=True)
