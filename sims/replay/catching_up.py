"""Rows that need no step: only the last price of them counts, and it is taken before anybody reads it."""

from __future__ import annotations

from typing import Any

from engine.jit import kernel
from engine.model.layout import (
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
)
from engine.rules.turn import take_inputs
from engine.state import Core, Table
from sims.fillbook.layout import COUNT_ORDERS, SETTING_HOURS, Book
from sims.replay.layout import (
    FIRST_PAYLOAD,
    LANE_BEFORE,
    LANE_COLUMN,
    LANE_CONSTANTS,
    LANE_CURSOR,
    LANE_INPUT_CONSTANTS,
    LANE_INPUTS,
    LANE_INSTRUMENT,
    LANE_IS_MARKET,
    LANE_KIND,
    LANE_OF_INSTRUMENT,
    LANE_PAYLOAD,
    LANE_STEP,
    TURN_CAUGHT_UP,
)
from sims.replay.loop import (
    handle,
)


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
def is_mark(s: Core, bid: int, ask: int) -> bool:
    """Return whether a quote marks: not crossed or locked, and to the trading loop not one-sided."""
    return bid < ask and (bid > 0 or s.account[ACCOUNT_TRADING] == 0)


@kernel
def last_price_row(s: Core, lanes: Table, columns: Any, k: int, start: int, end: int) -> int:
    """Return the last row in [start, end) that has a price, or -1."""
    row = end - 1
    if lanes[k, LANE_KIND] == KIND_QUOTE:
        first = lanes[k, LANE_COLUMN]
        while row >= start and not is_mark(s, columns[first + 1][row], columns[first + 2][row]):
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
def lose_marks(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    events: Table,
    n: int,
    k: int,
    start: int,
    end: int,
) -> None:
    """Handle the one-sided quotes of rows [start, end): with none after them, the mark is lost."""
    first = lanes[k, LANE_COLUMN]
    for row in range(start, end):
        if columns[first + 1][row] <= 0 or columns[first + 2][row] <= 0:
            write_event(lanes, columns, k, row, events, n)
            handle(s, b, events, n)


@kernel
def pass_over(
    s: Core, b: Book, lanes: Table, columns: Any, events: Table, n: int, k: int, end: int
) -> None:
    """Consume the rows of a lane before `end`, which need no step: only their last price counts."""
    start = lanes[k, LANE_CURSOR]
    if start >= end:
        return
    row = last_price_row(s, lanes, columns, k, start, end)
    if row >= 0:
        if s.account[ACCOUNT_TRADING] == 1:
            # What is suspect of a price is told by the one before it.
            before = last_price_row(s, lanes, columns, k, start, row)
            if before >= 0:
                write_event(lanes, columns, k, before, events, n)
                handle(s, b, events, n)
        write_event(lanes, columns, k, row, events, n)
        handle(s, b, events, n)
    if s.account[ACCOUNT_TRADING] == 1:
        if lanes[k, LANE_KIND] == KIND_QUOTE:
            lose_marks(s, b, lanes, columns, events, n, k, max(row + 1, start), end)
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
    is_session = kind == KIND_SESSION_CLOSE or kind == KIND_SESSION_OPEN
    if trading and (kind == KIND_ACCRUAL or (is_session and b.settings[SETTING_HOURS] == 1)):
        # Returns of all are sampled; and what a session shows is not what comes outside of it.
        catch_up(s, b, lanes, columns, turn, events, n, ts)
    elif trading or not is_session:
        catch_up_used(s, b, lanes, columns, turn, events, n, ts)
    else:
        # Sessions mean something to orders only.
        for o in range(b.counters[COUNT_ORDERS]):
            k = lanes[b.orders[o, ORDER_INSTRUMENT], LANE_OF_INSTRUMENT]
            if k >= 0:
                catch_up_lane(s, b, lanes, columns, events, n, k, ts)
