"""What the documents say of the tests is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from browser import conformance
from browser.tables import SCENARIOS

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


CONFORMANCE = conformance.read()


@pytest.mark.parametrize("row", CONFORMANCE, ids=lambda row: row[0][:60])
def test_every_hot_update_is_compared_and_every_difference_explained(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    says, named, ours, stock, better = row
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(\w+)\[([\w-]+)\]`", named)
    assert found
    assert f"def {found[2]}(" in (REPOSITORY / found[1]).read_text("utf-8")
    assert SCENARIOS[found[3]].says == says
    assert ours != conformance.SAME
    assert (stock == conformance.SAME) == (better == conformance.NONE)


def test_every_scenario_has_its_row() -> None:
    assert [row[1] for row in CONFORMANCE] == [conformance.test_of(name) for name in SCENARIOS]
