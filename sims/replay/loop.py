"""The backtest loop: one pass over ordered events, the core on one side, the fill book on the other.

The loop only wires: market events go to the book, the book's facts to the core, the core's decisions
to the book. Where nothing works at the book and no decision is due, an event only updates prices.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.wakes import take_due
from engine.model.layout import (
    ACCOUNT_COMMANDS,
    ACCOUNT_FAULT,
    ACCOUNT_NEXT_WAKE,
    ACCOUNT_NOW,
    ACCOUNT_REINVEST,
    ACCOUNT_SEQUENCE,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    COMMAND_KIND,
    COMMAND_LIMIT,
    COMMAND_ORDER,
    COMMAND_QUANTITY,
    COMMAND_ROW,
    COMMAND_STOP,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    KIND_BAR,
    KIND_CANCEL_SENT,
    KIND_QUOTE,
    KIND_SUBMITTED,
    KIND_TRADE,
    POSITION_CLOSED,
    POSITION_QUANTITY,
)
from engine.rules.decide import decide
from engine.rules.turn import TURNS_MAX, watch
from engine.state import Core, Table
from engine.step import apply_event
from sims.fillbook.layout import (
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_ORDERS,
    COUNT_SEQUENCE,
    MARKET_POSITION,
    Book,
)
from sims.fillbook.meeting import follow_other, match_market
from sims.fillbook.requests import cancel, replace_later, submit
from sims.fillbook.showing import remember


@kernel
def pass_facts(s: Core, b: Book) -> None:
    """Hand the book's facts to the core."""
    for f in range(b.counters[COUNT_EVENTS]):
        apply_event(s, b.events, f)
    b.counters[COUNT_EVENTS] = 0


@kernel
def pass_commands(s: Core, b: Book) -> None:
    """Hand the core's commands to the book, sent now."""
    now = s.account[ACCOUNT_NOW]
    for c in range(s.account[ACCOUNT_COMMANDS]):
        kind = s.commands[c, COMMAND_KIND]
        if kind == KIND_SUBMITTED:
            submit(b, s.orders, s.commands[c, COMMAND_ROW], now)
        elif kind == KIND_CANCEL_SENT:
            cancel(b, s.commands[c, COMMAND_ORDER], now)
        else:
            replace_later(
                b,
                s.commands[c, COMMAND_ORDER],
                s.commands[c, COMMAND_QUANTITY],
                s.commands[c, COMMAND_LIMIT],
                s.commands[c, COMMAND_STOP],
                now,
            )
    s.account[ACCOUNT_COMMANDS] = 0
    pass_facts(s, b)


@kernel
def meet_market(s: Core, b: Book, events: Table, row: int, kind: int) -> None:
    """Match a market event against working orders; without any, only remember its price."""
    i = events[row, EVENT_INSTRUMENT]
    if s.positions[i, POSITION_CLOSED] == 1:
        return
    if b.counters[COUNT_ORDERS] > 0:
        match_market(b, events, row, kind)
        pass_facts(s, b)
        return
    remember(b, events, row)


@kernel
def meet_other(s: Core, b: Book, events: Table, row: int, kind: int) -> None:
    """Let the book follow an action or a session before the core does."""
    follow_other(b, events, row, kind)
    pass_facts(s, b)


@kernel
def handle(s: Core, b: Book, events: Table, row: int) -> None:
    """Let the book and then the core meet one event, and send what that makes them send."""
    kind = events[row, EVENT_KIND]
    if kind == KIND_BAR or kind == KIND_QUOTE or kind == KIND_TRADE:
        meet_market(s, b, events, row, kind)
    else:
        meet_other(s, b, events, row, kind)
    apply_event(s, events, row)
    if kind < KIND_BAR or s.account[ACCOUNT_REINVEST] == 1:
        follow_position(s, b, events[row, EVENT_INSTRUMENT])
    if s.account[ACCOUNT_COMMANDS] > 0:
        pass_commands(s, b)


@kernel
def take_turn(s: Core, b: Book, intents: Table) -> None:
    """Let the trading loop look at what has changed, and at what the book answers at once."""
    for _ in range(TURNS_MAX):
        if s.account[ACCOUNT_TOUCHED] == 0 or s.account[ACCOUNT_TRADING] == 0:
            return
        begin_decision(s, b)
        watch(s, intents)
        pass_commands(s, b)


@kernel
def end_waits(s: Core, b: Book, intents: Table, before: int) -> None:
    """Let the waits of the trading loop that end before a time have their turn, one time after another."""
    while s.account[ACCOUNT_NEXT_WAKE] < before:
        s.account[ACCOUNT_NOW] = s.account[ACCOUNT_NEXT_WAKE]
        take_due(s)
        take_turn(s, b, intents)
        if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
            return


@kernel
def end_slice(
    s: Core, b: Book, intents: Table, events: Table, signals: Table, first: int, last: int, due: int
) -> None:
    """After the market data of one time: the trading loop's turn, then the rules' decisions, sent."""
    if s.account[ACCOUNT_TRADING] == 1:
        take_turn(s, b, intents)
    if due != 0:
        begin_decision(s, b)
        decide(s, intents, events, signals, first, last)
        pass_commands(s, b)
        if s.account[ACCOUNT_TRADING] == 1:
            take_turn(s, b, intents)


@kernel
def begin_decision(s: Core, b: Book) -> None:
    """What is decided now belongs to no event."""
    s.account[ACCOUNT_SEQUENCE] = 0
    b.counters[COUNT_SEQUENCE] = 0


@kernel
def follow_position(s: Core, b: Book, i: int) -> None:
    """Actions change positions without a fill; the simulated venue's account follows."""
    if i >= 0:
        b.market[i, MARKET_POSITION] = s.positions[i, POSITION_QUANTITY]
