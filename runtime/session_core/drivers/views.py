"""Bars, quotes and prints of the slice in hand as a Python strategy sees them: one object each, moved along.

The names are those of `engine.strategy`; prices and sizes are raw, as they traded.
"""

from __future__ import annotations

import math
from typing import Any

from engine.jit import as_plain
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows
from runtime.session_core.steps import NO_ROWS


class RowView:
    """An event of one instrument."""

    __slots__ = ("_events", "_lot", "_row", "_unit", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        self.symbol = instrument.symbol
        self._unit = 10.0**instrument.price_precision
        self._lot = 10.0**instrument.quantity_precision
        self._events: Any = as_plain(NO_ROWS)
        self._row = 0

    def show(self, events: Rows | Any, row: int) -> None:
        """Look at another row."""
        self._events, self._row = events, row

    @property
    def ts_ns(self) -> int:
        """When it was known, nanoseconds UTC."""
        return int(self._events[self._row, at.EVENT_TS])

    def _price(self, column: int) -> float:
        return float(self._events[self._row, column] / self._unit)

    def _size(self, column: int) -> float:
        lots = self._events[self._row, column]
        return math.nan if lots == at.UNKNOWN else lots / self._lot


class BarRow(RowView):
    """The current bar of one instrument."""

    __slots__ = ()

    @property
    def open(self) -> float:
        """First price."""
        return self._price(at.BAR_OPEN)

    @property
    def high(self) -> float:
        """Highest price."""
        return self._price(at.BAR_HIGH)

    @property
    def low(self) -> float:
        """Lowest price."""
        return self._price(at.BAR_LOW)

    @property
    def close(self) -> float:
        """Last price."""
        return self._price(at.BAR_CLOSE)

    @property
    def volume(self) -> float:
        """Units traded; NaN where the source has none."""
        return self._size(at.BAR_VOLUME)


class QuoteRow(RowView):
    """The current quote of one instrument."""

    __slots__ = ()

    @property
    def bid(self) -> float:
        """The best price of who buys."""
        return self._price(at.QUOTE_BID)

    @property
    def ask(self) -> float:
        """The best price of who sells."""
        return self._price(at.QUOTE_ASK)

    @property
    def bid_size(self) -> float:
        """Units at the bid; NaN where the source has none."""
        return self._size(at.QUOTE_BID_SIZE)

    @property
    def ask_size(self) -> float:
        """Units at the ask; NaN where the source has none."""
        return self._size(at.QUOTE_ASK_SIZE)


class TradeRow(RowView):
    """The current print of one instrument."""

    __slots__ = ()

    @property
    def price(self) -> float:
        """The price traded."""
        return self._price(at.TRADE_PRICE)

    @property
    def size(self) -> float:
        """Units traded."""
        return float(self._events[self._row, at.TRADE_SIZE] / self._lot)

    @property
    def aggressor(self) -> int:
        """+1 for a buyer, -1 a seller, 0 unknown."""
        return int(self._events[self._row, at.TRADE_AGGRESSOR])
