"""The checks that an order passes before it exists. What cannot be evaluated denies.

The order of the checks is the precedence of their codes: a malformed order is denied for its form
before its size, and for its size before the account.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import to_base
from engine.kernels.money import INT64_MAX, OVERFLOW, add_checked, multiply_divide_floor
from engine.kernels.positions import (
    equity_minor,
    staked,
    staked_minor,
    tradable_lots,
    value_of,
)
from engine.model.denials import (
    DENY_BUYING_POWER,
    DENY_CLOSE_FIRST,
    DENY_EXPIRY_IN_THE_PAST,
    DENY_MARKET_CLOSED_FOR_GOOD,
    DENY_NO_MARKET_PRICE,
    DENY_NONE,
    DENY_NOTHING_TO_REDUCE,
    DENY_PRICE_MISSING,
    DENY_PRICE_OFF_GRID,
    DENY_PRICE_OUT_OF_RANGE,
    DENY_QUANTITY_NOT_POSITIVE,
    DENY_QUANTITY_OFF_GRID,
    DENY_QUANTITY_TOO_LARGE,
    DENY_SHORT_NOT_ALLOWED,
    DENY_TERMS_CONFLICT,
    DENY_VALUE_TOO_LARGE,
)
from engine.model.layout import (
    ACCOUNT_CLOSE_FIRST,
    ACCOUNT_LEVERAGE_PPM,
    ACCOUNT_NOW,
    ACCOUNT_ORDER_LIMIT,
    ACCOUNT_ORDERS,
    ACCOUNT_SHORT,
    ACCOUNT_TRADING,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    LEDGER_RATE,
    ORDER_EXPIRE,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_REPLACING,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TRAIL_PPM,
    ORDER_TRAIL_TICKS,
    ORDER_TYPE,
    POSITION_CLOSED,
    POSITION_LAST,
    POSITION_QUANTITY,
    POSITION_WORKING,
    STATUS_PENDING_CANCEL,
    TERM_BINARY,
    TERM_CURRENCY,
    TERM_LOT_STEP,
    TERM_MARGINED,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
    TIF_GTD,
    TYPE_LIMIT,
    TYPE_LIMIT_ON_CLOSE,
    TYPE_LIMIT_ON_OPEN,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
)
from engine.state import Core

MILLION = 10**6


@kernel
def needs_limit(order_type: int) -> bool:
    """Return whether an order type carries a limit price."""
    return (
        order_type == TYPE_LIMIT
        or order_type == TYPE_STOP_LIMIT
        or order_type == TYPE_LIMIT_ON_OPEN
        or order_type == TYPE_LIMIT_ON_CLOSE
    )


@kernel
def check_price(s: Core, i: int, price: int) -> int:
    """Return why `price` cannot be an order's price, or DENY_NONE."""
    if price <= 0:
        return DENY_PRICE_MISSING
    if price % s.terms[i, TERM_PRICE_STEP] != 0:
        return DENY_PRICE_OFF_GRID
    highest = s.terms[i, TERM_PRICE_MAX]
    if highest > 0 and price > highest:
        return DENY_PRICE_OUT_OF_RANGE
    return DENY_NONE


@kernel
def check_form(s: Core, r: int) -> int:
    """Return why the order in row `r` is malformed, or DENY_NONE."""
    i, order_type = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_TYPE]
    lots = s.orders[r, ORDER_QUANTITY]
    if lots <= 0:
        return DENY_QUANTITY_NOT_POSITIVE
    if lots % s.terms[i, TERM_LOT_STEP] != 0:
        return DENY_QUANTITY_OFF_GRID
    most = s.account[ACCOUNT_ORDER_LIMIT]
    if most > 0 and lots > most:
        return DENY_QUANTITY_TOO_LARGE
    if needs_limit(order_type):
        code = check_price(s, i, s.orders[r, ORDER_LIMIT])
        if code != DENY_NONE:
            return code
    if order_type == TYPE_STOP or order_type == TYPE_STOP_LIMIT:
        code = check_price(s, i, s.orders[r, ORDER_STOP])
        if code != DENY_NONE:
            return code
    if order_type == TYPE_TRAILING_STOP:
        ticks, ppm = s.orders[r, ORDER_TRAIL_TICKS], s.orders[r, ORDER_TRAIL_PPM]
        if ticks < 0 or ppm < 0 or ppm >= MILLION or (ticks > 0) == (ppm > 0):
            return DENY_PRICE_MISSING
    if s.orders[r, ORDER_TIF] == TIF_GTD and s.orders[r, ORDER_EXPIRE] <= s.account[ACCOUNT_NOW]:
        return DENY_EXPIRY_IN_THE_PAST
    if s.orders[r, ORDER_FLAGS] & FLAG_POST_ONLY and order_type != TYPE_LIMIT:
        return DENY_TERMS_CONFLICT
    return DENY_NONE


