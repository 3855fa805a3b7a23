"""The gate's formulas, as functions of returns and counts: no thresholds, no verdicts.

Where engine/rules has a formula (moments, the probabilistic and the deflated Sharpe ratio, the bootstrap)
it is used from there. A figure that is not defined is None, with one exception: a Sharpe ratio of a block
of returns that do not vary is 0 in the overfitting count, where a trial without a trade must have a rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.gate.evidence import DailySeries
from engine.rules.bootstrap import Resampling, resampled_indices
from engine.rules.metric_definitions import FLAT_RANGE, MINIMUM_OBSERVATIONS
from engine.rules.metrics import daily_returns, drawdowns, growth_index
from engine.rules.sharpe import (
    kurtosis,
    minimum_track_record,
    probabilistic_sharpe,
    skewness,
)

Floats = NDArray[np.float64]

MONEY_LIMIT = 2**62  # differences of smaller amounts fit 64 bits
OVERFITTING_BLOCKS = 10
MEAN_BLOCK = 10.0
PATHS = 2_000
NORMAL = NormalDist()


# --- series -------------------------------------------------------------------------------------------
def returns_of(series: DailySeries) -> Floats:
    """Return the daily returns of an account, flows removed.

    Raises
    ------
    InputError
        If the tuples have different lengths, the days do not rise, an amount is out of range, or a day
        began without equity: such a series has no returns.
    """
    _require_series(series)
    equity = np.array(series.equity_minor, dtype=np.int64)
    returns = daily_returns(equity, np.array(series.flows_minor, dtype=np.int64))
    if returns is None:
        raise InputError("a day began without equity, so it has no return")
    return returns


def profits_of(series: DailySeries) -> list[int]:
    """Return each day's profit in minor units, flows removed."""
    _require_series(series)
    equity, flows = series.equity_minor, series.flows_minor
    return [equity[n] - equity[n - 1] - flows[n] for n in range(1, len(equity))]


