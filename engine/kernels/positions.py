"""Positions: netting, cost basis, and everything that happens to what one holds."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import fault, journal_row, post_cash, to_base
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    divide_wide,
    floor_to,
    multiply_checked,
    multiply_divide_even,
    multiply_divide_floor,
    notional_minor,
    rounds_up,
)
from engine.model.layout import (
    ACCOUNT_REINVEST,
    FAULT_OVERFLOW,
    KIND_DIVIDEND,
    KIND_FUNDING,
    KIND_POSITION_CHANGED,
    KIND_SPLIT,
    LEDGER_CASH,
    LEDGER_CONTRACTS,
    LEDGER_DIVIDENDS,
    LEDGER_FEES,
    LEDGER_FUNDING,
    LEDGER_POSITIONS,
    LEDGER_RATE,
    LEDGER_REALIZED,
    POSITION_AFTER,
    POSITION_CAUSE,
    POSITION_CLOSED_LOTS,
    POSITION_COST,
    POSITION_COST_AFTER,
    POSITION_LAST,
    POSITION_PENDING,
    POSITION_QUANTITY,
    POSITION_REALIZED,
    POSITION_REMAINDER,
    RATE_ONE,
    TERM_BINARY,
    TERM_CURRENCY,
    TERM_DENOMINATOR,
    TERM_LOT_STEP,
    TERM_LOT_UNIT,
    TERM_MARGINED,
    TERM_NUMERATOR,
    TERM_PRICE_UNIT,
)
from engine.state import Core, Table

BILLION = 10**9


@kernel
def value_of(s: Core, i: int, price: int, lots: int) -> int:
    """Return the money of `lots` at `price` in the instrument's currency, signed as `lots`."""
    return notional_minor(price, lots, s.terms[i, TERM_NUMERATOR], s.terms[i, TERM_DENOMINATOR])


@kernel
def staked(s: Core, i: int, price: int, lots: int) -> int:
    """Return the money that `lots` at `price` put at stake, in the instrument's currency; never negative.

    That is their value; but a contract that settles at 0 or 1, sold short, can cost 1 - price: what its
    other side is bought for.
    """
    if lots < 0 and s.terms[i, TERM_BINARY] == 1:
        return value_of(s, i, max(s.terms[i, TERM_PRICE_UNIT] - price, 0), -lots)
    value = value_of(s, i, price, lots)
    return OVERFLOW if value == OVERFLOW else abs(value)


@kernel
def staked_minor(s: Core) -> int:
    """Return what all positions put at stake at the last prices, in the account's currency, or OVERFLOW."""
    total = 0
    for i in range(s.positions.shape[0]):
        quantity = s.positions[i, POSITION_QUANTITY]
        if quantity != 0:
            stake = staked(s, i, s.positions[i, POSITION_LAST], quantity)
            total = add_checked(total, to_base(s, s.terms[i, TERM_CURRENCY], stake))
    return total


@kernel
def change_position(
    s: Core, i: int, lots: int, price: int, value: int, fee: int, cause: int
) -> int:
    """Trade `lots` (negative: sell) worth `value` (same sign), paying `fee`; return realized money.

    Postings for an instrument paid in full: cash -value, positions +cost, realized -gain. For a
    margined one cash moves by the gain alone, and the cost stands against LEDGER_CONTRACTS. The fee
    is cash against LEDGER_FEES. OVERFLOW is returned, and nothing changed, when an amount does not fit.
    """
    quantity, cost = s.positions[i, POSITION_QUANTITY], s.positions[i, POSITION_COST]
    closing = 0
    if (quantity > 0) != (lots > 0) and quantity != 0:
        closing = min(abs(lots), abs(quantity))
    closed_cost, closed_value = 0, 0
    if closing > 0:
        closed_cost = cost
        if closing < abs(quantity):
            closed_cost = multiply_divide_even(cost, closing, abs(quantity))
        closed_value = value
        if closing < abs(lots):
            closed_value = value_of(s, i, price, closing if lots > 0 else -closing)
    # A sale's value is negative: what comes in is -value, what it had cost is closed_cost.
    realized = -closed_value - closed_cost
    cost_change = (value - closed_value) - closed_cost
    if not post_trade(s, i, value, cost_change, realized, fee):
        return OVERFLOW
    s.positions[i, POSITION_QUANTITY] = quantity + lots
    s.positions[i, POSITION_COST] = cost + cost_change
    row = journal_row(s, KIND_POSITION_CHANGED, i)
    s.journal[row, POSITION_AFTER] = quantity + lots
    s.journal[row, POSITION_REALIZED] = realized
    s.journal[row, POSITION_COST_AFTER] = cost + cost_change
    s.journal[row, POSITION_CAUSE] = cause
    s.journal[row, POSITION_CLOSED_LOTS] = closing
    return realized


