"""Columns into the loop: many lanes in one order, stepping only where something can happen.

While nothing of an instrument works at the book, or what works is out of the market's reach
(`sims.replay.resting`), its market data change nothing but its last price. So the replay goes straight
to the lane's next row with a signal or in reach, and what lies between is caught up with (its last row
alone) before anybody reads a price: at a decision, a mark of equity, an action. What is stepped on goes
through the same kernels as a session's events do (`sims.replay.loop.handle`).

A heap of lanes by the time of their next step keeps the order; of lanes with equal times the lower
comes first. Of an instrument with several lanes of market data every row is stepped on: which of its
prices is the last would depend on their order.
"""

from __future__ import annotations

from typing import Any

from engine.jit import kernel
from engine.kernels.held import is_held
from engine.model.layout import (
    ACCOUNT_FAULT,
    ACCOUNT_HELD,
    ACCOUNT_JOURNAL,
    ACCOUNT_NEXT_WAKE,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    KIND_QUOTE,
    KIND_SESSION_CLOSE,
    KIND_SESSION_OPEN,
    ORDER_INSTRUMENT,
    SIGNAL_BITS,
    SIGNAL_WEIGHT,
)
from engine.state import Core, Table
from sims.fillbook.layout import COUNT_FAULT, COUNT_ORDERS, MARKET_WORKING, Book
from sims.replay.catching_up import (
    catch_up,
    catch_up_for,
    catch_up_lane,
    catch_up_used,
    pass_over,
    take_lane_inputs,
    write_event,
)
from sims.replay.heap import NEVER, schedule
from sims.replay.layout import (
    LANE_ALWAYS,
    LANE_COLUMN,
    LANE_CURSOR,
    LANE_INSTRUMENT,
    LANE_IS_MARKET,
    LANE_KIND,
    LANE_NEXT_TS,
    LANE_OF_INSTRUMENT,
    LANE_PLACE,
    LANE_ROWS,
    LANE_STEP,
    LANE_VALUES,
    LANE_WAKE_COUNT,
    LANE_WAKE_CURSOR,
    LANE_WAKES,
    TURN_LAST,
    TURN_NOW,
    TURN_READY,
    TURN_SIZE,
)
from sims.replay.loop import (
    begin_decision,
    end_slice,
    end_waits,
    handle,
    take_turn,
)
from sims.replay.reach import first_past_reach
from sims.replay.resting import first_in_reach


# --- One lane ---------------------------------------------------------------------------------------
@kernel
def next_step(s: Core, b: Book, lanes: Table, columns: Any, k: int) -> int:
    """Return the next row of a lane that must be stepped on; its number of rows if there is none.

    Of an instrument that the trading loop looks at that is every row out of its reach (`reach`).
    """
    row, i = lanes[k, LANE_CURSOR], lanes[k, LANE_INSTRUMENT]
    if lanes[k, LANE_ALWAYS] == 1 or lanes[k, LANE_VALUES] > 0:
        return row
    wake = lanes[k, LANE_WAKE_CURSOR]
    end = lanes[k, LANE_ROWS]
    if wake < lanes[k, LANE_WAKE_COUNT]:
        end = columns[lanes[k, LANE_WAKES]][wake]
    if s.account[ACCOUNT_TRADING] == 1 and lanes[k, LANE_IS_MARKET] == 1 and is_held(s, i):
        end = first_past_reach(s, lanes, columns, k, i, row, end)
    if b.market[i, MARKET_WORKING] == 0:
        return end
    return first_in_reach(b, lanes, columns, k, i, row, end)


@kernel
def plan(s: Core, b: Book, lanes: Table, columns: Any, heap: Table, turn: Table, k: int) -> None:
    """Find a lane's next step and give it its place in the heap."""
    row = next_step(s, b, lanes, columns, k)
    lanes[k, LANE_STEP] = row
    ts = NEVER
    if row < lanes[k, LANE_ROWS]:
        ts = columns[lanes[k, LANE_COLUMN]][row]
    if ts != lanes[k, LANE_NEXT_TS]:
        schedule(lanes, heap, turn, k, ts)


