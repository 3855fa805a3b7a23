"""The gate's formulas against its specification's worked examples, which are copied here as tables.

The numbers were computed by hand or with other tools before there was code; relative tolerance 1e-6, or
half of the last digit where fewer were written.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.errors import InputError
from engine.gate.evidence import DailySeries
from engine.gate.statistics import (
    days_needed,
    deepest_drawdown,
    effective_trials,
    hac_lags,
    hac_sharpe,
    long_run_variance,
    overfitting,
    probability_over,
    profits_of,
    returns_of,
    sample_of,
    selection_probability,
    tracking_error,
    upper_confidence,
)
from engine.rules.deflated import expected_maximum
from engine.rules.metrics import growth_index
from engine.rules.sharpe import minimum_track_record, probabilistic_sharpe

E1_BPS = (12, -8, 25, -15, 30, 5, -22, 18, 9, -4, 14, -31, 27, 6, -11, 20, 3, -9, 16, -2)
E1 = np.array(E1_BPS) / 1e4


def close(value: float, digits: int = 6) -> object:
    """Equal to as many digits as were written."""
    return pytest.approx(value, abs=0.51 * 10.0**-digits, rel=1e-6)


# --- E1: twenty days ----------------------------------------------------------------------------------
def test_the_moments_of_twenty_days() -> None:
    sample = sample_of(E1, 252)
    assert sample is not None
    assert sample.mean == close(0.000415, 9)
    assert sample.deviation == close(0.00167592080, 11)
    assert sample.ratio == close(0.247625067, 9)
    assert sample.sharpe == close(3.930926)
    assert sample.ratio * math.sqrt(365) == close(4.730870)
    assert (sample.skewness, sample.kurtosis) == (close(-0.327198980, 9), close(2.303719252, 9))


def test_what_twenty_days_can_say() -> None:
    sample = sample_of(E1, 252)
    assert sample is not None
    assert probability_over(sample) == close(0.848182657, 9)
    assert days_needed(sample) == close(49.579810)
    assert hac_lags(20) == 2
    assert long_run_variance(E1) == pytest.approx(5.14428333e-7, rel=1e-8)
    by_long_run = sample.mean / math.sqrt(long_run_variance(E1)) * math.sqrt(252)
    assert by_long_run == close(9.185143)
    assert hac_sharpe(sample) == close(3.930926)


def test_twenty_days_compounded() -> None:
    assert growth_index(E1)[-1] == close(1.008305912, 9)
    assert deepest_drawdown(E1) == pytest.approx(0.0031, rel=1e-6)


# --- E2: PSR of (SR, T, g3, g4, c), K 252 ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("sharpe", "days", "skew", "kurt", "over", "probability"),
    [
        (1.0, 252, 0.0, 3.0, 0.0, 0.840624),
        (1.0, 504, 0.0, 3.0, 0.0, 0.920938),
        (1.5, 504, -0.5, 5.0, 0.0, 0.980400),
        (2.0, 252, -1.0, 8.0, 0.0, 0.968434),
        (1.5, 504, -0.5, 5.0, 1.0, 0.754073),
    ],
)
def test_the_probability_that_a_ratio_is_over_another(
    sharpe: float, days: int, skew: float, kurt: float, over: float, probability: float
) -> None:
    found = probabilistic_sharpe(
        sharpe,
        observations=days,
        periods_per_year=252,
        skewness=skew,
        kurtosis=kurt,
        threshold=over,
    )
    assert found == close(probability)


# --- E3: days needed --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sharpe", "skew", "kurt", "days"),
    [
        (1.0, 0.0, 3.0, 684.150),
        (1.5, 0.0, 3.0, 305.374),
        (2.0, 0.0, 3.0, 172.802),
        (3.0, 0.0, 3.0, 78.108),
        (2.0, -1.0, 8.0, 197.659),
    ],
)
def test_the_days_a_ratio_needs(sharpe: float, skew: float, kurt: float, days: float) -> None:
    found = minimum_track_record(sharpe, periods_per_year=252, skewness=skew, kurtosis=kurt)
    assert found == close(days, 3)


# --- E4: the best of many -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("trials", "bracket"),
    [
        (1, 0.0),
        (2, 0.519755),
        (5, 1.192594),
        (10, 1.574598),
        (20, 1.900708),
        (100, 2.530603),
        (1000, 3.255122),
    ],
)
def test_what_luck_gives_to_the_best_of_many(trials: int, bracket: float) -> None:
    assert expected_maximum(trials) == close(bracket)


@pytest.mark.parametrize(
    ("trials", "skew", "kurt", "probability"),
    [
        (100, -3.0, 10.0, 0.900397),
        (46, -3.0, 10.0, 0.950502),
        (88, -3.0, 10.0, 0.910153),
        (88, 0.0, 3.0, 0.950491),
    ],
)
def test_the_deflated_ratio(trials: int, skew: float, kurt: float, probability: float) -> None:
    luck = math.sqrt(0.5 / 250) * expected_maximum(trials)
    if trials == 100:
        assert luck == close(0.113172)
    found = probabilistic_sharpe(
        2.5 / math.sqrt(250),
        observations=1250,
        periods_per_year=1,
        skewness=skew,
        kurtosis=kurt,
        threshold=luck,
    )
    assert found == close(probability)


# --- E5: selection ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("trials", "probability"), [(1, 0.007405), (5, 0.036479), (20, 0.138125), (100, 0.524421)]
)
def test_the_probability_of_having_selected_luck(trials: int, probability: float) -> None:
    over_zero = probabilistic_sharpe(
        1.8, observations=504, periods_per_year=252, skewness=-0.6, kurtosis=7.5
    )
    assert over_zero == close(0.992595)
    assert over_zero is not None
    assert selection_probability(over_zero, trials) == close(probability)


def test_correlated_trials_are_worth_fewer() -> None:
    assert effective_trials(20, 0.8) == close(4.8)
    assert effective_trials(20, 0.0) == 20.0
    assert effective_trials(20, 1.0) == 1.0


# --- E6: overfitting --------------------------------------------------------------------------------------
def test_the_probability_of_overfitting() -> None:
    t = np.arange(16)
    rows = np.array(
        [
            (7 * t + 3) % 11 - 4.6,
            (5 * t + 1) % 13 - 5.8,
            (3 * t + 2) % 7 - 2.4,
            (11 * t + 5) % 17 - 7.9,
        ]
    )
    found = overfitting(rows, blocks=4)
    assert found is not None
    share, logits = found
    assert share == close(0.666667)
    assert logits == [
        close(each) for each in (-1.386294, 0.405465, 0.405465, -1.386294, -1.386294, -0.405465)
    ]


# --- E7: dearer trading -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("more_bps", "sharpe"), [(2, 2.036504), (4, 0.142082)])
def test_the_ratio_when_trading_costs_more(more_bps: int, sharpe: float) -> None:
    sample = sample_of(E1 - more_bps / 1e4, 252)
    assert sample is not None and sample.sharpe == close(sharpe)


# --- E9, E10: paper against its shadow ------------------------------------------------------------------
def test_the_confidence_bound_of_the_shortfall() -> None:
    shortfalls = (1.2, 0.4, 2.9, -0.6, 1.8, 3.1, 0.2, 1.5, 2.2, 0.9)
    assert np.mean(shortfalls) == close(1.36)
    assert np.std(shortfalls, ddof=1) == close(1.186217)
    assert upper_confidence(shortfalls) == close(2.047628)


def test_the_tracking_error() -> None:
    paper, shadow = np.array([12, -5, 8, 3, -9]) / 1e4, np.array([14, -4, 9, 2, -7]) / 1e4
    assert tracking_error(paper, shadow) == close(0.139845)


# --- returns ----------------------------------------------------------------------------------------------
def test_a_deposit_is_no_return() -> None:
    """100.00 earns 1 %, then 50.00 come in and 1.51 are earned on 101.00; cents as minor units."""
    series = DailySeries((1, 2, 3), (10_000, 10_100, 15_251), (0, 0, 5_000))
    assert returns_of(series).tolist() == pytest.approx([0.01, 151 / 10_100])
    assert profits_of(series) == [100, 151]


@pytest.mark.parametrize(
    "series",
    [
        DailySeries((1, 2), (100, 100, 100), (0, 0, 0)),
        DailySeries((1, 2, 2), (100, 100, 100), (0, 0, 0)),
        DailySeries((1, 2, 3), (100, 0, 100), (0, 0, 0)),
        DailySeries((1, 2, 3), (100, 2**62, 100), (0, 0, 0)),
        DailySeries((1, 2, 3), (100, 2**80, 100), (0, 0, 0)),
    ],
    ids=["lengths", "a day twice", "no equity", "too much", "far too much"],
)
def test_a_series_that_is_none_is_refused(series: DailySeries) -> None:
    with pytest.raises(InputError):
        returns_of(series)


@pytest.mark.parametrize("returns", [[0.01] * 30, [0.01, 0.02] * 9], ids=["flat", "19 days"])
def test_too_little_has_no_moments(returns: list[float]) -> None:
    assert sample_of(np.array(returns), 252) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_moments(wrong: float) -> None:
    with pytest.raises(InputError, match="finite"):
        sample_of(np.array([*E1, wrong]), 252)
