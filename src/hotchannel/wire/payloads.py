"""Every message of the HMR protocol, as one tagged union.

Role: the only description of what travels. Field names are camelCase on the wire and snake_case
here; `type` is the tag and always the first key. Absent optional fields are left out, as stock Vite
leaves them out. Follows Vite's `HotPayload` (types/hmrPayload.d.ts).
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

__all__ = [
    "Binary",
    "Connected",
    "Custom",
    "ErrorDetail",
    "ErrorPayload",
    "FullReload",
    "HotPayload",
    "Json",
    "JsonPayload",
    "Location",
    "Ping",
    "Prune",
    "Update",
    "UpdateEntry",
]

Json = Any
"""What a custom event carries: whatever JSON can say. The one place where the type is open."""


class _Payload(Struct, frozen=True, tag_field="type", rename="camel", omit_defaults=True):
    """Common ground of all payloads."""


class Connected(_Payload, frozen=True, tag="connected"):
    """The first message to every accepted client."""


class Ping(_Payload, frozen=True, tag="ping"):
    """Sent by a client every `ws.timeout` milliseconds to keep proxies awake; has no answer."""


class UpdateEntry(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One module to import again, or one stylesheet to swap.

    Attributes:
        type: `js-update` or `css-update`.
        timestamp: milliseconds; becomes `?t=` of the URL that is fetched.
        path: URL of the boundary, without base, decoded.
        accepted_path: URL of the module that changed and that the boundary accepts.
        explicit_import_required: the URL needs `?import` to be answered as JavaScript.
        is_within_circular_import: the boundary is in an import cycle; a failed import reloads.
        first_invalidated_by: URL of the module whose `invalidate()` began this update.
    """

    type: Literal["js-update", "css-update"]
    timestamp: int
    path: str
    accepted_path: str
    explicit_import_required: bool | UnsetType = UNSET
    is_within_circular_import: bool | UnsetType = UNSET
    first_invalidated_by: str | UnsetType = UNSET


class Update(_Payload, frozen=True, tag="update"):
    """Modules to import again and stylesheets to swap. An empty list takes the overlay away."""

    updates: tuple[UpdateEntry, ...]


class FullReload(_Payload, frozen=True, tag="full-reload"):
    """Reload the page.

    Attributes:
        path: a page's URL path ending in `.html`, or `*` or nothing for every page.
        triggered_by: absolute path of the file that changed.
        morph: a hotchannel client may patch the document in place instead.
    """

    path: str | UnsetType = UNSET
    triggered_by: str | UnsetType = UNSET
    morph: bool | UnsetType = UNSET


class Prune(_Payload, frozen=True, tag="prune"):
    """URLs of modules that nothing imports any more."""

    paths: tuple[str, ...]


class Location(Struct, frozen=True, omit_defaults=True):
    """Where an error is: `line` counts from 1, `column` from 0, `file` is absolute."""

    line: int
    column: int
    file: str | UnsetType = UNSET


class ErrorDetail(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the error overlay shows.

    Attributes:
        message: what is wrong, in a sentence, with the way out where there is one.
        stack: a trace, or an empty string.
        id: absolute path of the file.
        frame: a few source lines with line numbers and a caret.
        plugin: who found it.
        plugin_code: the code that `plugin` was looking at.
        loc: where in the file.
    """

    message: str
    stack: str
    id: str | UnsetType = UNSET
    frame: str | UnsetType = UNSET
    plugin: str | UnsetType = UNSET
    plugin_code: str | UnsetType = UNSET
    loc: Location | UnsetType = UNSET


class ErrorPayload(_Payload, frozen=True, tag="error"):
    """Shows the overlay."""

    err: ErrorDetail


class Custom(_Payload, frozen=True, tag="custom"):
    """An application's own event; the only payload that travels in both directions.

    Attributes:
        event: the event's name, by custom `prefix:name`.
        data: any JSON value; absent is not null.
    """

    event: str
    data: Json | UnsetType = UNSET


class Binary(_Payload, frozen=True, tag="binary"):
    """An application's own event with bytes, which travel as they are where client and server are ours.

    Attributes:
        event: the event's name.
        data: the bytes.
        meta: any JSON value beside them; absent is not null.
    """

    event: str
    data: bytes
    meta: Json | UnsetType = UNSET


JsonPayload = Connected | Ping | Update | FullReload | Prune | ErrorPayload | Custom
"""What there is in stock Vite too."""

HotPayload = JsonPayload | Binary
"""Anything that may be sent to a client."""
