"""Pictures of a parameter search: a heat map of two parameters, and how stable the best one is.

The colours are cividis, which is read alike with and without colour blindness, and in grey. The best
cell has a frame and its parameters in words, so that nothing hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reports.charts import GRID, INK, METADATA, MUTED, STYLE, require_picture_path
from reports.places import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

COLORS = "cividis"
LINE, BEST = "#1d5fa8", "#b3261e"
VALUES_NAMED_MAX = 8
TICKS_MAX = 12
CELLS_WITH_NUMBERS_MAX = 150
PROFILES_MAX = 6


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """What a heat map shows.

    Parameters
    ----------
    x, y
        Values of the two parameters, ascending.
    values
        The metric, shape ``(len(y), len(x))``; NaN where there is no trial.
    best
        Column and row of the best cell.
    higher_is_better
        Else the colours are turned round: bright is good.
    """

    title: str
    subtitle: str
    footnote: str
    x_name: str
    y_name: str
    metric: str
    x: Floats
    y: Floats
    values: Floats
    best: tuple[int, int]
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A metric along one parameter through the best trial, whose place is `best`.

    `loss` is what the worse direct neighbour loses of the best value, as a fraction; None: unknown.
    With `is_cloud` the points are all trials of a search without a grid: nothing connects them.
    """

    name: str
    values: Floats
    metric: Floats
    best: int
    loss: float | None = None
    is_cloud: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """How a metric changes along each parameter, the others held at the best trial's values."""

    title: str
    subtitle: str
    footnote: str
    metric: str
    lines: Sequence[Line]


def plot_heat_map(path: Path, plot: HeatMap) -> None:
    """Write a heat map; the suffix decides the format.

    Raises
    ------
    InputError
        If the suffix is not .png, .svg or .pdf, or nothing can be written there.
    """
    _write(path, lambda: draw_heat_map(plot))


def plot_stability(path: Path, plot: Stability) -> None:
    """Write a stability picture; see `plot_heat_map`."""
    _write(path, lambda: draw_stability(plot))


def _write(path: Path, draw: Callable[[], Figure]) -> None:
    kind = require_picture_path(path)
    import matplotlib

    style: Any = STYLE  # its keys are typed as one literal of hundreds of names
    with matplotlib.rc_context(style), whole(path, "picture") as new:
        draw().savefig(new, format=kind, dpi=150, metadata=METADATA[kind])


def draw_heat_map(plot: HeatMap) -> Figure:
    """Build the figure without writing it."""
    figure = _figure(9.0, 6.4, plot.title, plot.subtitle, plot.footnote)
    axes = figure.add_axes((0.1, 0.13, 0.74, 0.7))
    colors = COLORS if plot.higher_is_better else f"{COLORS}_r"
    axes.set_facecolor(GRID)  # no trial
    image = axes.imshow(
        np.ma.masked_invalid(plot.values), origin="lower", aspect="auto", cmap=colors
    )
    _ticks(axes.xaxis, plot.x)
    _ticks(axes.yaxis, plot.y)
    axes.set_xlabel(plot.x_name)
    axes.set_ylabel(plot.y_name)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if plot.values.size <= CELLS_WITH_NUMBERS_MAX:
        _write_numbers(axes, plot, image)
    _mark_best(axes, plot)
    bar = figure.colorbar(image, cax=figure.add_axes((0.865, 0.13, 0.022, 0.7)))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.ax.set_title(plot.metric, size=8.5, color=MUTED, loc="left", pad=8)
    return figure


def _write_numbers(axes: Axes, plot: HeatMap, image: Any) -> None:
    """Write each value into its cell, dark on bright and bright on dark."""
    for (row, column), value in np.ndenumerate(plot.values):
        if np.isnan(value):
            continue
        red, green, blue, _ = image.cmap(image.norm(value))
        is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        color = INK if is_bright else "white"
        axes.text(column, row, _number(value), ha="center", va="center", size=7.0, color=color)


