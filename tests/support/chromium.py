"""The tests' browser: Debian's Chromium without the windows that nobody sees.

Built from the same source as `chromium`, it opens a page for a quarter of the processor's time (measured).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType

__all__ = ["launch"]

_COMMAND = "chromium-headless-shell"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def launch(kind: BrowserType, *arguments: str) -> Browser:
    """Start one, with further command-line arguments."""
    executable = shutil.which(_COMMAND)
    assert executable, f"{_COMMAND} is missing: `make test` installs Debian's"
    return kind.launch(executable_path=executable, args=[*_ARGUMENTS, *arguments])
