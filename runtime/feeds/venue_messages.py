"""A venue's bars and statuses as messages that feeds read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from brokers.alpaca import market_wire, tick_wire
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, from_quanta
from runtime.feeds import wire
from runtime.feeds.arrivals import Hours
from runtime.feeds.minutes import NS_PER_NUMBER
from runtime.feeds.venue_grid import nearest_quanta, quote_quanta, trade_quanta

_ACTIONS: Final[dict[market_wire.Trading, Literal["halt", "resume"]]] = {
    market_wire.Trading.HALTED: "halt",
    market_wire.Trading.RESUMED: "resume",
}


class VenueMessages:
    """Turns what is about some instruments into messages.

    Parameters
    ----------
    is_daily
        Bars are of sessions, not of minutes.
    """

    def __init__(self, instruments: Sequence[Instrument], *, is_daily: bool) -> None:
        self._instruments = {each.symbol: each for each in instruments}
        self._hours = {each.calendar: Hours(each.calendar) for each in instruments}
        self._is_daily = is_daily

    def bar(self, bar: market_wire.Bar) -> wire.Bar | None:
        """Return a bar; None of an instrument that nobody asked for, or outside of sessions."""
        one = self._instruments.get(bar.symbol)
        span = None if one is None else self._span(self._hours[one.calendar], bar.start_ns)
        if one is None or span is None:
            return None
        decimals, prices = one.price_precision, (bar.open, bar.high, bar.low, bar.close)
        opened, high, low, close = (
            _text(nearest_quanta(price, decimals), decimals) for price in prices
        )
        volume = _text(nearest_quanta(bar.volume, one.quantity_precision), one.quantity_precision)
        seq = span[1] // NS_PER_NUMBER
        return wire.Bar(seq, bar.symbol, span[1], span[0], opened, high, low, close, volume)

    def status(self, status: market_wire.Status) -> wire.ActionMessage | None:
        """Return a halt, or its end; None of an instrument that nobody asked for."""
        if status.symbol not in self._instruments:
            return None
        seq, action = status.ts_ns // NS_PER_NUMBER, _ACTIONS[status.trading]
        return wire.ActionMessage(seq, status.symbol, status.ts_ns, action)

    def price(
        self, price: tick_wire.Quote | tick_wire.Trade, ts_ns: int
    ) -> wire.Quote | wire.Trade | None:
        """Return a price as it is known at a time; None outside of sessions, and where it is none."""
        one = self._instruments.get(price.symbol)
        if one is None or not self._hours[one.calendar].holds(ts_ns):
            return None
        seq, decimals = ts_ns // NS_PER_NUMBER, one.quantity_precision
        if isinstance(price, tick_wire.Trade):
            ticks, lots = trade_quanta(price, one)
            text = _text(ticks, one.price_precision)
            return wire.Trade(seq, price.symbol, ts_ns, text, _text(lots, decimals))
        values = quote_quanta(price, one)
        bid, ask = (_text(side, one.price_precision) if side else None for side in values[:2])
        bid_size, ask_size = (_text(size, decimals) for size in values[2:])
        return wire.Quote(seq, price.symbol, ts_ns, bid, ask, bid_size, ask_size)

    def _span(self, hours: Hours, start_ns: int) -> tuple[int, int] | None:
        """Return open and close of a bar that begins at a time; None outside of sessions."""
        if not self._is_daily:
            return (start_ns, start_ns + NS_PER_MINUTE) if hours.holds(start_ns) else None
        session = hours.next(start_ns)  # a day begins before its session
        return session if session[0] < start_ns + NS_PER_DAY else None


def _text(quanta: int, precision: int) -> str:
    return f"{from_quanta(quanta, precision):f}"
