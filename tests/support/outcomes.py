"""`docs/entrances.md`: how each entrance answers what is thrown at it, read and, on demand, written.

What an entrance can see, it answers as the others do; what only the server in front of it sees, that server
answers in its own way, and the table says how. The tests hold every cell against what really comes back.
A cell of a foreign server may name alternatives, as `close 1002 or cut`: which of them comes is chance there.

`pytest tests/attacks --record-outcomes` writes the cells of foreign servers anew; those of our own entrances
stand in the tests and cannot be written from an observation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.project import REPOSITORY

if TYPE_CHECKING:
    from support.entrances import Kind

__all__ = ["Outcomes"]

FILE = REPOSITORY / "docs" / "entrances.md"

COLUMNS: dict[Kind, str] = {
    "standalone": "standalone",
    "tls": "standalone",
    "dev": "hotchannel dev",
    "takeover-httptools": "take-over, httptools",
    "takeover-h11": "take-over, h11",
    "asgi-uvicorn": "uvicorn",
    "asgi-hypercorn": "hypercorn",
    "asgi-granian": "granian",
    "asgi-daphne": "daphne",
}
NAMES = list(dict.fromkeys(COLUMNS.values()))

_START = "<!-- table -->\n"
_OR = " or "


class Outcomes:
    """The table of one run.

    Args:
        record: take what foreign servers do as it comes, and write it down in the end.
    """

    def __init__(self, *, record: bool) -> None:
        self._record = record
        self._rows = _read()
        self._seen: dict[tuple[str, str], dict[str, list[str]]] = {}

    def expected(self, part: str, row: str, kind: Kind) -> list[str]:
        """What the table says; more than one outcome where it is chance."""
        cells = self._rows.get((part, row))
        assert cells is not None, f"docs/entrances.md has no row {row!r} in {part!r}"
        column = COLUMNS[kind]
        assert cells[column], f"docs/entrances.md says nothing of {column} in row {row!r} of {part!r}"
        return cells[column]

    def check(self, part: str, row: str, kind: Kind, observed: str, ours: str | None) -> None:
        """Hold what came back against the table, and against `ours` where the entrance has to be right."""
        if ours is not None:
            assert observed == ours
        if self._record:
            self._seen.setdefault((part, row), {}).setdefault(COLUMNS[kind], []).append(observed)
        else:
            assert observed in self.expected(part, row, kind)

    def write(self) -> None:
        """Write what was seen into the table; rows and cells that were not run stay as they are."""
        if not self._seen:
            return
        parts: dict[str, list[str]] = {}
        for part, row in dict.fromkeys([*self._rows, *self._seen]):
            before, seen = self._rows.get((part, row), {}), self._seen.get((part, row), {})
            cells = [_merged(before.get(name, []), seen.get(name, [])) for name in NAMES]
            shown = [row, *(_OR.join(cell) for cell in cells)]
            parts.setdefault(part, []).append(f"| {' | '.join(shown)} |")
        head = f"| | {' | '.join(NAMES)} |\n|{' --- |' * (len(NAMES) + 1)}\n"
        text = "".join(f"\n## {part}\n\n{head}" + "\n".join(lines) + "\n" for part, lines in parts.items())
        prose = FILE.read_text("utf-8").partition(_START)[0]
        FILE.write_text(prose + _START + text, "utf-8")


def _merged(before: list[str], seen: list[str]) -> list[str]:
    """What a cell says when `seen` has come where `before` stood.

    A server that ends a connection while bytes of the peer are on their way resets it, and the reset may
    overtake the close frame: where both ends were seen, now or before, either may come again.
    """
    both = set(before) | set(seen)
    if "cut" in both and all(outcome.startswith("close") for outcome in both - {"cut"}):
        return sorted(both)
    return before if set(seen) <= set(before) else sorted(set(seen))


def _read() -> dict[tuple[str, str], dict[str, list[str]]]:
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    part = ""
    for line in FILE.read_text("utf-8").partition(_START)[2].splitlines():
        if line.startswith("## "):
            part = line[3:]
        elif line.startswith("| ") and not line.startswith(("| | ", "| ---")):
            name, *cells = (cell.strip() for cell in line[1:-1].split("|"))
            rows[part, name] = {
                column: cell.split(_OR) if cell else [] for column, cell in zip(NAMES, cells, strict=True)
            }
    return rows
