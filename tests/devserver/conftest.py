"""Fixtures of the dev server's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.hotfolder import HotFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    """A folder that is served at `/`."""
    return HotFolder(tmp_path.resolve())
