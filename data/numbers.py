"""Decimal numbers to whole numbers, exactly and fast.

The problem: files and data frames carry prices as binary floats, the engine wants ticks. A float
that was read from the text ``100.34`` is not 100.34, but it is the float nearest to it; dividing
the tick count by a power of ten gives that same float back, since IEEE division is correctly
rounded (both operands are exact under 2^53 and 10^22). So::

    ticks = rint(value * 10^p);   exact  <=>  ticks / 10^p == value

which is a vectorised proof that the shortest decimal of `value` has at most p decimals. Nothing
is rounded unless the caller asks for it, and then the largest error is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from numpy.typing import NDArray

from data.compiled import fill_exactly, is_used
from engine.model.instruments import PRECISION_MAX
from engine.model.units import INT64_MAX

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT_LIMIT = 2.0**53  # above it neighbouring floats are more than one apart
_BLOCK = 16_384  # rows at a time: the three buffers stay in the cache
_FLOAT_DIGITS = 15  # decimals of so many digits survive text -> float -> text


@dataclass(frozen=True, slots=True)
class Quanta:
    """A column of whole numbers, and the rows where that was not possible.

    `error_max` is the largest distance between a value and what is stored for it (0 when exact);
    `bad_rows` are the positions of values that are off the grid, out of range or not finite.
    """

    values: Ints
    error_max: float
    bad_rows: Ints


def to_quanta_exact(values: Floats, precision: int, out: Ints | None = None) -> Ints | None:
    """Return `values` as counts of 10^-precision, or None when one of them is not exact.

    They are put into `out`, if it is given; it is then of no use when one of them is not exact.

    Examples
    --------
    >>> to_quanta_exact(np.array([100.34, 0.1]), 2)
    array([10034,    10])
    >>> to_quanta_exact(np.array([0.125]), 2) is None
    True
    """
    if out is None:
        out = np.empty(len(values), dtype=np.int64)
    if is_used(len(values)) and fill_exactly(values, precision, out):
        return out
    scaled, back = np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        if not _convert(block, precision, scaled[: len(block)], back[: len(block)]):
            return None
        out[start : start + len(block)] = scaled[: len(block)]
    return out


def _convert(block: Floats, precision: int, scaled: Floats, back: Floats) -> bool:
    """Put the rounded counts into `scaled`; say whether all of them are exact."""
    power = 10.0**precision
    with np.errstate(over="ignore", invalid="ignore"):
        np.multiply(block, power, out=scaled)
        np.rint(scaled, out=scaled)
        np.divide(scaled, power, out=back)
    if not np.array_equal(back, block):
        return False
    return bool(scaled.max() < EXACT_LIMIT and scaled.min() > -EXACT_LIMIT)


def detect_precision(columns: Sequence[Floats], *, at_least: int = 0) -> int | None:
    """Return the fewest decimals, up to 9, that hold every finite value exactly; None if none.

    Examples
    --------
    >>> detect_precision([np.array([1.5, 2.25]), np.array([3.0])])
    2
    """
    precision = at_least
    for column in columns:
        values = np.ascontiguousarray(column, dtype=np.float64)
        for start in range(0, len(values), _BLOCK):
            block = values[start : start + _BLOCK]
            if not np.isfinite(block).all():
                block = block[np.isfinite(block)]
            found = _block_precision(block, precision) if len(block) else precision
            if found is None:
                return None
            precision = found
    return precision


def _block_precision(block: Floats, precision: int) -> int | None:
    scaled, back = np.empty(len(block)), np.empty(len(block))
    for candidate in range(precision, PRECISION_MAX + 1):
        if _convert(block, candidate, scaled, back):
            return candidate
    return None


def to_quanta_report(values: Floats, precision: int, *, rounding: bool) -> Quanta:
    """Return `values` as counts of 10^-precision with every row that does not fit.

    With `rounding`, values off the grid are rounded half to even; the largest error is returned.
    """
    power = 10.0**precision
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * power)
        fits = np.isfinite(values) & (np.abs(scaled) < EXACT_LIMIT)
        exact = fits & (scaled / power == values)
    good = fits if rounding else exact
    counts = np.where(good, scaled, 0.0).astype(np.int64)
    off = good & ~exact
    error = float(np.abs(scaled[off] / power - values[off]).max()) if off.any() else 0.0
    whole = ~fits & _is_whole_within(values, precision)
    counts[whole] = values[whole].astype(np.int64) * 10**precision
    return Quanta(counts, error, np.flatnonzero(~(good | whole)).astype(np.int64))


def _is_whole_within(values: Floats, precision: int) -> NDArray[np.bool_]:
    """Say which values are whole numbers whose counts fit 64 bits: exact without any float.

    A volume of 15,897,800 shares in billionths is 1.58978e16 lots, over 2^53 and still exact.
    """
    limit = min(EXACT_LIMIT - 1.0, float(INT64_MAX // 10**precision))
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = (np.abs(values) <= limit) & (values == np.rint(values))
    return inside


def suggest_precision(values: Floats) -> tuple[int, float] | None:
    """Return a precision under which the values differ from a grid by float noise only.

    The second item is the largest error. None when the values are no noisy decimals.
    """
    finite = values[np.isfinite(values)]
    for precision in range(PRECISION_MAX + 1):
        with np.errstate(over="ignore"):  # infinite is far from any grid
            nearest = np.rint(finite * 10.0**precision) / 10.0**precision
            error = np.abs(nearest - finite)
        if bool((error <= 1e-12 * np.abs(finite)).all()):
            return precision, float(error.max()) if len(error) else 0.0
    return None


def needs_decimals(digits_max: int) -> bool:
    """Whether text with so many significant digits could change on its way through a float."""
    return digits_max > _FLOAT_DIGITS


def decimals_precision(values: Sequence[Decimal | None]) -> int:
    """Return the decimals that the longest of `values` needs, trailing zeros aside."""
    return max((_decimals(v) for v in values if v is not None and v.is_finite()), default=0)


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def decimals_to_quanta(
    values: Sequence[Decimal | None], precision: int, *, rounding: bool
) -> Quanta:
    """Return Decimals as counts of 10^-precision; the slow, exact twin of `to_quanta_report`."""
    out = np.zeros(len(values), dtype=np.int64)
    bad: list[int] = []
    error_max = 0.0
    for row, value in enumerate(values):
        scaled = value.scaleb(precision) if value is not None and value.is_finite() else None
        if scaled is None or abs(scaled) > INT64_MAX:
            bad.append(row)
            continue
        whole = scaled.to_integral_value(ROUND_HALF_EVEN)
        if whole != scaled and not rounding:
            bad.append(row)
            continue
        error_max = max(error_max, float(abs(whole - scaled).scaleb(-precision)))
        out[row] = int(whole)
    return Quanta(out, error_max, np.array(bad, dtype=np.int64))


def to_floats(counts: Ints, precision: int) -> Floats:
    """Return counts of 10^-precision as the floats nearest to them."""
    out: Floats = counts / 10.0**precision
    return out
