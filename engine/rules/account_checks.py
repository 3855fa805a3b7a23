"""The checks of the account's own state before an order: its drawdown and its day."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW
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
    GUARD_BEGUN,
    GUARD_TRUSTED,
    LATCH_SEVERITY,
    LIMIT_DRAWDOWN_PPM,
    LIMIT_GUARDS,
    LIMIT_MINIMUM_MINOR,
    NOT_GIVEN,
)
from engine.rules.equity import daily_loss_level, day_result_of, drawdown_ppm
from engine.state import Core


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
def check_daily_loss(s: Core, equity: int) -> tuple[int, int, int, int]:
    """Judge the day's result: the latch, and a loss past the limit that is yet to be confirmed."""
    is_set = s.latches[LATCH_DAILY_LOSS, LATCH_SEVERITY] > 0
    level = daily_loss_level(s) if s.limits[LIMIT_GUARDS] == 1 else NOT_GIVEN
    if level == NOT_GIVEN:
        return VERDICT_OVER if is_set else VERDICT_OFF, 0, 0, UNIT_MINOR
    result = day_result_of(s, equity)
    if s.guard[GUARD_BEGUN] == 0 or result == OVERFLOW:
        return VERDICT_OVER if is_set else VERDICT_UNKNOWN, NOT_GIVEN, level, UNIT_MINOR
    return VERDICT_OVER if is_set or result < level else VERDICT_PASS, result, level, UNIT_MINOR
