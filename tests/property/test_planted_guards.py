"""Mistakes planted in the guards' kernels: the reference model finds each within a few stories."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from engine.model import trading_layout as loop
from engine.rules import (
    breakers,
    equity,
    guards,
    latches,
    losses,
    peaks,
    suspects,
    tiers,
    tilt,
    trust,
)
from tests.property.test_guard_reference import first_difference, story

SEEDS = range(200)
Mistake = tuple[ModuleType, str, Any]


def _count_with_age(rings: Any, ring: int, now: int, window: int) -> int:
    return int(COUNT_SINCE(rings, ring, now, window + 1))


def _set_and_lower(s: Any, g: int, severity: int, *rest: int) -> None:
    SET_LATCH(s, g, severity, *rest)
    s.latches[g, loop.LATCH_SEVERITY] = severity


def _raise_at_once(s: Any, value: int, *_: bool) -> None:
    s.guard[loop.GUARD_PEAK] = max(s.guard[loop.GUARD_PEAK], value)


def _take_every_look(s: Any) -> int:
    s.guard[loop.GUARD_MARKED_AT] = 0
    return int(TAKE_MARKS(s))


def _start_without_flow(s: Any, value: int) -> None:
    flow = s.guard[loop.GUARD_DAY_FLOW]
    START_DAY(s, value)
    s.guard[loop.GUARD_DAY_FLOW] = flow


def _reconciled_for_ever(s: Any, error_class: int) -> None:
    good = s.guard[loop.GUARD_API_GOOD_AT]
    HEAR_API(s, error_class)
    s.guard[loop.GUARD_API_GOOD_AT] = good


def _never_break(s: Any, stands: int) -> None:
    TIME_LEVELS(s, 3)


COUNT_SINCE, SET_LATCH, TAKE_MARKS = breakers.count_since, latches.set_latch, guards.take_marks
START_DAY, HEAR_API, TIME_LEVELS = guards.start_day, breakers.hear_api_error, tiers.time_levels
LEVEL, DEEP, SET_WAKE = guards.daily_loss_level, guards.drawdown_level, guards.set_wake


PLANTED: dict[str, Mistake] = {
    "an error as old as the window counts": (breakers, "count_since", _count_with_age),
    "a stop loss as old as the window counts": (losses, "count_since", _count_with_age),
    "an anomaly as old as the window counts": (tilt, "count_since", _count_with_age),
    "the daily limit itself trips": (guards, "daily_loss_level", lambda s: LEVEL(s) + 1),
    "the drawdown itself does not trip": (guards, "drawdown_level", lambda s: DEEP(s) - 1),
    "a flow does not adjust the peak": (guards, "scale_peak", lambda s, value, flow: None),
    "one mark makes a peak": (guards, "raise_peak", _raise_at_once),
    "one time counts as several marks": (guards, "take_marks", _take_every_look),
    "one mark confirms a loss": (guards, "CONFIRMED_BY", 1),
    "a wait ends a nanosecond late": (
        guards, "set_wake", lambda s, slot, at: SET_WAKE(s, slot, at if at == loop.NEVER else at + 1)
    ),
    "a bar confirms nothing": (guards, "MARKED_BY_BARS", -1),
    "a suspect mark is acted on": (guards, "suspects_end", lambda s: 0),
    "a jump of a step is suspect": (suspects, "is_far", lambda s, i, before: True),
    "a manual latch clears itself": (latches, "may_clear_itself", lambda s, g: True),
    "clearing too often is well": (latches, "resumes_within_hour", lambda s, g: 0),
    "a mirror is debounced": (latches, "is_debounced", lambda g: True),
    "a latch gets better": (breakers, "set_latch", _set_and_lower),
    "a person's reset leaves the past": (latches, "forget_past", lambda s, g: None),
    "a person's reset begins nothing anew": (latches, "begin_anew", lambda s, g: None),
    "a reset level never binds": (guards, "reset_level", lambda s: -loop.NEVER),
    "a new day keeps its flows": (guards, "start_day", _start_without_flow),
    "an old reconciliation is good": (breakers, "hear_api_error", _reconciled_for_ever),
    "the third trip needs nobody": (breakers, "TRIPS_MAX", 3),
    "an open position is flat": (guards, "tradable_lots", lambda s, i: 0),
    "a lost mark is trusted": (trust, "distrust_of", lambda s, i: 0),
    "a fall does not break what was held": (tiers, "time_levels", _never_break),
    "the tier below is none": (tiers, "hold_tier", lambda s, value: None),
    "a loss rests nothing": (losses, "note_loss", lambda s, i: None),
    "stops of any instrument count": (losses, "count_stops", lambda s, i, of: 8),
    "sizes after a loss are usual": (tilt, "count_size", lambda s, minor: 0),
    "too few hours tell what is usual": (tilt, "HOURS_LEAST", 21),
    "the loss of yesterday is booked": (guards, "is_booked", lambda s, level: True),
    "what was reset trips again": (equity, "GUARD_DAY_EXCUSED", loop.GUARD_KILLED),
    "a deposit rounds the peak down": (peaks, "multiply_divide_ceiling", peaks.multiply_divide_floor),
}  # fmt: skip


# Where the search has found some: looked at first, for speed.
FAR = {
    "an error as old as the window counts": 6,
    "a stop loss as old as the window counts": 16,
    "an anomaly as old as the window counts": 43,
    "the daily limit itself trips": 25,
    "the drawdown itself does not trip": 73,
    "one time counts as several marks": 88,
    "one mark confirms a loss": 82,
    "a wait ends a nanosecond late": 34,
    "a bar confirms nothing": 59,
    "a suspect mark is acted on": 7,
    "a jump of a step is suspect": 7,
    "a manual latch clears itself": 3,
    "clearing too often is well": 3,
    "a mirror is debounced": 6,
    "a latch gets better": 46,
    "a person's reset leaves the past": 37,
    "a person's reset begins nothing anew": 10,
    "a reset level never binds": 7,
    "an old reconciliation is good": 9,
    "the third trip needs nobody": 7,
    "an open position is flat": 3,
    "a lost mark is trusted": 4,
    "a fall does not break what was held": 4,
    "sizes after a loss are usual": 3,
    "too few hours tell what is usual": 51,
    "the loss of yesterday is booked": 34,
    "what was reset trips again": 90,
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, mistake = PLANTED[name]
    monkeypatch.setattr(module, function, mistake)
    seeds = (FAR.get(name, 0), *SEEDS)
    assert any(first_difference(*story(seed), "interpreted") for seed in seeds)
