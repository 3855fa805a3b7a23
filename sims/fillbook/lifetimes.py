"""What ends orders or changes them apart from the market: arrival, dates, sessions, splits."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import OVERFLOW, floor_to, multiply_divide_floor
from engine.model.layout import (
    KIND_CANCELED,
    KIND_EXPIRED,
    ORDER_ANCHOR,
    ORDER_ARMED,
    ORDER_ARRIVAL,
    ORDER_EXPIRE,
    ORDER_FILLED,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_QUEUE,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TRAIL_TICKS,
    ORDER_TYPE,
    STATUS_CANCELED,
    STATUS_EXPIRED,
    TERM_CALENDAR,
    TERM_LOT_STEP,
    TERM_PRICE_STEP,
    TIF_DAY,
    TIF_GTD,
    TYPE_LIMIT_ON_CLOSE,
    TYPE_MARKET_ON_CLOSE,
    UNKNOWN,
)
from engine.rules.scaling import scale_price
from engine.step import scale_order
from sims.fillbook.layout import (
    COUNT_FAULT,
    COUNT_NOW,
    COUNT_ORDERS,
    COUNT_REQUESTS,
    FAULT_OVERFLOW,
    HALTED_NOW,
    HALTED_OUTSIDE,
    MARKET_AUCTION,
    MARKET_HALTED,
    MARKET_LAST,
    MARKET_POSITION,
    MARKET_PRINTED,
    MARKET_SPREAD,
    MARKET_WORKING,
    ORDER_FRESH,
    ORDER_LATE,
    POINT_CLOSE,
    REASON_CLOSED_MARKET,
    REASON_DAY_ENDED,
    REASON_GOOD_TILL_DATE,
    REASON_PARENT_ENDED,
    REASON_SPLIT,
    REQUEST_INSTRUMENT,
    REQUEST_LIMIT,
    REQUEST_ORDER,
    REQUEST_QUANTITY,
    REQUEST_REPLACES,
    REQUEST_STOP,
    SEEN_NEW,
    SEEN_NOT,
    SETTING_HOURS,
    Book,
)
from sims.fillbook.orders import (
    accept,
    announce_armed,
    end,
    find,
    has_parent,
    is_in_play,
    is_working,
    lots_in_play,
    remove_ended,
)
from sims.fillbook.points import meet_auction, meet_point
from sims.fillbook.requests import apply_requests
from sims.fillbook.standing import forget_point, goes_first

HAS_DATES = 1  # an order is good till a date
HAS_LATER = 2  # an order has not arrived yet


@kernel
def arrive(b: Book, i: int, now: int) -> int:
    """Take in what has arrived at instrument `i` by `now`; return what is among its orders."""
    found = 0
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] != i or not is_working(b, o):
            continue
        if b.orders[o, ORDER_TIF] == TIF_GTD:
            found = found | HAS_DATES
        if b.orders[o, ORDER_ARRIVAL] > now:
            found = found | HAS_LATER
        elif b.orders[o, ORDER_SEEN] == SEEN_NOT:
            if b.orders[o, ORDER_PARENT] == 0:
                accept(b, o)
            else:
                take_in_child(b, o)
    return found


@kernel
def hold_back(b: Book, i: int, until: int) -> None:
    """Orders of instrument `i` whose first bar this is reach it at its end, `until`."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] == i and b.orders[o, ORDER_LATE] == 0:
            b.orders[o, ORDER_LATE] = 1
            b.orders[o, ORDER_ARRIVAL] = max(b.orders[o, ORDER_ARRIVAL], until)


@kernel
def take_in_child(b: Book, c: int) -> None:
    """A child has arrived: it waits for its parent's fills, and may have been armed on its way."""
    b.orders[c, ORDER_SEEN] = SEEN_NEW
    armed = b.orders[c, ORDER_ARMED]
    if armed == UNKNOWN:
        armed = b.orders[c, ORDER_QUANTITY]
    elif not has_parent(b, c):
        end(b, c, KIND_CANCELED, STATUS_CANCELED, REASON_PARENT_ENDED)
        return
    if armed > 0:
        announce_armed(b, c, armed)


@kernel
def expire_dated(b: Book, i: int, now: int, at_once: bool) -> None:
    """End the GTD orders of instrument `i` whose date is not after `now`.

    Unless `at_once`, those wait that came before their date and go first (`sims.fillbook.standing`).
    """
    for o in range(b.counters[COUNT_ORDERS]):
        if (
            b.orders[o, ORDER_INSTRUMENT] == i
            and b.orders[o, ORDER_TIF] == TIF_GTD
            and b.orders[o, ORDER_EXPIRE] <= now
            and is_working(b, o)
        ):
            came_in_time = b.orders[o, ORDER_ARRIVAL] < b.orders[o, ORDER_EXPIRE]
            if at_once or not came_in_time or not goes_first(b, o):
                end(b, o, KIND_EXPIRED, STATUS_EXPIRED, REASON_GOOD_TILL_DATE)


