"""Pictures of a run: equity over drawdown, as PNG, SVG or PDF.

Figures are built with matplotlib's object interface on the Agg canvas: no display, no global
state. matplotlib is imported inside the functions, so that `--help` does not wait for it. A
picture is written to a temporary file beside its place and renamed, so a reader never finds half
of one. The same run gives the same bytes: dates of creation are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model.units import NS_PER_DAY
from reports.formats import format_percent
from reports.places import require_file, whole
from reports.summary import RunSummary, ns_to_date

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.datetime64]

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
POINTS_MAX = 4_000
MARKERS_MAX = 200
BREAK_STEPS = 30  # a wait of so many usual steps is a closed market

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
EQUITY, BENCHMARK, LOSS = "#1d5fa8", "#9aa5b1", "#c0392b"
BOUGHT, SOLD = "#2e8b57", "#c0392b"

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "svg.hashsalt": "trader",
    "timezone": "UTC",
}
# Dates and versions inside a file would make two equal pictures differ.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


@dataclass(frozen=True, slots=True, eq=False)
class TradeMarkers:
    """Where the run traded: times, and +1 for a purchase or -1 for a sale."""

    times: TimeArray
    sides: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class EquityPlot:
    """What an equity picture shows; all arrays but `markers` have one length, time ascending.

    Parameters
    ----------
    times
        ``datetime64`` of any unit, UTC.
    equity
        Units of the currency.
    drawdown
        Fractions, zero or negative.
    benchmark
        Any positive unit; it is scaled to begin where the equity begins.
    """

    times: TimeArray
    equity: FloatArray
    drawdown: FloatArray
    title: str
    subtitle: str = ""
    footnote: str = ""
    currency: str = ""
    name: str = "strategy"
    benchmark: FloatArray | None = None
    benchmark_name: str = "benchmark"
    markers: TradeMarkers | None = None

    def __post_init__(self) -> None:
        for name in ("equity", "drawdown", "benchmark"):
            column = getattr(self, name)
            if column is not None and column.size != self.times.size:
                raise InputError(f"{name} has {column.size} points, times has {self.times.size}")


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture that a notebook shows."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


def summary_picture(summary: RunSummary, *, benchmark: FloatArray | None = None) -> Picture:
    """Return the equity picture of a run without writing it."""
    from io import StringIO

    import matplotlib

    page = StringIO()
    style: Any = STYLE
    with matplotlib.rc_context(style):
        figure = draw_equity(plot_of(summary, benchmark=benchmark))
        figure.savefig(page, format="svg", metadata=METADATA["svg"])
    return Picture(page.getvalue())


def plot_summary(
    path: Path,
    summary: RunSummary,
    *,
    benchmark: FloatArray | None = None,
    markers: TradeMarkers | None = None,
) -> None:
    """Write the equity picture of a run; see `plot_equity`."""
    plot_equity(path, plot_of(summary, benchmark=benchmark, markers=markers))


def plot_of(
    summary: RunSummary,
    *,
    benchmark: FloatArray | None = None,
    markers: TradeMarkers | None = None,
) -> EquityPlot:
    """Return what the equity picture of a run shows."""
    start, end = ns_to_date(summary.period_start_ns), ns_to_date(summary.period_end_ns)
    names = ", ".join(summary.instruments[:4])
    more = len(summary.instruments) - 4
    return EquityPlot(
        times=summary.curve.times(),
        equity=summary.curve.equity,
        drawdown=summary.curve.drawdown(),
        title=summary.strategy,
        subtitle=names + (f" and {more} more" if more > 0 else ""),
        footnote=f"{summary.strategy}   data {start} to {end}   "
        f"state {summary.pessimistic.state_hash[:16]}",
        currency=summary.currency,
        name=summary.strategy,
        benchmark=benchmark,
        benchmark_name=summary.benchmark or "benchmark",
        markers=markers,
    )


def plot_equity(path: Path, plot: EquityPlot) -> None:
    """Write equity (with benchmark) over drawdown to `path`; the suffix decides the format.

    Raises
    ------
    InputError
        If the suffix is not .png, .svg or .pdf, the folder is missing or nothing can be written
        there. The file is then as it was before.
    """
    kind = require_picture_path(path)
    import matplotlib

    style: Any = STYLE  # its keys are typed as one literal of hundreds of names
    with matplotlib.rc_context(style), whole(path, "picture") as new:
        figure = draw_equity(plot)
        figure.savefig(new, format=kind, dpi=150, metadata=METADATA[kind])


def require_picture_path(path: Path) -> str:
    """Return the picture format of a path; for a check before a long run.

    Raises
    ------
    InputError
        If the suffix is unknown, the folder can neither be made nor written, or `path` is no file.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path.name or path} is no picture: a picture ends in {', '.join(FORMATS)}",
            where=str(path),
            remedy="Choose another file name.",
        )
    require_file(path)
    return kind


