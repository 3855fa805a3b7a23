"""A run event by event, in the order of a stream: what the replay's lanes are compared with."""

from __future__ import annotations

from typing import Any

from engine.jit import as_plain
from engine.model import layout as at
from engine.state import Core, Table
from runtime.backtest.machine import Machine
from sims.fillbook import layout as book_at
from sims.fillbook.layout import Book
from sims.replay.loop import end_slice, end_waits, handle
from sims.replay.stream import Chunk
from sims.stepping.steps import take_row_inputs


def run(machine: Machine, chunk: Chunk, first: int, last: int) -> None:
    """Run the events [first, last) of a chunk, emptying the journal as needed.

    `first` must begin a slice and `last` end one: a slice is the market data of one time. Where the
    signals are all zero nothing is decided here (a strategy of another kind decides between calls).
    """
    blocks = (as_plain(chunk.events), as_plain(chunk.signals), machine.plain_intents)
    row = first
    while row < last:
        row = _run_once(machine.plain, machine._plain_book, *blocks, row, last)
        machine._after()


def _run_once(
    s: Core, b: Book, events: Table, signals: Table, intents: Table, first: int, last: int
) -> int:
    """Return `last`, or less when the journal must be emptied first or a fault has stopped the core."""
    # Half of the journal is kept free, so that the largest slice finds room.
    room = s.journal.shape[0] // 2
    slice_first, due = first, 0
    for row in range(first, last):
        if s.account[at.ACCOUNT_TRADING] == 1:
            if row == slice_first:
                end_waits(s, b, intents, events[row, at.EVENT_TS])
            if at.KIND_BAR <= events[row, at.EVENT_KIND] <= at.KIND_TRADE:
                take_row_inputs(s, events[row, at.EVENT_INSTRUMENT], signals, row)
        handle(s, b, events, row)
        due |= signals[row, at.SIGNAL_BITS]
        if row + 1 == last or _is_slice_end(events, row + 1):
            end_slice(s, b, intents, events, signals, slice_first, row + 1, due)
            due, slice_first = 0, row + 1
            if s.account[at.ACCOUNT_JOURNAL] > room:
                return row + 1
        if s.account[at.ACCOUNT_FAULT] != 0 or b.counters[book_at.COUNT_FAULT] != 0:
            return row + 1
    return last


def slice_end(events: Any, row: int, last: int) -> int:
    """Return where the slice that begins at `row` ends."""
    row += 1
    while row < last and not _is_slice_end(events, row):
        row += 1
    return row


def _is_slice_end(events: Any, row: int) -> bool:
    """Return whether the event before `row` ends its slice.

    Corporate actions come before the market data of their time, sessions and timers after it: what
    is decided on a closing price is decided before the session's close is handled.
    """
    kind: int = events[row, at.EVENT_KIND]
    return kind > at.KIND_TRADE or events[row, at.EVENT_TS] != events[row - 1, at.EVENT_TS]