@kernel
def make_ready(s: Core, b: Book, lanes: Table, columns: Any, heap: Table, turn: Table) -> None:
    """Plan every lane, before the first step and after the lanes were changed from outside."""
    if turn[TURN_READY] == 1:
        return
    turn[TURN_READY] = 1
    turn[TURN_SIZE] = 0
    turn[TURN_LAST] = -NEVER
    for k in range(lanes.shape[0]):
        lanes[k, LANE_PLACE] = -1
        lanes[k, LANE_NEXT_TS] = NEVER
        lanes[k, LANE_STEP] = lanes[k, LANE_CURSOR]
    for k in range(lanes.shape[0]):
        if lanes[k, LANE_ROWS] > 0:
            last = columns[lanes[k, LANE_COLUMN]][lanes[k, LANE_ROWS] - 1]
            turn[TURN_LAST] = max(turn[TURN_LAST], last)
            plan(s, b, lanes, columns, heap, turn, k)


# --- One slice --------------------------------------------------------------------------------------
@kernel
def take_signal(lanes: Table, columns: Any, k: int, row: int, signals: Table, n: int) -> int:
    """Put the signal of a lane's row, if it has one, into `signals[n]`; return its bits.

    For a compiled strategy that is the lane plus one, and the row.
    """
    if lanes[k, LANE_VALUES] > 0:  # a compiled strategy is asked about every bar
        signals[n, SIGNAL_BITS] = k + 1
        signals[n, SIGNAL_WEIGHT] = row
        return 1
    wake, column = lanes[k, LANE_WAKE_CURSOR], lanes[k, LANE_WAKES]
    if wake >= lanes[k, LANE_WAKE_COUNT] or columns[column][wake] != row:
        return 0
    bits = columns[column + 1][wake]
    signals[n, SIGNAL_BITS] = bits
    signals[n, SIGNAL_WEIGHT] = columns[column + 2][wake]
    lanes[k, LANE_WAKE_CURSOR] = wake + 1
    return bits


@kernel
def wake(lanes: Table, columns: Any, heap: Table, turn: Table, k: int) -> None:
    """Let a lane, which must be caught up, step on its next row: its orders have changed."""
    row, ts = lanes[k, LANE_CURSOR], NEVER
    lanes[k, LANE_STEP] = row
    if row < lanes[k, LANE_ROWS]:
        ts = columns[lanes[k, LANE_COLUMN]][row]
    if ts != lanes[k, LANE_NEXT_TS]:
        schedule(lanes, heap, turn, k, ts)


@kernel
def plan_held(s: Core, b: Book, lanes: Table, columns: Any, heap: Table, turn: Table) -> None:
    """Find anew the next step of each lane that the trading loop looks at; they must be caught up."""
    for n in range(s.account[ACCOUNT_HELD]):
        k = lanes[s.held[n], LANE_OF_INSTRUMENT]
        if k >= 0:
            plan(s, b, lanes, columns, heap, turn, k)


@kernel
def wake_held(s: Core, lanes: Table, columns: Any, heap: Table, turn: Table) -> None:
    """Wake the lanes that the trading loop looks at, which must be caught up."""
    for n in range(s.account[ACCOUNT_HELD]):
        k = lanes[s.held[n], LANE_OF_INSTRUMENT]
        if k >= 0:
            wake(lanes, columns, heap, turn, k)


@kernel
def wake_traded(s: Core, b: Book, lanes: Table, columns: Any, heap: Table, turn: Table) -> None:
    """Wake the lanes of which something works at the book, or that the trading loop looks at."""
    wake_held(s, lanes, columns, heap, turn)
    for o in range(b.counters[COUNT_ORDERS]):
        k = lanes[b.orders[o, ORDER_INSTRUMENT], LANE_OF_INSTRUMENT]
        if k >= 0:
            wake(lanes, columns, heap, turn, k)


@kernel
def step_lane(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    events: Table,
    signals: Table,
    n: int,
) -> int:
    """Step on the next row of the first lane; return its signal bits."""
    k = heap[0]
    now, is_market = lanes[k, LANE_NEXT_TS], lanes[k, LANE_IS_MARKET] == 1
    if is_market:
        pass_over(s, b, lanes, columns, events, n, k, lanes[k, LANE_STEP])
    row = lanes[k, LANE_CURSOR]
    kind, i, only = lanes[k, LANE_KIND], lanes[k, LANE_INSTRUMENT], -1
    if kind < KIND_QUOTE and not is_market and i >= 0:
        only = lanes[i, LANE_OF_INSTRUMENT]
        if only >= 0:
            catch_up_lane(s, b, lanes, columns, events, n, only, now - 1)
    elif not is_market:
        catch_up_for(s, b, lanes, columns, turn, events, n, now, kind)
    write_event(lanes, columns, k, row, events, n)
    bits = take_signal(lanes, columns, k, row, signals, n) if is_market else 0
    if s.account[ACCOUNT_TRADING] == 1:
        take_lane_inputs(s, lanes, columns, k, row)
    lanes[k, LANE_CURSOR] = row + 1
    handle(s, b, events, n)
    plan(s, b, lanes, columns, heap, turn, k)
    if only >= 0:
        wake(lanes, columns, heap, turn, only)
    elif kind == KIND_SESSION_CLOSE or kind == KIND_SESSION_OPEN:
        wake_traded(s, b, lanes, columns, heap, turn)
    return bits


