"""What a quality check answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from data.quality.codes import RULES, Severity

__all__ = ["Finding", "QualityReport", "Severity"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or looks wrong.

    Parameters
    ----------
    code
        Stable identifier; a key of `RULES`.
    symbol, kind
        The instrument and its kind of data.
    row
        The line (text files) or row, counted from 1; of a dataset, the row of its part.
    ts_ns
        When, ns UTC; None where the time cannot be read.
    column, value
        The column, and what stands there as text; empty for findings about whole rows.
    text
        The sentence about it.
    count
        How many rows, sessions or bars it covers.
    """

    code: str
    symbol: str
    kind: str
    row: int
    ts_ns: int | None
    column: str
    value: str
    text: str
    count: int = 1

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return RULES[self.code].severity

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return RULES[self.code].remedy


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All findings about a dataset or a file.

    `findings` stand by severity, then code, then place; of one code in one instrument at most
    `LISTED_MAX` are listed, `counts` counts all of them.
    """

    name: str
    rows: int
    symbols: tuple[str, ...]
    first_ns: int | None
    last_ns: int | None
    findings: tuple[Finding, ...]
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def by_severity(self) -> dict[Severity, int]:
        """How many findings there are of each severity."""
        totals: Counter[Severity] = Counter()
        for code, count in self.counts.items():
            totals[RULES[code].severity] += count
        return {severity: totals[severity] for severity in Severity}

    @property
    def has_errors(self) -> bool:
        """Whether anything is certainly wrong."""
        return self.by_severity[Severity.ERROR] > 0
