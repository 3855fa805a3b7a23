"""An account whose state nobody knows takes no entry; its session goes on, and closes what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal

import pytest

from engine.errors import NegativeAnswer
from runtime.session import venue_account
from runtime.session.kill_switch import Halt
from runtime.session.live import go_live
from runtime.session.parts import Options
from runtime.session.session import Session
from runtime.session.states import SessionState
from runtime.session.venue_hearing import VenueOptions
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import Fault, FaultKind
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, until
from tests.unit.live.test_endings import of_class
from tests.venues.walks import SHARE

OFTEN = VenueOptions(reconcile_least=0.3, reconcile_most=0.4)


def test_an_unknown_state_of_the_account_ends_entries_and_not_the_session(here: Rehearsal) -> None:
    async def story() -> None:
        with ExitStack() as stack:
            desk, store = stack.enter_context(here.desk()), stack.enter_context(here.store())

            async def begun(venue: AlpacaVenue) -> tuple[Session, asyncio.Task[SessionState]]:
                feed = SharedMarket(venue, here.slices)
                options = Options(on_stop="flatten")
                plan = here.plan(venue, feed=feed, options=options)
                plan.venue = OFTEN
                feed.session = session = await go_live(store, plan, desk)
                return session, asyncio.create_task(session.run())

            async with of_class(here).venue() as venue:
                session, running = await begun(venue)
                await until(lambda: len(session.gateway.books.live()) == 2)
                word = Fault(
                    FaultKind.SET_FIELD,
                    "account",
                    field="status",
                    value="UNDER_REVIEW",
                    count=10**6,
                )
                venue.disturbances.add(word)
                await until(lambda: session.state is SessionState.RECONCILING)
                session.stop("a test")
                assert await running is SessionState.STOPPED
                assert venue.books.positions.get(SHARE.symbol, Decimal(0)) == 0

                sent = len(venue.books.orders)
                session, running = await begun(venue)  # what may be held is looked after
                read = len(venue.requests)
                await until(lambda: len(venue.requests) > read + 6)
                assert session.state is SessionState.RECONCILING
                assert len(venue.books.orders) == sent
                venue.disturbances.clear()
                await until(lambda: len(venue.books.orders) > sent)
                session.stop("a test")
                await running

                venue.disturbances.add(word)
                with pytest.raises(NegativeAnswer) as refused:  # nothing is held yet
                    await go_live(store, here.plan(venue, is_new=True), desk)
                assert refused.value.code == "live.blocked"

    asyncio.run(story())
    with here.store() as store:
        rows = store.rows(store.list()[0].id, "incidents")
        told = [(row["severity"], row["subject"]) for row in rows if row["kind"] == "account"]
    assert told == [("critical", "account")] * 2


SELLING = """
from trader import Strategy

class Waiting(Strategy):
    bars = 0

    def on_bar(self, bar):
        self.bars += 1
        if self.bars == 2:
            self.buy(10)
        elif self.bars > 10 and self.position():
            self.sell(self.position())
            self.buy(1, limit=self.price(bar.close * 0.95, "down"))
"""


@asynccontextmanager
async def unread(
    here: Rehearsal,
    venue: AlpacaVenue,
    monkeypatch: pytest.MonkeyPatch,
    is_held: Callable[[], bool],
) -> AsyncIterator[tuple[Session, asyncio.Event]]:
    """Trade ten bars, until something is held; from then on the account cannot be read. The event lets more come."""
    with here.desk() as desk, here.store() as store:
        feed = SharedMarket(venue, here.slices)
        feed.pauses[10] = more = asyncio.Event()
        plan = here.plan(venue, feed=feed)
        feed.session = session = await go_live(store, plan, desk)
        running = asyncio.create_task(session.run())
        await until(is_held)
        await until(lambda: session.cursor == here.slices[9].cursor)
        venue.disturbances.add(Fault(FaultKind.ERROR, "positions", status=503, count=10**6))
        assert session._venue is not None
        monkeypatch.setattr(venue_account, "_WAIT_SECONDS", 0.1)
        await session._venue.read_anew()  # as at the open of a day
        assert not session._venue.is_read
        yield session, more
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_halt_closes_what_the_books_hold_though_the_account_cannot_be_read(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with of_class(here).venue() as venue:

            def held() -> bool:
                return len(venue.books.open_orders) == 2

            async with unread(here, venue, monkeypatch, held) as (session, _):
                sent = len(venue.books.orders)
                session.parts.switch.set(Halt("ann", "a test", 0, flatten=True))
                await until(lambda: len(venue.books.orders) > sent)
                venue.advance(60)
                await until(lambda: not venue.books.positions.get(SHARE.symbol, Decimal(0)))

    asyncio.run(story())


def test_a_strategy_sells_what_it_holds_though_the_account_cannot_be_read(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with of_class(here, SELLING).venue() as venue:

            def held() -> bool:
                return venue.books.positions.get(SHARE.symbol) == 10

            async with unread(here, venue, monkeypatch, held) as (_, more):
                more.set()
                await until(lambda: not venue.books.positions.get(SHARE.symbol, Decimal(0)))
                assert [each.sign for each in venue.books.orders] == [1, -1], "nothing is entered"

    asyncio.run(story())
