"""What the core asks of the fill book: submit, cancel, replace; each arrives after the latency.

Cancels and replaces wait in a block of their own, by arrival: several may be under way to one order,
and each is answered when it arrives, also one whose order has ended meanwhile.
"""

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
    KIND_CANCELED,
    KIND_REPLACED,
    ORDER_ANCHOR,
    ORDER_ARMED,
    ORDER_ARRIVAL,
    ORDER_FILLED,
    ORDER_FIRED,
    ORDER_GROUP,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_QUEUE,
    ORDER_SEEN,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_WIDTH,
    STATUS_CANCELED,
    STATUS_HELD,
    STATUS_IN_FLIGHT,
    STATUS_OPEN,
    UNKNOWN,
)
from engine.state import Table
from sims.fillbook.layout import (
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_ORDERS,
    COUNT_REQUESTS,
    COUNT_SEQUENCE,
    FAULT_EVENTS_FULL,
    FAULT_ORDERS_FULL,
    FAULT_REQUESTS_FULL,
    MARKET_WORKING,
    ORDER_CHILDREN,
    ORDER_REQUESTS,
    REASON_ALREADY_ENDED,
    REASON_REPLACED_AWAY,
    REASON_REQUEST,
    REASON_UNKNOWN_ORDER,
    REQUEST_ARRIVAL,
    REQUEST_INSTRUMENT,
    REQUEST_LIMIT,
    REQUEST_ORDER,
    REQUEST_QUANTITY,
    REQUEST_REPLACES,
    REQUEST_STOP,
    REQUEST_WIDTH,
    SEEN_NEW,
    SETTING_LATENCY,
    SETTING_LATENCY_JITTER,
    SETTING_SEED,
    Book,
)
from sims.fillbook.orders import emit, end, end_with_group, find, is_working
from sims.fillbook.standing import goes_first

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
def submit(b: Book, source: Table, row: int, now: int) -> None:
    """Take the order in `source[row]` (request part of an order row), sent at `now`."""
    o = b.counters[COUNT_ORDERS]
    if o >= b.orders.shape[0]:
        b.counters[COUNT_FAULT] = FAULT_ORDERS_FULL
        return
    for column in range(ORDER_WIDTH):
        b.orders[o, column] = source[row, column] if column <= ORDER_GROUP else 0
    b.orders[o, ORDER_STATUS] = STATUS_IN_FLIGHT
    b.orders[o, ORDER_ARMED] = UNKNOWN
    b.orders[o, ORDER_QUEUE] = UNKNOWN
    b.orders[o, ORDER_ARRIVAL] = arrival_at(b, b.orders[o, ORDER_ID], now)
    if b.orders[o, ORDER_PARENT] != 0:
        hold(b, o)
    b.counters[COUNT_ORDERS] = o + 1
    b.market[b.orders[o, ORDER_INSTRUMENT], MARKET_WORKING] += 1


@kernel
def hold(b: Book, o: int) -> None:
    """Keep the child in row `o` back; what its parent has filled before already arms it."""
    b.orders[o, ORDER_STATUS] = STATUS_HELD
    b.orders[o, ORDER_ARMED] = 0
    p = find(b, b.orders[o, ORDER_PARENT])
    if p >= 0 and is_working(b, p):
        b.orders[p, ORDER_CHILDREN] = 1
        b.orders[o, ORDER_ARMED] = min(b.orders[p, ORDER_FILLED], b.orders[o, ORDER_QUANTITY])


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
    ask(b, order_id, 0, 0, 0, 0, now)


@kernel
def replace_later(b: Book, order_id: int, quantity: int, limit: int, stop: int, now: int) -> None:
    """Ask to replace quantity (the new total) and prices of an order."""
    ask(b, order_id, 1, quantity, limit, stop, now)


