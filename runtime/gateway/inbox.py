"""`Inbox`: what a venue tells becomes facts for the engine, once each, in an order that can be.

A stream tells things twice, late and in the wrong order; polling tells them again. So every event is held
against the books and against the engine's own table of orders:

- a fill is known by its execution's id, and is booked whatever was said before (I7, late edges of I16);
- what the engine's table does not allow any more is old news, and is dropped;
- an end is told only when all fills are booked that the venue counts; until then the order is in doubt,
  and whoever asks the venue settles it (`runtime.session.venue`);
- what is not ours is foreign: it is never booked, and its instrument is quarantined.

Nothing in here waits or changes anything but in `note`, which is called with what stands in the journal.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import msgspec
import numpy as np

from engine.model import layout as at
from engine.model.orders import OrderEvent, OrderStatus
from engine.ports import BrokerEvent, Execution, Rows
from runtime.gateway.cash import CashBooks
from runtime.gateway.ledger import OrderLedger, Sent, Tracked
from runtime.gateway.refusals import Refusal
from runtime.journal.records import FactsInput, Input, SliceInput

KEYS_KEPT: Final = 10_000  # of events that are no executions; those are all kept
NO_ROWS: Final[Rows] = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
EXECUTION: Final = "x:"
CURSOR: Final = "cursor:"
QUARANTINE: Final = "quarantine:"
RELEASE: Final = "release:"
_ENDS: Final = (at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED)
_ORDER_EVENTS: Final = {
    at.KIND_ACCEPTED: OrderEvent.ACCEPTED,
    at.KIND_ARMED: OrderEvent.ARMED,
    at.KIND_TRIGGERED: OrderEvent.TRIGGERED,
    at.KIND_CANCELED: OrderEvent.CANCELED,
    at.KIND_EXPIRED: OrderEvent.EXPIRED,
    at.KIND_REJECTED: OrderEvent.REJECTED,
    at.KIND_REPLACED: OrderEvent.REPLACED,
    at.KIND_CANCEL_REJECTED: OrderEvent.CANCEL_REJECTED,
}


class News(IntEnum):
    """What an event is."""

    FACT = 1  # to be told to the engine
    OLD = 2  # known, or overtaken by what is known
    DOUBT = 3  # not to be told before the venue was asked
    FOREIGN = 4  # of an order that is not ours
    UNBOOKABLE = 5  # a fill of ours that the engine cannot take any more


class Reading(msgspec.Struct, frozen=True):
    """One event, read; `is_overfill` where more is filled now than was ordered."""

    news: News
    rows: Rows = NO_ROWS
    keys: tuple[str, ...] = ()
    order_id: int = 0
    is_overfill: bool = False


class EngineOrders(msgspec.Struct, frozen=True):
    """What the engine knows of orders.

    Parameters
    ----------
    status
        Of an order in its table, 0 where it is not there (any more).
    takes_late
        Whether it can book a fill of an order that is not in its table.
    """

    status: Callable[[int], int]
    takes_late: Callable[[int], bool]


class _Memory(msgspec.Struct, array_like=True):
    executions: list[str]
    keys: list[str]
    cursor: str
    quarantined: dict[int, str]
    cash: CashBooks


@dataclass(slots=True)
class Inbox:
    """What was heard so far of one account.

    Parameters
    ----------
    cursor
        The last execution that was read in the venue's order; reading goes on after it.
    quarantined
        Instruments in which nothing is entered, and why.
    cash
        What is known of the account's cash.
    """

    books: OrderLedger
    cursor: str = ""
    quarantined: dict[int, str] = field(default_factory=dict)
    cash: CashBooks = field(default_factory=CashBooks)
    _executions: set[str] = field(default_factory=set)
    _keys: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def read(self, event: BrokerEvent, engine: EngineOrders, *, is_proven: bool = False) -> Reading:
        """Return what an event is; nothing is changed.

        Parameters
        ----------
        is_proven
            The venue was asked: all its executions are booked.
        """
        if event.kind == at.KIND_FILL:
            assert event.execution is not None, "a fill comes with its execution"
            return self._read_fill(event.execution, engine)
        order = self._order(event.client_id, event.venue_id)
        if order is None:
            return Reading(News.FOREIGN)
        key = f"{event.client_id}/{event.key}"
        if key in self._keys:
            return Reading(News.OLD, order_id=order.order_id)
        status = engine.status(order.order_id)
        if status == 0 or order.sent is Sent.ENDED or not _is_allowed(status, event.kind):
            return Reading(News.OLD, order_id=order.order_id)
        if event.kind == at.KIND_ACCEPTED and order.is_accepted:
            return Reading(News.OLD, order_id=order.order_id)
        if event.kind in _ENDS and not is_proven and event.filled_lots != order.filled_lots:
            return Reading(News.DOUBT, order_id=order.order_id)
        if event.kind == at.KIND_REPLACED and order.wanted_lots == 0:
            return Reading(News.DOUBT, order_id=order.order_id)
        rows = _fact(event, order)
        if event.kind == at.KIND_ACCEPTED:
            rows = self._in_play(rows, order, status)
        return Reading(News.FACT, rows, (key,), order.order_id)

    def has_execution(self, execution_id: str) -> bool:
        """Return whether a fill was booked, or is not ours and was released by a person."""
        return execution_id in self._executions

    def note(self, keys: tuple[str, ...]) -> None:
        """Remember what a record of the journal has told."""
        for key in keys:
            if self.cash.note(key):
                continue
            kind, _, rest = key.partition(":")
            match kind + ":":
                case "x:":
                    self._executions.add(rest)
                case "cursor:":
                    self.cursor = rest
                case "quarantine:":
                    instrument, _, why = rest.partition(":")
                    self.quarantined[int(instrument)] = why
                case "release:":
                    self.quarantined.pop(int(rest), None)
                case _:
                    self._keys[key] = None
                    if len(self._keys) > KEYS_KEPT:
                        self._keys.popitem(last=False)

    def follow(self, one: Input, minor: int) -> None:
        """An input has moved the engine's cash; see `CashBooks`."""
        if isinstance(one, FactsInput):
            self.cash.follow_facts(minor)
        elif isinstance(one, SliceInput) and minor:
            first = np.frombuffer(one.rows, dtype="<i8", count=at.EVENT_WIDTH)
            self.cash.follow(int(first[at.EVENT_KIND]), int(first[at.EVENT_INSTRUMENT]), minor)

    def snapshot(self) -> bytes:
        """Return all of it but the books, for `restore`."""
        executions, keys = sorted(self._executions), list(self._keys)
        memory = _Memory(executions, keys, self.cursor, self.quarantined, self.cash)
        return msgspec.msgpack.encode(memory)

    def restore(self, snapshot: bytes) -> None:
        """Go on from another inbox."""
        found = msgspec.msgpack.decode(snapshot, type=_Memory)
        self._executions, self.cursor = set(found.executions), found.cursor
        self._keys = OrderedDict.fromkeys(found.keys)
        self.quarantined, self.cash = found.quarantined, found.cash

    def _order(self, client_id: str, venue_id: str) -> Tracked | None:
        return self.books.find_client(client_id) or self.books.find_venue(venue_id)

    def _read_fill(self, one: Execution, engine: EngineOrders) -> Reading:
        if one.execution_id in self._executions:
            return Reading(News.OLD)
        order = self._order(one.client_id, one.venue_id)
        # Also under our order's name: what was not asked for has no place in it.
        if order is None or (one.instrument, one.side) != (order.instrument, order.side):
            return Reading(News.FOREIGN)
        order_id = order.order_id
        status = engine.status(order_id)
        if status == 0 and not engine.takes_late(order_id):
            return Reading(News.UNBOOKABLE, order_id=order_id)
        is_overfill = order.filled_lots + one.lots > max(order.quantity_lots, order.wanted_lots)
        keys = (EXECUTION + one.execution_id,)
        rows = self._in_play(_fill(one, order), order, status)
        return Reading(News.FACT, rows, keys, order_id, is_overfill)

    def _in_play(self, rows: Rows, order: Tracked, status: int) -> Rows:
        """Return facts after the one that a child is in play: where we hold it, no venue says that."""
        if status != OrderStatus.HELD or not order.held_for:
            return rows
        entry = self.books.find(order.held_for)
        armed = fact_row(at.KIND_ARMED, order, int(rows[0, at.EVENT_TS]))
        filled = 0 if entry is None else entry.filled_lots
        armed[0, at.FACT_LOTS] = min(filled, order.quantity_lots)
        return np.concatenate((armed, rows))


