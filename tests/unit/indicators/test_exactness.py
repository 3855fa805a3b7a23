"""Windows keep their digits: against two passes over each window, in hostile series too."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.lang.bars import Column, bars_of, closes, compile_number, goog, numbers, run, walk

N = 10


def _deviation(freedom_lost: int) -> Callable[[Column, Column], float]:
    return lambda x, y: float(np.std(x, ddof=freedom_lost))


def _beta(x: Column, y: Column) -> float:
    return float(np.cov(x, y)[0, 1] / np.var(y, ddof=1))


TWO_PASSES: dict[str, Callable[[Column, Column], float]] = {
    "sma(close, 10)": lambda x, y: math.fsum(x) / N,
    "sum(close, 10)": lambda x, y: math.fsum(x),
    "wma(close, 10)": lambda x, y: math.fsum(x * np.arange(1, N + 1)) / 55,
    "highest(close, 10)": lambda x, y: float(max(x)),
    "lowest(close, 10)": lambda x, y: float(min(x)),
    "stdev(close, 10)": _deviation(0),
    "stdev_sample(close, 10)": _deviation(1),
    "correlation(close, open, 10)": lambda x, y: float(np.corrcoef(x, y)[0, 1]),
}

SERIES = {
    "goog": (goog().close, goog().open),
    "walk": (walk(3, 400).close, walk(4, 400).close),
    "far from zero": (walk(3, 400).close + 1e7, walk(4, 400).close - 1e7),
    "steps of 1e4": (
        np.repeat(walk(5, 40).close, 10) * 1e4 + walk(6, 400).close,
        walk(4, 400).close,
    ),
}


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("text", TWO_PASSES)
def test_a_window_equals_two_passes_over_it(text: str, series: str) -> None:
    x, y = (each.astype(np.float64) for each in SERIES[series])
    ours = run(compile_number(text), bars_of("A", y, x, x, x, np.ones(len(x))))[0]
    for i in range(N - 1, len(x)):
        window = slice(i - N + 1, i + 1)
        assert ours[i] == pytest.approx(TWO_PASSES[text](x[window], y[window]), rel=1e-8, abs=1e-12)


def test_beta_equals_the_slope_of_returns() -> None:
    x, y = walk(3, 300).close, walk(4, 300).close
    ours = run(compile_number("beta(close, open, 10)"), bars_of("A", y, x, x, x, np.ones(300)))[0]
    rx, ry = np.diff(x) / x[:-1], np.diff(y) / y[:-1]
    for i in range(N, 300):
        expected = _beta(rx[i - N : i], ry[i - N : i])
        assert ours[i] == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_a_huge_value_spoils_nothing_after_its_window_and_one_round() -> None:
    column = np.array([1.1, 2.2, 3.3] * 20)
    column[5] = 1e15
    for text in ("sma(close, 4)", "wma(close, 4)", "stdev(close, 4)"):
        clean = numbers(text, closes(*([1.1, 2.2, 3.3] * 20)))
        spoiled = numbers(text, closes(*column))
        assert spoiled[13:] == pytest.approx(clean[13:], rel=1e-12)


@pytest.mark.parametrize("level", [0.1, 100.07, 1e9 + 0.1])
def test_equal_values_have_a_deviation_of_exactly_zero(level: float) -> None:
    noisy_then_flat = [level * (1 + 0.01 * (i % 7)) for i in range(30)] + [level] * 12
    assert numbers("stdev(close, 8)", closes(*noisy_then_flat))[37:] == [0.0] * 5
    zscores = numbers("zscore(close, 8)", closes(*noisy_then_flat))[37:]
    assert all(math.isnan(each) for each in zscores)


def test_roundings_do_not_pile_up_over_a_hundred_thousand_bars() -> None:
    x = walk(9, 100_000).close
    ours = run(compile_number("sma(close, 7)"), closes(*x))[0]
    expected = np.lib.stride_tricks.sliding_window_view(x, 7).mean(axis=1)
    np.testing.assert_allclose(ours[6:], expected, rtol=5e-15)


# A market that does not move: what TA-Lib answers, and where we say undefined instead.
STILL = [
    ("rsi(close, 3)", 0.0),
    ("cci(3)", 0.0),
    ("stochastic_k(3)", 0.0),
    ("adx(3)", 0.0),
    ("plus_di(3)", 0.0),
    ("atr(3)", 0.0),
    ("stdev(close, 3)", 0.0),
    ("returns(close, 1)", 0.0),
    ("correlation(close, open, 3)", math.nan),
    ("beta(close, open, 3)", math.nan),
    ("zscore(close, 3)", math.nan),
]


@pytest.mark.parametrize(("text", "expected"), STILL)
def test_a_market_that_does_not_move(text: str, expected: float) -> None:
    assert numbers(text, closes(*[50.0] * 12))[-1] == pytest.approx(expected, nan_ok=True)


# Little series whose answers can be checked by hand.
BY_HAND = [
    ("sma(close, 3)", [1, 2, 6, 4], [None, None, 3, 4]),
    ("wma(close, 2)", [1, 4, 7], [None, 3, 6]),
    ("ema(close, 3)", [1, 2, 6, 7], [None, None, 3, 5]),
    ("sum(close, 2)", [1, 2, 6], [None, 3, 8]),
    ("highest(close, 2)", [3, 1, 2, 0], [None, 3, 2, 2]),
    ("lowest(close, 2)", [3, 1, 2, 0], [None, 1, 1, 0]),
    ("lag(close, 2)", [1, 2, 3, 4], [None, None, 1, 2]),
    ("returns(close)", [2, 3, 0, 5], [None, 0.5, -1, None]),
    ("roc(close, 1)", [2, 3], [None, 50]),
    ("momentum(close, 1)", [2, 5], [None, 3]),
    ("stdev(close, 2)", [1, 3, 3], [None, 1, 0]),
    ("stdev_sample(close, 3)", [1, 2, 3], [None, None, 1]),
    ("volatility(close, 2)", [100, 110, 99], [None, None, 0.1 * math.sqrt(2)]),
    ("volatility(close, 2, 252)", [100, 110, 99], [None, None, 0.1 * math.sqrt(504)]),
    ("zscore(close, 2)", [1, 3], [None, 1]),
    ("obv()", [5, 6, 6, 4], [1, 2, 2, 1]),
    ("vwap(2)", [5, 7], [None, 6]),
    ("keltner_upper(2, 2, 1)", [4, 6, 8], [None, 5 + 2 * 2, 7 + 2 * 2]),
    ("keltner_lower(2, 2, 1)", [4, 6, 8], [None, 5 - 2 * 2, 7 - 2 * 2]),
    ("bars_since(close > 3)", [1, 4, 2, 3, 5], [None, 0, 1, 2, 0]),
    ("where(close > 2, close, -1)", [1, 3], [-1, 3]),
    ("min(close, 2) + max(close, 2)", [1, 5], [3, 7]),
    ("sqrt(close - 2)", [1, 6], [None, 2]),
    ("1 / (close - 1)", [1, 3], [None, 0.5]),
]


@pytest.mark.parametrize(("text", "series", "expected"), BY_HAND)
def test_by_hand(text: str, series: list[float], expected: list[float | None]) -> None:
    wanted = [math.nan if each is None else each for each in expected]
    assert numbers(text, closes(*series)) == pytest.approx(wanted, nan_ok=True, rel=1e-14)


def test_an_undefined_value_is_skipped_and_the_window_counts_defined_ones() -> None:
    assert numbers("sma(close, 2)", closes(1, math.nan, 3, 5)) == pytest.approx(
        [math.nan, math.nan, 2, 4], nan_ok=True
    )


def test_a_session_vwap_begins_anew_with_each_trading_day() -> None:
    # Bars of 12 hours: two to a day, volume 1 each.
    day_and_night = closes(4, 6, 10, 20, minutes=720)
    assert numbers("session_vwap()", day_and_night) == [4, 5, 10, 15]
