"""Which trial is best, by which metric, and what its neighbours say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from runtime.config.problems import did_you_mean
from runtime.sweep.folder import column_name
from runtime.sweep.trial import METRICS

if TYPE_CHECKING:
    import polars as pl

# Of these less is better; losses (drawdown, VaR) are negative numbers, of which more is better.
LOWER_IS_BETTER = frozenset({"volatility", "max_drawdown_days", "turnover", "exposure"})


def require_metric(metric: str) -> str:
    """Return the metric.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if metric not in METRICS:
        known = f"there are: {', '.join(METRICS)}"
        raise InputError(
            f"unknown metric {metric!r}",
            where="--metric",
            remedy=did_you_mean(metric, METRICS) or known,
        )
    return metric


def score(values: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Return values as scores: more is better, undefined is the worst."""
    signed = -values if metric in LOWER_IS_BETTER else values
    return np.where(np.isnan(values), -np.inf, signed)


def ranked(trials: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Return the trials with the best first; of equals the first, failed ones not at all."""
    import polars as pl

    defined = trials.filter(pl.col(metric).is_not_null())
    is_descending = metric not in LOWER_IS_BETTER
    return defined.sort([metric, "trial"], descending=[is_descending, False])


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A metric along one parameter through the best trial, the others held.

    `values` ascend; `best` is the place of the best trial among them.
    """

    parameter: str
    values: NDArray[np.float64]
    metric: NDArray[np.float64]
    best: int

    def neighbour_loss(self) -> float | None:
        """Return how much of the best value the worse direct neighbour loses, as a fraction of it.

        None without a neighbour, or where the best is not over zero.
        """
        peak = float(self.metric[self.best])
        beside = [k for k in (self.best - 1, self.best + 1) if 0 <= k < len(self.values)]
        around = [float(self.metric[k]) for k in beside if not np.isnan(self.metric[k])]
        if not around or peak <= 0.0:
            return None
        return (peak - min(around)) / peak


def profiles(
    trials: pl.DataFrame, best: Mapping[str, object], names: Sequence[str], metric: str
) -> list[Profile]:
    """Return for each parameter with several values the metric along it through the best trial."""
    import polars as pl

    made = []
    for name in names:
        line = trials
        for other in names:
            if other != name:
                line = line.filter(pl.col(column_name(other)) == best[column_name(other)])
        line = line.sort(column_name(name))
        values = line[column_name(name)].cast(pl.Float64).to_numpy()
        if len(values) < 2:
            continue
        place = int(np.flatnonzero(line["trial"].to_numpy() == best["trial"])[0])
        numbers = line[metric].cast(pl.Float64).fill_null(np.nan).to_numpy()
        made.append(Profile(name, values, numbers, place))
    return made


def nearest_loss(
    trials: pl.DataFrame,
    best: Mapping[str, object],
    names: Sequence[str],
    metric: str,
    *,
    count: int = 8,
) -> float | None:
    """Return how much of the best value the trials nearest to it lose in the median, as a fraction.

    For searches without a grid, in which the best has no neighbours one step aside. Near is measured
    in parts of each parameter's range. None with fewer trials, or where the best is not over zero.
    """
    import polars as pl

    peak = float(str(best[metric]))
    others = trials.filter((pl.col("trial") != best["trial"]) & pl.col(metric).is_not_null())
    if len(others) < count or peak <= 0.0:
        return None
    distance = np.zeros(len(others))
    for name in names:
        values = others[column_name(name)].cast(pl.Float64).to_numpy()
        span = float(np.ptp(values)) or 1.0
        distance += ((values - float(best[column_name(name)])) / span) ** 2  # type: ignore[arg-type]
    near = np.argsort(distance, kind="stable")[:count]
    around = others[metric].cast(pl.Float64).to_numpy()[near]
    return (peak - float(np.median(around))) / peak


def plane(
    trials: pl.DataFrame, x: str, y: str, metric: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of two parameters and the metric over them, shape ``(len(y), len(x))``.

    Where other parameters were searched too, a cell has the best of its trials; NaN where there is
    none.
    """
    import polars as pl

    better = pl.col(metric).min() if metric in LOWER_IS_BETTER else pl.col(metric).max()
    across, up = column_name(x), column_name(y)
    cells = trials.group_by([across, up]).agg(better)
    xs = np.unique(cells[across].cast(pl.Float64).to_numpy())
    ys = np.unique(cells[up].cast(pl.Float64).to_numpy())
    grid = np.full((len(ys), len(xs)), np.nan)
    columns = np.searchsorted(xs, cells[across].cast(pl.Float64).to_numpy())
    rows = np.searchsorted(ys, cells[up].cast(pl.Float64).to_numpy())
    grid[rows, columns] = cells[metric].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return xs, ys, grid
