"""What the market has shown so far: all that a client may know of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from engine.model import layout as at

Row = list[int]


class Shown:
    """Bars, quotes and prints of one instrument up to now, oldest first."""

    def __init__(self) -> None:
        self.bars: list[Row] = []
        self.quotes: list[Row] = []
        self.trades: list[Row] = []

    def add(self, row: Row) -> None:
        """Take in one event; what is no market data changes nothing."""
        match row[at.EVENT_KIND]:
            case at.KIND_BAR:
                self.bars.append(row)
            case at.KIND_QUOTE:
                self.quotes.append(row)
            case at.KIND_TRADE:
                self.trades.append(row)

    @property
    def last_ticks(self) -> int:
        """The price of the last print or bar, else the last quote's middle, down; 0: none yet."""
        prices = [
            (rows[-1][at.EVENT_TS], rows[-1][column])
            for rows, column in ((self.bars, at.BAR_CLOSE), (self.trades, at.TRADE_PRICE))
            if rows
        ]
        if prices:
            return max(prices)[1]
        return (self.bid_ticks + self.ask_ticks) // 2

    @property
    def bid_ticks(self) -> int:
        """The last bid; 0: none yet."""
        return self.quotes[-1][at.QUOTE_BID] if self.quotes else 0

    @property
    def ask_ticks(self) -> int:
        """The last ask; 0: none yet."""
        return self.quotes[-1][at.QUOTE_ASK] if self.quotes else 0

    def last_before(self, ns: int) -> int:
        """Return the last price of a print or bar before a time; 0: none."""
        found = 0, 0
        for rows, column in ((self.bars, at.BAR_CLOSE), (self.trades, at.TRADE_PRICE)):
            place = bisect_left(rows, ns, key=_time) - 1
            if place >= 0:
                found = max(found, (rows[place][at.EVENT_TS], rows[place][column]))
        return found[1]


def between(rows: Sequence[Row], start_ns: int, end_ns: int) -> Sequence[Row]:
    """Return the rows of [start, end], by the time that they became known."""
    first = bisect_left(rows, start_ns, key=_time)
    return rows[first : bisect_left(rows, end_ns + 1, key=_time)]


def _time(row: Row) -> int:
    return row[at.EVENT_TS]
