"""What the account could come to hold: positions with all that works, each order's worst outcome.

The worst case of an instrument is that all its buys fill and no sell, or all its sells and no buy.
What closes only (reduce-only) can make nothing larger and is left out; what is to be sold and is not
sold yet frees nothing. An order being replaced counts with the larger of its two totals.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import to_base
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import value_of
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_ORDERS,
    FLAG_REDUCE_ONLY,
    LEDGER_RATE,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_PARENT,
    ORDER_SIDE,
    POSITION_LAST,
    POSITION_QUANTITY,
    TERM_CURRENCY,
    TERM_LOT_STEP,
)
from engine.model.trading_layout import (
    MONITOR_WORST_HIGH,
    MONITOR_WORST_LOW,
    MONITOR_WORST_PRICE,
)
from engine.rules.equity import known_equity
from engine.rules.risk import open_lots, reference_price
from engine.state import Core


@kernel
def may_enlarge(s: Core, o: int) -> bool:
    """Return whether the order in row `o` could, filled, take a position further from flat."""
    return s.orders[o, ORDER_PARENT] == 0 and not s.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY


@kernel
def worst_lots(s: Core, i: int) -> tuple[int, int]:
    """Return the highest and the lowest position that an instrument's working orders can lead to."""
    high = low = s.positions[i, POSITION_QUANTITY]
    for o in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[o, ORDER_INSTRUMENT] == i and may_enlarge(s, o):
            if s.orders[o, ORDER_SIDE] > 0:
                high = add_checked(high, open_lots(s, o))
            else:
                low = add_checked(low, -open_lots(s, o))
    return high, low


@kernel
def measure_worst(s: Core, r: int) -> None:
    """Write down every instrument's worst case, with the order in row `r` (a new one stands last).

    In the monitors, so that the orders are gone through once and not once per instrument.
    """
    for i in range(s.positions.shape[0]):
        s.monitors[i, MONITOR_WORST_HIGH] = s.positions[i, POSITION_QUANTITY]
        s.monitors[i, MONITOR_WORST_LOW] = s.positions[i, POSITION_QUANTITY]
        s.monitors[i, MONITOR_WORST_PRICE] = s.positions[i, POSITION_LAST]
    for o in range(s.account[ACCOUNT_ORDERS]):
        add_order(s, o)
    if r >= s.account[ACCOUNT_ORDERS]:
        add_order(s, r)


@kernel
def add_order(s: Core, o: int) -> None:
    """Add what the order in row `o` could do to its instrument's worst case."""
    if not may_enlarge(s, o):
        return
    i, rest = s.orders[o, ORDER_INSTRUMENT], open_lots(s, o)
    if s.orders[o, ORDER_SIDE] > 0:
        s.monitors[i, MONITOR_WORST_HIGH] = add_checked(s.monitors[i, MONITOR_WORST_HIGH], rest)
    else:
        s.monitors[i, MONITOR_WORST_LOW] = add_checked(s.monitors[i, MONITOR_WORST_LOW], -rest)
    if s.positions[i, POSITION_LAST] > 0:
        price = max(s.monitors[i, MONITOR_WORST_PRICE], reference_price(s, o))
        s.monitors[i, MONITOR_WORST_PRICE] = price


@kernel
def money_of(s: Core, i: int, lots: int) -> int:
    """Return what `lots` are worth at the worst price, in the account's currency, signed as `lots`.

    OVERFLOW where price or rate are unknown, or the amount does not fit.
    """
    if lots == 0:
        return 0
    currency = s.terms[i, TERM_CURRENCY]
    if lots == OVERFLOW or s.monitors[i, MONITOR_WORST_PRICE] <= 0:
        return OVERFLOW
    if s.ledger[currency, LEDGER_RATE] <= 0:
        return OVERFLOW
    return to_base(s, currency, value_of(s, i, s.monitors[i, MONITOR_WORST_PRICE], lots))


@kernel
def worst_money(s: Core, i: int) -> int:
    """Return the larger value of an instrument's two worst cases, or OVERFLOW."""
    high = money_of(s, i, s.monitors[i, MONITOR_WORST_HIGH])
    low = money_of(s, i, s.monitors[i, MONITOR_WORST_LOW])
    if high == OVERFLOW or low == OVERFLOW:
        return OVERFLOW
    return max(abs(high), abs(low))


@kernel
def worst_gross(s: Core, column: int, number: int) -> int:
    """Return the sum of worst cases, or OVERFLOW; where a column of `terms` is named, of that group."""
    total = 0
    for i in range(s.positions.shape[0]):
        if column < 0 or s.terms[i, column] == number:
            total = add_checked(total, worst_money(s, i))
    return total


@kernel
def worst_net(s: Core) -> int:
    """Return the farther from zero of the net values when all buys fill, and when all sells do."""
    high, low = 0, 0
    for i in range(s.positions.shape[0]):
        high = add_checked(high, money_of(s, i, s.monitors[i, MONITOR_WORST_HIGH]))
        low = add_checked(low, money_of(s, i, s.monitors[i, MONITOR_WORST_LOW]))
    if high == OVERFLOW or low == OVERFLOW:
        return OVERFLOW
    return max(abs(high), abs(low))


@kernel
def worst_count(s: Core) -> int:
    """Return in how many instruments there is a position, or could be one."""
    count = 0
    for i in range(s.positions.shape[0]):
        step = s.terms[i, TERM_LOT_STEP]
        high, low = s.monitors[i, MONITOR_WORST_HIGH], s.monitors[i, MONITOR_WORST_LOW]
        # OVERFLOW is a number far below -step: such an instrument counts.
        if high >= step or low <= -step or high <= -step or low >= step:
            count += 1
    return count


@kernel
def valued_equity(s: Core) -> int:
    """Return the account's equity, or OVERFLOW where a held price or a rate is missing."""
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0 and s.positions[i, POSITION_LAST] <= 0:
            return OVERFLOW
    return known_equity(s)
