"""The gate's formulas against other people's: scipy, statsmodels, arch, and slow twins of our own."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.api
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.gate.statistics import (
    NORMAL,
    deepest_drawdown,
    drawdown_quantiles,
    hac_lags,
    long_run_variance,
    mean_correlation,
    overfitting,
    probability_over,
    sample_of,
    student_cdf,
    student_quantile,
    upper_confidence,
)
from engine.rules.bootstrap import Resampling, resampled_indices
from tests.unit.gate.evidence_worlds import earning


# --- Student's t ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("probability", [0.5001, 0.75, 0.9, 0.95, 0.975, 0.99, 0.9995])
def test_the_quantiles_of_students_t(probability: float) -> None:
    degrees = [*range(1, 40), 99, 100, 365, 1_000, 9_999, 100_000]
    expected = scipy.stats.t.ppf(probability, degrees)
    found = [student_quantile(probability, each) for each in degrees]
    assert found == pytest.approx(expected.tolist(), rel=1e-9)


@given(st.floats(-30, 30), st.integers(1, 300))
def test_the_distribution_of_students_t(t: float, degrees: int) -> None:
    """Near 0 and with few degrees scipy has ten digits: 0.5 + atan(t) / pi is exact for one degree."""
    expected = float(scipy.stats.t.cdf(t, degrees))
    assert student_cdf(t, degrees) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("probability", "degrees"), [(0.5, 3), (1.0, 3), (0.95, 0), (math.nan, 3)])
def test_a_quantile_that_is_none(probability: float, degrees: int) -> None:
    with pytest.raises(InputError):
        student_quantile(probability, degrees)


def test_the_upper_confidence_bound() -> None:
    values = np.random.default_rng(1).normal(1.0, 2.0, 50)
    interval = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(0.90)
    assert upper_confidence(values.tolist()) == pytest.approx(interval.high, rel=1e-10)


# --- moments, the long-run variance ---------------------------------------------------------------------
def test_moments_and_the_probability_of_skill() -> None:
    returns = np.random.default_rng(2).standard_t(5, 400) * 0.01 + 0.001
    sample = sample_of(returns, 252)
    assert sample is not None
    third = float(scipy.stats.skew(returns))
    fourth = float(scipy.stats.kurtosis(returns, fisher=False))
    assert (sample.skewness, sample.kurtosis) == (pytest.approx(third), pytest.approx(fourth))
    ratio = returns.mean() / returns.std(ddof=1)
    error = math.sqrt((1 - third * ratio + (fourth - 1) / 4 * ratio**2) / 399)
    assert probability_over(sample, 0.02) == pytest.approx(
        float(scipy.stats.norm.cdf((ratio - 0.02) / error)), rel=1e-12
    )


@pytest.mark.parametrize("days", [20, 100, 252, 1_250])
def test_the_long_run_variance_is_newey_and_wests(days: int) -> None:
    rng = np.random.default_rng(days)
    shocks = rng.normal(size=days + 1)
    returns = shocks[1:] + 0.5 * shocks[:-1]
    model = statsmodels.api.OLS(returns, np.ones(days))
    fitted = model.fit(
        cov_type="HAC", cov_kwds={"maxlags": hac_lags(days), "use_correction": False}
    )
    assert long_run_variance(returns) == pytest.approx(
        float(fitted.cov_params()[0, 0]) * days, rel=1e-10
    )


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_quantiles_of_a_normal(probability: float) -> None:
    expected = float(scipy.stats.norm.ppf(probability))
    assert NORMAL.inv_cdf(probability) == pytest.approx(expected, rel=1e-10, abs=1e-12)


# --- trials -----------------------------------------------------------------------------------------------
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_the_mean_correlation_is_that_of_all_pairs(count: int, seed: int, common: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 60)) + common * rng.normal(size=60)
    matrix = np.corrcoef(rows)
    pairs = matrix[np.triu_indices(count, 1)].mean()
    assert mean_correlation(rows) == pytest.approx(min(max(pairs, 0.0), 1.0), abs=1e-12)


def test_a_trial_without_a_trade_is_correlated_with_none() -> None:
    rng = np.random.default_rng(1)
    rows = np.vstack((np.tile(rng.normal(size=50), (2, 1)), np.zeros(50)))
    assert mean_correlation(rows) == pytest.approx(1 / 3)  # one of three pairs
    assert mean_correlation(rows[:1]) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_overfitting_is_what_slow_counting_finds(seed: int) -> None:
    """A twin that ranks with scipy and takes the days apart and together again."""
    rows = np.random.default_rng(seed).normal(0.01, 1.0, size=(7, 63))
    rows[3] = 0.0
    logits = []
    blocks = np.split(np.arange(3, 63), 6)
    for chosen in itertools.combinations(range(6), 3):
        inside = np.concatenate([blocks[n] for n in chosen])
        outside = np.setdiff1d(np.arange(3, 63), inside)
        with np.errstate(invalid="ignore"):
            ratios = [
                np.nan_to_num(rows[:, part].mean(axis=1) / rows[:, part].std(axis=1, ddof=1))
                for part in (inside, outside)
            ]
        share = scipy.stats.rankdata(ratios[1])[np.argmax(ratios[0])] / 8
        logits.append(math.log(share / (1 - share)))
    found = overfitting(rows, blocks=6)
    assert found is not None
    assert found[1] == pytest.approx(logits)
    assert found[0] == pytest.approx(np.mean(np.array(logits) <= 0))


@pytest.mark.parametrize("shape", [(1, 100), (20, 19)])
def test_too_little_to_count_overfitting(shape: tuple[int, int]) -> None:
    assert overfitting(np.random.default_rng(1).normal(size=shape)) is None


# --- drawdowns --------------------------------------------------------------------------------------------
def test_the_quantiles_of_drawdowns_are_those_of_each_path_walked_day_by_day() -> None:
    """The paths themselves are held to arch in tests/unit/metrics."""
    returns = earning(1.0, days=120)
    paths = returns[resampled_indices(120, Resampling(seed=7), 0, 2_000, length=20)]
    deepest = []
    for path in paths:
        equity, peak, worst = 1.0, 1.0, 0.0
        for each in path:
            equity *= 1.0 + each
            peak = max(peak, equity)
            worst = max(worst, 1.0 - equity / peak)
        deepest.append(worst)
        assert deepest_drawdown(path) == pytest.approx(worst, abs=1e-15)
    ours = drawdown_quantiles(returns, seed=7, days=20, quantile=0.95)
    assert ours[-1] == pytest.approx(scipy.stats.mstats.mquantiles(deepest, 0.95, 1, 1)[0])
    assert (np.diff(ours) >= 0).all()


def test_the_same_fingerprint_draws_the_same_paths() -> None:
    returns = earning(1.0, days=300)
    one = drawdown_quantiles(returns, seed=7, days=10, quantile=0.95)
    assert np.array_equal(one, drawdown_quantiles(returns, seed=7, days=10, quantile=0.95))
    assert np.array_equal(one, drawdown_quantiles(returns, seed=7, days=30, quantile=0.95)[:10])
    assert not np.array_equal(one, drawdown_quantiles(returns, seed=8, days=10, quantile=0.95))
