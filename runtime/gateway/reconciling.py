"""Holding the venue's own account of itself against our books. Pure; nothing is traded to make them equal.

What the venue knows and we do not becomes events, which go the way of those that it tells by itself. What
no event explains is a difference: its instrument is quarantined, and a person is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model import layout as at
from engine.ports import BrokerEvent, CashEntry, Execution, VenueOrder, VenuePosition
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import Sent

SOURCE = "reconcile"


class Truth(msgspec.Struct, frozen=True):
    """What a venue says, read in this order: executions, orders, positions, entries, cash."""

    executions: Sequence[Execution]
    orders: Sequence[VenueOrder]
    positions: Sequence[VenuePosition]
    entries: Sequence[CashEntry] = ()
    cash_minor: int | None = None  # as far as the venue says it


class Foreign(msgspec.Struct, frozen=True):
    """An order or a fill that is not ours; an order has no `execution_id`."""

    instrument: int
    what: str
    execution_id: str = ""


class Found(msgspec.Struct, frozen=True):
    """How the two compare.

    Parameters
    ----------
    events
        What we had missed, fills first.
    doubtful
        Orders of ours that should work and do not: to be looked up.
    astray
        Orders of ours that we took for ended, and that work: to be canceled.
    differing
        By instrument the venue's lots and ours. To be read only where `events` and `entries` are empty.
    entries
        Cash that the venue has moved beside fills, and that is not booked.
    cash
        The venue's cash and what it should be, where they are further apart than rounding explains.
    """

    events: tuple[BrokerEvent, ...] = ()
    doubtful: tuple[int, ...] = ()
    astray: tuple[int, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    differing: dict[int, tuple[int, int]] = {}
    entries: tuple[CashEntry, ...] = ()
    cash: tuple[int, int] | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to explain."""
        orders = self.events or self.doubtful or self.astray or self.foreign or self.differing
        return not (orders or self.entries or self.cash)


def fill_event(one: Execution, source: str = SOURCE) -> BrokerEvent:
    """Return an execution as an event."""
    return BrokerEvent(
        at.KIND_FILL, one.execution_id, source, one.client_id, one.venue_id, one, ts_ns=one.ts_ns
    )


def compare(truth: Truth, inbox: Inbox, engine_minor: int = 0) -> Found:
    """Return how the venue's truth and our books compare.

    Parameters
    ----------
    engine_minor
        The engine's cash.
    """
    books = inbox.books
    events: list[BrokerEvent] = []
    astray: list[int] = []
    foreign: list[Foreign] = []
    for one in truth.executions:
        if inbox.has_execution(one.execution_id):
            continue
        if books.find_client(one.client_id) or books.find_venue(one.venue_id):
            events.append(fill_event(one))
        else:
            what = f"execution {one.execution_id}"
            foreign.append(Foreign(one.instrument, what, one.execution_id))
    working: set[int] = set()
    for order in truth.orders:
        known = books.find_client(order.client_id) or books.find_venue(order.venue_id)
        if known is None:
            foreign.append(Foreign(order.instrument, f"order {order.venue_id or order.client_id}"))
            continue
        working.add(known.order_id)
        if known.sent is Sent.ENDED:
            astray.append(known.order_id)
        elif not known.is_accepted:
            events.append(
                BrokerEvent(at.KIND_ACCEPTED, "accepted", SOURCE, known.client_id, order.venue_id)
            )
    doubtful = tuple(
        each.order_id
        for each in books.live()
        if each.order_id not in working and each.sent is not Sent.HELD
    )
    ours = {i: lots for i, lots in books.positions.items() if lots}
    theirs = {each.instrument: each.lots for each in truth.positions if each.lots}
    differing = {
        i: (theirs.get(i, 0), ours.get(i, 0))
        for i in sorted(ours.keys() | theirs.keys())
        if theirs.get(i, 0) != ours.get(i, 0)
    }
    is_first = inbox.cash.beside is None
    entries = (
        () if is_first else tuple(x for x in truth.entries if x.entry_id not in inbox.cash.known)
    )
    cash = _cash_differs(truth, inbox, engine_minor)
    return Found(tuple(events), doubtful, tuple(astray), tuple(foreign), differing, entries, cash)


def _cash_differs(truth: Truth, inbox: Inbox, engine_minor: int) -> tuple[int, int] | None:
    expected = inbox.cash.expected(engine_minor)
    if expected is None or truth.cash_minor is None:
        return None
    is_equal = abs(truth.cash_minor - expected) <= inbox.cash.tolerance
    return None if is_equal else (truth.cash_minor, expected)
