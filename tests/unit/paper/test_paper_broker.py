"""The paper account: its own books, what it answers, and what it does twice."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import numpy as np
import pytest

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.ports import Rows, SimulatedBroker, SubmitStatus, VenuePosition
from runtime.session_core.playing import at_once
from sims.fillbook.settings import BookSettings, FeeModel, new_book, settings_block, terms_block
from sims.paper import PaperBroker
from sims.paper.tally import Tally

ABC = Instrument("ABC", InstrumentKind.EQUITY)
CENT = 10**6  # minor units


class Account:
    """A paper account in one instrument, with fees of 10 bps."""

    def __init__(self) -> None:
        settings = BookSettings(fees=FeeModel("bps", taker_bps=Decimal(10), maker_bps=Decimal(10)))
        book = new_book(settings_block(settings), terms_block([ABC], settings))
        self.now = 0
        self.broker = PaperBroker(
            "paper",
            [ABC],
            book,
            currency="USD",
            cash_minor=10_000_00 * CENT,
            now_ns=lambda: self.now,
        )

    def order(self, number: int, side: int, lots: int, limit: int = 0) -> RiskApproved:
        kind = OrderType.LIMIT if limit else OrderType.MARKET
        return RiskApproved(  # the one place beside the engine that makes them: a test
            number, 0, side, kind, TimeInForce.GTC, lots, limit, 0, 0, 0, 0, OrderFlag.NONE, 0, 0
        )

    def bar(self, price: int) -> Rows:
        """Show a bar that opens a moment after now, at one price."""
        self.now += 60
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, [at.EVENT_TS, at.EVENT_KIND, at.BAR_OPEN_TS]] = self.now, at.KIND_BAR, self.now - 59
        row[0, at.BAR_OPEN : at.BAR_CLOSE + 1] = price
        row[0, [at.BAR_VOLUME, at.BAR_FILLS]] = at.UNKNOWN, 1
        return self.broker.meet(row, 0)


def test_it_fulfils_the_port() -> None:
    broker: SimulatedBroker = Account().broker
    assert broker.name == "paper"


def test_its_books_are_told_by_its_fills() -> None:
    account = Account()
    assert account.bar(100_00).shape == (0, at.EVENT_WIDTH)
    taken = at_once(account.broker.submit(account.order(1, 1, 10), "c1"))
    assert taken.status is SubmitStatus.TAKEN
    facts = account.bar(101_00)
    assert facts[:, at.EVENT_KIND].tolist() == [at.KIND_ACCEPTED, at.KIND_FILL]
    assert at_once(account.broker.positions()) == [VenuePosition(0, 10)]
    # 10,000 - 10 x 101 - 1.01
    assert at_once(account.broker.account()).cash_minor == (10_000_00 - 1_010_00 - 1_01) * CENT
    (fill,) = at_once(account.broker.executions(""))
    assert (fill.client_id, fill.lots, fill.price_ticks, fill.fee_minor) == (
        "c1",
        10,
        101_00,
        1_01 * CENT,
    )
    at_once(account.broker.submit(account.order(2, -1, 10), "c2"))
    account.bar(103_00)
    assert at_once(account.broker.positions()) == []
    # 8,988.99 + 1,030 - 1.03
    assert at_once(account.broker.account()).cash_minor == 10_017_96 * CENT
    assert [each.client_id for each in at_once(account.broker.executions("1"))] == ["c2"]


def test_the_same_order_sent_twice_is_one_order() -> None:
    account = Account()
    account.bar(100_00)
    first = at_once(account.broker.submit(account.order(1, 1, 10), "c1"))
    again = at_once(account.broker.submit(account.order(1, 1, 10), "c1"))
    assert first == again
    assert len(at_once(account.broker.open_orders())) == 1
    other = at_once(account.broker.submit(account.order(1, 1, 10), "c2"))
    assert (other.status, other.code) == (SubmitStatus.REFUSED, "duplicate_order")
    account.bar(100_00)
    assert at_once(account.broker.positions()) == [VenuePosition(0, 10)]


def test_an_order_can_be_asked_for_while_it_works_and_afterwards() -> None:
    account = Account()
    account.bar(100_00)
    at_once(account.broker.submit(account.order(7, 1, 10, limit=99_00), "c7"))
    account.bar(100_00)
    working = at_once(account.broker.order("c7"))
    assert working is not None
    assert (working.order_id, working.quantity_lots, working.status) == (7, 10, at.STATUS_OPEN)
    at_once(account.broker.replace(ReplaceApproved(7, 0, 6, 98_00, 0), "c7"))
    facts = account.bar(100_00)
    assert facts[:, at.EVENT_KIND].tolist() == [at.KIND_REPLACED]
    at_once(account.broker.cancel(CancelApproved(7, 0), "c7"))
    account.bar(100_00)
    ended = at_once(account.broker.order("c7"))
    assert ended is not None
    assert (ended.status, ended.quantity_lots, ended.filled_lots) == (at.STATUS_CANCELED, 6, 0)
    assert at_once(account.broker.open_orders()) == []
    assert at_once(account.broker.order("nobody")) is None


def test_a_cancel_of_what_has_ended_is_answered_once() -> None:
    account = Account()
    account.now = 9
    outcome = at_once(account.broker.cancel(CancelApproved(3, -1), "c3"))
    assert outcome.status is SubmitStatus.TAKEN
    (fact,) = account.broker.answers()
    assert (fact[at.EVENT_KIND], fact[at.FACT_ORDER]) == (at.KIND_CANCEL_REJECTED, 3)
    assert fact[at.EVENT_TS] == 9
    assert len(account.broker.answers()) == 0


def test_a_position_that_an_action_has_changed_is_taken_over() -> None:
    account = Account()
    account.bar(100_00)
    at_once(account.broker.submit(account.order(1, 1, 10), "c1"))
    account.bar(100_00)
    account.broker.follow(0, 20)
    assert at_once(account.broker.positions()) == [VenuePosition(0, 20)]
    account.broker.follow(0, 0)
    assert at_once(account.broker.positions()) == []


def test_its_events_end_with_it() -> None:
    async def listen() -> int:
        broker = Account().broker
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(broker.close()))
        return len([each async for each in broker.events()])

    assert asyncio.run(listen()) == 0


# change, price, fee: cash afterwards, in cents, of 0; a contract's point is worth 5
@pytest.mark.parametrize(
    ("fills", "equity", "future"),
    [
        (((10, 100, 1),), -1_001, -1),
        (((10, 100, 0), (-4, 110, 0)), -560, 4 * 10 * 5),  # 4 closed, 10 a lot
        (((-10, 100, 0), (4, 90, 0)), 640, 4 * 10 * 5),
        (((10, 100, 0), (-15, 90, 0)), 350, -10 * 10 * 5),  # turned over: 5 short
        (((10, 100, 0), (-15, 90, 0), (5, 80, 0)), -50, (-10 * 10 + 5 * 10) * 5),
    ],
)
def test_cash_moves_with_the_value_of_shares_and_the_gain_of_contracts(
    fills: tuple[tuple[int, int, int], ...], equity: int, future: int
) -> None:
    contract = Instrument("ES", InstrumentKind.FUTURE, multiplier=Decimal(5))
    for item, expected in ((ABC, equity), (contract, future)):
        tally = Tally.opened([item], "USD", 0)
        for change, price, fee in fills:
            tally.fill(0, item, change, price, fee * CENT, 0)
        assert tally.cash == {"USD": expected * CENT}, item.symbol
