"""The trailing stop: active from a profit on, then as far behind the best price as the profit allows.

Peak and stop only ever move in the position's favour. Before the stop is active no peak is kept, so
the peak is that of the time since. The distance counts from the activation: 5 % there, a point less
for each whole 5 % of profit above it, never under 2 %; the profit is the one at the peak.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    ceil_to,
    compare_products,
    floor_to,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.model.layout import POSITION_COST, TERM_PRICE_STEP
from engine.model.trading import REASON_TRAILING_STOP
from engine.model.trading_layout import (
    EXITS_THRESHOLD,
    LIMIT_TRAIL_DISTANCE_PPM,
    LIMIT_TRAIL_EVERY_PPM,
    LIMIT_TRAIL_LEAST_PPM,
    LIMIT_TRAIL_TIGHTEN_PPM,
    MONITOR_DIRECTION,
    MONITOR_PEAK,
    MONITOR_STOP,
)
from engine.state import Core

MILLION = 10**6


@kernel
def compare_part(part: int, whole: int, ppm: int) -> int:
    """Return the sign of part / |whole| - ppm / 10^6, exactly; `whole` is not 0, the others any."""
    if part >= 0 and ppm < 0:
        return 1
    if part < 0 and ppm >= 0:
        return -1
    sign = compare_products(abs(part), MILLION, abs(ppm), abs(whole))
    return sign if part >= 0 else -sign


@kernel
def trail_distance_ppm(s: Core, profit_ppm: int) -> int:
    """Return how far behind its peak the stop is, for the profit at the peak (rounded down)."""
    widest, least = s.limits[LIMIT_TRAIL_DISTANCE_PPM], s.limits[LIMIT_TRAIL_LEAST_PPM]
    every = s.limits[LIMIT_TRAIL_EVERY_PPM]
    above = profit_ppm - s.exits[REASON_TRAILING_STOP, EXITS_THRESHOLD]
    if every <= 0 or above < 0:
        return widest
    times = min(above // every, MILLION)
    return max(widest - times * s.limits[LIMIT_TRAIL_TIGHTEN_PPM], least)


@kernel
def stop_behind(s: Core, i: int, peak: int, distance_ppm: int) -> int:
    """Return the stop for a peak: rounded towards it, but at least one step away."""
    step = s.terms[i, TERM_PRICE_STEP]
    if s.monitors[i, MONITOR_DIRECTION] > 0:
        price = multiply_divide_ceiling(peak, MILLION - distance_ppm, MILLION)
        return max(min(ceil_to(price, step), peak - step), 0)
    price = floor_to(multiply_divide_floor(peak, MILLION + distance_ppm, MILLION), step)
    return 0 if price == OVERFLOW else max(price, peak + step)


@kernel
def follow_peak(s: Core, i: int, price: int, profit: int) -> None:
    """Activate the trailing stop or move it, at the exit price `price` where the position gains `profit`."""
    cost = s.positions[i, POSITION_COST]
    direction, peak = s.monitors[i, MONITOR_DIRECTION], s.monitors[i, MONITOR_PEAK]
    if cost == 0 or profit == OVERFLOW:
        return
    if peak == 0:
        if compare_part(profit, cost, s.exits[REASON_TRAILING_STOP, EXITS_THRESHOLD]) < 0:
            return
    elif direction * price <= direction * peak:
        return
    s.monitors[i, MONITOR_PEAK] = price
    profit_ppm = multiply_divide_floor(max(profit, 0), MILLION, abs(cost))
    distance = trail_distance_ppm(s, profit_ppm)
    stop, before = stop_behind(s, i, price, distance), s.monitors[i, MONITOR_STOP]
    if stop > 0 and (before == 0 or direction * stop > direction * before):
        s.monitors[i, MONITOR_STOP] = stop


@kernel
def stop_is_hit(s: Core, i: int, price: int) -> bool:
    """Return whether the exit price is at the trailing stop or beyond it."""
    direction, stop = s.monitors[i, MONITOR_DIRECTION], s.monitors[i, MONITOR_STOP]
    return stop > 0 and direction * price <= direction * stop
