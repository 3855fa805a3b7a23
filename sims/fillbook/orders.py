"""The life of an order inside the fill book: emitting facts, filling, ending, arming children.

Rows are kept in order of their ids. A row that ended keeps its place until the event is over
(`remove_ended`), so that indices stay valid while an event is being matched; one that a cancel or
replace is still under way to stays until that has been answered. A child's row is below its
parent's, so one pass downwards reaches children, and children of children.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    INT64_MAX,
    OVERFLOW,
    add_checked,
    floor_to,
    multiply_divide_floor,
    notional_minor,
)
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
    TERM_LOT_STEP,
    TERM_NUMERATOR,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
    TIF_FOK,
    UNKNOWN,
)
from sims.fillbook.costs import fee_lots, fee_minor, slippage_ticks
from sims.fillbook.layout import (
    COUNT_ENDED,
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_NOW,
    COUNT_ORDERS,
    COUNT_SEQUENCE,
    FAULT_EVENTS_FULL,
    FAULT_OVERFLOW,
    MARKET_POSITION,
    MARKET_SHARED,
    MARKET_SIZE_BUY,
    MARKET_SIZE_SELL,
    MARKET_TAKEN_BUY,
    MARKET_TAKEN_SELL,
    MARKET_WORKING,
    ORDER_CHILDREN,
    ORDER_FRESH,
    ORDER_REQUESTS,
    ORDER_TRADED_LOTS,
    REASON_OCO,
    REASON_PARENT_ENDED,
    REASON_REDUCE_ONLY,
    SEEN_NEW,
    SEEN_NOT,
    SETTING_VOLUME_CAP_PPB,
    Book,
)

BILLION = 10**9


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
    """Append one fact about order row `o` to the events of the event in hand.

    The last argument is FACT_REASON, or FACT_FEE_LOTS of a fill.
    """
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
def find(b: Book, order_id: int) -> int:
    """Return the row of an order, or -1."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_ID] == order_id:
            return o
    return -1


@kernel
def is_working(b: Book, o: int) -> bool:
    """Return whether row `o` has not ended."""
    return b.orders[o, ORDER_STATUS] < STATUS_FILLED


@kernel
def lots_in_play(b: Book, o: int) -> int:
    """Return how much of row `o` may still fill: its rest, for a child what is armed of it."""
    limit = b.orders[o, ORDER_QUANTITY]
    if b.orders[o, ORDER_ARMED] != UNKNOWN:
        limit = min(limit, b.orders[o, ORDER_ARMED])
    return limit - b.orders[o, ORDER_FILLED]


@kernel
def is_in_play(b: Book, o: int, i: int) -> bool:
    """Return whether row `o` is a working order of instrument `i` with something to fill."""
    return b.orders[o, ORDER_INSTRUMENT] == i and is_working(b, o) and lots_in_play(b, o) > 0


@kernel
def accept(b: Book, o: int) -> None:
    """An order that is no child has reached the book: say so."""
    b.orders[o, ORDER_SEEN] = SEEN_NEW
    b.orders[o, ORDER_STATUS] = STATUS_OPEN
    emit(b, KIND_ACCEPTED, o, 0, 0, 0, 0, 0, 0, 0)


@kernel
def end_alone(b: Book, o: int, kind: int, status: int, reason: int) -> None:
    """End row `o` and nothing else."""
    if b.orders[o, ORDER_SEEN] == SEEN_NOT and b.orders[o, ORDER_PARENT] == 0:
        accept(b, o)
    b.orders[o, ORDER_STATUS] = status
    b.counters[COUNT_ENDED] += 1
    left = b.orders[o, ORDER_QUANTITY] - b.orders[o, ORDER_FILLED]
    emit(b, kind, o, left, 0, 0, 0, 0, 0, reason)


@kernel
def has_parent(b: Book, c: int) -> bool:
    """Return whether the parent of the child in row `c` works."""
    p = find(b, b.orders[c, ORDER_PARENT])
    return p >= 0 and is_working(b, p)