def draw_equity(plot: EquityPlot) -> Figure:
    """Build the figure without writing it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 6.2), facecolor="white")
    FigureCanvasAgg(figure)
    _write_titles(figure, plot)
    if not plot.times.size:
        figure.text(0.5, 0.5, "This run has no equity to show.", ha="center", color=MUTED, size=12)
        return figure
    grid = figure.add_gridspec(
        2, 1, height_ratios=(3, 1), hspace=0.14, left=0.085, right=0.84, top=0.855, bottom=0.115
    )
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    seen = _reduced(plot)
    _draw_curves(upper, seen)
    _draw_markers(upper, plot)
    _draw_drawdown(lower, seen)
    _dress(upper, lower, plot)
    return figure


def _write_titles(figure: Figure, plot: EquityPlot) -> None:
    figure.text(0.085, 0.935, plot.title, size=15, weight="bold", va="baseline")
    figure.text(0.085, 0.895, plot.subtitle, size=9.5, color=MUTED, va="baseline")
    figure.text(0.085, 0.03, plot.footnote, size=7.5, color=MUTED, va="baseline")


def _reduced(plot: EquityPlot) -> EquityPlot:
    """Keep the highest and lowest equity of each span: more points than pixels show nothing."""
    size = plot.times.size
    if size <= POINTS_MAX:
        return plot
    edges = np.linspace(0, size, POINTS_MAX // 2 + 1).astype(np.int64)
    spans = [(int(a), int(b)) for a, b in pairwise(edges)]
    lows = [a + int(plot.equity[a:b].argmin()) for a, b in spans]
    highs = [a + int(plot.equity[a:b].argmax()) for a, b in spans]
    deepest = [int(plot.drawdown.argmin())]
    kept = np.unique(np.array([0, *lows, *highs, *deepest, size - 1], dtype=np.int64))
    return EquityPlot(
        times=plot.times[kept],
        equity=plot.equity[kept],
        drawdown=plot.drawdown[kept],
        title=plot.title,
        name=plot.name,
        benchmark=None if plot.benchmark is None else plot.benchmark[kept],
        benchmark_name=plot.benchmark_name,
    )


def _draw_curves(axes: Axes, plot: EquityPlot) -> None:
    start = float(plot.equity[0])
    axes.axhline(start, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=1)
    ends: list[tuple[float, str, str]] = []
    if plot.benchmark is not None and float(plot.benchmark[0]) > 0.0:
        scaled = plot.benchmark * (start / float(plot.benchmark[0]))
        axes.plot(*_with_breaks(plot.times, scaled), color=BENCHMARK, linewidth=1.1, zorder=2)
        ends.append((float(scaled[-1]), plot.benchmark_name, MUTED))
    point = "o" if plot.times.size == 1 else ""
    line = _with_breaks(plot.times, plot.equity)
    axes.plot(*line, color=EQUITY, linewidth=1.6, marker=point, zorder=3)
    ends.append((float(plot.equity[-1]), plot.name, EQUITY))
    _label_ends(axes, ends, start)


def _with_breaks(times: TimeArray, values: FloatArray) -> tuple[TimeArray, FloatArray]:
    """Lift the pen over nights and weekends of intraday data, where nothing was observed."""
    steps = np.diff(times.astype("datetime64[ns]")).astype(np.int64)
    typical = float(np.median(steps)) if steps.size else 0.0
    if not 0.0 < typical < NS_PER_DAY / 4:
        return times, values
    breaks = np.flatnonzero(steps > BREAK_STEPS * typical) + 1
    return np.insert(times, breaks, times[breaks - 1]), np.insert(values, breaks, np.nan)


def _label_ends(axes: Axes, ends: list[tuple[float, str, str]], start: float) -> None:
    """Name each curve at its end instead of in a legend; labels keep a distance."""
    low, high = axes.get_ylim()
    room = (high - low) * 0.11
    placed: list[float] = []
    for value, name, color in sorted(ends):
        y = max(value, placed[-1] + room) if placed else value
        placed.append(y)
        change = _percent(value / start - 1.0, signed=True) if start > 0.0 else ""
        axes.annotate(
            f"{_shorten(name)}\n{change}",
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            color=color,
            va="center",
            weight="bold",
            size=8.5,
            annotation_clip=False,
        )


def _percent(fraction: float, *, signed: bool = False) -> str:
    """Write a percentage with the minus sign that the axes use."""
    return format_percent(fraction, signed=signed).replace("-", "\u2212")


def _shorten(name: str) -> str:
    return name if len(name) <= 17 else name[:16] + "…"


def _draw_markers(axes: Axes, plot: EquityPlot) -> None:
    """Mark trades on the equity curve; left out where they would hide it."""
    markers = plot.markers
    if markers is None or not 0 < markers.times.size <= MARKERS_MAX:
        return
    place = np.searchsorted(plot.times, markers.times, side="right") - 1
    heights = plot.equity[np.clip(place, 0, plot.times.size - 1)]
    for side, symbol, color in ((1, "^", BOUGHT), (-1, "v", SOLD)):
        chosen = markers.sides == side
        axes.scatter(
            markers.times[chosen],
            heights[chosen],
            marker=symbol,
            s=26,
            color=color,
            edgecolors="white",
            linewidths=0.6,
            zorder=4,
        )


def _draw_drawdown(axes: Axes, plot: EquityPlot) -> None:
    times, depth = _with_breaks(plot.times, plot.drawdown)
    axes.fill_between(times, depth, 0.0, color=LOSS, alpha=0.18, linewidth=0)
    axes.plot(times, depth, color=LOSS, linewidth=0.9)
    deepest = int(plot.drawdown.argmin())
    if plot.drawdown[deepest] >= 0.0:
        axes.set_ylim(-0.01, 0.0)
        return
    axes.set_ylim(float(plot.drawdown[deepest]) * 1.15, 0.0)
    axes.plot(plot.times[deepest], plot.drawdown[deepest], "o", color=LOSS, markersize=3.5)
    axes.annotate(
        f"deepest\n{_percent(float(plot.drawdown[deepest]))}",
        (1.0, float(plot.drawdown[deepest])),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        color=LOSS,
        va="center",
        weight="bold",
        size=8.5,
        annotation_clip=False,
    )


def _dress(upper: Axes, lower: Axes, plot: EquityPlot) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    lower.xaxis.set_major_locator(locator)
    lower.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    upper.tick_params(axis="x", length=0, labelbottom=False)
    upper.yaxis.set_major_formatter(FuncFormatter(_thousands))
    upper.yaxis.set_major_locator(MaxNLocator(6))
    lower.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
    lower.yaxis.set_major_locator(MaxNLocator(3))
    unit = f"equity, {plot.currency}" if plot.currency else "equity"
    for axes, label in ((upper, unit), (lower, "drawdown")):
        axes.set_title(label, loc="left", size=8.5, color=MUTED, pad=4)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    if plot.times.size == 1:
        day = np.timedelta64(1, "D")
        upper.set_xlim(plot.times[0] - day, plot.times[0] + day)
    else:
        upper.set_xlim(plot.times[0], plot.times[-1])


def _thousands(value: float, _position: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 100.0 or value == round(value) else f"{value:,.2f}"
