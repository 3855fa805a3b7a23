"""How much: from a method and the account to whole lot steps, always rounded towards less."""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.ledger import from_base
from engine.kernels.money import OVERFLOW, floor_to, multiply_divide_floor
from engine.kernels.positions import equity_minor
from engine.model.layout import (
    ACCOUNT_SIZE_METHOD,
    ACCOUNT_SIZE_VALUE,
    POSITION_LAST,
    TERM_CURRENCY,
    TERM_DENOMINATOR,
    TERM_LOT_STEP,
    TERM_LOT_UNIT,
    TERM_NUMERATOR,
)
from engine.state import Core

BILLION = 10**9
SIZE_QUANTITY: Final = 0  # value: units as parts of 10^-9
SIZE_NOTIONAL: Final = 1  # value: minor of the account currency
SIZE_EQUITY: Final = 2  # value: parts per billion of equity


@kernel
def lots_for_money(s: Core, i: int, minor: int) -> int:
    """Return the whole lot steps that `minor` (account currency, >= 0) buys at the last price."""
    price = s.positions[i, POSITION_LAST]
    money = from_base(s, s.terms[i, TERM_CURRENCY], minor)
    if price <= 0 or money <= 0 or money == OVERFLOW:
        return 0
    step = s.terms[i, TERM_LOT_STEP]
    per_step = price * step * s.terms[i, TERM_NUMERATOR]
    lots = multiply_divide_floor(money, s.terms[i, TERM_DENOMINATOR], per_step)
    if lots == OVERFLOW:
        return 0
    return lots * step


@kernel
def entry_lots(s: Core, i: int) -> int:
    """Return how much a rule's entry trades now; 0 when the account does not reach for one step."""
    value = s.account[ACCOUNT_SIZE_VALUE]
    if s.account[ACCOUNT_SIZE_METHOD] == SIZE_QUANTITY:
        lots = multiply_divide_floor(value, s.terms[i, TERM_LOT_UNIT], BILLION)
        return floor_to(lots, s.terms[i, TERM_LOT_STEP])
    if s.account[ACCOUNT_SIZE_METHOD] == SIZE_NOTIONAL:
        return lots_for_money(s, i, value)
    return lots_for_share(s, i, value)


@kernel
def lots_for_share(s: Core, i: int, share_ppb: int) -> int:
    """Return the whole lot steps worth `share_ppb` parts per billion of equity."""
    equity = equity_minor(s)
    if equity <= 0:
        return 0
    return lots_for_money(s, i, multiply_divide_floor(equity, share_ppb, BILLION))
