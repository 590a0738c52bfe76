"""One process of an application: it has the host, or knows who has.

Role: the first worker of a server owns port, watchers and graph; the others follow it. When the owner is
gone, the quickest of them takes its place, its port and its token. Adapters ask `hot`, whichever it is.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, TypeAlias

from hotchannel.devserver.mounts import Mounts
from hotchannel.errors import HotChannelError
from hotchannel.integrations.channel import get_channel
from hotchannel.integrations.follower import Follower
from hotchannel.integrations.host import Host
from hotchannel.integrations.link import Line, LinkServer
from hotchannel.integrations.rendezvous import Meeting, Rendezvous
from hotchannel.integrations.site import concerns

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotchannel.integrations.settings import AppSettings

__all__ = ["Hot", "MakeHost", "Worker"]

_log = logging.getLogger("hotchannel.server")

_AGAIN = 0.05
_PATIENCE = 10.0
"""Seconds between two looks for an owner that is just beginning, and for which it may."""

Hot: TypeAlias = Host | Follower
"""What makes an application hot, from wherever."""


class MakeHost(Protocol):
    """Makes the host of a process, in its event loop."""

    def __call__(
        self, *, token: str | None, port: int | None, forget_templates: Callable[[], object]
    ) -> Host:
        """Make it, with the token and port of the owner before, where there was one."""


class Worker:
    """Finds its place among the workers of one server.

    Args:
        settings: of the application, with folders filled in.
        server: the address that the application is served at.
        make: makes the host.
        forget_templates: drops what this process has kept of its templates.
    """

    def __init__(
        self,
        settings: AppSettings,
        server: str,
        *,
        make: MakeHost,
        forget_templates: Callable[[], object],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.hot: Hot
        self._settings = settings
        self._server = server
        self._make = make
        self._forget_templates = forget_templates
        self._link: LinkServer | None = None
        self._following: asyncio.Task[None] | None = None
        self._rendezvous: Rendezvous | None = None

    async def start(self) -> None:
        """Become the owner, or follow the one there is."""
        try:
            self._rendezvous = Rendezvous(self._settings.project, self._server)
        except (HotChannelError, OSError) as error:
            _log.warning("workers of this server cannot find one another: %s", error)
        await self._join()

    async def close(self) -> None:
        """End; the next owner begins anew."""
        if self._following is not None:
            self._following.cancel()
        get_channel().dropped_by(self.hot)
        if self._link is not None:
            self._link.close()
            if self._rendezvous is not None:
                self._rendezvous.leave()
        await self.hot.close()

    async def _join(self, before: Meeting | None = None) -> None:
        rendezvous = self._rendezvous
        deadline = self.loop.time() + _PATIENCE
        while rendezvous is not None and not rendezvous.claim():
            meeting = rendezvous.find()
            if meeting is not None and await self._follow(meeting):
                return
            if self.loop.time() > deadline:
                _log.warning("the worker that has the channel does not answer; this one has another")
                self._rendezvous = rendezvous = None
            await asyncio.sleep(_AGAIN)
        await self._own(before)

    async def _follow(self, meeting: Meeting) -> bool:
        try:
            line = await Line.open(meeting, "worker")
        except OSError:
            return False
        mounts = Mounts(self._settings.static or ())
        follower = Follower(
            line,
            meeting,
            socket_path=self._settings.ws.path if self._settings.ws.port is None else None,
            concerns=lambda path, accept: concerns(mounts, path, accept),
            forget_templates=self._forget_templates,
        )
        self.hot = follower
        get_channel().carried_by(follower)
        self._following = asyncio.create_task(self._until_lost(follower, meeting))
        return True

    async def _until_lost(self, follower: Follower, meeting: Meeting) -> None:
        await follower.listen()
        await follower.close()
        get_channel().dropped_by(follower)
        await self._join(meeting)

    async def _own(self, before: Meeting | None) -> None:
        host = self._make(
            token=None if before is None else before.token,
            port=None if before is None else before.ws_port,
            forget_templates=self._forget_everywhere,
        )
        await host.start()
        link = LinkServer(host)
        port = await link.start()
        self._link = link
        if self._rendezvous is not None:
            self._rendezvous.announce(Meeting(port, link.secret, host.channel.token, host.channel.port))
        host.failing_changed = lambda: link.tell({"news": "failing", "sources": sorted(host.failing)})
        self.hot = host
        get_channel().carried_by(host)

    def _forget_everywhere(self) -> None:
        self._forget_templates()
        if self._link is not None:
            self._link.tell({"news": "templates"})
