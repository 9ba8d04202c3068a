"""What was measured, as one table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("wav", "rig", "baseline wav", "baseline rig")
"""Who was measured: voiced with its `wav:` drivers, voiced on the rig, the plain client on both."""

HEADINGS = (
    "measure",
    "voiced (wav drivers)",
    "voiced (PulseAudio rig)",
    "baseline client",
    "budget",
    "verdict",
)

Figures = Mapping[str, float]
"""Statistics by name, in the unit of their row."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a statistic may be at most.

    Attributes:
        statistic: Which one.
        limit: In the unit of the row.
        columns: Where it counts.
    """

    statistic: str
    limit: float
    columns: Sequence[str] = ("wav", "rig")


@dataclass(slots=True)
class Row:
    """One line of the table.

    Attributes:
        measure: What was measured, with its unit.
        shown: The statistics to show, in order.
        digits: Decimal places to show.
        budget: What is allowed; None if nothing is promised.
        figures: What was measured, by column.
        notes: Sentences that belong to the figures.
    """

    measure: str
    shown: Sequence[str]
    digits: int = 2
    budget: Budget | None = None
    figures: dict[str, Figures] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def missed(self) -> list[str]:
        """Return the columns where the budget was exceeded."""
        if self.budget is None:
            return []
        statistic, limit = self.budget.statistic, self.budget.limit
        measured = [column for column in self.budget.columns if column in self.figures]
        return [column for column in measured if self.figures[column][statistic] > limit]

    def verdict(self) -> str:
        """Return whether the budget was kept."""
        if self.budget is None or not set(self.budget.columns) & set(self.figures):
            return ""
        missed = self.missed()
        return f"MISSED ({', '.join(missed)})" if missed else "met"

    def cells(self) -> list[str]:
        """Return the row as text, a cell a heading."""
        baseline = [
            f"{place} {self._cell(column)}"
            for place in ("wav", "rig")
            if (column := f"baseline {place}") in self.figures
        ]
        budget = self.budget
        allowed = f"{budget.statistic} ≤ {budget.limit:g}" if budget else ""
        ours = [self._cell("wav"), self._cell("rig")]
        return [self.measure, *ours, " · ".join(baseline), allowed, self.verdict()]

    def entry(self) -> dict[str, Any]:
        """Return the row for the JSON file."""
        entry: dict[str, Any] = {"measure": self.measure, "figures": dict(self.figures)}
        if self.budget is not None:
            budget = {"statistic": self.budget.statistic, "limit": self.budget.limit}
            entry |= {"budget": budget, "verdict": self.verdict()}
        return entry | {"notes": self.notes}

    def _cell(self, column: str) -> str:
        figures = self.figures.get(column)
        if figures is None:
            return "—"
        numbers = [f"{name} {figures[name]:.{self.digits}f}" for name in self.shown]
        if "n" in figures:
            numbers.append(f"(n {figures['n']:.0f})")
        return " ".join(numbers)


def render(rows: Sequence[Row]) -> str:
    """Return the table and, below it, the notes."""
    lines = [list(HEADINGS), *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADINGS))]
    texts = [_line(line, widths) for line in lines]
    texts.insert(1, "-+-".join("-" * width for width in widths))
    notes = [f"* {row.measure}: {note}" for row in rows for note in row.notes]
    return "\n".join([*texts, "", *notes]) if notes else "\n".join(texts)


def statistics(values: Sequence[float], *percents: float) -> Figures:
    """Return the median and other percentiles of `values`, the largest, and how many there are."""
    ordered = sorted(values)
    ranks = {f"p{percent:g}": percent for percent in (50, *percents)}
    picked = {name: ordered[_rank(len(ordered), percent)] for name, percent in ranks.items()}
    return picked | {"max": ordered[-1], "n": len(ordered)}


def _rank(count: int, percent: float) -> int:
    return max(0, -int(-count * percent // 100) - 1)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
