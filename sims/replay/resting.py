"""Which rows of a lane its resting orders can feel, so that the replay can skip the others.

An order *rests* when it has met the market once and now only waits for a price: a limit order, or a
stop that has not fired. A row whose prices stay on the far side of all such prices changes nothing
at the book but the last price. What else may work (market orders, trailing stops, auctions, orders
good till a date, queues, what has not arrived or is being changed) has every row stepped on.
"""

from __future__ import annotations

from typing import Any

from engine.jit import kernel
from engine.kernels.money import INT64_MAX
from engine.model.layout import (
    BAR_HIGH,
    BAR_LOW,
    KIND_BAR,
    KIND_QUOTE,
    KIND_TRADE,
    ORDER_FIRED,
    ORDER_LIMIT,
    ORDER_SEEN,
    ORDER_SIDE,
    ORDER_STOP,
    ORDER_TIF,
    ORDER_TYPE,
    QUOTE_ASK,
    QUOTE_BID,
    TIF_DAY,
    TIF_GTC,
    TRADE_PRICE,
    TYPE_STOP,
    TYPE_STOP_LIMIT,
)
from engine.state import Table
from sims.fillbook.layout import (
    COUNT_ORDERS,
    COUNT_REQUESTS,
    LIMIT_QUEUE,
    ORDER_FRESH,
    SEEN_RESTING,
    SETTING_LIMIT_FILL,
    Book,
)
from sims.fillbook.orders import is_in_play
from sims.fillbook.points import acts_as_limit
from sims.replay.layout import FIRST_PAYLOAD, LANE_COLUMN, LANE_CONSTANTS, LANE_KIND

# A lane is searched for a row in reach no further than this, so that orders that change often do not
# have the same rows searched again and again.
SEARCH_ROWS = 64


@kernel
def rests(b: Book, o: int) -> bool:
    """Return whether row `o` of the book only waits for its price."""
    if b.orders[o, ORDER_SEEN] != SEEN_RESTING or b.orders[o, ORDER_FRESH] == 1:
        return False
    if b.orders[o, ORDER_TIF] != TIF_GTC and b.orders[o, ORDER_TIF] != TIF_DAY:
        return False
    if acts_as_limit(b, o):
        return True
    order_type = b.orders[o, ORDER_TYPE]
    if order_type != TYPE_STOP and order_type != TYPE_STOP_LIMIT:
        return False
    fired: int = b.orders[o, ORDER_FIRED]
    return fired == 0


@kernel
def all_rest(b: Book, i: int, kind: int) -> bool:
    """Return whether everything that works in instrument `i` only waits for its price."""
    if b.counters[COUNT_REQUESTS] > 0:
        return False
    if kind == KIND_QUOTE and b.settings[SETTING_LIMIT_FILL] == LIMIT_QUEUE:
        return False  # every quote tells of the queues
    for o in range(b.counters[COUNT_ORDERS]):
        if is_in_play(b, o, i) and not rests(b, o):
            return False
    return True


@kernel
def reach_of(b: Book, i: int) -> tuple[int, int, int, int]:
    """Return the prices that resting orders wait for: the market's ask falling to, its bid falling to,
    its bid rising to, its ask rising to."""
    ask_down, bid_down, bid_up, ask_up = -INT64_MAX, -INT64_MAX, INT64_MAX, INT64_MAX
    for o in range(b.counters[COUNT_ORDERS]):
        if not is_in_play(b, o, i):
            continue
        buys = b.orders[o, ORDER_SIDE] > 0
        if acts_as_limit(b, o):
            price = b.orders[o, ORDER_LIMIT]
            if buys:
                ask_down = max(ask_down, price)
            else:
                bid_up = min(bid_up, price)
        else:
            price = b.orders[o, ORDER_STOP]
            if buys:
                ask_up = min(ask_up, price)
            else:
                bid_down = max(bid_down, price)
    return ask_down, bid_down, bid_up, ask_up


@kernel
def first_in_reach(
    b: Book, lanes: Table, columns: Any, k: int, i: int, start: int, end: int
) -> int:
    """Return the first row in [start, end) of lane `k` that an order can feel, or `end`.

    It may return an earlier row, which is then stepped on in vain.
    """
    kind = lanes[k, LANE_KIND]
    low, high = QUOTE_BID, QUOTE_ASK
    if kind == KIND_BAR:
        low, high = BAR_LOW, BAR_HIGH
    elif kind == KIND_TRADE:
        low, high = TRADE_PRICE, TRADE_PRICE
    constant = (lanes[k, LANE_CONSTANTS] >> (low - FIRST_PAYLOAD)) & 1
    constant += (lanes[k, LANE_CONSTANTS] >> (high - FIRST_PAYLOAD)) & 1
    if constant > 0 or not all_rest(b, i, kind):
        return start
    ask_down, bid_down, bid_up, ask_up = reach_of(b, i)
    if kind != KIND_QUOTE:
        # One price at a time: what the ask falls to is what the low falls to.
        bid_down, ask_up = max(ask_down, bid_down), min(bid_up, ask_up)
        ask_down, bid_up = -INT64_MAX, INT64_MAX
    first = lanes[k, LANE_COLUMN] + 1 - FIRST_PAYLOAD
    lows, highs = columns[first + low], columns[first + high]
    last = min(end, start + SEARCH_ROWS)
    for row in range(start, last):
        if lows[row] <= bid_down or lows[row] >= bid_up:
            return row
        if highs[row] <= ask_down or highs[row] >= ask_up:
            return row
    return last
