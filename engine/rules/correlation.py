"""Correlation of returns over a rolling window that is kept in the state.

Every instrument takes a sample at each of the account's accruals, all at the same place of their
rings, so that equal places are equal times. A return is there when both its prices are: the price of
a sample must be newer than that of the sample before. A market that was closed on a day has no return
for the two samples around it, instead of one that spans them.
"""

from __future__ import annotations

import math

from engine.jit import kernel, loop_door
from engine.kernels.money import OVERFLOW, multiply_divide_even
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_HELD,
    POSITION_LAST,
    POSITION_LAST_TS,
    TERM_EVENT,
)
from engine.model.trading import (
    UNIT_PPM,
    VERDICT_OVER,
    VERDICT_PASS,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    LIMIT_CORRELATION_PPM,
    LIMIT_CORRELATION_RETURNS,
    LIMIT_CORRELATION_UNKNOWN,
    LIMIT_CORRELATION_WINDOW,
    MONITOR_SAMPLED,
    NOT_GIVEN,
    RETURNS_CAPACITY,
    RETURNS_COUNT,
    RETURNS_FIRST,
    RETURNS_HEAD,
    RETURNS_LAST,
    RETURNS_SAMPLE,
)
from engine.state import Core

MILLION = 10**6
BILLION = 10**9


@loop_door
def sample_returns(s: Core) -> None:
    """Take each instrument's return since the last sample; called at the account's accruals."""
    for i in range(s.positions.shape[0]):
        head = s.returns[i, RETURNS_HEAD]
        s.returns[i, RETURNS_FIRST + head] = next_return(s, i)
        s.returns[i, RETURNS_HEAD] = (head + 1) % RETURNS_CAPACITY
        s.returns[i, RETURNS_SAMPLE] += 1
        if s.returns[i, RETURNS_COUNT] < RETURNS_CAPACITY:
            s.returns[i, RETURNS_COUNT] += 1


@kernel
def next_return(s: Core, i: int) -> int:
    """Return an instrument's return since its last sample in ppb, or NOT_GIVEN; take its price."""
    before, price = s.returns[i, RETURNS_LAST], s.positions[i, POSITION_LAST]
    is_new = price > 0 and s.positions[i, POSITION_LAST_TS] > s.monitors[i, MONITOR_SAMPLED]
    s.monitors[i, MONITOR_SAMPLED] = s.positions[i, POSITION_LAST_TS]
    s.returns[i, RETURNS_LAST] = price if is_new else 0
    if not is_new or before <= 0:
        return NOT_GIVEN
    change = multiply_divide_even(price - before, BILLION, before)
    return NOT_GIVEN if change == OVERFLOW else change


@loop_door
def scale_returns(s: Core, i: int, numerator: int, denominator: int) -> None:
    """A split makes no return: scale the price that the next one is measured from."""
    last = s.returns[i, RETURNS_LAST]
    if last > 0:
        scaled = multiply_divide_even(last, denominator, numerator)
        s.returns[i, RETURNS_LAST] = max(scaled, 0)


@kernel
def return_at(s: Core, i: int, back: int) -> int:
    """Return the return of an instrument `back` samples ago, 0 the last, or NOT_GIVEN."""
    place = (s.returns[i, RETURNS_HEAD] - 1 - back) % RETURNS_CAPACITY
    ppb: int = s.returns[i, RETURNS_FIRST + place]
    return ppb


@kernel
def correlation_ppm(s: Core, i: int, j: int) -> int:
    """Return the correlation of two instruments' common returns in the window, or NOT_GIVEN.

    Pearson's coefficient in two passes, first the means, then the products of deviations; sums go
    from the newest sample to the oldest. Parts per million, to the nearest.
    """
    window = min(s.limits[LIMIT_CORRELATION_WINDOW], s.returns[i, RETURNS_COUNT])
    count, sum_x, sum_y = 0, 0.0, 0.0
    for back in range(window):
        x, y = return_at(s, i, back), return_at(s, j, back)
        if x != NOT_GIVEN and y != NOT_GIVEN:
            count += 1
            sum_x += x
            sum_y += y
    if count < 2 or count < s.limits[LIMIT_CORRELATION_RETURNS]:
        return NOT_GIVEN
    mean_x, mean_y = sum_x / count, sum_y / count
    xx, yy, xy = 0.0, 0.0, 0.0
    for back in range(window):
        x, y = return_at(s, i, back), return_at(s, j, back)
        if x != NOT_GIVEN and y != NOT_GIVEN:
            xx += (x - mean_x) * (x - mean_x)
            yy += (y - mean_y) * (y - mean_y)
            xy += (x - mean_x) * (y - mean_y)
    if xx <= 0.0 or yy <= 0.0:
        return NOT_GIVEN
    rho = xy / (math.sqrt(xx) * math.sqrt(yy))
    return min(max(math.floor(rho * MILLION + 0.5), -MILLION), MILLION)


@kernel
def likeness_ppm(s: Core, i: int, side: int, j: int, lots: int) -> int:
    """Return how alike entering `i` on `side` is to `lots` held of `j`; NOT_GIVEN where unknown.

    Two contracts of one event are one bet, whatever their sides.
    """
    if s.terms[i, TERM_EVENT] != 0 and s.terms[i, TERM_EVENT] == s.terms[j, TERM_EVENT]:
        return MILLION
    rho = correlation_ppm(s, i, j)
    if rho == NOT_GIVEN:
        return NOT_GIVEN
    return rho * side if lots > 0 else -rho * side


@kernel
def check_correlation(s: Core, i: int, side: int) -> tuple[int, int, int, int]:
    """Judge the instrument that is held and most like the one to be entered."""
    limit = s.limits[LIMIT_CORRELATION_PPM]
    worst, unknown = -MILLION, False
    held = 0
    for n in range(s.account[ACCOUNT_HELD]):
        j = s.held[n]
        lots = tradable_lots(s, j)
        if j != i and lots != 0:
            likeness = likeness_ppm(s, i, side, j, lots)
            if likeness == NOT_GIVEN:
                unknown = True
            else:
                held += 1
                worst = max(worst, likeness)
    if held > 0 and worst > limit:
        return VERDICT_OVER, worst, limit, UNIT_PPM
    if unknown and s.limits[LIMIT_CORRELATION_UNKNOWN] == 0:
        return VERDICT_UNKNOWN, NOT_GIVEN, limit, UNIT_PPM
    return VERDICT_PASS, worst if held > 0 else 0, limit, UNIT_PPM
