"""Matching against quotes and prints, with the queue ahead of a resting limit order."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    EVENT_INSTRUMENT,
    EVENT_TS,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_QUEUE,
    ORDER_SEEN,
    ORDER_SIDE,
    QUOTE_ASK,
    QUOTE_ASK_SIZE,
    QUOTE_BID,
    QUOTE_BID_SIZE,
    TRADE_PRICE,
    UNKNOWN,
)
from engine.state import Table
from sims.fillbook.layout import (
    COUNT_NOW,
    COUNT_ORDERS,
    LIMIT_QUEUE,
    LONG_AGO,
    MARKET_AUCTION,
    MARKET_HALTED,
    MARKET_WORKING,
    POINT_QUOTE,
    POINT_TRADE,
    SEEN_RESTING,
    SETTING_LIMIT_FILL,
    TERM_QUOTED,
    Book,
)
from sims.fillbook.lifetimes import act_on_what_waited, catch_up
from sims.fillbook.orders import is_working, remove_ended
from sims.fillbook.points import acts_as_limit, meet_all
from sims.fillbook.showing import show_quote, show_trade


@kernel
def match_quote(b: Book, events: Table, row: int) -> None:
    """Match the working orders of one instrument against one quote."""
    i, now = events[row, EVENT_INSTRUMENT], events[row, EVENT_TS]
    bid, ask = events[row, QUOTE_BID], events[row, QUOTE_ASK]
    shows = b.market[i, MARKET_HALTED] == 0 and bid < ask
    works = b.market[i, MARKET_WORKING] > 0
    if works:
        b.counters[COUNT_NOW] = now
        catch_up(b, i, now)  # while the quote before still stands
    if shows:
        show_quote(b, events, row, i)
    if works:
        if shows:
            meet_all(b, i, bid, ask, POINT_QUOTE, LONG_AGO, now, LONG_AGO)
            if b.settings[SETTING_LIMIT_FILL] == LIMIT_QUEUE:
                watch_queues(
                    b, i, bid, ask, events[row, QUOTE_BID_SIZE], events[row, QUOTE_ASK_SIZE]
                )
            act_on_what_waited(b, i, now)
        remove_ended(b)
    if shows:
        b.market[i, MARKET_AUCTION] = 0


@kernel
def match_trade(b: Book, events: Table, row: int) -> None:
    """Match the working orders of one instrument against one print."""
    i, now, price = events[row, EVENT_INSTRUMENT], events[row, EVENT_TS], events[row, TRADE_PRICE]
    shows = b.market[i, MARKET_HALTED] == 0
    works = b.market[i, MARKET_WORKING] > 0
    if works:
        b.counters[COUNT_NOW] = now
        catch_up(b, i, now)  # while the print before still stands
    if shows:
        show_trade(b, events, row, i)
    if works:
        if shows:
            meet_all(b, i, price, price, POINT_TRADE, LONG_AGO, now, LONG_AGO)
            if b.terms[i, TERM_QUOTED] == 0:
                act_on_what_waited(b, i, now)
        remove_ended(b)
    if shows:
        b.market[i, MARKET_AUCTION] = 0


@kernel
def watch_queues(b: Book, i: int, bid: int, ask: int, bid_size: int, ask_size: int) -> None:
    """Learn from the best price of its own side how many lots are ahead of each resting order."""
    for o in range(b.counters[COUNT_ORDERS]):
        if b.orders[o, ORDER_INSTRUMENT] != i or b.orders[o, ORDER_SEEN] != SEEN_RESTING:
            continue
        if is_working(b, o) and acts_as_limit(b, o):
            side, limit = b.orders[o, ORDER_SIDE], b.orders[o, ORDER_LIMIT]
            best = bid if side > 0 else ask
            size = bid_size if side > 0 else ask_size
            ahead = b.orders[o, ORDER_QUEUE]
            if side * best < side * limit:
                b.orders[o, ORDER_QUEUE] = 0
            elif best == limit and size != UNKNOWN and (ahead == UNKNOWN or size < ahead):
                b.orders[o, ORDER_QUEUE] = size
