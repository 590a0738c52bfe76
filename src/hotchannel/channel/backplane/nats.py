"""NATS JetStream as the engine: one stream an epoch, and a bucket of values beside.

Role: a record's number is its number in the stream, and `Nats-Msg-Id` sees to it that it is there once. Every
connection is given up at the first error, since the stream's reader begins again where it was. The lease is a
key that goes by itself; how many clients others have, they tell on a plain subject.

What is larger than the server's `max_payload` goes in parts. A record's number is that of its last part.

Needs NATS 2.9 or newer with JetStream. Whoever can read the bucket can read the channel's token.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from hotchannel.channel.backplane.engine import Beat, EngineLostError, EpochEndedError, Joined, Record
from hotchannel.channel.backplane.parts import Assembly, split
from hotchannel.channel.backplane.roles import Presence
from hotchannel.channel.printable import printable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

try:
    from nats.aio.client import Client
    from nats.errors import Error as NatsError
    from nats.js.api import ConsumerConfig, DeliverPolicy, KeyValueConfig
    from nats.js.errors import KeyDeletedError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
except ImportError as error:
    raise ImportError("a backplane on NATS needs nats-py: pip install 'hotchannel[nats]'") from error

__all__ = ["NatsEngine"]

_log = logging.getLogger("hotchannel.backplane")

_ANSWER = 2
"""Seconds for an answer; an engine that takes longer hangs."""
_WAIT = 1.0
"""Seconds that a read waits for the first record."""
_COUNT = 500
_LEASE = 3.0
"""Seconds that a process is believed to live without a sign of it."""
_HEADERS = 256
"""Bytes that the headers of a record take, and more."""
_PART = "Hotchannel-Part"
"""Header of a part: `INDEX/COUNT`, from 0."""
_EXPIRE = 3600.0
"""Seconds after which a record is gone."""


class NatsEngine:
    """See `engine.Engine`.

    Args:
        url: of the server.
        name: under which the processes find one another.
        keep: how many records the stream keeps.
        keep_bytes: how many bytes of them.
    """

    def __init__(self, url: str, name: str, *, keep: int, keep_bytes: int) -> None:
        self._url = url
        self._name = name
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._epoch = ""
        self._client: Client | None = None
        self._jetstream: Any = None
        self._values: Any = None
        self._leases: Any = None
        self._records: Any = None
        self._assembly = Assembly()
        self._lease: int | None = None
        self._others: dict[str, tuple[float, Presence]] = {}

    async def join(self, *, token: str, epoch: str, last: int) -> Joined:
        """Connect and agree; see `engine.Engine`."""
        await self.close()
        async with _answers():
            self._client = Client()
            await self._client.connect(
                self._url,
                connect_timeout=_ANSWER,
                allow_reconnect=False,
                error_cb=_quiet,
                max_reconnect_attempts=0,
            )
            self._jetstream = self._client.jetstream(timeout=_ANSWER)
            self._values = await self._bucket("values")
            self._leases = await self._bucket("lease", ttl=_LEASE)
            agreed = await self._agree("token", token)
            known = await self._agree("epoch", epoch)
            bounds = await self._open_log(known)
            if bounds[1] < last and known == epoch:
                # It has lost some: what was counted within this epoch never counts again.
                known = await self._replace_epoch(known)
                bounds = await self._open_log(known)
            self._epoch = known
            await self._client.subscribe(self._subject("lives"), cb=self._heard)
            return Joined(agreed, known, *bounds)

    async def append(self, sender: str, records: Sequence[tuple[int, bytes]]) -> None:
        """Append; see `engine.Engine`."""
        async with _answers():
            acks = [
                await self._jetstream.publish_async(
                    self._subject(f"{self._epoch}.{sender}.{n}"), part, headers=headers
                )
                for n, data in records
                for part, headers in self._parts(f"{sender}:{n}", data)
            ]
            await asyncio.gather(*acks)

    async def read(self, after: int) -> list[Record]:
        """Read; see `engine.Engine`."""
        async with _answers(_ANSWER + _WAIT):
            if self._records is None:
                self._records = await self._jetstream.subscribe(
                    self._subject(f"{self._epoch}.>"),
                    stream=self._log(self._epoch),
                    ordered_consumer=True,
                    config=ConsumerConfig(
                        deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1
                    ),
                )
            messages = []
            with suppress(TimeoutError):
                messages.append(await self._records.next_msg(timeout=_WAIT))
            while messages and len(messages) < _COUNT and self._records.pending_msgs:
                messages.append(await self._records.next_msg(timeout=_WAIT))
            if not messages and not self._connected:
                raise EngineLostError("the connection is gone")
            return [self._record(message) for message in messages]

    async def beat(self, process: str, presence: Presence) -> Beat:
        """Say that this process lives; see `engine.Engine`."""
        async with _answers():
            if not self._connected:
                raise EngineLostError("the connection is gone")
            assert self._client is not None  # or it would not be connected
            await self._client.publish(self._subject("lives"), msgspec.msgpack.encode((process, presence)))
            if (await self._values.get("epoch")).value.decode() != self._epoch:
                raise EpochEndedError(self._epoch)
            await self._hold_lease(process)
            now = asyncio.get_running_loop().time()
            self._others = {name: seen for name, seen in self._others.items() if now - seen[0] < _LEASE}
            self._others.pop(process, None)
            others = {name: presence for name, (_, presence) in self._others.items()}
            return Beat(self._lease is not None, others)

    async def leave(self, process: str) -> None:
        """Say that this process ends; see `engine.Engine`."""
        async with _answers():
            if self._lease is not None:
                await self._leases.delete("leader", last=self._lease)
            assert self._client is not None  # it has joined
            await self._client.publish(self._subject("lives"), msgspec.msgpack.encode((process, Presence(0))))
            await self._client.flush(_ANSWER)

    async def close(self) -> None:
        """Disconnect."""
        client, self._client, self._records = self._client, None, None
        self._lease = None
        if client is not None:
            with suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(_ANSWER):
                    await client.close()

    @property
    def _connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    def _parts(self, name: str, data: bytes) -> Iterator[tuple[bytes, dict[str, str]]]:
        """What stands in the log for a record, with the headers."""
        assert self._client is not None  # it has joined
        if len(data) > self._keep_bytes:
            _log.error(
                "a message of %d bytes reaches nobody: the log keeps %d (ten times ws.journal_bytes)",
                len(data),
                self._keep_bytes,
            )
            # Its number is needed.
            data = b""
        parts = split(data, self._client.max_payload - _HEADERS)
        for index, part in enumerate(parts):
            headers = {"Nats-Msg-Id": f"{name}:{index}"}
            if len(parts) > 1:
                headers[_PART] = f"{index}/{len(parts)}"
            yield part, headers

    def _record(self, message: Any) -> Record:
        seq = message.metadata.sequence.stream
        sender, number = message.subject.rsplit(".", 2)[1:]
        numbers = [number, *(message.headers or {}).get(_PART, "0/1").split("/")]
        if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
            return Record(seq, "", 0, b"")
        n, index, count = map(int, numbers)
        data = self._assembly.add(sender, n, message.data, index, count)
        return Record(seq, sender, n, data) if index == count - 1 else Record(seq, sender, 0, b"")

    async def _heard(self, message: Any) -> None:
        with suppress(msgspec.DecodeError, msgspec.ValidationError):
            process, presence = msgspec.msgpack.decode(message.data, type=tuple[str, Presence])
            self._others[process] = (asyncio.get_running_loop().time(), presence)

    async def _hold_lease(self, process: str) -> None:
        held, self._lease = self._lease, None
        with suppress(KeyWrongLastSequenceError, KeyNotFoundError, KeyDeletedError):
            if held is None:
                with suppress(KeyWrongLastSequenceError):
                    self._lease = await self._leases.create("leader", process.encode())
                    return
                entry = await self._leases.get("leader")
                if entry.value.decode() != process:
                    return
                # It has had the lease since before its connection was lost.
                held = entry.revision
            self._lease = await self._leases.update("leader", process.encode(), last=held)

    async def _bucket(self, name: str, ttl: float | None = None) -> Any:
        bucket = f"{self._name}-{name}"
        try:
            return await self._jetstream.key_value(bucket)
        except NotFoundError:
            return await self._jetstream.create_key_value(KeyValueConfig(bucket, ttl=ttl))

    async def _agree(self, key: str, proposed: str) -> str:
        with suppress(KeyWrongLastSequenceError):
            await self._values.create(key, proposed.encode())
        return str((await self._values.get(key)).value, "utf-8")

    async def _replace_epoch(self, ended: str) -> str:
        entry = await self._values.get("epoch")
        if entry.value.decode() == ended:
            with suppress(KeyWrongLastSequenceError):
                await self._values.update("epoch", secrets.token_urlsafe(6).encode(), last=entry.revision)
        return str((await self._values.get("epoch")).value, "utf-8")

    async def _open_log(self, epoch: str) -> tuple[int, int]:
        """Return the numbers of its oldest and its newest record."""
        name = self._log(epoch)
        try:
            info = await self._jetstream.stream_info(name)
        except NotFoundError:
            info = await self._jetstream.add_stream(
                name=name,
                subjects=[self._subject(f"{epoch}.>")],
                max_msgs=self._keep,
                max_bytes=self._keep_bytes,
                max_age=_EXPIRE,
            )
        state = info.state
        return (state.first_seq if state.messages else state.last_seq + 1), state.last_seq

    def _log(self, epoch: str) -> str:
        return f"{self._name}-{epoch}"

    def _subject(self, name: str) -> str:
        return f"hotchannel.{self._name}.{name}"


async def _quiet(error: Exception) -> None:
    """Say nothing: what goes wrong is raised where it matters, and said once."""


@asynccontextmanager
async def _answers(patience: float = 2 * _ANSWER) -> AsyncIterator[None]:
    """Raise whatever goes wrong with the engine as `EngineLostError`."""
    try:
        async with asyncio.timeout(patience):
            yield
    except (NatsError, OSError, TimeoutError) as error:
        raise EngineLostError(printable(str(error)) or type(error).__name__) from error
