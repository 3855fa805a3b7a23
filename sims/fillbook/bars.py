"""Matching against a bar: its open, the path between its extremes, its close.

Only the order of high and low is unknown. The pessimistic path is found, not guessed: where both
extremes could matter the bar is walked both ways on a saved copy of the orders, the two ways are
compared, and the configured one is kept. That also tells whether the choice mattered.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    BAR_CLOSE,
    BAR_FILLS,
    BAR_HIGH,
    BAR_LOW,
    BAR_OPEN,
    BAR_OPEN_TS,
    EVENT_INSTRUMENT,
    EVENT_TS,
    FLAG_REDUCE_ONLY,
    LIQUIDITY_MAKER,
    LIQUIDITY_TAKER,
    ORDER_ANCHOR,
    ORDER_ARMED,
    ORDER_ARRIVAL,
    ORDER_FIRED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_MARK,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TYPE,
    TERM_PRICE_STEP,
    TYPE_MARKET,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
    UNKNOWN,
)
from engine.state import Table
from sims.fillbook.costs import charges_in_kind
from sims.fillbook.layout import (
    COUNT_ENDED,
    COUNT_MARK,
    COUNT_NOW,
    COUNT_ORDERS,
    COUNT_REQUESTS,
    LONG_AGO,
    MARKET_AUCTION,
    MARKET_HALTED,
    MARKET_WORKING,
    ORDER_FRESH,
    POINT_CLOSE,
    POINT_MID,
    POINT_OPEN,
    POINT_PATH,
    RULE_STRIDE,
    SETTING_LATE,
    SETTING_PATH,
    Book,
)
from sims.fillbook.lifetimes import HAS_DATES, HAS_LATER, arrive, expire_dated, hold_back
from sims.fillbook.orders import fill, is_in_play, is_working, lots_in_play, remove_ended
from sims.fillbook.paths import begin_walks, end_walks, next_walk
from sims.fillbook.points import (
    acts_as_limit,
    better_by,
    end_immediate,
    expires_before,
    follow,
    is_auction_type,
    meet_all,
    meet_limit,
    meet_point,
    touch_fills,
    trailing_trigger,
    trigger,
)
from sims.fillbook.requests import apply_requests
from sims.fillbook.showing import show_bar

REACH_NONE = 0
REACH_PLAIN = 1  # one order for which the order of the extremes cannot matter
REACH_MANY = 2


@kernel
def match_bar(b: Book, events: Table, row: int) -> None:
    """Match the working orders of one instrument against one bar event."""
    i = events[row, EVENT_INSTRUMENT]
    shows = b.market[i, MARKET_HALTED] == 0 and events[row, BAR_FILLS] == 1
    if shows:
        show_bar(b, events, row, i)
    if b.market[i, MARKET_WORKING] > 0:
        opened, closed = events[row, BAR_OPEN_TS], events[row, EVENT_TS]
        open_, close = events[row, BAR_OPEN], events[row, BAR_CLOSE]
        b.counters[COUNT_NOW] = opened
        if shows and b.settings[SETTING_LATE] == 1:
            hold_back(b, i, closed)
        seen = arrive(b, i, opened)
        apply_requests(b, i, opened, False)
        if seen & HAS_DATES:
            expire_dated(b, i, opened, False)
        if shows:
            meet_all(b, i, open_, open_, POINT_OPEN, LONG_AGO, opened, LONG_AGO)
        if b.counters[COUNT_ENDED] < b.counters[COUNT_ORDERS] or b.counters[COUNT_REQUESTS] > 0:
            b.counters[COUNT_NOW] = closed
            if shows:
                b.market[i, MARKET_AUCTION] = 0
                choose_path(
                    b, i, opened, closed, open_, events[row, BAR_HIGH], events[row, BAR_LOW], close
                )
            if seen & HAS_LATER:
                arrive(b, i, closed)
                if shows:
                    meet_all(b, i, close, close, POINT_CLOSE, opened, closed, closed)
            if seen & HAS_DATES:
                expire_dated(b, i, closed, False)
            apply_requests(b, i, closed, False)
        remove_ended(b)
    if shows:
        b.market[i, MARKET_AUCTION] = 0


@kernel
def is_on_path(b: Book, o: int, i: int, opened: int, closed: int) -> bool:
    """Return whether row `o` works between the open and the close of this bar."""
    return (
        b.orders[o, ORDER_INSTRUMENT] == i
        and is_working(b, o)
        and b.orders[o, ORDER_ARRIVAL] <= opened
        and not is_auction_type(b.orders[o, ORDER_TYPE])
        and not expires_before(b, o, closed)
    )


@kernel
def choose_path(
    b: Book, i: int, opened: int, closed: int, open_: int, high: int, low: int, close: int
) -> None:
    """Walk the bar along the configured path, or not at all where nothing can be met."""
    reach = orders_in_reach(b, i, opened, closed, high, low)
    if reach == REACH_NONE:
        follow_extremes(b, i, opened, closed, high, low)
    elif reach == REACH_PLAIN:
        walk(b, i, opened, closed, open_, high, low, close)
    else:
        begin_walks(b, i)
        walk(b, i, opened, closed, open_, low, high, close)
        next_walk(b, i)
        walk(b, i, opened, closed, open_, high, low, close)
        end_walks(b, i, b.settings[SETTING_PATH], open_ - low <= high - open_, close)


@kernel
def orders_in_reach(b: Book, i: int, opened: int, closed: int, high: int, low: int) -> int:
    """Return whether the bar's range can touch no order, one plain order, or more."""
    reachable, plain = 0, True
    for o in range(b.counters[COUNT_ORDERS]):
        if not is_on_path(b, o, i, opened, closed):
            continue
        if b.orders[o, ORDER_ARMED] != UNKNOWN:
            plain = False  # its parent's fill would arm it, at a point that the path decides
        if lots_in_play(b, o) > 0 and is_reachable(b, o, high, low):
            reachable += 1
            if b.orders[o, ORDER_FLAGS] & FLAG_REDUCE_ONLY and charges_in_kind(b, o):
                plain = False  # what the venue keeps of a fill is left to reduce, by another fill
            if b.orders[o, ORDER_FIRED] == 0:
                order_type = b.orders[o, ORDER_TYPE]
                if order_type == TYPE_TRAILING_STOP or order_type == TYPE_STOP_LIMIT:
                    plain = False
    if reachable == 0:
        return REACH_NONE
    return REACH_PLAIN if reachable == 1 and plain else REACH_MANY


