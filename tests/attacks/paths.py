"""A folder full of what nobody may read, and the ways to ask for it: attacks 18 to 22, row by row.

Secrets lie in the served folder, beside it, and behind links in it. A row is a request target, byte by byte
but for the names in braces, and the status that it gets.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hotchannel.devserver.app import DevServer
from hotchannel.options import DevOptions
from support.entrances import Entrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from support.entrances import Answer, Peer

__all__ = [
    "HEADERS",
    "HIDDEN",
    "KEYS",
    "LINKS",
    "OUTSIDE",
    "PUBLIC",
    "QUERIES",
    "SPELLINGS",
    "UNSEEN",
    "Site",
    "plant",
    "serving",
]

_SECRET = b"What is written here was never meant for you.\n"

PUBLIC = "This is for everybody."

UNSEEN = "nobody-knows-me"
"""Part of the name of every file beside the served folder."""

HIDDEN: Sequence[str] = """
    .env .env.local .env.production.local .npmrc .htpasswd .git/config .git/HEAD .ssh/id_ed25519
    .aws/credentials .hidden/page.html .hidden/module.js .hidden.css .server.key.swp sub/.env
    sub/deep/.env.local sub/.git/config .well-known/.env
""".split()
"""Secrets by their place."""

KEYS: Sequence[str] = """
    key.pem cert.crt server.key sub/deep/server.key store.p12 store.pfx store.jks id_rsa id_ed25519
    sub/id_ecdsa_work production.env KEYS.PEM key.pem~ key.pem.bak server.key.1 id_rsa.old #key.pem#
    #.env#
