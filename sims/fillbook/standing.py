"""The point that stands: who could have traded at it goes before its cancel.

A venue's book is there between two quotes, and what arrives and can trade trades at once. This book
shows prices at its points only, so a cancel may reach it before the order has met any. Three ways were
weighed. A fill at the quote that stands would be one at the price that was decided on: the earliest fill
is the next event. Cancels that simply win let an exit on quotes 20 s apart, canceled every 5 s and sent
again, never close, and let a strategy wait for another market's news before it takes an order back. So
the order meets its next point first, at that point's price, and the cancel acts after it.

On bars no point stands: their close is no market that lasts.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    FLAG_POST_ONLY,
    ORDER_FLAGS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TYPE,
    TERM_PRICE_STEP,
    TYPE_LIMIT,
    TYPE_MARKET,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
)
from sims.fillbook.layout import (
    HALTED_NOW,
    HALTED_OUTSIDE,
    LIMIT_TOUCH,
    MARKET_ASK,
    MARKET_BID,
    MARKET_FORGOTTEN,
    MARKET_HALTED,
    SEEN_NEW,
    SETTING_LIMIT_FILL,
    TERM_QUOTED,
    Book,
)
from sims.fillbook.orders import is_in_play


@kernel
def let_stand(b: Book, i: int, ts: int, bid: int, ask: int) -> None:
    """A point of time `ts` stands from now on, unless what came after it has ended that already."""
    if ts > b.market[i, MARKET_FORGOTTEN]:
        b.market[i, MARKET_BID] = bid
        b.market[i, MARKET_ASK] = ask


@kernel
def forget_point(b: Book, i: int, now: int) -> None:
    """No point up to and with time `now` stands any more."""
    b.market[i, MARKET_FORGOTTEN] = max(b.market[i, MARKET_FORGOTTEN], now)
    b.market[i, MARKET_BID] = 0
    b.market[i, MARKET_ASK] = 0


@kernel
def set_halted(b: Book, i: int, halted: int, now: int) -> None:
    """Halt or resume an instrument; a halt ends the point that stood, not one of its own time after it."""
    outside = b.market[i, MARKET_HALTED] & HALTED_OUTSIDE
    b.market[i, MARKET_HALTED] = outside | (HALTED_NOW if halted == 1 else 0)
    if halted == 1:
        forget_point(b, i, now - 1)


@kernel
def goes_first(b: Book, o: int) -> bool:
    """Return whether row `o` has met no point, and the one that stands would have filled it."""
    i, side = b.orders[o, ORDER_INSTRUMENT], b.orders[o, ORDER_SIDE]
    price = b.market[i, MARKET_ASK if side > 0 else MARKET_BID]
    if price == 0 or b.orders[o, ORDER_SEEN] != SEEN_NEW or not is_in_play(b, o, i):
        return False
    order_type = b.orders[o, ORDER_TYPE]
    if order_type == TYPE_STOP or order_type == TYPE_STOP_LIMIT:
        if side * price < side * b.orders[o, ORDER_STOP]:
            return False
    if order_type == TYPE_LIMIT or order_type == TYPE_STOP_LIMIT:
        return would_take(b, o, i, price)
    return bool(order_type == TYPE_MARKET or order_type == TYPE_STOP)


@kernel
def would_take(b: Book, o: int, i: int, price: int) -> bool:
    """Return whether a newly arrived limit in row `o` trades at `price`; a post-only one never does."""
    if b.orders[o, ORDER_FLAGS] & FLAG_POST_ONLY:
        return False
    better = b.orders[o, ORDER_SIDE] * (b.orders[o, ORDER_LIMIT] - price)
    touched = b.terms[i, TERM_QUOTED] == 1 or b.settings[SETTING_LIMIT_FILL] == LIMIT_TOUCH
    return bool(better >= (0 if touched else b.terms[i, TERM_PRICE_STEP]))
