"""What a fill costs beside its price: slippage in ticks and fees in minor units.

Each is the exact amount rounded once, against the order.
"""

from __future__ import annotations

import math

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    ceil_to,
    multiply_checked,
    multiply_divide_ceiling,
)
from engine.model.layout import (
    LIQUIDITY_MAKER,
    ORDER_FEE_CHARGED,
    ORDER_FEE_EXACT,
    ORDER_INSTRUMENT,
    ORDER_SIDE,
    ORDER_TRADED_VALUE,
    TERM_LOT_UNIT,
    TERM_PRICE_STEP,
    TERM_PRICE_UNIT,
)
from sims.fillbook.layout import (
    FEE_BINANCE,
    FEE_BPS,
    FEE_MT5,
    FEE_NONE,
    FEE_PER_UNIT,
    MARKET_POSITION,
    MARKET_SPREAD,
    MARKET_VOLUME,
    ORDER_TRADED_LOTS,
    SLIPPAGE_BPS,
    SLIPPAGE_FIXED,
    SLIPPAGE_NONE,
    SLIPPAGE_SPREAD,
    SLIPPAGE_VOLUME_SHARE,
    TERM_FEE_A,
    TERM_FEE_B,
    TERM_FEE_C,
    TERM_FEE_MODEL,
    TERM_SLIPPAGE_MODEL,
    TERM_SLIPPAGE_VALUE,
    Book,
)

BILLION = 10**9
NEAR = 1e-9  # a float's steps may err by less than this part
GREATEST = 4e18  # ticks that still fit
MOST_STEPS = 1e15  # below 2^50, up to where a float knows the nearest whole one
NARROW = 1e18  # of which four fit into 64 bits
WIDEST = 1e27  # where a part of 3e-9 still fits into 64 bits
CENT = 10**6  # minor
HUNDREDTH_CENT = 10**4


@kernel
def slippage_ticks(b: Book, i: int, reference: int, lots: int) -> int:
    """Return how many ticks worse than `reference` a taker of `lots` trades."""
    model = b.terms[i, TERM_SLIPPAGE_MODEL]
    if model == SLIPPAGE_NONE:
        return 0
    step = b.terms[i, TERM_PRICE_STEP]
    value = b.terms[i, TERM_SLIPPAGE_VALUE]
    if model == SLIPPAGE_FIXED:
        return multiply_checked(value, step)
    if model == SLIPPAGE_BPS:
        return ceil_to(multiply_divide_ceiling(reference, value, BILLION), step)
    if model == SLIPPAGE_SPREAD:
        if b.market[i, MARKET_SPREAD] > 0:
            return 0
        return ceil_to(multiply_divide_ceiling(reference, value, 2 * BILLION), step)
    volume = b.market[i, MARKET_VOLUME]
    if volume <= 0:
        return ceil_to(multiply_divide_ceiling(reference, value, BILLION), step)
    return impact_ticks(model, value, reference, lots, volume, step)


@kernel
def impact_ticks(model: int, value: int, reference: int, lots: int, volume: int, step: int) -> int:
    """Return value/10^9 x reference x (lots/volume)^2, or x its root, rounded up to a step.

    The exact numbers are wider than 64 bits, so a float finds the answer, and an answer so near to a
    whole step that the float could err is decided by exact integers. Where even these are too wide, which
    begins beyond ten thousand steps, it is a step against the order.
    """
    share = float(lots) / float(volume)
    impact = share * share if model == SLIPPAGE_VOLUME_SHARE else math.sqrt(share)
    steps = float(value) / float(BILLION) * float(reference) * impact / float(step)
    if steps > MOST_STEPS or steps * float(step) > GREATEST:
        return OVERFLOW
    nearest = math.floor(steps + 0.5)
    if abs(steps - float(nearest)) > NEAR * max(1.0, steps):
        return math.ceil(steps) * step
    if is_within(model, value, reference, lots, volume, nearest, step):
        return nearest * step
    return (nearest + 1) * step


@kernel
def greatest_common_divisor(a: int, b: int) -> int:
    """Return the greatest common divisor of two positive integers."""
    while b != 0:
        a, b = b, a % b
    return a


@kernel
def is_within(
    model: int, value: int, reference: int, lots: int, volume: int, steps: int, step: int
) -> bool:
    """Return whether the exact impact is at most so many steps, to which it is nearly equal.

    The two sides are compared by their difference, which fits into 64 bits although they may not
    (both wrap alike); where even that is not sure, the answer is no, which is against the order.
    """
    ticks = steps * step
    common = greatest_common_divisor(lots, volume)
    lots, volume = lots // common, volume // common
    common = greatest_common_divisor(value, BILLION)
    value, unit = value // common, BILLION // common
    if model == SLIPPAGE_VOLUME_SHARE:
        size = float(value) * float(lots) * float(lots) * float(reference)
        difference = value * lots * lots * reference - ticks * unit * volume * volume
    else:
        size = float(value) * float(value) * float(reference) * float(reference) * float(lots)
        left = value * value * reference * reference * lots
        difference = left - ticks * ticks * unit * unit * volume
    # the two differ by a part of NEAR, or by two steps of so many: what of it is less
    return size < max(WIDEST, float(steps) * NARROW) and difference <= 0


