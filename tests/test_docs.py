"""What the documents say of the tests is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
COVERAGE = (REPOSITORY / "docs" / "seed-coverage.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    for line in COVERAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| statement"))
]


def test_there_are_rows() -> None:
    assert len(ROWS) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_statement_is_shown_by_a_test_that_exists(row: list[str]) -> None:
    assert len(row) == 3
    assert all(row)
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[2])
    assert named
    for file, name in named:
        assert re.search(
            rf"^\s*(?:async )?def {name}\(", (REPOSITORY / file).read_text("utf-8"), re.MULTILINE
        )
