"""Matching at a point: prices at one known time (an open, a close, a quote, a print)."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import ceil_to, multiply_divide_ceiling
from engine.model.layout import (
    FLAG_POST_ONLY,
    KIND_CANCELED,
    KIND_REJECTED,
    KIND_TRIGGERED,
    LIQUIDITY_MAKER,
    LIQUIDITY_TAKER,
    ORDER_ANCHOR,
    ORDER_ARRIVAL,
    ORDER_EXPIRE,
    ORDER_FIRED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUEUE,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TRAIL_PPM,
    ORDER_TRAIL_TICKS,
    ORDER_TYPE,
    STATUS_CANCELED,
    STATUS_REJECTED,
    STATUS_TRIGGERED,
    TERM_PRICE_STEP,
    TIF_FOK,
    TIF_GTD,
    TIF_IOC,
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
    COUNT_ORDERS,
    LIMIT_QUEUE,
    LIMIT_TOUCH,
    MARKET_AGGRESSOR,
    MARKET_AUCTION,
    MARKET_QUEUE_TAKEN,
    MARKET_SIZE_BUY,
    ORDER_FRESH,
    POINT_QUEUE,
    POINT_QUOTE,
    POINT_TOUCH,
    POINT_TRADE,
    REASON_AUCTION_REST,
    REASON_FOK_UNFILLED,
    REASON_IOC_REST,
    REASON_POST_ONLY,
    RULE_STRIDE,
    SEEN_NEW,
    SEEN_RESTING,
    SETTING_LIMIT_FILL,
    TERM_QUOTED,
    Book,
)
from sims.fillbook.orders import emit, end, fill, is_in_play, is_working

MILLION = 10**6


@kernel
def meet_all(
    b: Book, i: int, bid: int, ask: int, point: int, after: int, by: int, alive_at: int
) -> None:
    """Let the orders of `i` meet one point in order of ids: one pass.

    Those see it that arrived in (after, by] and live at `alive_at`, and children that it arms.
    """
    for o in range(b.counters[COUNT_ORDERS]):
        if is_in_play(b, o, i) and b.orders[o, ORDER_ARRIVAL] <= by:
            if b.orders[o, ORDER_ARRIVAL] <= after and b.orders[o, ORDER_FRESH] == 0:
                continue
            if not expires_before(b, o, alive_at):
                meet_point(b, o, bid, ask, point)


@kernel
def expires_before(b: Book, o: int, time: int) -> bool:
    """Return whether row `o` is good till a date before `time`."""
    return b.orders[o, ORDER_TIF] == TIF_GTD and b.orders[o, ORDER_EXPIRE] < time


@kernel
def is_auction_type(order_type: int) -> bool:
    """Return whether an order type trades only at a session's open or close."""
    return (
        order_type == TYPE_MARKET_ON_OPEN
        or order_type == TYPE_LIMIT_ON_OPEN
        or order_type == TYPE_MARKET_ON_CLOSE
        or order_type == TYPE_LIMIT_ON_CLOSE
    )


@kernel
def acts_as_limit(b: Book, o: int) -> bool:
    """Return whether row `o` is a limit order, or a stop-limit order that was triggered."""
    order_type = b.orders[o, ORDER_TYPE]
    return order_type == TYPE_LIMIT or (
        order_type == TYPE_STOP_LIMIT and b.orders[o, ORDER_FIRED] == 1
    )


@kernel
def meet_point(b: Book, o: int, bid: int, ask: int, point: int) -> None:
    """Match row `o` against one point; see docs/explain/fill-model.md."""
    b.orders[o, ORDER_FRESH] = 0
    i, order_type = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_TYPE]
    price = ask if b.orders[o, ORDER_SIDE] > 0 else bid
    if is_auction_type(order_type):
        opens = order_type == TYPE_MARKET_ON_OPEN or order_type == TYPE_LIMIT_ON_OPEN
        if opens and b.market[i, MARKET_AUCTION] == 1:
            meet_auction(b, o, price)
        return
    newly = b.orders[o, ORDER_SEEN] == SEEN_NEW
    if point == POINT_TRADE and b.terms[i, TERM_QUOTED] == 1:
        if newly or not acts_as_limit(b, o):
            return
    b.orders[o, ORDER_SEEN] = SEEN_RESTING
    is_taker = order_type != TYPE_LIMIT and order_type != TYPE_STOP_LIMIT
    if order_type != TYPE_LIMIT and order_type != TYPE_MARKET and b.orders[o, ORDER_FIRED] == 0:
        if not stop_fires(b, o, price):
            return
        trigger(b, o)
        newly = True
    if is_taker:
        fill(b, o, price, LIQUIDITY_TAKER, order_type * RULE_STRIDE + point, 1, UNKNOWN)
    else:
        meet_limit(b, o, price, point, newly)
    end_immediate(b, o)


@kernel
def meet_auction(b: Book, o: int, price: int) -> None:
    """An on-open or on-close order meets its auction price, and ends with it."""
    order_type, side = b.orders[o, ORDER_TYPE], b.orders[o, ORDER_SIDE]
    limited = order_type == TYPE_LIMIT_ON_OPEN or order_type == TYPE_LIMIT_ON_CLOSE
    if not limited or side * price <= side * b.orders[o, ORDER_LIMIT]:
        slips = 0 if limited else 1
        fill(b, o, price, LIQUIDITY_TAKER, order_type * RULE_STRIDE, slips, UNKNOWN)
    if is_working(b, o):
        end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_AUCTION_REST)