@kernel
def catch_up(b: Book, i: int, now: int) -> None:
    """Do what is due at instrument `i` before an event at `now`."""
    found = arrive(b, i, now)
    apply_requests(b, i, now, False)
    if found & HAS_DATES:
        expire_dated(b, i, now, False)


@kernel
def act_on_what_waited(b: Book, i: int, now: int) -> None:
    """The orders of `i` have met a point: dates and requests that waited for that act."""
    expire_dated(b, i, now, True)
    apply_requests(b, i, now, True)


@kernel
def catch_up_all(b: Book, calendar: int, now: int) -> None:
    """Do what is due at the instruments of a calendar before a session event."""
    for i in range(b.market.shape[0]):
        if b.market[i, MARKET_WORKING] > 0 and b.terms[i, TERM_CALENDAR] == calendar:
            catch_up(b, i, now)


@kernel
def forget_points(b: Book, calendar: int, now: int) -> None:
    """A session opens or closes: no point of the calendar's instruments stands any more."""
    for i in range(b.market.shape[0]):
        if b.terms[i, TERM_CALENDAR] == calendar:
            forget_point(b, i, now)


@kernel
def open_session(b: Book, calendar: int) -> None:
    """A session opens at COUNT_NOW: the next price is the auction's."""
    forget_points(b, calendar, b.counters[COUNT_NOW])
    catch_up_all(b, calendar, b.counters[COUNT_NOW])
    for i in range(b.market.shape[0]):
        if b.terms[i, TERM_CALENDAR] == calendar:
            b.market[i, MARKET_AUCTION] = 1
            b.market[i, MARKET_PRINTED] = 0
            b.market[i, MARKET_HALTED] = b.market[i, MARKET_HALTED] & HALTED_NOW
    remove_ended(b)


@kernel
def close_session(b: Book, calendar: int, now: int) -> None:
    """A session closes: on-close orders trade at its last price, DAY orders expire."""
    b.counters[COUNT_NOW] = now
    forget_points(b, calendar, now)
    catch_up_all(b, calendar, now)
    for o in range(b.counters[COUNT_ORDERS]):
        i = b.orders[o, ORDER_INSTRUMENT]
        if b.terms[i, TERM_CALENDAR] != calendar or b.orders[o, ORDER_ARRIVAL] >= now:
            continue
        order_type = b.orders[o, ORDER_TYPE]
        if order_type == TYPE_MARKET_ON_CLOSE or order_type == TYPE_LIMIT_ON_CLOSE:
            meet_close(b, o, i)
        if b.orders[o, ORDER_TIF] == TIF_DAY and is_working(b, o):
            end(b, o, KIND_EXPIRED, STATUS_EXPIRED, REASON_DAY_ENDED)
    for i in range(b.market.shape[0]):
        if b.terms[i, TERM_CALENDAR] == calendar:
            b.market[i, MARKET_PRINTED] = 0
            if b.settings[SETTING_HOURS] == 1:
                b.market[i, MARKET_HALTED] = b.market[i, MARKET_HALTED] | HALTED_OUTSIDE
    remove_ended(b)


@kernel
def meet_close(b: Book, o: int, i: int) -> None:
    """The on-close order in row `o` trades at the last point shown, and so do children it arms."""
    shown = b.market[i, MARKET_PRINTED] == 1 and b.market[i, MARKET_HALTED] == 0
    if not shown or not is_in_play(b, o, i):
        return
    bid = b.market[i, MARKET_LAST]
    ask = bid + b.market[i, MARKET_SPREAD]
    b.orders[o, ORDER_FRESH] = 0
    meet_auction(b, o, ask if b.orders[o, ORDER_SIDE] > 0 else bid)
    for c in range(o + 1, b.counters[COUNT_ORDERS]):
        if b.orders[c, ORDER_FRESH] == 1 and is_in_play(b, c, i):
            meet_point(b, c, bid, ask, POINT_CLOSE)


