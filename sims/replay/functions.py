"""The replay with a compiled strategy: a function asked about every row of its lanes.

While nobody else has anything to do and no order is in reach, the function is asked row by row
straight from the columns (a *stretch*), and the rows are caught up with when it ends: the function
sees what it would see if each had been stepped on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine.jit import kernel
from engine.kernels.held import is_held
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_FAULT,
    ACCOUNT_JOURNAL,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    ACCOUNT_TRADING,
    BAR_CLOSE,
    KIND_BAR,
    KIND_QUOTE,
    POSITION_CLOSED,
    POSITION_LAST,
    POSITION_WORKING,
    QUOTE_ASK,
    QUOTE_BID,
    SIGNAL_BITS,
    SIGNAL_WEIGHT,
    TRADE_PRICE,
)
from engine.rules.verbs import place_own
from engine.state import Core, Table
from sims.fillbook.layout import COUNT_FAULT, MARKET_WORKING, Book
from sims.replay.catching_up import catch_up, catch_up_used, is_mark, pass_over, write_event
from sims.replay.heap import NEVER
from sims.replay.lanes import (
    end_lane_waits,
    make_ready,
    next_slice,
    plan,
    wake_held,
    wake_traded,
)
from sims.replay.layout import (
    FIRST_PAYLOAD,
    LANE_ALWAYS,
    LANE_COLUMN,
    LANE_CURSOR,
    LANE_INSTRUMENT,
    LANE_KIND,
    LANE_NEXT_TS,
    LANE_ROWS,
    LANE_VALUES,
    TURN_NOW,
    TURN_SIZE,
)
from sims.replay.loop import begin_decision, handle, pass_commands, take_turn
from sims.replay.resting import first_in_reach

# How a value of a row is read: from a column of floats, or as integers of the lane's payload divided by
# a unit, one for each row or one for all.
READ_FLOATS = 0
READ_INTEGERS = 1
READ_CONSTANT = 2
VALUE_WIDTH = 4
VALUE_READ = 0
VALUE_COLUMN = 1
VALUE_UNIT = 2
VALUE_UNKNOWN = 3  # the integer that stands for no value


@kernel
def read_values(
    plan_of: Table, columns: Any, floats: Any, first: int, row: int, numbers: Any, width: int
) -> bool:
    """Read one row of a compiled strategy's values; say whether every indicator is defined.

    `floats[0]` holds the units; what the source itself does not have (a volume) is NaN and no reason
    to wait.
    """
    units = floats[0]
    defined = True
    for n in range(width):
        read, column = plan_of[first + n, VALUE_READ], plan_of[first + n, VALUE_COLUMN]
        if read == READ_FLOATS:
            value = floats[column][row]
            if value != value:
                defined = False
        else:
            count = columns[column][row if read == READ_INTEGERS else 0]
            value = math.nan
            if count != plan_of[first + n, VALUE_UNKNOWN]:
                value = count / units[plan_of[first + n, VALUE_UNIT]]
        numbers[n] = value
    return defined


@kernel
def others_next(lanes: Table, heap: Table, turn: Table) -> int:
    """Return when the first lane but the next one steps."""
    ts = NEVER
    for child in range(1, min(turn[TURN_SIZE], 3)):
        ts = min(ts, lanes[heap[child], LANE_NEXT_TS])
    return ts


@kernel
def last_price(s: Core, lanes: Table, columns: Any, k: int, row: int, before: int) -> int:
    """Return an instrument's last price after row `row`, as `engine.step.mark_price` has it."""
    first, kind = lanes[k, LANE_COLUMN] + 1 - FIRST_PAYLOAD, lanes[k, LANE_KIND]
    if kind == KIND_BAR:
        close: int = columns[first + BAR_CLOSE][row]
        return close
    if kind != KIND_QUOTE:
        price: int = columns[first + TRADE_PRICE][row]
        return price
    bid, ask = columns[first + QUOTE_BID][row], columns[first + QUOTE_ASK][row]
    return (bid + ask) // 2 if is_mark(s, bid, ask) else before


@kernel
def send_own(s: Core, b: Book, intents: Table, i: int, count: int) -> None:
    """Do what a compiled strategy has asked for in instrument `i`, and send it."""
    begin_decision(s, b)
    place_own(s, intents, i, count)
    pass_commands(s, b)


