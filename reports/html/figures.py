"""Charts as plain values: what uPlot draws in the page (reports/static/report.js).

A figure is JSON: an x axis and series over it, colours by the names of CSS variables, so that the
page can draw it again for a dark screen or for paper. Long curves lose points, never extremes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.model.units import NS_PER_SECOND
from reports.analysis import Rolling, Year, histogram
from reports.record import Detail, Price, RoundTrip
from reports.reduce import kept_points
from reports.resampled import BAND_QUANTILES, Resampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Figure = dict[str, Any]

POINTS_MAX = 1_500
MARKS_MAX = 600
SECONDS_PER_DAY = 86_400
BREAK_DAYS, BREAK_STEPS = 6, 10
TIME, NUMBER, CATEGORY = "time", "number", "category"


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """What happened, as the charts over time share it; equity in units, the rest as fractions."""

    seconds: Floats
    equity: Floats
    drawdown: Floats
    benchmark: Floats | None
    benchmark_drawdown: Floats | None
    optimistic: Floats | None
    gross: Floats | None
    net: Floats | None


def series(label: str, values: Sequence[float | None] | Floats, color: str, **more: Any) -> Figure:
    """Return one series; `more` is what report.js knows: ``width``, ``dash``, ``fill``, ``bars``."""
    return {"label": label, "values": plain(values), "color": color, **more}


def plain(values: Sequence[float | None] | Floats, digits: int = 7) -> list[float | None]:
    """Return numbers with so many significant digits; what is not finite is null."""
    return [_short(value, digits) for value in values]


def _short(value: float | None, digits: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    number = float(f"{float(value):.{digits}g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def equity_figure(growth: Growth, currency: str, names: tuple[str, str]) -> Figure:
    """Return equity, the other path and the benchmark scaled to begin where the equity does."""
    curves = [growth.equity]
    curves += [curve for curve in (growth.benchmark, growth.optimistic) if curve is not None]
    kept = kept_points(*curves, limit=POINTS_MAX)
    rows = [series(names[0], growth.equity[kept], "equity", width=2)]
    if growth.optimistic is not None:
        rows[0]["label"] = "pessimistic"
        rows.append(series("optimistic", growth.optimistic[kept], "other", width=1.5, dash=[6, 4]))
    if growth.benchmark is not None:
        rows.append(series(names[1], growth.benchmark[kept], "benchmark", width=1.5))
    lowest = min(float(np.nanmin(curve)) for curve in curves)
    return over_time(
        "equity", growth.seconds[kept], rows, "money", unit=currency, logable=lowest > 0
    )


def drawdown_figure(growth: Growth) -> Figure:
    """Return how far the equity is under its peak."""
    curves = [growth.drawdown]
    if growth.benchmark_drawdown is not None:
        curves.append(growth.benchmark_drawdown)
    kept = kept_points(*curves, limit=POINTS_MAX)
    rows = [series("drawdown", growth.drawdown[kept], "loss", fill="loss-soft", width=1.5)]
    if growth.benchmark_drawdown is not None:
        rows.append(series("benchmark", growth.benchmark_drawdown[kept], "benchmark", width=1))
    return over_time("drawdown", growth.seconds[kept], rows, "percent", height=150)


def exposure_figure(growth: Growth) -> Figure | None:
    """Return position values over equity at the closes, as steps."""
    if growth.gross is None or growth.net is None:
        return None
    kept = kept_points(growth.gross, growth.net, limit=POINTS_MAX)
    rows = [
        series("gross", growth.gross[kept], "other", fill="other-soft", width=1.5, step=True),
    ]
    if not np.allclose(growth.gross, growth.net, atol=1e-9):
        rows.append(series("net", growth.net[kept], "equity", width=1.5, step=True))
    return over_time("exposure", growth.seconds[kept], rows, "percent", height=130)


def rolling_figure(rolling: Rolling, seconds: Floats) -> Figure:
    """Return the Sharpe ratio over a moving window."""
    values = np.nan_to_num(rolling.values)
    kept = kept_points(values, limit=POINTS_MAX)
    places = rolling.places[kept] + 1  # the first time is that before the first return
    rows = [series("Sharpe", rolling.values[kept], "equity", width=1.5)]
    return over_time("rolling", seconds[places], rows, "ratio", height=220, zero=True)


def chance_figure(resampled: Resampled, growth: Growth, index: Floats) -> Figure:
    """Return the bands of resampled growth around what happened."""
    start = float(growth.equity[0])
    names = [f"{quantile:.0%}" for quantile in BAND_QUANTILES]
    rows = [
        series(
            name,
            band * start,
            "band",
            width=0.5 if k != 2 else 1.5,
            dash=[4, 4] if k == 2 else None,
        )
        for k, (name, band) in enumerate(zip(names, resampled.growth))
    ]
    marks = resampled.checkpoints
    rows.append(series("happened", index[marks] * start, "equity", width=2))
    figure = over_time("chance", growth.seconds[marks], rows, "money", height=280)
    figure["bands"] = [
        {"high": 5, "low": 1, "color": "band-soft"},
        {"high": 4, "low": 2, "color": "band-soft"},
    ]
    return figure


def deepest_figure(resampled: Resampled, observed: float) -> Figure | None:
    """Return how the deepest drawdown spreads over the resampled paths."""
    bins = histogram(resampled.deepest, bins_max=40)
    if bins is None:
        return None
    share = bins.counts / resampled.deepest.size
    rows = [series("share of paths", share, "loss", bars=True)]
    figure = _numbers("deepest", _centres(bins.edges), rows, "percent", "percent", height=280)
    figure["lines"] = [{"x": observed, "label": "happened", "color": "ink"}]
    figure["width"] = float(bins.edges[1] - bins.edges[0])
    return figure


def histogram_figure(returns: Floats, value_at_risk: float | None) -> Figure | None:
    """Return how daily returns spread, beside a normal of the same mean and deviation.

    Days at exactly 0, mostly days without a position, are left out: their bar would hide the rest.
    """
    moved = returns[returns != 0.0]
    bins = histogram(moved)
    if bins is None:
        return None
    rows = [
        series("days", bins.counts.astype(np.float64), "equity", bars=True, signed=True),
        series("normal", bins.normal, "muted", width=1.5, dash=[4, 4]),
    ]
    figure = _numbers("histogram", _centres(bins.edges), rows, "percent", "count", height=220)
    figure["width"] = float(bins.edges[1] - bins.edges[0])
    figure["left_out"] = int(returns.size - moved.size)
    if value_at_risk is not None:
        figure["lines"] = [{"x": value_at_risk, "label": "VaR 95 %", "color": "loss"}]
    return figure


def years_figure(years: Sequence[Year], benchmark: str) -> Figure:
    """Return the years as bars, beside the benchmark's."""
    rows = [series("strategy", [year.total for year in years], "equity", bars=True, signed=True)]
    if any(year.benchmark is not None for year in years):
        rows.append(series(benchmark, [year.benchmark for year in years], "benchmark", bars=True))
    x = np.arange(len(years), dtype=np.float64)
    figure = _numbers("years", x, rows, CATEGORY, "percent", height=220)
    figure["categories"] = [str(year.year) for year in years]
    return figure


