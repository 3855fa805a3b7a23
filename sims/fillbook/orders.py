"""The life of an order inside the fill book: emitting facts, filling, ending, arming children.

Rows are kept in order of their ids. A row that ended keeps its place until the event is over
(`remove_ended`), so that indices stay valid while an event is being matched.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, add_checked, notional_minor
from engine.model.layout import (
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    FACT_FEE,
    FACT_LIQUIDITY,
    FACT_LOTS,
    FACT_ORDER,
    FACT_PRICE,
    FACT_REASON,
    FACT_REFERENCE,
    FACT_RULE,
    FLAG_REDUCE_ONLY,
    KIND_ACCEPTED,
    KIND_ARMED,
    KIND_CANCELED,
    KIND_FILL,
    ORDER_ARMED,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_GROUP,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_MARK,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_TIF,
    ORDER_TRADED_VALUE,
    ORDER_WIDTH,
    STATUS_CANCELED,
    STATUS_FILLED,
    STATUS_HELD,
    STATUS_OPEN,
    TERM_DENOMINATOR,
    TERM_NUMERATOR,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
    TIF_FOK,
    UNKNOWN,
)
from sims.fillbook.costs import fee_minor, slippage_ticks
from sims.fillbook.layout import (
    COUNT_ENDED,
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_NOW,
    COUNT_ORDERS,
    COUNT_SEQUENCE,
    FAULT_EVENTS_FULL,
    FAULT_OVERFLOW,
    MARKET_CAPACITY_BUY,
    MARKET_CAPACITY_SELL,
    MARKET_CAPACITY_SHARED,
    MARKET_POSITION,
    REASON_FOK_UNFILLED,
    REASON_OCO,
    REASON_PARENT_ENDED,
    REASON_REDUCE_ONLY,
    Book,
)

SEEN_NOT = 0  # no event has met it
SEEN_NEW = 1  # accepted, has not met a point since it arrived
SEEN_RESTING = 2


@kernel
def emit(
    b: Book,
    kind: int,
    o: int,
    lots: int,
    price: int,
    fee: int,
    liquidity: int,
    rule: int,
    reference: int,
    reason: int,
) -> None:
    """Append one fact about order row `o` to the events of the event in hand."""
    n = b.counters[COUNT_EVENTS]
    if n >= b.events.shape[0]:
        b.counters[COUNT_FAULT] = FAULT_EVENTS_FULL
        return
    b.counters[COUNT_EVENTS] = n + 1
    b.events[n, EVENT_TS] = b.counters[COUNT_NOW]
    b.events[n, EVENT_KIND] = kind
    b.events[n, EVENT_INSTRUMENT] = b.orders[o, ORDER_INSTRUMENT]
    b.events[n, EVENT_SEQUENCE] = b.counters[COUNT_SEQUENCE]
    b.events[n, FACT_ORDER] = b.orders[o, ORDER_ID]
    b.events[n, FACT_LOTS] = lots
    b.events[n, FACT_PRICE] = price
    b.events[n, FACT_FEE] = fee
    b.events[n, FACT_LIQUIDITY] = liquidity
    b.events[n, FACT_RULE] = rule
    b.events[n, FACT_REFERENCE] = reference
    b.events[n, FACT_REASON] = reason


@kernel
def is_working(b: Book, o: int) -> bool:
    """Return whether row `o` has not ended."""
    return b.orders[o, ORDER_STATUS] < STATUS_FILLED


@kernel
def see(b: Book, o: int) -> None:
    """The order has reached the book: say so once."""
    if b.orders[o, ORDER_SEEN] == SEEN_NOT:
        b.orders[o, ORDER_SEEN] = SEEN_NEW
        if b.orders[o, ORDER_STATUS] != STATUS_HELD:
            b.orders[o, ORDER_STATUS] = STATUS_OPEN
            emit(b, KIND_ACCEPTED, o, 0, 0, 0, 0, 0, 0, 0)


@kernel
def end_alone(b: Book, o: int, kind: int, status: int, reason: int) -> None:
    """End row `o` and nothing else."""
    b.orders[o, ORDER_STATUS] = status
    b.counters[COUNT_ENDED] += 1
    left = b.orders[o, ORDER_QUANTITY] - b.orders[o, ORDER_FILLED]
    emit(b, kind, o, left, 0, 0, 0, 0, 0, reason)


@kernel
def settle_children(b: Book, o: int) -> None:
    """The parent in row `o` has ended: its children keep what was armed, or end."""
    parent = b.orders[o, ORDER_ID]
    for c in range(b.counters[COUNT_ORDERS]):
        if b.orders[c, ORDER_PARENT] == parent and is_working(b, c):
            b.orders[c, ORDER_QUANTITY] = min(b.orders[c, ORDER_QUANTITY], b.orders[c, ORDER_ARMED])
            if b.orders[c, ORDER_QUANTITY] <= b.orders[c, ORDER_FILLED]:
                end_alone(b, c, KIND_CANCELED, STATUS_CANCELED, REASON_PARENT_ENDED)


@kernel
def end(b: Book, o: int, kind: int, status: int, reason: int) -> None:
    """End row `o` unfilled, and its children with it."""
    end_alone(b, o, kind, status, reason)
    settle_children(b, o)


@kernel
def end_with_group(b: Book, o: int, kind: int, status: int, reason: int) -> None:
    """End row `o` and cancel the other members of its OCO group."""
    end(b, o, kind, status, reason)
    group = b.orders[o, ORDER_GROUP]
    if group != 0:
        for m in range(b.counters[COUNT_ORDERS]):
            if b.orders[m, ORDER_GROUP] == group and is_working(b, m):
                end(b, m, KIND_CANCELED, STATUS_CANCELED, REASON_OCO)


@kernel
def reduce_group(b: Book, o: int, lots: int) -> None:
    """A member of an OCO group filled `lots`: the others lose as much."""
    group = b.orders[o, ORDER_GROUP]
    for m in range(b.counters[COUNT_ORDERS]):
        if m != o and b.orders[m, ORDER_GROUP] == group and is_working(b, m):
            b.orders[m, ORDER_QUANTITY] -= lots
            if b.orders[m, ORDER_ARMED] != UNKNOWN:
                b.orders[m, ORDER_ARMED] -= lots
            if b.orders[m, ORDER_QUANTITY] <= b.orders[m, ORDER_FILLED]:
                end(b, m, KIND_CANCELED, STATUS_CANCELED, REASON_OCO)


@kernel
def arm_children(b: Book, o: int, lots: int) -> None:
    """The parent in row `o` filled `lots`: its children come into play by as much."""
    parent = b.orders[o, ORDER_ID]
    for c in range(b.counters[COUNT_ORDERS]):
        if b.orders[c, ORDER_PARENT] == parent and is_working(b, c):
            armed = min(b.orders[c, ORDER_ARMED] + lots, b.orders[c, ORDER_QUANTITY])
            b.orders[c, ORDER_ARMED] = armed
            b.orders[c, ORDER_MARK] = 0
            if b.orders[c, ORDER_STATUS] == STATUS_HELD:
                b.orders[c, ORDER_STATUS] = STATUS_OPEN
                b.orders[c, ORDER_SEEN] = SEEN_NEW
            emit(b, KIND_ARMED, c, armed, 0, 0, 0, 0, 0, 0)


@kernel
def lots_in_play(b: Book, o: int) -> int:
    """Return how much of row `o` may still fill: its rest, for a child what is armed of it."""
    limit = b.orders[o, ORDER_QUANTITY]
    if b.orders[o, ORDER_ARMED] != UNKNOWN:
        limit = min(limit, b.orders[o, ORDER_ARMED])
    return limit - b.orders[o, ORDER_FILLED]


@kernel
def take_capacity(b: Book, i: int, side: int, lots: int) -> None:
    """Use up the volume that the event in hand allows."""
    column = MARKET_CAPACITY_BUY if side > 0 else MARKET_CAPACITY_SELL
    if b.market[i, column] == UNKNOWN:
        return
    b.market[i, column] -= lots
    if b.market[i, MARKET_CAPACITY_SHARED] == 1:
        other = MARKET_CAPACITY_SELL if side > 0 else MARKET_CAPACITY_BUY
        b.market[i, other] -= lots


@kernel
def lots_to_fill(b: Book, o: int) -> int:
    """Return how much of row `o` fills now; ends it where its own terms forbid a smaller fill."""
    i, side = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_SIDE]
    lots = lots_in_play(b, o)
    if b.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        opposite = -side * b.market[i, MARKET_POSITION]
        if opposite <= 0 and lots > 0:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REDUCE_ONLY)
            return 0
        lots = min(lots, opposite)
    capacity = b.market[i, MARKET_CAPACITY_BUY if side > 0 else MARKET_CAPACITY_SELL]
    if capacity != UNKNOWN:
        lots = min(lots, capacity)
    rest = b.orders[o, ORDER_QUANTITY] - b.orders[o, ORDER_FILLED]
    if b.orders[o, ORDER_TIF] == TIF_FOK and lots < rest:
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_FOK_UNFILLED)
        return 0
    return lots


@kernel
def price_within_bounds(b: Book, i: int, price: int) -> int:
    """Return `price` kept inside the instrument's range."""
    lowest = b.terms[i, TERM_PRICE_STEP]
    highest = b.terms[i, TERM_PRICE_MAX]
    if price < lowest:
        return lowest
    if highest > 0 and price > highest:
        return highest
    return price


