"""What hangs on an entry, and what would close what it protects, waits in the gateway's books."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.ports import Rows, SubmitOutcome, SubmitStatus, target_id
from runtime.gateway.checks import Limits
from runtime.gateway.holding import bracket_problems, is_due, room
from runtime.gateway.inbox import NO_ROWS, fact_row
from runtime.gateway.ledger import OrderLedger, Sent
from runtime.gateway.refusals import Refusal
from runtime.journal.records import Intent, Outcome
from tests.unit.gateway.test_gateway_table import Desk, Line, Taking

SHARE = Instrument("ABC", InstrumentKind.EQUITY)
T = OrderType
ENTRY, STOP, TARGET = 1, 2, 3


def order(order_id: int, kind: OrderType, parent: int = 0, **fields: Any) -> RiskApproved:
    terms: dict[str, Any] = {
        "order_id": order_id,
        "instrument": 0,
        "side": -1 if parent else 1,
        "order_type": kind,
        "time_in_force": TimeInForce.GTC,
        "quantity_lots": 10,
        "limit_ticks": 110_000 if kind is T.LIMIT else 0,
        "stop_ticks": 90_000 if kind in (T.STOP, T.STOP_LIMIT) else 0,
        "trail_ticks": 0,
        "trail_ppm": 0,
        "expires_ns": 0,
        "flags": OrderFlag.NONE,
        "parent_id": parent,
        "group_id": parent,
    }
    return RiskApproved(**(terms | fields))


BRACKET = (order(ENTRY, T.MARKET), order(STOP, T.STOP, ENTRY), order(TARGET, T.LIMIT, ENTRY))
CLOSE = order(9, T.MARKET, side=-1)


class TakingPairs(Taking):
    """A broker that takes a target and a stop by one request."""

    answer = SubmitOutcome(SubmitStatus.TAKEN, "v1")

    async def submit_pair(
        self, target: RiskApproved, stop: RiskApproved, client_id: str
    ) -> SubmitOutcome:
        self.sent += [(target, client_id), (stop, "")]
        return self.answer


class Held:
    """A gateway whose venue takes no brackets, so that they wait."""

    def __init__(self) -> None:
        self.broker = TakingPairs()
        self.desk = Desk(Line("", 0, "", "running", "", ""), broker=self.broker)
        self.gateway, self.books = self.desk.gateway, self.desk.gateway.books
        self.gateway._limits = Limits(brackets=False, holds=True, reduce_only=False)
        self.gateway._instruments = [SHARE]
        self.kept: list[Intent] = []
        self.outcomes: list[Outcome] = []
        self.gateway._note = self.outcomes.append

    def send(self, *commands: Approved) -> Rows:
        async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
            self.kept += intents

        return asyncio.run(self.gateway.send(commands, durable))

    def release(self, *orders: RiskApproved, fails: bool = False) -> Any:
        async def durable(outcomes: list[Outcome]) -> None:
            if fails:
                raise OSError("the disk is full")
            assert self.names == [ENTRY], "nothing has left before"
            self.outcomes += outcomes

        return asyncio.run(self.gateway.release(orders, durable))

    def hear(self, kind: int, order_id: int, lots: int = 0) -> None:
        known = self.books.find(order_id)
        assert known is not None
        row = fact_row(kind, known, 1)
        row[0, at.FACT_LOTS] = lots
        self.books.hear(row)

    @property
    def names(self) -> list[int]:
        """The orders that have left."""
        return [each.order_id for each, _ in self.broker.sent]

    def protected(self) -> Held:
        """Have the entry filled and both exits at the venue."""
        self.send(*BRACKET)
        self.hear(at.KIND_FILL, ENTRY, 10)
        assert self.release(BRACKET[2], BRACKET[1]) is None
        return self


def test_an_entry_leaves_alone_and_what_hangs_on_it_is_durable() -> None:
    held = Held()
    assert len(held.send(*BRACKET)) == 0
    assert held.names == [ENTRY]
    assert [each.held_for for each in held.kept] == [0, ENTRY, ENTRY]
    names = {each.order_id: each.client_id for each in held.kept}
    assert target_id(names[STOP]) == names[TARGET], "the venue's leg is called after its target"
    assert [each.order_id for each in held.books.held()] == [STOP, TARGET]
    assert held.books.working(0) == (10, 0), "what waits for a fill sells nothing"


@pytest.mark.parametrize(("ends", "filled", "lots"), [(False, 4, 4), (True, 4, 4), (True, 10, 10)])
def test_what_waits_is_due_when_its_entry_has_ended(ends: bool, filled: int, lots: int) -> None:
    held = Held()
    held.send(*BRACKET)
    held.hear(at.KIND_FILL, ENTRY, filled)
    if ends and filled < 10:
        held.hear(at.KIND_CANCELED, ENTRY)
    stop = held.books.find(STOP)
    assert stop is not None
    assert is_due(stop, held.books) is ends
    assert room(stop, held.books) == lots
    assert stop.quantity_lots == (lots if ends else 10)


def test_a_pair_leaves_when_that_is_durable_and_a_crash_leaves_it_in_doubt() -> None:
    held = Held()
    held.send(*BRACKET)
    held.hear(at.KIND_FILL, ENTRY, 10)
    refused = held.release(BRACKET[2], BRACKET[1], fails=True)
    assert refused.code is Refusal.NOT_DURABLE and held.names == [ENTRY]
    assert held.release(BRACKET[2], BRACKET[1]) is None
    assert held.names == [ENTRY, TARGET, STOP]
    played = OrderLedger()
    for intent in held.kept:
        played.recall(intent, ())
    assert {each.sent for each in played.held()} == {Sent.HELD}
    sents = []
    for outcome in held.outcomes:
        played.learn(outcome)
        found = played.find(STOP)
        assert found is not None
        sents.append(found.sent)
    assert Sent.UNKNOWN in sents, "between the journal's word and the venue's nobody knows"
    assert sents[-1] is Sent.TAKEN


def test_what_the_venue_refuses_is_held_again() -> None:
    held = Held()
    held.send(*BRACKET)
    held.hear(at.KIND_FILL, ENTRY, 10)
    held.broker.answer = SubmitOutcome(SubmitStatus.REFUSED, problem="not now")
    assert held.release(BRACKET[2], BRACKET[1]).code is Refusal.VENUE_REFUSED
    assert [each.order_id for each in held.books.held()] == [STOP, TARGET]
    held.broker.sent = held.broker.sent[:1]
    held.broker.answer = SubmitOutcome(SubmitStatus.REFUSED, code="duplicate")
    assert held.release(BRACKET[2], BRACKET[1]) is None
    assert held.books.unknown(0) is not None, "it has arrived before: it is looked up"


def test_the_cancel_of_what_waits_ends_both_and_asks_nobody() -> None:
    held = Held()
    held.send(*BRACKET)
    facts = held.send(CancelApproved(STOP, 0), CancelApproved(TARGET, 0))
    assert facts[:, at.EVENT_KIND].tolist() == [at.KIND_CANCELED] * 2
    assert sorted(facts[:, at.FACT_ORDER].tolist()) == [STOP, TARGET]
    assert held.names == [ENTRY]


def test_what_waits_is_not_changed() -> None:
    held = Held()
    held.send(*BRACKET)
    facts = held.send(ReplaceApproved(STOP, 0, 10, 0, 80_000))
    assert facts[:, at.FACT_REASON].tolist() == [Refusal.NOT_SUPPORTED]


def test_a_fill_of_one_is_taken_off_the_other() -> None:
    held = Held().protected()
    held.hear(at.KIND_FILL, TARGET, 6)
    stop = held.books.find(STOP)
    assert stop is not None and stop.open_lots == 4


def test_an_order_at_market_for_all_waits_until_both_are_canceled() -> None:
    held = Held().protected()
    held.send(CLOSE)
    canceled = [each for each, _ in held.broker.sent if isinstance(each, CancelApproved)]
    assert len(canceled) == 1, "the end of one is the end of both"
    waits = held.books.find(9)
    assert waits is not None and waits.sent is Sent.HELD
    for child in (STOP, TARGET):
        assert not is_due(waits, held.books)
        held.hear(at.KIND_CANCELED, child)
    assert is_due(waits, held.books) and room(waits, held.books) == 10


@pytest.mark.parametrize(
    "other",
    [order(9, T.MARKET, side=-1, quantity_lots=4), order(9, T.LIMIT, side=-1)],
    ids=["a part", "a limit"],
)
def test_what_closes_less_surely_leaves_the_protection_alone(other: RiskApproved) -> None:
    held = Held().protected()
    assert held.gateway.can_only_close(other)
    held.send(other)
    assert held.names[-1] == 9, "the venue refuses it, if it likes"
    assert not held.books.held()


@pytest.mark.parametrize("lots", [10, 6])
def test_what_closes_waits_until_what_reserves_the_same_has_ended(lots: int) -> None:
    held = Held()
    held.books.set_position(0, 10)
    held.desk.engine_lots = 10
    held.send(order(7, T.LIMIT, side=-1))
    closes = order(8, T.LIMIT, side=-1, quantity_lots=lots)
    facts = held.send(CancelApproved(7, 0), closes)
    assert len(facts) == 0
    waits = held.books.find(8)
    assert waits is not None and waits.sent is Sent.HELD and not is_due(waits, held.books)
    held.hear(at.KIND_FILL, 7, 3)  # before its end
    held.desk.engine_lots = 7
    held.hear(at.KIND_CANCELED, 7)
    assert is_due(waits, held.books) and room(waits, held.books) == 7


def test_what_fits_beside_what_is_leaving_does_not_wait() -> None:
    held = Held()
    held.books.set_position(0, 10)
    held.desk.engine_lots = 10
    held.send(order(7, T.LIMIT, side=-1, quantity_lots=4))
    held.send(CancelApproved(7, 0), order(8, T.LIMIT, side=-1, quantity_lots=6))
    assert held.names == [7, 7, 8] and not held.books.held()


def test_what_was_not_asked_to_end_is_not_waited_for() -> None:
    held = Held()
    held.books.set_position(0, 10)
    held.desk.engine_lots = 10
    held.send(order(7, T.LIMIT, side=-1))
    facts = held.send(order(8, T.LIMIT, side=-1, flags=OrderFlag.REDUCE_ONLY))
    assert facts[:, at.FACT_REASON].tolist() == [Refusal.MORE_THAN_HELD]


def test_what_waits_alone_is_changed_once_it_has_left() -> None:
    held = Held()
    held.books.set_position(0, 10)
    held.desk.engine_lots = 10
    held.send(order(7, T.LIMIT, side=-1))
    held.send(CancelApproved(7, 0), order(8, T.LIMIT, side=-1))
    change = ReplaceApproved(8, 0, 10, 120_000, 0)
    assert held.send(change)[:, at.FACT_REASON].tolist() == [Refusal.NOT_SUPPORTED]
    held.hear(at.KIND_CANCELED, 7)
    held.books.mark(8, Sent.TAKEN)
    assert len(held.send(change)) == 0


def test_a_bracket_after_another_protects_the_rest() -> None:
    held = Held().protected()
    held.send(order(4, T.MARKET, quantity_lots=5), order(5, T.STOP, 4, quantity_lots=5))
    held.hear(at.KIND_FILL, 4, 5)
    second = held.books.find(5)
    assert second is not None and room(second, held.books) == 5


@pytest.mark.parametrize(
    ("children", "told"),
    [
        ((order(STOP, T.STOP, ENTRY),), ""),
        ((order(STOP, T.STOP, ENTRY), order(TARGET, T.LIMIT, ENTRY)), ""),
        ((order(STOP, T.TRAILING_STOP, ENTRY),), "one stop and one limit"),
        ((order(STOP, T.STOP_LIMIT, ENTRY),), "one stop and one limit"),
        ((order(STOP, T.STOP, ENTRY), order(TARGET, T.STOP, ENTRY)), "one stop and one limit"),
        ((order(STOP, T.STOP, ENTRY, time_in_force=TimeInForce.IOC),), "until canceled"),
    ],
)
def test_what_cannot_wait_is_told(children: tuple[RiskApproved, ...], told: str) -> None:
    problems = bracket_problems((BRACKET[0], *children), [SHARE])
    assert set(problems) == {ENTRY, *(each.order_id for each in children)}
    assert all((told in each) if told else each == "" for each in problems.values())


def test_nothing_waits_where_the_venue_takes_brackets() -> None:
    desk = Desk(Line("", 0, "", "running", "", ""))
    desk.gateway._limits = Limits()

    async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
        desk.kept.extend(intents)

    found = asyncio.run(desk.gateway.send(BRACKET, durable))
    assert np.array_equal(found, NO_ROWS) and len(desk.broker.sent) == 3
    assert {each.held_for for each in desk.kept} == {0}
