"""How much of the server one peer may take.

Role: the counting behind the limits on clients, on connections of one address and on messages of one
client; `server` and the connections ask and act. Pure: the clock's reading is passed in. The seed
document names connection and message rate limiting among its future enhancements.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hotchannel.websocket.handshake import Reason, Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotchannel.channel.backplane.roles import Presence
    from hotchannel.options import WsOptions

__all__ = ["Admission", "TokenBucket", "message_bucket"]

_RETRY = (("Retry-After", "5"),)

_ROUNDS = 3
"""Rounds of counting that the other processes are told of: what they have missed, and what they have seen."""

_MAX_REMEMBERED = 10_000
"""Addresses whose handshakes are counted at one time."""


class TokenBucket:
    """Lets `burst` through at once and `rate` a second in the long run.

    Args:
        rate: how much flows in a second; None for no limit at all.
        burst: how much it holds.
        now: seconds of any clock that never goes back.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float | None, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False where there is none left."""
        if self._rate is None:
            return True
        self._refill(self._rate, now)
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def drain(self, count: float, now: float) -> None:
        """What was taken elsewhere is missing here too; more than there was, is paid back in time."""
        if self._rate is None:
            return
        self._refill(self._rate, now)
        self._level = max(self._level - count, -self._burst)

    def full(self, now: float) -> bool:
        """Whether nothing is missing, so that the bucket may be forgotten."""
        if self._rate is not None:
            self._refill(self._rate, now)
        return self._level >= self._burst

    def _refill(self, rate: float, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * rate)
        self._at = now


def message_bucket(options: WsOptions, now: float) -> TokenBucket:
    """Return what counts the frames of one client from now on."""
    return TokenBucket(options.max_messages_per_second, options.max_message_burst, now)


class Admission:
    """Counts clients and handshakes, and says who is one too many.

    Args:
        options: the limits.
    """

    __slots__ = (
        "_buckets",
        "_clients",
        "_count",
        "_elsewhere",
        "_heard",
        "_knocks",
        "_options",
        "_round",
        "_rounds",
    )

    def __init__(self, options: WsOptions) -> None:
        self._options = options
        self._clients: Counter[str] = Counter()
        self._count = 0
        self._buckets: dict[str, TokenBucket] = {}
        # Of all other processes: clients, and clients by address; and what they have to be told.
        self._elsewhere: tuple[int, Counter[str]] = (0, Counter())
        self._knocks: Counter[str] = Counter()
        self._round = 0
        self._rounds: list[dict[str, int]] = []
        # The newest round of each of the others.
        self._heard: dict[str, int] = {}

    def shared(self) -> tuple[dict[str, int], int, list[dict[str, int]]]:
        """What a `Presence` says beside the number of clients: nothing where nothing is shared."""
        if not self._options.shared_limits:
            return {}, 0, []
        self._round += 1
        self._rounds = [*self._rounds, dict(self._knocks)][-_ROUNDS:]
        self._knocks.clear()
        return dict(self._clients), self._round, self._rounds

    def met(self, others: Mapping[str, Presence], now: float) -> None:
        """Take in what the other processes have counted; `now` is seconds of the clock that `knock` has."""
        if not self._options.shared_limits:
            return
        addresses: Counter[str] = Counter()
        for name, other in others.items():
            addresses.update(other.addresses)
            news = other.round - self._heard.get(name, 0)
            for knocks in other.knocks[-news:] if news > 0 else ():
                for address, count in knocks.items():
                    if (bucket := self._bucket(address, now)) is not None:
                        bucket.drain(count, now)
        self._heard = {name: other.round for name, other in others.items()}
        self._elsewhere = (sum(other.clients for other in others.values()), addresses)

    def knock(self, address: str, now: float) -> Reject | None:
        """Count a handshake of `address` (without port); a `Reject` where it has had too many."""
        bucket = self._bucket(address, now)
        if bucket is None:
            return None
        if not bucket.take(now):
            # It has taken nothing: the other processes hear only of those that were let in.
            return Reject(429, Reason.ADDRESS_RATE, _RETRY)
        if self._options.shared_limits and (address in self._knocks or len(self._knocks) < _MAX_REMEMBERED):
            self._knocks[address] += 1
        return None

    def enter(self, address: str) -> Reject | None:
        """Whether one more client may come in from `address`; a `Reject` where it may not."""
        elsewhere, of_address = self._elsewhere
        if self._count + elsewhere >= self._options.max_clients:
            return Reject(503, Reason.CLIENTS, _RETRY)
        most = self._options.max_clients_per_address
        if most is not None and self._clients[address] + of_address[address] >= most:
            return Reject(429, Reason.ADDRESS_CLIENTS, _RETRY)
        return None

    def entered(self, address: str) -> None:
        """A client of `address` is in."""
        self._clients[address] += 1
        self._count += 1

    def left(self, address: str) -> None:
        """A client of `address` is gone."""
        self._count -= 1
        self._clients[address] -= 1
        if not self._clients[address]:
            del self._clients[address]

    def _bucket(self, address: str, now: float) -> TokenBucket | None:
        """Return what an address has left; None where the rate has no limit."""
        rate = self._options.max_connections_per_second_per_address
        if rate is None:
            return None
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= _MAX_REMEMBERED:
                self._forget(now)
            bucket = self._buckets[address] = TokenBucket(rate, max(1.0, rate), now)
        return bucket

    def _forget(self, now: float) -> None:
        self._buckets = {address: bucket for address, bucket in self._buckets.items() if not bucket.full(now)}
        # All of them knock at this very moment: then those who came first have had their share of memory.
        while len(self._buckets) >= _MAX_REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