@kernel
def ask(
    b: Book, order_id: int, replaces: int, quantity: int, limit: int, stop: int, now: int
) -> None:
    """Send a cancel or a replace on its way; one about an order that has ended is answered at once."""
    o = find(b, order_id)
    if o < 0 or not is_working(b, o):
        refuse(b, order_id, now)
        return
    n = b.counters[COUNT_REQUESTS]
    if n >= b.requests.shape[0]:
        b.counters[COUNT_FAULT] = FAULT_REQUESTS_FULL
        return
    arrival = max(arrival_at(b, order_id, now), b.orders[o, ORDER_ARRIVAL])
    while n > 0 and b.requests[n - 1, REQUEST_ARRIVAL] > arrival:
        move_request(b, n - 1, n)
        n -= 1
    b.requests[n, REQUEST_ORDER] = order_id
    b.requests[n, REQUEST_INSTRUMENT] = b.orders[o, ORDER_INSTRUMENT]
    b.requests[n, REQUEST_ARRIVAL] = arrival
    b.requests[n, REQUEST_REPLACES] = replaces
    b.requests[n, REQUEST_QUANTITY] = quantity
    b.requests[n, REQUEST_LIMIT] = limit
    b.requests[n, REQUEST_STOP] = stop
    b.counters[COUNT_REQUESTS] += 1
    b.orders[o, ORDER_REQUESTS] += 1


@kernel
def move_request(b: Book, source: int, target: int) -> None:
    """Copy one waiting request to another row."""
    for column in range(REQUEST_WIDTH):
        b.requests[target, column] = b.requests[source, column]


@kernel
def apply_requests(b: Book, i: int, now: int, at_once: bool) -> None:
    """Carry out the cancels and replaces of instrument `i` that have arrived by `now`.

    Unless `at_once`, those wait whose order goes first (`sims.fillbook.standing`).
    """
    count = b.counters[COUNT_REQUESTS]
    if count == 0:
        return
    kept = 0
    for r in range(count):
        is_due = b.requests[r, REQUEST_INSTRUMENT] == i and b.requests[r, REQUEST_ARRIVAL] <= now
        if is_due and (at_once or not goes_first(b, find(b, b.requests[r, REQUEST_ORDER]))):
            carry_out(b, r)
        else:
            if kept != r:
                move_request(b, r, kept)
            kept += 1
    b.counters[COUNT_REQUESTS] = kept


@kernel
def carry_out(b: Book, r: int) -> None:
    """A request has arrived: act on its order, or say that the order has ended."""
    o = find(b, b.requests[r, REQUEST_ORDER])
    b.orders[o, ORDER_REQUESTS] -= 1
    if not is_working(b, o):
        emit(b, KIND_CANCEL_REJECTED, o, 0, 0, 0, 0, 0, 0, REASON_ALREADY_ENDED)
    elif b.requests[r, REQUEST_REPLACES] == 0:
        end_with_group(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REQUEST)
    else:
        replace(b, o, r)


@kernel
def replace(b: Book, o: int, r: int) -> None:
    """Give row `o` its new quantity and prices; it starts over as a newly arrived order."""
    quantity = b.requests[r, REQUEST_QUANTITY]
    if quantity <= b.orders[o, ORDER_FILLED]:
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REPLACED_AWAY)
        return
    b.orders[o, ORDER_QUANTITY] = quantity
    if b.orders[o, ORDER_ARMED] != UNKNOWN:
        b.orders[o, ORDER_ARMED] = min(quantity, b.orders[o, ORDER_ARMED])
    b.orders[o, ORDER_LIMIT] = b.requests[r, REQUEST_LIMIT]
    b.orders[o, ORDER_STOP] = b.requests[r, REQUEST_STOP]
    b.orders[o, ORDER_ARRIVAL] = b.requests[r, REQUEST_ARRIVAL]
    b.orders[o, ORDER_QUEUE] = UNKNOWN
    b.orders[o, ORDER_ANCHOR] = 0
    b.orders[o, ORDER_FIRED] = 0
    b.orders[o, ORDER_SEEN] = SEEN_NEW
    if b.orders[o, ORDER_STATUS] != STATUS_HELD:
        b.orders[o, ORDER_STATUS] = STATUS_OPEN
    limit, stop = b.orders[o, ORDER_LIMIT], b.orders[o, ORDER_STOP]
    emit(b, KIND_REPLACED, o, quantity, limit, 0, 0, 0, stop, 0)
