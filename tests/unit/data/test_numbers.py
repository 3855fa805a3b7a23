"""Decimal numbers become whole numbers exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.numbers import (
    decimals_to_quanta,
    detect_precision,
    suggest_precision,
    to_floats,
    to_quanta_exact,
    to_quanta_report,
)


@given(
    counts=st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=50),
    precision=st.integers(0, 9),
)
def test_a_float_read_from_decimal_text_gives_its_count_back(
    counts: list[int], precision: int
) -> None:
    values = np.array([float(Decimal(c).scaleb(-precision)) for c in counts])
    whole = to_quanta_exact(values, precision)
    assert whole is not None
    assert whole.tolist() == counts
    assert to_floats(whole, precision).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("values", "precision"),
    [
        ([1.0, 250.0], 0),
        ([100.34, 0.1], 2),
        ([0.00005330], 7),
        ([1e-9], 9),
        ([0.1 + 0.2], None),  # 0.30000000000000004
        ([5.330000000000001e-05], None),
        ([1 / 3], None),
        ([float("nan"), 1.25], 2),  # a missing value has no decimals
        ([], 0),
    ],
)
def test_the_precision_is_the_fewest_decimals_that_hold_every_value(
    values: list[float], precision: int | None
) -> None:
    assert detect_precision([np.array(values, dtype=np.float64)]) == precision


def test_detection_looks_at_every_column_and_every_block() -> None:
    late = np.ones(50_000)
    late[-1] = 0.125
    assert detect_precision([np.array([1.5]), late]) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2.0**53, 1e300])
def test_a_value_without_an_exact_count_is_refused(value: float) -> None:
    assert to_quanta_exact(np.array([1.0, value]), 0) is None
    assert to_quanta_report(np.array([1.0, value]), 0, rounding=True).bad_rows.tolist() == [1]


@pytest.mark.parametrize(
    ("value", "precision", "count"),
    [
        (15_897_800.0, 9, 15_897_800 * 10**9),  # over 2^53, and whole
        (9_223_372_035.0, 9, 9_223_372_035 * 10**9),
        (9_223_372_036.0, 9, 9_223_372_036 * 10**9),
        (9_223_372_037.0, 9, None),  # over 2^63
        (15_897_800.5, 9, None),  # a float does not hold its nine decimals
    ],
)
def test_large_whole_numbers_are_counted_without_floats(
    value: float, precision: int, count: int | None
) -> None:
    report = to_quanta_report(np.array([value, 1.0]), precision, rounding=False)
    assert report.bad_rows.tolist() == ([] if count is not None else [0])
    assert report.values.tolist() == [count or 0, 10**precision]


def test_rounding_is_half_to_even_and_reports_its_error() -> None:
    report = to_quanta_report(np.array([0.125, 0.375, 0.25]), 2, rounding=True)
    assert report.values.tolist() == [12, 38, 25]
    assert report.error_max == pytest.approx(0.005)
    assert report.bad_rows.tolist() == []


def test_decimals_keep_digits_that_floats_lose() -> None:
    values = [Decimal("12345678.123456789"), None, Decimal("0.0000000001")]
    quanta = decimals_to_quanta(values, 9, rounding=False)
    assert quanta.values[0] == 12345678123456789
    assert quanta.bad_rows.tolist() == [1, 2]


def test_float_noise_is_told_from_real_decimals() -> None:
    found = suggest_precision(np.array([91.71600000000001, 91.65350000000001]))
    assert found is not None and found[0] == 4
    assert suggest_precision(np.array([1 / 3])) is None
