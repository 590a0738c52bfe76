"""A dev server without a server: site and engine over a real folder, and a channel that takes notes."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

from hotchannel.devserver.client import ClientSettings
from hotchannel.devserver.compiler import Compiler
from hotchannel.devserver.engine import HotEngine
from hotchannel.devserver.files import Root
from hotchannel.devserver.http import FileSlice, Request, Response
from hotchannel.devserver.resolver import Resolver
from hotchannel.devserver.served import ServedModules
from hotchannel.devserver.site import Site
from hotchannel.hmr.graph import ModuleGraph
from hotchannel.modules.urls import FilePath
from hotchannel.wire.payloads import ErrorDetail, FullReload, HotPayload, Prune, Update

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class NotedChannel:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[HotPayload] = []
        self.errors: dict[str, ErrorDetail] = {}

    def send(self, payload: HotPayload, /) -> None:
        self.sent.append(payload)

    def fail(self, source: str, detail: ErrorDetail, /) -> None:
        self.errors[source] = detail

    def recover(self, source: str, /) -> bool:
        return self.errors.pop(source, None) is not None

    def position(self) -> str:
        return f"epoch:{len(self.sent)}"


class HotFolder:
    """A folder, its site and its engine.

    Args:
        path: the folder.
        base: where it is served.
        allow: folders elsewhere that are served too.
        deny: patterns of what is not.
    """

    def __init__(
        self, path: Path, base: str = "/", *, allow: Iterable[Path] = (), deny: Iterable[str] = ()
    ) -> None:
        self.path = path
        self.channel = NotedChannel()
        self.graph = ModuleGraph()
        self.clock = count(1000)
        root = Root(path, allow=allow, deny=deny)
        resolver = Resolver(root, base)
        compiler = Compiler(self.graph, resolver, self.channel, base=base, clock=lambda: next(self.clock))
        settings = ClientSettings(
            base=base,
            server_host="localhost:5173/",
            protocol=None,
            hostname=None,
            port=None,
            direct_target="localhost:5173/",
            ws_base=base,
            timeout=30_000,
            overlay=True,
            token="secret-token",
        )
        served = ServedModules(root, self.graph, compiler)
        self.site = Site(
            root, self.graph, resolver, compiler, served, self.channel, base=base, settings=lambda: settings
        )
        self.engine = HotEngine(
            root, self.graph, compiler, served, self.channel, clock=lambda: next(self.clock)
        )

    def write(self, name: str, content: str | bytes) -> FilePath:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return FilePath(os.path.normpath(file))

    def file(self, name: str) -> FilePath:
        return FilePath(str(self.path / name))

    def get(self, target: str, *, method: str = "GET", **headers: str) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.site.respond(Request(method, target, names))
        assert response is not None
        return response

    def text(self, target: str, **headers: str) -> str:
        response = self.get(target, **headers)
        assert response.status == 200, response
        return body(response).decode()

    def save(self, name: str, content: str | bytes) -> list[HotPayload]:
        """Write a file, let the engine know, and return what was sent."""
        return self.saved(self.write(name, content))

    def saved(self, *files: FilePath) -> list[HotPayload]:
        before = len(self.channel.sent)
        self.engine.saved(files, settled=True)
        return self.channel.sent[before:]


def body(response: Response) -> bytes:
    """The whole body of a response."""
    if isinstance(response.body, FileSlice):
        return b"".join(response.body.file.chunks(response.body.start, response.body.length))
    return response.body


def updates(payloads: list[HotPayload]) -> list[tuple[str, str, str]]:
    """Return (type, path, acceptedPath) of the one update that was sent; nothing else was."""
    (payload,) = payloads
    assert isinstance(payload, Update)
    return [(entry.type, entry.path, entry.accepted_path) for entry in payload.updates]


def reload_path(payloads: list[HotPayload]) -> object:
    """Return the path of the one full reload that was sent; nothing else was."""
    (payload,) = payloads
    assert isinstance(payload, FullReload)
    return payload.path


def pruned(payloads: list[HotPayload]) -> set[str]:
    """Return the paths that were pruned."""
    return {path for payload in payloads if isinstance(payload, Prune) for path in payload.paths}