@kernel
def reference_price(s: Core, r: int) -> int:
    """Return the price at which the order's value is judged: its own limit or stop, or the last."""
    i, order_type = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_TYPE]
    last = s.positions[i, POSITION_LAST]
    if needs_limit(order_type):
        return s.orders[r, ORDER_LIMIT]
    if order_type == TYPE_STOP:
        return max(s.orders[r, ORDER_STOP], last)
    return last


@kernel
def open_lots(s: Core, o: int) -> int:
    """Return how much of a working order may still fill, counting a larger total asked for."""
    total = max(s.orders[o, ORDER_QUANTITY], s.orders[o, ORDER_REPLACING])
    return total - s.orders[o, ORDER_FILLED]


@kernel
def opening_lots(s: Core, r: int) -> int:
    """Return how much of the order could open or enlarge a position, all else working unfilled."""
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    opposite = max(-side * s.positions[i, POSITION_QUANTITY], 0)
    # Other orders on our side may use up the same opposite position first.
    if s.positions[i, POSITION_WORKING] > 0:
        for o in range(s.account[ACCOUNT_ORDERS]):
            if o != r and s.orders[o, ORDER_INSTRUMENT] == i and s.orders[o, ORDER_SIDE] == side:
                if not s.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
                    opposite -= open_lots(s, o)
    return s.orders[r, ORDER_QUANTITY] - max(opposite, 0)


@kernel
def left_to_close(s: Core, r: int) -> int:
    """Return how much of the position the reduce-only order in row `r` may close.

    What is held, less what other orders that work would close: no venue sells the same lots twice. What hangs
    on an entry makes way for it; for all at market everything does but what is at market itself.
    """
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    held = -side * tradable_lots(s, i)
    return max(held - lots_beside(s, r, closes_all(s, r)), 0)


@kernel
def closes_all(s: Core, r: int) -> bool:
    """Return whether the reduce-only order in row `r` closes, at market, all that is held."""
    if s.orders[r, ORDER_TYPE] != TYPE_MARKET:
        return False
    held = -s.orders[r, ORDER_SIDE] * tradable_lots(s, s.orders[r, ORDER_INSTRUMENT])
    return bool(s.orders[r, ORDER_QUANTITY] >= held - lots_beside(s, r, True))


@kernel
def lots_beside(s: Core, r: int, at_market: bool) -> int:
    """Return the lots that other orders may trade on the side of row `r`; `at_market`: only those."""
    total = 0
    for o in range(s.account[ACCOUNT_ORDERS]):
        if works_beside(s, o, r) and (not at_market or s.orders[o, ORDER_TYPE] == TYPE_MARKET):
            total += open_lots(s, o)
    return total


@kernel
def works_beside(s: Core, o: int, r: int) -> bool:
    """Return whether row `o` is of another order, by itself, that goes on trading the side of row `r`."""
    return bool(
        o != r
        and s.orders[o, ORDER_INSTRUMENT] == s.orders[r, ORDER_INSTRUMENT]
        and s.orders[o, ORDER_SIDE] == s.orders[r, ORDER_SIDE]
        and s.orders[o, ORDER_PARENT] == 0
        and s.orders[o, ORDER_STATUS] != STATUS_PENDING_CANCEL
    )


@kernel
def working_exposure(s: Core, but: int) -> int:
    """Return by how much the working orders will change gross exposure, in the account's currency.

    An order that opens counts whole; one that reduces counts only if it trades at market, so that a
    rebalancing may spend what its own sales free, and a far limit or stop frees nothing.
    """
    total = 0
    for o in range(s.account[ACCOUNT_ORDERS]):
        if o == but or s.orders[o, ORDER_PARENT] != 0:
            continue
        i, side = s.orders[o, ORDER_INSTRUMENT], s.orders[o, ORDER_SIDE]
        rest = open_lots(s, o)
        held = abs(s.positions[i, POSITION_QUANTITY])
        after = add_checked(s.positions[i, POSITION_QUANTITY], side * rest)
        if after == OVERFLOW:
            return OVERFLOW
        if s.terms[i, TERM_BINARY] == 1:
            total = add_checked(total, stake_change(s, o, after))
            continue
        lots = abs(after) - held
        if lots < 0 and s.orders[o, ORDER_TYPE] != TYPE_MARKET:
            continue
        if lots > 0 and s.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
            continue
        value = value_of(s, i, reference_price(s, o), lots)
        total = add_checked(total, to_base(s, s.terms[i, TERM_CURRENCY], value))
    return total


