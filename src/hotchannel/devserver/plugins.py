"""Plugins: user code that has a say in what is served.

Role: the hooks, in Vite's terms, and the one place that calls them, in order: `enforce = "pre"` first, then
those without, then `"post"`. Hooks are called in the middle of a synchronous step, so they are synchronous
too. What a hook raises is the module's error, shown in the overlay with the plugin's name; it ends nothing
else.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hotchannel.channel.printable import printable
from hotchannel.errors import HotChannelError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hotchannel.devserver.app import DevServer
    from hotchannel.hmr.graph import ModuleNode

__all__ = ["HotUpdate", "Plugin", "PluginFailure", "Plugins", "TransformError", "Transformed", "load_plugins"]

_log = logging.getLogger("hotchannel.hmr")

_KEPT = 5000
"""Texts that are remembered, so that checking a save and serving it run the hooks once."""


class TransformError(HotChannelError):
    """What a plugin raises that finds an error in a module's text.

    Args:
        message: what is wrong, in a sentence.
        line: from 1, in the text that the plugin was given; 0 where it is not known.
        column: from 0.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class PluginFailure(Exception):  # noqa: N818 - carried to where the module is known, and no further
    """A hook raised.

    Attributes:
        plugin: the plugin's name.
        error: what it raised.
    """

    def __init__(self, plugin: str, error: Exception) -> None:
        super().__init__(f"{plugin}: {error}")
        self.plugin = plugin
        self.error = error


@dataclass(frozen=True, slots=True)
class Transformed:
    """What `transform` may return instead of a text.

    Attributes:
        code: the new text.
        map: its source map, as an object or as JSON; of several plugins' maps the last one is served.
    """

    code: str
    map: Mapping[str, Any] | str | None = None


@dataclass(frozen=True, slots=True)
class HotUpdate:
    """A save, for `handle_hot_update`.

    Attributes:
        file: absolute path.
        modules: what is made of the file.
        read: reads its content.
        send: sends a payload to every page, as `WebSocketServer.send`.
    """

    file: str
    modules: Sequence[ModuleNode]
    read: Callable[[], str]
    send: Callable[..., None]


class Plugin:
    """Base of plugins; override the hooks that you need.

    An `id` is a module's absolute file path with its query, or what `resolve_id` returned.

    Attributes:
        name: for messages; the class's name where it is empty.
        enforce: `pre` to come before other plugins, `post` to come after them.
    """

    name: str = ""
    enforce: Literal["pre", "post"] | None = None

    def configure_server(self, server: DevServer) -> None:
        """Called once, before anything is served; `server.channel` listens and sends."""

    def resolve_id(self, source: str, importer: str | None) -> str | None:
        """Say what the specifier `source` means: an absolute file path, or an id that `load` knows.

        Args:
            source: as it stands in the code.
            importer: absolute path of the module that it stands in.
        """
        return None

    def load(self, id: str) -> str | None:
        """Return the text of a module instead of its file's."""
        return None

    def transform(self, code: str, id: str) -> str | Transformed | None:
        """Return another text of a module. JavaScript, unless the file is a stylesheet: then CSS."""
        return None

    def handle_hot_update(self, update: HotUpdate) -> Iterable[ModuleNode] | None:
        """Return the modules that a save changes, instead of those made of the file."""
        return None

    def transform_index_html(self, html: str, path: str) -> str | None:
        """Return another text of a page; `path` is its URL path, without base."""
        return None


