"""What the market showed at a fill or a decision, looked up in the history the run was made on."""

from __future__ import annotations

import numpy as np

from data.history import History, InstrumentHistory, QuoteColumns
from data.thinned import ThinnedHistory
from engine.model import layout as at
from runtime.results.exact import Flags, Ints
from runtime.results.output import RunOutput
from runtime.results.rows import Fills
from sims.fillbook.layout import POINT_QUOTE, RULE_STRIDE


def parts_by_index(output: RunOutput, history: History | None) -> dict[int, InstrumentHistory]:
    """Return the data of each instrument that `history` has, by the instrument's index."""
    if history is None:
        return {}
    parts = {part.instrument.symbol: part for part in history.parts}
    symbols = [item.symbol for item in output.instruments]
    return {index: parts[symbol] for index, symbol in enumerate(symbols) if symbol in parts}


def half_spread_halfticks(output: RunOutput, fills: Fills, history: History | None) -> Ints:
    """Return how far from the mid each fill's touch was, in half ticks; 0 where it is not known.

    Known are fills that took the touch of a quote: the quote in force at the time of the fill
    whose touch is the fill's reference.
    """
    result = np.zeros(fills.row.size, dtype=np.int64)
    took = (fills.rule % RULE_STRIDE == POINT_QUOTE) & (fills.liquidity == at.LIQUIDITY_TAKER)
    for index, part in parts_by_index(output, history).items():
        if part.quotes is None or not len(part.quotes):
            continue
        rows = np.flatnonzero(took & (fills.instrument == index))
        result[rows] = _distance(part.quotes, fills, rows)
    return result


def _distance(quotes: QuoteColumns, fills: Fills, rows: Ints) -> Ints:
    place = np.searchsorted(quotes.ts_ns, fills.ts[rows], side="right") - 1
    found = np.maximum(place, 0)
    bid, ask = quotes.bid_ticks[found], quotes.ask_ticks[found]
    touch = np.where(fills.side[rows] > 0, ask, bid)
    known: Flags = (place >= 0) & (touch == fills.reference[rows]) & (bid < ask)
    return np.where(known, ask - bid, 0)


def last_price_halfticks(part: InstrumentHistory, ts: Ints) -> Ints:
    """Return the last price known at each time, in half ticks (quotes give their mid); 0: none."""
    price = np.zeros(ts.size, dtype=np.int64)
    stamp = np.full(ts.size, np.iinfo(np.int64).min)
    for times, one, other in _prices(part):
        place = np.searchsorted(times, ts, side="right") - 1
        found = np.maximum(place, 0)
        newer = (place >= 0) & (times[found] >= stamp)
        price = np.where(newer, one[found] + other[found], price)
        stamp = np.where(newer, times[found], stamp)
    return price


def _prices(part: InstrumentHistory) -> list[tuple[Ints, Ints, Ints]]:
    """Return times with the two prices whose mean is the price then."""
    found: list[tuple[Ints, Ints, Ints]] = []
    if part.bars is not None and len(part.bars):
        found.append((part.bars.ts_close_ns, part.bars.close_ticks, part.bars.close_ticks))
    if part.trades is not None and len(part.trades):
        found.append((part.trades.ts_ns, part.trades.price_ticks, part.trades.price_ticks))
    if part.quotes is not None and len(part.quotes):
        found.append((part.quotes.ts_ns, part.quotes.bid_ticks, part.quotes.ask_ticks))
    return found


def bars_between(part: InstrumentHistory, entry: Ints, leave: Ints) -> Ints:
    """Count the bars that closed after `entry` and not after `leave`."""
    if part.bars is None:
        return np.zeros(entry.size, dtype=np.int64)
    closes = part.bars.ts_close_ns
    first = np.searchsorted(closes, entry, side="right")
    last = np.searchsorted(closes, leave, side="right")
    if isinstance(part, ThinnedHistory) and part.bar_counts is not None:
        counts = np.concatenate((np.zeros(1, dtype=np.int64), part.bar_counts))
        return counts[last] - counts[first]
    return last - first
