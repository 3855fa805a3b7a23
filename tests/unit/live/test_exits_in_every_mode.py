"""What a strategy decides to close is the same in a backtest, on paper, and live: one code path decides it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from engine.model import layout as at
from engine.model.denials import Denial
from engine.ports import Rows
from runtime.backtest import run_backtest
from runtime.gateway.refusals import Refused
from runtime.session.live import go_live
from runtime.session.parts import Observers
from tests.unit.live.rehearsals import Rehearsal, SharedMarket
from tests.unit.live.test_endings import of_class
from tests.unit.session.papers import Desk

CLOSING = """
from trader import Strategy

class Waiting(Strategy):
    bars = 0

    def on_bar(self, bar):
        self.bars += 1
        high, low = self.price(bar.close * 1.2, "up"), self.price(bar.close * 0.8, "down")
        match self.bars:
            case 1: self.buy(4)
            case 3: self.sell(500, limit=high, reduce_only=True)
            case 4: self.sell(1, stop=low, reduce_only=True)
            case 5:
                self.cancel(self.working_orders()[0])
                self.sell(3, limit=high, reduce_only=True)
            case 6: self.sell(500, stop=low, reduce_only=True)
            case 7: self.replace(self.working_orders()[0], quantity=40)
            case 8: self.sell(1, reduce_only=True)
            case 9: self.{close}
            case 11: self.sell(1, reduce_only=True)
"""
SUBMITTED, DENIED = at.KIND_SUBMITTED, at.KIND_DENIED
CANCELED, REPLACED = at.KIND_CANCEL_SENT, at.KIND_REPLACE_SENT
ASKED = (SUBMITTED, DENIED, CANCELED, REPLACED)
NONE_LEFT = Denial.NOTHING_TO_REDUCE
EXPECTED = [
    (SUBMITTED, 1, 4, 0),
    (SUBMITTED, 2, 4, 0),  # of 500
    (DENIED, 3, 1, NONE_LEFT),  # the limit closes all
    (CANCELED, 2, 4, 0),
    (SUBMITTED, 4, 3, 0),
    (SUBMITTED, 5, 1, 0),  # of 500
    (REPLACED, 4, 3, 0),  # of 40
    (DENIED, 6, 1, NONE_LEFT),
    (CANCELED, 4, 3, 0),
    (CANCELED, 5, 1, 0),
    (SUBMITTED, 7, 4, 0),  # all, at market
    (DENIED, 8, 1, NONE_LEFT),  # nothing is held
]


def decided(blocks: Sequence[Rows]) -> list[tuple[int, ...]]:
    """Return what was asked for: kind, order, lots and reason."""
    rows = np.concatenate(blocks)
    rows = rows[np.isin(rows[:, at.EVENT_KIND], ASKED)]
    columns = [at.EVENT_KIND, at.FACT_ORDER, at.FACT_LOTS, at.FACT_REASON]
    return [tuple(each) for each in rows[:, columns].tolist()]


@pytest.mark.parametrize("close", ["close()", "sell(500, reduce_only=True)"])
def test_what_closes_is_decided_alike_in_a_backtest_on_paper_and_live(
    here: Rehearsal, close: str
) -> None:
    here.bars = 14
    of_class(here, CLOSING.replace("{close}", close))
    desk = Desk(here.config(), here.history, here.folder)
    tested = run_backtest(desk.config, history=desk.history, engine="interpreted").pessimistic
    assert decided([tested.journal]) == EXPECTED

    seen: list[Rows] = []
    desk.run(observers=Observers(rows=lambda rows: seen.append(np.array(rows))))
    assert decided(seen) == EXPECTED
    traded, refused = live(here)
    assert decided(traded) == EXPECTED
    assert refused == []


def live(here: Rehearsal) -> tuple[list[Rows], list[Refused]]:
    """Trade live; return what the engine said, and what the gateway refused."""
    seen: list[Rows] = []
    refused: list[Refused] = []

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                feed = SharedMarket(venue, here.slices)
                plan = here.plan(venue, feed=feed)
                plan.observers.rows = lambda rows: seen.append(np.array(rows))
                plan.observers.refused = lambda command, why: refused.append(why)
                feed.session = session = await go_live(store, plan, desk)
                await session.run()
                assert not venue.books.positions.get(here.share.symbol)
                assert [each.status for each in venue.books.orders if each.sign < 0][-1] == "filled"

    asyncio.run(story())
    return seen, refused