@kernel
def settle_children(b: Book, o: int) -> None:
    """The parent in row `o` has ended: its children go on as orders for what was armed, or end."""
    if b.orders[o, ORDER_CHILDREN] == 0:
        return
    for c in range(o + 1, b.counters[COUNT_ORDERS]):
        if b.orders[c, ORDER_PARENT] == 0 or b.orders[c, ORDER_ARMED] == UNKNOWN:
            continue
        if is_working(b, c) and not has_parent(b, c):
            b.orders[c, ORDER_QUANTITY] = min(b.orders[c, ORDER_QUANTITY], b.orders[c, ORDER_ARMED])
            b.orders[c, ORDER_ARMED] = UNKNOWN
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
            filled = b.orders[m, ORDER_FILLED]
            b.orders[m, ORDER_QUANTITY] = max(filled, b.orders[m, ORDER_QUANTITY] - lots)
            if b.orders[m, ORDER_ARMED] != UNKNOWN:
                b.orders[m, ORDER_ARMED] = max(filled, b.orders[m, ORDER_ARMED] - lots)
            if b.orders[m, ORDER_QUANTITY] == filled:
                end(b, m, KIND_CANCELED, STATUS_CANCELED, REASON_OCO)


@kernel
def announce_armed(b: Book, c: int, armed: int) -> None:
    """Say how much of the child in row `c` is in play; it has yet to meet the point in hand."""
    if b.orders[c, ORDER_STATUS] == STATUS_HELD:
        b.orders[c, ORDER_STATUS] = STATUS_OPEN
    b.orders[c, ORDER_FRESH] = 1
    b.orders[c, ORDER_MARK] = 0
    emit(b, KIND_ARMED, c, armed, 0, 0, 0, 0, 0, 0)


@kernel
def arm_children(b: Book, o: int, lots: int) -> None:
    """The parent in row `o` filled `lots`: its children come into play by as much.

    A child that is still on its way is armed too, and says so when it arrives.
    """
    if b.orders[o, ORDER_CHILDREN] == 0:
        return
    parent = b.orders[o, ORDER_ID]
    for c in range(o + 1, b.counters[COUNT_ORDERS]):
        if b.orders[c, ORDER_PARENT] == parent and is_working(b, c):
            before = b.orders[c, ORDER_ARMED]
            armed = min(before + lots, b.orders[c, ORDER_QUANTITY])
            if armed > before:
                b.orders[c, ORDER_ARMED] = armed
                if b.orders[c, ORDER_SEEN] != SEEN_NOT:
                    announce_armed(b, c, armed)


@kernel
def capacity(b: Book, i: int, side: int) -> int:
    """Return how many lots the event in hand still lets `side` trade; UNKNOWN for no cap."""
    cap = b.settings[SETTING_VOLUME_CAP_PPB]
    size = b.market[i, MARKET_SIZE_BUY if side > 0 else MARKET_SIZE_SELL]
    if cap == UNKNOWN or size == UNKNOWN:
        return UNKNOWN
    allowed = floor_to(multiply_divide_floor(size, cap, BILLION), b.terms[i, TERM_LOT_STEP])
    return max(0, allowed - b.market[i, MARKET_TAKEN_BUY if side > 0 else MARKET_TAKEN_SELL])


@kernel
def take_capacity(b: Book, i: int, side: int, lots: int) -> None:
    """Use up the volume that the event in hand allows."""
    if side > 0 or b.market[i, MARKET_SHARED] == 1:
        b.market[i, MARKET_TAKEN_BUY] = add_up_to_most(b.market[i, MARKET_TAKEN_BUY], lots)
    if side < 0 or b.market[i, MARKET_SHARED] == 1:
        b.market[i, MARKET_TAKEN_SELL] = add_up_to_most(b.market[i, MARKET_TAKEN_SELL], lots)


@kernel
def add_up_to_most(taken: int, lots: int) -> int:
    """Return the sum of two quantities, or the largest number: more than that is never allowed."""
    total = add_checked(taken, lots)
    return total if total != OVERFLOW else INT64_MAX


