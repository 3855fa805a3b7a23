"""Columns of numbers: as floats for the checks, and exact wherever floats would not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.importing.findings import Findings
from data.numbers import (
    Floats,
    Ints,
    Quanta,
    decimals_precision,
    decimals_to_quanta,
    detect_precision,
    needs_decimals,
    suggest_precision,
    to_quanta_report,
)

if TYPE_CHECKING:
    import polars as pl

_INT_LIMIT = 2**53


@dataclass(frozen=True, slots=True)
class Numbers:
    """One column: floats with NaN where a value is missing; `decimals` when floats lose digits."""

    name: str
    floats: Floats
    is_missing: NDArray[np.bool_]
    decimals: Sequence[Decimal | None] | None = None

    def take(self, places: Ints) -> Numbers:
        """Return the rows at `places`."""
        decimals = None if self.decimals is None else [self.decimals[i] for i in places]
        return Numbers(self.name, self.floats[places], self.is_missing[places], decimals)

    def filled(self, places: Ints) -> Numbers:
        """Return the column with zeros at `places`, where it had nothing."""
        floats, missing = self.floats.copy(), self.is_missing.copy()
        floats[places], missing[places] = 0.0, False
        decimals = None if self.decimals is None else list(self.decimals)
        if decimals is not None:
            for place in places:
                decimals[place] = Decimal(0)
        return Numbers(self.name, floats, missing, decimals)

    def quanta(self, precision: int, *, rounding: bool) -> Quanta:
        """Return the values as counts of 10^-precision."""
        if self.decimals is not None:
            return decimals_to_quanta(self.decimals, precision, rounding=rounding)
        return to_quanta_report(self.floats, precision, rounding=rounding)


def parse_numbers(column: pl.Series, rows: Ints, findings: Findings) -> Numbers:
    """Return a column of a table as numbers; text that is no number goes to `findings`."""
    import polars as pl

    if column.dtype == pl.String:
        return _from_text(column.str.strip_chars(), rows, findings)
    is_wide = column.dtype.is_integer() and bool((column.cast(pl.Int64).abs() > _INT_LIMIT).any())
    if column.dtype == pl.Float32 or column.dtype.is_decimal() or is_wide:
        # The shortest text of a 32-bit float is what was meant; Decimals keep every digit.
        return _from_text(column.cast(pl.String), rows, findings)
    if not column.dtype.is_numeric():
        return _from_text(column.cast(pl.String, strict=False), rows, findings)
    values = column.cast(pl.Float64)
    return Numbers(column.name, _filled(values), values.is_null().to_numpy())


def _from_text(text: pl.Series, rows: Ints, findings: Findings) -> Numbers:
    import polars as pl

    missing = text.is_null() | (text == "")
    values = text.cast(pl.Float64, strict=False)
    bad = np.flatnonzero((values.is_null() & ~missing.fill_null(True)).to_numpy())
    findings.add(
        rows[bad], text.name, "data.not_a_number", lambda i: f"{text[int(bad[i])]!r} is no number"
    )
    decimals = _decimals(text) if _has_long_numbers(text) else None
    return Numbers(text.name, _filled(values), missing.fill_null(True).to_numpy(), decimals)


def _has_long_numbers(text: pl.Series) -> bool:
    digits = text.str.replace(r"[eE].*$", "").str.replace_all(r"\D", "").str.strip_chars_start("0")
    longest = digits.str.len_chars().max()
    return isinstance(longest, int) and needs_decimals(longest)


def _decimals(text: pl.Series) -> list[Decimal | None]:
    return [_decimal(value) for value in text.to_list()]


def _decimal(value: str | None) -> Decimal | None:
    try:
        return Decimal(value) if value else None
    except InvalidOperation:
        return None


def _filled(values: pl.Series) -> Floats:
    return np.ascontiguousarray(values.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def precision_of(columns: Sequence[Numbers], *, at_least: int) -> int | None:
    """Return the fewest decimals, up to 9, that hold every value of `columns`; None if none do."""
    exact = [decimals_precision(c.decimals) for c in columns if c.decimals is not None]
    if exact and max(exact) > 9:
        return None
    floats = [column.floats for column in columns if column.decimals is None]
    return detect_precision(floats, at_least=max(at_least, *exact, 0))


def precision_hint(columns: Sequence[Numbers], option: str) -> str:
    """Return what to do about values that have more than nine decimals."""
    found = [suggest_precision(column.floats) for column in columns]
    near = [item for item in found if item is not None]
    if len(near) == len(found) and near:
        precision = max(item[0] for item in near)
        error = max(item[1] for item in near)
        return (
            f"they are {precision} decimals with float noise of {error:.0e}: {option} {precision}"
        )
    return f"allow rounding by naming the decimals: {option} 9"


def missing_columns(columns: Mapping[str, Numbers]) -> set[str]:
    """Return the roles whose column holds no value at all."""
    return {role for role, column in columns.items() if bool(column.is_missing.all())}
