"""What the answer to a request means, at a venue and after a crash: one test for each bug that a seed found."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.trading import Severity
from engine.ports import Rows, SubmitOutcome, SubmitStatus
from runtime.gateway.checks import Limits, Market, Situation
from runtime.gateway.gateway import Gateway
from runtime.gateway.ledger import OrderLedger, Sent
from runtime.gateway.refusals import Refusal
from runtime.journal.records import Intent, Outcome

ABC = Instrument("ABC", InstrumentKind.EQUITY, "USD")
BUY = RiskApproved(
    1, 0, 1, OrderType.LIMIT, TimeInForce.GTC, 10, 99, 0, 0, 0, 0, OrderFlag(0), 0, 0
)
CANCEL = CancelApproved(1, 0)
ORDERED = Intent("s/1/0", "tr-one", 0, at.KIND_SUBMITTED, 1, 0, 1, 10, 99)
CANCELING = Intent("s/1/1", "tr-one", 0, at.KIND_CANCEL_SENT, 1, 0)
UNANSWERED = [SubmitStatus.UNKNOWN, SubmitStatus.NOT_SENT, SubmitStatus.REFUSED]


class Answering:
    """A broker that answers one thing."""

    def __init__(self, status: SubmitStatus, code: str = "") -> None:
        self.status, self.code = status, code
        self.sent: list[Approved] = []

    async def _answer(self, command: Approved, name: str) -> SubmitOutcome:
        self.sent.append(command)
        return SubmitOutcome(self.status, code=self.code)

    submit = cancel = replace = _answer


def gateway(broker: Answering) -> Gateway:
    situation = Situation(
        now_ns=1,
        decided_ns=1,
        monotonic_ns=1,
        may_enter=True,
        may_close=True,
        is_killed=False,
        kill_closes=False,
        lease_until_ns=10**18,
        severity=Severity.ACTIVE,
        certificate="",
        account="",
        pressure=0.0,
        quarantined=frozenset(),
        markets=lambda instrument: Market(99, 0),
    )
    return Gateway(
        broker,  # type: ignore[arg-type]  # only what sends is asked
        [ABC],
        OrderLedger(),
        session="s",
        account="a",
        limits=Limits(),
        situation=lambda: situation,
        note=lambda outcome: None,
        asks_first=True,
    )


async def kept(intents: tuple[Intent, ...], refused: Rows) -> None:
    """Durable at once."""


@pytest.mark.parametrize("status", UNANSWERED)
def test_a_cancel_that_did_not_arrive_is_not_refused_to_the_engine(status: SubmitStatus) -> None:
    """Else it is asked for again at once, without an end; whoever looks the order up repeats it."""
    found = gateway(Answering(status))
    found.books.recall(ORDERED, ())
    facts = asyncio.run(found.send((CANCEL,), kept))
    assert len(facts) == 0
    (doubtful,) = found.books.doubtful()
    assert (doubtful.order_id, doubtful.doubts) == (1, at.KIND_CANCEL_SENT)
    assert doubtful.open_lots == 10, "its reserve stays"


def test_an_order_without_an_answer_keeps_its_reserve() -> None:
    found = gateway(Answering(SubmitStatus.UNKNOWN))
    assert len(asyncio.run(found.send((BUY,), kept))) == 0
    (doubtful,) = found.books.doubtful()
    assert doubtful.sent is Sent.UNKNOWN
    assert found.books.working(0) == (10, 0)


@pytest.mark.parametrize("status", [SubmitStatus.REFUSED, SubmitStatus.NOT_SENT])
def test_a_change_that_is_refused_does_not_prove_that_the_order_is_there(
    status: SubmitStatus,
) -> None:
    """The venue does not know it: it is still to be proven whether it ever will."""
    broker = Answering(SubmitStatus.UNKNOWN)
    found = gateway(broker)
    asyncio.run(found.send((BUY,), kept))
    broker.status = status
    facts = asyncio.run(found.send((ReplaceApproved(1, 0, 10, 98, 0),), kept))
    assert facts[:, at.EVENT_KIND].tolist() == [at.KIND_CANCEL_REJECTED]
    (doubtful,) = found.books.doubtful()
    assert doubtful.sent is Sent.UNKNOWN


def test_a_used_name_is_looked_up_and_never_a_rejection() -> None:
    """Our names never repeat, so the order of that name is ours, whoever has sent it a second time."""
    found = gateway(Answering(SubmitStatus.REFUSED, "duplicate"))
    assert len(asyncio.run(found.send((BUY,), kept))) == 0
    (doubtful,) = found.books.doubtful()
    assert doubtful.sent is Sent.UNKNOWN
    assert found.books.working(0) == (10, 0)


def test_after_a_crash_an_order_is_asked_for_and_a_cancel_is_repeated() -> None:
    broker = Answering(SubmitStatus.TAKEN)
    found = gateway(broker)
    asyncio.run(found.send_again((BUY, CANCEL), (ORDERED, CANCELING)))
    assert broker.sent == [CANCEL]
    assert found.books.find(1).sent is Sent.UNKNOWN  # type: ignore[union-attr]


def test_after_a_crash_an_outcome_that_the_journal_has_is_not_asked_for() -> None:
    broker = Answering(SubmitStatus.TAKEN)
    found = gateway(broker)
    refused = Outcome("tr-one", "refused", problem="funds", kind=at.KIND_SUBMITTED)
    facts = asyncio.run(found.send_again((BUY,), (ORDERED,), (refused,)))
    assert broker.sent == []
    assert facts[:, at.FACT_REASON].tolist() == [Refusal.VENUE_REFUSED]
    assert found.books.working(0) == (0, 0)


def test_books_that_are_recalled_know_what_was_recorded() -> None:
    books = OrderLedger()
    books.recall(ORDERED, (Outcome("tr-one", "unknown", kind=at.KIND_SUBMITTED),))
    assert books.find(1).sent is Sent.UNKNOWN  # type: ignore[union-attr]
    books.recall(CANCELING, (Outcome("tr-one", "not_sent", kind=at.KIND_CANCEL_SENT),))
    assert books.find(1).doubts == at.KIND_CANCEL_SENT  # type: ignore[union-attr]


def test_after_a_crash_what_was_refused_is_refused_for_the_same_reason() -> None:
    """It stands beside the intents; what does not is refused too, for whatever reason it was."""
    broker, later = Answering(SubmitStatus.TAKEN), msgspec.structs.replace(BUY, order_id=2)
    found = gateway(broker)
    refused = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    refused[0, [at.EVENT_KIND, at.FACT_ORDER, at.FACT_REASON]] = (
        at.KIND_REJECTED,
        2,
        Refusal.ORDER_RATE,
    )
    unknown = msgspec.structs.replace(BUY, order_id=3)
    facts = asyncio.run(found.send_again((BUY, later, unknown), (ORDERED,), (), refused))
    assert facts[:, [at.FACT_ORDER, at.FACT_REASON]].tolist() == [
        [2, Refusal.ORDER_RATE],
        [3, Refusal.INTENT_EXPIRED],
    ]
