"""The deflated Sharpe ratio, against the published example."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.rules.deflated import deflated_sharpe, expected_maximum
from engine.rules.sharpe import probabilistic_sharpe


# The bracket of the expected maximum for N trials.
@pytest.mark.parametrize(
    ("trials", "bracket"),
    [(2, 0.519755), (5, 1.192594), (10, 1.574598), (20, 1.900708), (100, 2.530603)],
)
def test_the_expected_maximum_of_trials(trials: int, bracket: float) -> None:
    assert expected_maximum(trials) == pytest.approx(bracket, abs=1e-6)


# Bailey and Lopez de Prado (2014): Sharpe 2.5 a year of 250 days, 1250 days, skew -3, kurtosis 10,
# variance of trials 0.5 / 250.
@pytest.mark.parametrize(("trials", "probability"), [(100, 0.900397), (46, 0.950502)])
def test_the_published_example(trials: int, probability: float) -> None:
    luck = expected_maximum(trials) * math.sqrt(0.5)  # annualized: the days cancel
    found = probabilistic_sharpe(
        2.5,
        observations=1250,
        periods_per_year=250,
        skewness=-3.0,
        kurtosis=10.0,
        threshold=luck,
    )
    assert found == pytest.approx(probability, abs=1e-6)


def test_the_luck_of_trials_is_their_deviation_times_the_expected_maximum() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 1250)
    found = deflated_sharpe(returns, trials=100, trial_variance=0.5 / 250, periods_per_year=250.0)
    assert found is not None
    assert found.luck == pytest.approx(0.113172 * math.sqrt(250), rel=1e-5)
    never_less = deflated_sharpe(returns, trials=100, trial_variance=0.0, periods_per_year=250.0)
    assert never_less is not None
    assert never_less.luck == pytest.approx(2.530603 / math.sqrt(1249) * math.sqrt(250), rel=1e-6)


def test_more_trials_make_the_same_result_weaker() -> None:
    returns = np.random.default_rng(5).normal(0.001, 0.01, 500)
    found = [
        deflated_sharpe(returns, trials=n, trial_variance=0.001, periods_per_year=252.0)
        for n in (1, 10, 100, 10_000)
    ]
    chances = [each.probability for each in found if each is not None]
    assert chances == sorted(chances, reverse=True) and len(set(chances)) == 4
    assert found[0] is not None and found[0].probability == found[0].over_zero


@pytest.mark.parametrize("returns", [[], [0.1, 0.2], [0.01] * 50, [0.1, math.nan, 0.2, 0.3]])
def test_what_says_nothing_is_undefined(returns: list[float]) -> None:
    found = deflated_sharpe(
        np.array(returns), trials=10, trial_variance=0.1, periods_per_year=252.0
    )
    assert found is None
