"""How the fill book meets an event of the stream, before the engine does."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    CALENDAR_ID,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    KIND_BAR,
    KIND_HALT,
    KIND_QUOTE,
    KIND_RESUME,
    KIND_SESSION_CLOSE,
    KIND_SESSION_OPEN,
    KIND_SETTLEMENT,
    KIND_SPLIT,
    KIND_TRADE,
    SPLIT_DENOMINATOR,
    SPLIT_NUMERATOR,
)
from engine.state import Table
from sims.fillbook.bars import match_bar
from sims.fillbook.layout import COUNT_NOW, COUNT_ORDERS, COUNT_SEQUENCE, Book
from sims.fillbook.lifetimes import close_market, close_session, open_session, split
from sims.fillbook.showing import remember
from sims.fillbook.standing import set_halted
from sims.fillbook.ticks import match_quote, match_trade


@kernel
def match_market(b: Book, events: Table, row: int, kind: int) -> None:
    """Match a market event against working orders."""
    b.counters[COUNT_SEQUENCE] = events[row, EVENT_SEQUENCE]
    if kind == KIND_QUOTE:
        match_quote(b, events, row)
    elif kind == KIND_TRADE:
        match_trade(b, events, row)
    else:
        match_bar(b, events, row)


@kernel
def follow_other(b: Book, events: Table, row: int, kind: int) -> None:
    """Follow an action, a session or anything else that is no market data."""
    i, now = events[row, EVENT_INSTRUMENT], events[row, EVENT_TS]
    b.counters[COUNT_SEQUENCE] = events[row, EVENT_SEQUENCE]
    b.counters[COUNT_NOW] = now
    if kind == KIND_SESSION_CLOSE:
        close_session(b, events[row, CALENDAR_ID], now)
    elif kind == KIND_SESSION_OPEN:
        open_session(b, events[row, CALENDAR_ID])
    elif kind == KIND_SPLIT:
        split(b, i, events[row, SPLIT_NUMERATOR], events[row, SPLIT_DENOMINATOR], now)
    elif kind == KIND_SETTLEMENT:
        close_market(b, i, now)
    elif kind == KIND_HALT:
        set_halted(b, i, 1, now)
    elif kind == KIND_RESUME:
        set_halted(b, i, 0, now)


@kernel
def meet_event(b: Book, events: Table, row: int) -> None:
    """Meet one event; what that does to orders stands in the book's events afterwards."""
    kind = events[row, EVENT_KIND]
    if kind < KIND_BAR or kind > KIND_TRADE:
        follow_other(b, events, row, kind)
    elif b.counters[COUNT_ORDERS] > 0:
        match_market(b, events, row, kind)
    else:
        remember(b, events, row)
