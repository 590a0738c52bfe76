"""Werkzeug's debugger, beside hotchannel.

Role: the one place that reaches into Werkzeug. The debugger makes its page outside of every middleware, in
the thread in which the exception went by, right after it; the page gets the client all the same.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["on_debugger_page"]

_waiting = threading.local()
_patching = threading.Lock()


def on_debugger_page(change: Callable[[str], str]) -> None:
    """Have the next page that the debugger makes in this thread changed by `change`."""
    tracebacks: Any = sys.modules.get("werkzeug.debug.tbtools")
    made = getattr(tracebacks, "DebugTraceback", None)
    if made is None:
        return
    _waiting.change = change
    with _patching:
        if getattr(made.render_debugger_html, "is_changed", False):
            return
        original = made.render_debugger_html

        def render_debugger_html(self: Any, *args: Any, **kwargs: Any) -> str:
            page: str = original(self, *args, **kwargs)
            change = _waiting.__dict__.pop("change", None)
            return page if change is None else change(page)

        render_debugger_html.is_changed = True  # type: ignore[attr-defined]
        made.render_debugger_html = render_debugger_html
