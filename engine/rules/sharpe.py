"""What a sample says about a Sharpe ratio: its interval, its odds, and the days still needed.

A ratio of 2 from forty days is luck as often as not, and a single number does not say so. Three
answers do, all from one standard error:

    se = sqrt((1 - g3 * s + (g4 - 1) / 4 * s^2) / (T - 1))

with `s` the ratio of one period (not annualized), `g3` and `g4` the biased skewness and kurtosis of
the returns (a normal has 0 and 3) and `T` their number. It is evaluated at the observed ratio.
Source: Bailey and Lopez de Prado (2012), J. Risk 15(2), "The Sharpe ratio efficient frontier";
(2014), J. Portfolio Mgmt 40(5). With the moments of a normal it is Lo's (2002) with ``T - 1``.
Returns are taken as independent; clustered volatility makes the truth wider.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Z_ONE_SIDED_95 = 1.6448536269514722
Z_TWO_SIDED_95 = 1.959963984540054
NORMAL_SKEWNESS, NORMAL_KURTOSIS = 0.0, 3.0
SHORTEST = 2  # a standard error divides by T - 1
LONGEST_DAYS = 1e9  # a track record of more is "never"


def skewness(returns: NDArray[np.float64]) -> float | None:
    """Compute the biased skewness: mean cubed deviation over the cubed deviation with ``n``.

    Examples
    --------
    >>> round(skewness(np.array([1.0, 2.0, 9.0])), 4)
    0.6655
    """
    return _standardized_moment(returns, 3)


def kurtosis(returns: NDArray[np.float64]) -> float | None:
    """Compute the biased kurtosis, not in excess: a normal has 3.

    Examples
    --------
    >>> round(kurtosis(np.array([1.0, 2.0, 3.0, 4.0])), 4)
    1.64
    """
    return _standardized_moment(returns, 4)


def _standardized_moment(returns: NDArray[np.float64], order: int) -> float | None:
    if not returns.size:
        return None
    centred = returns - returns.mean()
    square = np.square(centred)
    variance = float(square.mean())
    if variance <= 0.0:
        return None
    power = square * (centred if order == 3 else square)  # ten times as fast as `centred**order`
    return float(power.mean()) / math.pow(variance, order / 2)


def sharpe_deviation(
    ratio: float, *, skewness: float = NORMAL_SKEWNESS, kurtosis: float = NORMAL_KURTOSIS
) -> float | None:
    """Return ``sqrt(1 - g3 * s + (g4 - 1) / 4 * s^2)`` for the ratio `ratio` of one period.

    ``None`` where the term is not positive: the formula has left its range.
    """
    term = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    return math.sqrt(term) if term > 0.0 else None


def sharpe_interval(
    sharpe: float,
    *,
    observations: int,
    periods_per_year: float,
    skewness: float = NORMAL_SKEWNESS,
    kurtosis: float = NORMAL_KURTOSIS,
) -> tuple[float, float] | None:
    """Compute the 95 % interval of an annualized Sharpe ratio.

    Parameters
    ----------
    sharpe
        Annualized: the ratio of one period times the root of `periods_per_year`.
    observations
        How many returns it was computed from.

    Returns
    -------
    tuple[float, float] | None
        Lower and upper end, annualized; ``None`` under two observations.

    Examples
    --------
    >>> low, high = sharpe_interval(1.0, observations=252, periods_per_year=252)
    >>> round(low, 2), round(high, 2)
    (-0.97, 2.97)
    """
    root = math.sqrt(periods_per_year)
    deviation = sharpe_deviation(sharpe / root, skewness=skewness, kurtosis=kurtosis)
    if deviation is None or observations < SHORTEST:
        return None
    half = Z_TWO_SIDED_95 * deviation / math.sqrt(observations - 1) * root
    return sharpe - half, sharpe + half


def probabilistic_sharpe(
    sharpe: float,
    *,
    observations: int,
    periods_per_year: float,
    skewness: float = NORMAL_SKEWNESS,
    kurtosis: float = NORMAL_KURTOSIS,
    threshold: float = 0.0,
) -> float | None:
    """Compute the probability that the true ratio is over `threshold` (annualized, too).

    Examples
    --------
    >>> round(probabilistic_sharpe(1.0, observations=252, periods_per_year=252), 6)
    0.840624
    """
    root = math.sqrt(periods_per_year)
    deviation = sharpe_deviation(sharpe / root, skewness=skewness, kurtosis=kurtosis)
    if deviation is None or observations < SHORTEST:
        return None
    score = (sharpe - threshold) / root * math.sqrt(observations - 1) / deviation
    return 0.5 * math.erfc(-score / math.sqrt(2.0))


def minimum_track_record(
    sharpe: float,
    *,
    periods_per_year: float,
    skewness: float = NORMAL_SKEWNESS,
    kurtosis: float = NORMAL_KURTOSIS,
) -> float | None:
    """Compute how many returns a ratio has to last until it is over 0 with 95 % probability.

    The inverse of `probabilistic_sharpe`: with that many observations it is 0.95. ``None`` for a
    ratio that is not over 0, or so little that no practical length would do.

    Examples
    --------
    >>> round(minimum_track_record(1.0, periods_per_year=252), 3)
    684.15
    """
    ratio = sharpe / math.sqrt(periods_per_year)
    deviation = sharpe_deviation(ratio, skewness=skewness, kurtosis=kurtosis)
    if deviation is None or ratio <= 0.0:
        return None
    days = 1.0 + (deviation * Z_ONE_SIDED_95 / ratio) ** 2
    return days if days < LONGEST_DAYS else None