def _require_series(series: DailySeries) -> None:
    days, equity, flows = series.day_numbers, series.equity_minor, series.flows_minor
    if not len(days) == len(equity) == len(flows):
        raise InputError(f"{len(days)} days, {len(equity)} closes and {len(flows)} flows")
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise InputError("the days of a series do not rise")
    if any(abs(amount) >= MONEY_LIMIT for amount in (*equity, *flows)):
        raise InputError("an amount of a series is out of range")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Daily returns with their moments; made by `sample_of`, so they are enough and do vary.

    Parameters
    ----------
    ratio
        Sharpe ratio of one day: mean over sample deviation.
    skewness, kurtosis
        Biased; a normal has 0 and 3.
    """

    returns: Floats
    periods_per_year: int
    mean: float
    deviation: float
    ratio: float
    skewness: float
    kurtosis: float

    @property
    def count(self) -> int:
        """How many returns."""
        return int(self.returns.size)

    @property
    def sharpe(self) -> float:
        """The annualized Sharpe ratio."""
        return self.ratio * math.sqrt(self.periods_per_year)


def sample_of(returns: Floats, periods_per_year: int) -> Sample | None:
    """Return the moments of returns; None under 20 of them or where they do not vary.

    Raises
    ------
    InputError
        If a return is not a finite number.
    """
    if not np.isfinite(returns).all():
        raise InputError("a daily return is not a finite number")
    if returns.size < MINIMUM_OBSERVATIONS or float(np.ptp(returns)) <= FLAT_RANGE:
        return None
    third, fourth = skewness(returns), kurtosis(returns)
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if third is None or fourth is None or deviation <= 0.0:
        return None
    ratio = mean / deviation
    return Sample(returns, periods_per_year, mean, deviation, ratio, third, fourth)


# --- how sure a Sharpe ratio is -----------------------------------------------------------------------
def probability_over(sample: Sample, threshold: float = 0.0) -> float | None:
    """Return the probability that the true daily ratio is over `threshold`; None out of range (S03)."""
    return probabilistic_sharpe(
        sample.ratio,
        observations=sample.count,
        periods_per_year=1.0,
        skewness=sample.skewness,
        kurtosis=sample.kurtosis,
        threshold=threshold,
    )


def days_needed(sample: Sample) -> float | None:
    """Return the minimum track record length, in days; None where no length would do (S04)."""
    return minimum_track_record(
        sample.ratio,
        periods_per_year=1.0,
        skewness=sample.skewness,
        kurtosis=sample.kurtosis,
    )


def hac_lags(count: int) -> int:
    """Return ``floor(4 (T / 100)^(2/9))``: how many lags the long-run variance looks at.

    Examples
    --------
    >>> [hac_lags(count) for count in (20, 100, 252, 1250)]
    [2, 4, 4, 7]
    """
    return math.floor(4.0 * math.pow(count / 100.0, 2.0 / 9.0))


def long_run_variance(returns: Floats) -> float:
    """Return the Newey-West variance of returns, Bartlett weights, divided by T; it may not be over 0.

    Source: Newey and West (1987), Econometrica 55(3). Smoothed marks make returns follow each other;
    the plain deviation is then too small, this one is not.
    """
    centred = returns - returns.mean()
    count, lags = returns.size, hac_lags(returns.size)
    total = float(centred @ centred)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    return float(total / count)


def hac_sharpe(sample: Sample) -> float | None:
    """Return the smaller of the Sharpe ratio and that by the long-run variance, annualized (S02)."""
    variance = long_run_variance(sample.returns)
    if not variance > 0.0:
        return None
    by_long_run = sample.mean / math.sqrt(variance) * math.sqrt(sample.periods_per_year)
    return min(sample.sharpe, by_long_run)


# --- the cost of having searched ----------------------------------------------------------------------
def daily_ratios(rows: Floats) -> Floats:
    """Return the daily Sharpe ratio of each row; 0 for one that does not vary."""
    return _ratios(rows.mean(axis=1), rows.std(axis=1, ddof=1))


def _ratios(means: Floats, deviations: Floats) -> Floats:
    varies = deviations > FLAT_RANGE
    ratios: Floats = np.where(varies, means / np.where(varies, deviations, 1.0), 0.0)
    return ratios


def mean_correlation(rows: Floats) -> float:
    """Return the mean correlation between all pairs of rows, clipped to 0..1; 0 where there is no pair.

    By the square of the sum of standardized rows: N rows cost N steps and not N squared. A row that does
    not vary is correlated with none.
    """
    count = int(rows.shape[0])
    if count < 2:
        return 0.0
    centred = rows - rows.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    units = np.where(norms > FLAT_RANGE, centred / np.where(norms > 0.0, norms, 1.0), 0.0)
    together = float(np.square(units.sum(axis=0)).sum() - np.square(units).sum())
    return min(max(together / (count * (count - 1)), 0.0), 1.0)


def effective_trials(count: int, correlation: float) -> float:
    """Return how many independent trials so many correlated ones are worth (S05).

    Examples
    --------
    >>> round(effective_trials(20, 0.8), 6)
    4.8
    """
    return 1.0 + (count - 1) * (1.0 - correlation)


def selection_probability(over_zero: float, trials: float) -> float:
    """Return the probability that the best of so many trials without an edge looks this good (S05).

    Examples
    --------
    >>> round(selection_probability(0.992595, 20), 4)
    0.1381
    """
    return -math.expm1(trials * math.log(over_zero)) if over_zero > 0.0 else 1.0


def overfitting(rows: Floats, blocks: int = OVERFITTING_BLOCKS) -> tuple[float, list[float]] | None:
    """Return the probability of backtest overfitting and the logits it is counted from (S07).

    Combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado and Zhu (2017), J.
    Computational Finance 20(4). For every choice of half the blocks the best trial there is ranked among
    all trials in the other half; the share of choices in which it is in the lower half is the answer.

    Parameters
    ----------
    rows
        Daily returns, shape ``(trials, days)``. The first ``days mod blocks`` are left out.
    blocks
        Even.

    Returns
    -------
    tuple[float, list[float]] | None
        None for fewer than two trials or less than two days in a block.
    """
    trials, days = rows.shape
    length = days // blocks
    if trials < 2 or length < 2:
        return None
    kept = rows[:, days - length * blocks :].reshape(trials, blocks, length)
    means = kept.mean(axis=2)
    squares = np.square(kept - means[:, :, np.newaxis]).sum(axis=2)
    everything = range(blocks)
    logits = []
    for chosen in combinations(everything, blocks // 2):
        others = [block for block in everything if block not in chosen]
        inside = _ratios_of_blocks(means, squares, list(chosen), length)
        outside = _ratios_of_blocks(means, squares, others, length)
        logits.append(_logit_of_rank(outside, winner=int(inside.argmax())))
    return sum(logit <= 0.0 for logit in logits) / len(logits), logits


def _ratios_of_blocks(means: Floats, squares: Floats, blocks: list[int], length: int) -> Floats:
    """Return the daily ratios over some blocks, from each block's mean and sum of squares around it."""
    mean = means[:, blocks].mean(axis=1)
    between = np.square(means[:, blocks] - mean[:, np.newaxis]).sum(axis=1) * length
    total = squares[:, blocks].sum(axis=1) + between
    return _ratios(mean, np.sqrt(total / (len(blocks) * length - 1)))


