"""What the account could come to hold: positions with all that works, each order's worst outcome.

The worst case of an instrument is that all its buys fill and no sell, or all its sells and no buy.
What closes only (reduce-only) can make nothing larger and is left out; what is to be sold and is not
sold yet frees nothing. An order being replaced counts with the larger of its two totals.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import to_base
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import staked
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
    TERM_BINARY,
    TERM_CURRENCY,
    TERM_EVENT,
    TERM_GROUP,
    TERM_LOT_STEP,
)
from engine.model.trading_layout import (
    MONITOR_WORST_FLOOR,
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
        s.monitors[i, MONITOR_WORST_FLOOR] = s.positions[i, POSITION_LAST]
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
        price = reference_price(s, o)
        s.monitors[i, MONITOR_WORST_PRICE] = max(s.monitors[i, MONITOR_WORST_PRICE], price)
        if s.orders[o, ORDER_SIDE] < 0:
            s.monitors[i, MONITOR_WORST_FLOOR] = min(s.monitors[i, MONITOR_WORST_FLOOR], price)


@kernel
def money_of(s: Core, i: int, lots: int) -> int:
    """Return what `lots` put at stake at the worst price, in the account's currency, signed as `lots`.

    Sold short, an event contract is worst at the lowest price. OVERFLOW where price or rate are unknown, or the amount does not fit.
    """
    if lots == 0:
        return 0
    currency = s.terms[i, TERM_CURRENCY]
    if lots == OVERFLOW or s.monitors[i, MONITOR_WORST_PRICE] <= 0:
        return OVERFLOW
    if s.ledger[currency, LEDGER_RATE] <= 0:
        return OVERFLOW
    price = s.monitors[i, MONITOR_WORST_PRICE]
    if lots < 0 and s.terms[i, TERM_BINARY] == 1:
        price = s.monitors[i, MONITOR_WORST_FLOOR]
    money = to_base(s, currency, staked(s, i, price, lots))
    return money if money == OVERFLOW or lots > 0 else -money


@kernel
def worst_sums(s: Core, i: int) -> tuple[int, int, int, int, int, int]:
    """Return in how many instruments there could be a position, and worst-case values, or OVERFLOW:

    that of instrument `i`; of all; of its group; of its event; and net, the farther from zero of all
    buys filled and all sells filled. One pass over the instruments, after `measure_worst`.
    """
    count, own, gross, group, event, ups, downs = 0, 0, 0, 0, 0, 0, 0
    for j in range(s.positions.shape[0]):
        high, low = s.monitors[j, MONITOR_WORST_HIGH], s.monitors[j, MONITOR_WORST_LOW]
        if high == 0 and low == 0:
            continue
        step = s.terms[j, TERM_LOT_STEP]
        # OVERFLOW is a number far below -step: such an instrument counts.
        if high >= step or low <= -step or high <= -step or low >= step:
            count += 1
        up, down = money_of(s, j, high), money_of(s, j, low)
        worst = OVERFLOW if up == OVERFLOW or down == OVERFLOW else max(abs(up), abs(down))
        ups, downs = add_checked(ups, up), add_checked(downs, down)
        gross = add_checked(gross, worst)
        if j == i:
            own = worst
        if s.terms[j, TERM_GROUP] == s.terms[i, TERM_GROUP]:
            group = add_checked(group, worst)
        if s.terms[j, TERM_EVENT] == s.terms[i, TERM_EVENT]:
            event = add_checked(event, worst)
    net = OVERFLOW if ups == OVERFLOW or downs == OVERFLOW else max(abs(ups), abs(downs))
    return count, own, gross, group, event, net


@kernel
def valued_equity(s: Core) -> int:
    """Return the account's equity, or OVERFLOW where a held price or a rate is missing."""
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0 and s.positions[i, POSITION_LAST] <= 0:
            return OVERFLOW
    return known_equity(s)
