"""Walk-forward: what each training part chooses, and the stitched result of the parts after it.

Each test part is a run of its own: it begins flat and with the strategy's starting cash, and its
indicators are warm from the data before. The stitched curve chains the daily returns of the test
parts. Positions open at the end of a part are marked at its last close, not sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import DailyAccount, Metrics, growth_index, measure
from runtime.config import ParameterValue
from runtime.sweep.files import replace_file
from runtime.sweep.folder import column_name, values_of
from runtime.sweep.plan import Plan
from runtime.sweep.ranking import ranked
from runtime.sweep.trial import Task

if TYPE_CHECKING:
    import polars as pl

    from runtime.sweep.result import SweepResult

WINDOWS_NAME, CURVE_NAME = "windows.parquet", "out-of-sample.parquet"


@dataclass(frozen=True, slots=True)
class Step:
    """One window: what was chosen in training, and what became of it.

    Metrics are None where they are undefined; `parameters` are None where no trial of the training
    part had the metric, and then nothing was traded.
    """

    window: int
    train_ns: tuple[int, int]
    test_ns: tuple[int, int]
    parameters: Mapping[str, ParameterValue] | None
    train_metric: float | None
    test_metric: float | None
    test_return: float | None
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """All windows and the stitched test parts; `days` are days since 1970, one per return."""

    steps: tuple[Step, ...]
    days: NDArray[np.int64]
    returns: NDArray[np.float64]
    metrics: Metrics

    def growth(self) -> NDArray[np.float64]:
        """Return the stitched curve: 1 before the first day, then one value per day."""
        return growth_index(self.returns)


def chosen_rows(
    plan_windows: int, trials: pl.DataFrame, metric: str
) -> list[dict[str, object] | None]:
    """Return the best training trial of each window; None where none has the metric."""
    import polars as pl

    rows: list[dict[str, object] | None] = []
    for window in range(plan_windows):
        part = trials.filter((pl.col("walk_window") == window) & (pl.col("walk_phase") == "train"))
        order = ranked(part, metric)
        rows.append(order.row(0, named=True) if len(order) else None)
    return rows


def test_tasks(plan: Plan, trials: pl.DataFrame, metric: str) -> list[Task]:
    """Return the runs of the test parts with what their training parts chose.

    A window without a choice runs the first combination: its row is needed, and says what it is.
    """
    windows = plan.searched_spans
    tasks = []
    for window, row in enumerate(chosen_rows(windows, trials, metric)):
        fallback = plan.space.values(int(plan.numbers[0]))
        parameters = fallback if row is None else values_of(row, plan.space.names)
        tasks.append(Task(plan.count + window, windows + window, parameters))
    return tasks


def walk_of(result: SweepResult) -> Walk:
    """Put the windows of a finished walk-forward together."""
    import polars as pl

    manifest, trials = result.manifest, result.trials
    train = [span for span in manifest.spans if span.phase == "train"]
    test = [span for span in manifest.spans if span.phase == "test"]
    proofs = trials.filter(pl.col("walk_phase") == "test").sort("walk_window").to_dicts()
    chosen = chosen_rows(len(train), trials, result.metric)
    steps, days, series = [], [], []
    for k, (choice, proof) in enumerate(zip(chosen, proofs, strict=True)):
        is_traded = choice is not None and proof["error"] is None
        row = result.returns.filter(pl.col("trial") == proof["trial"])
        part_days = row["day"][0].cast(pl.Int32).cast(pl.Int64).to_numpy()
        values = row["return"][0].to_numpy()
        steps.append(
            Step(
                window=k,
                train_ns=(train[k].start_ns or 0, train[k].end_ns or 0),
                test_ns=(test[k].start_ns or 0, test[k].end_ns or 0),
                parameters=None if choice is None else values_of(choice, result.names),
                train_metric=None if choice is None else _number(choice[result.metric]),
                test_metric=_number(proof[result.metric]) if is_traded else None,
                test_return=float(growth_index(values)[-1]) - 1.0 if is_traded else None,
                error=proof["error"] or "",
            )
        )
        days.append(part_days)
        series.append(values if is_traded else np.zeros_like(values))
    return _stitched(tuple(steps), days, series, manifest.periods_per_year)


def _stitched(
    steps: tuple[Step, ...],
    days: list[NDArray[np.int64]],
    series: list[NDArray[np.float64]],
    periods_per_year: float,
) -> Walk:
    all_days = np.concatenate(days)
    returns = np.nan_to_num(np.concatenate(series), nan=-1.0)  # a day that began without equity
    first = all_days[:1] - 1 if all_days.size else np.zeros(1, dtype=np.int64)
    account = DailyAccount(
        growth_index(returns),
        periods_per_year=periods_per_year,
        day_numbers=np.concatenate((first, all_days)),
    )
    return Walk(steps, all_days, returns, measure(account))


def save_walk(result: SweepResult) -> list[Path]:
    """Write the windows and the stitched curve beside the tables of trials; return their paths."""
    import polars as pl

    walk = result.walk()
    windows = pl.DataFrame([_window_row(step) for step in walk.steps])
    curve = pl.DataFrame(
        {
            "day": pl.Series(walk.days.astype(np.int32)).cast(pl.Date),
            "return": walk.returns,
            "growth": walk.growth()[1:],
        }
    )
    paths = []
    for name, frame in ((WINDOWS_NAME, windows), (CURVE_NAME, curve)):
        paths.append(result.folder / name)
        replace_file(paths[-1], frame.write_parquet)
    return paths


def _window_row(step: Step) -> dict[str, object]:
    parameters = (step.parameters or {}).items()
    chosen = {column_name(k): v if isinstance(v, bool) else float(v) for k, v in parameters}
    return {
        "walk_window": step.window,
        "train_start": ns_to_datetime(step.train_ns[0]),
        "train_end": ns_to_datetime(step.train_ns[1]),
        "test_start": ns_to_datetime(step.test_ns[0]),
        "test_end": ns_to_datetime(step.test_ns[1]),
        **chosen,
        "train_metric": step.train_metric,
        "test_metric": step.test_metric,
        "test_return": step.test_return,
        "error": step.error or None,
    }


def ns_to_datetime(ns: int) -> datetime:
    """Return a time to the microsecond, UTC."""
    return datetime.fromtimestamp(ns // 10**9, UTC) + timedelta(microseconds=ns % 10**9 // 1000)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None
