"""The account's equity where it can be told, and what of it the day has made.

`equity_minor` stops the core where a currency has no rate; a guard must rather say that it does not
know, so rates are looked at first.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import to_base
from engine.kernels.money import OVERFLOW, add_checked, multiply_divide_floor
from engine.kernels.positions import equity_minor
from engine.model.layout import (
    ACCOUNT_HELD,
    LEDGER_CASH,
    LEDGER_CORRECTIONS,
    LEDGER_INTEREST,
    LEDGER_RATE,
    LEDGER_REALIZED,
    POSITION_QUANTITY,
    TERM_CURRENCY,
)
from engine.model.trading_layout import (
    GUARD_BEGUN,
    GUARD_DAY_EQUITY,
    GUARD_DAY_EXCUSED,
    GUARD_DAY_FLOW,
    GUARD_PEAK,
    GUARD_QUIET_HIGH,
    GUARD_QUIET_LOW,
    LIMIT_DAILY_MINOR,
    LIMIT_DAILY_PPM,
    NOT_GIVEN,
)
from engine.state import Core

MILLION = 10**6


@kernel
def has_rates(s: Core) -> bool:
    """Return whether every currency that the account holds has a conversion rate."""
    for c in range(1, s.ledger.shape[0]):
        if s.ledger[c, LEDGER_CASH] != 0 and s.ledger[c, LEDGER_RATE] <= 0:
            return False
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0:
            if s.ledger[s.terms[i, TERM_CURRENCY], LEDGER_RATE] <= 0:
                return False
    return True


@kernel
def known_equity(s: Core) -> int:
    """Return the account's equity at the last marks, OVERFLOW where it cannot be told."""
    return equity_minor(s) if has_rates(s) else OVERFLOW


@kernel
def booked_minor(s: Core) -> int:
    """Return all that was ever earned less all that it cost, open positions left out, or OVERFLOW."""
    total = 0
    for c in range(s.ledger.shape[0]):
        income = s.ledger[c, LEDGER_CORRECTIONS]
        for account in range(LEDGER_REALIZED, LEDGER_INTEREST + 1):
            income = add_checked(income, s.ledger[c, account])
        if income != 0:
            if income == OVERFLOW or s.ledger[c, LEDGER_RATE] <= 0:
                return OVERFLOW
            total = add_checked(total, to_base(s, c, -income))  # income is a credit
    return total


@kernel
def day_result_of(s: Core, equity: int) -> int:
    """Return what the day has made at an equity: flows are neither gain nor loss."""
    if s.guard[GUARD_BEGUN] == 0:
        return 0
    gain = add_checked(equity, -s.guard[GUARD_DAY_EQUITY])
    return add_checked(gain, -s.guard[GUARD_DAY_FLOW])


@kernel
def day_result_minor(s: Core) -> int:
    """Return what the day has made so far, or OVERFLOW where that cannot be told."""
    return day_result_of(s, known_equity(s))


@kernel
def daily_loss_level(s: Core) -> int:
    """Return the smallest result of a day that does not trip its guard; NOT_GIVEN: there is none.

    The nearer of amount and share of the day's first equity. What a person has reset counts anew
    from there. A result in whole minor units is under -x exactly when it is under -floor(x).
    """
    amount, ppm = s.limits[LIMIT_DAILY_MINOR], s.limits[LIMIT_DAILY_PPM]
    if amount <= 0 and ppm <= 0:
        return NOT_GIVEN
    allowed = amount
    if ppm > 0:
        share = multiply_divide_floor(max(s.guard[GUARD_DAY_EQUITY], 0), ppm, MILLION)
        if amount <= 0 or (share != OVERFLOW and share < amount):
            allowed = share
    if allowed == OVERFLOW:
        return NOT_GIVEN
    return add_checked(s.guard[GUARD_DAY_EXCUSED], -allowed)


@kernel
def drawdown_ppm(s: Core, equity: int) -> int:
    """Return how far an equity is under the account's peak, floor; 0 at or above it."""
    peak = s.guard[GUARD_PEAK]
    if peak <= 0 or equity >= peak:
        return 0
    return multiply_divide_floor(add_checked(peak, -equity), MILLION, peak)


@kernel
def end_quiet(s: Core) -> None:
    """Have the next watch look closely: something that the guards depend on has changed."""
    s.guard[GUARD_QUIET_LOW] = 0
    s.guard[GUARD_QUIET_HIGH] = 0
