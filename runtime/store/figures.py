"""Figures of a return series as the promotion gate defines them, and its bytes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import FLAT_RANGE, drawdowns, growth_index
from engine.rules.sharpe import kurtosis, skewness
from runtime.store.records import ReturnFigures


def figures_of(returns: NDArray[np.float64] | None) -> ReturnFigures:
    """Return the figures of daily returns (fractions, time ascending); None has none.

    Where the returns do not vary, ratio and moments are undefined, and so is what leaves the range of
    floats. Unlike the metrics of a tear
    sheet these have no least number of observations: the gate asks for one itself.

    Examples
    --------
    >>> figures = figures_of(np.array([0.01, -0.005, 0.02, 0.0]))
    >>> figures.observations, round(figures.sharpe_daily, 4)
    (4, 0.5637)
    """
    if returns is None or not returns.size:
        return ReturnFigures()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is undefined below
        values = [_finite(each) for each in _values(returns)]
    return ReturnFigures(returns.size, *values)


def _values(returns: NDArray[np.float64]) -> tuple[float | None, ...]:
    """Return total return, daily ratio, deepest drawdown, skew and kurtosis."""
    growth = growth_index(returns)
    total, drawdown = float(growth[-1]) - 1.0, float(drawdowns(growth).min())
    if returns.size < 2 or float(returns.max() - returns.min()) <= FLAT_RANGE:
        return total, None, drawdown, None, None
    return total, daily_ratio(returns), drawdown, skewness(returns), kurtosis(returns)


def daily_ratio(returns: NDArray[np.float64]) -> float:
    """Return mean over sample deviation of returns that vary, of which there are at least two."""
    return math.fsum(returns.tolist()) / returns.size / float(returns.std(ddof=1))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def to_bytes(returns: NDArray[np.float64] | None) -> bytes:
    """Return a series as little-endian float64, for the registry."""
    return b"" if returns is None else returns.astype("<f8").tobytes()
