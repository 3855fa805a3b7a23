"""Which way a venue's decimals are put on an instrument's grid, whoever asks. Pure.

Bars and the prices of prints go to the nearest step, half to even, as imported data do: prints inside a tick
are common. Of what can be traded with nobody has promised more than was told: a bid goes down, an ask up, a
size down, of quotes and prints alike.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from brokers.alpaca.tick_wire import Quote, Trade
from engine.model.instruments import Instrument


def nearest_quanta(value: Decimal, precision: int) -> int:
    """Return the nearest count of 10^-precision, half to even.

    Examples
    --------
    >>> nearest_quanta(Decimal("190.015"), 2)
    19002
    """
    return _quanta(value, precision, ROUND_HALF_EVEN)


def quote_quanta(quote: Quote, one: Instrument) -> tuple[int, int, int, int]:
    """Return bid and ask in ticks and their sizes in lots; 0 is a side that nobody quotes."""
    bid = 0 if quote.bid is None else _quanta(quote.bid, one.price_precision, ROUND_FLOOR)
    ask = 0 if quote.ask is None else _quanta(quote.ask, one.price_precision, ROUND_CEILING)
    return bid, ask, _lots(quote.bid_size, one), _lots(quote.ask_size, one)


def trade_quanta(trade: Trade, one: Instrument) -> tuple[int, int]:
    """Return a print's price in ticks and its size in lots."""
    return nearest_quanta(trade.price, one.price_precision), _lots(trade.size, one)


def _lots(size: Decimal, one: Instrument) -> int:
    return _quanta(size, one.quantity_precision, ROUND_FLOOR)


def _quanta(value: Decimal, precision: int, rounding: str) -> int:
    return int(value.scaleb(precision).to_integral_value(rounding))
