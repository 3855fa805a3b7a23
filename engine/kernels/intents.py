"""Writing intents, for compiled strategies: ``n = market_order(intents, n, BUY, lots)``."""

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
)

BUY: Final = 1
SELL: Final = -1


@kernel
def market_order(intents: object, n: int, side: int, lots: int) -> int:
    """Write a market order as intent `n`; return n + 1."""
    for column in range(ORDER_WIDTH):
        intents[n, column] = 0  # type: ignore[index]
    intents[n, ORDER_SIDE] = side  # type: ignore[index]
    intents[n, ORDER_TYPE] = TYPE_MARKET  # type: ignore[index]
    intents[n, ORDER_TIF] = TIF_GTC  # type: ignore[index]
    intents[n, ORDER_QUANTITY] = lots  # type: ignore[index]
    return n + 1


@kernel
def limit_order(intents: object, n: int, side: int, lots: int, limit: int) -> int:
    """Write a limit order at `limit` ticks as intent `n`; return n + 1."""
    market_order(intents, n, side, lots)
    intents[n, ORDER_TYPE] = TYPE_LIMIT  # type: ignore[index]
    intents[n, ORDER_LIMIT] = limit  # type: ignore[index]
    return n + 1


@kernel
def stop_order(intents: object, n: int, side: int, lots: int, stop: int, flags: int) -> int:
    """Write a stop order at `stop` ticks with order flags as intent `n`; return n + 1."""
    market_order(intents, n, side, lots)
    intents[n, ORDER_TYPE] = TYPE_STOP  # type: ignore[index]
    intents[n, ORDER_STOP] = stop  # type: ignore[index]
    intents[n, ORDER_FLAGS] = flags  # type: ignore[index]
    return n + 1