@kernel
def trail_distance(b: Book, o: int, anchor: int) -> int:
    """Return the trail in ticks: as given, or parts per million of the anchor rounded up to a step."""
    if b.orders[o, ORDER_TRAIL_TICKS] > 0:
        return b.orders[o, ORDER_TRAIL_TICKS]
    step = b.terms[b.orders[o, ORDER_INSTRUMENT], TERM_PRICE_STEP]
    return ceil_to(multiply_divide_ceiling(anchor, b.orders[o, ORDER_TRAIL_PPM], MILLION), step)


@kernel
def trailing_trigger(b: Book, o: int, anchor: int) -> int:
    """Return the price at which a trailing stop with this anchor fires."""
    return anchor + b.orders[o, ORDER_SIDE] * trail_distance(b, o, anchor)


@kernel
def follow(b: Book, o: int, price: int) -> None:
    """Move a trailing stop's anchor to `price` where that is in the order's favour."""
    side, anchor = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_ANCHOR]
    if anchor == 0 or side * price < side * anchor:
        b.orders[o, ORDER_ANCHOR] = price


@kernel
def stop_fires(b: Book, o: int, price: int) -> bool:
    """Return whether the stop or trailing stop in row `o` fires at the point `price`."""
    side, anchor = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_ANCHOR]
    if b.orders[o, ORDER_TYPE] != TYPE_TRAILING_STOP:
        return side * price >= side * b.orders[o, ORDER_STOP]
    if anchor != 0 and side * price >= side * trailing_trigger(b, o, anchor):
        return True
    follow(b, o, price)
    return False


@kernel
def trigger(b: Book, o: int) -> None:
    """A stop's price was reached."""
    b.orders[o, ORDER_FIRED] = 1
    b.orders[o, ORDER_STATUS] = STATUS_TRIGGERED
    emit(b, KIND_TRIGGERED, o, 0, 0, 0, 0, 0, 0, 0)


@kernel
def touch_fills(b: Book) -> bool:
    """A limit was touched, not passed: return whether that is enough.

    Where it is not, the two results of a run may part: it is counted as an ambiguity.
    """
    if b.settings[SETTING_LIMIT_FILL] == LIMIT_TOUCH:
        return True
    b.counters[COUNT_AMBIGUITIES] += 1
    return False


@kernel
def better_by(b: Book, o: int, price: int) -> int:
    """Return by how much `price` is better than the limit of row `o`; negative when it is worse."""
    return b.orders[o, ORDER_SIDE] * (b.orders[o, ORDER_LIMIT] - price)


@kernel
def meet_limit(b: Book, o: int, price: int, point: int, newly: bool) -> None:
    """A limit order, or a triggered stop-limit, meets a point."""
    rule = b.orders[o, ORDER_TYPE] * RULE_STRIDE + point
    better = better_by(b, o, price)
    if better < 0:
        return
    if newly and b.orders[o, ORDER_FLAGS] & FLAG_POST_ONLY:
        end(b, o, KIND_REJECTED, STATUS_REJECTED, REASON_POST_ONLY)
        return
    rests = not newly and (point == POINT_QUOTE or point == POINT_TRADE)
    passed = better >= b.terms[b.orders[o, ORDER_INSTRUMENT], TERM_PRICE_STEP]
    if rests and (point == POINT_QUOTE or passed):
        fill(b, o, b.orders[o, ORDER_LIMIT], LIQUIDITY_MAKER, rule, 0, UNKNOWN)
    elif rests:
        meet_print_at_limit(b, o, better)
    elif point == POINT_QUOTE or passed or touch_fills(b):
        fill(b, o, price, LIQUIDITY_TAKER, rule, 0, UNKNOWN)


@kernel
def meet_print_at_limit(b: Book, o: int, better: int) -> None:
    """A resting limit order meets a print that does not pass its price by a whole step."""
    if better != 0:
        return
    i, limit = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_LIMIT]
    rule = b.orders[o, ORDER_TYPE] * RULE_STRIDE
    if touch_fills(b):
        fill(b, o, limit, LIQUIDITY_MAKER, rule + POINT_TOUCH, 0, UNKNOWN)
    elif b.settings[SETTING_LIMIT_FILL] == LIMIT_QUEUE:
        size, ahead = b.market[i, MARKET_SIZE_BUY], b.orders[o, ORDER_QUEUE]
        mine = b.market[i, MARKET_AGGRESSOR] != b.orders[o, ORDER_SIDE]
        if mine and ahead != UNKNOWN and size != UNKNOWN:
            b.orders[o, ORDER_QUEUE] = max(0, ahead - size)
            left_over = size - ahead - b.market[i, MARKET_QUEUE_TAKEN]
            if left_over > 0:
                lots = fill(b, o, limit, LIQUIDITY_MAKER, rule + POINT_QUEUE, 0, left_over)
                b.market[i, MARKET_QUEUE_TAKEN] += lots


@kernel
def end_immediate(b: Book, o: int) -> None:
    """IOC and FOK orders end with the first point that they could trade at."""
    if is_working(b, o):
        if b.orders[o, ORDER_TIF] == TIF_IOC:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_IOC_REST)
        elif b.orders[o, ORDER_TIF] == TIF_FOK:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_FOK_UNFILLED)
