"""The page that shows two runs beside each other, and the picture of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.rules.metrics import drawdowns, growth_index
from reports.comparison import Comparison, MetricDifference, labels_of
from reports.html import figures, view
from reports.html.page import render
from reports.record import RunDocument

COLORS = ("equity", "other")


def render_comparison(comparison: Comparison) -> str:
    """Return the comparison as an HTML page that needs nothing else."""
    names = labels_of(comparison.a, comparison.b)
    runs = (comparison.a, comparison.b)
    shown = {
        "names": names,
        "runs": runs,
        "subtitles": tuple(view.subtitle(run) for run in runs),
        "lines": comparison.lines(),
        "rows": tuple(_row(row) for row in comparison.metrics),
        "counts": _counts(comparison),
        "settings": comparison.settings,
        "is_same": comparison.is_same,
    }
    return render("compare.html.j2", shown, _figures(comparison, names))


def metric_texts(row: MetricDifference) -> tuple[str, str, str, str]:
    """Return both values, the difference and its interval as text."""
    change = row.difference
    signed = "" if change is None else ("+" if change > 0 else "") + view.metric(row.key, change)
    return (
        view.metric(row.key, row.a),
        view.metric(row.key, row.b),
        signed,
        view.span(row.key, row.interval),
    )


def _row(row: MetricDifference) -> dict[str, str]:
    a, b, difference, interval = metric_texts(row)
    return {
        "name": row.name,
        "a": a,
        "b": b,
        "difference": difference,
        "interval": interval,
        "verdict": row.verdict,
    }


def _counts(comparison: Comparison) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return view.count_rows([comparison.a.pessimistic, comparison.b.pessimistic])


def _figures(comparison: Comparison, names: tuple[str, str]) -> list[figures.Figure]:
    """Return growth of both from 1 and their drawdowns, over the days of either."""
    curves = [_growth(run) for run in (comparison.a, comparison.b)]
    found = [curve for curve in curves if curve is not None]
    if len(found) < 2:
        return []
    seconds = np.union1d(found[0][0], found[1][0])
    growth, depth = [], []
    for (own, index), name, color in zip(found, names, COLORS):
        kept = _on(seconds, own, index)
        growth.append(figures.series(name, kept, color, width=2))
        depth.append(figures.series(name, _on(seconds, own, drawdowns(index)), color, width=1.2))
    return [
        figures.over_time("growth", seconds, growth, "ratio", logable=True),
        figures.over_time("drawdown", seconds, depth, "percent", height=180),
    ]


def _growth(document: RunDocument) -> tuple[figures.Floats, figures.Floats] | None:
    if document.detail is None:
        return None
    returns = document.detail.daily.returns()
    if returns is None:
        return None
    seconds = document.detail.daily.days().astype(np.float64) * figures.SECONDS_PER_DAY
    return seconds, growth_index(returns)


def _on(seconds: figures.Floats, own: figures.Floats, values: figures.Floats) -> figures.Floats:
    """Return values at other times: NaN outside their own span, the last known inside."""
    place = np.searchsorted(own, seconds, side="right") - 1
    inside = (place >= 0) & (seconds <= own[-1])
    return np.where(inside, values[np.maximum(place, 0)], np.nan)


def plot_comparison(path: Path, comparison: Comparison) -> None:
    """Write growth of both runs, and the drawdown of the first, as a picture.

    Raises
    ------
    InputError
        If it cannot be written, or a run has no daily closes.
    """
    from reports.charts import EquityPlot, plot_equity

    names = labels_of(comparison.a, comparison.b)
    one, two = _growth(comparison.a), _growth(comparison.b)
    if one is None or two is None:
        raise InputError("a run has no daily closes to draw", code="report.no_detail")
    plot = EquityPlot(
        times=one[0].astype("datetime64[s]"),
        equity=one[1],
        drawdown=drawdowns(one[1]),
        title=f"{names[0]} and {names[1]}",
        subtitle=f"growth of 1; drawdown of {names[0]}",
        footnote=f"states {comparison.a.state_hash[:16]} and {comparison.b.state_hash[:16]}",
        name=names[0],
        benchmark=np.nan_to_num(_on(one[0], two[0], two[1]), nan=1.0),
        benchmark_name=names[1],
    )
    plot_equity(path, plot)
