"""What the template of a report shows, as text: every number is formatted here, none in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.model.units import NS_PER_SECOND
from engine.rules.metrics import DEFINITIONS, definition_of
from engine.rules.under_water import Drawdown
from reports.analysis import Year, wilson_interval
from reports.formats import UNDEFINED, format_metric, format_money, format_percent
from reports.loop_tables import exit_cells
from reports.record import PathDocument, RoundTrip, RunDocument
from reports.summary import ns_to_date
from reports.trading import DenialRow, ExitRow

Intervals = dict[str, tuple[float, float]]
MINUS = "−"
TRIPS_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Card:
    """One headline figure: its name, value, the line under it, and a tone (gain, loss or none)."""

    name: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of the full table."""

    name: str
    values: tuple[str, ...]
    interval: str
    benchmark: str
    formula: str
    reason: str


def minus(text: str) -> str:
    """Return a number's text with a real minus sign."""
    return text.replace("-", MINUS) if text != UNDEFINED else text


def percent(fraction: float | None, *, signed: bool = False) -> str:
    """Write a fraction as a percentage, a dash where there is none."""
    return UNDEFINED if fraction is None else minus(format_percent(fraction, signed=signed))


def metric(key: str, value: float | None) -> str:
    """Write a metric in its unit, a dash where it is undefined."""
    return UNDEFINED if value is None else minus(format_metric(value, definition_of(key).unit))


def span(key: str, interval: tuple[float, float] | None) -> str:
    """Write an interval in a metric's unit; empty where there is none."""
    if interval is None:
        return ""
    return f"{metric(key, interval[0])} to {metric(key, interval[1])}"


def money(text: str | None) -> str:
    """Write exact money for the eye."""
    return UNDEFINED if text is None else minus(format_money(Decimal(text)))


def moment(ns: int | None) -> str:
    """Write a time: the date, and the time of day where it says something."""
    if ns is None:
        return "open"
    seconds = ns // NS_PER_SECOND
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def cards(document: RunDocument, intervals: Intervals) -> tuple[Card, ...]:
    """Return the headline figures of the path that is judged."""
    path = document.pessimistic
    m = path.metrics
    return (
        Card(
            "Net return",
            percent(path.net_return, signed=True),
            f"{money(document.starting_cash)} → {money(path.final_equity)} {document.currency}",
            _tone(path.net_return),
        ),
        Card("CAGR", metric("cagr", m["cagr"]), _noted("cagr", intervals), _tone(m["cagr"])),
        Card("Sharpe", metric("sharpe", m["sharpe"]), _noted("sharpe", intervals)),
        Card(
            "Max drawdown",
            metric("max_drawdown", m["max_drawdown"]),
            _noted("max_drawdown", intervals),
            "loss" if m["max_drawdown"] else "",
        ),
        Card("Volatility", metric("volatility", m["volatility"]), _noted("volatility", intervals)),
        _benchmark_card(document),
        Card("Closed trades", f"{path.trades.closed:,}", _hits(path)),
        Card("Costs", money(path.costs["total"]), _cost_share(document)),
    )


def _benchmark_card(document: RunDocument) -> Card:
    if document.benchmark is None:
        return Card("Exposure", metric("exposure", document.pessimistic.metrics["exposure"]))
    beta = document.pessimistic.metrics["beta"]
    note = document.benchmark + ("" if beta is None else f", beta {metric('beta', beta)}")
    return Card("Benchmark", percent(document.benchmark_return, signed=True), note)


def _noted(key: str, intervals: Intervals) -> str:
    text = span(key, intervals.get(key))
    return f"95 %: {text}" if text else "too short a sample for an interval"


def _tone(value: float | None) -> str:
    if value is None or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def _hits(path: PathDocument) -> str:
    interval = wilson_interval(path.trades.won, path.trades.closed)
    if interval is None:
        return "none"
    share = path.trades.won / path.trades.closed
    return f"{share:.0%} won, 95 %: {interval[0]:.0%} to {interval[1]:.0%}"


def _cost_share(document: RunDocument) -> str:
    cash = Decimal(document.starting_cash)
    if cash <= 0:
        return document.currency
    total = float(Decimal(document.pessimistic.costs["total"]) / cash)
    return f"{document.currency}, {percent(total)} of the starting cash"


