"""Health and the supervisor at their exact times (FAULTS, "Breakers and timers")."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from engine.model.units import NS_PER_SECOND
from runtime.observing.health import Condition, HealthFold, stale_ns
from runtime.observing.supervising import Alive, Restarts, supervised
from sims.virtual_time import VirtualClock, run_virtual

S = NS_PER_SECOND


@pytest.mark.parametrize(("age", "is_stale"), [(120.0, False), (120.1, True)])
def test_a_part_is_unhealthy_when_nothing_was_heard_for_more_than_two_minutes(
    age: float, is_stale: bool
) -> None:
    fold = HealthFold()
    fold.seen("feed", 0)
    changes = fold.look(round(age * S))
    assert [each.condition for each in changes] == [Condition.DEGRADED] * is_stale
    assert (stale_ns(0, 0, 0, round(age * S)) > 0) is is_stale


def test_it_is_healthy_again_after_thirty_seconds_of_it_and_told_once() -> None:
    fold = HealthFold()
    fold.say("feed", Condition.DOWN, "disconnected", 0)
    assert [each.condition for each in fold.look(S)] == [Condition.DOWN]
    assert fold.look(2 * S) == []
    fold.say("feed", Condition.UP, "", 10 * S)
    assert fold.look(10 * S) == []
    fold.say("feed", Condition.DOWN, "disconnected", 20 * S)  # it comes and goes
    assert fold.look(20 * S) == []
    fold.say("feed", Condition.UP, "", 30 * S)
    found = [(t, each.condition) for t in range(30, 70) for each in fold.look(t * S)]
    assert found == [(60, Condition.UP)]


def test_while_its_market_is_closed_nothing_has_to_be_heard() -> None:
    fold = HealthFold()
    fold.seen("feed", 0)
    assert fold.look(10_000 * S, asleep=frozenset({"feed"})) == []
    assert fold.look(10_120 * S) == []
    assert len(fold.look(10_121 * S)) == 1


def test_a_bar_may_take_its_own_length_and_a_closed_market_any_time() -> None:
    minute = 60 * S
    assert stale_ns(0, minute, 0, 180 * S) == 0
    assert stale_ns(0, minute, 0, 181 * S) > 0
    assert stale_ns(0, 0, 100 * S, 220 * S) == 0, "it has opened since"
    assert stale_ns(0, 0, None, 10_000 * S) == 0


@pytest.mark.parametrize(
    ("times", "is_too_often"),
    [((0, 10, 20, 30, 40), False), ((0, 10, 20, 30, 40, 59), True), ((0, 10, 20, 30, 40, 60), False)],
)  # fmt: skip
def test_more_than_five_restarts_in_a_minute_are_too_many(
    times: tuple[int, ...], is_too_often: bool
) -> None:
    restarts = Restarts()
    assert [restarts.add(second * S, second * S) for second in times][-1] is is_too_often


def test_what_crashes_is_begun_again_with_growing_waits() -> None:
    times: list[float] = []
    told: list[tuple[str, bool]] = []

    async def story() -> None:
        async def crash(alive: Alive) -> None:
            times.append(asyncio.get_running_loop().time())
            raise ValueError("no")

        task = asyncio.ensure_future(
            supervised(
                crash, VirtualClock(), draw=lambda: 1.0, restarted=lambda *what: told.append(what)
            )
        )
        await asyncio.sleep(100)
        task.cancel()

    run_virtual(story())
    waits = [round(b - a, 1) for a, b in itertools.pairwise(times)]
    assert waits[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6]
    assert [too_often for _, too_often in told[:6]] == [False] * 5 + [True]
    assert told[0][0] == "ValueError: no"


def test_what_gives_no_sign_of_life_for_three_heartbeats_is_begun_again() -> None:
    told: list[str] = []

    async def story() -> None:
        async def hang(alive: Alive) -> None:
            await asyncio.get_running_loop().create_future()

        task = asyncio.ensure_future(
            supervised(hang, VirtualClock(), restarted=lambda why, _: told.append(why))
        )
        await asyncio.sleep(45)
        task.cancel()

    run_virtual(story())
    assert told == ["no sign of life for 40 seconds"]
