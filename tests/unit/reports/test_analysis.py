"""What a report computes of returns: months, windows, drawdowns, bins, bands, fewer points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.rules import metrics as m
from engine.rules.bootstrap import Resampling
from reports.analysis import histogram, rolling_sharpe, yearly_table
from reports.reduce import kept_points, reduced_bars
from reports.resampled import STATISTICS, path_statistics, resample, resampled_differences

Floats = NDArray[np.float64]


def some_returns(seed: int = 1, n: int = 600) -> Floats:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0006


def test_months_compound_to_years_and_years_to_the_total() -> None:
    returns = some_returns()
    days = np.arange(np.datetime64("2020-03-10"), np.datetime64("2021-10-31")).astype(np.int64)
    table = yearly_table(days, returns, returns * 0.5)
    assert [row.year for row in table] == [2020, 2021]
    assert table[0].months[:2] == (None, None) and table[1].months[11] is None
    for row in table:
        product = math.prod(1 + cell for cell in row.months if cell is not None)
        assert product - 1 == pytest.approx(row.total)
    assert math.prod(1 + row.total for row in table) - 1 == pytest.approx(m.total_return(returns))
    april = returns[(days >= 18353) & (days < 18383)]  # 2020-04-01 and 2020-05-01
    assert table[0].months[3] == pytest.approx(np.prod(1 + april) - 1)


def test_a_rolling_ratio_is_the_metric_of_its_window() -> None:
    returns = some_returns()
    rolling = rolling_sharpe(returns, periods_per_year=252)
    assert rolling is not None and rolling.window == 126
    last = m.sharpe_ratio(returns[-126:], periods_per_year=252)
    assert rolling.values[-1] == pytest.approx(last)
    assert rolling.places[0] == 125 and rolling.places[-1] == 599


def test_a_window_that_does_not_vary_has_no_ratio() -> None:
    rolling = rolling_sharpe(np.concatenate((np.zeros(50), some_returns())), periods_per_year=50)
    assert rolling is not None and np.isnan(rolling.values[0])
    assert rolling_sharpe(some_returns(n=39), periods_per_year=252) is None


def test_bins_hold_every_return_and_have_an_edge_at_zero() -> None:
    returns = some_returns()
    bins = histogram(returns)
    assert bins is not None
    assert bins.counts.sum() == returns.size
    assert np.abs(bins.edges).min() == pytest.approx(0.0, abs=1e-15)
    assert bins.normal.sum() == pytest.approx(returns.size, rel=0.02)


def test_a_spike_and_a_trough_survive_fewer_points() -> None:
    curve = np.sin(np.arange(100_000) / 5_000.0)
    curve[31_415], curve[27_182] = 50.0, -50.0
    kept = kept_points(curve, limit=500)
    assert kept.size <= 502
    assert {0, 31_415, 27_182, 99_999} <= set(kept.tolist())


def test_fewer_bars_keep_highs_and_lows() -> None:
    low = np.random.default_rng(3).random(1_000)
    ends, highs, lows = reduced_bars(low + 1, low, limit=30)
    assert (ends.size, ends[-1]) == (30, 999)
    assert (highs.max(), lows.min()) == (low.max() + 1, low.min())


def test_the_statistics_of_paths_are_the_metrics() -> None:
    returns = some_returns()
    index = m.growth_index(returns)
    account = m.measure(m.DailyAccount(100 * index, 252))
    found = path_statistics(
        returns[np.newaxis], index[np.newaxis], m.drawdowns(index)[np.newaxis], 252
    )
    for key in STATISTICS:
        assert found[key][0] == pytest.approx(account[key], rel=1e-9), key


def test_bands_are_ordered_and_hold_what_happened() -> None:
    returns = some_returns()
    bands = resample(returns, periods_per_year=252, resampling=Resampling(seed=1, paths=500))
    assert bands is not None
    assert (np.diff(bands.growth, axis=0) >= 0).all() and (np.diff(bands.depth, axis=0) >= 0).all()
    assert (bands.growth[:, 0] == 1.0).all() and bands.deepest.size == 500
    for key, (low, high) in bands.intervals.items():
        measured = m.measure(m.DailyAccount(100 * m.growth_index(returns), 252))[key]
        assert measured is not None and low < measured < high, key


def test_twenty_equal_days_have_no_bands() -> None:
    assert resample(np.zeros(50), periods_per_year=252, resampling=Resampling(seed=1)) is None


def test_a_difference_of_nothing_is_nothing_and_of_luck_holds_zero() -> None:
    first, second = some_returns(1), some_returns(2)
    draws = Resampling(seed=1, paths=400)
    same = resampled_differences(first, first, periods_per_year=252, resampling=draws)
    assert set(same.values()) == {(0.0, 0.0)}
    other = resampled_differences(first, second, periods_per_year=252, resampling=draws)
    low, high = other["sharpe"]
    assert low < 0 < high
    better = resampled_differences(first, first + 0.001, periods_per_year=252, resampling=draws)
    assert better["sharpe"][0] > 0
