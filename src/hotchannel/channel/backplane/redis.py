"""Redis as the engine: one stream an epoch, and a few keys beside.

Role: what has to be one step is one script, so that a record gets its number, is appended and remembered as
its sender's in the same moment. Keys begin with `{NAME}:`, and are gone an hour after the last process.

Needs Redis 6.2 or newer. Whoever can read these keys can read the channel's token.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from hotchannel.channel.backplane.engine import Beat, EngineLostError, EpochEndedError, Joined, Record
from hotchannel.channel.backplane.roles import Presence
from hotchannel.channel.printable import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

try:
    import redis.asyncio as client
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
except ImportError as error:
    raise ImportError("a backplane on Redis needs redis-py: pip install 'hotchannel[redis]'") from error

__all__ = ["RedisEngine"]

_presences = msgspec.msgpack.Decoder(Presence)

_ANSWER = 2.0
"""Seconds for an answer; an engine that takes longer hangs."""
_WAIT = 1.0
"""Seconds that a read waits for the first record."""
_COUNT = 500
_LEASE = 3000
"""Milliseconds that a leader is believed to live without a sign of it."""
_EXPIRE = 3600
"""Seconds after which the keys of a channel that nobody has are gone."""

_JOIN = """
local token, epoch, seq, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
redis.call('SET', token, ARGV[1], 'NX')
local known = redis.call('GET', epoch)
local last = tonumber(redis.call('GET', seq) or '0')
if not known then
    -- Nobody was here, or everything is lost; what a process has counted within it never counts again.
    known = (tonumber(ARGV[3]) > 0) and ARGV[4] or ARGV[2]
    last = 0
elseif known == ARGV[2] and last < tonumber(ARGV[3]) then
    known, last = ARGV[4], 0
end
redis.call('SET', epoch, known)
redis.call('SET', seq, last)
-- All keys have one slot.
local oldest = redis.call('XRANGE', log .. known, '-', '+', 'COUNT', 1)[1]
local first = oldest and oldest[1]:match('^%d+') or last + 1
return {redis.call('GET', token), known, tonumber(first), last}
"""

_APPEND = """
local epoch, seq, log, senders = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('GET', epoch) ~= ARGV[1] then return 0 end
local sender, keep, keep_bytes = ARGV[2], ARGV[3], tonumber(ARGV[4])
local newest = tonumber(redis.call('HGET', senders, sender) or '0')
for i = 6, #ARGV, 2 do
    local n = tonumber(ARGV[i])
    if n > newest then
        local number = redis.call('INCR', seq)
        local fields = {'s', sender, 'n', ARGV[i], 'd', ARGV[i + 1]}
        local added = redis.pcall('XADD', log, 'MAXLEN', '~', keep, number .. '-0', unpack(fields))
        if added.err then
            -- Somebody else has written into the log: it is left to them.
            redis.call('SET', epoch, ARGV[5])
            redis.call('SET', seq, 0)
            return 0
        end
        newest = n
    end
end
while redis.call('MEMORY', 'USAGE', log) > keep_bytes and redis.call('XLEN', log) > 1 do
    redis.call('XTRIM', log, 'MAXLEN', math.floor(redis.call('XLEN', log) * 3 / 4))
end
redis.call('HSET', senders, sender, newest)
return 1
"""

_BEAT = """
local epoch, lease, lives = KEYS[1], KEYS[2], KEYS[3]
if redis.call('GET', epoch) ~= ARGV[1] then return {-1, {}} end
local process, now = ARGV[2], redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
if redis.call('SET', lease, process, 'NX', 'PX', ARGV[4]) or redis.call('GET', lease) == process then
    redis.call('PEXPIRE', lease, ARGV[4])
end
redis.call('HSET', lives, process, now .. ':' .. ARGV[3])
local others = {}
local all = redis.call('HGETALL', lives)
for i = 1, #all, 2 do
    local at, presence = all[i + 1]:match('^(%d+):(.*)$')
    if not at or now - at > tonumber(ARGV[4]) then redis.call('HDEL', lives, all[i])
    elseif all[i] ~= process then table.insert(others, all[i]); table.insert(others, presence) end
