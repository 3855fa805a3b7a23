"""A small picture of a check: prices, with a mark where something was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.history import BarColumns, InstrumentHistory, QuoteColumns, TradeColumns
from data.importing.options import ImportOptions
from data.numbers import Floats, Ints, to_floats
from data.quality.codes import Severity
from data.quality.report import Finding, QualityReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS_MAX = 4
_POINTS_MAX = 4_000
_COLOURS = {Severity.ERROR: "#c0392b", Severity.WARNING: "#e08e0b", Severity.INFO: "#7f8c8d"}


def prices_of(part: InstrumentHistory) -> tuple[Ints, Floats]:
    """Return times and closes (bids, prints) of one instrument, for `draw`."""
    columns = part.bars or part.quotes or part.trades
    assert columns is not None
    match columns:
        case BarColumns():
            ticks = columns.close_ticks
        case QuoteColumns():
            ticks = columns.bid_ticks
        case TradeColumns():
            ticks = columns.price_ticks
    return columns.ts_ns, to_floats(ticks, part.instrument.price_precision)


def file_prices(path: Path, options: ImportOptions, symbol: str) -> tuple[Ints, Floats]:
    """Return times and closes (bids, prints) of one instrument of a file, for `draw`."""
    from data.quality.check import read_for_check

    table, numbers, times = read_for_check(path, options)
    role = {"bars": "close", "quotes": "bid", "trades": "price"}[table.layout.kind]
    group = table.groups[table.symbols.index(symbol)]
    stamps = times.close_ns[group]
    return stamps[stamps != 0], numbers[role].floats[group][stamps != 0]


def panels(report: QualityReport) -> tuple[str, ...]:
    """Return the instruments worth a panel: those with findings, the worst first."""
    worst: dict[str, list[int]] = {symbol: [0, 0, 0] for symbol in report.symbols}
    for finding in report.findings:
        worst[finding.symbol][list(Severity).index(finding.severity)] += 1
    ordered = sorted(report.symbols, key=lambda symbol: worst[symbol], reverse=True)
    return tuple(ordered[:_PANELS_MAX])


def draw(report: QualityReport, prices: Sequence[tuple[str, Ints, Floats]], path: Path) -> None:
    """Write the picture (PNG or SVG by the file's name): one panel per instrument."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + 2.4 * len(prices)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(prices), 1, squeeze=False)[:, 0]
    for axis, (symbol, stamps, values) in zip(axes, prices):
        mine = [finding for finding in report.findings if finding.symbol == symbol]
        _panel(axis, symbol, stamps, values, mine)
    totals = ", ".join(f"{n} {s.value}{'s' * (n != 1)}" for s, n in report.by_severity.items() if n)
    figure.suptitle(f"{report.name}: {totals or 'nothing found'}", fontsize=11)
    figure.savefig(path, dpi=110)


def _panel(
    axis: Axes, symbol: str, stamps: Ints, values: Floats, findings: Sequence[Finding]
) -> None:
    order = np.argsort(stamps, kind="stable")
    stamps, values = stamps[order], values[order]
    step = max(1, len(stamps) // _POINTS_MAX)
    axis.plot(stamps[::step].astype("datetime64[ns]"), values[::step], color="#34495e", lw=0.9)
    for severity in reversed(Severity):
        marked = [f.ts_ns for f in findings if f.severity is severity and f.ts_ns is not None]
        if not marked:
            continue
        when = np.array(marked, dtype=np.int64)
        place = np.minimum(np.searchsorted(stamps, when), len(stamps) - 1)
        codes = sorted({f.code for f in findings if f.severity is severity})
        axis.plot(
            when.astype("datetime64[ns]"),
            values[place],
            linestyle="none",
            marker="o",
            markersize=4,
            markerfacecolor="none",
            color=_COLOURS[severity],
            label=f"{len(marked)} {severity.value}: {', '.join(codes)}",
        )
    axis.set_title(symbol, loc="left", fontsize=10)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    if findings:
        axis.legend(fontsize=7, frameon=False, loc="best")
