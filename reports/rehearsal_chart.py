"""The picture of a rehearsal: growth of backtest, paper and live on one axis of days, the drift below.

Trading days follow each other without nights; the days that were held out are a gap with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reports.charts import (
    BENCHMARK,
    BOUGHT,
    EQUITY,
    GRID,
    INK,
    LOSS,
    METADATA,
    MUTED,
    STYLE,
    require_picture_path,
)
from reports.places import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
GAP_DAYS = 3
_LABELS_MOST = 5
_COLOURS = (BENCHMARK, EQUITY, BOUGHT)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Growth of an account since its start, where it is 1; `days` is the trading day of each value, empty: one value a day."""

    name: str
    days: Sequence[date]
    growth: Floats


@dataclass(frozen=True, slots=True)
class Alarmed:
    """The day of an alarm, and what followed."""

    day: date
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A monitor: what it measures, its value after each live day, and the limit at which it alarms."""

    text: str
    values: Sequence[tuple[date, float]]
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class RehearsalPlot:
    """What the picture shows; `drift` is the monitor that has alarmed."""

    title: str
    backtest: Part
    paper: Part
    live: Part
    drift: Watched
    alarm: Alarmed | None


def write_rehearsal(path: Path, plot: RehearsalPlot) -> None:
    """Write the picture."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    require_picture_path(path)
    style: Any = STYLE
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.6, 5.6), dpi=150)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 1, height_ratios=(5, 2), hspace=0.32, left=0.08, right=0.97, top=0.84, bottom=0.1
        )
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        figure.text(0.08, 0.935, plot.title, size=15, weight="bold", color=INK)
        figure.text(
            0.08,
            0.895,
            "REHEARSAL: a synthetic market, a simulated venue. No market, no money.",
            size=9.5,
            color=LOSS,
        )
        places = _draw_growth(upper, plot)
        _draw_drift(lower, plot, places)
        _dress(upper, lower, places)
        lower.set_title(f"drift: {plot.drift.text}", loc="left", size=8.5, color=MUTED, pad=4)
        kind = path.suffix.removeprefix(".")
        with whole(path, "picture") as new:
            figure.savefig(new, format=kind, metadata=METADATA[kind])


def _draw_growth(axes: Axes, plot: RehearsalPlot) -> dict[date, float]:
    """Draw the three parts, each from where the one before ended; return the place of each day's close."""
    places: dict[date, float] = {}
    level, start = 1.0, 0.0
    for part, colour in zip((plot.backtest, plot.paper, plot.live), _COLOURS, strict=True):
        if part.days:
            days = sorted(set(part.days))
            x = np.array(_within(part.days, {day: start + n for n, day in enumerate(days)}))
            places |= {day: start + n + 1.0 for n, day in enumerate(days)}
            length = float(len(days))
        else:
            x = start + np.arange(1.0, part.growth.size + 1.0)
            length = float(part.growth.size)
        x = np.concatenate(([start], x))
        growth = level * np.concatenate(([1.0], part.growth))
        axes.plot(x, 100.0 * (growth - 1.0), color=colour, linewidth=1.6)
        axes.annotate(
            part.name,
            (start + length / 2.0, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            color=MUTED if colour == BENCHMARK else colour,
            weight="bold",
            size=8.5,
        )
        level = float(growth[-1])
        start += length
        axes.axvline(start, color=GRID, linewidth=1.0)
        if not part.days:
            axes.axvspan(start, start + GAP_DAYS, color=GRID, alpha=0.6, linewidth=0)
            axes.annotate(
                "held\nout",
                (start + GAP_DAYS / 2.0, 0.5),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="center",
                size=7.5,
                color=MUTED,
            )
            start += GAP_DAYS
    return places


def _within(days: Sequence[date], first: dict[date, float]) -> list[float]:
    """Return a place within its day for each value, evenly."""
    counts: dict[date, int] = {}
    for day in days:
        counts[day] = counts.get(day, 0) + 1
    seen: dict[date, int] = {}
    found = []
    for day in days:
        seen[day] = seen.get(day, 0) + 1
        found.append(first[day] + seen[day] / counts[day])
    return found


def _draw_drift(axes: Axes, plot: RehearsalPlot, places: dict[date, float]) -> None:
    limit = plot.drift.limit
    known = [(places[day], value) for day, value in plot.drift.values if day in places]
    x, values = [each[0] for each in known], [each[1] for each in known]
    axes.bar([each - 0.5 for each in x], values, width=0.8, color=LOSS, alpha=0.35)
    axes.axhline(limit, color=LOSS, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.annotate(
        f"alarm at {limit:.3g}",
        (0.0, limit),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        size=8,
        color=LOSS,
    )
    axes.set_ylim(0.0, max([limit * 1.6, *[1.15 * each for each in values]]))
    if plot.alarm is not None and plot.alarm.day in places:
        place = places[plot.alarm.day]
        axes.axvline(place, color=LOSS, linewidth=1.2)
        axes.annotate(
            f"{plot.alarm.day:%Y-%m-%d}: {plot.alarm.text}",
            (place, 0.88),
            xycoords=("data", "axes fraction"),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            size=8.5,
            weight="bold",
            color=LOSS,
        )


def _dress(upper: Axes, lower: Axes, places: dict[date, float]) -> None:
    from matplotlib.ticker import PercentFormatter

    upper.set_ylabel("growth", size=8.5, color=MUTED)
    upper.yaxis.set_major_formatter(PercentFormatter(100.0, decimals=2, symbol=" %"))
    upper.tick_params(axis="x", length=0, labelbottom=False)
    days = list(places.items())
    shown = days[:: -(len(days) // _LABELS_MOST + 1)]  # the last one is always told
    lower.set_xticks([place - 0.5 for _, place in shown])
    lower.set_xticklabels([f"{day:%m-%d}" for day, _ in shown])
    for axes in (upper, lower):
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    upper.set_xlim(0.0, max(places.values()) + 0.5)
