"""Holding the venue's own account of itself against our books. Pure; nothing is traded to make them equal.

What the venue knows and we do not becomes events, which go the way of those that it tells by itself. What
no event explains is a difference: its instrument is quarantined, and a person is told.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.model import layout as at
from engine.ports import BrokerEvent, Execution, VenueOrder, VenuePosition
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import Sent

SOURCE = "reconcile"


class Truth(msgspec.Struct, frozen=True):
    """What a venue says, read in this order: executions, orders, positions."""

    executions: Sequence[Execution]
    orders: Sequence[VenueOrder]
    positions: Sequence[VenuePosition]


class Foreign(msgspec.Struct, frozen=True):
    """An order or a fill that is not ours."""

    instrument: int
    what: str


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
        By instrument the venue's lots and ours. To be read only where `events` is empty.
    """

    events: tuple[BrokerEvent, ...] = ()
    doubtful: tuple[int, ...] = ()
    astray: tuple[int, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    differing: dict[int, tuple[int, int]] = {}

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to explain."""
        return not (self.events or self.doubtful or self.astray or self.foreign or self.differing)


def fill_event(one: Execution, source: str = SOURCE) -> BrokerEvent:
    """Return an execution as an event."""
    return BrokerEvent(
        at.KIND_FILL, one.execution_id, source, one.client_id, one.venue_id, one, ts_ns=one.ts_ns
    )


def compare(truth: Truth, inbox: Inbox) -> Found:
    """Return how the venue's truth and our books compare."""
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
            foreign.append(Foreign(one.instrument, f"execution {one.execution_id}"))
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
    doubtful = tuple(each.order_id for each in books.live() if each.order_id not in working)
    ours = {i: lots for i, lots in books.positions.items() if lots}
    theirs = {each.instrument: each.lots for each in truth.positions if each.lots}
    differing = {
        i: (theirs.get(i, 0), ours.get(i, 0))
        for i in sorted(ours.keys() | theirs.keys())
        if theirs.get(i, 0) != ours.get(i, 0)
    }
    return Found(tuple(events), doubtful, tuple(astray), tuple(foreign), differing)
