"""Mistakes planted in the exits' kernels are found by the reference model or the audit."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import engine.kernels.late as late
import engine.kernels.orders as orders
import engine.kernels.trips as trips
import engine.rules.closing as closing
import engine.rules.conditions as conditions
import engine.rules.escalation as escalation
import engine.rules.exits as exits
import engine.rules.prices as prices
import engine.rules.protection as protection
import engine.rules.trailing as trailing
import engine.step as step
from engine.errors import InternalFault
from engine.model import trading_layout as loop
from engine.model.trading import PHASE_CLEARING
from tests.property.test_exit_reference import judged_venue, judged_world

SEEDS = 60  # within so many, of the worlds and of the venue, each is found
Mistake = tuple[ModuleType, str, object]


def _then(function: Callable[..., Any], also: Callable[..., None]) -> Callable[..., Any]:
    """Return a kernel that does something wrong after it has done its work."""

    def wrong(s: Any, *arguments: Any) -> Any:
        answer = function(s, *arguments)
        also(s, *arguments)
        return answer

    return wrong


def _forget_the_order(s: Any, i: int, *_: int) -> None:
    s.monitors[i, loop.EXIT_ORDER] = 0
    s.monitors[i, loop.EXIT_PHASE] = PHASE_CLEARING
    s.monitors[i, loop.EXIT_DEADLINE] = loop.NEVER


def _set(column: int, value: int) -> Callable[..., None]:
    def wrong(s: Any, i: int, *_: int) -> None:
        s.monitors[i, column] = value

    return wrong


def _stop_is_hit_late(s: Any, i: int, price: int) -> bool:
    direction, stop = s.monitors[i, loop.MONITOR_DIRECTION], s.monitors[i, loop.MONITOR_STOP]
    return bool(stop > 0 and direction * price < direction * stop)


def _follow_down(s: Any, i: int, price: int, profit: int) -> None:
    FOLLOW_PEAK(s, i, price, profit)
    if s.monitors[i, loop.MONITOR_PEAK]:
        s.monitors[i, loop.MONITOR_PEAK] = price


def _winner_is_last(s: Any, mask: int) -> int:
    fired = [reason for reason in range(1, 12) if mask >> reason & 1]
    return min(fired, key=lambda r: (s.exits[r, loop.EXITS_PRIORITY], -r), default=0)


def _edge_or_nothing(s: Any, i: int, price: int) -> int:
    return max(EDGE_OF(s, i, price), -(10**18)) if EDGE_OF(s, i, price) != loop.NOT_GIVEN else 0


def _keep_stages(s: Any, i: int) -> None:
    stages = s.monitors[i, loop.MONITOR_STAGES]
    CLOSE_TRIP(s, i)
    s.monitors[i, loop.MONITOR_STAGES] = stages


def _all_of_it_again(s: Any, i: int) -> int:
    held = LOTS_TO_CLOSE(s, i)
    return held if s.monitors[i, loop.EXIT_ATTEMPT] == 0 else s.monitors[i, loop.EXIT_GOAL]


EDGE_OF, FOLLOW_PEAK, CLOSE_TRIP = conditions.edge_of, trailing.follow_peak, trips.close_trip
LOTS_TO_CLOSE, FAIR = escalation.lots_to_close, prices.fair_price
FARTHEST, LEAST, LEFT = prices.farthest_price, conditions.least_volume, conditions.time_left
DISTANCE, WAKE_AT = trailing.trail_distance_ppm, exits.wake_at
LOTS_OF = protection.lots_of_type
CLEAR_WAY = escalation.clear_way

PLANTED: dict[str, list[Mistake]] = {
    "at the trailing stop is not enough": [(conditions, "stop_is_hit", _stop_is_hit_late)],
    "the peak moves down": [(exits, "follow_peak", _follow_down)],
    "the trail is never tightened": [
        (trailing, "trail_distance_ppm", lambda s, ppm: s.limits[loop.LIMIT_TRAIL_DISTANCE_PPM])
    ],
    "a stage is not stamped": [(escalation, "pass_stage", lambda s, i: None)],
    "stages of the last trip are done": [(trips, "close_trip", _keep_stages)],
    "a takeover does not wait": [(exits, "take_over", _then(closing.take_over, _forget_the_order))],
    "what is in the way is not waited for": [
        (escalation, "clear_way", lambda s, i, asks: 0 * CLEAR_WAY(s, i, asks))
    ],
    "reduce-only is left off": [(escalation, "FLAG_REDUCE_ONLY", 0)],
    "a wake is one nanosecond late": [(exits, "wake_at", lambda s, i, ns: WAKE_AT(s, i, ns + 1))],
    "a wait is lost while nothing can be sent": [
        (escalation, "keep_waits", _then(escalation.keep_waits, _set(loop.EXIT_CARRY, 0)))
    ],
    "a wait does not outlast a split": [
        (step, "scale_monitor", _then(step.scale_monitor, _set(loop.EXIT_DEADLINE, loop.NEVER)))
    ],
    "a fair price is rounded as a sale's": [
        (prices, "fair_price", lambda s, i, side: FAIR(s, i, -1))
    ],
    "a walk is bounded as a sale's": [
        (prices, "farthest_price", lambda s, i, side: FARTHEST(s, i, -1))
    ],
    "walks do not grow": [(escalation, "EXITS_GROWTH_MILLI", loop.EXITS_WIDTH - 1)],
    "an aggressive price only touches": [(prices, "THROUGH_PPM", 0)],
    "the last of a priority wins": [(exits, "winner_of", _winner_is_last)],
    "no edge is read as none": [(conditions, "edge_of", _edge_or_nothing)],
    "fifty is thin": [(conditions, "least_volume", lambda s, i: LEAST(s, i) + 1)],
    "the last five minutes begin early": [(conditions, "time_left", lambda s, i: LEFT(s, i) - 1)],
    "every confidence is high": [(conditions, "CLASS_LOW", 99)],
    "a wrong print is believed": [(conditions, "is_suspect", lambda s, i: False)],
    "a partial fill reduces nothing": [(escalation, "lots_to_close", _all_of_it_again)],
    "two rejects are three": [(escalation, "REJECTS_MAX", 2)],
    "a late fill is not noticed": [(late, "hear_late_fill", lambda s, ended, e, lots: None)],
    "a refused walk is waited for": [(orders, "hear_refusal", lambda s, r: None)],
    "protection counts before it is proven": [
        (protection, "lots_of_type", lambda s, i, h, kind, proven: LOTS_OF(s, i, h, kind, False))
    ],
    "nobody is told of bare lots": [(protection, "alert_bare", lambda s, i, bare: None)],
    "a bare position is looked at too late": [(protection, "keep_wake", lambda s, i: None)],
    "an alert is never repeated": [(escalation, "alert", lambda s, i, code: None)],
}


# Where the search has found some: looked at first, for speed.
FAR = {
    "at the trailing stop is not enough": 12,
    "the peak moves down": 8,
    "the trail is never tightened": 8,
    "a stage is not stamped": 7,
    "stages of the last trip are done": 7,
    "a wait is lost while nothing can be sent": 17,
    "a wait does not outlast a split": 5,
    "fifty is thin": 10,
    "the last five minutes begin early": 17,
    "every confidence is high": 17,
    "a late fill is not noticed": 6,
    "a refused walk is waited for": 20,
}


def is_found(seed: int, patch: pytest.MonkeyPatch) -> bool:
    """Return whether a seed shows what is wrong."""
    for judged in (judged_venue, judged_world):
        try:
            judged(seed, patch)
        except (AssertionError, InternalFault):
            return True
    return False


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_in_the_exits_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, function, mistake in PLANTED[name]:
        assert hasattr(module, function)
        monkeypatch.setattr(module, function, mistake)
    seeds = (FAR.get(name, 0), *range(SEEDS))
    assert any(is_found(seed, monkeypatch) for seed in seeds)
