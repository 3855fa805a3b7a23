"""What cannot be true in a row of a file, with the words for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.importing.findings import Findings
from data.importing.values import Numbers
from data.numbers import Ints

Flags = NDArray[np.bool_]
_BAR_PRICES = ("open", "high", "low", "close")


def check_rows(kind: str, columns: Mapping[str, Numbers], rows: Ints, findings: Findings) -> None:
    """Record every row of a table that cannot be true by itself."""
    for role, column in columns.items():
        _check_present(column, rows, findings)
        if role in (*_BAR_PRICES, "bid", "ask", "price"):
            _check_positive(column, rows, findings)
        else:
            _check_size(column, rows, findings, zero=kind != "trades")
    with np.errstate(invalid="ignore"):  # a NaN was recorded above and compares false here
        if kind == "bars":
            _check_bars(columns, rows, findings)
        elif kind == "quotes":
            _check_quotes(columns, rows, findings)


def _check_present(column: Numbers, rows: Ints, findings: Findings) -> None:
    missing = np.flatnonzero(column.is_missing)
    findings.add(rows[missing], column.name, "data.missing_value", lambda _: "the value is missing")
    odd = np.flatnonzero(~np.isfinite(column.floats) & ~column.is_missing)
    unreadable = {(item.row, item.column) for item in findings.found}
    odd = odd[[(int(rows[i]), column.name) not in unreadable for i in odd]] if len(odd) else odd
    _add(findings, rows, odd, column, "data.not_finite", "is not a finite number")


def _check_positive(column: Numbers, rows: Ints, findings: Findings) -> None:
    bad = np.flatnonzero((column.floats <= 0) & np.isfinite(column.floats))
    _add(findings, rows, bad, column, "data.price_not_positive", "is zero or negative")


def _check_size(column: Numbers, rows: Ints, findings: Findings, *, zero: bool) -> None:
    low = column.floats < 0 if zero else column.floats <= 0
    bad = np.flatnonzero(low & np.isfinite(column.floats))
    text = "is negative" if zero else "is zero or negative"
    _add(findings, rows, bad, column, "data.negative_size", text)


def _check_bars(columns: Mapping[str, Numbers], rows: Ints, findings: Findings) -> None:
    high, low = columns["high"].floats, columns["low"].floats
    swapped = high < low
    bad = np.flatnonzero(swapped)
    findings.add(
        rows[bad],
        columns["high"].name,
        "data.high_below_low",
        lambda i: f"high {high[bad[i]]:.17g} is below low {low[bad[i]]:.17g}",
    )
    for role in ("open", "close"):
        _check_inside(columns[role], high, low, swapped, rows, findings)


def _check_inside(
    column: Numbers,
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    skip: Flags,
    rows: Ints,
    findings: Findings,
) -> None:
    value = column.floats
    bad = np.flatnonzero(((value > high) | (value < low)) & ~skip)
    findings.add(
        rows[bad],
        column.name,
        "data.outside_range",
        lambda i: (
            f"{value[bad[i]]:.15g} lies outside the bar's range, "
            f"{low[bad[i]]:.15g} to {high[bad[i]]:.15g}"
        ),
    )


def _check_quotes(columns: Mapping[str, Numbers], rows: Ints, findings: Findings) -> None:
    bid, ask = columns["bid"].floats, columns["ask"].floats
    bad = np.flatnonzero(bid > ask)
    findings.add(
        rows[bad],
        columns["bid"].name,
        "data.crossed_quote",
        lambda i: f"bid {bid[bad[i]]:.15g} is above ask {ask[bad[i]]:.15g}",
    )


def _add(
    findings: Findings, rows: Ints, bad: NDArray[np.int64], column: Numbers, code: str, text: str
) -> None:
    findings.add(rows[bad], column.name, code, lambda i: f"{column.floats[bad[i]]:.15g} {text}")


def check_order(
    stamps: Ints, rows: Ints, same: Flags | None, symbol: str, column: str, findings: Findings
) -> None:
    """Record rows of one instrument that go back in time, and bars that repeat a time.

    Parameters
    ----------
    same
        For bars: whether a row holds the same values as the row before. None for ticks, of which
        several may have one stamp.
    """
    steps = np.diff(stamps)
    back = np.flatnonzero(steps < 0) + 1
    findings.add(
        rows[back],
        column,
        "data.unsorted",
        lambda i: f"{symbol} goes back in time: earlier than {findings.word} {rows[back[i] - 1]}",
    )
    if same is None or len(back):
        return
    twice = np.flatnonzero(steps == 0) + 1
    _check_twice(twice[same[twice]], rows, symbol, column, findings, is_same=True)
    _check_twice(twice[~same[twice]], rows, symbol, column, findings, is_same=False)


def _check_twice(
    bad: NDArray[np.int64],
    rows: Ints,
    symbol: str,
    column: str,
    findings: Findings,
    *,
    is_same: bool,
) -> None:
    code = "data.duplicate" if is_same else "data.two_instruments_one_symbol"
    how = "repeats" if is_same else "has the time, but not the values, of"
    findings.add(
        rows[bad], column, code, lambda i: f"{symbol} {how} {findings.word} {rows[bad[i] - 1]}"
    )
