"""A minute of a busy live session that is begun again three times: the venue answers 200 requests of it.

The minute passes in five seconds: everybody's clock is twelve times as fast, that of the venue's budget too. Each
start has a clock of its own, and with it a budget that knows nothing of the requests before, as a new process has.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np

from engine.ports import Clock
from runtime.clocks import SystemClock
from runtime.session.live import go_live
from runtime.session.parts import Asked
from runtime.session.states import SessionState
from runtime.venues.market import open_venue_feed
from sims.venues.alpaca import AlpacaVenue
from tests.unit.live.rehearsals import Rehearsal, until
from tests.venues.walks import MINUTE, SHARE, START_NS

QUICK = 12
SPEED = 150.0  # a minute of the market in 0.4 s: some 150 bars
STARTS = 4
OF_DATA = ("stock_data",)


class QuickClock(SystemClock):
    """The machine's time, twelve times as fast since a moment."""

    def __init__(self, began_ns: int, wall_ns: int) -> None:
        self._began_ns, self._wall_ns = began_ns, wall_ns

    def now_ns(self) -> int:
        return self._wall_ns + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return (super().monotonic_ns() - self._began_ns) * QUICK

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / QUICK)


def test_a_busy_minute_with_three_restarts_is_answered(here: Rehearsal) -> None:
    began = SystemClock().monotonic_ns(), SystemClock().now_ns()
    here.clock, here.bars = QuickClock(*began), 400
    here.issue()

    async def story() -> AlpacaVenue:
        venue = AlpacaVenue(
            [SHARE],
            clock=here.clock,
            start_ns=START_NS,
            speed=SPEED,
            events=np.concatenate([each.events for each in here.slices]),
            waits_for_listener=True,
        )
        async with venue:
            for number in range(STARTS):
                until_ns = (number + 1) * MINUTE // STARTS
                await trade(here, venue, QuickClock(*began), until_ns=until_ns)
        return venue

    venue = asyncio.run(story())
    assert len(venue.books.orders) > 15, "it was busy"
    answers = Counter(each.status for each in venue.requests)
    assert answers[429] == 0
    trading = [each for each in venue.requests if each.operation not in OF_DATA]
    assert len(trading) <= 200
    with here.store() as store:
        told = [
            str(row["text"]) for each in store.list() for row in store.rows(each.id, "incidents")
        ]
    assert not [text for text in told if "budget" in text]


async def trade(here: Rehearsal, venue: AlpacaVenue, clock: Clock, *, until_ns: int) -> None:
    """Begin, or go on, and stop at a time of the minute."""
    here.clock = clock
    with here.desk() as desk, here.store() as store:
        door = here.door(venue)
        feed = open_venue_feed(door, here.history, clock, trading=True)
        session = await go_live(store, here.plan(venue, feed=feed), desk)
        running = asyncio.create_task(session.run())
        await until(lambda: clock.monotonic_ns() >= until_ns or running.done(), 60)
        await session.ask(Asked("stop", "ann", "a test"))
        assert await running is SessionState.STOPPED
