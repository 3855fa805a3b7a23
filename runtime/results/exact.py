"""Exact integer arithmetic on whole columns: int64 where it fits, Python's integers where not.

numpy wraps silently. Every product here is bounded first, in floats; what could leave 62 bits is
computed row by row instead, which is slow and right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.model.layout import RATE_ONE

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SAFE = float(2**62)


def product_fits(*factors: Ints | int) -> bool:
    """Return whether the product of the largest elements stays under 2^62."""
    bound = 1.0
    for factor in factors:
        values = np.asarray(factor)
        largest = max(int(values.max()), -int(values.min())) if values.size else 0
        bound *= max(float(largest), 1.0)
    return bound < SAFE


def divide_half_even(numerator: int, denominator: int) -> int:
    """Return `numerator / denominator` rounded half to even.

    Examples
    --------
    >>> divide_half_even(5, 2), divide_half_even(7, 2), divide_half_even(-5, 2)
    (2, 4, -2)
    """
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


def divide_rows_half_even(numerator: Ints, denominator: Ints) -> Ints:
    """Divide row by row, half to even; the denominators are positive and under 2^61."""
    if not denominator.size:
        return numerator
    low, high = int(denominator.min()), int(denominator.max())
    if high == 1:
        return numerator
    # By one number for all rows numpy divides several times as fast.
    divisor = low if low == high else denominator
    quotient = numerator // divisor
    rest = numerator - quotient * divisor
    up = (2 * rest > divisor) | ((2 * rest == divisor) & (quotient & 1 == 1))
    result: Ints = quotient + up
    return result


def multiply_divide_rows(a: Ints, b: Ints, numerator: Ints, denominator: Ints) -> Ints:
    """Return ``a * b * numerator / denominator`` row by row, half to even.

    Examples
    --------
    >>> one = np.array([1])
    >>> multiply_divide_rows(np.array([3]), np.array([5]), one, one * 2).tolist()
    [8]
    """
    if product_fits(a, b, numerator):
        return divide_rows_half_even(a * b * numerator, denominator)
    rows = zip(a.tolist(), b.tolist(), numerator.tolist(), denominator.tolist())
    return np.array([divide_half_even(x * y * n, d) for x, y, n, d in rows], dtype=np.int64)


def ratio_rows(numerator: Ints, denominator: Ints, digits: int) -> Ints:
    """Return ``numerator / denominator`` in units of 10^-digits (at least 1), half to even.

    A row without a denominator gives 0.
    """
    shift = 10**digits
    bottom = np.maximum(denominator, 1)
    if product_fits(bottom, 2 * shift) and product_fits(numerator, shift):
        whole, rest = np.divmod(numerator, bottom)
        # whole * shift is even, so the rest's rounding to even is that of the sum.
        result: Ints = whole * shift + divide_rows_half_even(rest * shift, bottom)
        return result
    rows = zip(numerator.tolist(), bottom.tolist())
    return np.array([divide_half_even(n * shift, d) for n, d in rows], dtype=np.int64)


def sum_of(values: Ints) -> int:
    """Return the exact sum of a column."""
    if product_fits(values, max(values.size, 1)):
        return int(values.sum())
    return sum(values.tolist())


def to_base(minor: int, rate: int) -> int:
    """Convert money to the account currency at `rate` (10^-10), half to even."""
    return minor if rate == RATE_ONE else divide_half_even(minor * rate, RATE_ONE)


def to_base_rows(minor: Ints, rates: Ints) -> Ints:
    """Convert a column of money at the rate of each row."""
    if np.all(rates == RATE_ONE):
        return minor
    pairs = zip(minor.tolist(), rates.tolist())
    return np.array([to_base(amount, rate) for amount, rate in pairs], dtype=np.int64)
