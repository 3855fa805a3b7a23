"""A session that is stopped settles with its venue first, or says what it could not bring about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from runtime.session.live import go_live
from runtime.session.parts import Options
from runtime.session.session import Session
from runtime.session.states import SessionState
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import Fault, FaultKind
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, until
from tests.venues.walks import BREATH, SHARE

WAITING = """
from trader import Strategy

class Waiting(Strategy):
    def on_bar(self, bar):
        if self.working_orders():
            return
        if not self.position():
            self.buy(10)
        else:
            self.sell(10, limit=self.price(bar.close * 1.05, "up"), reduce_only=True)
            self.buy(5, limit=self.price(bar.close * 0.95, "down"))
"""
CLASS = """
[strategy]
name = "simulated"
class = "waiting.py:Waiting"
[data]
dataset = "sample:goog"
"""


def of_class(here: Rehearsal, source: str = WAITING) -> Rehearsal:
    """Have the workspace trade a strategy: else one that holds ten shares, wants five more and waits to sell."""
    here.file.write_text(CLASS)
    here.file.with_name("waiting.py").write_text(source)
    here.issue()
    return here


async def stopped(
    here: Rehearsal,
    venue: AlpacaVenue,
    session_options: Options,
    before: Callable[[], None] = lambda: None,
    *,
    is_asked: bool = True,
) -> Session:
    """Trade until something is held and both orders work; stop, or wait until the feed has ended.

    Return the session that has ended.
    """
    with here.desk() as desk, here.store() as store:
        shown = here.slices if is_asked else here.slices[:10]
        feed = SharedMarket(venue, shown)
        plan = here.plan(venue, feed=feed, options=session_options)
        session = await go_live(store, plan, desk)
        feed.session = session
        running = asyncio.create_task(session.run())
        await until(
            lambda: len(venue.books.open_orders) == 2 and len(session.gateway.books.live()) == 2
        )
        before()
        if is_asked:
            session.stop("a test")
        else:
            await until(lambda: session.state is SessionState.STOPPING)
            for one in here.slices[len(shown) :]:  # the venue goes on
                await asyncio.sleep(BREATH)
                venue.advance_to(one.ts_ns)
        assert await running is SessionState.STOPPED
        return session


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "feed ended"])
@pytest.mark.parametrize(
    ("on_stop", "held", "working"),
    [("keep", 10, ["sell"]), ("cancel", 10, []), ("flatten", 0, [])],
)
def test_what_a_stop_leaves_is_what_was_wanted(
    here: Rehearsal, on_stop: str, held: int, working: list[str], is_asked: bool
) -> None:
    async def story() -> None:
        async with of_class(here).venue() as venue:
            session = await stopped(here, venue, Options(on_stop=on_stop), is_asked=is_asked)
            assert venue.books.positions.get(SHARE.symbol, Decimal(0)) == held
            assert [
                "buy" if each.sign > 0 else "sell" for each in venue.books.open_orders
            ] == working
            assert session.gateway.books.positions.get(0, 0) == held
            assert len(session.left.working) == len(working)

    asyncio.run(story())
    with here.store() as store:
        assert "stop" not in [row["kind"] for row in store.rows(store.list()[0].id, "incidents")]


def test_what_was_not_done_in_time_is_told(here: Rehearsal) -> None:
    """The venue answers no cancel: the limit to sell goes on holding the ten shares."""

    async def story() -> None:
        async with of_class(here).venue() as venue:

            def broken() -> None:
                venue.disturbances.add(Fault(FaultKind.ERROR, "cancel", count=1000, status=503))

            options = Options(on_stop="flatten", settle_seconds=0.5)
            session = await stopped(here, venue, options, broken)
            assert session.left.held == ("10 AAPL",)
            assert set(session.left.working) == {"sell 10 AAPL", "buy 5 AAPL"}

    asyncio.run(story())
    with here.store() as store:
        (told,) = (
            row for row in store.rows(store.list()[0].id, "incidents") if row["kind"] == "stop"
        )
    assert told["severity"] == "critical"
    assert str(told["text"]).startswith("flatten was not done in 0.5 s; held: 10 AAPL; working: ")


@pytest.mark.parametrize("on_stop", ["cancel", "flatten"])
def test_a_session_stopped_in_order_trades_again_when_it_goes_on(
    here: Rehearsal, on_stop: str
) -> None:
    async def story() -> None:
        async with of_class(here).venue() as venue:
            await stopped(here, venue, Options(on_stop=on_stop))
            before = len(venue.books.orders)
            with here.desk() as desk, here.store() as store:
                feed = SharedMarket(venue, here.slices)
                plan = here.plan(venue, feed=feed)
                session = await go_live(store, plan, desk)
                feed.session = session
                running = asyncio.create_task(session.run())
                await until(lambda: len(venue.books.orders) > before)
                session.stop("a test")
                await running

    asyncio.run(story())
