"""What a market event shows, remembered: the last point of an instrument and what may trade at it."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    BAR_CLOSE,
    BAR_FILLS,
    BAR_VOLUME,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_TS,
    KIND_BAR,
    KIND_QUOTE,
    QUOTE_ASK,
    QUOTE_ASK_SIZE,
    QUOTE_BID,
    QUOTE_BID_SIZE,
    TRADE_AGGRESSOR,
    TRADE_PRICE,
    TRADE_SIZE,
    UNKNOWN,
)
from engine.state import Table
from sims.fillbook.layout import (
    MARKET_AGGRESSOR,
    MARKET_AUCTION,
    MARKET_HALTED,
    MARKET_LAST,
    MARKET_PRINTED,
    MARKET_QUEUE_TAKEN,
    MARKET_SHARED,
    MARKET_SIZE_BUY,
    MARKET_SIZE_SELL,
    MARKET_SPREAD,
    MARKET_TAKEN_BUY,
    MARKET_TAKEN_SELL,
    MARKET_VOLUME,
    TERM_QUOTED,
    Book,
)
from sims.fillbook.standing import let_stand


@kernel
def remember(b: Book, events: Table, row: int) -> None:
    """Follow a market event of an instrument for which nothing works at the book."""
    i, kind = events[row, EVENT_INSTRUMENT], events[row, EVENT_KIND]
    if b.market[i, MARKET_HALTED] != 0:
        return
    if kind == KIND_BAR:
        if events[row, BAR_FILLS] == 0:
            return
        show_bar(b, events, row, i)
    elif kind == KIND_QUOTE:
        if events[row, QUOTE_BID] >= events[row, QUOTE_ASK]:
            return
        show_quote(b, events, row, i)
    else:
        show_trade(b, events, row, i)
    b.market[i, MARKET_AUCTION] = 0


@kernel
def show_bar(b: Book, events: Table, row: int, i: int) -> None:
    """Remember a bar: one price at a time, one volume for both sides."""
    show(b, i, events[row, BAR_CLOSE], 0, events[row, BAR_VOLUME], events[row, BAR_VOLUME])
    b.market[i, MARKET_SHARED] = 1
    b.market[i, MARKET_VOLUME] = events[row, BAR_VOLUME]


@kernel
def show_quote(b: Book, events: Table, row: int, i: int) -> None:
    """Remember a quote: each side with its own price and size."""
    bid, ask = events[row, QUOTE_BID], events[row, QUOTE_ASK]
    show(b, i, bid, ask - bid, events[row, QUOTE_ASK_SIZE], events[row, QUOTE_BID_SIZE])
    b.market[i, MARKET_SHARED] = 0
    b.market[i, MARKET_VOLUME] = UNKNOWN
    let_stand(b, i, events[row, EVENT_TS], bid, ask)


@kernel
def show_trade(b: Book, events: Table, row: int, i: int) -> None:
    """Remember a print: one price and one size."""
    show(b, i, events[row, TRADE_PRICE], 0, events[row, TRADE_SIZE], events[row, TRADE_SIZE])
    b.market[i, MARKET_SHARED] = 1
    b.market[i, MARKET_VOLUME] = UNKNOWN
    b.market[i, MARKET_AGGRESSOR] = events[row, TRADE_AGGRESSOR]
    b.market[i, MARKET_QUEUE_TAKEN] = 0
    if b.terms[i, TERM_QUOTED] == 0:
        price = events[row, TRADE_PRICE]
        let_stand(b, i, events[row, EVENT_TS], price, price)


@kernel
def show(b: Book, i: int, last: int, spread: int, size_buy: int, size_sell: int) -> None:
    """Remember the last point and its sizes, of which nothing is taken yet."""
    b.market[i, MARKET_LAST] = last
    b.market[i, MARKET_SPREAD] = spread
    b.market[i, MARKET_SIZE_BUY] = size_buy
    b.market[i, MARKET_SIZE_SELL] = size_sell
    b.market[i, MARKET_TAKEN_BUY] = 0
    b.market[i, MARKET_TAKEN_SELL] = 0
    b.market[i, MARKET_PRINTED] = 1
