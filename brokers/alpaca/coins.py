"""What is otherwise with coins than with shares: their names, types, times and grids. Pure.

A coin is called by its pair, ``BTC/USD``; positions and some activities leave the slash out. Orders are for money
in hand, for market, limit or stop limit, until canceled or at once. A stop alone is none of them, and is not
made one of here: a limit that nobody has asked for decides whether what is to be closed is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from brokers.alpaca.problems import LocalRefusal, Problem
from engine.approved import RiskApproved
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderType

TYPES: Final = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LIMIT)
_TIMES: Final = ("gtc", "ioc")


def is_coin(instrument: Instrument) -> bool:
    """Return whether an instrument is a coin's pair with dollars, called as the venue calls it.

    Examples
    --------
    >>> [is_coin(Instrument(name, InstrumentKind.CRYPTO_SPOT)) for name in ("BTC/USD", "BTCUSD", "/USD")]
    [True, False, False]
    """
    coin, slash, currency = instrument.symbol.partition("/")
    is_pair = bool(coin and slash) and currency == instrument.currency == "USD"
    return instrument.kind is InstrumentKind.CRYPTO_SPOT and is_pair


def numbers_of(instruments: Sequence[Instrument]) -> dict[str, int]:
    """Return the numbers of instruments by every name that the venue has for them.

    Examples
    --------
    >>> numbers_of([Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT)])
    {'BTC/USD': 0, 'BTCUSD': 0}
    """
    numbers = {each.symbol: n for n, each in enumerate(instruments)}
    joined = {x.symbol.replace("/", ""): n for n, x in enumerate(instruments) if is_coin(x)}
    return numbers | joined


def time_of_coin(order: RiskApproved, time_in_force: str) -> str:
    """Return the time that an order goes out for: one at market does not wait, whatever was asked for."""
    is_at_market = order.order_type is OrderType.MARKET
    return "gtc" if is_at_market and time_in_force == "day" else time_in_force


def unlikely_for_coin(order: RiskApproved, time_in_force: str) -> LocalRefusal | None:
    """Return why the venue does not take this type for this time."""
    if order.order_type not in TYPES:
        kind = order.order_type.name.lower().replace("_", " ")
        problem = f"coins trade at market, at a limit or with a stop limit here, not with a {kind}"
        return LocalRefusal(Problem.BAD_REQUEST, problem)
    if time_in_force not in _TIMES:
        problem = "orders for coins are until canceled (GTC) or at once (IOC)"
        return LocalRefusal(Problem.BAD_REQUEST, problem)
    if order.order_type is OrderType.STOP_LIMIT and time_in_force == "ioc":
        return LocalRefusal(Problem.BAD_REQUEST, "a stop order cannot be ioc")
    return None


def off_coin_grid(prices: dict[str, Decimal], instrument: Instrument) -> LocalRefusal | None:
    """Return which price is between two of the pair's own steps."""
    for name, price in prices.items():
        if price % instrument.tick_size:
            problem = f"{name} {price} is not a multiple of {instrument.tick_size}"
            return LocalRefusal(Problem.SIZE_OR_GRID, problem)
    return None
