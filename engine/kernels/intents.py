"""Writing intents, for compiled strategies: ``n = market_order(intents, n, BUY, lots)``.

A strategy returns how many it has written; they are carried out in their order. Orders are sized by the
strategy. `enter` is not one: it asks for an entry that the strategy file sizes, prices and checks, as
`signal` of a class does.
"""

from __future__ import annotations

import math
from typing import Final

from engine.jit import kernel
from engine.model.layout import (
    INTENT_CONFIDENCE,
    INTENT_EDGE,
    INTENT_GOAL,
    INTENT_IS_PROBABILITY,
    INTENT_VOLATILITY,
    ORDER_FLAGS,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TYPE,
    ORDER_WIDTH,
    TIF_GTC,
    TYPE_EDGE,
    TYPE_ENTER,
    TYPE_LEAVE,
    TYPE_LIMIT,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_WITHDRAW,
)
from engine.model.trading_layout import NOT_GIVEN
from engine.state import Table

BUY: Final = 1
SELL: Final = -1
NOTHING: Final = math.nan  # for an estimate that the strategy does not have
ESTIMATE_MAX = 1000.0  # beyond it, as what is no number, an estimate is none


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


@kernel
def enter(
    intents: Table,
    n: int,
    side: int,
    edge: float,
    confidence: float,
    goal: int,
    volatility: float,
) -> int:
    """Write as intent `n` a signal to enter on a side; return n + 1.

    Edge and confidence are fractions, the goal is in ticks (0: none), the volatility a fraction a year;
    NOTHING where the strategy has no estimate. What a run's first signal says, the later ones must say.
    """
    market_order(intents, n, side, 0)
    intents[n, ORDER_TYPE] = TYPE_ENTER
    intents[n, INTENT_EDGE] = billionths(edge)
    intents[n, INTENT_CONFIDENCE] = billionths(confidence)
    intents[n, INTENT_GOAL] = goal if goal > 0 else NOT_GIVEN
    intents[n, INTENT_VOLATILITY] = billionths(volatility)
    return n + 1


@kernel
def enter_on_probability(
    intents: Table, n: int, side: int, probability: float, confidence: float, goal: int
) -> int:
    """Write as intent `n` a signal of an event contract that settles at 1 with a probability."""
    enter(intents, n, side, probability, confidence, goal, NOTHING)
    intents[n, INTENT_IS_PROBABILITY] = 1
    return n + 1


@kernel
def say_edge(intents: Table, n: int, edge: float) -> int:
    """Write as intent `n` what a position's edge is now: the exits look at it; return n + 1."""
    market_order(intents, n, 0, 0)
    intents[n, ORDER_TYPE] = TYPE_EDGE
    intents[n, INTENT_EDGE] = billionths(edge)
    return n + 1


@kernel
def say_probability(intents: Table, n: int, probability: float) -> int:
    """Write as intent `n` what a contract's probability is now; return n + 1."""
    say_edge(intents, n, probability)
    intents[n, INTENT_IS_PROBABILITY] = 1
    return n + 1


@kernel
def leave(intents: Table, n: int) -> int:
    """Write as intent `n` the wish to be flat, by the exits where there are any; return n + 1."""
    market_order(intents, n, 0, 0)
    intents[n, ORDER_TYPE] = TYPE_LEAVE
    return n + 1


@kernel
def billionths(estimate: float) -> int:
    """Return an estimate in parts per billion, half-even; NOT_GIVEN where it is no usable number."""
    if not -ESTIMATE_MAX <= estimate <= ESTIMATE_MAX:  # NaN compares to nothing
        return NOT_GIVEN
    return round(estimate * 1e9)