def metric_rows(
    document: RunDocument, intervals: Intervals, benchmark: dict[str, float | None]
) -> tuple[MetricRow, ...]:
    """Return every metric of both paths, with interval, benchmark and definition."""
    paths = [document.pessimistic, *([document.optimistic] if document.optimistic else [])]
    rows = []
    for row in DEFINITIONS:
        values = tuple(metric(row.key, path.metrics.get(row.key)) for path in paths)
        rows.append(
            MetricRow(
                name=row.name,
                values=values,
                interval=span(row.key, intervals.get(row.key)),
                benchmark=metric(row.key, benchmark[row.key]) if row.key in benchmark else "",
                formula=row.formula,
                reason=document.pessimistic.undefined.get(row.key, ""),
            )
        )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the monthly table: text, and how strongly to colour it (-100 to 100)."""

    text: str
    strength: int


def heat_rows(years: Sequence[Year]) -> tuple[tuple[str, tuple[Cell, ...], Cell], ...]:
    """Return the monthly table: year, twelve cells, the year's total."""
    known = [abs(cell) for year in years for cell in year.months if cell is not None]
    scale = float(np.quantile(known, 0.95)) if known else 1.0
    top = max((abs(year.total) for year in years), default=1.0)
    return tuple(
        (
            str(year.year),
            tuple(_cell(cell, scale) for cell in year.months),
            _cell(year.total, top),
        )
        for year in years
    )


def _cell(value: float | None, scale: float) -> Cell:
    if value is None:
        return Cell("", 0)
    strength = 0 if scale <= 0 else round(max(min(value / scale, 1.0), -1.0) * 100)
    return Cell(minus(f"{value * 100:.1f}").replace(f"{MINUS}0.0", "0.0"), strength)


def exit_rows(rows: Sequence[ExitRow]) -> list[tuple[str, ...]]:
    """Return the cells of the table per exit reason."""
    return [(row[0], *map(minus, row[1:])) for row in exit_cells(rows)]


def denial_rows(rows: Sequence[DenialRow]) -> list[tuple[str, str, str, str]]:
    """Return the cells of the table of denials."""
    return [(row.reason, row.sentence, f"{row.signals:,}", f"{row.orders:,}") for row in rows]


