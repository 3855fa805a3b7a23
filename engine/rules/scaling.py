"""What a split changes in the trading loop's memory of a position."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.money import (
    OVERFLOW,
    ceil_to,
    floor_to,
    multiply_divide_ceiling,
    multiply_divide_even,
    multiply_divide_floor,
)
from engine.model.layout import KIND_QUOTE, KIND_TRADE, TERM_LOT_STEP, TERM_PRICE_STEP
from engine.model.trading_layout import (
    ENTRY_GOAL,
    ENTRY_LEFT,
    ENTRY_SIDE,
    EXIT_BEFORE,
    EXIT_FILLED,
    EXIT_FIRED_PRICE,
    EXIT_GOAL,
    EXIT_LEFT,
    EXIT_NEXT_PRICE,
    EXIT_PRICE,
    MONITOR_BASE,
    MONITOR_DIRECTION,
    MONITOR_MARK_BEFORE,
    MONITOR_MARK_KIND,
    MONITOR_PEAK,
    MONITOR_STOP,
    MONITOR_TARGET_GOAL,
    NOT_GIVEN,
    WAITING_LOTS,
    WAITING_MARKET,
    WAITING_PRICE,
    WAITING_SIDE,
)
from engine.state import Core


@kernel
def scale_price(price: int, step: int, numerator: int, denominator: int, up: bool) -> int:
    """Return a price after a split, on the grid, rounded up or down; 0 stays 0, no other becomes it."""
    if up or price == 0:
        return ceil_to(multiply_divide_ceiling(price, denominator, numerator), step)
    scaled = floor_to(multiply_divide_floor(price, denominator, numerator), step)
    return scaled if scaled == OVERFLOW else max(scaled, step)


@loop_door
def scale_monitor(s: Core, i: int, numerator: int, denominator: int) -> None:
    """Scale what is remembered in ticks and lots of an instrument.

    Prices are rounded as those of the orders that they stand for: an exit's price as its order's
    limit, the trailing stop as a stop's, a goal as a limit's; its peak as the last price, or the
    rounding would make a new peak of the price that it was.
    """
    is_long = s.monitors[i, MONITOR_DIRECTION] > 0
    for column in (EXIT_PRICE, EXIT_NEXT_PRICE, EXIT_FIRED_PRICE, MONITOR_TARGET_GOAL):
        scale_column(s, i, column, numerator, denominator, is_long)
    scale_column(s, i, MONITOR_STOP, numerator, denominator, not is_long)
    peak = multiply_divide_even(s.monitors[i, MONITOR_PEAK], denominator, numerator)
    s.monitors[i, MONITOR_PEAK] = max(peak, 0)
    scale_column(s, i, MONITOR_MARK_BEFORE, numerator, denominator, False)
    scale_column(s, i, WAITING_PRICE, numerator, denominator, s.monitors[i, WAITING_SIDE] < 0)
    scale_column(s, i, WAITING_MARKET, numerator, denominator, False)
    scale_column(s, i, ENTRY_GOAL, numerator, denominator, s.monitors[i, ENTRY_SIDE] > 0)
    for column in (EXIT_LEFT, EXIT_GOAL, MONITOR_BASE, ENTRY_LEFT, WAITING_LOTS):
        lots = multiply_divide_floor(s.monitors[i, column], numerator, denominator)
        s.monitors[i, column] = max(floor_to(lots, s.terms[i, TERM_LOT_STEP]), 0)
    for column in (EXIT_FILLED, EXIT_BEFORE):
        lots = multiply_divide_floor(s.monitors[i, column], numerator, denominator)
        s.monitors[i, column] = max(lots, 0)
    if s.monitors[i, MONITOR_MARK_KIND] == KIND_QUOTE:
        # The last quote's bid and ask are those of before; the last price is the one that was scaled.
        s.monitors[i, MONITOR_MARK_KIND] = KIND_TRADE


@kernel
def scale_column(s: Core, i: int, column: int, numerator: int, denominator: int, up: bool) -> None:
    """Scale one price of the monitor; one that does not fit is forgotten."""
    price = s.monitors[i, column]
    if price == NOT_GIVEN or price == 0:
        return
    scaled = scale_price(price, s.terms[i, TERM_PRICE_STEP], numerator, denominator, up)
    if scaled == OVERFLOW:
        scaled = NOT_GIVEN if is_goal(column) else 0
    s.monitors[i, column] = scaled


@kernel
def is_goal(column: int) -> bool:
    """Return whether a column holds NOT_GIVEN where there is no price."""
    return column == MONITOR_TARGET_GOAL or column == ENTRY_GOAL
