"""Writing intents, for compiled strategies: ``n = market_order(intents, n, BUY, lots)``.

A strategy returns how many it has written; they are carried out in their order.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.model.layout import (
    ORDER_FLAGS,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TYPE,
    ORDER_WIDTH,
    TIF_GTC,
    TYPE_LIMIT,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_WITHDRAW,
)
from engine.state import Table

BUY: Final = 1
SELL: Final = -1


@kernel
def market_order(intents: Table, n: int, side: int, lots: int) -> int:
    """Write a market order as intent `n`; return n + 1."""
    for column in range(ORDER_WIDTH):
        intents[n, column] = 0
    intents[n, ORDER_SIDE] = side
    intents[n, ORDER_TYPE] = TYPE_MARKET
    intents[n, ORDER_TIF] = TIF_GTC
    intents[n, ORDER_QUANTITY] = lots
    return n + 1


@kernel
def limit_order(intents: Table, n: int, side: int, lots: int, limit: int) -> int:
    """Write a limit order at `limit` ticks as intent `n`; return n + 1."""
    market_order(intents, n, side, lots)
    intents[n, ORDER_TYPE] = TYPE_LIMIT
    intents[n, ORDER_LIMIT] = limit
    return n + 1


@kernel
def stop_order(intents: Table, n: int, side: int, lots: int, stop: int, flags: int) -> int:
    """Write a stop order at `stop` ticks with order flags as intent `n`; return n + 1."""
    market_order(intents, n, side, lots)
    intents[n, ORDER_TYPE] = TYPE_STOP
    intents[n, ORDER_STOP] = stop
    intents[n, ORDER_FLAGS] = flags
    return n + 1


@kernel
def cancel_all(intents: Table, n: int) -> int:
    """Write as intent `n` the wish to cancel every working order of the instrument; return n + 1."""
    market_order(intents, n, 0, 0)
    intents[n, ORDER_TYPE] = TYPE_WITHDRAW
    return n + 1