@kernel
def fee_minor(b: Book, o: int, i: int, lots: int, price: int, value: int, liquidity: int) -> int:
    """Return the fee of one fill in minor units, and keep the order's running totals.

    Called after ORDER_TRADED_LOTS and ORDER_TRADED_VALUE include the fill and before the position does;
    `value` is the fill's own value.
    """
    model = b.terms[i, TERM_FEE_MODEL]
    if model == FEE_NONE or charges_in_kind(b, o):
        return 0
    if model == FEE_MT5:
        opening = lots - max(0, min(lots, -b.orders[o, ORDER_SIDE] * b.market[i, MARKET_POSITION]))
        return multiply_divide_ceiling(opening, b.terms[i, TERM_FEE_A], b.terms[i, TERM_LOT_UNIT])
    if model == FEE_BPS or model == FEE_BINANCE:
        rate = b.terms[i, TERM_FEE_A if liquidity == LIQUIDITY_MAKER else TERM_FEE_B]
        if rate < 0:
            return -_floor_share(value, -rate)
        return multiply_divide_ceiling(value, rate, BILLION)
    if model == FEE_PER_UNIT:
        owed = _per_unit_owed(b, o, i)
    else:
        owed = _kalshi_owed(b, o, i, lots, price, liquidity)
    if owed == OVERFLOW:
        return OVERFLOW
    fee = max(0, owed - b.orders[o, ORDER_FEE_CHARGED])
    b.orders[o, ORDER_FEE_CHARGED] += fee
    return fee


@kernel
def charges_in_kind(b: Book, o: int) -> bool:
    """Return whether the venue keeps a part of what row `o` buys."""
    model = b.terms[b.orders[o, ORDER_INSTRUMENT], TERM_FEE_MODEL]
    return model == FEE_BINANCE and b.orders[o, ORDER_SIDE] > 0


@kernel
def fee_lots(b: Book, o: int, i: int, lots: int, liquidity: int) -> int:
    """Return how many of the lots of one fill the venue keeps: a fee on what a buy receives."""
    if not charges_in_kind(b, o):
        return 0
    rate = b.terms[i, TERM_FEE_A if liquidity == LIQUIDITY_MAKER else TERM_FEE_B]
    return multiply_divide_ceiling(lots, rate, BILLION)


@kernel
def _floor_share(value: int, rate: int) -> int:
    """Return floor(value * rate / 10^9): a rebate is rounded down, against us."""
    whole, part = value // BILLION, value % BILLION
    return whole * rate + part * rate // BILLION


@kernel
def _per_unit_owed(b: Book, o: int, i: int) -> int:
    """Return what the order owes so far: per unit, at least the minimum, at most a share of value."""
    traded = b.orders[o, ORDER_TRADED_LOTS]
    owed = multiply_divide_ceiling(traded, b.terms[i, TERM_FEE_A], b.terms[i, TERM_LOT_UNIT])
    if owed != OVERFLOW and owed < b.terms[i, TERM_FEE_B]:
        owed = b.terms[i, TERM_FEE_B]
    if b.terms[i, TERM_FEE_C] > 0:
        most = multiply_divide_ceiling(
            b.orders[o, ORDER_TRADED_VALUE], b.terms[i, TERM_FEE_C], BILLION
        )
        if most != OVERFLOW and (owed == OVERFLOW or most < owed):
            owed = most
    return owed


@kernel
def _kalshi_owed(b: Book, o: int, i: int, lots: int, price: int, liquidity: int) -> int:
    """Return what the order owes so far by rate x C x P x (1 - P).

    Each fill is rounded up to 0.0001, and the order's sum up to a cent (the venue's balance is in
    cents; what one fill overpaid is credited to the next of the same order).
    """
    unit = b.terms[i, TERM_PRICE_UNIT]
    rate = b.terms[i, TERM_FEE_A if liquidity == LIQUIDITY_MAKER else TERM_FEE_B]
    spread = multiply_checked(multiply_checked(price, unit - price), lots)
    # minor = rate/10^9 * lots/lot_unit * P/unit * (unit-P)/unit * 10^8
    divisor = 10 * b.terms[i, TERM_LOT_UNIT] * unit * unit
    exact = ceil_to(multiply_divide_ceiling(spread, rate, divisor), HUNDREDTH_CENT)
    total = add_checked(b.orders[o, ORDER_FEE_EXACT], exact)
    if spread == OVERFLOW or total == OVERFLOW:
        return OVERFLOW
    b.orders[o, ORDER_FEE_EXACT] = total
    return ceil_to(total, CENT)
