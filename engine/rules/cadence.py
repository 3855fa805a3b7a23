"""When a venue that has to be polled is asked for the prices of what is held.

Pure scheduling: at least every 30 s, every 5 s where a stop, target or trailing stop is within 2 points
of profit or loss, and never more calls than the venue's budget less what orders and cancels need. A
backtest does not call this: between two marks only time can change a condition, and every such moment
is a wait of its own.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.money import (
    OVERFLOW,
    add_checked,
    multiply_divide_ceiling,
    multiply_divide_floor,
)
from engine.kernels.positions import value_of
from engine.kernels.windows import count_since, entry_of, push_time
from engine.model.layout import (
    ACCOUNT_HELD,
    KIND_QUOTE,
    POSITION_ASK,
    POSITION_BID,
    POSITION_COST,
    POSITION_LAST,
    POSITION_LAST_TS,
    POSITION_QUANTITY,
)
from engine.model.trading import (
    REASON_PARTIAL_EXIT_TARGET,
    REASON_PROFIT_TARGET,
    REASON_STOP_LOSS,
)
from engine.model.trading_layout import (
    EXITS_ENABLED,
    EXITS_THRESHOLD,
    EXITS_THRESHOLD_LOW,
    EXITS_THRESHOLD_MEDIUM,
    LIMIT_EXITS,
    LIMIT_POLL_CACHE,
    LIMIT_POLL_CALLS,
    LIMIT_POLL_EVERY,
    LIMIT_POLL_RESERVE,
    LIMIT_POLL_URGENT,
    LIMIT_STAGES,
    MONITOR_CLASS,
    MONITOR_MARK_KIND,
    MONITOR_POLLED_AT,
    MONITOR_STAGES,
    MONITOR_STOP,
    RING_POLLS,
    STAGE_AT_PPM,
)
from engine.state import Core, Table

MILLION = 10**6
NEAR_PPM = 20_000  # two points of profit or loss, inclusive
CALLS_WINDOW = 60 * 10**9
CLASS_LOW = 1
CLASS_HIGH = 3

PLAN_WIDTH = 3
PLAN_INSTRUMENT = 0
PLAN_DUE = 1  # ns
PLAN_URGENT = 2


@kernel
def note_poll(s: Core, i: int, now: int) -> None:
    """Remember that an instrument's price is asked for now: one call of the budget."""
    s.monitors[i, MONITOR_POLLED_AT] = now
    push_time(s.rings, RING_POLLS, now)


@kernel
def plan_polls(s: Core, now: int, plan: Table) -> int:
    """Write whose price is to be asked for next and when into `plan`; return the number of rows.

    In the order in which to ask: by the time due, urgent ones first, then by instrument. The budget
    moves what it does not cover now to when the window has room again.
    """
    count = 0
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if s.positions[i, POSITION_QUANTITY] != 0 and count < plan.shape[0]:
            urgent = 1 if is_urgent(s, i) else 0
            put_poll(plan, count, i, due_of(s, i, now, urgent == 1), urgent)
            count += 1
    fit_budget(s, now, plan, count)
    return count


@kernel
def due_of(s: Core, i: int, now: int, urgent: bool) -> int:
    """Return when an instrument's price is to be asked for, now at the earliest."""
    wait = s.limits[LIMIT_POLL_URGENT] if urgent else s.limits[LIMIT_POLL_EVERY]
    due = s.monitors[i, MONITOR_POLLED_AT] + wait
    if not urgent:
        due = max(due, s.positions[i, POSITION_LAST_TS] + s.limits[LIMIT_POLL_CACHE])
    return max(due, now)


@kernel
def put_poll(plan: Table, count: int, i: int, due: int, urgent: int) -> None:
    """Insert a row into a plan of `count` rows; instruments come in ascending order."""
    place = count
    while place > 0 and comes_first(due, urgent, plan, place - 1):
        for column in range(PLAN_WIDTH):
            plan[place, column] = plan[place - 1, column]
        place -= 1
    plan[place, PLAN_INSTRUMENT] = i
    plan[place, PLAN_DUE] = due
    plan[place, PLAN_URGENT] = urgent


@kernel
def comes_first(due: int, urgent: int, plan: Table, row: int) -> bool:
    """Return whether a poll comes before the one in a row of the plan."""
    if due != plan[row, PLAN_DUE]:
        return due < plan[row, PLAN_DUE]
    return urgent > plan[row, PLAN_URGENT]


