"""What a session asks of the engine and of a simulated venue between its own steps.

Two kernels with a verb, and not one for each: every door from Python into compiled code costs compile
time. What the verbs do is what the backtest's loop does (`sims.replay.loop`), in the same kernels.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel
from engine.kernels.wakes import take_due
from engine.model.layout import (
    SIGNAL_CONFIDENCE,
    SIGNAL_EDGE,
    SIGNAL_GOAL,
    SIGNAL_VOLATILITY,
    SIGNAL_VOLUME,
)
from engine.rules.decide import decide
from engine.rules.turn import take_inputs, watch
from engine.rules.verbs import fulfil, place_own
from engine.state import Core, Table
from engine.step import apply_event
from sims.fillbook.layout import Book
from sims.fillbook.meeting import meet_event
from sims.fillbook.requests import cancel, replace_later, submit

# Of `step_core`; what each takes.
CORE_EVENTS: Final = 0  # first row, last row
CORE_INPUTS: Final = 1  # instrument, row of the signals
CORE_DUE: Final = 2
CORE_WATCH: Final = 3
CORE_DECIDE: Final = 4  # how many rows
CORE_VERB: Final = 5  # verb of `engine.rules.verbs`, and its four arguments
CORE_PLACE: Final = 6  # instrument, how many intents

# Of `step_book`; what each takes.
BOOK_MEET: Final = 0  # row
BOOK_SUBMIT: Final = 1  # time
BOOK_CANCEL: Final = 2  # order, time
BOOK_REPLACE: Final = 3  # order, quantity, limit, stop, time


@kernel
def take_row_inputs(s: Core, i: int, signals: Table, row: int) -> None:
    """Take the trading loop's inputs that stand beside an event."""
    take_inputs(
        s,
        i,
        signals[row, SIGNAL_EDGE],
        signals[row, SIGNAL_CONFIDENCE],
        signals[row, SIGNAL_GOAL],
        signals[row, SIGNAL_VOLATILITY],
        signals[row, SIGNAL_VOLUME],
    )


@kernel
def step_core(
    s: Core,
    events: Table,
    signals: Table,
    intents: Table,
    step: int,
    a: int,
    b: int,
    c: int,
    d: int,
    e: int,
) -> int:
    """Take one step of the engine; return what a verb answers, else 0."""
    answer = 0
    if step == CORE_EVENTS:
        for row in range(a, b):
            apply_event(s, events, row)
    elif step == CORE_INPUTS:
        take_row_inputs(s, a, signals, b)
    elif step == CORE_DUE:
        take_due(s)
    elif step == CORE_WATCH:
        watch(s, intents)
    elif step == CORE_DECIDE:
        decide(s, intents, events, signals, 0, a)
    elif step == CORE_VERB:
        answer = fulfil(s, intents, a, b, c, d, e)
    elif step == CORE_PLACE:
        place_own(s, intents, a, b)
    return answer


@kernel
def step_book(
    book: Book,
    events: Table,
    order: Table,
    step: int,
    a: int,
    b: int,
    c: int,
    d: int,
    e: int,
) -> int:
    """Take one step of a simulated venue; what it says stands in the book's events afterwards."""
    if step == BOOK_MEET:
        meet_event(book, events, a)
    elif step == BOOK_SUBMIT:
        submit(book, order, 0, a)
    elif step == BOOK_CANCEL:
        cancel(book, a, b)
    elif step == BOOK_REPLACE:
        replace_later(book, a, b, c, d, e)
    return 0
