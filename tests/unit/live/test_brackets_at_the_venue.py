"""A strategy with a stop and a target on its entries trades live as it does on paper, no line changed.

The venue takes two exits for the same shares only as one order, and no exit before the shares are held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from runtime.gateway.ledger import Sent
from runtime.session.live import go_live
from runtime.session.parts import Options
from runtime.session.session import Session
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from sims.venues.alpaca.orders import Order
from tests.simulation.plans import PLAIN, RULES
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, Traded, until

CLASS = """
[strategy]
name = "simulated"
class = "bracketed.py:Bracketed"
[data]
dataset = "sample:goog"
"""
CODE = """
from trader import Strategy

class Bracketed(Strategy):
    def on_start(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        near = dict(stop_loss=self.price(bar.close * 0.99, "down"), take_profit=self.price(bar.close * 1.01, "up"))
        far = dict(stop_loss=self.price(bar.close * 0.8, "down"), take_profit=self.price(bar.close * 1.2, "up"))
        {rule}
"""
WHEN_FLAT = "if not self.position() and not self.working_orders(): self.buy(10, **{terms})"
RULED = RULES + PLAIN + "[execution]\nstop_loss_percent = 1\ntake_profit_percent = 2\n"


def of_class(here: Rehearsal, rule: str) -> Rehearsal:
    """Have the workspace trade a strategy of one rule."""
    here.file.write_text(CLASS)
    here.file.with_name("bracketed.py").write_text(CODE.format(rule=rule))
    here.issue()
    return here


def legs_of(orders: Sequence[Order]) -> list[tuple[Order, Order]]:
    """Return the venue's pairs: targets and their stops."""
    return [(each, each.legs[0]) for each in orders if each.legs]


def test_a_stop_and_a_target_are_one_order_and_one_ends_the_other(here: Rehearsal) -> None:
    here.bars = 20
    traded = of_class(here, WHEN_FLAT.format(terms="near")).trade()
    orders = traded.venue.books.orders
    entries = [each for each in orders if each.sign > 0 and each.filled_lots and each.is_final]
    pairs = legs_of(orders)
    assert len(pairs) == len(entries) >= 2
    for entry, (target, stop) in zip(entries, pairs, strict=True):
        assert entry.filled_lots == target.lots == stop.lots
        assert target.number > entry.number, "nothing is sold before it is held"
    ends = {(target.status, stop.status) for target, stop in pairs if target.is_final}
    assert ends and ends <= {("filled", "canceled"), ("canceled", "filled")}
    assert traded.refused == []


def test_an_exit_at_market_waits_until_what_protects_is_out_of_its_way(here: Rehearsal) -> None:
    here.file.write_text(RULED)
    here.bars = 20
    here.issue()
    traded = here.trade()
    exits = [each for each in traded.venue.books.orders if each.sign < 0 and each.type == "market"]
    exits = [each for each in exits if each.status != "new"]  # when the market ends
    pairs = legs_of(traded.venue.books.orders)
    assert len(exits) >= 3 and all(each.status == "filled" for each in exits)
    for each in exits:
        before = [pair for pair in pairs if pair[0].number < each.number][-1]
        assert [leg.status for leg in before] == ["canceled", "canceled"]
    assert traded.refused == []
    submits = [each for each in traded.venue.requests if each.operation == "submit"]
    assert len(submits) == len(traded.venue.books.orders) - len(pairs), "none was refused"


def test_an_entry_that_ends_partly_filled_is_protected_as_far_as_it_was(here: Rehearsal) -> None:
    traded = cut_off(here, filled="4")
    entry, target, stop = traded.venue.books.orders[:3]
    assert (entry.lots, entry.filled_lots, entry.status) == (10, 4, "canceled")
    assert (target.lots, stop.lots) == (4, 4)
    assert traded.session.gateway.books.positions[0] == 4
    assert {each.quantity_lots for each in traded.session.gateway.books.live()} == {4}


def cut_off(here: Rehearsal, filled: str) -> Traded:
    """Trade where the venue ends the first entry, of which so much was filled."""
    of_class(here, "if self.bars == 1: self.buy(10, **far)").bars = 5
    fault = f'{{"kind": "partial_then_cancel", "quantity": "{filled}"}}'
    return here.trade(faults=parse_faults(fault))


def test_what_hangs_on_an_entry_that_fills_nothing_ends_with_it(here: Rehearsal) -> None:
    rule = """
        if self.bars == 1: self.buy(10, limit=self.price(bar.close * 0.5, "down"), **far)
        if self.bars == 3: self.cancel(self.working_orders()[0])
    """
    of_class(here, rule).bars = 5
    traded = here.trade()
    assert [each.status for each in traded.venue.books.orders] == ["canceled"]
    assert traded.session.gateway.books.live() == ()
    assert len(traded.session._core.orders()) == 0


def test_a_target_and_a_stop_of_which_nobody_knows_are_found(here: Rehearsal) -> None:
    of_class(here, "if self.bars == 1: self.buy(10, **far)").bars = 5
    fault = '{"kind": "error", "status": 504, "on": "submit", "at": 2, "after": true}'
    traded = here.trade(faults=parse_faults(fault))
    live = traded.session.gateway.books.live()
    assert {each.sent for each in live} == {Sent.TAKEN} and len(live) == 2
    assert len([each for each in traded.venue.requests if each.operation == "submit"]) == 2


@pytest.mark.parametrize(("on_stop", "held", "working"), [("keep", 10, 2), ("flatten", 0, 0)])
def test_a_session_that_stops_leaves_its_position_protected_or_none(
    here: Rehearsal, on_stop: str, held: int, working: int
) -> None:
    of_class(here, WHEN_FLAT.format(terms="far"))

    async def story() -> None:
        async with here.venue() as venue:
            await lived(here, venue, Options(on_stop=on_stop))
            assert int(venue.books.positions.get("AAPL", 0)) == held
            assert len(venue.books.open_orders) == working

    asyncio.run(story())


def test_a_session_that_goes_on_knows_the_stop_that_the_venue_has_named(here: Rehearsal) -> None:
    of_class(here, WHEN_FLAT.format(terms="far"))

    async def story() -> None:
        async with here.venue() as venue:
            await lived(here, venue, Options())
            session = await lived(here, venue, Options())
            assert {each.sent for each in session.gateway.books.live()} == {Sent.TAKEN}
            assert len(venue.books.orders) == 3

    asyncio.run(story())


async def lived(here: Rehearsal, venue: AlpacaVenue, options: Options) -> Session:
    """Trade until a position is protected, and stop; return the session that has ended."""
    with here.desk() as desk, here.store() as store:
        feed = SharedMarket(venue, here.slices)
        session = await go_live(store, here.plan(venue, feed=feed, options=options), desk)
        feed.session = session
        running = asyncio.create_task(session.run())

        def is_protected() -> bool:
            live = session.gateway.books.live()
            return len(live) == 2 and all(each.is_accepted for each in live)

        await until(is_protected)
        session.stop("a test")
        await running
        return session
