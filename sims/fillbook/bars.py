"""Matching against a bar: its open, the path between its extremes, its close.

Only the order of high and low is unknown. The pessimistic path is found, not guessed: where both
extremes could matter, the bar is walked both ways on a saved copy of the orders, and the way whose
fills are worth less at the close is kept.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import multiply_divide_floor
from engine.model.layout import (
    BAR_CLOSE,
    BAR_HIGH,
    BAR_LOW,
    BAR_OPEN,
    BAR_OPEN_TS,
    BAR_VOLUME,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_TS,
    FACT_LOTS,
    FACT_ORDER,
    FACT_PRICE,
    KIND_FILL,
    LIQUIDITY_MAKER,
    LIQUIDITY_TAKER,
    ORDER_ANCHOR,
    ORDER_ARRIVAL,
    ORDER_FIRED,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_MARK,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_TYPE,
    ORDER_WIDTH,
    STATUS_HELD,
    TERM_LOT_STEP,
    TYPE_LIMIT,
    TYPE_LIMIT_ON_CLOSE,
    TYPE_LIMIT_ON_OPEN,
    TYPE_MARKET,
    TYPE_MARKET_ON_CLOSE,
    TYPE_MARKET_ON_OPEN,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
    UNKNOWN,
)
from sims.fillbook.layout import (
    COUNT_AMBIGUITIES,
    COUNT_ENDED,
    COUNT_EVENTS,
    COUNT_MARK,
    COUNT_NOW,
    COUNT_ORDERS,
    LIMIT_TOUCH,
    MARKET_AUCTION,
    MARKET_CAPACITY_BUY,
    MARKET_CAPACITY_SELL,
    MARKET_CAPACITY_SHARED,
    MARKET_HALTED,
    MARKET_LAST,
    MARKET_ON_QUOTE,
    MARKET_POSITION,
    MARKET_PRINTED,
    MARKET_VOLUME,
    PATH_LOW_FIRST,
    PATH_NEAREST,
    PATH_OPTIMISTIC,
    PATH_PESSIMISTIC,
    POINT_CLOSE,
    POINT_MID,
    POINT_OPEN,
    POINT_PATH,
    RULE_STRIDE,
    SETTING_LIMIT_FILL,
    SETTING_PATH,
    SETTING_VOLUME_CAP_PPB,
    Book,
)
from sims.fillbook.lifetimes import apply_requests, expire_dated, fill_at_open_auction
from sims.fillbook.orders import SEEN_RESTING, fill, is_working, remove_ended
from sims.fillbook.points import (
    end_immediate,
    follow,
    limit_is_marketable,
    meet_point,
    trailing_trigger,
    trigger,
)

BILLION = 10**9
ARMED_AT_POINT = 0  # ORDER_MARK of a child that has not met the point at which it was armed


@kernel
def capped(b: Book, i: int, volume: int) -> int:
    """Return how many of `volume` lots one event lets us trade; UNKNOWN for no cap."""
    cap = b.settings[SETTING_VOLUME_CAP_PPB]
    if cap == UNKNOWN or volume == UNKNOWN:
        return UNKNOWN
    step = b.terms[i, TERM_LOT_STEP]
    return multiply_divide_floor(volume, cap, BILLION) // step * step


@kernel
def match_bar(b: Book, events: object, row: int) -> None:
    """Match the working orders of one instrument against one bar event."""
    i = events[row, EVENT_INSTRUMENT]  # type: ignore[index]
    if b.market[i, MARKET_HALTED] == 1:
        return
    opened, closed = events[row, BAR_OPEN_TS], events[row, EVENT_TS]  # type: ignore[index]
    open_, close = events[row, BAR_OPEN], events[row, BAR_CLOSE]  # type: ignore[index]
    high, low = events[row, BAR_HIGH], events[row, BAR_LOW]  # type: ignore[index]
    volume = events[row, BAR_VOLUME]  # type: ignore[index]
    b.market[i, MARKET_VOLUME] = volume
    b.market[i, MARKET_CAPACITY_BUY] = capped(b, i, volume)
    b.market[i, MARKET_CAPACITY_SELL] = b.market[i, MARKET_CAPACITY_BUY]
    b.market[i, MARKET_CAPACITY_SHARED] = 1
    b.market[i, MARKET_ON_QUOTE] = 0
    b.market[i, MARKET_PRINTED] = 1
    b.market[i, MARKET_LAST] = close

    b.counters[COUNT_NOW] = opened
    apply_requests(b, i, opened)
    expire_dated(b, i, opened)
    if b.market[i, MARKET_AUCTION] == 1:
        fill_at_open_auction(b, i, open_, opened)
        b.market[i, MARKET_AUCTION] = 0
    meet_all(b, i, open_, POINT_OPEN, opened, UNKNOWN)

    b.counters[COUNT_NOW] = closed
    expire_dated(b, i, closed - 1)
    choose_path(b, i, opened, open_, high, low, close)
    meet_all(b, i, close, POINT_CLOSE, closed, opened)
    expire_dated(b, i, closed)
    apply_requests(b, i, closed)
    remove_ended(b)


@kernel
def waits_for_auction(order_type: int) -> bool:
    """Return whether an order type trades only at a session's open or close."""
    return (
        order_type == TYPE_MARKET_ON_OPEN
        or order_type == TYPE_LIMIT_ON_OPEN
        or order_type == TYPE_MARKET_ON_CLOSE
        or order_type == TYPE_LIMIT_ON_CLOSE
    )


