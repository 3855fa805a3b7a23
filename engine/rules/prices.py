"""Where an order to close is priced, and how far a walk may take it.

Everything is written for a sale; a purchase is its mirror. The touch is the last quote's, where the
last mark is one; a bar or a print shows one price, which is taken for both sides with a spread of one
step. Prices are rounded to the passive side, so that rounding never crosses the spread.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    ceil_to,
    floor_to,
    multiply_divide_floor,
)
from engine.model.layout import (
    KIND_QUOTE,
    POSITION_ASK,
    POSITION_BID,
    POSITION_LAST,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
)
from engine.model.trading import PRICE_AGGRESSIVE, PRICE_CONSERVATIVE, PRICE_MARKET
from engine.model.trading_layout import MONITOR_MARK_KIND
from engine.state import Core

MILLION = 10**6
THROUGH_PPM = (
    20_000  # an aggressive price goes through the touch by a step, or by 2 % if that is less
)
MILLI = 1000


@kernel
def touch(s: Core, i: int) -> tuple[int, int]:
    """Return bid and ask of the last mark; (0, 0) where it does not show both."""
    if s.monitors[i, MONITOR_MARK_KIND] == KIND_QUOTE:
        bid, ask = s.positions[i, POSITION_BID], s.positions[i, POSITION_ASK]
        if bid <= 0 or ask <= bid:
            return 0, 0
        return bid, ask
    last = s.positions[i, POSITION_LAST]
    return last, last


@kernel
def closing_price(s: Core, i: int, direction: int) -> int:
    """Return at what price a position could be closed now: the bid if long, the ask if short; 0: unknown."""
    bid, ask = touch(s, i)
    return bid if direction > 0 else ask


@kernel
def spread_of(s: Core, i: int) -> int:
    """Return the spread in ticks; one step where one price stands for both sides."""
    bid, ask = touch(s, i)
    return max(ask - bid, s.terms[i, TERM_PRICE_STEP])


@kernel
def in_range(s: Core, i: int, price: int) -> int:
    """Return the price of the grid that an order may have nearest to `price`."""
    step, highest = s.terms[i, TERM_PRICE_STEP], s.terms[i, TERM_PRICE_MAX]
    if highest > 0:
        price = min(price, floor_to(highest, step))
    return max(price, step)


@kernel
def farthest_price(s: Core, i: int, side: int) -> int:
    """Return the worst price that an order to close may have: past the opposite touch by the spread."""
    bid, ask = touch(s, i)
    step = s.terms[i, TERM_PRICE_STEP]
    if side < 0:
        return in_range(s, i, ceil_to(add_checked(bid, -spread_of(s, i)), step))
    return in_range(s, i, floor_to(add_checked(ask, spread_of(s, i)), step))


@kernel
def aggressive_price(s: Core, i: int, side: int) -> int:
    """Return a price through the touch by one step, or by 2 % in whole steps if that is nearer to it."""
    bid, ask = touch(s, i)
    step = s.terms[i, TERM_PRICE_STEP]
    opposite = bid if side < 0 else ask
    through = min(step, floor_to(multiply_divide_floor(opposite, THROUGH_PPM, MILLION), step))
    price = add_checked(opposite, side * through)
    return ceil_to(price, step) if side < 0 else floor_to(price, step)


@kernel
def fair_price(s: Core, i: int, side: int) -> int:
    """Return the mid on the side of the grid that does not cross."""
    bid, ask = touch(s, i)
    step, half = s.terms[i, TERM_PRICE_STEP], (ask - bid) // 2
    if side < 0:
        return ceil_to(add_checked(ask, -half), step)
    return floor_to(add_checked(bid, half), step)


@kernel
def exit_price(s: Core, i: int, side: int, kind: int) -> int:
    """Return the price of the first order to close; 0 at market, or where the touch is unknown.

    `side` is that of the order: -1 closes a long position.
    """
    bid, ask = touch(s, i)
    if kind == PRICE_MARKET or bid <= 0:
        return 0
    step = s.terms[i, TERM_PRICE_STEP]
    if kind == PRICE_AGGRESSIVE:
        price = aggressive_price(s, i, side)
    elif kind == PRICE_CONSERVATIVE:
        price = ceil_to(ask, step) if side < 0 else floor_to(bid, step)
    else:
        price = fair_price(s, i, side)
    return nearer(farthest_price(s, i, side), in_range(s, i, price), side)


@kernel
def nearer(bound: int, price: int, side: int) -> int:
    """Return `price`, or the bound where it lies beyond it."""
    return max(price, bound) if side < 0 else min(price, bound)


@kernel
def walked_price(s: Core, i: int, side: int, price: int, steps: int) -> int:
    """Return `price` moved by whole steps towards being filled, as far as it may go.

    A bound that the price has passed already leaves it where it is: a walk never goes back.
    """
    step = s.terms[i, TERM_PRICE_STEP]
    bid, _ = touch(s, i)
    moved = add_checked(price, side * steps * step)
    if bid <= 0 or moved == OVERFLOW:
        return price
    moved = nearer(farthest_price(s, i, side), in_range(s, i, moved), side)
    if side * moved < side * price:
        return price
    return moved


@kernel
def whole_steps(offset_milli: int) -> int:
    """Return how many whole steps a cumulated walk has gone: down, so that it is never too eager."""
    return offset_milli // MILLI
