"""The picture of a gate's report: every check as a square, the backtest in what luck could have made of it, the
search that it came from.

A square says its verdict by colour and by a sign (+ pass, x fail, ? the evidence does not say), so that
nothing hangs on colour alone; what is not required is drawn small.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.gate.evidence import DailySeries, Evidence, unpack_returns
from engine.gate.statistics import returns_of
from engine.gate.verdicts import Check, Report, Verdict
from engine.rules.bootstrap import Resampling, resampled_indices
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
_GROUPS: Final = (("R", "needed"), ("S", "edge"), ("P", "paper"))
_COLOURS: Final = {Verdict.PASS: BOUGHT, Verdict.FAIL: LOSS, Verdict.INSUFFICIENT: "#d9a514"}
_SIGNS: Final = {Verdict.PASS: "+", Verdict.FAIL: "x", Verdict.INSUFFICIENT: "?"}
_PATHS: Final = 1_000
_BAND: Final = (0.05, 0.95)
_BARS_MOST: Final = 30


def plot_gate(path: Path, report: Report, evidence: Evidence) -> None:
    """Write the picture; the suffix decides the format.

    Raises
    ------
    InputError
        If the suffix is not .png, .svg or .pdf, or nothing can be written there.
    """
    kind = require_picture_path(path)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = STYLE
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.6, 6.4), dpi=150)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            2, 2, height_ratios=(2, 3), width_ratios=(5, 3), hspace=0.5, wspace=0.16,
            left=0.09, right=0.96, top=0.85, bottom=0.11,
        )  # fmt: skip
        figure.text(
            0.09, 0.945, f"{report.strategy}: {report.overall.value}",
            fontsize=15, fontweight="bold", color=INK,
        )  # fmt: skip
        figure.text(0.09, 0.9, _subtitle(report), color=MUTED, fontsize=10)
        _draw_checks(figure.add_subplot(grid[0, :]), report)
        _draw_growth(figure.add_subplot(grid[1, 0]), evidence)
        _draw_trials(figure.add_subplot(grid[1, 1]), evidence)
        with whole(path, "picture") as new:
            figure.savefig(new, format=kind, metadata=METADATA[kind])


def _subtitle(report: Report) -> str:
    counted = [each for each in report.checks if each.counts]
    passed = sum(each.verdict is Verdict.PASS for each in counted)
    kind = report.evidence_class.value
    return f"{passed} of {len(counted)} required checks pass, profile {report.profile}, evidence {kind}"


# --- checks -------------------------------------------------------------------------------------------
def _draw_checks(axes: Axes, report: Report) -> None:
    groups = [[each for each in report.checks if each.id[0] == letter] for letter, _ in _GROUPS]
    widest = max(map(len, groups))
    for row, checks in enumerate(groups):
        for column, check in enumerate(checks):
            _draw_check(axes, column, -row, check)
    axes.set_xlim(-0.5, widest - 0.5)
    axes.set_ylim(0.5 - len(groups), 0.5)
    axes.set_yticks([-row for row in range(len(groups))], [name for _, name in _GROUPS])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_xlabel(
        "+ pass   x fail   ? the evidence does not say yet   small: told, but not required",
        loc="left", fontsize=9,
    )  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_check(axes: Axes, x: int, y: int, check: Check) -> None:
    from matplotlib.patches import Rectangle

    width, height = (0.9, 0.84) if check.counts else (0.62, 0.56)
    axes.add_patch(
        Rectangle(
            (x - width / 2, y - height / 2),
            width,
            height,
            linewidth=0,
            facecolor=_COLOURS[check.verdict],
            alpha=1.0 if check.counts else 0.45,
        )
    )
    size = 10.0 if check.counts else 7.5
    axes.text(
        x, y, f"{check.id} {_SIGNS[check.verdict]}", ha="center", va="center", color=_text_colour(check),
        fontsize=size, fontweight="bold",
    )  # fmt: skip


def _text_colour(check: Check) -> str:
    is_dark = check.counts and check.verdict is not Verdict.INSUFFICIENT
    return "white" if is_dark else INK


# --- the backtest --------------------------------------------------------------------------------------
def _draw_growth(axes: Axes, evidence: Evidence) -> None:
    returns = _returns(None if evidence.backtest is None else evidence.backtest.daily)
    if not returns.size:
        _say_nothing(axes, "there is no backtest")
        return
    days = np.arange(returns.size + 1)
    growth = _growth(returns)
    drawn = resampled_indices(
        returns.size, Resampling(evidence.subject.seed, paths=_PATHS), 0, _PATHS
    )
    paths = np.concatenate((np.ones((_PATHS, 1)), np.cumprod(1 + returns[drawn], axis=1)), axis=1)
    low, high = (100 * (each - 1) for each in np.quantile(paths, _BAND, axis=0))
    axes.fill_between(days, low, high, color=EQUITY, alpha=0.12, linewidth=0)
    axes.plot(days, 100 * (growth - 1), color=EQUITY, linewidth=1.6)
    axes.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    held = _returns(None if evidence.holdout is None else evidence.holdout.daily)
    length = held.size or (0 if evidence.holdout is None else evidence.holdout.days)
    if length:
        axes.axvspan(returns.size, returns.size + length, color=GRID, alpha=0.6, linewidth=0)
    if held.size:
        after = growth[-1] * _growth(held)
        axes.plot(
            returns.size + np.arange(held.size + 1), 100 * (after - 1), color=INK, linewidth=1.6
        )
    sealed = "" if held.size else ", sealed"
    told = "growth in %, by day; shaded: 90 % of what its days, drawn anew, would give"
    axes.set_title(
        f"{told}\ngrey: held out{sealed}" if length else told,
        loc="left", color=MUTED, fontsize=9,
    )  # fmt: skip
    axes.margins(x=0)
    _dress(axes)


def _growth(returns: Floats) -> Floats:
    return np.concatenate(([1.0], np.cumprod(1 + returns)))


def _returns(daily: DailySeries | None) -> Floats:
    """Return daily returns; none where a series has none."""
    try:
        return np.empty(0) if daily is None else returns_of(daily)
    except InputError:
        return np.empty(0)


# --- the search ----------------------------------------------------------------------------------------
def _draw_trials(axes: Axes, evidence: Evidence) -> None:
    from matplotlib.ticker import MaxNLocator

    backtest, trials = evidence.backtest, evidence.trials
    if backtest is None or trials is None:
        _say_nothing(axes, "what was tried is not known")
        return
    ratios = _ratios(
        unpack_returns(trials.returns, days=len(trials.day_numbers)), backtest.periods_per_year
    )
    own = _ratios(_returns(backtest.daily)[None, :], backtest.periods_per_year)
    if not ratios.size or not own.size:
        _say_nothing(axes, "no trial has daily returns")
        return
    axes.hist(ratios, bins=min(_BARS_MOST, max(5, ratios.size // 4)), color=BENCHMARK)
    axes.axvline(float(own[0]), color=EQUITY, linewidth=2.2)
    axes.axvline(1.0, color=MUTED, linewidth=0.9, linestyle="--")
    axes.set_title(
        f"Sharpe of {ratios.size} trials ({trials.count} counted)\nblue: this one, dashed: what is asked",
        loc="left", color=MUTED, fontsize=9,
    )  # fmt: skip
    _dress(axes)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _ratios(rows: Floats, periods_per_year: int) -> Floats:
    """Return annual Sharpe ratios of those rows that vary."""
    if rows.ndim != 2 or rows.shape[1] < 2:
        return np.empty(0)
    deviation = rows.std(axis=1, ddof=1)
    varying = deviation > 0
    ratios: Floats = rows.mean(axis=1)[varying] / deviation[varying] * np.sqrt(periods_per_year)
    return ratios


# --- small things ---------------------------------------------------------------------------------------
def _say_nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(GRID)


def _dress(axes: Axes) -> None:
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
