"""How much: from a method and the account to whole lot steps, always rounded towards less."""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.ledger import from_base
from engine.kernels.money import floor_to, multiply_checked, multiply_divide_floor
from engine.kernels.positions import equity_minor
from engine.model.layout import (
    ACCOUNT_SIZE_METHOD,
    ACCOUNT_SIZE_VALUE,
    LEDGER_RATE,
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
    """Return the whole lot steps that `minor` (account currency) buys at the last price.

    0 where no price or rate is known, and where the amounts do not fit.
    """
    return lots_at(s, i, minor, s.positions[i, POSITION_LAST])


@kernel
def lots_at(s: Core, i: int, minor: int, price: int) -> int:
    """Return the whole lot steps of which `minor` (account currency) pays `price` ticks a unit.

    0 where no price or rate is known, and where the amounts do not fit.
    """
    currency = s.terms[i, TERM_CURRENCY]
    if price <= 0 or s.ledger[currency, LEDGER_RATE] <= 0:
        return 0
    money = from_base(s, currency, minor)
    step = s.terms[i, TERM_LOT_STEP]
    per_step = multiply_checked(multiply_checked(price, step), s.terms[i, TERM_NUMERATOR])
    if money <= 0 or per_step <= 0:
        return 0
    steps = multiply_divide_floor(money, s.terms[i, TERM_DENOMINATOR], per_step)
    return max(multiply_checked(steps, step), 0)


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
    return lots_of_equity(s, i, equity_minor(s), share_ppb)


@kernel
def lots_of_equity(s: Core, i: int, equity: int, share_ppb: int) -> int:
    """Return the same for an equity that is known."""
    if equity <= 0 or share_ppb == 0:
        return 0
    return lots_for_money(s, i, multiply_divide_floor(equity, share_ppb, BILLION))