end
for i = 4, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[5]) end
redis.call('EXPIRE', epoch, ARGV[5])
redis.call('EXPIRE', lives, ARGV[5])
return {redis.call('GET', lease) == process and 1 or 0, others}
"""

_LEAVE = """
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisEngine:
    """See `engine.Engine`.

    Args:
        url: of the server and its database.
        name: under which the processes find one another.
        keep: how many records the stream keeps.
        keep_bytes: how many bytes it takes, about.
    """

    def __init__(self, url: str, name: str, *, keep: int, keep_bytes: int) -> None:
        self._url = url
        self._name = name
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._epoch = ""
        self._redis: Any = None
        self._scripts: dict[str, Any] = {}

    async def join(self, *, token: str, epoch: str, last: int) -> Joined:
        """Connect and agree; see `engine.Engine`."""
        await self.close()
        # A read waits on a connection of its own; retries are the stream's.
        self._redis = client.Redis.from_url(
            self._url,
            socket_connect_timeout=_ANSWER,
            socket_timeout=_ANSWER + _WAIT,
            max_connections=8,
            retry=Retry(NoBackoff(), 0),
        )
        for script in (_JOIN, _APPEND, _BEAT, _LEAVE):
            self._scripts[script] = self._redis.register_script(script)
        fresh = secrets.token_urlsafe(6)
        keys = [self._key("token"), self._key("epoch"), self._key("seq"), self._key("log:")]
        agreed = await self._ask(self._scripts[_JOIN](keys=keys, args=[token, epoch, last, fresh]))
        self._epoch = agreed[1].decode()
        return Joined(agreed[0].decode(), self._epoch, agreed[2], agreed[3])

    async def append(self, sender: str, records: Sequence[tuple[int, bytes]]) -> None:
        """Append; see `engine.Engine`."""
        keys = [self._key("epoch"), self._key("seq"), self._log, self._senders]
        parts = [part for record in records for part in record]
        limits = [self._keep, self._keep_bytes]
        args = [self._epoch, sender, *limits, secrets.token_urlsafe(6), *parts]
        call = self._scripts[_APPEND](keys=keys, args=args)
        if not await self._ask(call):
            raise EpochEndedError(self._epoch)

    async def read(self, after: int) -> list[Record]:
        """Read; see `engine.Engine`."""
        found = await self._ask(
            self._redis.xread({self._log: f"{after}-0"}, count=_COUNT, block=int(_WAIT * 1000))
        )
        return [_record(number, fields) for _, entries in found or () for number, fields in entries]

    async def beat(self, process: str, presence: Presence) -> Beat:
        """Say that this process lives; see `engine.Engine`."""
        named = [self._key(name) for name in ("epoch", "lease", "lives", "token", "seq")]
        args = [self._epoch, process, msgspec.msgpack.encode(presence), _LEASE, _EXPIRE]
        leads, others = await self._ask(
            self._scripts[_BEAT](keys=[*named, self._log, self._senders], args=args)
        )
        if leads < 0:
            raise EpochEndedError(self._epoch)
        presences = {}
        for name, other in zip(others[::2], others[1::2], strict=True):
            # Another version, or a stranger, may say what this one does not understand.
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                presences[name.decode()] = _presences.decode(other)
        return Beat(leads == 1, presences)

    async def leave(self, process: str) -> None:
        """Say that this process ends; see `engine.Engine`."""
        await self._ask(self._scripts[_LEAVE](keys=[self._key("lease"), self._key("lives")], args=[process]))

    async def close(self) -> None:
        """Disconnect."""
        if self._redis is not None:
            with suppress(RedisError, OSError):
                await self._redis.aclose()
            self._redis = None

    @property
    def _log(self) -> str:
        return self._key(f"log:{self._epoch}")

    @property
    def _senders(self) -> str:
        return self._key(f"senders:{self._epoch}")

    def _key(self, name: str) -> str:
        # One slot of a cluster has them all.
        return f"{{{self._name}}}:{name}"

    async def _ask(self, call: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(_ANSWER + _WAIT):
                return await call
        except (RedisError, OSError, TimeoutError, RuntimeError) as error:
            raise EngineLostError(printable(str(error)) or type(error).__name__) from error


def _record(number: bytes, fields: dict[bytes, bytes]) -> Record:
    seq = int(number.partition(b"-")[0])
    try:
        return Record(seq, fields[b"s"].decode(), int(fields[b"n"]), fields[b"d"])
    except (KeyError, ValueError):
        return Record(seq, "", 0, b"")
