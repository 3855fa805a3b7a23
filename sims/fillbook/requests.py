"""What the core asks of the fill book: submit, cancel, replace; each arrives after the latency."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    EVENT_WIDTH,
    FACT_ORDER,
    FACT_REASON,
    KIND_CANCEL_REJECTED,
    ORDER_ARMED,
    ORDER_ARRIVAL,
    ORDER_CANCEL_ARRIVAL,
    ORDER_GROUP,
    ORDER_ID,
    ORDER_PARENT,
    ORDER_QUEUE,
    ORDER_REPLACE_ARRIVAL,
    ORDER_REPLACE_LIMIT,
    ORDER_REPLACE_QUANTITY,
    ORDER_REPLACE_STOP,
    ORDER_STATUS,
    ORDER_WIDTH,
    STATUS_HELD,
    STATUS_IN_FLIGHT,
    UNKNOWN,
)
from sims.fillbook.layout import (
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_ORDERS,
    COUNT_SEQUENCE,
    FAULT_EVENTS_FULL,
    FAULT_ORDERS_FULL,
    REASON_UNKNOWN_ORDER,
    SETTING_LATENCY,
    SETTING_LATENCY_JITTER,
    SETTING_SEED,
    Book,
)

_PRIME = 2**31 - 1
_FACTOR = 48271


@kernel
def draw(seed: int, number: int, below: int) -> int:
    """Return a repeatable pseudo-random integer in [0, below) for draw `number` of `seed`.

    A Lehmer generator over its hashed arguments: the draw depends on nothing but them, so it does
    not change when other draws are added or left out. Not for cryptography.
    """
    x = (seed % _PRIME) * _FACTOR % _PRIME
    x = (x + number % _PRIME + 1) * _FACTOR % _PRIME
    x = (x + number // _PRIME + 1) * _FACTOR % _PRIME
    x = x * _FACTOR % _PRIME
    return x * below // _PRIME if below < 2**31 else x % below


@kernel
def arrival_at(b: Book, order_id: int, now: int) -> int:
    """Return when a request about an order, sent at `now`, reaches the book."""
    latency = b.settings[SETTING_LATENCY]
    jitter = b.settings[SETTING_LATENCY_JITTER]
    if jitter > 0:
        latency += draw(b.settings[SETTING_SEED], order_id, jitter)
    return now + latency


@kernel
def submit(b: Book, source: object, row: int, now: int) -> None:
    """Take the order in `source[row]` (request part of an order row), sent at `now`."""
    o = b.counters[COUNT_ORDERS]
    if o >= b.orders.shape[0]:
        b.counters[COUNT_FAULT] = FAULT_ORDERS_FULL
        return
    for column in range(ORDER_WIDTH):
        b.orders[o, column] = source[row, column] if column <= ORDER_GROUP else 0  # type: ignore[index]
    b.orders[o, ORDER_STATUS] = STATUS_IN_FLIGHT
    b.orders[o, ORDER_ARMED] = UNKNOWN
    b.orders[o, ORDER_QUEUE] = UNKNOWN
    b.orders[o, ORDER_ARRIVAL] = arrival_at(b, b.orders[o, ORDER_ID], now)
    if b.orders[o, ORDER_PARENT] != 0:
        b.orders[o, ORDER_STATUS] = STATUS_HELD
        b.orders[o, ORDER_ARMED] = 0
    b.counters[COUNT_ORDERS] = o + 1


@kernel
def find(b: Book, order_id: int) -> int:
    """Return the row of an order, or -1."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_ID] == order_id:
            return o
    return -1


@kernel
def refuse(b: Book, order_id: int, now: int) -> None:
    """Answer a request about an order that does not work here (any more)."""
    n = b.counters[COUNT_EVENTS]
    if n >= b.events.shape[0]:
        b.counters[COUNT_FAULT] = FAULT_EVENTS_FULL
        return
    b.counters[COUNT_EVENTS] = n + 1
    for column in range(EVENT_WIDTH):
        b.events[n, column] = 0
    b.events[n, EVENT_TS] = now
    b.events[n, EVENT_KIND] = KIND_CANCEL_REJECTED
    b.events[n, EVENT_INSTRUMENT] = -1
    b.events[n, EVENT_SEQUENCE] = b.counters[COUNT_SEQUENCE]
    b.events[n, FACT_ORDER] = order_id
    b.events[n, FACT_REASON] = REASON_UNKNOWN_ORDER


@kernel
def cancel(b: Book, order_id: int, now: int) -> None:
    """Ask to cancel an order; it keeps working until the request arrives."""
    o = find(b, order_id)
    if o < 0:
        refuse(b, order_id, now)
        return
    arrival = max(arrival_at(b, order_id, now), b.orders[o, ORDER_ARRIVAL])
    if b.orders[o, ORDER_CANCEL_ARRIVAL] == 0:
        b.orders[o, ORDER_CANCEL_ARRIVAL] = arrival


@kernel
def replace_later(b: Book, order_id: int, quantity: int, limit: int, stop: int, now: int) -> None:
    """Ask to replace quantity (the new total) and prices of an order."""
    o = find(b, order_id)
    if o < 0:
        refuse(b, order_id, now)
        return
    arrival = max(arrival_at(b, order_id, now), b.orders[o, ORDER_ARRIVAL])
    b.orders[o, ORDER_REPLACE_ARRIVAL] = arrival
    b.orders[o, ORDER_REPLACE_QUANTITY] = quantity
    b.orders[o, ORDER_REPLACE_LIMIT] = limit
    b.orders[o, ORDER_REPLACE_STOP] = stop