def price_figure(price: Price, trips: Sequence[RoundTrip], number: int) -> Figure:
    """Return a price with every entry and exit; those of the largest trips where they are many."""
    seconds, (close, high, low) = _with_breaks(
        np.array(price.ts_ns, dtype=np.float64) / NS_PER_SECOND,
        [np.array(each, dtype=np.float64) for each in (price.close, price.high, price.low)],
    )
    has_range = bool(np.nanmax(high - low) > 0.0) if seconds.size else False
    rows = [series("close", close, "equity", width=1.5)]
    if has_range:
        rows += [series("high", high, "band", width=0), series("low", low, "band", width=0)]
    figure = over_time(f"price-{number}", seconds, rows, "price", height=320)
    figure["sync"] = ""  # its own axis: instruments may cover other times
    figure["symbol"] = price.symbol
    if has_range:
        figure["bands"] = [{"high": 2, "low": 3, "color": "equity-soft"}]
    mine = [trip for trip in trips if trip.symbol == price.symbol]
    largest = sorted(mine, key=lambda trip: -abs(float(trip.pnl)))[: MARKS_MAX // 2]
    figure["trips"] = [_mark(trip) for trip in sorted(largest, key=lambda trip: trip.entry_ns)]
    figure["trips_total"] = len(mine)
    return figure


def _with_breaks(seconds: Floats, curves: list[Floats]) -> tuple[Floats, list[Floats]]:
    """Lift the pen where data is missing for longer than any holiday."""
    steps = np.diff(seconds)
    if not steps.size:
        return seconds, curves
    wide = max(BREAK_DAYS * SECONDS_PER_DAY, BREAK_STEPS * float(np.median(steps)))
    breaks = np.flatnonzero(steps > wide) + 1
    at = seconds[breaks - 1] + steps[breaks - 1] / 2.0
    return np.insert(seconds, breaks, at), [np.insert(c, breaks, np.nan) for c in curves]


def _mark(trip: RoundTrip) -> list[object]:
    """Return entry time and price, exit time and price, whether long, result, and its text."""
    return [
        trip.entry_ns // NS_PER_SECOND,
        None if trip.entry_price is None else float(trip.entry_price),
        None if trip.exit_ns is None else trip.exit_ns // NS_PER_SECOND,
        None if trip.exit_price is None else float(trip.exit_price),
        1 if trip.direction == "long" else -1,
        _short(float(trip.pnl), 9),
        trip.quantity,
    ]


def growth_of(detail: Detail, index: Floats | None, drawdown: Floats) -> Growth:
    """Return the curves of a run: fine ones where it has them, else those of its closes."""
    daily = detail.daily
    equity = np.array(daily.equity, dtype=np.float64)
    market = None if daily.benchmark is None else np.array(daily.benchmark, dtype=np.float64)
    if market is not None and (not market.size or market[0] <= 0.0):
        market = None
    scaled = None if market is None else market * (equity[0] / market[0])
    other = None if daily.optimistic is None else np.array(daily.optimistic, dtype=np.float64)
    held = equity > 0.0
    safe = np.where(held, equity, 1.0)
    gross = np.where(held, np.array(daily.gross) / safe, np.nan)
    net = np.where(held, np.array(daily.net) / safe, np.nan)
    return Growth(
        seconds=daily.days().astype(np.float64) * SECONDS_PER_DAY,
        equity=equity,
        drawdown=drawdown,
        benchmark=scaled,
        benchmark_drawdown=None if scaled is None else scaled / np.maximum.accumulate(scaled) - 1.0,
        optimistic=other,
        gross=np.nan_to_num(gross) if daily.gross else None,
        net=np.nan_to_num(net) if daily.net else None,
    )


def fine_figures(detail: Detail, currency: str, name: str) -> tuple[Figure, Figure] | None:
    """Return equity and drawdown inside the days, of a run of few sessions."""
    if detail.curve is None:
        return None
    equity = np.array(detail.curve.equity, dtype=np.float64)
    seconds = np.array(detail.curve.ts_ns, dtype=np.float64) / NS_PER_SECOND
    depth = equity / np.maximum.accumulate(equity) - 1.0
    kept = kept_points(equity, limit=POINTS_MAX)
    upper = [series(name, equity[kept], "equity", width=2)]
    lower = [series("drawdown", depth[kept], "loss", fill="loss-soft", width=1.5)]
    return (
        over_time("equity", seconds[kept], upper, "money", unit=currency, logable=True),
        over_time("drawdown", seconds[kept], lower, "percent", height=150),
    )


def over_time(
    name: str,
    seconds: Floats,
    rows: list[Figure],
    form: str,
    *,
    height: int = 320,
    unit: str = "",
    logable: bool = False,
    zero: bool = False,
) -> Figure:
    """Return a figure over time; `logable` lets a reader switch to a logarithmic scale."""
    return {
        "id": name,
        "axis": TIME,
        "x": [int(x) if float(x).is_integer() else float(x) for x in seconds],
        "series": rows,
        "form": form,
        "height": height,
        "unit": unit,
        "logable": logable,
        "zero": zero,
        "sync": "time",
    }


def _numbers(
    name: str, x: Floats, rows: list[Figure], x_form: str, form: str, *, height: int
) -> Figure:
    return {
        "id": name,
        "axis": CATEGORY if x_form == CATEGORY else NUMBER,
        "x": plain(x),
        "x_form": x_form,
        "series": rows,
        "form": form,
        "height": height,
        "sync": "",
    }


def _centres(edges: Floats) -> Floats:
    centres: Floats = (edges[:-1] + edges[1:]) / 2.0
    return centres
