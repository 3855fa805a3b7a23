"""`SweepResult`: a finished search, as a person in a notebook or a command wants it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.rules.deflated import Deflated, deflated_sharpe
from runtime.config import ParameterValue
from runtime.sweep.folder import RESULTS_NAME, RETURNS_NAME, values_of
from runtime.sweep.manifest import Manifest
from runtime.sweep.ranking import Profile, nearest_loss, profiles, ranked

if TYPE_CHECKING:
    import polars as pl

    from runtime.sweep.walking import Walk


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """All trials of a search.

    Parameters
    ----------
    folder
        Where its files are.
    manifest
        What was searched.
    metric
        What best means.
    family_trials
        How many trials the strategy's family has by now, this search among them; None where nobody
        counts.
    """

    folder: Path
    manifest: Manifest
    metric: str
    family_trials: int | None = None

    @cached_property
    def trials(self) -> pl.DataFrame:
        """One row per trial, in the order of their numbers."""
        import polars as pl

        return pl.read_parquet(self.folder / RESULTS_NAME)

    @cached_property
    def returns(self) -> pl.DataFrame:
        """One row per trial with its days and daily returns, as lists."""
        import polars as pl

        return pl.read_parquet(self.folder / RETURNS_NAME)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that were searched."""
        return tuple(self.manifest.parameters)

    @cached_property
    def ranked(self) -> pl.DataFrame:
        """The trials whose metric is defined, the best first; training windows are not mixed in."""
        return ranked(self.trials, self.metric)

    @property
    def best(self) -> dict[str, object] | None:
        """The row of the best trial; None when no trial has the metric."""
        return self.ranked.row(0, named=True) if len(self.ranked) else None

    @property
    def best_parameters(self) -> dict[str, ParameterValue] | None:
        """The parameters of the best trial, as a strategy takes them."""
        return None if self.best is None else values_of(self.best, self.names)

    @property
    def failed(self) -> int:
        """How many trials failed."""
        return int(self.trials["error"].is_not_null().sum())

    def returns_of(self, trial: int) -> NDArray[np.float64]:
        """Return the daily returns of a trial."""
        import polars as pl

        row = self.returns.filter(pl.col("trial") == trial)
        values: NDArray[np.float64] = row["return"][0].to_numpy()
        return values

    def deflated(self) -> Deflated | None:
        """Return the deflated Sharpe ratio of the best trial; None where it is undefined."""
        import polars as pl

        if self.best is None:
            return None
        yearly = self.trials["sharpe"].cast(pl.Float64).drop_nulls().to_numpy()
        daily = yearly / math.sqrt(self.manifest.periods_per_year)
        return deflated_sharpe(
            self.returns_of(int(str(self.best["trial"]))),
            trials=max(self.family_trials or 0, len(self.trials)),
            trial_variance=float(daily.var(ddof=1)) if daily.size > 1 else 0.0,
            periods_per_year=self.manifest.periods_per_year,
        )

    def profiles(self) -> list[Profile]:
        """Return the metric along each parameter through the best trial; a grid's only."""
        if self.best is None or self.manifest.method != "grid":
            return []
        return profiles(self.trials, self.best, self.names, self.metric)

    def nearest_loss(self) -> float | None:
        """Return what the trials nearest to the best lose in the median; see `nearest_loss`."""
        if self.best is None:
            return None
        return nearest_loss(self.trials, self.best, self.names, self.metric)

    def walk(self) -> Walk:
        """Return the windows of a walk-forward."""
        from runtime.sweep.walking import walk_of

        return walk_of(self)

    def __repr__(self) -> str:
        best = "no trial has it" if self.best is None else f"best {self.best[self.metric]:.4g}"
        return f"SweepResult({self.manifest.strategy}: {len(self.trials):,} trials, {self.metric} {best})"
