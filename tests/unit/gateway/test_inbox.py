"""Reads tests/scenarios/inbox.txt; beside it: an order of events makes no difference to what is booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import pytest

from engine.model import layout as at
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus
from engine.ports import BrokerEvent, Execution
from runtime.gateway.inbox import EngineOrders, Inbox, News, Reading
from runtime.gateway.ledger import OrderLedger, Sent
from runtime.journal.records import Intent

TABLE = Path(__file__).parents[2] / "scenarios" / "inbox.txt"
ORDER, NAME = 7, "tr-ours"
KINDS = {
    "accepted": at.KIND_ACCEPTED,
    "canceled": at.KIND_CANCELED,
    "expired": at.KIND_EXPIRED,
    "rejected": at.KIND_REJECTED,
    "replaced": at.KIND_REPLACED,
    "cancel rejected": at.KIND_CANCEL_REJECTED,
}
EVENTS = {
    at.KIND_ACCEPTED: OrderEvent.ACCEPTED,
    at.KIND_CANCELED: OrderEvent.CANCELED,
    at.KIND_EXPIRED: OrderEvent.EXPIRED,
    at.KIND_REJECTED: OrderEvent.REJECTED,
    at.KIND_REPLACED: OrderEvent.REPLACED,
    at.KIND_CANCEL_REJECTED: OrderEvent.CANCEL_REJECTED,
}


def lines() -> list[tuple[str, str]]:
    rows = [line.split("|") for line in TABLE.read_text().splitlines() if "|" in line]
    return [(left.strip(), right.strip()) for left, right, *_ in rows if not left.startswith("#")]


@dataclass
class Desk:
    """An inbox beside an engine that follows the table of transitions to the letter."""

    inbox: Inbox = field(default_factory=lambda: Inbox(OrderLedger()))
    status: OrderStatus = OrderStatus.IN_FLIGHT
    filled: int = 0
    quantity: int = 10
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        books = self.inbox.books
        books.begin(Intent("s/7/0", NAME, 0, at.KIND_SUBMITTED, ORDER, 0, 1, 10, 99))
        books.mark(ORDER, Sent.TAKEN, "v7")

    def hear(self, words: str) -> None:
        client = NAME
        if words.startswith("other "):
            client, words = "theirs", words.removeprefix("other ")
        match words.split():
            case ["cancel"]:
                self._move(OrderEvent.CANCEL_SENT)
                return
            case ["replace", lots, "@", price]:
                change = (ORDER, 0, 0, int(lots), int(price))
                self.inbox.books.begin(Intent("s/7/1", NAME, 0, at.KIND_REPLACE_SENT, *change))
                return
            case ["fill", lots, name]:
                one = Execution(name, client, "", 0, 1, int(lots), 99, 0, "USD", 1, 5)
                event = BrokerEvent(at.KIND_FILL, name, "stream", client, execution=one)
            case [kind, *count] if kind in KINDS and kind != "cancel":
                filled = -1 if count in ([], ["?"]) else int(count[0])
                event = BrokerEvent(KINDS[kind], kind, "stream", client, filled_lots=filled)
            case _:
                event = BrokerEvent(KINDS[words], words, "stream", client)
        self._take(self.inbox.read(event, self.engine))

    @property
    def engine(self) -> EngineOrders:
        is_there = not self.status.is_closed
        return EngineOrders(lambda _: self.status if is_there else 0, lambda order_id: True)

    def _take(self, reading: Reading) -> None:
        match reading.news:
            case News.OLD:
                return
            case News.DOUBT | News.FOREIGN:
                self.told.append(reading.news.name.lower())
                return
            case _:
                pass
        row = reading.rows[0]
        kind, lots = int(row[at.EVENT_KIND]), int(row[at.FACT_LOTS])
        if kind == at.KIND_FILL:
            self.filled += lots
            whole = self.filled >= self.quantity
            if self.status is not OrderStatus.FILLED:
                self._move(OrderEvent.FILL if whole else OrderEvent.PARTIAL_FILL)
            self.told.append(f"fill {lots}" + (" over" if reading.is_overfill else ""))
        else:
            self._move(EVENTS[kind])
            name = next(name for name, number in KINDS.items() if number == kind)
            if kind == at.KIND_REPLACED:
                self.quantity, name = lots, f"{name} {lots} @ {row[at.FACT_PRICE]}"
            self.told.append(name)
        self.inbox.books.hear(reading.rows)
        self.inbox.note(reading.keys)

    def _move(self, event: OrderEvent) -> None:
        self.status = TRANSITIONS[self.status, event]  # a missing edge is a failure here too


@pytest.mark.parametrize(("events", "expected"), lines(), ids=lambda text: text or "-")
def test_a_line_of_the_table(events: str, expected: str) -> None:
    desk = Desk()
    for words in events.split(";"):
        desk.hear(words.strip())
    assert "; ".join(desk.told) == expected


def test_in_any_order_and_told_twice_the_same_fills_are_booked_and_no_edge_is_missing() -> None:
    events = ("accepted", "fill 4 #a", "fill 3 #b", "fill 4 #a", "canceled 7")
    for order in sorted(set(permutations(events))):
        desk = Desk()
        for words in (*order, "canceled 7"):
            desk.hear(words)
        assert desk.inbox.books.positions == {0: 7}, order
        assert desk.filled == 7, order
        tracked = desk.inbox.books.find(ORDER)
        assert tracked is not None and tracked.sent is Sent.ENDED, order
        again = Inbox(desk.inbox.books)
        again.restore(desk.inbox.snapshot())
        assert again.has_execution("#a") and again.has_execution("#b")


@pytest.mark.parametrize(("instrument", "side"), [(1, 1), (-1, 1), (0, -1)])
def test_a_fill_under_our_name_of_what_we_have_not_ordered_is_booked_for_nobody(
    instrument: int, side: int
) -> None:
    """Of another symbol, which may be none of the session's and then has no price here, or of the other side."""
    desk = Desk()
    one = Execution("#a", NAME, "v7", instrument, side, 4, 0, 0, "USD", 1, 5)
    event = BrokerEvent(at.KIND_FILL, "#a", "stream", NAME, "v7", execution=one)
    assert desk.inbox.read(event, desk.engine) == Reading(News.FOREIGN)
