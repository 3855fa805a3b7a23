"""Matching at a point: one price at one known time (an open, a close, a quote, a print)."""

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
    ORDER_FIRED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
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
    TIF_IOC,
    TYPE_LIMIT,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
    TYPE_TRAILING_STOP,
)
from sims.fillbook.layout import (
    COUNT_AMBIGUITIES,
    LIMIT_TOUCH,
    REASON_FOK_UNFILLED,
    REASON_IOC_REST,
    REASON_POST_ONLY,
    RULE_STRIDE,
    SETTING_LIMIT_FILL,
    Book,
)
from sims.fillbook.orders import SEEN_NEW, SEEN_RESTING, emit, end, fill, is_working, see

MILLION = 10**6


@kernel
def trail_distance(b: Book, o: int, anchor: int) -> int:
    """Return the trail in ticks: as given, or parts per million of the anchor rounded up to a step."""
    if b.orders[o, ORDER_TRAIL_TICKS] > 0:
        return b.orders[o, ORDER_TRAIL_TICKS]
    step = b.terms[b.orders[o, ORDER_INSTRUMENT], TERM_PRICE_STEP]
    return ceil_to(multiply_divide_ceiling(anchor, b.orders[o, ORDER_TRAIL_PPM], MILLION), step)


@kernel
def trailing_trigger(b: Book, o: int) -> int:
    """Return the price at which a trailing stop with an anchor fires."""
    anchor = b.orders[o, ORDER_ANCHOR]
    return anchor + b.orders[o, ORDER_SIDE] * trail_distance(b, o, anchor)


@kernel
def follow(b: Book, o: int, price: int) -> None:
    """Move a trailing stop's anchor to `price` where that is in the order's favour."""
    side, anchor = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_ANCHOR]
    if anchor == 0 or side * price < side * anchor:
        b.orders[o, ORDER_ANCHOR] = price


@kernel
def limit_is_marketable(b: Book, o: int, price: int) -> bool:
    """Return whether a limit order fills at the point `price`: through it, or touching if configured.

    A bare touch is counted as an ambiguity: there the two results of a run may part.
    """
    side, limit = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_LIMIT]
    if side * price < side * limit:
        return True
    if price != limit:
        return False
    b.counters[COUNT_AMBIGUITIES] += 1
    return b.settings[SETTING_LIMIT_FILL] == LIMIT_TOUCH


@kernel
def trigger(b: Book, o: int) -> None:
    """A stop's price was reached."""
    b.orders[o, ORDER_FIRED] = 1
    b.orders[o, ORDER_STATUS] = STATUS_TRIGGERED
    emit(b, KIND_TRIGGERED, o, 0, 0, 0, 0, 0, 0, 0)


@kernel
def end_immediate(b: Book, o: int) -> None:
    """IOC and FOK orders end with the first point that they could trade at."""
    if is_working(b, o):
        if b.orders[o, ORDER_TIF] == TIF_IOC:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_IOC_REST)
        elif b.orders[o, ORDER_TIF] == TIF_FOK:
            end(b, o, KIND_CANCELED, STATUS_CANCELED, REASON_FOK_UNFILLED)


@kernel
def stop_fires(b: Book, o: int, price: int) -> bool:
    """Return whether the stop or trailing stop in row `o` fires at the point `price`."""
    side = b.orders[o, ORDER_SIDE]
    if b.orders[o, ORDER_TYPE] != TYPE_TRAILING_STOP:
        return side * price >= side * b.orders[o, ORDER_STOP]
    if b.orders[o, ORDER_ANCHOR] != 0 and side * price >= side * trailing_trigger(b, o):
        return True
    follow(b, o, price)
    return False


@kernel
def meet_limit(b: Book, o: int, price: int, point: int) -> None:
    """A limit order (or a triggered stop-limit) meets a point of a bar or a print."""
    newly = b.orders[o, ORDER_SEEN] == SEEN_NEW
    side, limit = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_LIMIT]
    if newly and b.orders[o, ORDER_FLAGS] & FLAG_POST_ONLY and side * price <= side * limit:
        end(b, o, KIND_REJECTED, STATUS_REJECTED, REASON_POST_ONLY)
        return
    if limit_is_marketable(b, o, price):
        liquidity = LIQUIDITY_TAKER if newly else LIQUIDITY_MAKER
        fill(b, o, price, liquidity, b.orders[o, ORDER_TYPE] * RULE_STRIDE + point, 0)


@kernel
def meet_point(b: Book, o: int, price: int, point: int) -> None:
    """Match row `o` against one known price of a bar or a print; see docs/explain/fill-model.md."""
    see(b, o)
    order_type = b.orders[o, ORDER_TYPE]
    is_stop = (
        order_type == TYPE_STOP or order_type == TYPE_STOP_LIMIT or order_type == TYPE_TRAILING_STOP
    )
    if is_stop and b.orders[o, ORDER_FIRED] == 0:
        if not stop_fires(b, o, price):
            b.orders[o, ORDER_SEEN] = SEEN_RESTING
            return
        trigger(b, o)
        b.orders[o, ORDER_SEEN] = SEEN_NEW
    if order_type == TYPE_LIMIT or order_type == TYPE_STOP_LIMIT:
        meet_limit(b, o, price, point)
    elif order_type == TYPE_MARKET or is_stop:
        fill(b, o, price, LIQUIDITY_TAKER, order_type * RULE_STRIDE + point, 1)
    else:
        return
    b.orders[o, ORDER_SEEN] = SEEN_RESTING
    end_immediate(b, o)
