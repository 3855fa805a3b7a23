"""Bugs of knowing too early (I17) and of asking too often (I20), each found as what it is.

`python -m tests.simulation.test_planted_knowledge` says where each is found in worlds as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec

import tests.simulation.world_feed as world_feed
from brokers.alpaca.budget import Budget, Use
from engine.model import layout as at
from engine.ports import Rows, Slice, TimePassed
from runtime.session.venue_hearing import Hearing
from runtime.session_core.drivers.rules import RulesDriver
from tests.simulation.plans import Plan
from tests.simulation.planting import Bug, Patch, each_of, require_found, where_each_is_found
from tests.simulation.processes import Life
from tests.simulation.world_feed import WorldFeed

MINUTE_NS = 60 * 10**9


# --- I17: what is decided is decided on what was available then ------------------------------------------
def gives_a_bar_before_it_is_over(patch: Patch) -> None:
    patch.setattr(WorldFeed, "lag", -0.5)


def shows_formulas_the_bar_after(patch: Patch) -> None:
    """As data do that were put right later: what is decided on is not what was known."""
    start, read = Life.start, RulesDriver.read
    later: dict[int, Slice] = {}

    def started(self: Life) -> None:
        slices = self.world.plan.slices
        later.update({one.ts_ns: after for one, after in pairwise(slices)})
        start(self)

    def foreseeing(self: RulesDriver, events: Any, count: int) -> Rows | None:
        after = later.get(events[0, at.EVENT_TS])
        is_bars = after is not None and len(after.events) == count
        return read(self, after.events if is_bars and after is not None else events, count)

    patch.setattr(Life, "start", started)
    patch.setattr(RulesDriver, "read", foreseeing)


def lets_time_run_ahead(patch: Patch) -> None:
    patch.setattr(world_feed, "TimePassed", lambda now_ns: TimePassed(now_ns + MINUTE_NS))


def dates_facts_ahead(patch: Patch) -> None:
    tell = Hearing.tell

    async def ahead(self: Hearing, rows: Rows, keys: tuple[str, ...]) -> None:
        rows = rows.copy()
        rows[:, at.EVENT_TS] += MINUTE_NS
        await tell(self, rows, keys)

    patch.setattr(Hearing, "tell", ahead)


EARLY = [
    Bug(gives_a_bar_before_it_is_over, "I17", (0,)),
    Bug(shows_formulas_the_bar_after, "I17", (3,)),
    Bug(lets_time_run_ahead, "I17", (5,)),
    Bug(dates_facts_ahead, "I17", (0,)),
]


# --- I20: requests stay under the venue's limit, and none is made inside a ban ----------------------------
def does_not_count_requests(patch: Patch) -> None:
    patch.setattr(Budget, "spend", lambda self: None)


def leaves_cancels_no_share(patch: Patch) -> None:
    wait = Budget.wait_seconds
    patch.setattr(Budget, "wait_seconds", lambda self, use: wait(self, Use.CANCEL))


def does_not_wait_as_it_is_told(patch: Patch) -> None:
    learn = Budget.learn

    def deaf(self: Budget, status: int, headers: Mapping[str, str]) -> float:
        return learn(self, 200 if status == 429 else status, headers)

    patch.setattr(Budget, "learn", deaf)


def cancels_inside_a_ban(patch: Patch) -> None:
    learn = Budget.learn

    def mild(self: Budget, status: int, headers: Mapping[str, str]) -> float:
        return learn(self, 429 if status == 418 else status, headers)

    patch.setattr(Budget, "learn", mild)


def does_not_hear_what_is_left(patch: Patch) -> None:
    """What a process before this one has sent, the venue alone knows."""
    learn = Budget.learn

    def deaf(self: Budget, status: int, headers: Mapping[str, str]) -> float:
        told = {name: value for name, value in headers.items() if name != "X-RateLimit-Remaining"}
        return learn(self, status, told)

    patch.setattr(Budget, "learn", deaf)


def ends_the_venues_minute_by_its_own_clock(patch: Patch) -> None:
    patch.setattr(Budget, "_venue_seconds", lambda self, headers: self._clock.now_ns() / 1e9)


OFTEN = [
    Bug(does_not_count_requests, "I20", (11,)),
    Bug(leaves_cancels_no_share, "I20", (15,)),
    Bug(does_not_wait_as_it_is_told, "I20", (17,)),
]


def with_many_bans(plan: Plan) -> Plan:
    return replace(plan, odds=msgspec.structs.replace(plan.odds, banned=0.15))


def that_die_with_little_left(plan: Plan) -> Plan:
    return replace(plan, requests_per_minute=20, deaths=((20, False),) * 3)


def whose_clock_runs_ahead_with_little_left(plan: Plan) -> Plan:
    return replace(plan, requests_per_minute=20, clock_steps=((30.0, 5 * 10**9),))


RARE = [
    Bug(cancels_inside_a_ban, "I20", (8,), with_many_bans),
    Bug(does_not_hear_what_is_left, "I20", (5,), that_die_with_little_left),
    Bug(
        ends_the_venues_minute_by_its_own_clock,
        "I20",
        (7,),
        whose_clock_runs_ahead_with_little_left,
    ),
]


@each_of(EARLY)
def test_what_is_known_too_early_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch)


@each_of(OFTEN)
def test_what_asks_too_often_is_found(bug: Bug, monkeypatch: Patch) -> None:
    require_found(bug, monkeypatch)


@each_of(RARE)
def test_what_seldom_asks_too_often_is_found_where_what_it_needs_is_usual(
    bug: Bug, monkeypatch: Patch
) -> None:
    require_found(bug, monkeypatch)


if __name__ == "__main__":
    where_each_is_found([*EARLY, *OFTEN, *RARE])
