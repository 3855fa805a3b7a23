"""What a sample says about a Sharpe ratio, beside published numbers, scipy and quantstats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.rules import metrics as m
from engine.rules.sharpe import (
    kurtosis,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_interval,
    skewness,
)

# The worked example of the promotion gate, in basis points.
TWENTY_DAYS = (
    np.array([12, -8, 25, -15, 30, 5, -22, 18, 9, -4, 14, -31, 27, 6, -11, 20, 3, -9, 16, -2]) / 1e4
)


def some_returns(seed: int, n: int = 500) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0004


def test_twenty_days_give_the_gate_s_worked_example() -> None:
    assert skewness(TWENTY_DAYS) == pytest.approx(-0.327198980, rel=1e-6)
    assert kurtosis(TWENTY_DAYS) == pytest.approx(2.303719252, rel=1e-6)
    assert m.probability_of_skill(TWENTY_DAYS) == pytest.approx(0.848182657, rel=1e-6)
    assert m.days_needed(TWENTY_DAYS) == 50.0


@pytest.mark.parametrize(
    # Sharpe a year, days, skewness, kurtosis, threshold a year: probability
    ("sharpe", "days", "third", "fourth", "threshold", "expected"),
    [
        (1.0, 252, 0.0, 3.0, 0.0, 0.840624),
        (1.0, 504, 0.0, 3.0, 0.0, 0.920938),
        (1.5, 504, -0.5, 5.0, 0.0, 0.980400),
        (2.0, 252, -1.0, 8.0, 0.0, 0.968434),
        (1.5, 504, -0.5, 5.0, 1.0, 0.754073),
    ],
)
def test_the_probability_of_a_true_ratio_over_a_threshold(
    sharpe: float, days: int, third: float, fourth: float, threshold: float, expected: float
) -> None:
    found = probabilistic_sharpe(
        sharpe,
        observations=days,
        periods_per_year=252,
        skewness=third,
        kurtosis=fourth,
        threshold=threshold,
    )
    assert found == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("sharpe", "third", "fourth", "days"),
    [
        (1.0, 0.0, 3.0, 684.150),
        (1.5, 0.0, 3.0, 305.374),
        (2.0, 0.0, 3.0, 172.802),
        (3.0, 0.0, 3.0, 78.108),
        (2.0, -1.0, 8.0, 197.659),
    ],
)
def test_the_days_that_a_ratio_needs(
    sharpe: float, third: float, fourth: float, days: float
) -> None:
    found = minimum_track_record(sharpe, periods_per_year=252, skewness=third, kurtosis=fourth)
    assert found == pytest.approx(days, abs=5e-4)


@pytest.mark.parametrize("seed", range(20))
def test_enough_days_and_enough_probability_are_the_same_answer(seed: int) -> None:
    returns = some_returns(seed, 400) + 0.0005
    odds, needed = m.probability_of_skill(returns), m.days_needed(returns)
    assert odds is not None
    assert (odds >= 0.95) == (needed is not None and needed <= returns.size), f"seed {seed}"


def test_a_ratio_that_is_not_over_zero_needs_no_finite_number_of_days() -> None:
    losing = -np.abs(some_returns(3))
    account = m.DailyAccount(100.0 * m.growth_index(losing), 252)
    measured = m.measure(account)
    assert measured["days_needed"] is None
    assert measured.reason("days_needed") == "the Sharpe ratio is not over 0"


def test_the_interval_of_normal_returns_is_lo_s_with_one_day_less() -> None:
    """Lo (2002), equation 9: sqrt((1 + s^2 / 2) / T)."""
    low, high = sharpe_interval(1.5, observations=253, periods_per_year=252) or (0.0, 0.0)
    half = 1.959963984540054 * math.sqrt((1 + 1.5**2 / 252 / 2) / 252) * math.sqrt(252)
    assert (low, high) == (pytest.approx(1.5 - half), pytest.approx(1.5 + half))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """2,000 samples of one year with a true ratio of 1; 95 % +- 1.5 % of the intervals hold it."""
    truth, held = 1.0 / math.sqrt(252), 0
    samples = np.random.default_rng(11).standard_normal((2_000, 252)) + truth
    for returns in samples:
        ratio = float(returns.mean() / returns.std(ddof=1)) * math.sqrt(252)
        interval = sharpe_interval(
            ratio,
            observations=252,
            periods_per_year=252,
            skewness=skewness(returns) or 0.0,
            kurtosis=kurtosis(returns) or 3.0,
        )
        assert interval is not None
        held += interval[0] <= 1.0 <= interval[1]
    assert held / 2_000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("seed", range(5))
def test_moments_equal_scipy_s_biased_ones(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    returns = some_returns(seed)
    assert skewness(returns) == pytest.approx(stats.skew(returns), rel=1e-9)
    assert kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