@kernel
def meet_all(b: Book, i: int, price: int, point: int, arrived_by: int, arrived_after: int) -> None:
    """Let every order of `i` that arrived in (arrived_after, arrived_by] meet one point."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] != i or not is_working(b, o):
            continue
        if b.orders[o, ORDER_STATUS] == STATUS_HELD:
            continue
        arrival = b.orders[o, ORDER_ARRIVAL]
        if arrived_after < arrival <= arrived_by:
            b.orders[o, ORDER_MARK] = 1
            meet_point(b, o, price, point)


@kernel
def choose_path(b: Book, i: int, opened: int, open_: int, high: int, low: int, close: int) -> None:
    """Walk the bar along the configured path."""
    reachable, plain = orders_in_reach(b, i, opened, high, low)
    if reachable == 0:
        return
    path = b.settings[SETTING_PATH]
    if reachable == 1 and plain == 1:
        walk(b, i, opened, open_, high, low, close)
        return
    if path != PATH_PESSIMISTIC and path != PATH_OPTIMISTIC:
        low_first = path == PATH_LOW_FIRST
        if path == PATH_NEAREST:
            low_first = open_ - low <= high - open_
        walk(b, i, opened, open_, low if low_first else high, high if low_first else low, close)
        return
    walk_worse_or_better(b, i, opened, open_, high, low, close)


@kernel
def orders_in_reach(b: Book, i: int, opened: int, high: int, low: int) -> tuple[int, int]:
    """Count the orders that the bar's range can touch, and those among them that are plain.

    Plain: a limit or stop without family, for which the order of the extremes cannot matter alone.
    """
    reachable, plain = 0, 0
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] != i or not is_working(b, o):
            continue
        order_type = b.orders[o, ORDER_TYPE]
        if order_type == TYPE_MARKET or waits_for_auction(order_type):
            continue
        if b.orders[o, ORDER_ARRIVAL] > opened:
            continue
        held = b.orders[o, ORDER_STATUS] == STATUS_HELD
        if held or order_type == TYPE_TRAILING_STOP or order_type == TYPE_STOP_LIMIT:
            reachable += 1
            continue
        price = b.orders[o, ORDER_LIMIT] if order_type == TYPE_LIMIT else b.orders[o, ORDER_STOP]
        if low <= price <= high and b.orders[o, ORDER_FIRED] == 0:
            reachable += 1
            plain += 1
    return reachable, plain


@kernel
def walk_worse_or_better(
    b: Book, i: int, opened: int, open_: int, high: int, low: int, close: int
) -> None:
    """Walk both ways on a copy, and keep the way that the pessimist (or optimist) expects."""
    rows, events = b.counters[COUNT_ORDERS], b.counters[COUNT_EVENTS]
    ended, marks = b.counters[COUNT_ENDED], b.counters[COUNT_MARK]
    ambiguities = b.counters[COUNT_AMBIGUITIES]
    position, capacity = b.market[i, MARKET_POSITION], b.market[i, MARKET_CAPACITY_BUY]
    save(b, rows)
    walk(b, i, opened, open_, low, high, close)
    worth_low_first = worth_at(b, events, close)
    filled_low_first = b.counters[COUNT_EVENTS] - events
    restore(b, i, rows, events, ended, marks, position, capacity)
    walk(b, i, opened, open_, high, low, close)
    worth_high_first = worth_at(b, events, close)
    differs = (
        worth_low_first != worth_high_first or b.counters[COUNT_EVENTS] - events != filled_low_first
    )
    if b.settings[SETTING_PATH] == PATH_PESSIMISTIC:
        low_first = worth_low_first < worth_high_first
    else:
        low_first = worth_low_first > worth_high_first
    if low_first:
        restore(b, i, rows, events, ended, marks, position, capacity)
        b.counters[COUNT_AMBIGUITIES] = ambiguities
        walk(b, i, opened, open_, low, high, close)
    if differs:
        b.counters[COUNT_AMBIGUITIES] += 1


@kernel
def save(b: Book, rows: int) -> None:
    """Copy the order rows aside."""
    for o in range(rows):
        for column in range(ORDER_WIDTH):
            b.scratch[o, column] = b.orders[o, column]


@kernel
def restore(
    b: Book, i: int, rows: int, events: int, ended: int, marks: int, position: int, capacity: int
) -> None:
    """Undo what a walk did."""
    for o in range(rows):
        for column in range(ORDER_WIDTH):
            b.orders[o, column] = b.scratch[o, column]
    b.counters[COUNT_EVENTS] = events
    b.counters[COUNT_ENDED] = ended
    b.counters[COUNT_MARK] = marks
    b.market[i, MARKET_POSITION] = position
    b.market[i, MARKET_CAPACITY_BUY] = capacity
    b.market[i, MARKET_CAPACITY_SELL] = capacity


@kernel
def worth_at(b: Book, first: int, close: int) -> float:
    """Return what the fills since event `first` are worth at the close, in ticks x lots."""
    worth = 0.0
    for e in range(first, b.counters[COUNT_EVENTS]):
        if b.events[e, EVENT_KIND] == KIND_FILL:
            side = side_of(b, b.events[e, FACT_ORDER])
            worth += float(side * b.events[e, FACT_LOTS]) * float(close - b.events[e, FACT_PRICE])
    return worth


@kernel
def side_of(b: Book, order_id: int) -> int:
    """Return the side of an order that is still in the table."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_ID] == order_id:
            return b.orders[o, ORDER_SIDE]
    return 0


