"""Quotes and trades: a random mid at exponential times, a spread around it, prints at the touch."""

from __future__ import annotations

import numpy as np

from sims.worlds.draws import Draws, Floats, Ints, Stream
from sims.worlds.paths import Steps, instrument_steps, simple_returns, step_deviation
from sims.worlds.series import QuoteSeries, TradeSeries
from sims.worlds.spec import PRICE_TICKS_MAX, WorldSpec

# A wider spread by one, two or three ticks happens in 1/4, 1/16 and 1/64 of the quotes.
WIDER_BELOW = (16_384, 4_096, 1_024)


def make_quotes(spec: WorldSpec, draws: Draws, common: Steps) -> QuoteSeries:
    """Draw the quotes of one instrument."""
    steps = instrument_steps(spec, draws, common)
    returns = simple_returns(spec, steps, step_deviation(spec))
    mids = spec.start_price_ticks * np.cumprod(1.0 + returns)
    spread = spread_ticks(spec, draws)
    bid = np.floor(np.clip(mids - spread / 2.0, 1.0, float(PRICE_TICKS_MAX))).astype(np.int64)
    return quotes_at(spec, draws, quote_times(spec, draws), bid, bid + spread)


def quotes_at(spec: WorldSpec, draws: Draws, ts_ns: Ints, bid: Ints, ask: Ints) -> QuoteSeries:
    """Add sizes to quoted prices."""
    return QuoteSeries(
        ts_ns=ts_ns,
        bid_ticks=bid,
        ask_ticks=ask,
        bid_size_lots=_sizes(spec, draws, Stream.BID_SIZE),
        ask_size_lots=_sizes(spec, draws, Stream.ASK_SIZE),
    )


def make_trades(spec: WorldSpec, draws: Draws, quotes: QuoteSeries) -> TradeSeries:
    """Draw one trade 1 ns after each quote, at its touch; aggressors come in runs."""
    same = draws.chance(Stream.AGGRESSOR, spec.length, spec.sign_persistence)
    side = np.cumprod(np.where(same, 1, -1), dtype=np.int64)
    if draws.bits(Stream.FIRST_SIDE, 1)[0] & 1:  # the first may be of either side
        side = -side
    unknown = draws.chance(Stream.UNKNOWN, spec.length, spec.unknown_share)
    side = np.where(unknown, 0, side)
    mid = (quotes.bid_ticks + quotes.ask_ticks) // 2
    price = np.where(side > 0, quotes.ask_ticks, np.where(side < 0, quotes.bid_ticks, mid))
    return TradeSeries(
        ts_ns=quotes.ts_ns + 1,
        price_ticks=price,
        size_lots=_sizes(spec, draws, Stream.TRADE_SIZE),
        aggressor=side,
    )


def quote_times(spec: WorldSpec, draws: Draws) -> Ints:
    """Return strictly ascending times, at least 2 ns apart, so that a trade fits between."""
    waits = draws.exponential(Stream.INTERVAL, spec.length) * (spec.interval_ns_mean - 2)
    return spec.start_ns + np.cumsum(np.floor(waits).astype(np.int64) + 2)


def spread_ticks(spec: WorldSpec, draws: Draws) -> Ints:
    """Return the spread of each quote: the smallest, and now and then wider."""
    bits = draws.bits(Stream.SPREAD, spec.length)
    spread = np.full(spec.length, spec.spread_ticks, dtype=np.int64)
    for below in WIDER_BELOW:
        spread += bits < np.uint16(below)
    return spread


def _sizes(spec: WorldSpec, draws: Draws, stream: Stream) -> Ints:
    sizes: Floats = draws.exponential(stream, spec.length) * spec.volume_lots
    return np.floor(sizes).astype(np.int64) + 1
