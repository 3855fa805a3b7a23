"""What chance could have made of the same days: bands, intervals and the spread of drawdowns.

All of it comes from one set of stationary-bootstrap paths (`engine.rules.bootstrap`). Returns and
their compounding are resampled, deposits are not: the bands are those of a growth index that begins
at 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.rules.bootstrap import Resampling, resampled_indices, resampled_returns
from engine.rules.metrics import FLAT_RANGE, MINIMUM_OBSERVATIONS, drawdowns, growth_index

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, float], Floats]

BAND_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
INTERVAL_QUANTILES = (0.025, 0.975)
CHECKPOINTS_MAX = 240
_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """The paths, reduced to what is shown.

    Parameters
    ----------
    checkpoints
        Places in the growth index (0 is the start) at which the bands are known.
    growth
        Quantiles `BAND_QUANTILES` of the growth index, shape ``(5, checkpoints)``.
    depth
        The same of the drawdown at each checkpoint.
    deepest, final
        Each path's deepest drawdown (negative) and final growth.
    intervals
        95 % percentile interval of each metric of returns.
    """

    checkpoints: NDArray[np.int64]
    growth: Floats
    depth: Floats
    deepest: Floats
    final: Floats
    intervals: dict[str, tuple[float, float]]
    resampling: Resampling


def resample(
    returns: Floats, *, periods_per_year: float, resampling: Resampling
) -> Resampled | None:
    """Resample daily returns; ``None`` where they are too few or do not vary."""
    if is_thin(returns):
        return None
    marks = np.unique(np.linspace(0, returns.size, CHECKPOINTS_MAX + 1).astype(np.int64))
    growth, depth = [], []
    found: dict[str, list[Floats]] = {key: [] for key in STATISTICS}
    for piece in resampled_returns(returns, resampling):
        index = np.concatenate((np.ones((len(piece), 1)), np.cumprod(1.0 + piece, axis=1)), axis=1)
        below = index / np.maximum.accumulate(index, axis=1) - 1.0
        growth.append(index[:, marks])
        depth.append(below[:, marks])
        for key, values in path_statistics(piece, index, below, periods_per_year).items():
            found[key].append(values)
    joined = {key: np.concatenate(values) for key, values in found.items()}
    quantiles = np.array(BAND_QUANTILES)
    return Resampled(
        checkpoints=marks,
        growth=np.quantile(np.concatenate(growth), quantiles, axis=0),
        depth=np.quantile(np.concatenate(depth), quantiles, axis=0),
        deepest=joined["max_drawdown"],
        final=1.0 + joined["total_return"],
        intervals={
            key: interval for key, values in joined.items() if (interval := interval_of(values))
        },
        resampling=resampling,
    )


def is_thin(returns: Floats) -> bool:
    """Say whether returns are too few or too flat to resample."""
    return returns.size < MINIMUM_OBSERVATIONS or float(np.ptp(returns)) <= FLAT_RANGE


def interval_of(values: Floats) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of the defined values; None when most are undefined."""
    known = values[np.isfinite(values)]
    if known.size < values.size / 2:
        return None
    low, high = np.quantile(known, INTERVAL_QUANTILES)
    return float(low), float(high)


STATISTICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "var_95",
    "cvar_95",
)


def path_statistics(
    returns: Floats, index: Floats, below: Floats, periods_per_year: float
) -> dict[str, Floats]:
    """Return each path's metrics, by the definitions of the metrics; NaN where undefined.

    Parameters
    ----------
    returns
        One path a row.
    index, below
        Its growth index and drawdowns, one column more.
    """
    days, root = returns.shape[1], math.sqrt(periods_per_year)
    mean, deviation = returns.mean(axis=1), returns.std(axis=1, ddof=1)
    downside = np.sqrt(np.square(np.minimum(returns, 0.0)).mean(axis=1))
    total, deepest = index[:, -1], below.min(axis=1)
    cagr = np.power(np.maximum(total, 0.0), periods_per_year / days) - 1.0
    ordered = np.partition(returns, [*_tail_places(days)], axis=1)
    return {
        "total_return": total - 1.0,
        "cagr": cagr,
        "volatility": deviation * root,
        "sharpe": _ratio(mean, deviation) * root,
        "sortino": _ratio(mean, downside) * root,
        "calmar": _ratio(cagr, -deepest),
        "max_drawdown": deepest,
        "var_95": _quantile(ordered, days),
        "cvar_95": ordered[:, : int((days - 1) * 0.05) + 1].mean(axis=1),
    }


def _tail_places(days: int) -> tuple[int, int]:
    first = int((days - 1) * 0.05)
    return first, min(first + 1, days - 1)


def _quantile(ordered: Floats, days: int) -> Floats:
    """Return the 5 % quantile, linear between order statistics, of partitioned rows."""
    low, high = _tail_places(days)
    weight = (days - 1) * 0.05 - low
    result: Floats = ordered[:, low] * (1.0 - weight) + ordered[:, high] * weight
    return result


def _ratio(top: Floats, bottom: Floats) -> Floats:
    defined = bottom > FLAT_RANGE
    result: Floats = np.where(defined, top, np.nan) / np.where(defined, bottom, 1.0)
    return result


def resampled_differences(
    first: Floats, second: Floats, *, periods_per_year: float, resampling: Resampling
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of ``second - first`` per metric, from days drawn for both together.

    Parameters
    ----------
    first, second
        Returns of two runs on the same days.
    """
    if is_thin(first) or is_thin(second):
        return {}
    step = max(_CHUNK_CELLS // first.size, 1)
    found: dict[str, list[Floats]] = {key: [] for key in STATISTICS}
    for start in range(0, resampling.paths, step):
        count = min(step, resampling.paths - start)
        drawn = resampled_indices(first.size, resampling, start, count)
        one, two = (_statistics_of(run[drawn], periods_per_year) for run in (first, second))
        for key in STATISTICS:
            found[key].append(two[key] - one[key])
    joined = {key: interval_of(np.concatenate(values)) for key, values in found.items()}
    return {key: interval for key, interval in joined.items() if interval is not None}


def _statistics_of(returns: Floats, periods_per_year: float) -> dict[str, Floats]:
    index = np.concatenate((np.ones((len(returns), 1)), np.cumprod(1.0 + returns, axis=1)), axis=1)
    below = index / np.maximum.accumulate(index, axis=1) - 1.0
    return path_statistics(returns, index, below, periods_per_year)


def observed_growth(returns: Floats) -> tuple[Floats, Floats]:
    """Return the growth index that happened, and its drawdowns."""
    index = growth_index(returns)
    return index, drawdowns(index)
