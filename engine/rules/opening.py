"""The orders that an entry is made of: the intent itself, its passive price, and its bracket."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    add_checked,
    ceil_to,
    floor_to,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.orders import place
from engine.model.layout import (
    ACCOUNT_ENTRY_OFFSET_PPM,
    ACCOUNT_STOP_PPM,
    ACCOUNT_TARGET_PPM,
    ACCOUNT_TRAIL_PPM,
    ORDER_GROUP,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TRAIL_PPM,
    ORDER_TYPE,
    ORDER_WIDTH,
    POSITION_LAST,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
    TIF_GTC,
    TYPE_LIMIT,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_TRAILING_STOP,
)
from engine.state import Core, Table

MILLION = 10**6


@kernel
def new_intent(intents: Table, row: int, i: int, side: int, lots: int) -> None:
    """Start a market order in `intents[row]`."""
    for column in range(ORDER_WIDTH):
        intents[row, column] = 0
    intents[row, ORDER_INSTRUMENT] = i
    intents[row, ORDER_SIDE] = side
    intents[row, ORDER_TYPE] = TYPE_MARKET
    intents[row, ORDER_TIF] = TIF_GTC
    intents[row, ORDER_QUANTITY] = lots


@kernel
def passive_price(s: Core, i: int, side: int, distance_ppm: int) -> int:
    """Return the last price moved `distance_ppm` against `side`'s favour to fill, on the grid.

    A negative distance goes through the last price; every rounding is to the passive side.
    """
    last, step = s.positions[i, POSITION_LAST], s.terms[i, TERM_PRICE_STEP]
    if distance_ppm >= 0:
        away = multiply_divide_ceiling(last, distance_ppm, MILLION)
    else:
        away = -multiply_divide_floor(last, -distance_ppm, MILLION)
    if side > 0:
        price: int = max(floor_to(add_checked(last, -away), step), step)
        return price
    return ceil_to(add_checked(last, away), step)


@kernel
def entry_limit(s: Core, i: int, side: int) -> int:
    """Return the limit of an entry of the trading loop: as configured, and inside the contract's range."""
    price = passive_price(s, i, side, s.account[ACCOUNT_ENTRY_OFFSET_PPM])
    highest = s.terms[i, TERM_PRICE_MAX]
    if highest > 0 and price > highest:
        return floor_to(highest, s.terms[i, TERM_PRICE_STEP])
    return price


@kernel
def place_bracket(s: Core, intents: Table, i: int, side: int, lots: int) -> None:
    """Hang the configured protective orders on the entry just made."""
    back = -1
    if s.account[ACCOUNT_STOP_PPM] > 0:
        new_intent(intents, 0, i, -side, lots)
        intents[0, ORDER_TYPE] = TYPE_STOP
        price = passive_price(s, i, side, s.account[ACCOUNT_STOP_PPM])
        intents[0, ORDER_STOP] = price
        hang(s, intents, back)
        back -= 1
    if s.account[ACCOUNT_TARGET_PPM] > 0:
        new_intent(intents, 0, i, -side, lots)
        intents[0, ORDER_TYPE] = TYPE_LIMIT
        price = passive_price(s, i, -side, s.account[ACCOUNT_TARGET_PPM])
        intents[0, ORDER_LIMIT] = price
        hang(s, intents, back)
        back -= 1
    if s.account[ACCOUNT_TRAIL_PPM] > 0:
        new_intent(intents, 0, i, -side, lots)
        intents[0, ORDER_TYPE] = TYPE_TRAILING_STOP
        intents[0, ORDER_TRAIL_PPM] = s.account[ACCOUNT_TRAIL_PPM]
        hang(s, intents, back)


@kernel
def hang(s: Core, intents: Table, back: int) -> None:
    """Place the order in `intents[0]` as a child of the order made `-back` intents ago."""
    intents[0, ORDER_PARENT] = back
    intents[0, ORDER_GROUP] = -1
    place(s, intents, 0)
