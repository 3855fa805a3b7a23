"""Checked integer arithmetic against Python's integers, at the edges of int64 too."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.jit import compiled
from engine.kernels.money import (
    INT64_MAX,
    OVERFLOW,
    add_checked,
    ceil_to,
    compare_products,
    divide_wide,
    floor_to,
    multiply_checked,
    multiply_divide_ceiling,
    multiply_divide_even,
    multiply_divide_floor,
    notional_minor,
)

MAX = INT64_MAX
EDGES = sorted(
    {
        abs(base + delta)
        for base in (
            0,
            10,
            10**6,
            10**8,
            2**20,
            2**31,
            2**32,
            2**42,
            2**61,
            2**62,
            MAX // 3,
            MAX // 2,
            MAX - 2,
        )
        for delta in (-2, -1, 0, 1, 2)
    }
)
WHOLE = st.integers(0, MAX) | st.integers(0, 10**6) | st.sampled_from(EDGES)
SIGNED = WHOLE.map(lambda n: n) | WHOLE.map(lambda n: -n)
DIVISOR = WHOLE.filter(lambda n: n > 0)
relaxed = settings(deadline=None, max_examples=400)


def fits(value: int) -> int:
    """Return a value as a kernel must answer it."""
    return value if -MAX <= value <= MAX else OVERFLOW


def refuses(value: int) -> bool:
    return value == OVERFLOW


# --- against Python ---------------------------------------------------------------------------------
@relaxed
@given(SIGNED, SIGNED)
def test_a_sum_is_exact_or_refused(a: int, b: int) -> None:
    assert add_checked(a, b) == fits(a + b)


@relaxed
@given(SIGNED, SIGNED)
def test_a_product_is_exact_or_refused(a: int, b: int) -> None:
    assert multiply_checked(a, b) == fits(a * b)


@relaxed
@given(WHOLE, WHOLE, DIVISOR)
def test_a_wide_quotient_and_its_remainder_are_exact_or_refused(a: int, b: int, c: int) -> None:
    quotient, remainder = divmod(a * b, c)
    found = divide_wide(a, b, c)
    assert found == (quotient, remainder) if quotient <= MAX else refuses(found[0])


@relaxed
@given(WHOLE, WHOLE, DIVISOR)
def test_floor_and_ceiling_are_exact_or_refused(a: int, b: int, c: int) -> None:
    exact = Fraction(a * b, c)
    assert multiply_divide_floor(a, b, c) == fits(floor(exact))
    assert multiply_divide_ceiling(a, b, c) == fits(ceil(exact))


@relaxed
@given(SIGNED, SIGNED, DIVISOR)
def test_half_even_is_pythons_own_rounding(a: int, b: int, c: int) -> None:
    assert multiply_divide_even(a, b, c) == fits(round(Fraction(a * b, c)))


@relaxed
@given(WHOLE, SIGNED, st.integers(1, 10**6), st.integers(2, 10**12))
def test_a_value_is_the_exact_product_rounded_once(
    price: int, lots: int, numerator: int, denominator: int
) -> None:
    found = notional_minor(price, lots, numerator, denominator)
    exact = fits(round(Fraction(price * lots * numerator, denominator)))
    if price * numerator <= MAX:
        assert found == exact
    else:
        assert found in (exact, OVERFLOW)


@relaxed
@given(WHOLE, WHOLE, WHOLE, WHOLE)
def test_products_are_compared_exactly(a: int, b: int, c: int, d: int) -> None:
    for other in (d, a * b // c if c > 0 else 0, a * b // c + 1 if c > 0 else 0):
        if other <= MAX:
            sign = (a * b > c * other) - (a * b < c * other)
            assert compare_products(a, b, c, other) == sign


@relaxed
@given(SIGNED, DIVISOR)
def test_steps_are_rounded_to_or_refused(value: int, step: int) -> None:
    assert floor_to(value, step) == fits(value // step * step)
    assert ceil_to(value, step) == fits(-(-value // step) * step)


# --- tables -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("a", "b", "c", "even"),
    [
        (5, 1, 2, 2),  # 2.5: to the even neighbour
        (7, 1, 2, 4),  # 3.5
        (-5, 1, 2, -2),
        (-7, 1, 2, -4),
        (100, 1, 3, 33),
        (200, 1, 3, 67),
        (MAX, MAX, MAX, MAX),
        (MAX, 2, 2, MAX),
        (MAX, 3, 2, OVERFLOW),
        (MAX, MAX, 2**62, OVERFLOW),
        (2**62, 4, 2, OVERFLOW),
        (MAX, 2**62 + 1, 2**62, OVERFLOW),
        (OVERFLOW, 1, 1, OVERFLOW),
        (1, OVERFLOW, 1, OVERFLOW),
    ],
)
def test_half_even_at_its_edges(a: int, b: int, c: int, even: int) -> None:
    assert multiply_divide_even(a, b, c) == even


@pytest.mark.parametrize("function", [multiply_divide_floor, multiply_divide_ceiling])
def test_a_refused_amount_is_passed_on(function: Callable[[int, int, int], int]) -> None:
    assert refuses(function(OVERFLOW, 1, 1))
    assert refuses(function(1, OVERFLOW, 1))
    assert refuses(add_checked(OVERFLOW, 1))
    assert refuses(add_checked(1, OVERFLOW))
    assert refuses(multiply_checked(OVERFLOW, 0))
    assert refuses(multiply_checked(0, OVERFLOW))
    assert refuses(floor_to(OVERFLOW, 10))
    assert refuses(ceil_to(OVERFLOW, 10))


@pytest.mark.parametrize(
    ("price", "lots", "numerator", "denominator", "minor"),
    [
        # 12.34 x 100 shares: the example of engine/model/instruments.py
        (1234, 100, 10**6, 1, 123_400_000_000),
        (1234, -100, 10**6, 1, -123_400_000_000),
        # 100,000.00000000 x 1.00000000 coin: 10^13 ticks x 10^8 lots / 10^8
        (10**13, 10**8, 1, 10**8, 10**13),
        # 9,223,372 million dollars of shares at 1.00
        (100, 92_233_720_368, 10**6, 1, 9_223_372_036_800_000_000),
        (100, 92_233_720_369, 10**6, 1, OVERFLOW),
    ],
)
def test_values_as_a_trader_reads_them(
    price: int, lots: int, numerator: int, denominator: int, minor: int
) -> None:
    assert notional_minor(price, lots, numerator, denominator) == minor


# --- compiled equals interpreted ----------------------------------------------------------------------
def samples(count: int, *, signed: bool) -> list[tuple[int, ...]]:
    """Return every `count` of the edges, both signs where asked."""
    few = [1, 3, *[n for n in EDGES if n][::4], MAX]
    signs = (1, -1) if signed else (1,)
    rows: list[tuple[int, ...]] = [()]
    for _ in range(count):
        rows = [(*row, n * sign) for row in rows for n in few for sign in signs]
    return rows


PLAIN: list[tuple[Callable[..., Any], int, bool]] = [
    (add_checked, 2, True),
    (multiply_checked, 2, True),
    (divide_wide, 3, False),
    (multiply_divide_floor, 3, False),
    (multiply_divide_ceiling, 3, False),
    (floor_to, 2, False),
    (ceil_to, 2, False),
]


@pytest.mark.parametrize(
    ("function", "count", "signed"), PLAIN, ids=[function.__name__ for function, *_ in PLAIN]
)
def test_the_compiled_kernel_equals_the_plain_one(
    function: Callable[..., Any], count: int, signed: bool
) -> None:
    twin = compiled(function)
    for row in samples(count, signed=signed):
        assert twin(*row) == function(*row), row


def test_the_compiled_half_even_equals_the_plain_one() -> None:
    twin = compiled(multiply_divide_even)
    for a, b in samples(2, signed=True):
        for c in EDGES[1:]:
            assert twin(a, b, c) == multiply_divide_even(a, b, c), (a, b, c)
