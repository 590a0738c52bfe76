"""`docs/entrances.md`: how each entrance answers what is thrown at it, read and, on demand, written.

What an entrance can see, it answers as the others do; what only the server in front of it sees, that server
answers in its own way, and the table says how. The tests hold every cell against what really comes back.
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


class Outcomes:
    """The table of one run.

    Args:
        record: take what foreign servers do as it comes, and write it down in the end.
    """

    def __init__(self, *, record: bool) -> None:
        self._record = record
        self._rows = _read()
        self._seen: dict[tuple[str, str], dict[str, str]] = {}

    def expected(self, part: str, row: str, kind: Kind) -> str:
        """What the table says."""
        cells = self._rows.get((part, row))
        assert cells is not None, f"docs/entrances.md has no row {row!r} in {part!r}"
        return cells[COLUMNS[kind]]

    def check(self, part: str, row: str, kind: Kind, observed: str, ours: str | None) -> None:
        """Hold what came back against the table, and against `ours` where the entrance has to be right."""
        if ours is not None:
            assert observed == ours
        if self._record:
            self._seen.setdefault((part, row), {})[COLUMNS[kind]] = observed
        else:
            assert observed == self.expected(part, row, kind)

    def write(self) -> None:
        """Write what was seen into the table; rows and cells that were not run stay as they are."""
        if not self._seen:
            return
        rows = {
            key: {**self._rows.get(key, {}), **self._seen.get(key, {})} for key in self._rows | self._seen
        }
        parts: dict[str, list[str]] = {}
        for (part, row), cells in rows.items():
            shown = [row, *(cells.get(name, "") for name in NAMES)]
            parts.setdefault(part, []).append(f"| {' | '.join(shown)} |")
        head = f"| | {' | '.join(NAMES)} |\n|{' --- |' * (len(NAMES) + 1)}\n"
        text = "\n".join(f"\n## {part}\n\n{head}" + "\n".join(lines) + "\n" for part, lines in parts.items())
        before = FILE.read_text("utf-8").partition(_START)[0]
        FILE.write_text(before + _START + text, "utf-8")


def _read() -> dict[tuple[str, str], dict[str, str]]:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    part = ""
    for line in FILE.read_text("utf-8").partition(_START)[2].splitlines():
        if line.startswith("## "):
            part = line[3:]
        elif line.startswith("| ") and not line.startswith(("| | ", "| ---")):
            name, *cells = (cell.strip() for cell in line[1:-1].split("|"))
            rows[part, name] = dict(zip(NAMES, cells, strict=True))
    return rows
