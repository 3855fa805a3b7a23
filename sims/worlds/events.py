"""Event contracts: a price that is a probability, and settles at 0 or 1.

The problem: a bounded martingale that ends at 0 or 1 exactly as often as its price says, without a
step-by-step recursion.

The choice: a hidden random walk x with T normal steps; the contract pays 1 when it ends over zero.
The fair price after t steps is then ``Phi(x_t / sqrt(T - t))``, a martingale by construction (the
tower rule), and it begins at the stated probability when the walk begins at
``sqrt(T) * Phi^-1(p)``. Fat tails, clusters and jumps do not apply: they would break the formula.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from sims.worlds.draws import FACTOR, QUANTUM, Draws, Floats, Stream, normal_cdf
from sims.worlds.paths import draws_of
from sims.worlds.series import InstrumentWorld, QuoteSeries, Settlement
from sims.worlds.spec import WorldSpec
from sims.worlds.ticks import make_trades, quote_times, quotes_at


def common_walk(spec: WorldSpec, seed: int) -> Floats:
    """Draw the steps that all contracts share."""
    return draws_of(spec, seed, FACTOR).normal(Stream.SHOCK, max(spec.length, 1))


def make_contract(spec: WorldSpec, draws: Draws, common: Floats, symbol: str) -> InstrumentWorld:
    """Draw quotes, trades and the settlement of one contract."""
    walk = _hidden_walk(spec, draws, common)
    left = np.arange(spec.length, 0, -1, dtype=np.float64)
    fair = normal_cdf(walk[: spec.length] / np.sqrt(left))
    quotes = _quotes(spec, draws, fair)
    outcome = int(walk[-1] > 0.0)
    last_ns = int(quotes.ts_ns[-1]) if spec.length else spec.start_ns
    settlement = Settlement(
        ts_ns=last_ns + spec.interval_ns_mean,
        outcome=outcome,
        price_ticks=outcome * spec.contract_ticks,
        fair_ppm=np.rint(fair * 1e6).astype(np.int64),
    )
    trades = make_trades(spec, draws, quotes)
    return InstrumentWorld(symbol, quotes=quotes, trades=trades, settlement=settlement)


def _hidden_walk(spec: WorldSpec, draws: Draws, common: Floats) -> Floats:
    """Return the walk at each quote and, last, at the settlement."""
    count = max(spec.length, 1)
    loading, rest = math.sqrt(spec.correlation), math.sqrt(1.0 - spec.correlation)
    steps = loading * common + rest * draws.normal(Stream.SHOCK, count)
    start = math.sqrt(count) * NormalDist().inv_cdf(spec.settle_probability)
    start = round(start / QUANTUM) * QUANTUM
    return np.cumsum(np.concatenate((np.array([start]), steps)))


def _quotes(spec: WorldSpec, draws: Draws, fair: Floats) -> QuoteSeries:
    """Quote around the fair price, inside 1 tick and `contract_ticks` - 1."""
    below = np.rint(fair * spec.contract_ticks - spec.spread_ticks / 2.0)
    bid = np.clip(below, 1.0, float(spec.contract_ticks - 1 - spec.spread_ticks)).astype(np.int64)
    return quotes_at(spec, draws, quote_times(spec, draws), bid, bid + spec.spread_ticks)
