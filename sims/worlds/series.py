"""What a world is made of: int64 columns of ticks and lots, contiguous, in time order.

The columns have the names that the history of a backtest uses, so the floor above can hand them
over one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sims.worlds.draws import Ints
from sims.worlds.spec import WorldSpec


@dataclass(frozen=True, slots=True, eq=False)
class BarSeries:
    """Bars, ascending by close; `ts_close_ns` is when a bar is known."""

    ts_open_ns: Ints
    ts_close_ns: Ints
    open_ticks: Ints
    high_ticks: Ints
    low_ticks: Ints
    close_ticks: Ints
    volume_lots: Ints


@dataclass(frozen=True, slots=True, eq=False)
class QuoteSeries:
    """Best bid and ask; the ask is always over the bid."""

    ts_ns: Ints
    bid_ticks: Ints
    ask_ticks: Ints
    bid_size_lots: Ints
    ask_size_lots: Ints


@dataclass(frozen=True, slots=True, eq=False)
class TradeSeries:
    """Market prints; `aggressor` is 1 for a buyer, -1 for a seller, 0 when not known."""

    ts_ns: Ints
    price_ticks: Ints
    size_lots: Ints
    aggressor: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Settlement:
    """How an event contract ends, and the fair probability (in millionths) at each quote."""

    ts_ns: int
    outcome: int
    price_ticks: int
    fair_ppm: Ints


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentWorld:
    """One instrument; ``None`` for what its kind of world does not have."""

    symbol: str
    bars: BarSeries | None = None
    quotes: QuoteSeries | None = None
    trades: TradeSeries | None = None
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A synthetic market: a function of `spec` and `seed` and of nothing else."""

    spec: WorldSpec
    seed: int
    instruments: tuple[InstrumentWorld, ...]
