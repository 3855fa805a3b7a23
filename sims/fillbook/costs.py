"""What a fill costs beside its price: slippage in ticks and fees in minor units, both exact.

Shares of volume are parts per billion rounded up; every rounding goes against the order.
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
    ORDER_FILLED,
    ORDER_TRADED_VALUE,
    TERM_LOT_UNIT,
    TERM_PRICE_STEP,
    TERM_PRICE_UNIT,
)
from sims.fillbook.layout import (
    FEE_BPS,
    FEE_NONE,
    FEE_PER_UNIT,
    MARKET_ON_QUOTE,
    MARKET_VOLUME,
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
CENT = 10**6  # minor
HUNDREDTH_CENT = 10**4


@kernel
def root_ceiling(value: int) -> int:
    """Return the smallest integer whose square is at least `value` (0 <= value <= 10^18)."""
    root = int(math.sqrt(float(value)))
    while root * root > value:
        root = root - 1
    while root * root < value:
        root = root + 1
    return root


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
        if b.market[i, MARKET_ON_QUOTE] == 1:
            return 0
        return ceil_to(multiply_divide_ceiling(reference, value, 2 * BILLION), step)
    volume = b.market[i, MARKET_VOLUME]
    share = BILLION
    if volume > 0 and lots < volume:
        share = multiply_divide_ceiling(lots, BILLION, volume)
    if model == SLIPPAGE_VOLUME_SHARE:
        impact = multiply_divide_ceiling(share, share, BILLION)
    else:
        impact = root_ceiling(share * BILLION)
    fraction = multiply_divide_ceiling(impact, value, BILLION)
    return ceil_to(multiply_divide_ceiling(reference, fraction, BILLION), step)


@kernel
def fee_minor(b: Book, o: int, i: int, lots: int, price: int, value: int, liquidity: int) -> int:
    """Return the fee of one fill in minor units, and keep the order's running totals.

    Called after ORDER_FILLED and ORDER_TRADED_VALUE include the fill; `value` is its own value.
    """
    model = b.terms[i, TERM_FEE_MODEL]
    if model == FEE_NONE:
        return 0
    if model == FEE_BPS:
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
    fee = owed - b.orders[o, ORDER_FEE_CHARGED]
    b.orders[o, ORDER_FEE_CHARGED] = owed
    return fee


@kernel
def _floor_share(value: int, rate: int) -> int:
    """Return floor(value * rate / 10^9): a rebate is rounded down, against us."""
    whole, part = value // BILLION, value % BILLION
    return whole * rate + part * rate // BILLION


@kernel
def _per_unit_owed(b: Book, o: int, i: int) -> int:
    """Return what the order owes so far: per unit, at least the minimum, at most a share of value."""
    filled = b.orders[o, ORDER_FILLED]
    owed = multiply_divide_ceiling(filled, b.terms[i, TERM_FEE_A], b.terms[i, TERM_LOT_UNIT])
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
