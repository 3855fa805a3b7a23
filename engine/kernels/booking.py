"""The books' side of a fill: what its order has traded, and what the account has."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import to_base
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import apply_trade, keep_in_kind, value_of
from engine.model.layout import (
    ACCOUNT_FILLS,
    ACCOUNT_TRADED,
    FACT_FEE,
    FACT_FEE_LOTS,
    FACT_LOTS,
    FACT_PRICE,
    KIND_FEE_IN_KIND,
    KIND_FILL,
    ORDER_FEES,
    ORDER_FILLED,
    ORDER_INSTRUMENT,
    ORDER_SIDE,
    ORDER_VALUE,
    TERM_CURRENCY,
)
from engine.state import Core, Table


@kernel
def book_fill(s: Core, orders: Table, r: int, facts: Table, f: int) -> int:
    """Book the fill in `facts[f]` of the order in `orders[r]`; return what it realized, or OVERFLOW."""
    lots, price, fee = facts[f, FACT_LOTS], facts[f, FACT_PRICE], facts[f, FACT_FEE]
    i = orders[r, ORDER_INSTRUMENT]
    realized = apply_trade(s, i, orders[r, ORDER_SIDE] * lots, price, fee, KIND_FILL)
    if realized == OVERFLOW:
        return OVERFLOW
    if facts[f, FACT_FEE_LOTS] > 0:
        keep_in_kind(s, i, facts[f, FACT_FEE_LOTS], price, KIND_FEE_IN_KIND)
    value = value_of(s, i, price, lots)
    orders[r, ORDER_FILLED] += lots
    orders[r, ORDER_VALUE] = add_checked(orders[r, ORDER_VALUE], value)
    orders[r, ORDER_FEES] = add_checked(orders[r, ORDER_FEES], fee)
    traded = add_checked(s.account[ACCOUNT_TRADED], to_base(s, s.terms[i, TERM_CURRENCY], value))
    if traded != OVERFLOW:
        s.account[ACCOUNT_TRADED] = traded
    s.account[ACCOUNT_FILLS] += 1
    return realized
