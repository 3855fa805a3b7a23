"""A live session in rehearsal: it trades at the venue, within what its certificate allows, and goes on."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from runtime.session.live import LiveStart, go_live
from runtime.session.states import SessionState
from tests.unit.live.rehearsals import NUMBER, SHARE, Rehearsal


def test_it_trades_and_the_books_of_both_are_equal(here: Rehearsal) -> None:
    here.issue()
    started: list[LiveStart] = []

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue, confirm=started.append)
                session = await go_live(store, plan, desk)
                plan.feed.session = session
                state = await session.run()
                assert state is SessionState.STOPPED
                assert len(venue.books.executions) >= 5
                lots = int(venue.books.positions.get(SHARE.symbol, Decimal(0)))
                assert session.gateway.books.positions.get(0, 0) == lots
                # 25 % of the 40 shares that the file says.
                assert max(each.lots for each in venue.books.orders) == 10

    asyncio.run(story())
    (start,) = started
    assert start.percent == 25
    assert start.capital_minor == 25_000 * 10**8
    assert start.proven.facts.account == NUMBER
    with here.store() as store:
        record = store.list()[0]
        assert (record.account, record.broker) == (NUMBER, "alpaca rehearsal")