def _mark_best(axes: Axes, plot: HeatMap) -> None:
    from matplotlib.patches import Rectangle

    column, row = plot.best
    for width, color in ((4.0, "white"), (2.0, BEST)):
        axes.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=width, ec=color, zorder=5)
        )
    value = plot.values[row, column]
    axes.text(  # beside the cells: over them it would hide what they say
        1.0,
        1.02,
        f"framed: best {_number(value)}, "
        f"{plot.x_name} {plot.x[column]:g}, {plot.y_name} {plot.y[row]:g}",
        transform=axes.transAxes,
        ha="right",
        size=8.5,
        weight="bold",
        color=BEST,
    )


def draw_stability(plot: Stability) -> Figure:
    """Build the figure without writing it."""
    lines = list(plot.lines)[:PROFILES_MAX]
    columns = min(len(lines), 2) or 1
    rows = -(-len(lines) // columns) or 1
    height = 1.8 + 2.6 * rows
    figure = _figure(9.0, height, plot.title, plot.subtitle, plot.footnote)
    if not lines:
        figure.text(0.5, 0.5, "Each parameter has one value: nothing to compare.", ha="center")
        return figure
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.09,
        right=0.97,
        top=1 - 1.25 / height,
        bottom=0.85 / height,
        hspace=0.55,
        wspace=0.18,
    )
    known = np.concatenate([line.metric[~np.isnan(line.metric)] for line in lines])
    low, high = float(known.min()), float(known.max())
    if lines[0].is_cloud:  # a few terrible trials must not flatten the rest
        low = float(np.quantile(known, 0.02))
    room = 0.12 * (high - low or 1.0)
    for place, line in enumerate(lines):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        axes.set_ylim(min(low, 0.0) - room, high + 2 * room)
        _draw_line(axes, line)
        if place % columns == 0:
            axes.set_ylabel(plot.metric)
    return figure


def _draw_line(axes: Axes, line: Line) -> None:
    axes.axhline(0.0, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    if line.is_cloud:
        axes.plot(line.values, line.metric, "o", color=LINE, ms=4.0, alpha=0.6, mew=0)
    else:
        marker = "o" if len(line.values) <= 40 else ""
        axes.plot(line.values, line.metric, color=LINE, linewidth=1.5, marker=marker, ms=3.5)
        if len(line.values) <= VALUES_NAMED_MAX:  # only what was tried
            axes.set_xticks(line.values, [f"{each:g}" for each in line.values])
    at, peak = line.values[line.best], line.metric[line.best]
    axes.plot([at], [peak], "o", ms=9, mfc="none", mec=BEST, mew=1.8)
    axes.annotate(
        f"best {_number(peak)}",
        (at, peak),
        xytext=(0, 9),
        textcoords="offset points",
        ha="left" if at == line.values.min() else "right" if at == line.values.max() else "center",
        size=8,
        weight="bold",
        color=BEST,
    )
    axes.set_title(_said(line), loc="left", size=9, color=INK, pad=6)
    axes.set_xlabel(line.name)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.margins(x=0.06)


def _said(line: Line) -> str:
    if line.is_cloud:
        return line.name
    if line.loss is None:
        return f"{line.name}: no neighbour to compare with"
    return f"{line.name}: the worse neighbour loses {100 * line.loss:.0f} %"


def _figure(width: float, height: float, title: str, subtitle: str, footnote: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.09, 1 - 0.42 / height, title, size=14, weight="bold", va="baseline")
    figure.text(0.09, 1 - 0.7 / height, subtitle, size=9, color=MUTED, va="baseline")
    figure.text(0.09, 0.16 / height, footnote, size=7.5, color=MUTED, va="baseline")
    return figure


def _ticks(axis: Any, values: Floats) -> None:
    step = max(1, -(-len(values) // TICKS_MAX))
    places = np.arange(0, len(values), step)
    axis.set_ticks(places, [f"{values[k]:g}" for k in places])


def _number(value: float) -> str:
    size = abs(value)
    text = f"{value:.2f}" if 0.1 <= size < 100 or value == 0 else f"{value:.3g}"
    return text.replace("-", "\u2212")
