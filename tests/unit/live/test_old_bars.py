"""What a live session decides on bars of before: nothing of it is sent, and what still holds is decided again.

The adapter, the feed and the venue are the real ones, over sockets; the venue's time is moved by hand, and the
feed's clock is the venue's, as at a venue of the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np
import pytest

from data.history import History
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import ExitAlert
from engine.ports import FeedItem, Rows, Slice
from runtime.feeds.venue import VenueFeed
from runtime.feeds.venue_time import VenueTime
from runtime.gateway.refusals import Refusal
from runtime.journal.sessions import SessionStore
from runtime.promotion.desk import Desk
from runtime.session.kill_switch import Halt
from runtime.session.live import go_live
from runtime.session.parts import Asked
from runtime.session.session import Session
from runtime.session.states import SessionState
from sims.venues.alpaca import AlpacaVenue
from tests.simulation.plans import LOOP, RULES
from tests.unit.feeds.venues import HandClock
from tests.unit.live.rehearsals import Rehearsal, until
from tests.venues.walks import MINUTE, SHARE, START_NS

BACK = 130  # the minute in which somebody is there again
DIP = range(40, 100)  # under the stop of 0.8 %, and up again
LATER = 140  # once more under the stop
STRATEGY = (RULES + LOOP).replace("close < open", "close < 1").replace("= 10\n", "= 40\n")


def walk() -> History:
    """Return minutes that say to enter once, are under the stop for an hour, and later again."""
    count = 160
    closes = np.full(count, 100.0)
    closes[[n - 1 for n in DIP]] = 98.0
    closes[LATER - 1 :] = 98.0
    opens = closes.copy()
    opens[1] = 99.9  # the only minute that rises
    return History.from_arrays(
        SHARE,
        ts_close_ns=START_NS + MINUTE * np.arange(1, count + 1, dtype=np.int64),
        open=opens,
        high=closes,
        low=np.round(opens - 0.05, 2),
        close=closes,
        volume=np.full(count, 1_000.0),
        source="walk",
    )


class HeldFeed(VenueFeed):
    """The feed, which may be held up."""

    goes_on: asyncio.Event

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        async for item in super().items(after):
            await self.goes_on.wait()
            yield item


@dataclass
class Life:
    """A session at work, and what was refused in it."""

    session: Session
    venue: AlpacaVenue
    feed: HeldFeed
    refused: list[Refusal]
    noted: list[str]  # of what
    alerts: list[str]
    taken_ns: int = 0  # the last slice that was decided on, and of which all was sent

    async def bar(self, minute: int) -> None:
        """Let one minute pass, and wait until it was decided on."""
        self.venue.advance_to(START_NS + minute * MINUTE)
        await self.has_seen(minute)

    async def has_seen(self, minute: int) -> None:
        await until(lambda: self.taken_ns >= START_NS + minute * MINUTE)
        await until(lambda: self.session.state is not SessionState.RECONCILING)

    def take(self, item: FeedItem) -> None:
        if isinstance(item, Slice):
            self.taken_ns = item.ts_ns

    async def enters(self) -> int:
        """Let minutes pass until a position is held; return how many."""
        for minute in range(1, min(DIP)):
            await self.bar(minute)
            if self.lots and self.session.gateway.books.positions.get(0) == self.lots:
                return minute
        raise AssertionError((self.noted, self.refused, self.venue.books.orders))

    @property
    def lots(self) -> int:
        return int(self.venue.books.positions.get(SHARE.symbol, 0))


def alerts_in(rows: Rows) -> list[str]:
    """Return what the engine alerts of in its journal's rows."""
    told = rows[rows[:, at.EVENT_KIND] == at.KIND_ALERT]
    return [ExitAlert(code).name for code in told[:, loop.ALERT_CODE].tolist()]


@pytest.fixture
def there(here: Rehearsal) -> Rehearsal:
    here.file.write_text(STRATEGY)
    here.__dict__["history"] = walk()
    here.issue()
    return here


@asynccontextmanager
async def life(
    there: Rehearsal, venue: AlpacaVenue, desk: Desk, store: SessionStore
) -> AsyncIterator[Life]:
    """Run a session until the end of the block, and end it without a word."""
    door, clock = there.door(venue), HandClock(venue)
    time = VenueTime(clock, is_real=True)
    feed = HeldFeed(door.urls, door.keys, (SHARE,), clock, trading=True, time=time)
    plan = there.plan(venue, feed=feed)
    refused, noted, alerts = list[Refusal](), list[str](), list[str]()
    plan.observers.refused = lambda command, why: refused.append(why.code)
    plan.observers.noted = lambda told: noted.append(told.subject)
    plan.observers.item = lambda item: found.take(item)
    plan.observers.rows = lambda rows: alerts.extend(alerts_in(rows))
    session = await go_live(store, plan, desk)
    found = Life(session, venue, feed, refused, noted, alerts)
    running = asyncio.create_task(session.run())
    try:
        await until(lambda: "connected" in found.noted or running.done())
        await until(lambda: running.done() or session.state is SessionState.RUNNING)
        yield found
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_a_stop_that_fired_while_nobody_was_there_is_judged_anew(there: Rehearsal) -> None:
    async def story() -> None:
        with there.desk() as desk, there.store() as store:
            async with there.venue() as venue:
                async with life(there, venue, desk, store) as first:
                    await first.enters()
                sent = len(venue.books.orders)
                venue.advance_to(START_NS + BACK * MINUTE + 5 * 10**9)
                async with life(there, venue, desk, store) as again:
                    await again.has_seen(BACK)
                    assert again.refused == [], (
                        "its stop had fired: sixty bars, and nothing is tried"
                    )
                    assert again.alerts == []
                    for minute in range(BACK + 1, LATER):
                        await again.bar(minute)
                    assert len(venue.books.orders) == sent, "nothing was sent on bars of before"
                    await again.bar(LATER)
                    await again.bar(LATER + 1)
                    assert again.lots == 0, "the same stop, on a bar of now"

    asyncio.run(story())


def test_a_process_that_was_stopped_for_minutes_sends_nothing_on_what_has_waited(
    there: Rehearsal,
) -> None:
    """The bars of the pause wait in the socket; they come as if they were new."""

    async def story() -> None:
        with there.desk() as desk, there.store() as store:
            async with there.venue() as venue, life(there, venue, desk, store) as here:
                await here.enters()
                sent = len(venue.books.orders)
                await here.bar(min(DIP) - 1)
                venue.advance_to(START_NS + (max(DIP) + 2) * MINUTE)
                await here.has_seen(max(DIP) + 2)
                assert here.refused == [], "nothing is tried"
                assert here.alerts == []
                assert len(venue.books.orders) == sent

    asyncio.run(story())


@pytest.mark.parametrize("who", ["a person", "a halt"])
def test_what_closes_everything_waits_for_no_new_bar(who: str, there: Rehearsal) -> None:
    async def story() -> None:
        with there.desk() as desk, there.store() as store:
            async with there.venue() as venue, life(there, venue, desk, store) as here:
                await here.enters()
                here.feed.goes_on.clear()  # hours behind from now on
                venue.advance_to(START_NS + BACK * MINUTE)
                if who == "a halt":
                    here.session.parts.switch.set(Halt("ann", "a test", 0, flatten=True))
                else:
                    async with here.session._lock:
                        await here.session.ask(Asked("flatten", "ann", "a test"))
                await until(lambda: venue.books.open_orders)
                venue.advance(60)
                await until(lambda: here.lots == 0)

    asyncio.run(story())
