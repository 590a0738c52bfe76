"""Fixtures of the dev server's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hotfolder import HotFolder


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    """A folder that is served at `/`."""
    return HotFolder(tmp_path.resolve())
