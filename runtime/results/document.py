"""From a finished backtest to its `RunDocument`: the JSON that reports and comparisons read."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from data.history import InstrumentHistory, bar_floats
from data.numbers import Floats, to_floats
from engine.model.units import MINOR_PER_UNIT, from_minor
from reports.record import Curve, Daily, Detail, Price, RoundTrip, RunDocument, to_document
from reports.reduce import kept_points, reduced_bars
from runtime.results.daily import DailyCloses, daily_closes
from runtime.results.exact import Ints
from runtime.results.links import REASON_NAMES
from runtime.results.market import bars_between, parts_by_index
from runtime.results.orders import AVERAGE_DIGITS
from runtime.results.output import RunOutput
from runtime.results.rows import Terms, changes_of, terms_of
from runtime.results.trades import DIRECTIONS, RULES, Trips, trips_of

if TYPE_CHECKING:
    from runtime.results.result import BacktestResult

PRICES_SHOWN = 6  # instruments whose prices a document carries
BARS_SHOWN = 1_200
CURVE_SHOWN = 4_000
TRIPS_SHOWN = 5_000


def document_of(result: BacktestResult, *, run_id: str = "") -> RunDocument:
    """Return a result as the document that is stored, shown and compared.

    Round trips beyond 5,000 are left out, the smallest first; prices are those of the six
    instruments with most trips, reduced to 1,200 bars that keep every high and low.
    """
    context = result.context
    values = result.to_json() | {
        "run_id": run_id or context.run_id,
        "fingerprint": context.fingerprint,
        "description": context.description,
        "configuration": dict(context.configuration),
        "detail": None,
    }
    document = to_document(values)
    import msgspec

    return msgspec.structs.replace(document, detail=detail_of(result))


def detail_of(result: BacktestResult) -> Detail:
    """Return the daily closes, prices and round trips of a result."""
    output, history = result.pessimistic, result.context.history
    terms = terms_of(output)
    trips = trips_of(output, changes_of(output), terms)
    parts = parts_by_index(output, history)
    shown = _largest(trips)
    return Detail(
        daily=_daily(result),
        curve=_fine_curve(result),
        prices=[_price(parts[index]) for index in _most_traded(trips, parts)],
        round_trips=[_round_trip(k, trips, output, terms, parts) for k in shown],
        round_trips_total=int(trips.instrument.size),
    )


def _daily(result: BacktestResult) -> Daily:
    days = daily_closes(result.pessimistic)
    benchmark = result.context.benchmark
    return Daily(
        day=days.day_numbers.tolist(),
        equity=_units(days.equity),
        flow=_units(days.flow),
        gross=_units(days.gross),
        net=_units(days.net),
        traded=_units(days.traded),
        benchmark=None if benchmark is None else benchmark.at_days(days.day_numbers).tolist(),
        optimistic=_optimistic(result, days),
    )


def _optimistic(result: BacktestResult, days: DailyCloses) -> list[float] | None:
    """Return the other path's equity at the same days, where it differs."""
    if result.optimistic is None or not result.summary.depends_on_assumptions():
        return None
    other = daily_closes(result.optimistic)
    place = np.searchsorted(other.day_numbers, days.day_numbers, side="right") - 1
    return _units(other.equity[np.maximum(place, 0)])


def _fine_curve(result: BacktestResult) -> Curve | None:
    curve = result.summary.curve
    if curve.ts_ns is None:
        return None
    kept = kept_points(curve.equity, limit=CURVE_SHOWN)
    return Curve(curve.ts_ns[kept].tolist(), curve.equity[kept].tolist())


def _units(minor: Ints) -> list[float]:
    values: list[float] = (minor / MINOR_PER_UNIT).tolist()
    return values


def _most_traded(trips: Trips, parts: dict[int, InstrumentHistory]) -> list[int]:
    counts = np.bincount(trips.instrument, minlength=max(parts, default=0) + 1)
    traded = [index for index in parts if counts[index] > 0]
    if not traded and len(parts) == 1:
        traded = list(parts)  # it did not trade: at least what it saw
    return sorted(sorted(traded, key=lambda index: -counts[index])[:PRICES_SHOWN])


