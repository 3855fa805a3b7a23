"""The pictures of a search: its heat map and its stability, beside its tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.rules.metrics import definition_of, drawdowns
from reports.charts import EquityPlot, plot_equity
from reports.heatmap import HeatMap, Line, Stability, plot_heat_map, plot_stability
from runtime.sweep.folder import column_name
from runtime.sweep.ranking import LOWER_IS_BETTER, plane
from runtime.sweep.result import SweepResult

HEAT_MAP_NAME, STABILITY_NAME, WALK_NAME = "heatmap.png", "stability.png", "walk-forward.png"


def draw_pictures(result: SweepResult) -> list[Path]:
    """Write the pictures that this search has something for, and return their paths."""
    if result.best is None:
        return []
    if result.manifest.walk_forward:
        return [_draw_walk(result)]
    made = []
    names = _two_parameters(result)
    if len(names) == 2 and result.manifest.method == "grid":
        made.append(result.folder / HEAT_MAP_NAME)
        plot_heat_map(made[-1], heat_map_of(result, *names))
    plot = stability_of(result)
    if plot.lines:
        made.append(result.folder / STABILITY_NAME)
        plot_stability(made[-1], plot)
    return made


def _draw_walk(result: SweepResult) -> Path:
    walk = result.walk()
    growth = walk.growth()
    days = np.concatenate((walk.days[:1] - 1, walk.days))
    path = result.folder / WALK_NAME
    plot = EquityPlot(
        times=days.astype("datetime64[D]"),
        equity=100.0 * growth,
        drawdown=drawdowns(growth),
        title=f"{result.manifest.strategy}: out of sample",
        subtitle=f"{len(walk.steps)} windows in one ({result.manifest.walk_forward}); begins at 100",
        footnote=_footnote(result),
        name=result.manifest.strategy,
    )
    plot_equity(path, plot)
    return path


def _two_parameters(result: SweepResult) -> list[str]:
    """Return the two parameters with the most values, in the order asked; numbers only."""
    trials = result.trials
    counts = {name: trials[column_name(name)].n_unique() for name in result.names}
    several = [name for name in result.names if counts[name] > 1]
    widest = sorted(several, key=lambda name: -counts[name])[:2]
    return [name for name in several if name in widest]


def heat_map_of(result: SweepResult, x: str, y: str) -> HeatMap:
    """Return the heat map of two parameters."""
    assert result.best is not None
    xs, ys, values = plane(result.trials, x, y, result.metric)
    column = int(np.searchsorted(xs, float(str(_value(result, x)))))
    row = int(np.searchsorted(ys, float(str(_value(result, y)))))
    others = [name for name in result.names if name not in (x, y)]
    return HeatMap(
        title=f"{result.manifest.strategy}: {_words(result.metric)}",
        subtitle=_facts(result) + (f"; best over {', '.join(others)}" if others else ""),
        footnote=_footnote(result),
        x_name=x,
        y_name=y,
        metric=_words(result.metric),
        x=xs,
        y=ys,
        values=values,
        best=(column, row),
        higher_is_better=result.metric not in LOWER_IS_BETTER,
    )


def stability_of(result: SweepResult) -> Stability:
    """Return how the metric changes along each parameter through the best trial."""
    is_grid = result.manifest.method == "grid"
    lines = _lines(result) if is_grid else _clouds(result)
    return Stability(
        title=f"{result.manifest.strategy}: how stable is the best?",
        subtitle="One parameter changed at a time, the others as in the best trial. "
        "An edge is a plateau; a peak is luck."
        if is_grid
        else "All trials by each parameter. An edge is a plateau; a peak is luck.",
        footnote=_footnote(result),
        metric=_words(result.metric),
        lines=lines,
    )


def _lines(result: SweepResult) -> list[Line]:
    return [
        Line(each.parameter, each.values, each.metric, each.best, each.neighbour_loss())
        for each in result.profiles()
    ]


def _clouds(result: SweepResult) -> list[Line]:
    import polars as pl

    trials = result.ranked  # the best is the first
    metric = trials[result.metric].cast(pl.Float64).to_numpy()
    return [
        Line(name, trials[column_name(name)].cast(pl.Float64).to_numpy(), metric, 0, is_cloud=True)
        for name in result.names
        if trials[column_name(name)].n_unique() > 1
    ]


def _value(result: SweepResult, name: str) -> object:
    assert result.best is not None
    value = result.best[column_name(name)]
    return int(value) if isinstance(value, bool) else value


def _facts(result: SweepResult) -> str:
    return f"{result.manifest.dataset}, {len(result.trials):,} trials"


def _footnote(result: SweepResult) -> str:
    counted = result.family_trials
    said = "" if counted is None else f"   {counted:,} trials of this family so far"
    return f"data {result.manifest.data[:16]}   plan {result.manifest.plan[:16]}{said}"


def _words(metric: str) -> str:
    return definition_of(metric).name
