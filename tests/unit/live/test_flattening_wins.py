"""Whoever closes everything wins over a strategy that goes on closing by limits of its own."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.session.kill_switch import Halt
from runtime.session.live import go_live
from runtime.session.parts import Asked
from runtime.session.session import Session
from sims.virtual_time import run_virtual
from tests.unit.live import rehearsals
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, until
from tests.unit.live.test_endings import of_class
from tests.unit.session.papers import Desk
from tests.venues.walks import SHARE

CLOSING = """
from trader import Strategy

class Waiting(Strategy):
    def on_bar(self, bar):
        if not self.position() and not self.working_orders():
            self.buy(10)
        elif self.position():
            for each in self.working_orders():
                self.cancel(each)
            self.sell(self.position(), limit=self.price(bar.close * 1.5, "up"){terms})
"""
GUARDS = """
[risk]
max_position_percent = 100
[guards]
daily_loss = { amount = 50_000 }
"""


@pytest.mark.parametrize("terms", ["", ", reduce_only=True"], ids=["plain", "reducing"])
@pytest.mark.parametrize("tables", ["", GUARDS], ids=["alone", "with the loop"])
@pytest.mark.parametrize("how", ["halt", "flatten"])
def test_live_all_is_closed_and_nothing_of_the_strategy_leaves_meanwhile(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch, terms: str, tables: str, how: str
) -> None:
    with_closer(here, terms, tables)
    # At market the loop asks anew at each bar: what it has sent arrives before the next.
    monkeypatch.setattr(rehearsals, "BREATH", 0.1)

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                feed = SharedMarket(venue, here.slices)
                plan = here.plan(venue, feed=feed)
                feed.session = session = await go_live(store, plan, desk)
                running = asyncio.create_task(session.run())
                await until(lambda: [each.sign for each in venue.books.open_orders] == [-1], 30)
                await close_all(session, how)
                await until(lambda: not venue.books.positions.get(SHARE.symbol, Decimal(0)), 30)
                last = venue.books.orders[-1]
                assert (last.sign, last.type, last.status) == (-1, "market", "filled")
                assert not venue.books.open_orders
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())


def with_closer(here: Rehearsal, terms: str, tables: str) -> None:
    here.bars = 1000
    of_class(here, CLOSING.replace("{terms}", terms))
    here.file.write_text(here.file.read_text() + tables)
    here.issue()


async def close_all(session: Session, how: str) -> None:
    if how == "halt":
        session.parts.switch.set(Halt("ann", "a test", 0, flatten=True))
        return
    async with session._lock:
        await session.ask(Asked("flatten", "ann", "a test"))


@pytest.mark.parametrize("terms", ["", ", reduce_only=True"], ids=["plain", "reducing"])
@pytest.mark.parametrize("how", ["halt", "flatten"])
def test_on_paper_as_well(here: Rehearsal, terms: str, how: str) -> None:
    with_closer(here, terms, "")
    config = load_strategy(here.file)
    desk = Desk(config, load_history(config.data, here.folder), here.folder, speed=86_400.0)
    with desk.store() as store:

        async def story() -> Session:
            session, loop = desk.session(store), asyncio.get_running_loop()

            def close() -> None:
                assert session.parts.core.positions() and session.gateway.books.live()
                tasks.append(loop.create_task(close_all(session, how)))

            tasks: list[asyncio.Task[None]] = []
            loop.call_later(100.0, close)
            loop.call_later(110.0, session.stop, "the evening")
            await session.run()
            return session

        session = run_virtual(story())
        assert session.parts.core.positions() == [] and session.gateway.books.live() == ()
