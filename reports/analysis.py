"""What a report shows of a series of daily returns: months, years, windows, bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import FLAT_RANGE, MINIMUM_OBSERVATIONS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year: its return, those of its months (None: no day), and the benchmark's."""

    year: int
    total: float
    months: tuple[float | None, ...]
    benchmark: float | None


def yearly_table(days: Ints, returns: Floats, benchmark: Floats | None) -> tuple[Year, ...]:
    """Compound daily returns by month and year.

    Parameters
    ----------
    days
        Day of each return, days since 1970-01-01, ascending.
    """
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    years = months // 12 + 1970
    found = []
    for year in np.unique(years).tolist():
        rows = np.flatnonzero(years == year)
        cells = [_compounded(returns[rows[months[rows] % 12 == month]]) for month in range(12)]
        market = None if benchmark is None else _compounded(benchmark[rows])
        total = _compounded(returns[rows])
        assert total is not None, "a year of the table has days"
        found.append(Year(year, total, tuple(cells), market))
    return tuple(found)


def _compounded(returns: Floats) -> float | None:
    return float(np.prod(1.0 + returns)) - 1.0 if returns.size else None


@dataclass(frozen=True, slots=True, eq=False)
class Rolling:
    """A Sharpe ratio over a moving window; `places` are those of each window's last return."""

    window: int
    places: Ints
    values: Floats


def rolling_sharpe(returns: Floats, *, periods_per_year: float) -> Rolling | None:
    """Compute the Sharpe ratio over windows of half a year, or half the sample if that is less.

    NaN where a window does not vary. ``None`` for fewer than twice the minimum of observations.
    """
    if returns.size < 2 * MINIMUM_OBSERVATIONS:
        return None
    window = max(min(round(periods_per_year / 2), returns.size // 2), MINIMUM_OBSERVATIONS)
    seen = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviation = seen.std(axis=1, ddof=1)
    varies = np.ptp(seen, axis=1) > FLAT_RANGE
    ratio = np.where(varies, seen.mean(axis=1), np.nan) / np.where(varies, deviation, 1.0)
    places = np.arange(window - 1, returns.size)
    return Rolling(window, places, ratio * math.sqrt(periods_per_year))


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts between edges, and what a normal of the same mean and deviation would have."""

    edges: Floats
    counts: Ints
    normal: Floats


def histogram(values: Floats, *, bins_max: int = 61) -> Histogram | None:
    """Count values in bins of equal width (Freedman and Diaconis), 0 on an edge."""
    if values.size < MINIMUM_OBSERVATIONS or float(np.ptp(values)) <= FLAT_RANGE:
        return None
    low, high = float(values.min()), float(values.max())
    quarter, three = np.quantile(values, (0.25, 0.75))
    width = 2.0 * float(three - quarter) / values.size ** (1 / 3)
    width = max(width, (high - low) / bins_max)
    first, last = math.floor(low / width), math.ceil(high / width)
    edges = np.arange(first, last + 1) * width
    edges[-1] = max(edges[-1], high)
    counts, _ = np.histogram(values, bins=edges)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    centres = (edges[:-1] + edges[1:]) / 2.0
    density = np.exp(-0.5 * ((centres - mean) / deviation) ** 2)
    normal = density / (deviation * math.sqrt(2.0 * math.pi)) * width * values.size
    return Histogram(edges, counts.astype(np.int64), normal)


def wilson_interval(hits: int, count: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share of `hits` in `count` (Wilson 1927).

    Examples
    --------
    >>> low, high = wilson_interval(5, 9)
    >>> round(low, 3), round(high, 3)
    (0.267, 0.811)
    """
    if count == 0:
        return None
    z2 = 1.959963984540054**2
    share = hits / count
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return middle - half, middle + half
