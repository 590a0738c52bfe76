"""Option groups: frozen, checked when made, free of side effects.

Role: the vocabulary of every setting. Reading TOML, environment or command line happens at the edge
(`hotchannel.cli`); this module only says which values are right.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from hotchannel.errors import OptionError, closest
from hotchannel.option_checks import (
    are_strings,
    check_editor,
    check_name,
    check_path,
    check_port,
    check_positive,
    check_table,
    is_pattern,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uvicorn import Config, Server

__all__ = [
    "CONSOLE_LEVELS",
    "DEFAULT_PORT",
    "DEFAULT_WS_PORT",
    "DevOptions",
    "FsOptions",
    "HttpsOptions",
    "LogLevel",
    "ProxyOptions",
    "WsOptions",
    "with_fields",
]

LogLevel = Literal["debug", "info", "warning", "error", "silent"]
"""`silent` prints errors that end the program, and nothing else."""

CONSOLE_LEVELS = ("error", "warn", "info", "log", "debug")
"""Methods of a browser's console whose lines can be forwarded."""

DEFAULT_PORT = 5173
"""First port the dev server tries (as stock Vite)."""

DEFAULT_WS_PORT = 24678
"""Port of the standalone channel (as stock Vite)."""


def _check_levels(value: object) -> None:
    is_list = isinstance(value, (list, tuple)) and all(level in CONSOLE_LEVELS for level in value)
    if not isinstance(value, bool) and not is_list:
        names = ", ".join(CONSOLE_LEVELS)
        raise OptionError("forward_console", value, f"true, false, or a list of methods among {names}")


def _check_proxy(key: object, back_end: object) -> None:
    if isinstance(key, str) and key.startswith("^"):
        try:
            re.compile(key)
        except re.error as error:
            raise OptionError("proxy", key, f"a regular expression ({error})") from None
    else:
        check_path("proxy", key)
    if not isinstance(back_end, ProxyOptions):
        ProxyOptions(target=back_end)  # type: ignore[arg-type]  # which it checks


