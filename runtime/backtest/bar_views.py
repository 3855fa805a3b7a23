"""Bars, quotes and prints as a Python strategy sees them: one object each, read from the columns.

Making an object for each of a million bars would cost more than the strategy does. So a callback
gets the same object every time, at another place; what it reads is converted when it is read.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import InstrumentHistory, QuoteColumns, TradeColumns
from data.numbers import to_floats
from engine.model.instruments import Instrument
from engine.model.layout import UNKNOWN

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def _view(column: NDArray[Any]) -> Any:
    return memoryview(np.ascontiguousarray(column))  # type: ignore[arg-type]


class BarView:
    """The current bar of one instrument."""

    __slots__ = ("_columns", "_part", "_place", "symbol")

    def __init__(self, part: InstrumentHistory) -> None:
        assert part.bars is not None
        self.symbol = part.instrument.symbol
        self._part = part
        self._columns: dict[str, Any] = {}
        self._place = 0

    @property
    def ts_ns(self) -> int:
        """When the bar closed, nanoseconds UTC."""
        assert self._part.bars is not None
        return int(self._part.bars.ts_close_ns[self._place])

    @property
    def open(self) -> float:
        """First price."""
        return float(self._read("open"))

    @property
    def high(self) -> float:
        """Highest price."""
        return float(self._read("high"))

    @property
    def low(self) -> float:
        """Lowest price."""
        return float(self._read("low"))

    @property
    def close(self) -> float:
        """Last price."""
        return float(self._read("close"))

    @property
    def volume(self) -> float:
        """Units traded; NaN where the source has none."""
        return float(self._read("volume"))

    def _read(self, name: str) -> Any:
        try:
            return self._columns[name][self._place]
        except KeyError:
            self._columns[name] = _view(self._floats(name))
            return self._columns[name][self._place]

    def _floats(self, name: str) -> Floats:
        bars, instrument = self._part.bars, self._part.instrument
        assert bars is not None
        if name != "volume":
            return to_floats(getattr(bars, f"{name}_ticks"), instrument.price_precision)
        if not bars.has_volume:
            return np.full(len(bars), np.nan)
        return to_floats(bars.volume_lots, instrument.quantity_precision)


class QuoteView:
    """The current quote of one instrument."""

    __slots__ = (
        "_ask",
        "_ask_size",
        "_bid",
        "_bid_size",
        "_lot",
        "_place",
        "_price",
        "_ts",
        "symbol",
    )

    def __init__(self, instrument: Instrument, quotes: QuoteColumns) -> None:
        self.symbol = instrument.symbol
        self._price = 10.0**instrument.price_precision
        self._lot = 10.0**instrument.quantity_precision
        self._ts, self._bid, self._ask = (
            _view(column) for column in (quotes.ts_ns, quotes.bid_ticks, quotes.ask_ticks)
        )
        sizes = (quotes.bid_size_lots, quotes.ask_size_lots) if quotes.has_sizes else (None, None)
        self._bid_size, self._ask_size = (
            None if column is None else _view(column) for column in sizes
        )
        self._place = 0

    @property
    def ts_ns(self) -> int:
        """When it was known, nanoseconds UTC."""
        return int(self._ts[self._place])

    @property
    def bid(self) -> float:
        """The best price of who buys."""
        return float(self._bid[self._place] / self._price)

    @property
    def ask(self) -> float:
        """The best price of who sells."""
        return float(self._ask[self._place] / self._price)

    @property
    def bid_size(self) -> float:
        """Units at the bid; NaN where the source has none."""
        return self._size(self._bid_size)

    @property
    def ask_size(self) -> float:
        """Units at the ask; NaN where the source has none."""
        return self._size(self._ask_size)

    def _size(self, column: Any) -> float:
        lots = UNKNOWN if column is None else column[self._place]
        return math.nan if lots == UNKNOWN else lots / self._lot


class TradeView:
    """The current print of one instrument."""

    __slots__ = ("_aggressor", "_lot", "_place", "_price", "_size", "_ts", "_unit", "symbol")

    def __init__(self, instrument: Instrument, trades: TradeColumns) -> None:
        self.symbol = instrument.symbol
        self._unit = 10.0**instrument.price_precision
        self._lot = 10.0**instrument.quantity_precision
        self._ts, self._price, self._size, self._aggressor = (
            _view(column)
            for column in (trades.ts_ns, trades.price_ticks, trades.size_lots, trades.aggressor)
        )
        self._place = 0

    @property
    def ts_ns(self) -> int:
        """When it was known, nanoseconds UTC."""
        return int(self._ts[self._place])

    @property
    def price(self) -> float:
        """The price traded."""
        return float(self._price[self._place] / self._unit)

    @property
    def size(self) -> float:
        """Units traded."""
        return float(self._size[self._place] / self._lot)

    @property
    def aggressor(self) -> int:
        """+1 for a buyer, -1 a seller, 0 unknown."""
        return int(self._aggressor[self._place])
