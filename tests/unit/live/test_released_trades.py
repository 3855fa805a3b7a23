"""Somebody trades by hand on the session's account: once that is released it stays so."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from runtime.session.live import go_live
from runtime.session.parts import Asked
from runtime.session.venue_hearing import VenueOptions
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.tickets import Ticket
from tests.unit.live.rehearsals import Rehearsal, until
from tests.venues.walks import SHARE

READINGS = VenueOptions(reconcile_least=0.05, reconcile_most=0.1)


def test_what_was_released_is_not_quarantined_again(here: Rehearsal) -> None:
    here.issue()

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)
                plan.venue = READINGS
                session = await go_live(store, plan, desk)
                feed, bought, sold, checked = plan.feed, *(asyncio.Event() for _ in range(3))
                feed.session, feed.pauses = session, {3: bought, 4: sold, 5: checked}
                running = asyncio.create_task(session.run())
                venue_side = session._venue
                assert venue_side is not None
                by_hand = Desk(venue.exchange)
                for side, pause in (("buy", bought), ("sell", sold)):
                    await asyncio.sleep(0.3)
                    before = len(venue.books.executions)
                    by_hand.submit(
                        Ticket(SHARE.symbol, side, "market", "day", Decimal(1), client_id=side)
                    )
                    pause.set()
                    await until(lambda: len(venue.books.executions) > before)  # noqa: B023
                await until(lambda: venue_side.quarantined)
                await asyncio.sleep(0.5)
                answer = await session.ask(
                    Asked("release_symbol", "ann", "a mistake of mine", SHARE.symbol)
                )
                assert answer == f"{SHARE.symbol} may be entered again"
                await asyncio.sleep(0.5)  # read some times more
                assert not venue_side.quarantined
                checked.set()
                session.stop("seen")
                await running

    asyncio.run(story())