def trip_rows(trips: Sequence[RoundTrip]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return the largest round trips by time of entry: shown cells, and values to sort them by."""
    largest = sorted(trips, key=lambda trip: -abs(Decimal(trip.pnl)))[:TRIPS_SHOWN]
    shown = [_trip(trip) for trip in sorted(largest, key=lambda trip: trip.entry_ns)]
    kept = len(trip_columns(trips))
    return tuple((cells[:kept], keys[:kept]) for cells, keys in shown)


def trip_columns(trips: Sequence[RoundTrip]) -> tuple[str, ...]:
    """Return the headings of the round trips; the last two are of runs with a trading loop."""
    is_looped = any(trip.position_id is not None for trip in trips)
    return TRIP_COLUMNS if is_looped else TRIP_COLUMNS[:-2]


TRIP_COLUMNS = (
    "Entry",
    "Exit",
    "Symbol",
    "Side",
    "Quantity",
    "Entry price",
    "Exit price",
    "Result",
    "Return",
    "Fees",
    "Bars",
    "Entry rule",
    "Exit rule",
    "Exit reason",
    "Position",
)


def _trip(trip: RoundTrip) -> tuple[tuple[str, ...], tuple[str, ...]]:
    gained = _trip_return(trip)
    shown = (
        moment(trip.entry_ns),
        moment(trip.exit_ns),
        trip.symbol,
        trip.direction,
        _trimmed(trip.quantity),
        _price(trip.entry_price),
        _price(trip.exit_price),
        money(trip.pnl),
        percent(gained, signed=True),
        money(trip.fees),
        "" if trip.bars_held is None else f"{trip.bars_held:,}",
        trip.entry_rule or "",
        trip.exit_rule or "",
        trip.exit_reason or "",
        "" if trip.position_id is None else str(trip.position_id),
    )
    sortable = (
        str(trip.entry_ns),
        str(trip.exit_ns or 0),
        trip.symbol,
        trip.direction,
        trip.quantity,
        trip.entry_price or "0",
        trip.exit_price or "0",
        trip.pnl,
        str(gained or 0.0),
        trip.fees,
        str(trip.bars_held or 0),
        trip.entry_rule or "",
        trip.exit_rule or "",
        trip.exit_reason or "",
        str(trip.position_id or 0),
    )
    return shown, sortable


def _trip_return(trip: RoundTrip) -> float | None:
    """Return how far the price went in the trip's favour, as a fraction of its entry."""
    if trip.entry_price is None or trip.exit_price is None or Decimal(trip.entry_price) <= 0:
        return None
    change = float(Decimal(trip.exit_price) / Decimal(trip.entry_price) - 1)
    return change if trip.direction == "long" else -change


def _price(text: str | None) -> str:
    """Write an average price with four decimals at most, small ones with eight; half-even."""
    if text is None:
        return UNDEFINED
    digits = 4 if abs(Decimal(text)) >= 1 else 8
    return _trimmed(f"{round(Decimal(text), digits):f}", keep=2)


def _trimmed(text: str | None, *, keep: int = 0) -> str:
    """Write a decimal without the zeros at its end, but with at least `keep` decimals."""
    if text is None:
        return UNDEFINED
    whole, _, rest = text.partition(".")
    rest = rest.rstrip("0").ljust(keep, "0")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def drawdown_rows(
    found: Sequence[Drawdown], days: NDArray[np.int64]
) -> tuple[tuple[str, ...], ...]:
    """Return the deepest drawdowns: depth, peak, trough, recovery, days under water."""

    def day(place: int) -> str:
        return str(days[place].astype("datetime64[D]"))

    return tuple(
        (
            percent(item.depth),
            day(item.peak),
            day(item.trough),
            "not yet" if item.end is None else day(item.end),
            f"{item.days(days):,}",
        )
        for item in found
    )


COSTS = (
    ("fees", "Fees"),
    ("slippage", "Slippage (in fill prices)"),
    ("spread", "Spread (in fill prices)"),
    ("funding", "Funding"),
    ("interest", "Interest and borrow"),
    ("dividends", "Dividends"),
    ("total", "Total"),
)


def cost_rows(paths: Sequence[PathDocument]) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Return costs by kind: name, amount per path, and the length of its bar in percent."""
    rows = []
    largest = max(
        (abs(Decimal(paths[0].costs.get(key, "0"))) for key, _ in COSTS if key != "total"),
        default=Decimal(0),
    )
    for key, name in COSTS:
        amounts = [Decimal(path.costs.get(key, "0")) for path in paths]
        if any(amounts) or key in ("fees", "total"):
            bar = 0 if key == "total" or not largest else round(abs(amounts[0]) / largest * 100)
            rows.append((name, tuple(money(str(amount)) for amount in amounts), bar))
    return tuple(rows)


def statement_rows(document: RunDocument) -> tuple[tuple[str, str, str], ...]:
    """Return the statement's lines that are not zero: name, amount, tone."""
    rows = []
    for name, amount in document.statement.items():
        value = Decimal(amount)
        if value or name in ("starting_cash", "final_equity"):
            is_total = name in ("starting_cash", "final_equity")
            tone = "total" if is_total else _tone(float(value))
            rows.append((name.replace("_", " ").capitalize(), money(amount), tone))
    return tuple(rows)


def count_rows(paths: Sequence[PathDocument]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the counts of both paths."""

    def row(name: str, values: Iterable[str]) -> tuple[str, tuple[str, ...]]:
        return name, tuple(values)

    return (
        row("Final equity", (money(path.final_equity) for path in paths)),
        row("Net return", (percent(path.net_return, signed=True) for path in paths)),
        row("Orders", (f"{path.trades.orders:,}" for path in paths)),
        row("Fills", (f"{path.trades.fills:,}" for path in paths)),
        row("Closed trades", (f"{path.trades.closed:,}" for path in paths)),
        row("Won / lost", (f"{path.trades.won:,} / {path.trades.lost:,}" for path in paths)),
        row("Best trade", (money(path.trades.best) for path in paths)),
        row("Worst trade", (money(path.trades.worst) for path in paths)),
        row("Open positions", (f"{path.trades.open_positions:,}" for path in paths)),
    )


def subtitle(document: RunDocument) -> str:
    """Return instruments and dates in a line."""
    names = document.instruments
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6:,} more" if len(names) > 6 else "")
    start, end = ns_to_date(document.period.start_ns), ns_to_date(document.period.end_ns)
    return f"{shown} · {start} to {end}"