@kernel
def split(b: Book, i: int, numerator: int, denominator: int, now: int) -> None:
    """Apply a split of `numerator` new units for `denominator` old to orders and position.

    Prices are rounded against filling earlier: buy limits and sell stops down, the others up.
    """
    b.counters[COUNT_NOW] = now
    forget_point(b, i, now - 1)  # actions come before the market data of their time
    catch_up(b, i, now)
    position = b.market[i, MARKET_POSITION]
    scaled = multiply_divide_floor(abs(position), numerator, denominator)
    if scaled == OVERFLOW:
        b.counters[COUNT_FAULT] = FAULT_OVERFLOW
        return
    scaled = floor_to(scaled, b.terms[i, TERM_LOT_STEP])
    b.market[i, MARKET_POSITION] = scaled if position >= 0 else -scaled
    b.market[i, MARKET_PRINTED] = 0
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] == i and is_working(b, o):
            split_order(b, o, i, numerator, denominator)
    for r in range(b.counters[COUNT_REQUESTS]):
        if b.requests[r, REQUEST_INSTRUMENT] == i and b.requests[r, REQUEST_REPLACES] == 1:
            split_request(b, r, i, numerator, denominator)
    remove_ended(b)


@kernel
def scaled_lots(b: Book, i: int, lots: int, numerator: int, denominator: int) -> int:
    """Return lots after a split, down to a whole lot step."""
    return floor_to(multiply_divide_floor(lots, numerator, denominator), b.terms[i, TERM_LOT_STEP])


@kernel
def scaled_price(b: Book, i: int, price: int, numerator: int, denominator: int, up: bool) -> int:
    """Return a price after a split, at least one step; 0 (none) stays 0."""
    if price == 0:
        return 0
    step = b.terms[i, TERM_PRICE_STEP]
    return max(step, scale_price(price, step, numerator, denominator, up))


@kernel
def split_order(b: Book, o: int, i: int, numerator: int, denominator: int) -> None:
    """Scale one working order; what falls under one lot step is canceled."""
    rest = b.orders[o, ORDER_QUANTITY] - b.orders[o, ORDER_FILLED]
    if scaled_lots(b, i, rest, numerator, denominator) == 0:
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_SPLIT)
        return
    buy = b.orders[o, ORDER_SIDE] > 0
    live = scaled_lots(b, i, lots_in_play(b, o), numerator, denominator)
    limit = scaled_price(b, i, b.orders[o, ORDER_LIMIT], numerator, denominator, not buy)
    stop = scaled_price(b, i, b.orders[o, ORDER_STOP], numerator, denominator, buy)
    trail = scaled_price(b, i, b.orders[o, ORDER_TRAIL_TICKS], numerator, denominator, True)
    anchor = scaled_price(b, i, b.orders[o, ORDER_ANCHOR], numerator, denominator, buy)
    price_step, lot_step = b.terms[i, TERM_PRICE_STEP], b.terms[i, TERM_LOT_STEP]
    scale_order(b.orders, o, price_step, lot_step, numerator, denominator)
    b.orders[o, ORDER_LIMIT] = limit
    b.orders[o, ORDER_STOP] = stop
    b.orders[o, ORDER_TRAIL_TICKS] = trail
    b.orders[o, ORDER_ANCHOR] = anchor
    b.orders[o, ORDER_QUEUE] = UNKNOWN
    if b.orders[o, ORDER_ARMED] != UNKNOWN:
        b.orders[o, ORDER_ARMED] = b.orders[o, ORDER_FILLED] + live


@kernel
def split_request(b: Book, r: int, i: int, numerator: int, denominator: int) -> None:
    """Scale a replace that is under way as its order is scaled."""
    buy = b.orders[find(b, b.requests[r, REQUEST_ORDER]), ORDER_SIDE] > 0
    quantity, limit = b.requests[r, REQUEST_QUANTITY], b.requests[r, REQUEST_LIMIT]
    b.requests[r, REQUEST_QUANTITY] = scaled_lots(b, i, quantity, numerator, denominator)
    b.requests[r, REQUEST_LIMIT] = scaled_price(b, i, limit, numerator, denominator, not buy)
    b.requests[r, REQUEST_STOP] = scaled_price(
        b, i, b.requests[r, REQUEST_STOP], numerator, denominator, buy
    )


@kernel
def close_market(b: Book, i: int, now: int) -> None:
    """An instrument settles or ends: nothing works there any more, and nothing is under way."""
    b.counters[COUNT_NOW] = now
    forget_point(b, i, now - 1)
    catch_up(b, i, now)
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] == i and is_working(b, o):
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_CLOSED_MARKET)
    apply_requests(b, i, 2**63 - 1, True)
    b.market[i, MARKET_POSITION] = 0
    remove_ended(b)
