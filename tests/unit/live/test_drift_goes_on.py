"""A session that goes on holds against the evidence what is new, and nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from engine.gate.drift import Baseline, DriftState
from engine.model.units import NS_PER_DAY, NS_PER_SECOND
from runtime.journal.records import Noted
from runtime.session.drifting import DriftFollower, Followed, followed_in
from runtime.session.session import Session

FIRST, SECOND = (day * NS_PER_DAY + 80_000 * NS_PER_SECOND for day in (20_000, 20_001))
BASELINE = Baseline(
    mean=0.0,
    deviation=0.01,
    shortfall_mean_bps=0.0,
    shortfall_deviation_bps=5.0,
    drawdown_limits=(0.5,),
)


class Notes:
    """What a session keeps of what it is told."""

    def __init__(self) -> None:
        self.records: list[Noted] = []

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        self.records.append(Noted(kind, severity, subject, text, 0))


def test_fills_before_a_restart_are_not_counted_again() -> None:
    notes, asked = Notes(), list[int]()

    async def costs(since_ns: int) -> Sequence[float]:
        asked.append(since_ns)
        return ()

    async def suspend(reason: str) -> None:
        raise AssertionError(reason)

    async def follow(followed: Followed, ts_ns: int) -> None:
        follower = DriftFollower(BASELINE, followed, "24/7", costs, suspend)
        await follower.day(cast(Session, cast(Any, notes)), ts_ns, 100_000)

    asyncio.run(follow(Followed("core", 100_000, DriftState()), FIRST))
    again = followed_in(notes.records, "core")
    assert again is not None
    asyncio.run(follow(again, SECOND))
    assert asked == [0, FIRST]


def test_after_an_alarm_another_certificate_begins_without_its_scores() -> None:
    notes, reasons = Notes(), list[str]()

    async def costs(since_ns: int) -> Sequence[float]:
        return ()

    async def suspend(reason: str) -> None:
        reasons.append(reason)

    async def follow(followed: Followed, ts_ns: int, equity_minor: int) -> None:
        follower = DriftFollower(BASELINE, followed, "24/7", costs, suspend)
        await follower.day(cast(Session, cast(Any, notes)), ts_ns, equity_minor)

    asyncio.run(follow(Followed("core", 100_000, DriftState()), FIRST, 90_000))  # ten deviations
    assert len(reasons) == 1
    again = followed_in(notes.records, "core")
    assert again is not None
    assert (again.state.last_day, again.state.alarms > 0, again.state.fast) == (20_000, True, 0.0)
    asyncio.run(follow(again, SECOND, 90_000))
    assert len(reasons) == 1, "a quiet day is no alarm"
