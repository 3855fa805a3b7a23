"""How numbers and curves become short text: money, fractions, metrics, sparklines."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import Unit

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_BLOCKS = " .:-=+*#@"
UNDEFINED = "-"
_CENT, _UNIT = Decimal("0.01"), Decimal(1)


def format_money(amount: Decimal) -> str:
    """Write money with thousands separators and two decimals, half-even; for the eye only.

    Examples
    --------
    >>> format_money(Decimal("-1234567.891"))
    '-1,234,567.89'
    """
    rounded = amount.quantize(_CENT, ROUND_HALF_EVEN)
    return f"{rounded if rounded else Decimal('0.00'):,}"


def format_money_short(amount: Decimal) -> str:
    """Write money in at most ten characters: whole units from 100,000, then M, B.

    Examples
    --------
    >>> format_money_short(Decimal("-1234.5")), format_money_short(Decimal("23456789"))
    ('-1,234.50', '23.46 M')
    """
    cents, units = amount.quantize(_CENT, ROUND_HALF_EVEN), amount.quantize(_UNIT, ROUND_HALF_EVEN)
    if abs(cents) < 100_000:
        return format_money(amount)
    if abs(units) < 10_000_000:
        return f"{units:,}"
    scale, letter = (10**9, "B") if abs(units) >= 10**9 else (10**6, "M")
    return f"{float(amount) / scale:,.2f} {letter}"


def format_percent(fraction: float, *, signed: bool = False) -> str:
    """Write a fraction as a percentage; fewer decimals as it grows.

    Examples
    --------
    >>> format_percent(0.01234, signed=True), format_percent(-0.5), format_percent(25.0)
    ('+1.23 %', '-50.00 %', '2,500 %')
    """
    percent = fraction * 100.0
    decimals = 2 if abs(percent) < 1_000 else 0
    text = f"{percent:{'+' if signed else ''},.{decimals}f} %"
    return text.replace("-0.00 %", "0.00 %").replace("+0.00 %", "0.00 %")


def format_metric(value: float, unit: Unit) -> str:
    """Write a metric in the way of its unit, without the currency."""
    match unit:
        case Unit.FRACTION | Unit.FRACTION_PER_YEAR:
            return format_percent(value)
        case Unit.RATIO:
            return f"{value:,.2f}"
        case Unit.DAYS:
            return f"{value:,.0f} d"
        case Unit.MONEY:
            return format_money_short(Decimal(repr(value)))
        case Unit.TIMES_PER_YEAR:
            return f"{value:,.2f}x"


def resample_last(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Reduce a curve to at most `width` points: the last of each of `width` equal spans."""
    if values.size <= width:
        return values
    ends = (np.arange(1, width + 1) * values.size) // width - 1
    return values[ends]


def resample_lowest(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Reduce a curve to at most `width` points: the lowest of each span, so no low is lost."""
    if values.size <= width:
        return values
    starts = (np.arange(width) * values.size) // width
    return np.minimum.reduceat(values, starts)


def sparkline(
    values: NDArray[np.float64],
    *,
    rows: int = 1,
    low: float | None = None,
    high: float | None = None,
    thinnest: int = 1,
    ascii_only: bool = False,
) -> tuple[str, ...]:
    """Draw one column per value with block characters, highest row first.

    The lowest value shows the thinnest block, or nothing where `thinnest` is 0.

    Examples
    --------
    >>> sparkline(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]))
    ('▁▂▃▄▅▆▇█',)
    """
    if not values.size:
        return ("",) * rows
    bottom = float(values.min()) if low is None else low
    top = float(values.max()) if high is None else high
    steps = rows * 8
    levels = [_level(float(value), bottom, top, thinnest, steps) for value in values]
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    return tuple(
        "".join(blocks[min(max(level - row * 8, 0), 8)] for level in levels)
        for row in reversed(range(rows))
    )


def _level(value: float, bottom: float, top: float, thinnest: int, steps: int) -> int:
    if not math.isfinite(value) or top <= bottom:
        return thinnest
    return thinnest + int((value - bottom) / (top - bottom) * (steps - thinnest) + 0.5)