@kernel
def fill(b: Book, o: int, reference: int, liquidity: int, rule: int, slips: int) -> int:
    """Fill row `o` at the market's price `reference` as far as terms and volume allow.

    `slips` is 1 where slippage applies. Returns the lots filled.
    """
    lots = lots_to_fill(b, o)
    if lots <= 0:
        return 0
    i, side = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_SIDE]
    price = reference
    if slips == 1:
        worse = slippage_ticks(b, i, reference, lots)
        if worse == OVERFLOW:
            b.counters[COUNT_FAULT] = FAULT_OVERFLOW
            return 0
        price = price_within_bounds(b, i, reference + side * worse)
    value = abs(
        notional_minor(price, lots, b.terms[i, TERM_NUMERATOR], b.terms[i, TERM_DENOMINATOR])
    )
    position = add_checked(b.market[i, MARKET_POSITION], side * lots)
    traded = add_checked(b.orders[o, ORDER_TRADED_VALUE], value)
    if value < 0 or position == OVERFLOW or traded == OVERFLOW:
        b.counters[COUNT_FAULT] = FAULT_OVERFLOW
        return 0
    b.market[i, MARKET_POSITION] = position
    b.orders[o, ORDER_FILLED] += lots
    b.orders[o, ORDER_TRADED_VALUE] = traded
    fee = fee_minor(b, o, i, lots, price, value, liquidity)
    if fee == OVERFLOW:
        b.counters[COUNT_FAULT] = FAULT_OVERFLOW
        return 0
    take_capacity(b, i, side, lots)
    emit(b, KIND_FILL, o, lots, price, fee, liquidity, rule, reference, 0)
    if b.orders[o, ORDER_GROUP] != 0:
        reduce_group(b, o, lots)
    arm_children(b, o, lots)
    if b.orders[o, ORDER_FILLED] >= b.orders[o, ORDER_QUANTITY]:
        b.orders[o, ORDER_STATUS] = STATUS_FILLED
        b.counters[COUNT_ENDED] += 1
        settle_children(b, o)
    return lots


@kernel
def remove_ended(b: Book) -> None:
    """Close the gaps that ended orders left, keeping the order of ids."""
    if b.counters[COUNT_ENDED] == 0:
        return
    kept = 0
    for o in range(b.counters[COUNT_ORDERS]):
        if is_working(b, o):
            if kept != o:
                for column in range(ORDER_WIDTH):
                    b.orders[kept, column] = b.orders[o, column]
            kept += 1
    b.counters[COUNT_ORDERS] = kept
    b.counters[COUNT_ENDED] = 0