@kernel
def post_trade(s: Core, i: int, value: int, cost_change: int, realized: int, fee: int) -> bool:
    """Post one trade; False, with nothing changed, when an amount does not fit."""
    c = s.terms[i, TERM_CURRENCY]
    margined = s.terms[i, TERM_MARGINED] == 1
    paid = realized if margined else -value
    cash = add_checked(add_checked(s.ledger[c, LEDGER_CASH], paid), -fee)
    held = add_checked(s.ledger[c, LEDGER_POSITIONS], cost_change)
    owed = add_checked(s.ledger[c, LEDGER_CONTRACTS], -cost_change if margined else 0)
    income = add_checked(s.ledger[c, LEDGER_REALIZED], -realized)
    fees = add_checked(s.ledger[c, LEDGER_FEES], fee)
    if (
        cash == OVERFLOW
        or held == OVERFLOW
        or owed == OVERFLOW
        or income == OVERFLOW
        or fees == OVERFLOW
    ):
        fault(s, FAULT_OVERFLOW, i)
        return False
    s.ledger[c, LEDGER_CASH] = cash
    s.ledger[c, LEDGER_POSITIONS] = held
    s.ledger[c, LEDGER_CONTRACTS] = owed
    s.ledger[c, LEDGER_REALIZED] = income
    s.ledger[c, LEDGER_FEES] = fees
    return True


@kernel
def apply_trade(s: Core, i: int, lots: int, price: int, fee: int, cause: int) -> int:
    """Book a fill of `lots` (signed) at `price`; return the realized money, or OVERFLOW."""
    value = value_of(s, i, price, lots)
    if value == OVERFLOW or add_checked(s.positions[i, POSITION_QUANTITY], lots) == OVERFLOW:
        fault(s, FAULT_OVERFLOW, i)
        return OVERFLOW
    realized = change_position(s, i, lots, price, value, fee, cause)
    denominator = s.terms[i, TERM_DENOMINATOR]
    if denominator > 1 and realized != OVERFLOW:
        # Half-even rounding of the value is booked, so that the exact sum can be told at any time.
        whole, rest = divide_wide(price * s.terms[i, TERM_NUMERATOR], abs(lots), denominator)
        if rounds_up(whole, rest, denominator):
            rest = rest - denominator
        s.positions[i, POSITION_REMAINDER] += rest if lots > 0 else -rest
    if s.positions[i, POSITION_LAST] == 0 and realized != OVERFLOW:
        s.positions[i, POSITION_LAST] = price
    return realized


@kernel
def tradable_lots(s: Core, i: int) -> int:
    """Return the position in whole lot steps, toward zero: what an order can close.

    A fee taken in kind or a split can leave less than a step, which no venue sells; a position of
    nothing else is flat.
    """
    quantity, step = s.positions[i, POSITION_QUANTITY], s.terms[i, TERM_LOT_STEP]
    if step <= 1:
        return quantity
    return floor_to(quantity, step) if quantity >= 0 else -floor_to(-quantity, step)