@kernel
def fit_budget(s: Core, now: int, plan: Table, count: int) -> None:
    """Move the polls that the budget does not cover to when calls made have left the window.

    Poll number n of the plan fits once at most `most` - 1 calls, made or planned before it, are younger
    than the window: so it waits for the call `most` places before it.
    """
    most = max(s.limits[LIMIT_POLL_CALLS] - s.limits[LIMIT_POLL_RESERVE], 1)
    made = count_since(s.rings, RING_POLLS, now, CALLS_WINDOW)
    for n in range(count):
        before = most - 1 - n  # of the calls made, counted from the newest
        if before < 0:
            earliest = plan[n - most, PLAN_DUE] + CALLS_WINDOW
            plan[n, PLAN_DUE] = max(plan[n, PLAN_DUE], earliest)
        elif before < made:
            earliest = entry_of(s.rings, RING_POLLS, before) + CALLS_WINDOW
            plan[n, PLAN_DUE] = max(plan[n, PLAN_DUE], earliest)
        if n > 0:
            plan[n, PLAN_DUE] = max(plan[n, PLAN_DUE], plan[n - 1, PLAN_DUE])


# --- Urgency -----------------------------------------------------------------------------------------------
@kernel
def closing_price(s: Core, i: int) -> int:
    """Return the price at which a position could be closed: the touch of a quote, else the last."""
    if s.monitors[i, MONITOR_MARK_KIND] == KIND_QUOTE:
        long = s.positions[i, POSITION_QUANTITY] > 0
        touch: int = s.positions[i, POSITION_BID] if long else s.positions[i, POSITION_ASK]
        return touch
    last: int = s.positions[i, POSITION_LAST]
    return last


@kernel
def part_of(cost: int, ppm: int, up: bool) -> int:
    """Return `ppm` of a cost >= 0, for either sign of ppm, rounded up or down."""
    if (ppm >= 0) == up:
        part = multiply_divide_ceiling(cost, abs(ppm), MILLION)
    else:
        part = multiply_divide_floor(cost, abs(ppm), MILLION)
    return -part if ppm < 0 and part != OVERFLOW else part


@kernel
def is_near(gain: int, cost: int, ppm: int) -> bool:
    """Return whether a gain is within two points of `ppm` of the cost, exactly."""
    low, high = part_of(cost, ppm - NEAR_PPM, True), part_of(cost, ppm + NEAR_PPM, False)
    if low == OVERFLOW or high == OVERFLOW:
        return True
    return low <= gain <= high


@kernel
def is_urgent(s: Core, i: int) -> bool:
    """Return whether a position is near its stop, its target or its trailing stop; unknown is near."""
    if s.limits[LIMIT_EXITS] == 0:
        return False
    quantity, cost = s.positions[i, POSITION_QUANTITY], s.positions[i, POSITION_COST]
    price = closing_price(s, i)
    gain = add_checked(value_of(s, i, price, quantity), -cost)
    if gain == OVERFLOW or cost == 0 or price <= 0:
        return True
    cost = abs(cost)
    if s.exits[REASON_STOP_LOSS, EXITS_ENABLED] == 1:
        if is_near(gain, cost, -s.exits[REASON_STOP_LOSS, EXITS_THRESHOLD]):
            return True
    if s.exits[REASON_PROFIT_TARGET, EXITS_ENABLED] == 1:
        if is_near(gain, cost, target_of(s, i)):
            return True
    return is_near_stage(s, i, gain, cost) or is_near_trail(s, i, price, cost)


@kernel
def target_of(s: Core, i: int) -> int:
    """Return the profit target of a position's confidence, in ppm."""
    column = EXITS_THRESHOLD_MEDIUM
    if s.monitors[i, MONITOR_CLASS] == CLASS_HIGH:
        column = EXITS_THRESHOLD
    elif s.monitors[i, MONITOR_CLASS] == CLASS_LOW:
        column = EXITS_THRESHOLD_LOW
    target: int = s.exits[REASON_PROFIT_TARGET, column]
    return target


@kernel
def is_near_stage(s: Core, i: int, gain: int, cost: int) -> bool:
    """Return whether the next stage of a partial exit is near."""
    if s.exits[REASON_PARTIAL_EXIT_TARGET, EXITS_ENABLED] == 0:
        return False
    for stage in range(s.limits[LIMIT_STAGES]):
        if not (s.monitors[i, MONITOR_STAGES] >> stage) & 1:
            return is_near(gain, cost, s.stages[stage, STAGE_AT_PPM])
    return False


@kernel
def is_near_trail(s: Core, i: int, price: int, cost: int) -> bool:
    """Return whether an active trailing stop is within two points of the price."""
    stop = s.monitors[i, MONITOR_STOP]
    if stop == 0:
        return False
    lots = abs(s.positions[i, POSITION_QUANTITY])
    return value_of(s, i, abs(price - stop), lots) <= part_of(cost, NEAR_PPM, False)
