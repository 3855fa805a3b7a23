"""Calling a compiled kernel on a core, with its blocks as the compiled loop takes them.

As arrays they would have other types, and everything that the kernel leads to would be compiled once more.
And each door from Python has all that it leads to linked and optimised by itself: the kernels that these
tests call one after another are behind one door, as a replay's and a session's are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from engine.jit import compiled, kernel
from engine.kernels.orders import ask_replace, place
from engine.kernels.positions import apply_trade, tradable_lots
from engine.kernels.trips import note_position
from engine.kernels.wakes import take_due
from engine.model.layout import EVENT_WIDTH, ORDER_WIDTH, SIGNAL_WIDTH
from engine.rules.conditions import next_stage, pass_stage, wanted_lots, winner_of
from engine.rules.decide import close_position
from engine.rules.entries import follow_entries
from engine.rules.exits import look
from engine.rules.guards import watch_equity
from engine.rules.opportunities import find_victim
from engine.rules.own_orders import receive_order, withdraw_own
from engine.rules.protection import fit_protection
from engine.rules.signals import take_signal
from engine.rules.turn import watch
from engine.rules.verbs import target
from engine.state import Core, Table
from engine.step import apply_event
from sims.fillbook import BookSettings
from sims.fillbook.layout import Book
from sims.fillbook.settings import new_book, settings_block, terms_block
from sims.replay.loop import end_slice, end_waits, handle, pass_commands


@kernel
def meet(s: Core, b: Book, events: Table, intents: Table, signals: Table) -> None:
    """Let the book and the core meet one event, which is a slice of its own."""
    handle(s, b, events, 0)
    end_slice(s, b, intents, events, signals, 0, 1, 0)


PIECES = (
    apply_event,
    take_due,
    watch,
    watch_equity,
    follow_entries,
    fit_protection,
    close_position,
    withdraw_own,
    note_position,
    pass_stage,
    pass_commands,
    meet,
    end_waits,
    place,
    ask_replace,
    take_signal,
    receive_order,
    target,
    apply_trade,
    find_victim,
    look,
    winner_of,
    wanted_lots,
    next_stage,
    tradable_lots,
)
PLACES: dict[Callable[..., Any], int] = {each: n for n, each in enumerate(PIECES)}


@kernel
def piece(
    s: Core,
    b: Book,
    events: Table,
    intents: Table,
    signals: Table,
    what: int,
    a: int,
    c: int,
    d: int,
    e: int,
    f: int,
) -> int:
    """Call a kernel of `PIECES`, by its place there, and return what it says; of one that says nothing 0."""
    answer = 0
    if what == 0:
        apply_event(s, events, a)
    elif what == 1:
        take_due(s)
    elif what == 2:
        watch(s, intents)
    elif what == 3:
        watch_equity(s)
    elif what == 4:
        follow_entries(s, intents)
    elif what == 5:
        fit_protection(s, intents)
    elif what == 6:
        close_position(s, intents, a, c)
    elif what == 7:
        withdraw_own(s, a)
    elif what == 8:
        note_position(s, a, c, d)
    elif what == 9:
        pass_stage(s, a)
    elif what == 10:
        pass_commands(s, b)
    elif what == 11:
        meet(s, b, events, intents, signals)
    elif what == 12:
        end_waits(s, b, intents, a)
    elif what == 13:
        answer = place(s, intents, a)
    elif what == 14:
        answer = 1 if ask_replace(s, a, c, d, e) else 0
    elif what == 15:
        answer = take_signal(s, intents, a, c, d, e)
    elif what == 16:
        answer = receive_order(s, intents, a)
    elif what == 17:
        answer = target(s, intents, a, c, d)
    elif what == 18:
        answer = apply_trade(s, a, c, d, e, f)
    elif what == 19:
        answer = find_victim(s)
    elif what == 20:
        answer = look(s, a, c)
    elif what == 21:
        answer = winner_of(s, a)
    elif what == 22:
        answer = wanted_lots(s, a, c)
    elif what == 23:
        answer = next_stage(s, a)
    elif what == 24:
        answer = tradable_lots(s, a)
    return answer


NUMBERS: Final = 5


@cache
def nothing(width: int) -> Any:
    """Return a block for a kernel that takes none."""
    from engine.pointers import Matrix

    return Matrix(np.zeros((1, width), dtype=np.int64))


@cache
def no_book() -> Any:
    """Return a book for a kernel that takes none."""
    from engine.pointers import Views

    settings = BookSettings()
    return Views(new_book(settings_block(settings), terms_block([], settings)))


def call_compiled(function: Callable[..., Any], core: Core, *values: Any) -> Any:
    """Call the compiled twin of a kernel on a core; other blocks may come in any form."""
    from engine.pointers import Matrix, Views

    blocks = [
        Matrix(np.asarray(value)) if isinstance(value, memoryview | np.ndarray) else value
        for value in values
    ]
    number = PLACES.get(function)
    if number is None:
        return compiled(function)(Views(core), *blocks)
    book = next((block for block in blocks if isinstance(block, Views)), None) or no_book()
    tables = {block.width: block for block in blocks if isinstance(block, Matrix)}
    given = [
        tables.get(width) or nothing(width) for width in (EVENT_WIDTH, ORDER_WIDTH, SIGNAL_WIDTH)
    ]
    numbers = [int(block) for block in blocks if not isinstance(block, Matrix | Views)]
    numbers += [0] * (NUMBERS - len(numbers))
    return compiled(piece)(Views(core), book, *given, number, *numbers)
