"""Tables of what a benchmark has measured, and the aims that were met or missed.

Role: medians and ratios, printed as they come, and at the end one list of verdicts. A ratio is the median of
the ratios within each round: what else the machine does hits a round's contestants alike, while the
ratio of two medians would set rounds of different noise against each other.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

__all__ = ["Aim", "Report", "Samples"]

Samples = dict[str, list[float]]
"""A figure for each round, by contestant."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a contestant's figures are to be.

    Attributes:
        contestant: whose.
        yardstick: of whose figures they are to be a share.
        most: the share.
    """

    contestant: str
    yardstick: str
    most: float


@dataclass(frozen=True, slots=True)
class _Verdict:
    aim: Aim
    what: str
    ratio: float

    @property
    def met(self) -> bool:
        # What is printed as 0.80 has met 0.80.
        return round(self.ratio, 2) <= self.aim.most


class Report:
    """Prints tables and remembers which aims they met.

    Args:
        shortened: what a yardstick is called at the head of its column, where that is not its name.
    """

    def __init__(self, shortened: dict[str, str]) -> None:
        self._shortened = shortened
        self._verdicts: list[_Verdict] = []

    def add(self, what: str, about: str, samples: Samples, aims: list[Aim], yardsticks: list[str]) -> None:
        """Print a table.

        Args:
            what: names it in the summary.
            about: what is counted, and for whom.
            samples: the figures.
            aims: for contestants of this table.
            yardsticks: a column each, with everybody's ratio to this contestant.
        """
        print(f"\n{what}: {about}")
        heads = "".join(f"{f'x {self._shortened.get(name, name)}':>9}" for name in yardsticks)
        print(f"  {'':37}{'median':>9}{'lowest':>9}{'highest':>9}{heads}")
        for name, values in samples.items():
            ratios = {other: _ratio(values, samples[other]) for other in yardsticks}
            figures = (statistics.median(values), min(values), max(values), *ratios.values())
            judged = [_Verdict(aim, what, ratios[aim.yardstick]) for aim in aims if aim.contestant == name]
            self._verdicts += judged
            row = "".join(f"{figure:>9.2f}" for figure in figures)
            mark = "  *" if any(not verdict.met for verdict in judged) else ""
            print(f"  {name:37}{row}{mark}", flush=True)

    def summarise(self) -> bool:
        """Print all verdicts, what was missed last; True where nothing was."""
        missed = sum(not verdict.met for verdict in self._verdicts)
        print(f"\nAims: {len(self._verdicts) - missed} of {len(self._verdicts)} met")
        for verdict in sorted(self._verdicts, key=lambda verdict: not verdict.met):
            aim = verdict.aim
            yardstick = self._shortened.get(aim.yardstick, aim.yardstick)
            print(
                f"  {'met   ' if verdict.met else 'MISSED'}  {verdict.what:26}{aim.contestant:37}"
                f"{verdict.ratio:6.2f} x {yardstick}, at most {aim.most:.2f}"
            )
        return not missed


def _ratio(values: list[float], others: list[float]) -> float:
    return statistics.median(value / other for value, other in zip(values, others, strict=True))
