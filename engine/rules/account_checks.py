"""The checks of the account's own state before an order: its drawdown and its day."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, add_checked, multiply_divide_floor
from engine.model.trading import (
    LATCH_DAILY_LOSS,
    LATCH_DRAWDOWN,
    LATCH_MINIMUM_EQUITY,
    LATCH_UNTRUSTED,
    UNIT_MINOR,
    UNIT_PPM,
    VERDICT_OFF,
    VERDICT_OVER,
    VERDICT_PASS,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    GUARD_DAY,
    GUARD_DAY_EQUITY,
    GUARD_DAY_FLOW,
    GUARD_PEAK,
    GUARD_TRUSTED,
    LATCH_SEVERITY,
    LIMIT_DAILY_MINOR,
    LIMIT_DAILY_PPM,
    LIMIT_DRAWDOWN_PPM,
    LIMIT_GUARDS,
    LIMIT_MINIMUM_MINOR,
    NOT_GIVEN,
)
from engine.state import Core

MILLION = 10**6


@kernel
def drawdown_ppm(s: Core, equity: int) -> int:
    """Return how far equity is below its peak, in parts per million of the peak, rounded down."""
    peak = s.guard[GUARD_PEAK]
    if peak <= 0 or equity >= peak:
        return 0
    return multiply_divide_floor(add_checked(peak, -equity), MILLION, peak)


@kernel
def check_drawdown(s: Core, equity: int) -> tuple[int, int, int, int]:
    """Judge drawdown and minimum equity: the latch, and the number where the latch is yet to be set."""
    is_on = s.limits[LIMIT_GUARDS] == 1
    most = s.limits[LIMIT_DRAWDOWN_PPM] if is_on else 0
    least = s.limits[LIMIT_MINIMUM_MINOR] if is_on else 0
    is_deep = s.latches[LATCH_DRAWDOWN, LATCH_SEVERITY] > 0
    is_low = s.latches[LATCH_MINIMUM_EQUITY, LATCH_SEVERITY] > 0
    is_untrusted = s.guard[GUARD_TRUSTED] == 1 or s.latches[LATCH_UNTRUSTED, LATCH_SEVERITY] > 0
    if most == 0 and least == 0 and not is_deep and not is_low and not is_untrusted:
        return VERDICT_OFF, 0, 0, UNIT_PPM
    if is_untrusted or equity == OVERFLOW:
        return VERDICT_UNKNOWN, NOT_GIVEN, most, UNIT_PPM
    if is_low or (least > 0 and equity < least):
        return VERDICT_OVER, equity, least, UNIT_MINOR
    number = drawdown_ppm(s, equity)
    if is_deep or number == OVERFLOW or (most > 0 and number >= most):
        return VERDICT_OVER, number, most, UNIT_PPM
    return VERDICT_PASS, number, most, UNIT_PPM


@kernel
def day_loss_limit(s: Core) -> int:
    """Return the loss that a day may have: the amount, or the share of its first equity if nearer.

    0 where no limit is set.
    """
    amount: int = s.limits[LIMIT_DAILY_MINOR]
    part = s.limits[LIMIT_DAILY_PPM]
    if part == 0:
        return amount
    share = multiply_divide_floor(max(s.guard[GUARD_DAY_EQUITY], 0), part, MILLION)
    return share if amount == 0 else min(amount, share)


@kernel
def check_daily_loss(s: Core, equity: int) -> tuple[int, int, int, int]:
    """Judge the day's result: the latch, and a loss past the limit that is yet to be confirmed."""
    is_set = s.latches[LATCH_DAILY_LOSS, LATCH_SEVERITY] > 0
    has_limit = s.limits[LIMIT_DAILY_MINOR] > 0 or s.limits[LIMIT_DAILY_PPM] > 0
    if s.limits[LIMIT_GUARDS] == 0 or not has_limit:
        return VERDICT_OVER if is_set else VERDICT_OFF, 0, 0, UNIT_MINOR
    limit = day_loss_limit(s)
    result = add_checked(equity, -s.guard[GUARD_DAY_EQUITY])
    result = add_checked(result, -s.guard[GUARD_DAY_FLOW])
    if s.guard[GUARD_DAY] == 0 or result == OVERFLOW:
        return VERDICT_OVER if is_set else VERDICT_UNKNOWN, NOT_GIVEN, -limit, UNIT_MINOR
    if is_set or result < -limit:
        return VERDICT_OVER, result, -limit, UNIT_MINOR
    return VERDICT_PASS, result, -limit, UNIT_MINOR
