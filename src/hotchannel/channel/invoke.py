"""Request and answer over custom events: `vite:invoke`.

Role: lets a client call functions of an explicit table. Names are looked up in that table and
nowhere else (CVE-2026-39363: a socket that reached more than was meant). Shapes as in protocol.md
section 4:

    request  {"name": NAME, "id": "send:ID", "data": [arguments]}
    answer   {"name": NAME, "id": "response:ID", "data": {"result": ...}}
             {"name": NAME, "id": "response:ID", "data": {"error": {"name", "message", "stack"}}}
"""

from __future__ import annotations

import inspect
import logging
import traceback
from typing import TYPE_CHECKING, Any, TypeAlias

from hotchannel.channel.printable import printable
from hotchannel.errors import HotChannelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotchannel.channel.hub import ChannelClient

__all__ = ["INVOKE_EVENT", "Invoke"]

INVOKE_EVENT = "vite:invoke"

Json: TypeAlias = Any

_log = logging.getLogger("hotchannel.server")


class Invoke:
    """A listener for `vite:invoke`: `channel.on(INVOKE_EVENT, Invoke({"name": function}))`.

    Args:
        functions: what may be called, by name; sync or async, given the request's arguments, and
            returning anything that is JSON.
    """

    __slots__ = ("_functions",)

    def __init__(self, functions: Mapping[str, Callable[..., object]]) -> None:
        self._functions = dict(functions)

    async def __call__(self, data: Json, client: ChannelClient[Any]) -> None:
        """Answer one request, to its client only. What is not a request at all is ignored."""
        identity = data.get("id") if isinstance(data, dict) else None
        if not isinstance(identity, str) or not identity.startswith("send:"):
            _log.debug("ignored an invoke: it has no id to answer to")
            return
        name = data.get("name")
        answer = {"name": name if isinstance(name, str) else "", "id": f"response:{identity[5:]}"}
        try:
            result = await self._call(name, data.get("data"))
            client.send(INVOKE_EVENT, {**answer, "data": {"result": result}})
        except Exception as error:
            client.send(INVOKE_EVENT, {**answer, "data": {"error": _describe(error)}})

    async def _call(self, name: object, arguments: object) -> object:
        function = self._functions.get(name) if isinstance(name, str) else None
        if function is None:
            raise HotChannelError(f"no function is named {printable(str(name), 60)}")
        if not isinstance(arguments, list):
            raise HotChannelError("the arguments are not a list")
        result = function(*arguments)
        return await result if inspect.isawaitable(result) else result


def _describe(error: Exception) -> dict[str, str]:
    if isinstance(error, HotChannelError):
        return {"name": "Error", "message": str(error), "stack": ""}
    stack = "".join(traceback.format_exception(error))
    return {"name": type(error).__name__, "message": str(error), "stack": stack}
