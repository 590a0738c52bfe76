"""hotchannel for Flask, as extension.

    HotChannel(app)

Role: says where a Flask application has its static files and templates, whether it is in debug mode, and what
its views have raised; all else is the WSGI middleware's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from hotchannel.integrations.channel import get_channel
from hotchannel.integrations.wsgi import ERROR_KEY, HotChannelMiddleware

try:
    from flask import Flask, got_request_exception, request
except ImportError as error:
    raise ImportError("hotchannel.integrations.flask needs Flask: pip install flask") from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotchannel.integrations.channel import AppChannel
    from hotchannel.integrations.settings import Arguments, PathLike

__all__ = ["HotChannel"]


class HotChannel:
    """Makes a Flask application hot while it is in debug mode, or where `HOTCHANNEL=1` says so.

    Args:
        app: the application; None where `init_app` is called later.
        arguments: see `Arguments`; also as a dict in
            `app.config["HOTCHANNEL"]`, which they override.
    """

    def __init__(self, app: Flask | None = None, **arguments: Unpack[Arguments]) -> None:
        self._arguments = arguments
        if app is not None:
            self.init_app(app)

    @property
    def channel(self) -> AppChannel:
        """The channel between this application and its pages: `hotchannel.get_channel()`."""
        return get_channel()

    def init_app(self, app: Flask) -> None:
        """Make `app` hot.

        Raises:
            OptionError: a setting has a wrong name or value.
        """
        settings = {**app.config.get("HOTCHANNEL", {}), **self._arguments}
        app.wsgi_app = _FlaskMiddleware(app, **settings)  # type: ignore[method-assign]
        app.extensions["hotchannel"] = self
        got_request_exception.connect(_raised, app)


class _FlaskMiddleware(HotChannelMiddleware):
    debug_switch = "`app.run(debug=True)` or `flask run --debug`"
    hosts_option = 'ws={"allowed_hosts": [...]} of HotChannel'

    def __init__(self, app: Flask, **arguments: Unpack[Arguments]) -> None:
        self._flask = app
        super().__init__(app.wsgi_app, **arguments)

    def project(self) -> PathLike:
        return self._flask.root_path

    def is_debug(self) -> bool:
        return bool(self._flask.debug)

    def static_folders(self) -> Iterator[tuple[str, str]]:
        for rule in self._flask.url_map.iter_rules():
            blueprint, _, name = rule.endpoint.rpartition(".")
            owner = self._flask.blueprints.get(blueprint) if blueprint else self._flask
            if name == "static" and owner is not None and owner.static_folder is not None:
                yield rule.rule.rpartition("/<")[0], owner.static_folder

    def environments(self) -> list[Any]:
        return [self._flask.jinja_env]


def _raised(sender: Flask, exception: BaseException, **extra: object) -> None:
    request.environ[ERROR_KEY] = exception