@dataclass(frozen=True, slots=True, kw_only=True)
class FsOptions:
    """Which files are served.

    Attributes:
        allow: folders outside of the root whose files are served too, below `/@fs/`.
        deny: patterns of names that are not served: `*.sql`, `drafts`, `data/*.json`; beside dot files, keys
            and other secrets, which never are.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not are_strings(self.allow):
            raise OptionError("fs.allow", self.allow, "a list of folders")
        if not are_strings(self.deny) or not all(map(is_pattern, self.deny)):
            raise OptionError("fs.deny", self.deny, "a list of patterns such as '*.sql'")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsOptions:
    """Where a server finds its certificate; without one, it makes and keeps a self-signed one.

    Attributes:
        cert: file of the certificate, PEM, with the chain below it.
        key: file of its private key, PEM; None where it stands in `cert` too.
    """

    cert: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if self.key is not None and self.cert is None:
            raise OptionError("https.key", self.key, "https.cert beside it: a key alone is no certificate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyOptions:
    """A back end that answers some paths.

    Attributes:
        target: its URL: `http`, `https`, `ws` or `wss`, host and port; a path is put in front of all others.
        strip_prefix: leave out of the path what the key stands for.
        change_origin: ask for the host of `target`; otherwise, for the one that the browser asked for.
        headers: further headers of every request, or others in their place.
        ws: pass WebSockets on too.
        secure: with `https`, ask for a certificate that can be trusted.
    """

    target: str
    strip_prefix: bool = False
    change_origin: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ws: bool = True
    secure: bool = True

    def __post_init__(self) -> None:
        found = _BACK_END.fullmatch(str(self.target))
        if found is None or int(found[1] or 0) > 65535:
            raise OptionError("proxy.target", self.target, "a URL such as 'http://127.0.0.1:8000'")
        check_table("proxy.headers", self.headers, "a table of header names and values")
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(f"{name}:{value}") or name.lower() in _FRAMING:
                raise OptionError("proxy.headers", name, "a header that a request may have")


_BACK_END = re.compile(
    r"(?:http|ws)s?://(?:[\w.-]+|\[[0-9a-fA-F:.]+])(?::(\d{1,5}))?(?:/[!$->@-~]*)?", re.ASCII
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\xa0-\xff]*")
_FRAMING = ("connection", "content-length", "transfer-encoding", "upgrade")


@dataclass(frozen=True, slots=True, kw_only=True)
class WsOptions:
    """The channel's own settings.

    Attributes:
        host: interface the standalone listener binds, and where the browser looks for it; None is
            loopback, IPv4 and IPv6, and the page's host.
        port: port of the standalone listener; None means integrated where possible, else 24678.
        strict_port: fail where the port is taken, instead of going on without the channel.
        client_port: port that the browser connects to, when a proxy stands between.
        protocol: `ws` or `wss`, when a proxy stands between; None follows the page.
        path: path of the socket below base.
        timeout: milliseconds between a client's pings.
        overlay: show errors in the page.
        token: the secret in the socket's URL; None makes a new one at every start.
        require_token: `browser` asks it of requests with an Origin, `always` of all.
        skip_web_socket_token_check: stock's `legacy` option of this name; accepts every allowed Host.
        allowed_hosts: host names that may be asked for beside loopback and IP addresses; a leading
            dot takes in all subdomains; True allows all.
        server: a uvicorn `Config` or `Server` whose port the channel shares from now on, until it is closed.
        handshake_timeout: seconds a peer has to finish its opening handshake.
        ping_interval: seconds between two looks at each connection; one that was silent for two of
            them, although it was pinged, is taken to be gone.
        max_header_size: bytes of a request's line and headers; a larger head is answered 431.
        max_message_size: bytes; a larger message ends the connection with 1009.
        max_outbox_size: bytes that may wait for one slow client before it is dropped.
        max_clients: clients at one time; one more is answered 503.
        max_clients_per_address: the same for one IP address, 429; None for no such limit, since behind a
            proxy or in a container all clients have one.
        max_connections_per_second_per_address: handshakes, 429; None for no such limit.
        max_messages_per_second: frames that one client may send, in the long run; one that sends more is
            closed with 1008. None for no such limit.
        max_message_burst: frames that it may send at once.
        compression: send messages of 1 KiB and more compressed to clients that offer it (permessage-deflate).
            Plain ASGI leaves that to the server in front.
        journal_messages: how many messages are kept for clients that come back.
        journal_bytes: how many bytes of them, and half as many of binary ones beside them.
        backplane: URL of the engine by which several processes share one channel, `redis://` or `nats://`;
            `?channel=NAME` keeps channels apart. None for a channel of this process alone.
        shared_limits: count clients and handshakes of all processes together. They tell one another once a
            second, and for so long a limit may be exceeded.
    """

    host: str | None = None
    port: int | None = None
    strict_port: bool = False
    client_port: int | None = None
    protocol: Literal["ws", "wss"] | None = None
    path: str = "/"
    timeout: int = 30_000
    overlay: bool = True
    token: str | None = field(default=None, repr=False)
    require_token: Literal["browser", "always"] = "browser"
    skip_web_socket_token_check: bool = False
    allowed_hosts: tuple[str, ...] | list[str] | Literal[True] = ()
    server: Config | Server | None = field(default=None, repr=False)
    handshake_timeout: float = 10.0
    ping_interval: float = 20.0
    max_header_size: int = 16 * 1024
    max_message_size: int = 1024 * 1024
    max_outbox_size: int = 8 * 1024 * 1024
    max_clients: int = 10_000
    max_clients_per_address: int | None = None
    max_connections_per_second_per_address: float | None = None
    max_messages_per_second: float | None = 1000.0
    max_message_burst: int = 2000
    compression: bool = True
    journal_messages: int = 1000
    journal_bytes: int = 4 * 1024 * 1024
    backplane: str | None = field(default=None, repr=False)
    shared_limits: bool = False

    def __post_init__(self) -> None:
        check_port("ws.port", self.port)
        check_port("ws.client_port", self.client_port, lowest=1)
        check_path("ws.path", self.path)
        if self.protocol not in (None, "ws", "wss"):
            raise OptionError("ws.protocol", self.protocol, "'ws' or 'wss'")
        for name in _POSITIVE:
            check_positive(f"ws.{name}", getattr(self, name))
        for name in _POSITIVE_OR_NONE:
            if getattr(self, name) is not None:
                check_positive(f"ws.{name}", getattr(self, name))
        if self.host is not None:
            check_name("ws.host", self.host, "a name or an address, or none for loopback")
        if self.token == "" or not isinstance(self.token, str | None):
            raise OptionError("ws.token", self.token, "a string that is not empty, or none for a new one")
        if self.require_token not in ("browser", "always"):
            raise OptionError("ws.require_token", self.require_token, "'browser' or 'always'")
        if self.backplane is not None and not str(self.backplane).startswith(_ENGINES):
            # It may hold a password: no more of it is shown than how it begins.
            shown = f"{str(self.backplane).partition(':')[0]}:..."
            raise OptionError("backplane", shown, f"a URL that begins with {', '.join(_ENGINES)}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"ws.{name}", getattr(self, name), "true or false")
        if isinstance(self.allowed_hosts, list):
            object.__setattr__(self, "allowed_hosts", tuple(self.allowed_hosts))
        if self.allowed_hosts is not True and not are_strings(self.allowed_hosts):
            raise OptionError("ws.allowed_hosts", self.allowed_hosts, "true or a list of host names")


def with_fields(options: WsOptions, fields: Mapping[str, Any]) -> WsOptions:
    """Return `options` with single fields replaced.

    Raises:
        OptionError: a field has a wrong name or value.
    """
    for name, value in fields.items():
        if name not in WsOptions.__dataclass_fields__:
            close = closest(name, WsOptions.__dataclass_fields__)
            hint = f"; did you mean {close}?" if close else ""
            raise OptionError(f"ws.{name}", value, f"the name of an option{hint}")
    return replace(options, **fields) if fields else options


_ENGINES = ("redis://", "rediss://", "unix://", "nats://", "tls://")

_SWITCHES = ("strict_port", "overlay", "skip_web_socket_token_check", "compression", "shared_limits")

_POSITIVE = (
    "timeout",
    "handshake_timeout",
    "ping_interval",
    "max_header_size",
    "max_message_size",
    "max_outbox_size",
    "max_clients",
    "max_message_burst",
    "journal_messages",
    "journal_bytes",
)
_POSITIVE_OR_NONE = (
    "max_clients_per_address",
    "max_connections_per_second_per_address",
    "max_messages_per_second",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DevOptions:
    """The dev server's settings.

    Attributes:
        host: interface to bind; None is loopback.
        port: first port to try.
        strict_port: fail where the port is taken, instead of trying the next.
        base: path under which everything is served; starts and ends with `/`.
        https: serve pages and channel encrypted: True with a self-signed certificate.
        middleware: serve no port; another server mounts the dev server as ASGI application, and the channel
            has a port of its own (24678 if none is set).
        ws: the channel's settings; False switches it off.
        hmr: False keeps the channel and sends no updates.
        fs: which files are served, beside those in the root.
        public_dir: folder in the root whose files are served at `base` as they are; False for none.
        app_type: `spa` answers a browser that asks for a page that there is not with `/index.html`, so that
            the page's own router sees to it; `mpa` with 404.
        pack: load the modules of a page in one response: True, False, or `auto` where they are many.
        mode: `import.meta.env.MODE`.
        define: values of global names, and of `import.meta.env.NAME`; whatever JSON can say.
        alias: what specifiers stand for: a whole specifier, or its beginning up to a slash, and what to
            write instead.
        headers: further headers of every answer.
        cors: origins whose pages may read what is served here; True for all.
        proxy: back ends, or just their URLs, by the paths that they answer: `/api` stands for itself and what
            is below it, and the longest such path counts; ahead of them come regular expressions, with a `^`
            first, which are searched for in path and query.
        compress: send text compressed: True, False, or `auto` to clients that are not on this machine.
        plugins: in Vite's terms, `module:object` or `Plugin`s themselves; see `hotchannel.Plugin`.
        polling: watch by comparing the tree again and again, where the system sends no events.
        open: open the page in a browser.
        editor: what the overlay's link opens files with: a command, or program and arguments, among which
            `{file}`, `{line}` and `{column}` may be; None takes `LAUNCH_EDITOR`, or one that is found.
        forward_console: print in the terminal what goes wrong in browsers: True for uncaught errors and what
            `console.error` and `console.warn` say; a list for uncaught errors and these methods.
        log_level: the least that is printed.
    """

    host: str | None = None
    port: int = DEFAULT_PORT
    strict_port: bool = False
    base: str = "/"
    https: HttpsOptions | bool = False
    middleware: bool = False
    ws: WsOptions | Literal[False] = field(default_factory=WsOptions)
    hmr: bool = True
    fs: FsOptions = field(default_factory=FsOptions)
    public_dir: str | Literal[False] = "public"
    app_type: Literal["spa", "mpa"] = "spa"
    pack: Literal["auto"] | bool = "auto"
    mode: str = "development"
    define: Mapping[str, object] = field(default_factory=dict)
    alias: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cors: tuple[str, ...] | bool = False
    proxy: Mapping[str, ProxyOptions | str] = field(default_factory=dict)
    compress: Literal["auto"] | bool = "auto"
    plugins: tuple[object, ...] = ()
    polling: bool = False
    open: bool = False
    editor: Sequence[str] | str | None = None
    forward_console: Sequence[str] | bool = False
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        check_port("port", self.port)
        if not isinstance(self.https, (bool, HttpsOptions)):
            raise OptionError("https", self.https, "true or false, or a table with cert and key")
        check_path("base", self.base)
        if not self.base.endswith("/"):
            raise OptionError("base", self.base, "a path that ends with '/'")
        if self.public_dir is not False:
            check_name("public_dir", self.public_dir, "false, or the name of a folder")
        if self.app_type not in ("spa", "mpa"):
            raise OptionError("app_type", self.app_type, "'spa' or 'mpa'")
        if self.pack not in (True, False, "auto"):
            raise OptionError("pack", self.pack, "true, false or 'auto'")
        check_table("alias", self.alias, "a table of specifiers and what they stand for")
        check_table("headers", self.headers, "a table of header names and values")
        if not isinstance(self.cors, bool) and not are_strings(self.cors):
            raise OptionError("cors", self.cors, "true, false, or a list of origins")
        for key, back_end in self.proxy.items():
            _check_proxy(key, back_end)
        if self.compress not in (True, False, "auto"):
            raise OptionError("compress", self.compress, "true, false or 'auto'")
        if not isinstance(self.plugins, tuple):
            raise OptionError("plugins", self.plugins, "a list of plugins, each 'module:object'")
        check_editor(self.editor)
        _check_levels(self.forward_console)
        for name, value in self.define.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise OptionError(f"define.{name}", value, f"a value that JSON can say ({error})") from None
        if self.log_level not in get_args(LogLevel):
            raise OptionError("log_level", self.log_level, f"one of {', '.join(get_args(LogLevel))}")