@kernel
def walk(b: Book, i: int, opened: int, open_: int, first: int, second: int, close: int) -> None:
    """Walk open -> first extreme -> second extreme -> close, filling what is met."""
    walk_leg(b, i, opened, open_, first)
    walk_leg(b, i, opened, first, second)
    walk_leg(b, i, opened, second, close)
    for o in range(b.counters[COUNT_ORDERS]):
        if is_on_path(b, o, i, opened) and b.orders[o, ORDER_ANCHOR] != 0:
            follow(b, o, close)


@kernel
def is_on_path(b: Book, o: int, i: int, opened: int) -> bool:
    """Return whether row `o` is in play between the open and the close of this bar."""
    return (
        b.orders[o, ORDER_INSTRUMENT] == i
        and is_working(b, o)
        and b.orders[o, ORDER_STATUS] != STATUS_HELD
        and b.orders[o, ORDER_ARRIVAL] <= opened
        and not waits_for_auction(b.orders[o, ORDER_TYPE])
    )


@kernel
def walk_leg(b: Book, i: int, opened: int, start: int, end_price: int) -> None:
    """Walk one leg; the order nearest to the current point is hit first, ties by id."""
    b.counters[COUNT_MARK] += 1
    mark = b.counters[COUNT_MARK] + 1  # ORDER_MARK 0 and 1 have their own meanings
    point = start
    while True:
        nearest, price = next_hit(b, i, opened, point, end_price, mark)
        if nearest < 0:
            return
        b.orders[nearest, ORDER_MARK] = mark
        hit(b, nearest, price)
        point = price
        meet_freshly_armed(b, i, point)