@kernel
def keep_in_kind(s: Core, i: int, lots: int, price: int, cause: int) -> None:
    """The venue keeps `lots` of what was bought: sold at a price, all of it paid as the fee."""
    fee = abs(value_of(s, i, price, lots))
    if apply_trade(s, i, -lots, price, fee, cause) == OVERFLOW:
        fault(s, FAULT_OVERFLOW, i)


@kernel
def apply_dividend(s: Core, i: int, per_unit: int) -> None:
    """Pay (or charge a short) `per_unit` minor units for each unit held."""
    quantity = s.positions[i, POSITION_QUANTITY]
    if quantity == 0:
        return
    paid = multiply_divide_even(quantity, per_unit, s.terms[i, TERM_LOT_UNIT])
    if paid == OVERFLOW:
        fault(s, FAULT_OVERFLOW, i)
        return
    c = s.terms[i, TERM_CURRENCY]
    if post_cash(s, c, LEDGER_DIVIDENDS, paid, KIND_DIVIDEND, i):
        if s.account[ACCOUNT_REINVEST] == 1 and paid > 0:
            s.positions[i, POSITION_PENDING] += paid


@kernel
def reinvest(s: Core, i: int) -> None:
    """Spend the dividends that wait on more of the instrument, at the last price and without a fee.

    Called with the first price after the ex-date: the close C turns q units and a dividend D into
    q x (C + D) / C, the convention of the adjusted closes in tests/unit/data/test_adjustment.py.
    """
    pending, price = s.positions[i, POSITION_PENDING], s.positions[i, POSITION_LAST]
    s.positions[i, POSITION_PENDING] = 0
    if s.positions[i, POSITION_QUANTITY] <= 0:
        return
    per_lot = multiply_checked(price, s.terms[i, TERM_NUMERATOR])
    if per_lot <= 0:
        return
    lots = multiply_divide_floor(pending, s.terms[i, TERM_DENOMINATOR], per_lot)
    if lots > 0:
        apply_trade(s, i, lots, price, 0, KIND_DIVIDEND)


@kernel
def apply_split(s: Core, i: int, numerator: int, denominator: int) -> None:
    """Turn `denominator` units into `numerator`; a fraction of a lot is paid in cash at the last price."""
    quantity = s.positions[i, POSITION_QUANTITY]
    last = s.positions[i, POSITION_LAST]
    if quantity != 0:
        after, remainder = divide_wide(abs(quantity), numerator, denominator)
        if after == OVERFLOW:
            fault(s, FAULT_OVERFLOW, i)
            return
        sign = 1 if quantity > 0 else -1
        if remainder > 0 and not pay_fraction(s, i, sign, abs(quantity), remainder, numerator):
            return
        s.positions[i, POSITION_QUANTITY] = sign * after
    s.positions[i, POSITION_LAST] = multiply_divide_even(last, denominator, numerator)
    row = journal_row(s, KIND_POSITION_CHANGED, i)
    s.journal[row, POSITION_AFTER] = s.positions[i, POSITION_QUANTITY]
    s.journal[row, POSITION_COST_AFTER] = s.positions[i, POSITION_COST]
    s.journal[row, POSITION_CAUSE] = KIND_SPLIT


@kernel
def pay_fraction(s: Core, i: int, sign: int, quantity: int, remainder: int, numerator: int) -> bool:
    """Cash in lieu: `remainder / numerator` old lots are closed at the last price before the split."""
    value = value_of(s, i, s.positions[i, POSITION_LAST], remainder)
    parts = multiply_checked(quantity, numerator)
    if value == OVERFLOW or parts == OVERFLOW:
        fault(s, FAULT_OVERFLOW, i)
        return False
    received = sign * multiply_divide_even(value, 1, numerator)
    cost = s.positions[i, POSITION_COST]
    part = multiply_divide_even(cost, remainder, parts)
    if not post_trade(s, i, -received, -part, received - part, 0):
        return False
    s.positions[i, POSITION_COST] = cost - part
    return True