@kernel
def stretch(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    events: Table,
    intents: Table,
    until: int,
    own_intents: Any,
    values: Table,
    floats: Any,
    width: int,
    numbers: Any,
    memory: Any,
    function: Callable[..., int],
) -> bool:
    """Ask row by row while nothing but prices can change; return whether there was such a row."""
    k = heap[0]
    i, start, rows = lanes[k, LANE_INSTRUMENT], lanes[k, LANE_CURSOR], lanes[k, LANE_ROWS]
    if lanes[k, LANE_VALUES] == 0 or lanes[k, LANE_ALWAYS] == 1:
        return False
    if s.positions[i, POSITION_CLOSED] == 1:
        return False
    if s.account[ACCOUNT_TRADING] == 1 and is_held(s, i):
        return False
    end = rows
    if b.market[i, MARKET_WORKING] > 0:
        end = first_in_reach(b, lanes, columns, k, i, start, rows)
    times = columns[lanes[k, LANE_COLUMN]]
    other = others_next(lanes, heap, turn)
    first, own = lanes[k, LANE_VALUES] - 1, memory[i]
    position, working = tradable_lots(s, i), s.positions[i, POSITION_WORKING]
    last = s.positions[i, POSITION_LAST]
    row, count = start, 0
    while row < end:
        ts = times[row]
        if ts >= other or ts > until or (row + 1 < rows and times[row + 1] == ts):
            break
        last = last_price(s, lanes, columns, k, row, last)
        if read_values(values, columns, floats, first, row, numbers, width):
            count = function(numbers, own, position, last, working, own_intents)
            if count > 0:
                break
        row += 1
    if row == start and count <= 0:
        return False
    pass_over(s, b, lanes, columns, events, 0, k, row)
    if count > 0:
        turn[TURN_NOW] = times[row]
        write_event(lanes, columns, k, row, events, 0)
        lanes[k, LANE_CURSOR] = row + 1
        handle(s, b, events, 0)
        send_own(s, b, intents, i, count)
        wake_traded(s, b, lanes, columns, heap, turn)
    plan(s, b, lanes, columns, heap, turn, k)
    return True


@kernel
def replay_function(
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
    own_intents: Any,
    values: Table,
    floats: Any,
    width: int,
    numbers: Any,
    memory: Any,
    function: Callable[..., int],
) -> int:
    """Run every slice up to and with `until` with a compiled strategy, asked about every row.

    `values` tells how each of a lane's `width` values is read, `numbers` is the row that the strategy
    sees, `memory` one row of its own for each instrument, `own_intents` the block of `intents` as it
    sees it. Returns as `sims.replay.lanes.replay` does.
    """
    make_ready(s, b, lanes, columns, heap, turn)
    room = s.journal.shape[0] // 2
    while True:
        if end_lane_waits(s, b, lanes, columns, heap, turn, events, intents, until, 1):
            if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
                return 0
            continue
        if turn[TURN_SIZE] == 0 or lanes[heap[0], LANE_NEXT_TS] > until:
            break
        kept = 0
        if not stretch(
            s, b, lanes, columns, heap, turn, events, intents, until, own_intents, values, floats,
            width, numbers, memory, function,
        ):  # fmt: skip
            kept = next_slice(s, b, lanes, columns, heap, turn, events, signals)
        if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
            return 0
        if s.account[ACCOUNT_TOUCHED] == 1:
            catch_up_used(s, b, lanes, columns, turn, events, kept, turn[TURN_NOW])
            s.account[ACCOUNT_NOW] = turn[TURN_NOW]
            take_turn(s, b, intents)
            wake_held(s, lanes, columns, heap, turn)
        for n in range(kept):
            k, row = signals[n, SIGNAL_BITS] - 1, signals[n, SIGNAL_WEIGHT]
            first = lanes[k, LANE_VALUES] - 1
            if read_values(values, columns, floats, first, row, numbers, width):
                i = lanes[k, LANE_INSTRUMENT]
                count = function(
                    numbers,
                    memory[i],
                    tradable_lots(s, i),
                    s.positions[i, POSITION_LAST],
                    s.positions[i, POSITION_WORKING],
                    own_intents,
                )
                if count > 0:
                    send_own(s, b, intents, i, count)
                    wake_traded(s, b, lanes, columns, heap, turn)
        if s.account[ACCOUNT_TOUCHED] == 1:
            catch_up_used(s, b, lanes, columns, turn, events, kept, turn[TURN_NOW])
            s.account[ACCOUNT_NOW] = turn[TURN_NOW]
            take_turn(s, b, intents)
            wake_held(s, lanes, columns, heap, turn)
        if s.account[ACCOUNT_FAULT] != 0 or b.counters[COUNT_FAULT] != 0:
            return 0
        if s.account[ACCOUNT_JOURNAL] > room:
            return 0
    catch_up(s, b, lanes, columns, turn, events, 0, until)
    return 1
