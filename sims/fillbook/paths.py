"""Walking a bar twice: what the orders were, what each way made of them, and which way is kept."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    EVENT_KIND,
    EVENT_WIDTH,
    FACT_LOTS,
    FACT_ORDER,
    FACT_PRICE,
    KIND_FILL,
    ORDER_MARK,
    ORDER_SIDE,
    ORDER_WIDTH,
)
from sims.fillbook.layout import (
    COUNT_AMBIGUITIES,
    COUNT_EVENTS,
    COUNT_FAULT,
    COUNT_MARK,
    COUNT_ORDERS,
    COUNTERS_WIDTH,
    MARKET_WIDTH,
    PATH_HIGH_FIRST,
    PATH_NEAREST,
    PATH_OPTIMISTIC,
    PATH_PESSIMISTIC,
    Book,
)
from sims.fillbook.orders import find

BEFORE = 0  # the orders as they were
LOW_FIRST = 1  # and as the way over the low has left them


@kernel
def copy_aside(b: Book, i: int, copy: int) -> None:
    """Keep orders, market row and counters as copy number `copy`."""
    rows = b.orders.shape[0]
    base = copy * (rows + 2)
    for o in range(b.counters[COUNT_ORDERS]):
        for column in range(ORDER_WIDTH):
            b.scratch[base + o, column] = b.orders[o, column]
    for column in range(MARKET_WIDTH):
        b.scratch[base + rows, column] = b.market[i, column]
    for column in range(COUNTERS_WIDTH):
        b.scratch[base + rows + 1, column] = b.counters[column]


@kernel
def bring_back(b: Book, i: int, copy: int) -> None:
    """Make orders, market row and counters what copy number `copy` holds; faults stay."""
    rows = b.orders.shape[0]
    base = copy * (rows + 2)
    fault, marks = b.counters[COUNT_FAULT], b.counters[COUNT_MARK]
    for o in range(b.counters[COUNT_ORDERS]):
        for column in range(ORDER_WIDTH):
            b.orders[o, column] = b.scratch[base + o, column]
    for column in range(MARKET_WIDTH):
        b.market[i, column] = b.scratch[base + rows, column]
    for column in range(COUNTERS_WIDTH):
        b.counters[column] = b.scratch[base + rows + 1, column]
    b.counters[COUNT_FAULT] = fault
    b.counters[COUNT_MARK] = marks


@kernel
def kept(b: Book, copy: int, column: int) -> int:
    """Return a counter of copy number `copy`."""
    rows = b.orders.shape[0]
    return b.scratch[copy * (rows + 2) + rows + 1, column]


@kernel
def begin_walks(b: Book, i: int) -> None:
    """Remember everything before the first walk, the one over the low."""
    copy_aside(b, i, BEFORE)


@kernel
def next_walk(b: Book, i: int) -> None:
    """Remember what the first walk made, and go back; its facts stay, those of the second follow."""
    events = b.counters[COUNT_EVENTS]
    copy_aside(b, i, LOW_FIRST)
    bring_back(b, i, BEFORE)
    b.counters[COUNT_EVENTS] = events


@kernel
def end_walks(b: Book, i: int, path: int, low_is_nearest: bool, close: int) -> None:
    """Keep the walk that `path` asks for, and count where the choice mattered."""
    first = kept(b, BEFORE, COUNT_EVENTS)
    second = kept(b, LOW_FIRST, COUNT_EVENTS)
    end = b.counters[COUNT_EVENTS]
    before = kept(b, BEFORE, COUNT_AMBIGUITIES)
    ambiguities = max(kept(b, LOW_FIRST, COUNT_AMBIGUITIES), b.counters[COUNT_AMBIGUITIES])
    if path != PATH_OPTIMISTIC and walks_differ(b, first, second, end):
        ambiguities = max(ambiguities, before + 1)
    worth_low_first = worth_at(b, first, second, close)
    worth_high_first = worth_at(b, second, end, close)
    if path == PATH_PESSIMISTIC:
        high_first = worth_high_first <= worth_low_first
    elif path == PATH_OPTIMISTIC:
        high_first = worth_high_first >= worth_low_first
    elif path == PATH_NEAREST:
        high_first = not low_is_nearest
    else:
        high_first = path == PATH_HIGH_FIRST
    if high_first:
        move_events(b, first, second, end)
    else:
        bring_back(b, i, LOW_FIRST)
    b.counters[COUNT_AMBIGUITIES] = ambiguities


@kernel
def move_events(b: Book, first: int, second: int, end: int) -> None:
    """Put the second walk's facts in the place of the first's."""
    for e in range(second, end):
        for column in range(EVENT_WIDTH):
            b.events[first + e - second, column] = b.events[e, column]
    b.counters[COUNT_EVENTS] = first + end - second


@kernel
def walks_differ(b: Book, first: int, second: int, end: int) -> bool:
    """Return whether the two walks have said or left anything different."""
    if second - first != end - second:
        return True
    for e in range(first, second):
        for column in range(EVENT_WIDTH):
            if b.events[e, column] != b.events[e + second - first, column]:
                return True
    base = b.orders.shape[0] + 2
    for o in range(b.counters[COUNT_ORDERS]):
        for column in range(ORDER_WIDTH):
            if column != ORDER_MARK and b.orders[o, column] != b.scratch[base + o, column]:
                return True
    return False


@kernel
def worth_at(b: Book, first: int, end: int, close: int) -> float:
    """Return what the fills among the facts [first, end) are worth at the close, in ticks x lots."""
    worth = 0.0
    for e in range(first, end):
        if b.events[e, EVENT_KIND] == KIND_FILL:
            side = b.orders[find(b, b.events[e, FACT_ORDER]), ORDER_SIDE]
            worth += float(side * b.events[e, FACT_LOTS]) * float(close - b.events[e, FACT_PRICE])
    return worth
