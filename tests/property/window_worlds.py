"""Seeded datasets with gaps, several instruments, bars and quotes, splits and dividends."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np

from data.actions import Action, ActionKind
from data.catalog import Catalog, Dataset
from data.history import BarColumns, QuoteColumns
from data.writer import Draft, Part, write_dataset
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_HOUR

BARS = 100
START = 18_000 * NS_PER_DAY  # 2019-04-14


def make_dataset(folder: Path, seed: int, *, bars: int = BARS) -> Dataset:
    """Write the dataset of a seed: one to four instruments, some with quotes, most with actions."""
    rng = Random(seed)
    symbols = ["AAA", "BBB", "CCC", "DDD"][: rng.randint(1, 4)]
    instruments = {
        symbol: Instrument(symbol, InstrumentKind.EQUITY, quantity_precision=rng.choice((0, 3)))
        for symbol in symbols
    }
    parts, actions = [], []
    for k, symbol in enumerate(symbols):
        columns = _bars(seed * 10 + k, bars)
        parts.append(Part("bars", symbol, columns, "1h"))
        if rng.random() < 0.3:
            parts.append(Part("quotes", symbol, _quotes(columns, rng)))
        actions += _actions(symbol, rng, bars)
    write_dataset(folder / "world", Draft(instruments, parts, actions))
    return Catalog(folder).dataset("world")


def _bars(seed: int, count: int) -> BarColumns:
    """Hourly bars, some missing; the walk is wild enough for stops and crossings."""
    draw = np.random.default_rng(seed)
    hours = np.flatnonzero(draw.random(count) < 0.85)
    ts = START + (hours.astype(np.int64) + 1) * NS_PER_HOUR
    close = np.maximum(np.rint(5_000 * np.exp(np.cumsum(draw.normal(0, 0.01, len(ts))))), 100)
    close = close.astype(np.int64)
    opened = np.concatenate(([5_000], close[:-1])) + draw.integers(-20, 20, len(ts))
    high = np.maximum(opened, close) + draw.integers(0, 60, len(ts))
    low = np.maximum(np.minimum(opened, close) - draw.integers(0, 60, len(ts)), 1)
    volume = draw.integers(0, 900_000, len(ts))
    return BarColumns(ts - NS_PER_HOUR, ts, opened, high, low, close, volume)


def _quotes(bars: BarColumns, rng: Random) -> QuoteColumns:
    """Up to four quotes an hour, of one time or of several."""
    rows = [
        (
            int(ts) - NS_PER_HOUR // 2 + rng.choice((0, 0, 1_000)),
            int(close) - 1 + rng.randint(-5, 5),
        )
        for ts, close in zip(bars.ts_close_ns, bars.close_ticks)
        for _ in range(rng.randint(0, 4))
    ]
    stamps, bids = (np.array(column, dtype=np.int64) for column in zip(*sorted(rows)))
    spread = np.array([rng.choice((-1, 1, 2, 5)) for _ in rows], dtype=np.int64)
    size = np.full(len(rows), 300_000, dtype=np.int64)
    return QuoteColumns(stamps, bids, bids + spread, size, size)


def _actions(symbol: str, rng: Random, bars: int) -> list[Action]:
    def moment() -> int:
        return START + rng.randrange(-5, bars // 24 + 2) * NS_PER_DAY

    made = [
        Action(symbol, moment(), ActionKind.DIVIDEND, amount=Decimal("0.24"))
        for _ in range(rng.randint(0, 2))
    ]
    for _ in range(rng.randint(0, 3)):
        new, old = rng.choice(((2, 1), (3, 2), (1, 4)))
        made.append(Action(symbol, moment(), ActionKind.SPLIT, new, old))
    return made
