"""From options to what `handshake.decide` goes by.

Role: the one place where a channel's token is made, where none is set.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hotchannel.websocket.handshake import Policy
from hotchannel.websocket.token import TOKEN_BYTES, encode_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotchannel.options import WsOptions

__all__ = ["policy_of"]


def policy_of(options: WsOptions, *, base: str, own_hosts: Iterable[str], hosts_option: str) -> Policy:
    """Return the policy that `options` mean; for the rest see `WebSocketServer`."""
    return Policy(
        base_path=base.rstrip("/") + options.path,
        token=options.token or encode_token(secrets.token_bytes(TOKEN_BYTES)),
        allowed_hosts=options.allowed_hosts,
        own_hosts=tuple(own_hosts),
        require_token=options.require_token,
        skip_web_socket_token_check=options.skip_web_socket_token_check,
        hosts_option=hosts_option,
    )