@kernel
def is_reachable(b: Book, o: int, high: int, low: int) -> bool:
    """Return whether a path between `low` and `high` can touch row `o`."""
    if acts_as_limit(b, o):
        return low <= b.orders[o, ORDER_LIMIT] <= high
    order_type = b.orders[o, ORDER_TYPE]
    if order_type == TYPE_MARKET or b.orders[o, ORDER_FIRED] == 1:
        return False
    if order_type != TYPE_TRAILING_STOP:
        return low <= b.orders[o, ORDER_STOP] <= high
    side, anchor = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_ANCHOR]
    best = min(anchor, low) if side > 0 else max(anchor, high)
    stop = trailing_trigger(b, o, best)
    return anchor != 0 and (stop <= high if side > 0 else stop >= low)


@kernel
def follow_extremes(b: Book, i: int, opened: int, closed: int, high: int, low: int) -> None:
    """Let the anchors of trailing stops that cannot fire follow the bar."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_ANCHOR] != 0 and b.orders[o, ORDER_FIRED] == 0:
            if is_on_path(b, o, i, opened, closed):
                follow(b, o, low if b.orders[o, ORDER_SIDE] > 0 else high)


@kernel
def walk(
    b: Book, i: int, opened: int, closed: int, open_: int, first: int, second: int, close: int
) -> None:
    """Walk open -> first extreme -> second extreme -> close, filling what is met."""
    walk_leg(b, i, opened, closed, open_, first)
    walk_leg(b, i, opened, closed, first, second)
    walk_leg(b, i, opened, closed, second, close)


@kernel
def walk_leg(b: Book, i: int, opened: int, closed: int, start: int, end_price: int) -> None:
    """Walk one leg; the order nearest to the current point is hit first, ties by id."""
    if start == end_price:
        return
    b.counters[COUNT_MARK] += 1
    mark = b.counters[COUNT_MARK]
    way = 1 if end_price > start else -1
    here = start
    while True:
        o, price = next_hit(b, i, opened, closed, here, end_price, way, mark)
        if o < 0:
            break
        b.orders[o, ORDER_MARK] = mark
        hit(b, o, price)
        here = price
        meet_fresh(b, i, opened, closed, here)
    follow_extremes(b, i, opened, closed, end_price, end_price)


@kernel
def next_hit(
    b: Book, i: int, opened: int, closed: int, here: int, end_price: int, way: int, mark: int
) -> tuple[int, int]:
    """Return the row that the leg meets next and the price, or (-1, 0)."""
    best, best_price = -1, 0
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_MARK] == mark or not is_in_play(b, o, i):
            continue
        if not is_on_path(b, o, i, opened, closed):
            continue
        price = hit_price(b, o, here, end_price, way)
        if price > 0 and (best < 0 or abs(price - here) < abs(best_price - here)):
            best, best_price = o, price
    return best, best_price


@kernel
def hit_price(b: Book, o: int, here: int, end_price: int, way: int) -> int:
    """Return the price at which the leg meets row `o`, or 0."""
    side = b.orders[o, ORDER_SIDE]
    if acts_as_limit(b, o):
        return limit_hit_price(b, o, here, end_price) if way != side else 0
    order_type = b.orders[o, ORDER_TYPE]
    if way != side or order_type == TYPE_MARKET or b.orders[o, ORDER_FIRED] == 1:
        return 0
    stop = b.orders[o, ORDER_STOP]
    if order_type == TYPE_TRAILING_STOP:
        anchor = b.orders[o, ORDER_ANCHOR]
        if anchor == 0:
            return 0
        stop = trailing_trigger(b, o, anchor)
    if way * here <= way * stop and way * stop <= way * end_price:
        return stop
    return 0


@kernel
def limit_hit_price(b: Book, o: int, here: int, end_price: int) -> int:
    """Return the limit where the leg passes it (or touches it, if so configured), or 0."""
    depth = better_by(b, o, end_price)
    if better_by(b, o, here) > 0 or depth < 0:
        return 0
    if depth < b.terms[b.orders[o, ORDER_INSTRUMENT], TERM_PRICE_STEP] and not touch_fills(b):
        return 0
    return b.orders[o, ORDER_LIMIT]


@kernel
def hit(b: Book, o: int, price: int) -> None:
    """The path has reached row `o` at `price`."""
    order_type = b.orders[o, ORDER_TYPE]
    rule = order_type * RULE_STRIDE + POINT_PATH
    if acts_as_limit(b, o):
        fill(b, o, price, LIQUIDITY_MAKER, rule, 0, UNKNOWN)
        return
    trigger(b, o)
    if order_type == TYPE_STOP_LIMIT:
        meet_limit(b, o, price, POINT_PATH, True)
    else:
        fill(b, o, price, LIQUIDITY_TAKER, rule, 1, UNKNOWN)
    end_immediate(b, o)


@kernel
def meet_fresh(b: Book, i: int, opened: int, closed: int, price: int) -> None:
    """Children armed by the last fill meet the point at which it happened."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_FRESH] == 1 and is_in_play(b, o, i):
            if is_on_path(b, o, i, opened, closed):
                meet_point(b, o, price, price, POINT_MID)