@dataclass(slots=True)
class Plugins:
    """Calls the hooks.

    Args:
        plugins: in the order of the settings.
    """

    plugins: Sequence[Plugin] = ()
    _known: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = {"pre": 0, None: 1, "post": 2}
        self.plugins = sorted(self.plugins, key=lambda plugin: places[plugin.enforce])

    def __bool__(self) -> bool:
        return bool(self.plugins)

    def configure(self, server: DevServer) -> None:
        """Call `configure_server` of each.

        Raises:
            HotChannelError: one of them raised: it could not do its part.
        """
        for plugin in self.plugins:
            try:
                plugin.configure_server(server)
            except Exception as error:
                raise HotChannelError(
                    f"configure_server of {_name(plugin)} failed: {_problem(error)}"
                ) from error

    def resolve(self, source: str, importer: str | None) -> str | None:
        """Return the first answer of `resolve_id`; what one raises is logged and is no answer."""
        for plugin in self.plugins:
            try:
                found = plugin.resolve_id(source, importer)
            except Exception:
                _log.exception("resolve_id of %s failed for %s", _name(plugin), printable(source))
                continue
            if found is not None:
                return found
        return None

    def load(self, id: str) -> str | None:
        """Return the first answer of `load`.

        Raises:
            PluginFailure: a hook raised.
        """
        for plugin in self.plugins:
            try:
                loaded = plugin.load(id)
            except Exception as error:
                raise PluginFailure(_name(plugin), error) from error
            if loaded is not None:
                return loaded
        return None

    def process(self, id: str, content: bytes) -> str | None:
        """Load and transform a module; None where no plugin wants it.

        Args:
            id: the module's.
            content: of its file.

        Raises:
            PluginFailure: a hook raised.
        """
        known = self._known.get(id)
        if known is not None and known[0] == content:
            return known[1]
        result = self._process(id, content)
        if not content:
            # It comes from a plugin alone, which may have another one next time.
            return result
        while len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        self._known[id] = (content, result)
        return result

    def _process(self, id: str, content: bytes) -> str | None:
        text = self.load(id)
        is_changed = text is not None
        if text is None:
            try:
                text = content.decode()
            except UnicodeDecodeError:
                return None
        source_map: Mapping[str, Any] | str | None = None
        for plugin in self.plugins:
            try:
                made = plugin.transform(text, id)
            except Exception as error:
                raise PluginFailure(_name(plugin), error) from error
            if made is None:
                continue
            is_changed = True
            if isinstance(made, Transformed):
                source_map = made.map if made.map is not None else source_map
                text = made.code
            else:
                text = made
        if source_map is not None:
            text += _inline_map(source_map)
        return text if is_changed else None

    def hot_update(self, update: HotUpdate) -> Sequence[ModuleNode]:
        """Return what `handle_hot_update` of each leaves of the modules; what one raises is logged."""
        modules = update.modules
        for plugin in self.plugins:
            try:
                left = plugin.handle_hot_update(HotUpdate(update.file, modules, update.read, update.send))
            except Exception:
                _log.exception("handle_hot_update of %s failed for %s", _name(plugin), printable(update.file))
                continue
            if left is not None:
                modules = tuple(left)
        return modules

    def page(self, html: str, path: str) -> str:
        """Return the text of a page after `transform_index_html` of each; what one raises is logged."""
        for plugin in self.plugins:
            try:
                made = plugin.transform_index_html(html, path)
            except Exception:
                _log.exception("transform_index_html of %s failed for %s", _name(plugin), printable(path))
                continue
            html = html if made is None else made
        return html


def load_plugins(names: Iterable[object], folder: str) -> Plugins:
    """Import what the setting `plugins` names: `"module:object"`, a `Plugin` or a class of them.

    Args:
        names: of the setting; plugins themselves are taken as they are.
        folder: where modules are looked for first.

    Raises:
        OptionError: there is no such thing, or it is no plugin.
    """
    # Their files may be others than those that were read for the server before.
    for module in _loaded:
        sys.modules.pop(module, None)
    _loaded.clear()
    before = set(sys.modules)
    try:
        return Plugins([_plugin(name, folder) for name in names])
    finally:
        for module in sys.modules.keys() - before:
            file = getattr(sys.modules[module], "__file__", None)
            if file is not None and file.startswith(folder + os.sep) and "site-packages" not in file:
                _loaded[module] = file


def plugin_files() -> tuple[str, ...]:
    """Return the files in the served folder that plugins have been read from."""
    return tuple(_loaded.values())


_loaded: dict[str, str] = {}
"""Modules that plugins have brought along, and their files: one for all, as `sys.modules` is."""


def _plugin(name: object, folder: str) -> Plugin:
    found = name if isinstance(name, (Plugin, type)) else _import(name, folder)
    try:
        made = found() if isinstance(found, type) else found
    except Exception as error:
        raise OptionError("plugins", name, f"a plugin that can be made ({_problem(error)})") from error
    if not isinstance(made, Plugin):
        raise OptionError("plugins", name, "a hotchannel.Plugin, or a class of them")
    return made


def _import(name: object, folder: str) -> object:
    module_name, _, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not attribute:
        raise OptionError("plugins", name, "'module:object', or a hotchannel.Plugin")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        hint = f"; looked for in {folder} first" if isinstance(error, ModuleNotFoundError) else ""
        raise OptionError(
            "plugins", name, f"something that can be imported ({_problem(error)}{hint})"
        ) from error
    return found


def _problem(error: Exception) -> str:
    """Return what was raised, and where in the code of a plugin's author."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and frame.filename not in (__file__, importlib.__file__)
    ]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{place}"


def _name(plugin: Plugin) -> str:
    return plugin.name or type(plugin).__name__


def _inline_map(source_map: Mapping[str, Any] | str) -> str:
    text = source_map if isinstance(source_map, str) else json.dumps(source_map)
    encoded = base64.b64encode(text.encode()).decode()
    return f"\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,{encoded}\n"
