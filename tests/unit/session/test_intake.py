"""What the journal has of an input with several sendings, and what a crash between them leads to."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np

from engine.approved import Approved, RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.trading import Severity
from engine.ports import Rows, SubmitOutcome, SubmitStatus
from runtime.gateway.checks import Limits, Market, Situation
from runtime.gateway.gateway import Gateway
from runtime.gateway.ledger import OrderLedger
from runtime.gateway.refusals import Refusal
from runtime.journal.records import Intents, Record, Taken, TimeInput
from runtime.session.intake import InHand, Intake, to_rows
from runtime.session_core.steps import NO_ROWS, Send, Step

ABC = Instrument("ABC", InstrumentKind.EQUITY, "USD")
LARGE = RiskApproved(
    1, 0, 1, OrderType.LIMIT, TimeInForce.GTC, 10, 99, 0, 0, 0, 0, OrderFlag(0), 0, 0
)
SMALL = msgspec.structs.replace(LARGE, order_id=2, quantity_lots=5)
FEW = Limits(order_lots=5)  # LARGE does not pass, SMALL does
INPUT = TimeInput(1)


class Desk:
    """An intake, its journal, and a broker that takes everything; also the core, of which the cash is asked."""

    cash_minor = 0

    def __init__(self, limits: Limits) -> None:
        self.records: list[Record] = []
        self.sent: list[Approved] = []
        self.answers: list[list[list[int]]] = []  # order and reason, by sending
        situation = Situation(
            1, 1, 1, True, True, False, False, 2**62, Severity.ACTIVE, "", "", 0.0, frozenset(),
            lambda instrument: Market(99, 0),
        )  # fmt: skip
        self.intake = Intake(
            self, self, self._gateway(limits, situation), None  # type: ignore[arg-type]
        )  # fmt: skip

    def _gateway(self, limits: Limits, situation: Situation) -> Gateway:
        return Gateway(
            self,  # type: ignore[arg-type]  # only what sends is asked
            [ABC],
            OrderLedger(),
            session="s",
            account="a",
            limits=limits,
            situation=lambda: situation,
            note=lambda outcome: None,
        )

    # --- of the core, the journal and the broker what is needed ---------------------------------------
    def take_journal(self) -> Rows:
        return NO_ROWS

    def append(self, record: Record) -> int:
        self.records.append(record)
        return len(self.records)

    async def durable(self, sequence: int) -> None:
        pass

    async def submit(self, order: RiskApproved, name: str) -> SubmitOutcome:
        self.sent.append(order)
        return SubmitOutcome(SubmitStatus.TAKEN)

    # --- the story ---------------------------------------------------------------------------------
    def take(self, *sendings: tuple[RiskApproved, ...], **keys: Any) -> None:
        """Take an input that sends what is given, one sending after another."""

        def step() -> Step:
            for number, commands in enumerate(sendings):
                facts = yield Send(commands, number)
                self.answers.append(facts[:, [at.FACT_ORDER, at.FACT_REASON]].tolist())

        asyncio.run(self.intake.take(INPUT, step(), **keys))

    @property
    def intents(self) -> list[Intents]:
        return [each for each in self.records if isinstance(each, Intents)]


def test_the_input_stands_with_the_first_intents_also_where_all_was_refused_before() -> None:
    desk = Desk(FEW)
    desk.take((LARGE,), (SMALL,))
    (record,) = desk.intents
    assert (record.sending, record.input) == (1, INPUT)
    assert list(record.answers) == [0]


def test_what_is_refused_beside_intents_stands_with_them() -> None:
    desk = Desk(FEW)
    desk.take((LARGE, SMALL))
    (record,) = desk.intents
    assert [each.order_id for each in record.intents] == [2]
    (fact,) = to_rows(record.answers[0])
    assert (fact[at.FACT_ORDER], fact[at.FACT_REASON]) == (1, Refusal.ORDER_QUANTITY)


def test_after_a_crash_what_was_refused_whole_is_not_judged_again() -> None:
    """Whatever the limits are by now: what followed was decided on the refusal."""
    before = Desk(FEW)
    before.take((LARGE,), (SMALL,))
    (record,) = before.intents
    after = Desk(Limits())
    after.take((LARGE,), (SMALL,), recorded=InHand({1: record}))
    assert after.sent == [SMALL]
    assert after.answers == before.answers == [[[1, Refusal.ORDER_QUANTITY]], []]
    assert after.intents == []  # they are there already


def test_after_a_crash_what_is_sent_next_is_recorded_without_the_input_again() -> None:
    before = Desk(FEW)
    before.take((SMALL,))
    third = msgspec.structs.replace(SMALL, order_id=3)
    after = Desk(FEW)
    after.take((SMALL,), (LARGE, third), recorded=InHand({0: before.intents[0]}))
    (record,) = after.intents
    assert (record.sending, record.input) == (1, None)
    taken = after.records[-1]
    assert isinstance(taken, Taken)
    assert np.array_equal(to_rows(taken.answers[1]), to_rows(record.answers[1]))