@kernel
def stake_change(s: Core, o: int, after: int) -> int:
    """Return by how much the order in row `o` will change what its contract puts at stake, or OVERFLOW.

    As in `working_exposure`: a smaller stake counts only at market, a larger one not of what only reduces.
    """
    i, price = s.orders[o, ORDER_INSTRUMENT], reference_price(s, o)
    before = staked(s, i, price, s.positions[i, POSITION_QUANTITY])
    change = add_checked(staked(s, i, price, after), -before if before != OVERFLOW else OVERFLOW)
    if change == OVERFLOW:
        return OVERFLOW
    if change < 0 and s.orders[o, ORDER_TYPE] != TYPE_MARKET:
        return 0
    if change > 0 and s.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        return 0
    return to_base(s, s.terms[i, TERM_CURRENCY], change)


@kernel
def power_needed(s: Core, r: int, lots: int, price: int) -> int:
    """Return what is at stake once `lots` of the order in row `r` are bought or sold short, or OVERFLOW."""
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    value = to_base(s, s.terms[i, TERM_CURRENCY], staked(s, i, price, side * lots))
    return add_checked(add_checked(staked_minor(s), value), working_exposure(s, r))


@kernel
def power_allowed(s: Core, equity: int) -> int:
    """Return the gross exposure that leverage allows; less than any where there is no equity."""
    if equity <= 0:
        return -1
    allowed = multiply_divide_floor(equity, s.account[ACCOUNT_LEVERAGE_PPM], MILLION)
    return INT64_MAX if allowed == OVERFLOW else allowed


@kernel
def check_buying_power(s: Core, r: int, lots: int, price: int) -> int:
    """Return DENY_BUYING_POWER when the order would take gross exposure past leverage x equity."""
    needed = power_needed(s, r, lots, price)
    equity = equity_minor(s)
    if needed == OVERFLOW or equity == OVERFLOW:
        return DENY_VALUE_TOO_LARGE
    return DENY_BUYING_POWER if needed > power_allowed(s, equity) else DENY_NONE


@kernel
def opens(s: Core, r: int) -> bool:
    """Return whether the order in row `r` could open or enlarge a position."""
    if s.orders[r, ORDER_PARENT] != 0 or s.orders[r, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        return False
    return opening_lots(s, r) > 0


@kernel
def check_order(s: Core, r: int) -> int:
    """Return why the order in row `r` must not be sent, or DENY_NONE."""
    code = check_form(s, r)
    if code != DENY_NONE:
        return code
    i, side = s.orders[r, ORDER_INSTRUMENT], s.orders[r, ORDER_SIDE]
    if s.positions[i, POSITION_CLOSED] == 1:
        return DENY_MARKET_CLOSED_FOR_GOOD
    rate = s.ledger[s.terms[i, TERM_CURRENCY], LEDGER_RATE]
    if s.positions[i, POSITION_LAST] <= 0 or rate <= 0:
        return DENY_NO_MARKET_PRICE
    price = max(reference_price(s, r), s.positions[i, POSITION_LAST])
    if value_of(s, i, price, s.orders[r, ORDER_QUANTITY]) == OVERFLOW:
        return DENY_VALUE_TOO_LARGE
    if s.orders[r, ORDER_PARENT] != 0:
        return DENY_NONE
    if s.orders[r, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        if side * tradable_lots(s, i) >= 0:
            return DENY_NOTHING_TO_REDUCE
        return DENY_NONE
    opening = opening_lots(s, r)
    if opening <= 0:
        return DENY_NONE
    if side < 0 and s.account[ACCOUNT_SHORT] == 0 and s.terms[i, TERM_MARGINED] == 0:
        return DENY_SHORT_NOT_ALLOWED
    if s.account[ACCOUNT_CLOSE_FIRST] == 1 and side * tradable_lots(s, i) < 0:
        return DENY_CLOSE_FIRST
    if s.account[ACCOUNT_TRADING] == 1:
        return DENY_NONE  # it is the last of the sixteen checks (`engine.rules.checks`)
    return check_buying_power(s, r, opening, reference_price(s, r))
