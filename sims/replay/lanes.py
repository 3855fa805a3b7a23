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
from engine.kernels.money import INT64_MAX
from engine.model.layout import (
    ACCOUNT_FAULT,
    ACCOUNT_HELD,
    ACCOUNT_JOURNAL,
    ACCOUNT_NEXT_WAKE,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_SEQUENCE,
    EVENT_TS,
    EVENT_WIDTH,
    KIND_ACCRUAL,
    KIND_QUOTE,
    KIND_SESSION_CLOSE,
    KIND_SESSION_OPEN,
    ORDER_INSTRUMENT,
    POSITION_PENDING,
    POSITION_QUANTITY,
    POSITION_WORKING,
    SIGNAL_BITS,
    SIGNAL_WEIGHT,
)
from engine.rules.turn import take_inputs
from engine.state import Core, Table
from sims.fillbook.layout import COUNT_FAULT, COUNT_ORDERS, MARKET_WORKING, Book
from sims.replay.layout import (
    FIRST_PAYLOAD,
    LANE_ALWAYS,
    LANE_BEFORE,
    LANE_COLUMN,
    LANE_CONSTANTS,
    LANE_CURSOR,
    LANE_INPUT_CONSTANTS,
    LANE_INPUTS,
    LANE_INSTRUMENT,
    LANE_IS_MARKET,
    LANE_KIND,
    LANE_NEXT_TS,
    LANE_OF_INSTRUMENT,
    LANE_PAYLOAD,
    LANE_PLACE,
    LANE_ROWS,
    LANE_STEP,
    LANE_VALUES,
    LANE_WAKE_COUNT,
    LANE_WAKE_CURSOR,
    LANE_WAKES,
    TURN_CAUGHT_UP,
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

NEVER = INT64_MAX


# --- The heap ---------------------------------------------------------------------------------------
@kernel
def comes_before(lanes: Table, a: int, b: int) -> bool:
    """Return whether lane `a` steps before lane `b`."""
    if lanes[a, LANE_NEXT_TS] != lanes[b, LANE_NEXT_TS]:
        return lanes[a, LANE_NEXT_TS] < lanes[b, LANE_NEXT_TS]
    return a < b


@kernel
def sift_up(lanes: Table, heap: Table, place: int) -> None:
    """Move the lane at `place` towards the root as far as it comes earlier."""
    k = heap[place]
    while place > 0:
        parent = (place - 1) // 2
        if not comes_before(lanes, k, heap[parent]):
            break
        heap[place] = heap[parent]
        lanes[heap[place], LANE_PLACE] = place
        place = parent
    heap[place] = k
    lanes[k, LANE_PLACE] = place


@kernel
def sift_down(lanes: Table, heap: Table, size: int, place: int) -> None:
    """Move the lane at `place` away from the root as far as it comes later."""
    k = heap[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and comes_before(lanes, heap[child + 1], heap[child]):
            child += 1
        if not comes_before(lanes, heap[child], k):
            break
        heap[place] = heap[child]
        lanes[heap[place], LANE_PLACE] = place
        place = child
    heap[place] = k
    lanes[k, LANE_PLACE] = place


@kernel
def schedule(lanes: Table, heap: Table, turn: Table, k: int, ts: int) -> None:
    """Set the time of a lane's next step; NEVER takes it out of the heap."""
    place, size = lanes[k, LANE_PLACE], turn[TURN_SIZE]
    lanes[k, LANE_NEXT_TS] = ts
    if ts != NEVER:
        if place < 0:
            place = size
            heap[place] = k
            turn[TURN_SIZE] = size + 1
        sift_up(lanes, heap, place)
        sift_down(lanes, heap, turn[TURN_SIZE], lanes[k, LANE_PLACE])
    elif place >= 0:
        last = heap[size - 1]
        turn[TURN_SIZE] = size - 1
        lanes[k, LANE_PLACE] = -1
        if last != k:
            heap[place] = last
            sift_up(lanes, heap, place)
            sift_down(lanes, heap, size - 1, lanes[last, LANE_PLACE])


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


@kernel
def write_event(lanes: Table, columns: Any, k: int, row: int, events: Table, n: int) -> None:
    """Write row `row` of a lane as event `n`."""
    first = lanes[k, LANE_COLUMN]
    payload, constants = lanes[k, LANE_PAYLOAD], lanes[k, LANE_CONSTANTS]
    events[n, EVENT_TS] = columns[first][row]
    events[n, EVENT_KIND] = lanes[k, LANE_KIND]
    events[n, EVENT_INSTRUMENT] = lanes[k, LANE_INSTRUMENT]
    events[n, EVENT_SEQUENCE] = lanes[k, LANE_BEFORE] + row
    for j in range(payload):
        at = 0 if (constants >> j) & 1 else row
        events[n, FIRST_PAYLOAD + j] = columns[first + 1 + j][at]
    for column in range(FIRST_PAYLOAD + payload, EVENT_WIDTH):
        events[n, column] = 0


@kernel
def first_after(times: Any, start: int, end: int, ts: int) -> int:
    """Return the first row in [start, end) whose time is after `ts`, or `end`; near ones soonest."""
    step = 1
    low = start
    while low + step - 1 < end and times[low + step - 1] <= ts:
        low += step
        step *= 2
    high = min(low + step - 1, end)
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= ts:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def last_price_row(lanes: Table, columns: Any, k: int, start: int, end: int) -> int:
    """Return the last row in [start, end) that has a price (no crossed or locked quote), or -1."""
    row = end - 1
    if lanes[k, LANE_KIND] == KIND_QUOTE:
        first = lanes[k, LANE_COLUMN]
        while row >= start and columns[first + 1][row] >= columns[first + 2][row]:
            row -= 1
    return row if row >= start else -1


@kernel
def input_at(lanes: Table, columns: Any, k: int, row: int, j: int) -> int:
    """Return one of the trading loop's inputs at a lane's row."""
    at = 0 if (lanes[k, LANE_INPUT_CONSTANTS] >> j) & 1 else row
    found: int = columns[lanes[k, LANE_INPUTS] - 1 + j][at]
    return found


@kernel
def take_lane_inputs(s: Core, lanes: Table, columns: Any, k: int, row: int) -> None:
    """Take the trading loop's inputs of a lane's row, if it has any."""
    if lanes[k, LANE_INPUTS] > 0:
        take_inputs(
            s,
            lanes[k, LANE_INSTRUMENT],
            input_at(lanes, columns, k, row, 0),
            input_at(lanes, columns, k, row, 1),
            input_at(lanes, columns, k, row, 2),
            input_at(lanes, columns, k, row, 3),
            input_at(lanes, columns, k, row, 4),
        )


@kernel
def pass_over(
    s: Core, b: Book, lanes: Table, columns: Any, events: Table, n: int, k: int, end: int
) -> None:
    """Consume the rows of a lane before `end`, which need no step: only their last price counts."""
    start = lanes[k, LANE_CURSOR]
    if start >= end:
        return
    row = last_price_row(lanes, columns, k, start, end)
    if row >= 0:
        if s.account[ACCOUNT_TRADING] == 1:
            # What is suspect of a price is told by the one before it.
            before = last_price_row(lanes, columns, k, start, row)
            if before >= 0:
                write_event(lanes, columns, k, before, events, n)
                handle(s, b, events, n)
        write_event(lanes, columns, k, row, events, n)
        handle(s, b, events, n)
    if s.account[ACCOUNT_TRADING] == 1:
        take_lane_inputs(s, lanes, columns, k, end - 1)
    lanes[k, LANE_CURSOR] = end


@kernel
def catch_up_lane(
    s: Core, b: Book, lanes: Table, columns: Any, events: Table, n: int, k: int, ts: int
) -> None:
    """Consume the rows of a lane up to and with time `ts` that need no step."""
    start, step = lanes[k, LANE_CURSOR], lanes[k, LANE_STEP]
    if lanes[k, LANE_IS_MARKET] == 1 and start < step:
        end = first_after(columns[lanes[k, LANE_COLUMN]], start, step, ts)
        pass_over(s, b, lanes, columns, events, n, k, end)


@kernel
def catch_up(
    s: Core, b: Book, lanes: Table, columns: Any, turn: Table, events: Table, n: int, ts: int
) -> None:
    """Consume every lane's rows up to and with `ts` that need no step; row `n` of `events` is scratch."""
    if turn[TURN_CAUGHT_UP] < ts:
        for k in range(lanes.shape[0]):
            catch_up_lane(s, b, lanes, columns, events, n, k, ts)
        turn[TURN_CAUGHT_UP] = ts


@kernel
def catch_up_used(
    s: Core, b: Book, lanes: Table, columns: Any, turn: Table, events: Table, n: int, ts: int
) -> None:
    """Do so for the lanes whose price is read before their next step: of positions and of orders."""
    if turn[TURN_CAUGHT_UP] < ts:
        for k in range(lanes.shape[0]):
            i = lanes[k, LANE_INSTRUMENT]
            if i >= 0 and lanes[k, LANE_IS_MARKET] == 1:
                used = (
                    s.positions[i, POSITION_QUANTITY] != 0 or s.positions[i, POSITION_WORKING] > 0
                )
                if used or s.positions[i, POSITION_PENDING] > 0:
                    catch_up_lane(s, b, lanes, columns, events, n, k, ts)


@kernel
def catch_up_for(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    turn: Table,
    events: Table,
    n: int,
    ts: int,
    kind: int,
) -> None:
    """Consume what an event that is of no instrument, a session, an accrual or a timer, looks at."""
    trading = s.account[ACCOUNT_TRADING] == 1
    if trading and kind == KIND_ACCRUAL:
        catch_up(s, b, lanes, columns, turn, events, n, ts)  # returns of all are sampled
    elif trading or (kind != KIND_SESSION_CLOSE and kind != KIND_SESSION_OPEN):
        catch_up_used(s, b, lanes, columns, turn, events, n, ts)
    else:
        # Sessions mean something to orders only.
        for o in range(b.counters[COUNT_ORDERS]):
            k = lanes[b.orders[o, ORDER_INSTRUMENT], LANE_OF_INSTRUMENT]
            if k >= 0:
                catch_up_lane(s, b, lanes, columns, events, n, k, ts)


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
    """Return whether the next step belongs to the slice of time `now`; see `loop.is_slice_end`."""
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