""".split()
"""Secrets by their name, and what editors keep of them."""


def _respelled(path: str, spell: Callable[[str], str]) -> str:
    """The path with its last name spelled in another way."""
    folder, _, name = path.rpartition("/")
    return (f"{quote(folder)}/" if folder else "") + spell(name)


def _escaped(name: str) -> str:
    return "".join(f"%{byte:02x}" for byte in name.encode())


# How a secret below the root is asked for; each of them is 400, 403 or 404.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda path: "/" + quote(path),
    "first letter escaped": lambda path: "/" + _respelled(path, lambda n: _escaped(n[0]) + quote(n[1:])),
    "every letter escaped": lambda path: "/" + _respelled(path, _escaped),
    "escapes in capitals": lambda path: "/" + _respelled(path, lambda n: _escaped(n).upper()),
    "escaped twice": lambda path: "/" + _respelled(path, lambda n: quote(_escaped(n))),
    "slashes escaped": lambda path: "/" + quote(path, safe=""),
    "in capitals": lambda path: "/" + quote(path.upper()),
    "in small letters": lambda path: "/" + quote(path.lower()),
    "dot behind": lambda path: f"/{quote(path)}.",
    "blank behind": lambda path: f"/{quote(path)}%20",
    "slash behind": lambda path: f"/{quote(path)}/",
    "escaped slash behind": lambda path: f"/{quote(path)}%2f",
    "dot segment behind": lambda path: f"/{quote(path)}/.",
    "there and back": lambda path: f"/{quote(path)}/x/..",
    "stream behind": lambda path: f"/{quote(path)}::$DATA",
    "stream escaped behind": lambda path: f"/{quote(path)}%3a%3a$DATA",
    "NUL behind": lambda path: f"/{quote(path)}%00",
    "NUL and suffix behind": lambda path: f"/{quote(path)}%00.html",
    "line feed behind": lambda path: f"/{quote(path)}%0a",
    "parameter behind": lambda path: f"/{quote(path)};.css",
    "backslash behind": lambda path: f"/{quote(path)}%5c",
    "suffix behind": lambda path: f"/{quote(path)}.html",
    "page below": lambda path: f"/{quote(path)}/index.html",
    "question mark escaped": lambda path: f"/{quote(path)}%3fraw",
    "hash escaped": lambda path: f"/{quote(path)}%23.css",
    "hash": lambda path: f"/{quote(path)}#",
    "hash and suffix": lambda path: f"/{quote(path)}#.css",
    "hash in front": lambda path: f"/#/../{quote(path)}",
    "two slashes": lambda path: f"//{quote(path)}",
    "two slashes inside": lambda path: "/" + quote(path).replace("/", "//"),
    "dot segment": lambda path: f"/./{quote(path)}",
    "escaped dot segment": lambda path: f"/%2e/{quote(path)}",
    "by a folder": lambda path: f"/sub/../{quote(path)}",
    "by a folder, escaped": lambda path: f"/sub/%2e%2e/{quote(path)}",
    "by a folder that there is not": lambda path: f"/none/../{quote(path)}",
    "by the client": lambda path: f"/@vite/../{quote(path)}",
    "by /@fs/": lambda path: f"/@fs/{quote(path)}",
    "by /@fs/ and the root": lambda path: "/@fs{root}/" + quote(path),
    "by /@id/": lambda path: f"/@id/{quote(path)}",
    "by /@id/ and NUL": lambda path: f"/@id/__x00__/{quote(path)}",
    "overlong dot": lambda path: "/" + quote(path).replace(".", "%c0%ae"),
    "no width in front": lambda path: "/" + _respelled(path, lambda n: "%e2%80%8c" + quote(n)),
    "no width inside": lambda path: "/" + _respelled(path, lambda n: quote(n[:-1]) + "%e2%80%8d" + n[-1]),
    "absolute form": lambda path: f"http://localhost/{quote(path)}",
    "absolute form, another host": lambda path: f"http://evil.example/{quote(path)}",
}

QUERIES: Sequence[str] = (
    "",
    *"""
    ? ?raw ?url ?import ?inline ?no-inline ?init ?worker ?sharedworker ?direct ?import&raw ?import&url
    ?import&url&inline ?import&raw&t=1 ?raw?? ?raw? ??raw ?&raw ?raw& ?raw&url ?raw= ?RAW ?%72aw
    ?.svg?import ?.svg?.wasm?init ?import&inline=1.wasm?init ?import&?inline=1.wasm?init ?inline&.css
    ?html-proxy&index=0.js ?html-proxy&inline-css&index=0.css ?commonjs-proxy&raw ?t=1 ?v=abc123
    ?/../../index.html ?%00
    """.split(),
)

HEADERS: dict[str, Mapping[str, str]] = {
    "none": {},
    "any": {"Accept": "*/*"},
    "page": {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"},
    "iframe": {"Accept": "text/html", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
    "stylesheet": {"Accept": "text/css,*/*;q=0.1", "Sec-Fetch-Dest": "style", "Sec-Fetch-Mode": "no-cors"},
    "module": {"Accept": "*/*", "Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "cors"},
    "classic script": {"Accept": "*/*", "Sec-Fetch-Dest": "script", "Sec-Fetch-Mode": "no-cors"},
    "image": {"Accept": "image/*", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
    "fetch": {"Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    "worker": {"Accept": "*/*", "Sec-Fetch-Dest": "worker", "Sec-Fetch-Mode": "same-origin"},
    "range": {"Range": "bytes=0-"},
    "known": {"If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    "another target": {"X-Original-URL": "/index.html", "X-Rewrite-URL": "/index.html"},
}

# What lies outside the root.
OUTSIDE: dict[str, tuple[str, int]] = {
    "parent": ("/../{unseen}.txt", 403),
    "parent of a folder": ("/sub/../../{unseen}.txt", 403),
    "parents": ("/../../../../../../../../../../../..{outside}", 403),
    "parent, no slash in front": ("../{unseen}.txt", 400),
    "sibling": ("/../site_private/{unseen}.txt", 403),
    "sibling by its ending": ("/_private/{unseen}.txt", 404),
    "sibling by its ending, no slash": ("_private/{unseen}.txt", 400),
    "escaped dots": ("/%2e%2e/{unseen}.txt", 403),
    "one dot escaped": ("/.%2e/{unseen}.txt", 403),
    "escaped slash": ("/..%2f{unseen}.txt", 400),
    "all escaped": ("/%2e%2e%2f{unseen}.txt", 400),
    "escaped twice": ("/%252e%252e/{unseen}.txt", 404),
    "escapes nested": ("/%%32%65%%32%65/{unseen}.txt", 400),
    "backslash": ("/..\\{unseen}.txt", 400),
    "escaped backslash": ("/..%5c{unseen}.txt", 400),
    "all escaped, backslash": ("/%2e%2e%5c{unseen}.txt", 400),
    "parameter": ("/..;/{unseen}.txt", 403),
    "parameter with value": ("/..;a=b/{unseen}.txt", 403),
    "overlong dots": ("/%c0%ae%c0%ae/{unseen}.txt", 400),
    "overlong dots of three bytes": ("/%e0%80%ae%e0%80%ae/{unseen}.txt", 400),
    "overlong slash": ("/..%c0%af{unseen}.txt", 400),
    "escapes of JavaScript": ("/%u002e%u002e/{unseen}.txt", 400),
    "wide dots": ("/%ef%bc%8e%ef%bc%8e/{unseen}.txt", 404),
    "two dots in one character": ("/%e2%80%a5/{unseen}.txt", 404),
    "wide slash": ("/..%ef%bc%8f{unseen}.txt", 403),
    "NUL in between": ("/.%00./{unseen}.txt", 400),
    "NUL behind": ("/..%00/{unseen}.txt", 400),
    "line feed in between": ("/.%0a./{unseen}.txt", 400),
    "no width in between": ("/.%e2%80%8b./{unseen}.txt", 403),
    "four dots, two slashes": ("/....//{unseen}.txt", 403),
    "three dots": ("/.../{unseen}.txt", 403),
    "two slashes behind": ("/..//{unseen}.txt", 403),
    "blank behind": ("/..%20/{unseen}.txt", 403),
    "absolute": ("{outside}", 404),
    "absolute, two slashes": ("/{outside}", 404),
    "absolute, three slashes": ("//{outside}", 404),
    "absolute, escaped slash": ("/%2f{unseen}.txt", 400),
    "passwd": ("/etc/passwd", 404),
    "passwd, two slashes": ("//etc/passwd", 404),
    "passwd, drive": ("/C:/etc/passwd", 404),
    "another machine's": ("//localhost/share/{unseen}.txt", 404),
    "/@fs/": ("/@fs{outside}", 403),
    "/@fs/, two slashes": ("/@fs/{outside}", 403),
    "/@fs/, parents": ("/@fs{root}/../{unseen}.txt", 403),
    "/@fs/, escaped parents": ("/@fs{root}/%2e%2e/{unseen}.txt", 403),
    "/@fs/, sibling": ("/@fs{root}_private/{unseen}.txt", 403),
    "/@fs/, escaped": ("/%40fs{outside}", 403),
    "/@id/": ("/@id{outside}", 404),
    "/@id/, NUL": ("/@id/__x00__{outside}", 404),
    "/@id/, parents": ("/@id/../{unseen}.txt", 404),
    "client's parents": ("/@vite/../../{unseen}.txt", 404),
    "client's parents, escaped": ("/@vite/%2e%2e/%2e%2e/{unseen}.txt", 404),
    "below the client": ("/@vite/client/../../../{unseen}.txt", 404),
    "client's file": ("/@vite/{outside}", 404),
    "well-known's parents": ("/.well-known/../../{unseen}.txt", 403),
    "file URL": ("file://{outside}", 400),
    "file URL of a host": ("file://localhost{outside}", 404),
    "absolute form": ("http://localhost{outside}", 404),
    "absolute form, parent": ("http://localhost/../{unseen}.txt", 403),
    "absolute form, parent alone": ("http://localhost/..", 403),
    "hash in front": ("/#/../../{unseen}.txt", 400),
    "tilde": ("/~root/{unseen}.txt", 404),
    "variable": ("/$HOME/{unseen}.txt", 404),
    "pattern": ("/*/{unseen}.txt", 404),
}

# Links and what is no file, all of them below the root; {unseen} is a file's name.
LINKS: dict[str, tuple[str, int]] = {
    "file": ("/link.txt", 403),
    "file, absolute": ("/absolute.txt", 403),
    "module": ("/link.js", 403),
    "stylesheet": ("/link.css", 403),
    "page": ("/link.html", 403),
    "page, suffix left out": ("/link", 403),
    "picture": ("/link.svg", 403),
    "link to a link": ("/chain.txt", 403),
    "file in a folder": ("/sub/link.txt", 403),
    "below a folder": ("/folder/{unseen}.txt", 403),
    "below a folder, nothing": ("/folder/nothing.txt", 403),
    "below a folder, module": ("/folder/{unseen}.js", 403),
    "folder": ("/folder", 403),
    "folder with slash": ("/folder/", 403),
    "sibling": ("/sibling/{unseen}.txt", 403),
    "parent": ("/parent/{unseen}.txt", 403),
    "whole file system": ("/filesystem{outside}", 403),
    "to a dot file": ("/environment.txt", 403),
    "to a dot folder": ("/repository/config", 403),
    "to a key": ("/key.txt", 403),
    "to nothing": ("/dangling.txt", 403),
    "to itself": ("/loop.txt", 404),
    "to itself, below": ("/loop.txt/x", 404),
    "fifo": ("/fifo", 403),
    "fifo by a link": ("/fifo.js", 403),
    "unix socket": ("/socket", 403),
    "zeros": ("/zero", 403),
    "random bytes": ("/random.js", 403),
    "nothing but an end": ("/null.css", 403),
    "standard input": ("/stdin", 403),
    "environment": ("/environ", 403),
    "environment as a page": ("/environ.html", 403),
    "processes": ("/proc/self/environ", 403),
    "processes, root": ("/proc/self/root{outside}", 403),
    "processes, working folder": ("/proc/self/cwd/index.html", 403),
    "open files": ("/fd/0", 403),
}


def plant(folder: Path) -> Path:
    """Fill `folder` with secrets, and return the folder in it that is to be served."""
    root = folder / "site"
    for name in (*HIDDEN, *KEYS):
        _write(root / name, _SECRET)
    for name in ("index.html", "sub/index.html"):
        _write(root / name, f"<!doctype html><title>{PUBLIC}</title>".encode())
    for name in ("public.txt", "sub/deep/public.txt", "id_rsa.pub", "keys.js", ".well-known/security.txt"):
        _write(root / name, f"/* {PUBLIC} */\n".encode())
    for place in (folder, folder / "site_private"):
        for suffix in ("txt", "js", "css", "html", "svg"):
            _write(place / f"{UNSEEN}.{suffix}", _SECRET)
    links = {
        "absolute.txt": str(folder / f"{UNSEEN}.txt"),
        "chain.txt": "link.txt",
        "dangling.txt": "../nothing.txt",
        "environ": "/proc/self/environ",
        "environ.html": "/proc/self/environ",
        "environment.txt": ".env",
        "fd": "/proc/self/fd",
        "fifo.js": "fifo",
        "filesystem": "/",
        "folder": "../site_private",
        "key.txt": "key.pem",
        "link": f"../{UNSEEN}.html",
        "loop.txt": "loop.txt",
        "null.css": "/dev/null",
        "parent": "..",
        "proc": "/proc",
        "random.js": "/dev/urandom",
        "repository": ".git",
        "sibling": str(root) + "_private",
        "stdin": "/dev/stdin",
        "sub/link.txt": f"../../{UNSEEN}.txt",
        "zero": "/dev/zero",
        **{f"link.{suffix}": f"../{UNSEEN}.{suffix}" for suffix in ("txt", "js", "css", "html", "svg")},
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "within.txt").symlink_to("sub/deep/public.txt")
    os.mkfifo(root / "fifo")
    # The name of a socket must be short.
    with contextlib.chdir(root), socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    return root


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


_TRACES = (
    _SECRET.strip(),
    # As a page, or in a data URL.
    quote(_SECRET.strip()).encode(),
    base64.b64encode(_SECRET)[:24],
    # What a process's environment and a list of users have in them.
    b"PATH=",
    b"root:x:",
    b"\0\0\0\0",
)


def _given_away(text: bytes) -> list[bytes]:
    """What of the secrets is in `text`."""
    return [trace for trace in _TRACES if trace in text]


class Site:
    """A running dev server over a folder full of secrets.

    Attributes:
        root: the folder; its neighbours are secrets too.
        entrance: the way to its channel and its pages.
    """

    def __init__(self, root: Path, dev: DevServer, port: int) -> None:
        self.root = root
        self.entrance = Entrance("dev", dev.channel, port, None)
        self._line: Peer | None = None

    async def ask(self, target: str | bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Answer to GET of `target`, which is sent as it is; nothing secret is in the answer."""
        if isinstance(target, str):
            target = target.encode("latin-1")
        fields = {"Host": "localhost", **(headers or {})}
        lines = [b"GET " + target + b" HTTP/1.1"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in fields.items()]
        line, self._line = self._line or await self.entrance.open(), None
        await line.write(b"\r\n".join([*lines, b"", b""]))
        answer = await line.answer()
        if not answer.hung_up:
            self._line = line
        asked = (target[:200], headers, answer.status)
        assert not _given_away(answer.body), asked
        assert not _given_away(repr(answer.headers).encode()), asked
        return answer

    async def exchange(self, request: bytes) -> bytes:
        """All that comes back for `request` until the server hangs up; nothing secret is in it."""
        peer = await self.entrance.open()
        await peer.write(request)
        answer = await peer.hung_up()
        peer.vanish()
        assert not _given_away(answer), request[:200]
        return answer

    def named(self, target: str) -> str:
        """`target` with the names of this site's files in it."""
        outside = self.root.parent / f"{UNSEEN}.txt"
        return target.format(outside=quote(str(outside)), root=quote(str(self.root)), unseen=UNSEEN)

    async def still_serves(self, *witnesses: Peer) -> None:
        """Pages are there for everybody, and whoever is connected still is."""
        answer = await self.ask("/index.html")
        assert answer.status == 200
        assert PUBLIC in answer.body.decode()
        self.entrance.server.send("still:there")
        for witness in witnesses:
            assert await witness.message() == {"type": "custom", "event": "still:there"}


@contextlib.asynccontextmanager
async def serving(folder: Path, **options: Any) -> AsyncIterator[Site]:
    """Serve a folder full of secrets; a site of many pages, where nothing answers for what there is not."""
    root = plant(folder)
    async with DevServer(root, DevOptions(port=0, **{"app_type": "mpa", **options})) as dev:
        site = Site(root, dev, dev.port)
        try:
            yield site
        finally:
            await site.entrance.abandon()
