"""Who takes what is sent to all, and in which form.

Role: makes a message once for all clients that take it in the same form: numbered or not, and a binary one
as it is or in JSON. Knows nothing of order or of what is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from hotchannel.channel.roles import ChannelClient
from hotchannel.wire.binary import pack
from hotchannel.wire.codec import encode, number
from hotchannel.wire.payloads import Binary

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from hotchannel.channel.resume import Mark

__all__ = ["Audience"]

M = TypeVar("M")

C = TypeVar("C", bound=ChannelClient[Any])

_Variant: TypeAlias = tuple[bool, bool]
"""Whether a client resumes, and whether it takes binary messages as they are."""


class Audience(Generic[C, M]):
    """Writes to all clients.

    Args:
        prepare: makes of an encoded payload what a client's `write` takes.
        prepare_binary: the same for a binary message.
    """

    def __init__(self, prepare: Callable[[bytes], M], prepare_binary: Callable[[bytes], M]) -> None:
        self._prepare = prepare
        self._prepare_binary = prepare_binary
        # A broadcast touches no more than it needs: who takes which variant, and how.
        self._takers: dict[_Variant, dict[C, Callable[[M], None]]] = {}

    def add(self, client: C) -> None:
        """A client is there."""
        self._takers.setdefault(_variant(client), {})[client] = client.write

    def remove(self, client: C) -> None:
        """It is gone."""
        del self._takers[_variant(client)][client]

    def write(self, content: bytes | Binary, mark: Mark, *, but: AbstractSet[C]) -> None:
        """Write a message to all but some; `mark` is for those that resume."""
        forms: dict[_Variant, M] = {}
        for (resuming, takes_binary), takers in self._takers.items():
            if not takers:
                continue
            # Made once for all that take it.
            form = (resuming, takes_binary and isinstance(content, Binary))
            message = forms.get(form)
            if message is None:
                message = self.form(content, mark if resuming else None, takes_binary=takes_binary)
                forms[form] = message
            # A write may drop a client, and a dropped client leaves its dict.
            others = {client: takers[client] for client in takers if client not in but} if but else takers
            for write in tuple(others.values()):
                write(message)

    def form(self, content: bytes | Binary, mark: Mark | None, *, takes_binary: bool) -> M:
        """Return a message as a client takes it: numbered or not, in JSON or as it is."""
        if isinstance(content, Binary):
            if takes_binary:
                return self._prepare_binary(pack(content, mark))
            content = encode(content)
        return self._prepare(content if mark is None else number(content, mark))


def _variant(client: ChannelClient[Any]) -> _Variant:
    return client.resuming, client.binary
