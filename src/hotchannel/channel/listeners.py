"""Who listens to an event.

Role: calls sync and async listeners so that none of them can harm the caller or another listener:
what raises is logged, what returns an awaitable runs as a task, and the number of such tasks is
bounded, since clients decide how often an event comes.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from typing import TYPE_CHECKING, Generic, ParamSpec

from hotchannel.channel.printable import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MAX_PENDING", "Listeners"]

MAX_PENDING = 1000
"""Async listeners that may be under way; events beyond that are dropped with a warning."""

P = ParamSpec("P")

_log = logging.getLogger("hotchannel.server")


class Listeners(Generic[P]):
    """Listeners by event name, called in the order in which they came, each once an event."""

    __slots__ = ("_by_event", "_overrun", "_tasks")

    def __init__(self) -> None:
        self._by_event: dict[str, dict[Callable[P, object], None]] = {}
        self._tasks: set[asyncio.Future[object]] = set()
        self._overrun = False

    def on(self, event: str, listener: Callable[P, object]) -> None:
        """Call `listener` on every `event`. A listener that is there already is not added twice."""
        self._by_event.setdefault(event, {})[listener] = None

    def off(self, event: str, listener: Callable[P, object]) -> None:
        """No longer call `listener`. Nothing happens where it was not listening."""
        listeners = self._by_event.get(event)
        if listeners is not None:
            listeners.pop(listener, None)
            if not listeners:
                del self._by_event[event]

    def emit(self, event: str, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener of `event`. Never raises."""
        for listener in tuple(self._by_event.get(event, ())):
            if len(self._tasks) >= MAX_PENDING:
                self._warn_overrun(event)
                return
            try:
                result = listener(*args, **kwargs)
                if inspect.isawaitable(result):
                    self._follow(event, result)
            except Exception as error:
                _log.error("a listener of %s failed:\n%s", printable(event), _trace(error))

    async def close(self) -> None:
        """Cancel the listeners that are under way and forget all."""
        self._by_event.clear()
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            # A listener that swallows its cancellation must not hold up the end.
            await asyncio.wait(tasks, timeout=1.0)

    def _follow(self, event: str, awaitable: Awaitable[object]) -> None:
        task = asyncio.ensure_future(awaitable)
        self._tasks.add(task)

        def done(task: asyncio.Future[object]) -> None:
            self._tasks.discard(task)
            self._overrun = False
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a listener of %s failed:\n%s", printable(event), _trace(error))

        task.add_done_callback(done)

    def _warn_overrun(self, event: str) -> None:
        if not self._overrun:
            self._overrun = True
            _log.warning("%d listeners are still busy: %s is dropped", MAX_PENDING, printable(event))


def _trace(error: BaseException) -> str:
    """The stack of an exception; its message may quote a client, so it is made fit for a terminal."""
    lines = "".join(traceback.format_exception(error)).rstrip().split("\n")
    return "\n".join(printable(line) for line in lines)
