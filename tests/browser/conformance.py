"""`docs/hmr-conformance.md`: every scenario, what it brings in ours and in npm's Vite, and why they differ.

The scenarios hold what they expect against what really comes; the document is what came, written down. With
`--record-conformance` a run writes the column of the server that it ran against; without, it holds the
column against what came.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from browser.tables import SCENARIOS, SECTIONS
from support.project import REPOSITORY

if TYPE_CHECKING:
    from browser.scenario import Scenario, Seen

__all__ = ["Conformance", "read", "test_of"]

FILE = REPOSITORY / "docs" / "hmr-conformance.md"
SAME = "same"
NONE = "\u2013"

_START = "<!-- table -->\n"
_HEAD = "| behaviour | test | hotchannel | stock Vite | what is better |\n| --- | --- | --- | --- | --- |\n"
_RECORD = "record it with `pytest tests/browser [--server vite] --record-conformance`"


class Conformance:
    """The table of one run.

    Args:
        record: take what comes and write it down in the end.
    """

    def __init__(self, *, record: bool) -> None:
        self._record = record
        self._cells = {test: (ours, stock) for _, test, ours, stock, _ in read()}
        self._seen: dict[str, str] = {}
        self._stock = False

    def check(self, name: str, *, stock: bool) -> None:
        """Hold a scenario's row against what came, which is what was expected, or the test has failed."""
        shown = _shown(SCENARIOS[name], stock=stock)
        self._stock = stock
        if self._record:
            self._seen[test_of(name)] = shown
            return
        cells = self._cells.get(test_of(name))
        assert cells is not None, f"docs/hmr-conformance.md has no row for {name}: {_RECORD}"
        assert cells[stock] == shown, f"docs/hmr-conformance.md says otherwise: {_RECORD}"

    def write(self) -> None:
        """Write what came; what was not run stays as it is."""
        if not self._seen:
            return
        before, _, table = FILE.read_text("utf-8").partition(_START)
        known = re.search(r"^Stock is Vite [\w.\-]+(?=\.)", table, re.MULTILINE)
        stock = known[0] if known else "Stock was not run"
        if self._stock:
            package = json.loads((REPOSITORY / "node_modules/vite/package.json").read_text("utf-8"))
            stock = f"Stock is Vite {package['version']}"
        parts: list[str] = []
        same = 0
        for title, scenarios in SECTIONS.items():
            lines: list[str] = []
            for name, scenario in scenarios.items():
                test = test_of(name)
                cells = list(self._cells.get(test, ("", "")))
                cells[self._stock] = self._seen.get(test, cells[self._stock])
                same += cells[1] == SAME
                row = (scenario.says, test, *cells, scenario.why or NONE)
                lines.append(f"| {' | '.join(row)} |")
            parts.append(f"\n## {title}\n\n{_HEAD}" + "\n".join(lines) + "\n")
        count = f"{stock}. Of {len(SCENARIOS)} behaviours {same} are the same in both."
        FILE.write_text(f"{before}{_START}\n{count}\n{''.join(parts)}", "utf-8")


def read() -> list[list[str]]:
    """The rows of the document: behaviour, test, ours, stock, what is better."""
    table = FILE.read_text("utf-8").partition(_START)[2]
    return [
        [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split(" | ")]
        for line in table.splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| behaviour"))
    ]


def test_of(name: str) -> str:
    """How the document names the test of a scenario."""
    return f"`tests/browser/test_hmr.py::test_scenario[{name}]`"


def _shown(scenario: Scenario, *, stock: bool) -> str:
    shown = _outcome(scenario, stock=stock)
    return SAME if stock and shown == _outcome(scenario, stock=False) else shown


def _outcome(scenario: Scenario, *, stock: bool) -> str:
    steps = scenario.expected(stock=stock)
    first = scenario.first(stock=stock)
    if first[0].brings or not steps:
        steps = [first, *steps]
    return " \u2192 ".join(_tabs(row) for row in steps)


def _tabs(row: list[Seen]) -> str:
    if all(seen == row[0] for seen in row):
        return str(row[0])
    return "; ".join(f"{where}: {seen}" for where, seen in zip(("here", "elsewhere"), row, strict=False))