@kernel
def apply_funding(s: Core, i: int, rate_ppb: int, mark: int) -> None:
    """Charge a perpetual's funding: longs pay a positive rate on the position's value at the mark."""
    quantity = s.positions[i, POSITION_QUANTITY]
    if quantity == 0:
        return
    price = mark if mark > 0 else s.positions[i, POSITION_LAST]
    owed = multiply_divide_even(value_of(s, i, price, quantity), rate_ppb, BILLION)
    if owed == OVERFLOW:
        fault(s, FAULT_OVERFLOW, i)
        return
    post_cash(s, s.terms[i, TERM_CURRENCY], LEDGER_FUNDING, -owed, KIND_FUNDING, i)


@kernel
def market_value(s: Core, i: int) -> int:
    """Return what a position adds to equity, in its currency: its value, or its open gain if margined."""
    quantity = s.positions[i, POSITION_QUANTITY]
    if quantity == 0:
        return 0
    value = value_of(s, i, s.positions[i, POSITION_LAST], quantity)
    if s.terms[i, TERM_MARGINED] == 1:
        return add_checked(value, -s.positions[i, POSITION_COST])
    return value


@kernel
def equity_of(ledger: Table, positions: Table, terms: Table) -> int:
    """Return the account's equity, or OVERFLOW where it does not fit or a rate is missing.

    It is asked for after every price of something held: three blocks are handed over in a fraction of
    the time that the whole core takes.
    """
    total = ledger[0, LEDGER_CASH]
    for c in range(1, ledger.shape[0]):
        total = add_checked(total, in_base(ledger, c, ledger[c, LEDGER_CASH]))
    for i in range(positions.shape[0]):
        quantity = positions[i, POSITION_QUANTITY]
        if quantity != 0:
            price = positions[i, POSITION_LAST]
            value = notional_minor(
                price, quantity, terms[i, TERM_NUMERATOR], terms[i, TERM_DENOMINATOR]
            )
            if terms[i, TERM_MARGINED] == 1:
                value = add_checked(value, -positions[i, POSITION_COST])
            total = add_checked(total, in_base(ledger, terms[i, TERM_CURRENCY], value))
    return total


@kernel
def in_base(ledger: Table, currency: int, minor: int) -> int:
    """Convert as `to_base` does, without stopping the core where there is no rate."""
    if currency == 0 or minor == 0:
        return minor
    rate = ledger[currency, LEDGER_RATE]
    return multiply_divide_even(minor, rate, RATE_ONE) if rate > 0 else OVERFLOW


@kernel
def equity_minor(s: Core) -> int:
    """Return the account's equity in its own currency at the last prices and rates, or OVERFLOW."""
    equity = equity_of(s.ledger, s.positions, s.terms)
    if equity == OVERFLOW:
        find_missing_rate(s)
    return equity


@kernel
def find_missing_rate(s: Core) -> None:
    """Stop the core where a currency that equity consists of has no rate."""
    for c in range(1, s.ledger.shape[0]):
        to_base(s, c, s.ledger[c, LEDGER_CASH])
    for i in range(s.positions.shape[0]):
        if s.positions[i, POSITION_QUANTITY] != 0:
            to_base(s, s.terms[i, TERM_CURRENCY], market_value(s, i))


@kernel
def exposure_minor(s: Core) -> tuple[int, int]:
    """Return gross and net position value in the account's currency, or OVERFLOW."""
    gross, net = 0, 0
    for i in range(s.positions.shape[0]):
        quantity = s.positions[i, POSITION_QUANTITY]
        if quantity != 0:
            value = value_of(s, i, s.positions[i, POSITION_LAST], quantity)
            base = to_base(s, s.terms[i, TERM_CURRENCY], value)
            net = add_checked(net, base)
            gross = add_checked(gross, abs(base) if base != OVERFLOW else base)
    return gross, net
