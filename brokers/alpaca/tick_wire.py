"""Quotes and prints as the venue writes them, on the stream and over HTTP. Pure.

A side that nobody quotes has the price 0 there. A print may have been agreed on at another time, or at
another price than the market's: what it is worth says nothing of now, so such prints are told apart by
the conditions of the two tapes' plans (`CTS` and `UTP`, which name them by the same letters but for one).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from brokers.alpaca.wire import Unreadable, parse_time_ns

# Cash, next day and seller's terms, averages, contingent and derivative prices, prior references, prints that
# are told late or out of sequence, official opens and closes (which repeat a print), extended hours.
_NOT_OF_NOW: Final = frozenset("CGHLMNPQRTUVWZ479")
_AVERAGE: Final = "B"  # on the tapes A and B; on C it is a bunch of prints
_BUNCHED_TAPES: Final = frozenset("CO")


class Quote(msgspec.Struct, frozen=True):
    """Best bid and ask; None of a side that nobody quotes."""

    symbol: str
    ts_ns: int
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal
    ask_size: Decimal


class Trade(msgspec.Struct, frozen=True):
    """A print.

    Parameters
    ----------
    key
        What it has to itself: its exchange and its number there.
    is_of_now
        The market's price of that time.
    """

    symbol: str
    ts_ns: int
    price: Decimal
    size: Decimal
    key: str = ""
    is_of_now: bool = True


class QuoteValues(
    msgspec.Struct,
    frozen=True,
    rename={"time": "t", "bid": "bp", "ask": "ap", "bid_size": "bs", "ask_size": "as"},
):
    """A quote on the wire."""

    time: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal

    def read(self, symbol: str) -> Quote:
        """Return what it says.

        Raises
        ------
        Unreadable
            If a number or the time is none.
        """
        numbers = (self.bid, self.ask, self.bid_size, self.ask_size)
        _require_sound(f"a quote of {symbol}", numbers)
        bid, ask = (price if price > 0 else None for price in (self.bid, self.ask))
        return Quote(symbol, parse_time_ns(self.time), bid, ask, self.bid_size, self.ask_size)


class TradeValues(
    msgspec.Struct,
    frozen=True,
    rename={
        "time": "t",
        "price": "p",
        "size": "s",
        "number": "i",
        "exchange": "x",
        "conditions": "c",
        "tape": "z",
    },
):
    """A print on the wire."""

    time: str
    price: Decimal
    size: Decimal
    number: int | str = 0
    exchange: str = ""
    conditions: list[str] | None = None
    tape: str = ""

    def read(self, symbol: str) -> Trade:
        """Return what it says; raises as `QuoteValues.read`."""
        _require_sound(f"a print of {symbol}", (self.price, self.size))
        return Trade(
            symbol,
            parse_time_ns(self.time),
            self.price,
            self.size,
            f"{self.exchange}{self.number}",
            self._is_of_now,
        )

    @property
    def _is_of_now(self) -> bool:
        marks = set(self.conditions or ())
        is_average = _AVERAGE in marks and self.tape not in _BUNCHED_TAPES
        return not is_average and not marks & _NOT_OF_NOW


class QuoteMessage(QuoteValues, frozen=True, tag_field="T", tag="q", kw_only=True):
    """A quote on the stream."""

    symbol: str = msgspec.field(name="S")


class TradeMessage(TradeValues, frozen=True, tag_field="T", tag="t", kw_only=True):
    """A print on the stream."""

    symbol: str = msgspec.field(name="S")


class Revision(msgspec.Struct, frozen=True):
    """A print of before was corrected, or taken back (`after` is None then)."""

    symbol: str
    ts_ns: int
    before: Decimal
    after: Decimal | None = None


class CorrectionValues(
    msgspec.Struct, frozen=True, rename={"time": "t", "before": "op", "after": "cp"}
):
    """A correction on the wire."""

    time: str
    before: Decimal
    after: Decimal


class CancelValues(msgspec.Struct, frozen=True, rename={"time": "t", "price": "p"}):
    """A print that is taken back, on the wire."""

    time: str
    price: Decimal


class QuotesPage(msgspec.Struct, frozen=True):
    """One page of the history's quotes; `next_page_token` where there is more."""

    quotes: dict[str, list[QuoteValues]] | None = None
    next_page_token: str | None = None

    def read(self) -> list[Quote]:
        """Return its quotes; raises as `QuoteValues.read`."""
        found = (self.quotes or {}).items()
        return [each.read(symbol) for symbol, every in found for each in every]


class TradesPage(msgspec.Struct, frozen=True):
    """One page of the history's prints."""

    trades: dict[str, list[TradeValues]] | None = None
    next_page_token: str | None = None

    def read(self) -> list[Trade]:
        """Return its prints; raises as `QuoteValues.read`."""
        found = (self.trades or {}).items()
        return [each.read(symbol) for symbol, every in found for each in every]


class LatestQuotes(msgspec.Struct, frozen=True):
    """The last quotes, by symbol; symbols of which there is none are left out."""

    quotes: dict[str, QuoteValues] | None = None

    def read(self) -> dict[str, Quote]:
        """Return them; raises as `QuoteValues.read`."""
        return {symbol: each.read(symbol) for symbol, each in (self.quotes or {}).items()}


class LatestTrades(msgspec.Struct, frozen=True):
    """The last prints, by symbol."""

    trades: dict[str, TradeValues] | None = None

    def read(self) -> dict[str, Trade]:
        """Return them; raises as `QuoteValues.read`."""
        return {symbol: each.read(symbol) for symbol, each in (self.trades or {}).items()}


def _require_sound(what: str, numbers: tuple[Decimal, ...]) -> None:
    if not all(each.is_finite() and each >= 0 for each in numbers):
        raise Unreadable(f"{what} with {', '.join(map(str, numbers))}")