@kernel
def slice_goes_on(lanes: Table, heap: Table, turn: Table, now: int) -> bool:
    """Return whether the next step belongs to the slice of time `now`.

    Corporate actions come before the market data of their time, sessions and timers after it: what
    is decided on a closing price is decided before the session's close is handled.
    """
    if turn[TURN_SIZE] == 0:
        return False
    k = heap[0]
    return lanes[k, LANE_NEXT_TS] == now and (
        lanes[k, LANE_IS_MARKET] == 1 or lanes[k, LANE_KIND] < KIND_QUOTE
    )


@kernel
def next_slice(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    events: Table,
    signals: Table,
) -> int:
    """Step on the next slice; return how many of its rows, kept in `events`, have signals."""
    now = lanes[heap[0], LANE_NEXT_TS]
    turn[TURN_NOW] = now
    kept = 0
    while True:
        if step_lane(s, b, lanes, columns, heap, turn, events, signals, kept) != 0:
            kept += 1
        if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
            return kept
        if not slice_goes_on(lanes, heap, turn, now):
            return kept


@kernel
def end_lane_waits(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    events: Table,
    intents: Table,
    until: int,
    with_others: int,
) -> bool:
    """Let the earliest wait have its turn if it ends before the next step; return whether it did.

    One that ends with or after the last event has none, as there would be nothing to trade with.
    """
    at = s.account[ACCOUNT_NEXT_WAKE]
    if at >= turn[TURN_LAST] or at > until or (at == until and with_others == 0):
        return False
    if turn[TURN_SIZE] > 0 and at >= lanes[heap[0], LANE_NEXT_TS]:
        return False
    catch_up_used(s, b, lanes, columns, turn, events, 0, at)
    end_waits(s, b, intents, at + 1)
    plan_held(s, b, lanes, columns, heap, turn)
    return True


@kernel
def replay(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    events: Table,
    signals: Table,
    intents: Table,
    until: int,
    with_others: int,
) -> int:
    """Run every slice up to and with time `until`; return 1 when done, 0 to be called again.

    Called again it must be when the journal has to be emptied first; a fault also ends the call with
    0. `with_others` 0: of time `until` only the slice of market data, not what comes after it.
    """
    make_ready(s, b, lanes, columns, heap, turn)
    room = s.journal.shape[0] // 2
    while True:
        if end_lane_waits(s, b, lanes, columns, heap, turn, events, intents, until, with_others):
            if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
                return 0
            continue
        if turn[TURN_SIZE] == 0:
            break
        now = lanes[heap[0], LANE_NEXT_TS]
        if now > until:
            break
        if now == until and with_others == 0 and not slice_goes_on(lanes, heap, turn, now):
            break
        kept = next_slice(s, b, lanes, columns, heap, turn, events, signals)
        if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
            return 0
        if kept > 0:
            catch_up_used(s, b, lanes, columns, turn, events, kept, now)
            s.account[ACCOUNT_NOW] = now  # not that of the last price caught up with
            end_slice(s, b, intents, events, signals, 0, kept, kept)
            wake_traded(s, b, lanes, columns, heap, turn)
        elif s.account[ACCOUNT_TOUCHED] == 1:
            catch_up_used(s, b, lanes, columns, turn, events, 0, now)
            s.account[ACCOUNT_NOW] = now
            take_turn(s, b, intents)
            plan_held(s, b, lanes, columns, heap, turn)
        if s.account[ACCOUNT_JOURNAL] > room:
            return 0
    catch_up(s, b, lanes, columns, turn, events, 0, until)
    if with_others == 0:
        s.account[ACCOUNT_NOW] = until
        begin_decision(s, b)
    return 1
