"""What ends orders or changes them apart from the market: requests, dates, sessions, splits."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import multiply_divide_floor
from engine.model.layout import (
    KIND_CANCELED,
    KIND_EXPIRED,
    KIND_REPLACED,
    LIQUIDITY_TAKER,
    ORDER_ANCHOR,
    ORDER_ARMED,
    ORDER_ARRIVAL,
    ORDER_CANCEL_ARRIVAL,
    ORDER_EXPIRE,
    ORDER_FILLED,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUANTITY,
    ORDER_QUEUE,
    ORDER_REPLACE_ARRIVAL,
    ORDER_REPLACE_LIMIT,
    ORDER_REPLACE_QUANTITY,
    ORDER_REPLACE_STOP,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TYPE,
    STATUS_CANCELED,
    STATUS_EXPIRED,
    STATUS_HELD,
    TERM_CALENDAR,
    TERM_LOT_STEP,
    TERM_PRICE_STEP,
    TIF_DAY,
    TIF_GTD,
    TYPE_LIMIT_ON_CLOSE,
    TYPE_LIMIT_ON_OPEN,
    TYPE_MARKET_ON_CLOSE,
    TYPE_MARKET_ON_OPEN,
    UNKNOWN,
)
from engine.step import scale_order, scale_price
from sims.fillbook.layout import (
    COUNT_NOW,
    COUNT_ORDERS,
    MARKET_AUCTION,
    MARKET_LAST,
    MARKET_ON_QUOTE,
    MARKET_POSITION,
    MARKET_PRINTED,
    REASON_AUCTION_REST,
    REASON_CLOSED_MARKET,
    REASON_DAY_ENDED,
    REASON_GOOD_TILL_DATE,
    REASON_REPLACED_AWAY,
    REASON_REQUEST,
    REASON_SPLIT,
    RULE_STRIDE,
    Book,
)
from sims.fillbook.orders import (
    SEEN_NEW,
    emit,
    end,
    end_with_group,
    fill,
    is_working,
    remove_ended,
    see,
)


@kernel
def apply_requests(b: Book, i: int, now: int) -> None:
    """Carry out the replaces and cancels of instrument `i` that have arrived by `now`."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] != i or not is_working(b, o):
            continue
        replace_arrival = b.orders[o, ORDER_REPLACE_ARRIVAL]
        if replace_arrival != 0 and replace_arrival <= now:
            replace(b, o)
        cancel_arrival = b.orders[o, ORDER_CANCEL_ARRIVAL]
        if cancel_arrival != 0 and cancel_arrival <= now and is_working(b, o):
            see(b, o)
            end_with_group(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REQUEST)


@kernel
def replace(b: Book, o: int) -> None:
    """Give row `o` its new quantity and prices; it counts as newly arrived."""
    see(b, o)
    b.orders[o, ORDER_REPLACE_ARRIVAL] = 0
    quantity = b.orders[o, ORDER_REPLACE_QUANTITY]
    if quantity <= b.orders[o, ORDER_FILLED]:
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_REPLACED_AWAY)
        return
    b.orders[o, ORDER_QUANTITY] = quantity
    b.orders[o, ORDER_LIMIT] = b.orders[o, ORDER_REPLACE_LIMIT]
    b.orders[o, ORDER_STOP] = b.orders[o, ORDER_REPLACE_STOP]
    b.orders[o, ORDER_QUEUE] = UNKNOWN
    b.orders[o, ORDER_SEEN] = SEEN_NEW
    emit(
        b, KIND_REPLACED, o, quantity, b.orders[o, ORDER_LIMIT], 0, 0, 0, b.orders[o, ORDER_STOP], 0
    )


@kernel
def expire_dated(b: Book, i: int, now: int) -> None:
    """End the GTD orders of instrument `i` whose date is not after `now`."""
    for o in range(b.counters[COUNT_ORDERS]):
        if (
            b.orders[o, ORDER_INSTRUMENT] == i
            and b.orders[o, ORDER_TIF] == TIF_GTD
            and b.orders[o, ORDER_EXPIRE] <= now
            and is_working(b, o)
        ):
            see(b, o)
            end(b, o, KIND_EXPIRED, STATUS_EXPIRED, REASON_GOOD_TILL_DATE)


@kernel
def meet_auction(b: Book, o: int, price: int) -> None:
    """An on-open or on-close order meets its auction price, and ends with it."""
    see(b, o)
    order_type, side = b.orders[o, ORDER_TYPE], b.orders[o, ORDER_SIDE]
    limited = order_type == TYPE_LIMIT_ON_OPEN or order_type == TYPE_LIMIT_ON_CLOSE
    if not limited or side * price <= side * b.orders[o, ORDER_LIMIT]:
        fill(b, o, price, LIQUIDITY_TAKER, order_type * RULE_STRIDE, 0 if limited else 1)
    if is_working(b, o):
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_AUCTION_REST)