@kernel
def next_hit(
    b: Book, i: int, opened: int, start: int, end_price: int, mark: int
) -> tuple[int, int]:
    """Return the row that the leg meets next and the price, or (-1, 0)."""
    best, best_price = -1, 0
    for o in range(b.counters[COUNT_ORDERS]):
        if not is_on_path(b, o, i, opened) or b.orders[o, ORDER_MARK] == mark:
            continue
        price = hit_price(b, o, start, end_price)
        if price > 0 and (best < 0 or abs(price - start) < abs(best_price - start)):
            best, best_price = o, price
    return best, best_price


@kernel
def hit_price(b: Book, o: int, start: int, end_price: int) -> int:
    """Return the price at which the leg meets row `o`, or 0."""
    order_type, side = b.orders[o, ORDER_TYPE], b.orders[o, ORDER_SIDE]
    fired = b.orders[o, ORDER_FIRED] == 1
    if order_type == TYPE_LIMIT or (order_type == TYPE_STOP_LIMIT and fired):
        return limit_hit_price(b, o, side, start, end_price)
    if fired or order_type == TYPE_MARKET:
        return 0
    if order_type == TYPE_TRAILING_STOP:
        follow(b, o, start)
        stop = trailing_trigger(b, o)
    else:
        stop = b.orders[o, ORDER_STOP]
    # A stop lies ahead in the direction of its side: up for buys, down for sells.
    if side * start < side * stop and side * stop <= side * end_price:
        return stop
    return 0


@kernel
def limit_hit_price(b: Book, o: int, side: int, start: int, end_price: int) -> int:
    """Return the limit where the leg passes through it (or touches it, if so configured), or 0."""
    limit = b.orders[o, ORDER_LIMIT]
    if side * limit > side * start or side * end_price > side * limit:
        return 0
    if side * start <= side * end_price:
        return 0
    if end_price == limit:
        b.counters[COUNT_AMBIGUITIES] += 1
        if b.settings[SETTING_LIMIT_FILL] != LIMIT_TOUCH:
            return 0
    return limit


@kernel
def hit(b: Book, o: int, price: int) -> None:
    """The path has reached row `o` at `price`."""
    order_type = b.orders[o, ORDER_TYPE]
    rule = order_type * RULE_STRIDE + POINT_PATH
    fired = b.orders[o, ORDER_FIRED] == 1
    if order_type == TYPE_LIMIT or (order_type == TYPE_STOP_LIMIT and fired):
        fill(b, o, price, LIQUIDITY_MAKER, rule, 0)
        return
    trigger(b, o)
    if order_type == TYPE_STOP_LIMIT:
        if limit_is_marketable(b, o, price):
            fill(b, o, price, LIQUIDITY_TAKER, rule, 0)
    else:
        fill(b, o, price, LIQUIDITY_TAKER, rule, 1)
    b.orders[o, ORDER_SEEN] = SEEN_RESTING
    end_immediate(b, o)


@kernel
def meet_freshly_armed(b: Book, i: int, price: int) -> None:
    """Children armed by the last fill meet the point at which it happened."""
    for o in range(b.counters[COUNT_ORDERS]):
        if (
            b.orders[o, ORDER_MARK] == ARMED_AT_POINT
            and b.orders[o, ORDER_INSTRUMENT] == i
            and b.orders[o, ORDER_STATUS] != STATUS_HELD
            and is_working(b, o)
        ):
            b.orders[o, ORDER_MARK] = 1
            meet_point(b, o, price, POINT_MID)