def _logit_of_rank(ratios: Floats, *, winner: int) -> float:
    below = int((ratios < ratios[winner]).sum())
    equal = int((ratios == ratios[winner]).sum())
    share = (below + (equal + 1) / 2.0) / (ratios.size + 1)
    return math.log(share / (1.0 - share))


# --- paper against shadow and backtest ----------------------------------------------------------------
def student_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t for a probability over one half and whole degrees of freedom.

    Newton's method on the distribution, which for whole degrees is a finite sum (Abramowitz and Stegun
    26.7.3 and 26.7.4). It begins at the normal quantile, which is nearer to 0; the distribution is concave
    there, so every step stays on that side and the steps end.

    Examples
    --------
    >>> round(student_quantile(0.95, 9), 6)
    1.833113
    """
    if not (0.5 < probability < 1.0 and degrees >= 1):
        raise InputError(f"no quantile for probability {probability} and {degrees} degrees")
    found = NORMAL.inv_cdf(probability)
    for _ in range(200):
        step = (probability - student_cdf(found, degrees)) / _student_density(found, degrees)
        if abs(step) <= 1e-13 * found:
            break
        found += step
    return found


def student_cdf(t: float, degrees: int) -> float:
    """Return the probability that Student's t is under `t`."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    is_odd = degrees % 2 == 1
    first = 3 if is_odd else 2  # ratios 2/3, 4/5, ... or 1/2, 3/4, ...
    below = np.arange(first, degrees - 1, 2, dtype=np.float64)
    terms = np.concatenate((np.ones(1), np.cumprod((below - 1.0) / below * square)))
    total = float(terms.sum())
    if not is_odd:
        inside = sine * total
    elif degrees == 1:
        inside = 2.0 / math.pi * angle
    else:
        inside = 2.0 / math.pi * (angle + sine * math.cos(angle) * total)
    return 0.5 + inside / 2.0


def _student_density(t: float, degrees: int) -> float:
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    log_shape = -(degrees + 1) / 2 * math.log1p(t * t / degrees)
    return math.exp(log_scale + log_shape) / math.sqrt(degrees * math.pi)


def upper_confidence(values: Sequence[float], probability: float = 0.95) -> float:
    """Return the upper end of the one-sided confidence interval of a mean (P02)."""
    numbers = np.array(values, dtype=np.float64)
    error = float(numbers.std(ddof=1)) / math.sqrt(numbers.size)
    return float(numbers.mean()) + student_quantile(probability, numbers.size - 1) * error


def tracking_error(ours: Floats, shadow: Floats) -> float | None:
    """Return the deviation of the difference over that of the shadow; None where that is 0 (P03)."""
    if ours.size < 2 or float(np.ptp(shadow)) <= FLAT_RANGE:
        return None
    return float((ours - shadow).std(ddof=1)) / float(shadow.std(ddof=1))


# --- drawdowns ----------------------------------------------------------------------------------------
def deepest_drawdown(returns: Floats) -> float:
    """Return the deepest drawdown as a fraction over 0; 0 for returns that never fell."""
    return -float(drawdowns(growth_index(returns)).min())


def drawdown_quantiles(returns: Floats, *, seed: int, days: int, quantile: float) -> Floats:
    """Return, for each day up to `days`, the quantile of the deepest drawdown until then.

    Over 2,000 paths of the stationary bootstrap with blocks of 10 days on average.
    """
    resampling = Resampling(seed=seed, paths=PATHS, mean_block=MEAN_BLOCK)
    drawn = returns[resampled_indices(returns.size, resampling, 0, PATHS, length=days)]
    index = np.concatenate((np.ones((PATHS, 1)), np.cumprod(1.0 + drawn, axis=1)), axis=1)
    depth = 1.0 - index / np.maximum.accumulate(index, axis=1)
    deepest = np.maximum.accumulate(depth, axis=1)[:, 1:]
    quantiles: Floats = np.quantile(deepest, quantile, axis=0)
    return quantiles
