"""The Autobahn suite's report as a table to commit.

Role: the last step of `tools/autobahn.sh`. Reads what the suite has written, puts beside it what
`cases.py` expects, and fails where something is wrong, or not OK without a reason given below.

    PYTHONPATH=tests python -m conformance.report FOLDER OUTPUT VERSIONS

FOLDER holds the suite's JSON, VERSIONS says what it was run with.
"""

from __future__ import annotations

import json
import platform
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance.cases import CASES, Case

__all__ = ["Row", "read", "render", "wrong"]

AGENT = "hotchannel"

BEHAVIOURS = ("OK", "NON-STRICT", "INFORMATIONAL", "FAILED")

_WITHIN_A_FRAME = (
    "The suite hopes that bad UTF-8 fails in the middle of a frame. Here it fails when the frame is whole: "
    "RFC 6455 sets no moment for it (section 8.1), and `max_message_size` bounds the frame."
)
_UNDEFINED_CODE = "What to do with such a close code is left open by RFC 6455; here it is an error, 1002."

COMPRESSION = ("OK", "UNIMPLEMENTED")

# Why a case is not plainly OK. One that is neither here nor OK fails the run.
REASONS = {
    "6.4.3": _WITHIN_A_FRAME,
    "6.4.4": _WITHIN_A_FRAME,
    "7.1.6": (
        "Whether what came before a close is answered is left open; here all of it is echoed first. "
        "The suite never says OK to this case."
    ),
    "7.13.1": _UNDEFINED_CODE,
    "7.13.2": _UNDEFINED_CODE,
}


@dataclass(frozen=True, slots=True)
class Row:
    """What the suite says of one case.

    Attributes:
        case: ours of the same number.
        behaviour: of what came back.
        closing: of how the connection ended.
        code: of the server's close frame; None where it had none, or there was no frame.
        words: the suite's own, on both.
    """

    case: Case
    behaviour: str
    closing: str
    code: int | None
    words: str

    @property
    def plain(self) -> bool:
        """Whether there is nothing to explain."""
        return self.behaviour == self.closing == "OK"

    @property
    def reason(self) -> str:
        """Why it is not plainly OK."""
        return "" if self.plain else REASONS.get(self.case.number, self.words)

    @property
    def wrong(self) -> bool:
        """Whether the run fails for it."""
        return (
            self.behaviour not in ("OK", "NON-STRICT", "INFORMATIONAL")
            or self.closing not in ("OK", "INFORMATIONAL")
            or self.code != self.case.code
            or not (self.plain or self.case.number in REASONS)
        )


def read_index(folder: Path) -> dict[str, dict[str, Any]]:
    """What the suite says of each case, by its number."""
    index: dict[str, dict[str, Any]] = json.loads((folder / "index.json").read_text("utf-8"))[AGENT]
    return index


def read(folder: Path) -> list[Row]:
    """The suite's report, in the order of `CASES`; cases that were not run are left out."""
    index = read_index(folder)
    rows = []
    for case in CASES:
        if case.number not in index:
            continue
        found = index[case.number]
        detail = json.loads((folder / found["reportfile"]).read_text("utf-8"))
        rows.append(
            Row(
                case,
                found["behavior"],
                found["behaviorClose"],
                found["remoteCloseCode"],
                f"{detail['result']} {detail['resultClose']}.",
            )
        )
    return rows


def wrong(rows: list[Row]) -> list[str]:
    """One line for each case that fails the run."""
    missing = {case.number for case in CASES} - {row.case.number for row in rows}
    return [f"{case.number}: not run" for case in CASES if case.number in missing] + [
        f"{row.case.number}: {row.behaviour}, closing {row.closing}, code {row.code}; "
        f"expected: {row.case.expectation}. {row.words}"
        for row in rows
        if row.wrong
    ]


def read_compression(folder: Path) -> dict[str, Counter[str]]:
    """What the suite says of compression: by group of cases, which differ in what they offer and send."""
    index = read_index(folder)
    groups: dict[str, Counter[str]] = {}
    for number, found in index.items():
        family, group, _ = number.split(".")[:3] if number.count(".") > 1 else ("", "", "")
        if family in ("12", "13"):
            said = {found["behavior"], found["behaviorClose"]} - {"OK", "INFORMATIONAL"}
            groups.setdefault(f"{family}.{group}", Counter())[min(said, default="OK")] += 1
    return dict(sorted(groups.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def wrong_compression(groups: dict[str, Counter[str]]) -> list[str]:
    """One line for each group that fails the run."""
    lines = [f"{group}: {dict(counts)}" for group, counts in groups.items() if set(counts) - {*COMPRESSION}]
    return lines if groups else ["12.*, 13.*: not run"]


def render(rows: list[Row], compression: dict[str, Counter[str]], versions: str) -> str:
    """The document."""
    behaviours = Counter(row.behaviour for row in rows)
    closings = Counter(row.closing for row in rows)
    names = [*BEHAVIOURS, *sorted((behaviours | closings).keys() - set(BEHAVIOURS))]
    lines = [
        "# Conformance: the Autobahn suite",
        "",
        "What the Autobahn test suite says of hotchannel's WebSocket, on a port of its own: families 1 to 7",
        "and 10, which are all of the protocol, and 12 and 13, which are compression. Left out is 9 (speed).",
        "`make conformance` runs it again and writes this file; the cases of the protocol are among the",
        "ordinary tests, as a table of our own in `tests/conformance/cases.py`.",
        "",
        f"Run with {versions},",
        f"against hotchannel {version('hotchannel')} with websockets {version('websockets')}",
        f"on Python {platform.python_version()}.",
        "",
        "| | " + " | ".join(names) + " | all |",
        "| --- |" + " --- |" * (len(names) + 1),
        "| behaviour | " + " | ".join(str(behaviours[name]) for name in names) + f" | {len(rows)} |",
        "| closing | " + " | ".join(str(closings[name]) for name in names) + f" | {len(rows)} |",
        "",
        "Compression (`permessage-deflate`, RFC 7692), by group of cases:",
        "",
        "| group | " + " | ".join(COMPRESSION) + " |",
        "| --- |" + " --- |" * len(COMPRESSION),
        *(
            f"| {group} | " + " | ".join(str(counts[name]) for name in COMPRESSION) + " |"
            for group, counts in compression.items()
        ),
        "",
        "*Code* is that of the server's close frame. *Expected* is what our own table asks for, which is one",
        "answer where the suite takes several.",
        "",
        "| case | behaviour | closing | code | expected | why not OK |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.case.number} | {row.behaviour} | {row.closing} | {row.code or 'none'} "
            f"| {row.case.expectation} | {row.reason}".rstrip()
            + " |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path, output: Path, versions: str) -> int:
    """Write the document; 1 where a case fails the run."""
    rows = read(folder)
    compression = read_compression(folder)
    output.write_text(render(rows, compression, versions), "utf-8")
    print(", ".join(f"{count} {name}" for name, count in Counter(row.behaviour for row in rows).items()))
    print("compression:", sum(compression.values(), Counter()))
    failures = wrong(rows) + wrong_compression(compression)
    print("\n".join(failures), end="\n" if failures else "", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