@kernel
def reducible(b: Book, o: int) -> int:
    """Return the opposite position of a reduce-only order in whole lot steps, at least 0."""
    i = b.orders[o, ORDER_INSTRUMENT]
    opposite = -b.orders[o, ORDER_SIDE] * b.market[i, MARKET_POSITION]
    return floor_to(opposite, b.terms[i, TERM_LOT_STEP]) if opposite > 0 else 0


@kernel
def lots_to_fill(b: Book, o: int, most: int) -> int:
    """Return how much of row `o` fills now, at most `most` (UNKNOWN: no such limit).

    Ends a reduce-only order that has nothing left to reduce.
    """
    i, side = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_SIDE]
    in_play = lots_in_play(b, o)
    lots = in_play
    if b.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        lots = min(lots, reducible(b, o))
        if lots <= 0:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REDUCE_ONLY)
            return 0
    allowed = capacity(b, i, side)
    if allowed != UNKNOWN:
        lots = min(lots, allowed)
    if most != UNKNOWN:
        lots = min(lots, most)
    if b.orders[o, ORDER_TIF] == TIF_FOK and lots < in_play:
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
def fill(b: Book, o: int, reference: int, liquidity: int, rule: int, slips: int, most: int) -> int:
    """Fill row `o` at the market's price `reference` as far as terms and volume allow.

    `slips` is 1 where slippage applies; `most` limits the lots (UNKNOWN: no limit). Returns the lots.
    """
    lots = lots_to_fill(b, o, most)
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
    kept = fee_lots(b, o, i, lots, liquidity)
    position = add_checked(b.market[i, MARKET_POSITION], side * lots - kept)
    traded = add_checked(b.orders[o, ORDER_TRADED_VALUE], value)
    if value < 0 or position == OVERFLOW or traded == OVERFLOW:
        b.counters[COUNT_FAULT] = FAULT_OVERFLOW
        return 0
    b.orders[o, ORDER_FILLED] += lots
    b.orders[o, ORDER_TRADED_LOTS] += lots
    b.orders[o, ORDER_TRADED_VALUE] = traded
    fee = fee_minor(b, o, i, lots, price, value, liquidity)
    if fee == OVERFLOW:
        b.counters[COUNT_FAULT] = FAULT_OVERFLOW
        return 0
    b.market[i, MARKET_POSITION] = position
    take_capacity(b, i, side, lots)
    emit(b, KIND_FILL, o, lots, price, fee, liquidity, rule, reference, kept)
    after_fill(b, o, lots)
    return lots


@kernel
def after_fill(b: Book, o: int, lots: int) -> None:
    """Row `o` filled `lots`: arm its children, reduce its group, end it where nothing is left."""
    arm_children(b, o, lots)
    if b.orders[o, ORDER_GROUP] != 0:
        reduce_group(b, o, lots)
    if b.orders[o, ORDER_FILLED] >= b.orders[o, ORDER_QUANTITY]:
        b.orders[o, ORDER_STATUS] = STATUS_FILLED
        b.counters[COUNT_ENDED] += 1
        settle_children(b, o)
    elif b.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
        if lots_in_play(b, o) > 0 and reducible(b, o) <= 0:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REDUCE_ONLY)


@kernel
def remove_ended(b: Book) -> None:
    """Close the gaps that ended orders left, keeping the order of ids."""
    if b.counters[COUNT_ENDED] == 0:
        return
    kept, waiting = 0, 0
    for o in range(b.counters[COUNT_ORDERS]):
        works = is_working(b, o)
        if not works and b.orders[o, ORDER_REQUESTS] == 0:
            b.market[b.orders[o, ORDER_INSTRUMENT], MARKET_WORKING] -= 1
            continue
        if not works:
            waiting += 1
        if kept != o:
            for column in range(ORDER_WIDTH):
                b.orders[kept, column] = b.orders[o, column]
        kept += 1
    b.counters[COUNT_ORDERS] = kept
    b.counters[COUNT_ENDED] = waiting