def _is_allowed(status: int, kind: int) -> bool:
    """Return whether the table of orders has this edge."""
    event = _ORDER_EVENTS.get(kind)
    return event is not None and at.NEXT_STATUS[status * at.ORDER_EVENT_COUNT + event] != 0


def fact_row(kind: int, order: Tracked, ts_ns: int) -> Rows:
    """Return a fact about an order, with nothing but its name."""
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS] = ts_ns
    row[0, at.EVENT_KIND] = kind
    row[0, at.EVENT_INSTRUMENT] = order.instrument
    row[0, at.FACT_ORDER] = order.order_id
    return row


def _fact(event: BrokerEvent, order: Tracked) -> Rows:
    row = fact_row(event.kind, order, event.ts_ns)
    match event.kind:
        case at.KIND_REJECTED:
            row[0, at.FACT_REASON] = Refusal.VENUE_REFUSED
        case at.KIND_REPLACED:
            row[0, at.FACT_LOTS] = order.wanted_lots
            row[0, at.FACT_PRICE] = order.wanted_limit
            row[0, at.FACT_REFERENCE] = order.wanted_stop
        case _:
            pass
    return row


def _fill(one: Execution, order: Tracked) -> Rows:
    row = fact_row(at.KIND_FILL, order, one.ts_ns)
    row[0, at.FACT_LOTS] = one.lots
    row[0, at.FACT_PRICE] = row[0, at.FACT_REFERENCE] = one.price_ticks
    row[0, at.FACT_FEE] = one.fee_minor
    row[0, at.FACT_LIQUIDITY] = one.liquidity
    return row
