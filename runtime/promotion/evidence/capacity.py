"""How large a strategy's orders are beside the market that they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.history import BarColumns, History
from engine.gate.evidence import CapacityOrder
from engine.model import layout as at
from runtime.results.daily import trading_days
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of

DAYS = 20  # before an order, over which volume and volatility are taken

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def capacity_orders(output: RunOutput, history: History) -> tuple[CapacityOrder, ...] | None:
    """Return every filled order beside its instrument's volume; None where volumes are not known.

    What fills in the first `DAYS` days has nothing to be held against and is left out.
    """
    fills = output.journal[rows_of(output, at.KIND_FILL)]
    if not len(fills):
        return ()
    markets: dict[int, _Market] = {}
    found = []
    for order in np.unique(fills[:, at.FACT_ORDER]):
        rows = fills[fills[:, at.FACT_ORDER] == order]
        i = int(rows[0, at.EVENT_INSTRUMENT])
        bars = history.parts[i].bars
        if bars is None or not bars.has_volume:
            return None
        market = markets.get(i) or _market(bars, output.calendar)
        markets[i] = market
        one = _order(rows, market, output.instruments[i].notional_numerator, output, i)
        if one is not None:
            found.append(one)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Market:
    """An instrument by trading day: its volume in lots and its return."""

    days: Ints
    volume: Floats
    returns: Floats


def _market(bars: BarColumns, calendar: str) -> _Market:
    days = trading_days(calendar, bars.ts_close_ns)
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    last = np.append(starts[1:], len(days)) - 1
    closes = bars.close_ticks[last].astype(np.float64)
    returns = np.full(len(closes), np.nan)
    returns[1:] = closes[1:] / closes[:-1] - 1.0
    return _Market(days[starts], np.add.reduceat(bars.volume_lots, starts) * 1.0, returns)


def _order(
    rows: Ints, market: _Market, numerator: int, output: RunOutput, i: int
) -> CapacityOrder | None:
    day = int(trading_days(output.calendar, rows[:1, at.EVENT_TS])[0])
    place = int(np.searchsorted(market.days, day))
    if place < DAYS + 1:
        return None
    volume = market.volume[place - DAYS : place].mean()
    returns = market.returns[place - DAYS : place]
    lots = int(np.abs(rows[:, at.FACT_LOTS]).sum())
    value = sum(abs(int(row[at.FACT_LOTS])) * int(row[at.FACT_PRICE]) for row in rows) * numerator
    minor = value // output.instruments[i].notional_denominator
    return CapacityOrder(
        day,
        max(int(minor), 1),
        float(lots / volume) if volume > 0 else float("inf"),
        float(returns.std(ddof=1)),
    )
