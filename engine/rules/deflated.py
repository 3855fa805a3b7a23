"""How much of a search's best Sharpe ratio is luck: the deflated Sharpe ratio.

The best of N strategies without any edge has a Sharpe ratio over zero: about s0, which grows with N
and with how much the trials differ. The deflated ratio is the probability that the true Sharpe of the
best is over s0, given its length, skew and kurtosis. Bailey and Lopez de Prado (2014), J. Portfolio
Mgmt 40(5); the variance of trials is never taken under 1 / (T - 1), what pure luck gives it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.rules.sharpe import kurtosis, probabilistic_sharpe, skewness

EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Deflated:
    """The best trial's Sharpe ratio against what luck alone gives to the best of `trials`.

    Sharpe ratios are annualized. `probability` is that the true Sharpe is over `luck`; `is_over_zero`
    the same over 0, as if this had been the only trial.
    """

    trials: int
    sharpe: float
    luck: float
    probability: float
    over_zero: float


def deflated_sharpe(
    returns: NDArray[np.float64],
    *,
    trials: int,
    trial_variance: float,
    periods_per_year: float,
) -> Deflated | None:
    """Compare the best trial with the best of as many trials without an edge.

    Parameters
    ----------
    returns
        Daily returns of the best trial.
    trials
        How many were tried, in this search and before.
    trial_variance
        Sample variance of the trials' Sharpe ratios, per day (not annualized).
    periods_per_year
        For the annualized figures.

    Returns
    -------
    Deflated | None
        None for fewer than three returns or no variation.
    """
    count = returns.size
    if count < 3 or not np.isfinite(returns).all() or float(np.ptp(returns)) == 0.0:
        return None
    root = math.sqrt(periods_per_year)
    sharpe = float(returns.mean() / returns.std(ddof=1)) * root
    luck = expected_maximum(trials) * math.sqrt(max(trial_variance, 1.0 / (count - 1))) * root
    return Deflated(
        trials=trials,
        sharpe=sharpe,
        luck=luck,
        probability=_probability_over(luck, sharpe, returns, periods_per_year),
        over_zero=_probability_over(0.0, sharpe, returns, periods_per_year),
    )


def _probability_over(
    threshold: float, sharpe: float, returns: NDArray[np.float64], periods_per_year: float
) -> float:
    third, fourth = skewness(returns), kurtosis(returns)
    if third is None or fourth is None:
        return 0.0
    found = probabilistic_sharpe(
        sharpe,
        observations=returns.size,
        periods_per_year=periods_per_year,
        skewness=third,
        kurtosis=fourth,
        threshold=threshold,
    )
    return 0.0 if found is None else found  # out of the formula's range: never in favour


def expected_maximum(trials: int) -> float:
    """Return the expected maximum of so many standard normal numbers; 0 for one.

    Examples
    --------
    >>> [round(expected_maximum(n), 6) for n in (1, 2, 5, 1000)]
    [0.0, 0.519755, 1.192594, 3.255122]
    """
    if trials <= 1:
        return 0.0
    rare = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    rarer = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return (1.0 - EULER_GAMMA) * rare + EULER_GAMMA * rarer
