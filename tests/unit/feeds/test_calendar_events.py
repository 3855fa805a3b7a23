"""Sessions as time passes are those that a backtest of the same span has."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from data.calendars import sessions
from engine.model.units import NS_PER_DAY, NS_PER_HOUR
from runtime.backtest.clockwork import Clockwork, account_calendar
from runtime.feeds.calendar_events import CalendarEvents
from sims.replay.stream import Stream


def expected(names: tuple[str, ...], start: int, last: int, *, trading: bool) -> list[list[int]]:
    both = [sessions(name, start, last + 1) for name in names]
    clockwork = Clockwork(
        names, tuple(b[0] for b in both), tuple(b[1] for b in both), account_calendar(names)
    )
    chunks = Stream(clockwork.sources(trading=trading)).chunks()
    return [row for chunk in chunks for row in chunk.events[: chunk.rows].tolist()]


@pytest.mark.parametrize("seed", range(12))
def test_events_come_in_the_order_of_a_stream(seed: int) -> None:
    rng = Random(seed)
    every = ["24/7", "XNYS", "XLON", "FX"]
    names = tuple(rng.sample(every, rng.randint(1, 4)))
    start = 18_200 * NS_PER_DAY + rng.randrange(0, 700 * NS_PER_DAY)
    last = start + rng.randrange(1, 200 * NS_PER_DAY)
    events = CalendarEvents([*names, *names], start, trading=bool(seed % 2))
    times = sorted(rng.randrange(start, last) for _ in range(20))
    seen = []
    for ts in times:
        for row in events.before(ts):
            assert row[0] < ts
            seen.append(row)
    seen += events.finish(last)
    assert seen == expected(names, start, last, trading=bool(seed % 2))


def test_the_days_on_which_clocks_change_are_counted_once() -> None:
    """New York went to summer time on 2026-03-08: that week's sessions are an hour earlier in UTC."""
    start = int(np.datetime64("2026-03-06T00:00", "ns").astype(np.int64))
    events = CalendarEvents(["XNYS"], start, trading=False)
    opens = [row[0] for row in events.before(start + 5 * NS_PER_DAY) if row[1] == 32]
    assert [(ts // NS_PER_HOUR) % 24 for ts in opens] == [14, 13, 13]
