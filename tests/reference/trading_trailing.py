"""The trailing stop of the reference model: active from a profit, behind the best price, ever closer."""

from __future__ import annotations

from fractions import Fraction

from tests.reference.trading_desk import Desk, Settings


def distance(settings: Settings, profit: Fraction) -> Fraction:
    """Return how far behind its peak the stop is, as a part of it, for the profit at the peak."""
    fives = max((profit - settings.trail_from) // settings.trail_every, 0)
    return max(settings.trail_distance - fives * settings.trail_tighten, settings.trail_least)


def stop_for(desk: Desk, peak: int, part: Fraction) -> int:
    """Return the stop for a peak: rounded towards it, at least a step away; 0 where none is possible."""
    step = desk.terms.price_step
    assert desk.trip is not None
    if desk.trip.direction > 0:
        return max(min(desk.terms.up(peak * (1 - part)), peak - step), 0)
    return max(desk.terms.down(peak * (1 + part)), peak + step)


def follow(desk: Desk, settings: Settings, price: int) -> None:
    """Let peak and stop follow a price that is not in doubt; neither ever goes back."""
    trip = desk.trip
    if trip is None or desk.cost == 0:
        return
    profit = Fraction(desk.profit(price), abs(desk.cost))
    if trip.peak == 0:
        if profit < settings.trail_from:
            return
    elif (price - trip.peak) * trip.direction <= 0:
        return
    trip.peak = price
    stop = stop_for(desk, price, distance(settings, profit))
    if stop and (trip.stop == 0 or (stop - trip.stop) * trip.direction > 0):
        trip.stop = stop


def is_hit(desk: Desk, price: int) -> bool:
    """Return whether a price is at the stop or beyond it."""
    trip = desk.trip
    return trip is not None and trip.stop > 0 and (price - trip.stop) * trip.direction <= 0