def _price(part: InstrumentHistory) -> Price:
    instrument = part.instrument
    if part.bars is not None and len(part.bars):
        values, ts = bar_floats(instrument, part.bars), part.bars.ts_close_ns
        high, low, close, source = values["high"], values["low"], values["close"], "bars"
    else:
        ts, close, source = _tick_prices(part)
        high = low = close
    ends, highs, lows = reduced_bars(high, low, limit=BARS_SHOWN)
    return Price(
        instrument.symbol,
        ts[ends].tolist(),
        highs.tolist(),
        lows.tolist(),
        close[ends].tolist(),
        source,
    )


def _tick_prices(part: InstrumentHistory) -> tuple[Ints, Floats, str]:
    precision = part.instrument.price_precision
    if part.quotes is not None and len(part.quotes):
        double = part.quotes.bid_ticks + part.quotes.ask_ticks
        return part.quotes.ts_ns, to_floats(double, precision) / 2.0, "mid of quotes"
    assert part.trades is not None, "an instrument has bars, quotes or trades"
    return part.trades.ts_ns, to_floats(part.trades.price_ticks, precision), "trades"


def _largest(trips: Trips) -> list[int]:
    """Return which trips to keep, by time of entry: the largest gains and losses."""
    pnl = np.abs(trips.realized - trips.fees + trips.carry)
    kept = np.argsort(-pnl, kind="stable")[:TRIPS_SHOWN]
    order = np.lexsort((kept, trips.instrument[kept], trips.entry_ts[kept]))
    chosen: list[int] = kept[order].tolist()
    return chosen


def _round_trip(
    k: int, trips: Trips, output: RunOutput, terms: Terms, parts: dict[int, InstrumentHistory]
) -> RoundTrip:
    index = int(trips.instrument[k])
    exit_ns = int(trips.exit_ts[k]) or None
    digits = int(terms.price_precision[index]) + AVERAGE_DIGITS
    pnl = int(trips.realized[k]) - int(trips.fees[k]) + int(trips.carry[k])
    return RoundTrip(
        symbol=output.instruments[index].symbol,
        direction=DIRECTIONS[int(trips.direction[k])],
        entry_ns=int(trips.entry_ts[k]),
        exit_ns=exit_ns,
        quantity=_text(int(trips.entered[k]), int(terms.quantity_precision[index])),
        entry_price=_text(int(trips.entry_average[k]), digits),
        exit_price=_text(int(trips.exit_average[k]), digits) if trips.left[k] > 0 else None,
        pnl=f"{from_minor(pnl):f}",
        fees=f"{from_minor(int(trips.fees[k])):f}",
        carry=f"{from_minor(int(trips.carry[k])):f}",
        currency=output.currencies[int(terms.currency[index])],
        bars_held=_bars_held(k, trips, parts.get(index)) if exit_ns else None,
        entry_rule=RULES.get(int(trips.entry_rule[k])),
        exit_rule=RULES.get(int(trips.exit_rule[k])) if exit_ns else None,
        position_id=int(trips.position[k]) or None,
        exit_reason=REASON_NAMES.get(int(trips.exit_reason[k])) if exit_ns else None,
    )


def _bars_held(k: int, trips: Trips, part: InstrumentHistory | None) -> int | None:
    if part is None or part.bars is None:
        return None
    return int(bars_between(part, trips.entry_ts[k : k + 1], trips.exit_ts[k : k + 1])[0])


def _text(quanta: int, digits: int) -> str:
    return f"{Decimal(quanta).scaleb(-digits):f}"


def configuration_lines(values: object, prefix: str = "") -> Iterable[tuple[str, str]]:
    """Yield the leaves of nested tables as dotted keys and text, for showing and comparing.

    A parameter's value stands under its own name.

    Examples
    --------
    >>> dict(configuration_lines({"a": {"b": 1, "c": [True, None]}}))
    {'a.b': '1', 'a.c': 'true, none'}
    """
    if isinstance(values, dict):
        for key, value in values.items():
            yield from configuration_lines(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        is_parameter = prefix.startswith("parameters.")
        yield prefix.removesuffix(".default") if is_parameter else prefix, _leaf(values)


def _leaf(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_leaf(each) for each in value)
    match value:
        case None:
            return "none"
        case True | False:
            return str(value).lower()
        case _:
            return str(value)
