"""Bad rows: collected with their places, shown five at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.manifest import ChangeEntry
from engine.errors import DataError

SHOWN = 5
# Leaving single rows out does not cure these: the file itself is not what it seems.
NEVER_DROPPED = frozenset({"data.unsorted", "data.two_instruments_one_symbol"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One bad value: the line (text) or row (Parquet), the column, and what is wrong."""

    row: int
    column: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class BadRule:
    """All rows that one rule found in one column."""

    code: str
    column: str
    rows: NDArray[np.int64]


class BadRowsError(DataError):
    """A file holds rows that cannot be true; nothing was changed.

    `findings` are the first ones in the order of the file, `total` counts all, `rows` are the
    numbers of all bad rows, `rules` say which rule found which.
    """

    def __init__(
        self,
        findings: tuple[Finding, ...],
        total: int,
        rows: NDArray[np.int64],
        *,
        file: str,
        word: str,
        remedy: str,
        rules: tuple[BadRule, ...] = (),
    ) -> None:
        first, rest = findings[0], findings[1:]
        lines = [f"also {word} {item.row}, {item.column}: {item.text}" for item in rest]
        if total > len(findings):
            lines.append(f"and {total - len(findings)} more")
        lines.append(remedy)
        super().__init__(
            first.text,
            where=f"{file}, {word} {first.row}, {first.column}",
            remedy="\n".join(line for line in lines if line),
            code=first.code,
        )
        self.findings = findings
        self.total = total
        self.rows = rows
        self.rules = rules

    def changes(self) -> list[ChangeEntry]:
        """Return what leaving these rows out changes: one entry a row, by the first rule."""
        told: dict[int, ChangeEntry] = {}
        for rule in self.rules:
            for row in rule.rows.tolist():
                change = ChangeEntry(rule.code, "", "", row, None, "row left out", rule.column)
                told.setdefault(row, change)
        return [told[row] for row in sorted(told)]


_CORRECT = "correct these rows, or leave them out: --drop-bad-rows"
_REMEDIES = {
    "data.unsorted": "sort the file by time, or let the import do it: --sort",
    "data.duplicate": "remove the repeated rows from the file",
    "data.two_instruments_one_symbol": (
        "the same time stands twice with different values: are these two instruments under one "
        "symbol? Name the column that tells them apart, e.g. --column symbol=ticker"
    ),
    "data.bad_time": "say how to read it: --date-format, e.g. %d/%m/%Y",
    "data.ambiguous_local_time": "export the file with stamps in UTC",
    "data.not_a_session": "use another --calendar, or leave these rows out: --drop-bad-rows",
    "data.not_a_number": "numbers are written like 1234.56",
    "data.missing_value": "fill or remove these rows; a column is left out with --column NAME=",
    "data.off_grid": "allow rounding by naming the decimals: --price-precision N",
    "data.too_large": "name fewer decimals: --price-precision N, --quantity-precision N",
}


@dataclass(slots=True)
class Findings:
    """A collector: keeps the first few of each rule, counts all."""

    file: str
    word: str  # "line" for text files, "row" for the others
    found: list[Finding] = field(default_factory=list)
    total: int = 0
    rules: list[BadRule] = field(default_factory=list)

    def add(
        self,
        rows: NDArray[np.int64],
        column: str,
        code: str,
        text: Callable[[int], str],
    ) -> None:
        """Record bad rows: `rows` are their numbers as a person counts; `text` gets the place."""
        self.total += len(rows)
        self.rules.append(BadRule(code, column, rows))
        for place in range(min(len(rows), SHOWN)):
            self.found.append(Finding(int(rows[place]), column, code, text(place)))

    def raise_if_any(self) -> None:
        """Refuse the file when something was recorded.

        Raises
        ------
        BadRowsError
            With the first findings in the order of the file.
        """
        if not self.found:
            return
        shown = tuple(sorted(self.found, key=lambda item: item.row)[:SHOWN])
        remedy = _REMEDIES.get(shown[0].code, _CORRECT)
        rows = np.unique(np.concatenate([rule.rows for rule in self.rules]))
        raise BadRowsError(
            shown,
            self.total,
            rows,
            file=self.file,
            word=self.word,
            remedy=remedy,
            rules=tuple(rule for rule in self.rules if len(rule.rows)),
        )
