"""The peak of the account's equity, from which drawdown is measured: adjusted for flows, confirmed.

Problem: a deposit must not look like a gain nor a withdrawal like a drawdown, and one wrong mark must
not make a peak that the account never had. Choice: a flow scales the peak with the equity (what a
fund's unit value does), and a new peak needs two marks in a row above the old one, of which the
lower counts. An account without positions needs no mark: its equity is cash.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.model.trading_layout import (
    GUARD_BEGUN,
    GUARD_EQUITY,
    GUARD_PEAK,
    GUARD_PEAK_CANDIDATE,
    LIMIT_DRAWDOWN_PPM,
    LIMIT_MINIMUM_MINOR,
    LIMIT_RESET_PPM,
    NOT_GIVEN,
)
from engine.rules.equity import known_equity
from engine.state import Core

MILLION = 10**6


@kernel
def scaled_by_flow(level: int, equity: int, after: int, flow: int) -> int:
    """Return a level of equity after a flow, rounded up: against the account, by less than 1 minor."""
    if after <= 0:
        return 0
    if equity <= 0:
        return max(add_checked(level, flow), 0)
    return multiply_divide_ceiling(level, after, equity)


@kernel
def scale_peak(s: Core, equity: int, flow: int) -> None:
    """Let the peak follow a deposit or withdrawal that is about to change `equity`."""
    after = add_checked(equity, flow)
    if equity == OVERFLOW or after == OVERFLOW:
        return
    for column in (GUARD_PEAK, GUARD_PEAK_CANDIDATE):
        if s.guard[column] > 0:
            level = scaled_by_flow(s.guard[column], equity, after, flow)
            if level != OVERFLOW:
                s.guard[column] = level


@kernel
def raise_peak(s: Core, equity: int, is_new: bool, is_flat: bool) -> None:
    """Raise the peak where a trusted equity is above it; `is_new`: there is a mark not seen before."""
    peak = s.guard[GUARD_PEAK]
    if is_flat:
        s.guard[GUARD_PEAK] = max(peak, equity)
        s.guard[GUARD_PEAK_CANDIDATE] = 0
    elif is_new:
        first = s.guard[GUARD_PEAK_CANDIDATE]
        if first > peak and equity > peak:
            peak = min(first, equity)
            s.guard[GUARD_PEAK] = peak
        s.guard[GUARD_PEAK_CANDIDATE] = equity if equity > peak else 0


@kernel
def restart_peak(s: Core) -> None:
    """Measure drawdown from the present equity on: else a latch that was cleared would trip again."""
    equity = known_equity(s)
    if equity == OVERFLOW:
        equity = s.guard[GUARD_EQUITY]
    if s.guard[GUARD_BEGUN] == 1:
        s.guard[GUARD_PEAK] = max(equity, 0)
        s.guard[GUARD_PEAK_CANDIDATE] = 0


@kernel
def drawdown_level(s: Core) -> int:
    """Return the highest equity at which the drawdown guard trips; NOT_GIVEN: it is off.

    In whole minor units peak - E >= x exactly when E <= peak - ceil(x).
    """
    peak, ppm = s.guard[GUARD_PEAK], s.limits[LIMIT_DRAWDOWN_PPM]
    if ppm <= 0 or peak <= 0:
        return NOT_GIVEN
    return peak - multiply_divide_ceiling(peak, ppm, MILLION)


@kernel
def reset_level(s: Core) -> int:
    """Return the equity from which entries are allowed again: so far under the peak, not below the minimum."""
    peak = s.guard[GUARD_PEAK]
    level = peak - multiply_divide_floor(max(peak, 0), s.limits[LIMIT_RESET_PPM], MILLION)
    return max(level, s.limits[LIMIT_MINIMUM_MINOR])