@kernel
def fill_at_open_auction(b: Book, i: int, price: int, now: int) -> None:
    """The first price of a session: on-open orders that arrived by `now` trade at it."""
    for o in range(b.counters[COUNT_ORDERS]):
        order_type = b.orders[o, ORDER_TYPE]
        if (
            b.orders[o, ORDER_INSTRUMENT] == i
            and (order_type == TYPE_MARKET_ON_OPEN or order_type == TYPE_LIMIT_ON_OPEN)
            and b.orders[o, ORDER_ARRIVAL] <= now
            and b.orders[o, ORDER_STATUS] != STATUS_HELD
            and is_working(b, o)
        ):
            meet_auction(b, o, price)


@kernel
def open_session(b: Book, calendar: int) -> None:
    """A session opens: the next price is the auction's."""
    for i in range(b.market.shape[0]):
        if b.terms[i, TERM_CALENDAR] == calendar:
            b.market[i, MARKET_AUCTION] = 1
            b.market[i, MARKET_PRINTED] = 0


@kernel
def close_session(b: Book, calendar: int, now: int) -> None:
    """A session closes: on-close orders trade at its last price, DAY orders expire."""
    b.counters[COUNT_NOW] = now
    for o in range(b.counters[COUNT_ORDERS]):
        i = b.orders[o, ORDER_INSTRUMENT]
        if b.terms[i, TERM_CALENDAR] != calendar or not is_working(b, o):
            continue
        if b.orders[o, ORDER_ARRIVAL] >= now:
            continue
        order_type = b.orders[o, ORDER_TYPE]
        on_close = order_type == TYPE_MARKET_ON_CLOSE or order_type == TYPE_LIMIT_ON_CLOSE
        if on_close and b.market[i, MARKET_PRINTED] == 1:
            b.market[i, MARKET_ON_QUOTE] = 0
            if b.orders[o, ORDER_STATUS] != STATUS_HELD:
                meet_auction(b, o, b.market[i, MARKET_LAST])
        waits = on_close or order_type == TYPE_MARKET_ON_OPEN or order_type == TYPE_LIMIT_ON_OPEN
        if b.orders[o, ORDER_TIF] == TIF_DAY and not waits and is_working(b, o):
            see(b, o)
            end(b, o, KIND_EXPIRED, STATUS_EXPIRED, REASON_DAY_ENDED)
    for i in range(b.market.shape[0]):
        if b.terms[i, TERM_CALENDAR] == calendar:
            b.market[i, MARKET_PRINTED] = 0
    remove_ended(b)


@kernel
def split(b: Book, i: int, numerator: int, denominator: int, now: int) -> None:
    """Apply a split of `numerator` new units for `denominator` old to orders and position.

    Prices are rounded against filling earlier: buy limits and sell stops down, the others up.
    """
    b.counters[COUNT_NOW] = now
    position = b.market[i, MARKET_POSITION]
    scaled = multiply_divide_floor(abs(position), numerator, denominator)
    b.market[i, MARKET_POSITION] = scaled if position >= 0 else -scaled
    last = b.market[i, MARKET_LAST]
    b.market[i, MARKET_LAST] = multiply_divide_floor(last, denominator, numerator)
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] == i and is_working(b, o):
            split_order(b, o, i, numerator, denominator)
    remove_ended(b)


@kernel
def split_order(b: Book, o: int, i: int, numerator: int, denominator: int) -> None:
    """Scale one working order; what falls under one lot step is canceled."""
    price_step, lot_step = b.terms[i, TERM_PRICE_STEP], b.terms[i, TERM_LOT_STEP]
    scale_order(b.orders, o, price_step, lot_step, numerator, denominator)
    rest = b.orders[o, ORDER_QUANTITY] - b.orders[o, ORDER_FILLED]
    if b.orders[o, ORDER_ARMED] != UNKNOWN:
        armed = multiply_divide_floor(b.orders[o, ORDER_ARMED], numerator, denominator)
        b.orders[o, ORDER_ARMED] = min(armed, b.orders[o, ORDER_QUANTITY])
    if rest == 0:
        see(b, o)
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_SPLIT)
        return
    buy = b.orders[o, ORDER_SIDE] > 0
    for column in (ORDER_ANCHOR, ORDER_REPLACE_STOP):
        value = b.orders[o, column]
        b.orders[o, column] = scale_price(value, price_step, numerator, denominator, buy)
    value = b.orders[o, ORDER_REPLACE_LIMIT]
    b.orders[o, ORDER_REPLACE_LIMIT] = scale_price(
        value, price_step, numerator, denominator, not buy
    )


@kernel
def close_market(b: Book, i: int, now: int) -> None:
    """An instrument settles or ends: nothing works there any more."""
    b.counters[COUNT_NOW] = now
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] == i and is_working(b, o):
            see(b, o)
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_CLOSED_MARKET)
    b.market[i, MARKET_POSITION] = 0
    remove_ended(b)
