"""The log of refusals, which a flood cannot flood.

Role: the first refusal of a second is logged at once and in full, the others of that second as one
summary line with their number by reason; at DEBUG each of them in full. What is shown is the header
that the refusal is about, cut and escaped, and never the query, where the token is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotchannel.channel.printable import printable
from hotchannel.websocket.handshake import Reason

if TYPE_CHECKING:
    from hotchannel.websocket.handshake import HandshakeRequest

__all__ = ["Refusal", "RefusalLog"]

_log = logging.getLogger("hotchannel.handshake")

_SECOND = 1.0

_KEPT = 30

_ABOUT = {
    Reason.HOST: ("host", "origin"),
    Reason.HOST_HEADER: ("host",),
    Reason.KEY: ("sec-websocket-key",),
    Reason.ORIGIN_HEADER: ("origin",),
    Reason.SCRIPT: ("sec-fetch-site", "referer"),
    Reason.SUBPROTOCOL: ("sec-websocket-protocol",),
    Reason.TOKEN: ("origin",),
    Reason.UPGRADE: ("upgrade",),
    Reason.VERSION: ("sec-websocket-version",),
}
"""The headers that a refusal is about."""

_WAYS_OUT = {
    Reason.TLS: "; this port speaks no TLS: where pages are on https, let what ends their TLS pass the "
    'channel on, by `path` and `client_port` of its settings (README, "Flask behind HTTPS"), or give '
    "WebSocketServer https=True",
}
"""What to do about a refusal of which there is no request to show."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of the last.

    Attributes:
        time: seconds since 1970.
        reason: its kind.
        address: the peer's.
        described: the request, and what there is to say beyond the reason; a text by `str()`.
    """

    time: float
    reason: Reason
    address: str
    described: object


class RefusalLog:
    """Logs refusals, at most two lines a second.

    Attributes:
        recent: the last ones.
    """

    __slots__ = ("_more", "_timer", "recent")

    def __init__(self) -> None:
        self.recent: deque[Refusal] = deque(maxlen=_KEPT)
        self._more: Counter[Reason] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def refused(
        self, reason: Reason, address: str, request: HandshakeRequest | None, detail: str = ""
    ) -> None:
        """Log one refusal. Needs a running loop.

        Args:
            reason: its kind.
            address: the peer's.
            request: what was asked; None where no whole request came.
            detail: what there is to say beyond the reason.
        """
        described = _Described(reason, request, detail)
        self.recent.append(Refusal(time.time(), reason, address, described))
        if self._timer is not None:
            self._more[reason] += 1
            _log.debug("refused %s: %s%s", address, reason, described)
            return
        self._timer = asyncio.get_running_loop().call_later(_SECOND, self._summarise)
        _log.warning("refused %s: %s%s", address, reason, described)

    def close(self) -> None:
        """Log what is left and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._summarise()

    def _summarise(self) -> None:
        self._timer = None
        if self._more:
            reasons = ", ".join(f"{reason} {count}" for reason, count in self._more.most_common())
            _log.warning("refused %d more within a second: %s", self._more.total(), reasons)
            self._more.clear()


class _Described:
    """The request in a few words; put together only if the line is printed."""

    __slots__ = ("_detail", "_reason", "_request")

    def __init__(self, reason: Reason, request: HandshakeRequest | None, detail: str) -> None:
        self._reason = reason
        self._request = request
        self._detail = detail

    def __str__(self) -> str:
        request = self._request
        if request is None:
            return _WAYS_OUT.get(self._reason, "")
        path = printable(request.target.partition("?")[0], 80)
        shown = [
            f"{name.title()}: {printable(value, 80)}"
            for name in _ABOUT.get(self._reason, ())
            for value in request.values(name)[:2] or ["(none)"]
        ]
        detail = f": {printable(self._detail)}" if self._detail else ""
        return f" ({', '.join([f'{printable(request.method, 16)} {path}', *shown])}){detail}"
