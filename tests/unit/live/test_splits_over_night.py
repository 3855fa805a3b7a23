"""A share splits two for one over night, while a live session holds it: announced, and not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import cached_property

import numpy as np
import pytest

from data.history import History
from engine.model import layout as at
from engine.model.trading_layout import SESSION_CLOSES, SESSION_DAY
from engine.model.units import NS_PER_DAY
from engine.ports import FeedItem, Slice
from runtime.journal.records import Noted
from runtime.session.live import go_live
from sims.venues.alpaca import AlpacaVenue
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, until
from tests.venues.walks import BREATH, MINUTE, SHARE, START_NS

# Rising minutes: the strategy buys, and sells only where its stop is hit, 0.8 % below.
BEFORE = [(100.0, 101.0), (101.0, 101.1), (101.1, 101.2), (101.2, 101.3), (101.3, 101.4)]
AFTER = [(50.7, 50.75), (50.75, 50.8), (50.8, 50.85)]
FALL = [(50.1, 49.5), (49.5, 49.0), (49.0, 48.9)]
SPLITS = len(BEFORE)


class SplittingRehearsal(Rehearsal):
    @cached_property
    def history(self) -> History:
        bars = np.array([*BEFORE, *AFTER, *FALL])
        return History.from_arrays(
            SHARE,
            ts_close_ns=START_NS + MINUTE * np.arange(1, len(bars) + 1, dtype=np.int64),
            open=bars[:, 0],
            high=bars.max(axis=1),
            low=np.round(bars.min(axis=1) - 0.2, 2),
            close=bars[:, 1],
            volume=np.full(len(bars), 80.0),
            source="made by hand",
        )


class SplittingMarket(SharedMarket):
    """The venue's market, in which a night with a split comes between two bars."""

    is_announced = True
    sent_before = 0

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        bars = 0
        async for item in super().items(after):
            yield item
            if isinstance(item, Slice) and item.events[-1, at.EVENT_KIND] == at.KIND_BAR:
                bars += 1
                if bars == SPLITS:
                    await asyncio.sleep(BREATH)
                    yield event(at.KIND_SESSION_CLOSE, item, 1)
                    async for each in self._night(item):
                        yield each

    async def _night(self, last: Slice) -> AsyncIterator[FeedItem]:
        venue = self._venue
        assert self.session is not None
        await until(lambda: not self.session.gateway.books.live())
        assert venue.books.positions[SHARE.symbol] == 10
        self.sent_before = len(venue.books.orders)
        venue.split(SHARE.symbol, 2, 1)
        if self.is_announced:
            yield event(at.KIND_SPLIT, last, 2, {at.SPLIT_NUMERATOR: 2, at.SPLIT_DENOMINATOR: 1})
        closes = {SESSION_CLOSES: last.ts_ns + NS_PER_DAY, SESSION_DAY: 19_001}
        yield event(at.KIND_SESSION_OPEN, last, 3, closes)


def event(kind: int, after: Slice, ns: int, terms: dict[int, int] | None = None) -> Slice:
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = after.ts_ns + ns, kind
    row[0, at.EVENT_INSTRUMENT] = 0 if kind == at.KIND_SPLIT else -1
    for column, value in (terms or {}).items():
        row[0, column] = value
    return Slice(after.ts_ns + ns, row, after.cursor)


async def traded(here: Rehearsal, *, is_announced: bool) -> tuple[AlpacaVenue, int, list[str]]:
    """Trade over the night; return the venue, how many orders it had then, and what was critical."""
    with here.desk() as desk, here.store() as store:
        async with here.venue() as venue:
            plan = here.plan(venue, feed=None)
            plan.feed = feed = SplittingMarket(venue, here.slices)
            feed.is_announced = is_announced
            session = await go_live(store, plan, desk)
            feed.session = session
            running = asyncio.create_task(session.run())
            await asyncio.wait([running], timeout=2)  # where the books differ it does not end
            session.stop("seen")
            await asyncio.wait_for(running, 40)
            record = store.list()[0]
            notes = [each.record for each in store.entries(record.id)]
            told = [x.text for x in notes if isinstance(x, Noted) and x.severity == "critical"]
            return venue, feed.sent_before, told


@pytest.fixture
def splitting(here: Rehearsal) -> Rehearsal:
    found = SplittingRehearsal(here.folder)
    found.issue()
    return found


def test_an_announced_split_doubles_the_position_and_halves_the_stop(splitting: Rehearsal) -> None:
    venue, before, told = asyncio.run(traded(splitting, is_announced=True))
    after = venue.books.orders[before:]
    assert not told
    assert [each.lots for each in after if each.sign < 0] == [20], "at half the price, once"
    assert venue.books.positions.get(SHARE.symbol, Decimal(0)) == 0


def test_a_split_that_nobody_has_announced_sells_nothing(splitting: Rehearsal) -> None:
    venue, before, told = asyncio.run(traded(splitting, is_announced=False))
    assert len(venue.books.orders) == before, "no exit on a price of another size"
    assert venue.books.positions[SHARE.symbol] == 20
    assert "the venue holds 20 lots, the books 10: as after a split of 2:1" in told
