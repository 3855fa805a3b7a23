"""Matching against quotes and prints, with the queue ahead of a resting limit order."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    EVENT_INSTRUMENT,
    EVENT_TS,
    FLAG_POST_ONLY,
    KIND_REJECTED,
    LIQUIDITY_MAKER,
    LIQUIDITY_TAKER,
    ORDER_ARRIVAL,
    ORDER_FIRED,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUEUE,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STATUS,
    ORDER_TYPE,
    QUOTE_ASK,
    QUOTE_ASK_SIZE,
    QUOTE_BID,
    QUOTE_BID_SIZE,
    STATUS_HELD,
    STATUS_REJECTED,
    TRADE_AGGRESSOR,
    TRADE_PRICE,
    TRADE_SIZE,
    TYPE_LIMIT,
    TYPE_LIMIT_ON_OPEN,
    TYPE_MARKET,
    TYPE_MARKET_ON_OPEN,
    TYPE_STOP_LIMIT,
    UNKNOWN,
)
from sims.fillbook.bars import capped, waits_for_auction
from sims.fillbook.layout import (
    COUNT_AMBIGUITIES,
    COUNT_NOW,
    COUNT_ORDERS,
    LIMIT_QUEUE,
    LIMIT_TOUCH,
    MARKET_ASK,
    MARKET_ASK_SIZE,
    MARKET_AUCTION,
    MARKET_BID,
    MARKET_BID_SIZE,
    MARKET_CAPACITY_BUY,
    MARKET_CAPACITY_SELL,
    MARKET_CAPACITY_SHARED,
    MARKET_HALTED,
    MARKET_LAST,
    MARKET_ON_QUOTE,
    MARKET_PRINTED,
    MARKET_VOLUME,
    POINT_QUEUE,
    POINT_QUOTE,
    POINT_TOUCH,
    POINT_TRADE,
    REASON_POST_ONLY,
    RULE_STRIDE,
    SETTING_LIMIT_FILL,
    TERM_QUOTED,
    Book,
)
from sims.fillbook.lifetimes import apply_requests, expire_dated, meet_auction
from sims.fillbook.orders import (
    SEEN_NEW,
    SEEN_RESTING,
    end,
    fill,
    is_working,
    remove_ended,
    see,
)
from sims.fillbook.points import end_immediate, stop_fires, trigger


@kernel
def match_quote(b: Book, events: object, row: int) -> None:
    """Match the working orders of one instrument against one quote."""
    i, now = events[row, EVENT_INSTRUMENT], events[row, EVENT_TS]  # type: ignore[index]
    bid, ask = events[row, QUOTE_BID], events[row, QUOTE_ASK]  # type: ignore[index]
    if b.market[i, MARKET_HALTED] == 1 or bid >= ask:
        return
    bid_size, ask_size = events[row, QUOTE_BID_SIZE], events[row, QUOTE_ASK_SIZE]  # type: ignore[index]
    b.market[i, MARKET_BID] = bid
    b.market[i, MARKET_ASK] = ask
    b.market[i, MARKET_BID_SIZE] = bid_size
    b.market[i, MARKET_ASK_SIZE] = ask_size
    b.market[i, MARKET_LAST] = (bid + ask) // 2
    b.market[i, MARKET_VOLUME] = UNKNOWN
    b.market[i, MARKET_CAPACITY_BUY] = capped(b, i, ask_size)
    b.market[i, MARKET_CAPACITY_SELL] = capped(b, i, bid_size)
    b.market[i, MARKET_CAPACITY_SHARED] = 0
    b.market[i, MARKET_ON_QUOTE] = 1
    b.market[i, MARKET_PRINTED] = 1
    b.counters[COUNT_NOW] = now
    apply_requests(b, i, now)
    expire_dated(b, i, now)
    auction = b.market[i, MARKET_AUCTION]
    b.market[i, MARKET_AUCTION] = 0
    for o in range(b.counters[COUNT_ORDERS]):
        if is_in_play(b, o, i, now):
            price = ask if b.orders[o, ORDER_SIDE] > 0 else bid
            if waits_for_auction(b.orders[o, ORDER_TYPE]):
                if auction == 1:
                    open_at(b, o, price)
                continue
            meet_quote(b, o, price)
            update_queue(b, o, i)
    remove_ended(b)


@kernel
def is_in_play(b: Book, o: int, i: int, now: int) -> bool:
    """Return whether row `o` can meet an event of instrument `i` at `now`."""
    return (
        b.orders[o, ORDER_INSTRUMENT] == i
        and is_working(b, o)
        and b.orders[o, ORDER_STATUS] != STATUS_HELD
        and b.orders[o, ORDER_ARRIVAL] <= now
    )


@kernel
def open_at(b: Book, o: int, price: int) -> None:
    """The first tick of a session is its open for on-open orders."""
    order_type = b.orders[o, ORDER_TYPE]
    if order_type == TYPE_MARKET_ON_OPEN or order_type == TYPE_LIMIT_ON_OPEN:
        meet_auction(b, o, price)


@kernel
def meet_quote(b: Book, o: int, price: int) -> None:
    """Match row `o` against the side of a quote that it would trade with."""
    see(b, o)
    order_type, side = b.orders[o, ORDER_TYPE], b.orders[o, ORDER_SIDE]
    rule = order_type * RULE_STRIDE + POINT_QUOTE
    if order_type != TYPE_LIMIT and order_type != TYPE_MARKET and b.orders[o, ORDER_FIRED] == 0:
        if not stop_fires(b, o, price):
            b.orders[o, ORDER_SEEN] = SEEN_RESTING
            return
        trigger(b, o)
        b.orders[o, ORDER_SEEN] = SEEN_NEW
    newly = b.orders[o, ORDER_SEEN] == SEEN_NEW
    if order_type == TYPE_LIMIT or order_type == TYPE_STOP_LIMIT:
        limit = b.orders[o, ORDER_LIMIT]
        if side * price <= side * limit:
            if newly and b.orders[o, ORDER_FLAGS] & FLAG_POST_ONLY:
                end(b, o, KIND_REJECTED, STATUS_REJECTED, REASON_POST_ONLY)
            elif newly:
                fill(b, o, price, LIQUIDITY_TAKER, rule, 0)
            else:
                fill(b, o, limit, LIQUIDITY_MAKER, rule, 0)
    else:
        fill(b, o, price, LIQUIDITY_TAKER, rule, 1)
    b.orders[o, ORDER_SEEN] = SEEN_RESTING
    end_immediate(b, o)


@kernel
def update_queue(b: Book, o: int, i: int) -> None:
    """Estimate what stands before a resting limit order from the size shown at its price."""
    if b.orders[o, ORDER_TYPE] != TYPE_LIMIT or not is_working(b, o):
        return
    side, limit = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_LIMIT]
    best = b.market[i, MARKET_BID if side > 0 else MARKET_ASK]
    size = b.market[i, MARKET_BID_SIZE if side > 0 else MARKET_ASK_SIZE]
    ahead = b.orders[o, ORDER_QUEUE]
    if side * best < side * limit:
        b.orders[o, ORDER_QUEUE] = 0
    elif best == limit and size != UNKNOWN and (ahead == UNKNOWN or size < ahead):
        b.orders[o, ORDER_QUEUE] = size


@kernel
def match_trade(b: Book, events: object, row: int) -> None:
    """Match the working orders of one instrument against one print."""
    i, now = events[row, EVENT_INSTRUMENT], events[row, EVENT_TS]  # type: ignore[index]
    if b.market[i, MARKET_HALTED] == 1:
        return
    price, size = events[row, TRADE_PRICE], events[row, TRADE_SIZE]  # type: ignore[index]
    aggressor = events[row, TRADE_AGGRESSOR]  # type: ignore[index]
    b.market[i, MARKET_LAST] = price
    b.market[i, MARKET_VOLUME] = size
    b.market[i, MARKET_CAPACITY_BUY] = capped(b, i, size)
    b.market[i, MARKET_CAPACITY_SELL] = b.market[i, MARKET_CAPACITY_BUY]
    b.market[i, MARKET_CAPACITY_SHARED] = 1
    b.market[i, MARKET_ON_QUOTE] = 0
    b.market[i, MARKET_PRINTED] = 1
    b.counters[COUNT_NOW] = now
    apply_requests(b, i, now)
    expire_dated(b, i, now)
    auction = b.market[i, MARKET_AUCTION]
    b.market[i, MARKET_AUCTION] = 0
    quoted = b.terms[i, TERM_QUOTED] == 1
    for o in range(b.counters[COUNT_ORDERS]):
        if is_in_play(b, o, i, now):
            if waits_for_auction(b.orders[o, ORDER_TYPE]):
                if auction == 1:
                    open_at(b, o, price)
            elif not quoted or is_resting_limit(b, o):
                meet_trade(b, o, i, price, size, aggressor)
    remove_ended(b)


@kernel
def is_resting_limit(b: Book, o: int) -> bool:
    """Return whether row `o` is a limit order (or a triggered stop-limit) that rests."""
    order_type = b.orders[o, ORDER_TYPE]
    limit = order_type == TYPE_LIMIT or (
        order_type == TYPE_STOP_LIMIT and b.orders[o, ORDER_FIRED] == 1
    )
    return limit and b.orders[o, ORDER_SEEN] == SEEN_RESTING


@kernel
def meet_trade(b: Book, o: int, i: int, price: int, size: int, aggressor: int) -> None:
    """Match row `o` against one print."""
    see(b, o)
    order_type = b.orders[o, ORDER_TYPE]
    rule = order_type * RULE_STRIDE + POINT_TRADE
    if order_type != TYPE_LIMIT and order_type != TYPE_MARKET and b.orders[o, ORDER_FIRED] == 0:
        if not stop_fires(b, o, price):
            b.orders[o, ORDER_SEEN] = SEEN_RESTING
            return
        trigger(b, o)
        b.orders[o, ORDER_SEEN] = SEEN_NEW
    if order_type == TYPE_LIMIT or order_type == TYPE_STOP_LIMIT:
        meet_trade_with_limit(b, o, i, price, size, aggressor)
    else:
        fill(b, o, price, LIQUIDITY_TAKER, rule, 1)
    b.orders[o, ORDER_SEEN] = SEEN_RESTING
    end_immediate(b, o)


@kernel
def meet_trade_with_limit(b: Book, o: int, i: int, price: int, size: int, aggressor: int) -> None:
    """A limit order meets a print: through it, at it, or not."""
    side, limit = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_LIMIT]
    newly = b.orders[o, ORDER_SEEN] == SEEN_NEW
    family = b.orders[o, ORDER_TYPE] * RULE_STRIDE
    if side * price > side * limit:
        return
    if newly and b.orders[o, ORDER_FLAGS] & FLAG_POST_ONLY:
        end(b, o, KIND_REJECTED, STATUS_REJECTED, REASON_POST_ONLY)
        return
    if price != limit:
        fill(
            b,
            o,
            price if newly else limit,
            LIQUIDITY_TAKER if newly else LIQUIDITY_MAKER,
            family + POINT_TRADE,
            0,
        )
        return
    b.counters[COUNT_AMBIGUITIES] += 1
    rule = b.settings[SETTING_LIMIT_FILL]
    if rule == LIMIT_TOUCH:
        if newly:
            fill(b, o, price, LIQUIDITY_TAKER, family + POINT_TRADE, 0)
        else:
            fill(b, o, limit, LIQUIDITY_MAKER, family + POINT_TOUCH, 0)
    elif rule == LIMIT_QUEUE and not newly and aggressor != side:
        use_up_queue(b, o, i, side, limit, size)


@kernel
def use_up_queue(b: Book, o: int, i: int, side: int, limit: int, size: int) -> None:
    """A print at our price passes through the queue; what it has left over fills the order."""
    ahead = b.orders[o, ORDER_QUEUE]
    if ahead == UNKNOWN or size == UNKNOWN:
        return
    if ahead >= size:
        b.orders[o, ORDER_QUEUE] = ahead - size
        return
    b.orders[o, ORDER_QUEUE] = 0
    column = MARKET_CAPACITY_BUY if side > 0 else MARKET_CAPACITY_SELL
    capacity = b.market[i, column]
    left_over = size - ahead
    if capacity == UNKNOWN or left_over < capacity:
        b.market[i, column] = left_over
    lots = fill(
        b, o, limit, LIQUIDITY_MAKER, b.orders[o, ORDER_TYPE] * RULE_STRIDE + POINT_QUEUE, 0
    )
    b.market[i, column] = UNKNOWN if capacity == UNKNOWN else capacity - lots
