"""Entry orders that wait: what becomes of them in time, and the end of each.

An entry is one signal's wish for some lots. Its order may be replaced by others, one after another:
at the timeout it is canceled, walked towards the market, or canceled and tried again at the present
price. What has been filled stays; the rest goes on. Waits run in open hours, and those of an
instrument that bars tell of end at its bars.

What is heard of the order stands in the monitor (`engine.kernels.hearing`) and is looked at here.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.held import renew_held
from engine.kernels.ledger import journal_row
from engine.kernels.money import add_checked, ceil_to, floor_to, multiply_divide_floor
from engine.kernels.orders import ask_cancel, ask_replace, find_order, place
from engine.kernels.positions import tradable_lots
from engine.model.layout import (
    ACCOUNT_ENTRY_TIF,
    ACCOUNT_ENTRY_TYPE,
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SEVERITY,
    KIND_ENTRY_ENDED,
    KIND_ENTRY_STEP,
    ORDER_ATTEMPT,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_QUANTITY,
    ORDER_SIDE,
    ORDER_SIGNAL,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_SUBMITTED_NS,
    ORDER_TIF,
    ORDER_TYPE,
    POSITION_ENTRY,
    POSITION_LAST,
    POSITION_LAST_TS,
    STATUS_PENDING_CANCEL,
    TERM_CALENDAR,
    TERM_LOT_STEP,
    TERM_PRICE_MAX,
    TERM_PRICE_STEP,
    TYPE_LIMIT,
)
from engine.model.trading import (
    FLATTENING,
    LATCH_KILL,
    ON_TIMEOUT_CANCEL,
    ON_TIMEOUT_RETRY,
    ON_TIMEOUT_WALK,
    PHASE_IDLE,
    REDUCE_ONLY,
    RESULT_CANCELED,
    RESULT_DENIED,
    RESULT_FILLED,
    RESULT_REJECTED,
)
from engine.model.trading_layout import (
    CALENDAR_OPENED,
    CALENDAR_SESSIONS,
    ENDS_FOR_A_TRY,
    ENDS_FOR_GOOD,
    ENTRY_CARRY,
    ENTRY_CLASS,
    ENTRY_DAY,
    ENTRY_DEADLINE,
    ENTRY_ENDING,
    ENTRY_EXPIRES,
    ENTRY_GOAL,
    ENTRY_HEARD,
    ENTRY_LEFT,
    ENTRY_OFFSET_MILLI,
    ENTRY_ORDER,
    ENTRY_REJECTS,
    ENTRY_SIDE,
    ENTRY_SIGNAL,
    ENTRY_TRY,
    ENTRY_WALKS,
    EXIT_ORDER,
    EXIT_PHASE,
    GUARD_KILLED,
    LATCH_SEVERITY,
    LIMIT_COLLAR_PPM,
    LIMIT_ENTRY_ON_TIMEOUT,
    LIMIT_ENTRY_RETRIES,
    LIMIT_ENTRY_TIMEOUT,
    LIMIT_ENTRY_WALKS,
    LIMIT_RISK,
    NEVER,
    NOT_GIVEN,
    STEP_KIND,
    STEP_LOTS,
    STEP_ORDER,
    STEP_PRICE,
    STEP_RESULT,
    STEP_SIGNAL,
    STEP_TRY,
)
from engine.rules.hours import due_after, is_market_open, is_timed_by_bars
from engine.rules.opening import entry_limit, new_intent, place_bracket
from engine.rules.risk import opens
from engine.state import Core, Table

MILLION = 10**6
SECOND = 10**9
REJECTS_MAX = 3  # of one intent: what a venue refuses three times it will refuse again
WALK_FIRST_MILLI = 1000  # thousandths of a step that the first walk goes
WALK_GROWTH_MILLI = 500  # and what each further one goes more
WALK_WAIT = 15 * SECOND


@kernel
def follow_entries(s: Core, intents: Table) -> None:
    """Look after every entry of ours that works; take back what the account may not have working."""
    follow_severity(s)
    n = 0
    while n < s.account[ACCOUNT_HELD]:
        i = s.held[n]
        if s.monitors[i, ENTRY_SIGNAL] != 0 or s.monitors[i, ENTRY_ORDER] != 0:
            follow_entry(s, intents, i)
        if n < s.account[ACCOUNT_HELD] and s.held[n] == i:
            n += 1  # it may have left the list


# --- What the account's state takes back -------------------------------------------------------------
@kernel
def follow_severity(s: Core) -> None:
    """Cancel everything once when the kill switch is on, and what could open while nothing may."""
    if s.latches[LATCH_KILL, LATCH_SEVERITY] == 0:
        s.guard[GUARD_KILLED] = 0
    elif s.guard[GUARD_KILLED] == 0:
        s.guard[GUARD_KILLED] = 1
        for r in range(s.account[ACCOUNT_ORDERS]):
            if not is_flattening(s, r):
                take_back(s, r)
    if s.account[ACCOUNT_SEVERITY] >= REDUCE_ONLY:
        for r in range(s.account[ACCOUNT_ORDERS]):
            if s.orders[r, ORDER_PARENT] == 0 and opens(s, r):
                take_back(s, r)


@kernel
def is_flattening(s: Core, r: int) -> bool:
    """Return whether row `r` is the order that closes its position because everything is closed."""
    i = s.orders[r, ORDER_INSTRUMENT]
    is_exit = s.monitors[i, EXIT_ORDER] == s.orders[r, ORDER_ID]
    return bool(is_exit and s.account[ACCOUNT_SEVERITY] == FLATTENING)


@kernel
def take_back(s: Core, r: int) -> None:
    """Ask to cancel the order in row `r`, unless that has been asked."""
    if s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL:
        ask_cancel(s, s.orders[r, ORDER_ID])


# --- One entry ----------------------------------------------------------------------------------------
@kernel
def follow_entry(s: Core, intents: Table, i: int) -> None:
    """Look after an instrument's entry: its order's end, or the end of its wait."""
    heard = s.monitors[i, ENTRY_HEARD]
    s.monitors[i, ENTRY_HEARD] = 0
    r = find_order(s, s.monitors[i, ENTRY_ORDER]) if s.monitors[i, ENTRY_ORDER] != 0 else -1
    if r < 0:
        go_on(s, intents, i, heard)
        return
    if heard != 0:
        s.monitors[i, ENTRY_REJECTS] = 0
    if s.orders[r, ORDER_STATUS] == STATUS_PENDING_CANCEL:
        return
    if s.account[ACCOUNT_SEVERITY] >= REDUCE_ONLY or s.monitors[i, EXIT_PHASE] != PHASE_IDLE:
        end_order_of(s, i, r, ENDS_FOR_GOOD)
    elif s.monitors[i, ENTRY_ENDING] != 0:
        end_order_of(s, i, r, s.monitors[i, ENTRY_ENDING])  # the cancel before was refused
    else:
        keep_wait(s, i, r)
        if is_due(s, i):
            act_on_timeout(s, i, r)


@kernel
def keep_wait(s: Core, i: int, r: int) -> None:
    """Begin the wait of an order that has none yet, or go on with what the last close left of it."""
    if s.limits[LIMIT_ENTRY_TIMEOUT] == 0 or s.monitors[i, ENTRY_DEADLINE] != NEVER:
        return
    session = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_SESSIONS] + 1
    if s.monitors[i, ENTRY_CARRY] == 0:
        since = s.account[ACCOUNT_NOW] - s.orders[r, ORDER_SUBMITTED_NS]
        wait(s, i, max(s.limits[LIMIT_ENTRY_TIMEOUT] - since, 0))
    elif s.monitors[i, ENTRY_DAY] == 0:
        s.monitors[i, ENTRY_DAY] = session
    elif s.monitors[i, ENTRY_DAY] != session:
        wait(s, i, s.monitors[i, ENTRY_CARRY])


@kernel
def wait(s: Core, i: int, ns: int) -> None:
    """Let an entry wait for so many nanoseconds of open hours."""
    deadline, carry = due_after(s, i, ns)
    s.monitors[i, ENTRY_DEADLINE] = deadline
    s.monitors[i, ENTRY_CARRY] = carry
    s.monitors[i, ENTRY_DAY] = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_SESSIONS] + 1


@kernel
def is_due(s: Core, i: int) -> bool:
    """Return whether an entry's wait has ended; between bars it does not."""
    if s.monitors[i, ENTRY_DEADLINE] > s.account[ACCOUNT_NOW]:
        return False
    return not is_timed_by_bars(s, i) or s.positions[i, POSITION_LAST_TS] == s.account[ACCOUNT_NOW]


@kernel
def act_on_timeout(s: Core, i: int, r: int) -> None:
    """Do what is configured with an order that was not filled in time."""
    how = s.limits[LIMIT_ENTRY_ON_TIMEOUT]
    is_in_time = s.account[ACCOUNT_NOW] <= s.monitors[i, ENTRY_EXPIRES]
    if how == ON_TIMEOUT_WALK and is_in_time and s.orders[r, ORDER_TYPE] == TYPE_LIMIT:
        if s.monitors[i, ENTRY_WALKS] < s.limits[LIMIT_ENTRY_WALKS]:
            walk(s, i, r)
            return
    if how == ON_TIMEOUT_RETRY and may_try(s, i):
        if s.monitors[i, ENTRY_TRY] <= s.limits[LIMIT_ENTRY_RETRIES]:
            end_order_of(s, i, r, ENDS_FOR_A_TRY)
            return
    end_order_of(s, i, r, ENDS_FOR_GOOD)


@kernel
def end_order_of(s: Core, i: int, r: int, ending: int) -> None:
    """Ask to cancel an entry's order, for good or for another try, and wait for nothing else."""
    s.monitors[i, ENTRY_ENDING] = ending
    s.monitors[i, ENTRY_DEADLINE] = NEVER
    s.monitors[i, ENTRY_CARRY] = 0
    how = ON_TIMEOUT_RETRY if ending == ENDS_FOR_A_TRY else ON_TIMEOUT_CANCEL
    journal_step(s, KIND_ENTRY_STEP, i, s.orders[r, ORDER_ID], how, s.orders[r, ORDER_LIMIT], 0)
    take_back(s, r)


@kernel
def walk(s: Core, i: int, r: int) -> None:
    """Move an entry's limit on by a growing step, as far as the collar lets it."""
    walks, before = s.monitors[i, ENTRY_WALKS], s.monitors[i, ENTRY_OFFSET_MILLI]
    after = before + WALK_FIRST_MILLI + WALK_GROWTH_MILLI * walks
    s.monitors[i, ENTRY_WALKS] = walks + 1
    s.monitors[i, ENTRY_OFFSET_MILLI] = after
    side, limit = s.orders[r, ORDER_SIDE], s.orders[r, ORDER_LIMIT]
    steps = after // WALK_FIRST_MILLI - before // WALK_FIRST_MILLI
    price = bounded(s, i, side, add_checked(limit, side * steps * s.terms[i, TERM_PRICE_STEP]))
    if side * (price - limit) <= 0:
        price = limit  # a bound leaves it where it is; the step counts
    order_id = s.orders[r, ORDER_ID]
    journal_step(s, KIND_ENTRY_STEP, i, order_id, ON_TIMEOUT_WALK, price, 0)
    if price != limit:
        ask_replace(s, order_id, s.orders[r, ORDER_QUANTITY], price, s.orders[r, ORDER_STOP])
    wait(s, i, WALK_WAIT)


@kernel
def bounded(s: Core, i: int, side: int, price: int) -> int:
    """Return a price that is moved towards the market, held back by collar and range."""
    step: int = s.terms[i, TERM_PRICE_STEP]
    last = s.positions[i, POSITION_LAST]
    highest = s.terms[i, TERM_PRICE_MAX]
    if s.limits[LIMIT_RISK] == 1 and s.limits[LIMIT_COLLAR_PPM] > 0:
        away = max(multiply_divide_floor(last, s.limits[LIMIT_COLLAR_PPM], MILLION), step)
        if side > 0:
            price = min(price, floor_to(add_checked(last, away), step))
        else:
            price = max(price, ceil_to(add_checked(last, -away), step))
    if highest > 0:
        price = min(price, floor_to(highest, step))
    return max(price, step)


# --- After an order's end -------------------------------------------------------------------------------
@kernel
def may_try(s: Core, i: int) -> bool:
    """Return whether another order of an entry may follow: in time, with nothing against it."""
    return bool(
        s.account[ACCOUNT_NOW] <= s.monitors[i, ENTRY_EXPIRES]
        and s.account[ACCOUNT_SEVERITY] < REDUCE_ONLY
        and s.monitors[i, EXIT_PHASE] == PHASE_IDLE
    )


@kernel
def has_present_price(s: Core, i: int) -> bool:
    """Return whether the market is open and has shown a price since it opened."""
    opened = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_OPENED]
    return bool(is_market_open(s, i) and s.positions[i, POSITION_LAST_TS] >= opened)


@kernel
def go_on(s: Core, intents: Table, i: int, heard: int) -> None:
    """An entry's order has ended, now as `heard` says or before: try again, wait for that, or end."""
    left = floor_to(s.monitors[i, ENTRY_LEFT], s.terms[i, TERM_LOT_STEP])
    s.monitors[i, ENTRY_ORDER] = 0
    if heard == RESULT_REJECTED:
        s.monitors[i, ENTRY_REJECTS] += 1
        is_last = s.monitors[i, ENTRY_REJECTS] >= REJECTS_MAX
        s.monitors[i, ENTRY_ENDING] = ENDS_FOR_GOOD if is_last else ENDS_FOR_A_TRY
    elif heard != 0 and heard != RESULT_CANCELED:
        s.monitors[i, ENTRY_ENDING] = ENDS_FOR_GOOD
    if left <= 0 or heard == RESULT_FILLED:
        end_entry(s, i, RESULT_FILLED)
    elif s.monitors[i, ENTRY_ENDING] != ENDS_FOR_A_TRY or not may_try(s, i):
        end_entry(s, i, heard if heard != 0 else RESULT_CANCELED)
    elif has_present_price(s, i):
        try_again(s, intents, i, left)


@kernel
def try_again(s: Core, intents: Table, i: int, lots: int) -> None:
    """Send another order for what is left of an entry, at the present price; checked like the first."""
    side = s.monitors[i, ENTRY_SIDE]
    s.monitors[i, ENTRY_TRY] += 1
    s.monitors[i, ENTRY_ENDING] = 0
    s.monitors[i, ENTRY_WALKS] = 0
    s.monitors[i, ENTRY_OFFSET_MILLI] = 0
    new_intent(intents, 0, i, side, lots)
    intents[0, ORDER_TYPE] = s.account[ACCOUNT_ENTRY_TYPE]
    intents[0, ORDER_TIF] = s.account[ACCOUNT_ENTRY_TIF]
    intents[0, ORDER_SIGNAL] = s.monitors[i, ENTRY_SIGNAL]
    intents[0, ORDER_ATTEMPT] = s.monitors[i, ENTRY_TRY]
    if s.account[ACCOUNT_ENTRY_TYPE] == TYPE_LIMIT:
        intents[0, ORDER_LIMIT] = entry_limit(s, i, side)
    price = intents[0, ORDER_LIMIT]
    order_id = place(s, intents, 0)
    if order_id == 0:
        end_entry(s, i, RESULT_DENIED)
        return
    s.monitors[i, ENTRY_ORDER] = order_id
    s.positions[i, POSITION_ENTRY] = order_id
    journal_step(s, KIND_ENTRY_STEP, i, order_id, ON_TIMEOUT_RETRY, price, 0)
    # What turns an opposite position over first opens nothing that needs protection.
    opposite = max(-side * tradable_lots(s, i), 0)
    if lots > opposite:
        place_bracket(s, intents, i, side, lots - opposite)
    s.monitors[i, ENTRY_DEADLINE] = NEVER
    s.monitors[i, ENTRY_CARRY] = 0
    keep_wait(s, i, find_order(s, order_id))


@kernel
def end_entry(s: Core, i: int, result: int) -> None:
    """End an entry: tell how, and forget it. What it has filled is a position, or part of one."""
    journal_step(s, KIND_ENTRY_ENDED, i, s.positions[i, POSITION_ENTRY], 0, 0, result)
    for column in (
        ENTRY_SIGNAL,
        ENTRY_ORDER,
        ENTRY_TRY,
        ENTRY_CARRY,
        ENTRY_CLASS,
        ENTRY_LEFT,
        ENTRY_HEARD,
        ENTRY_OFFSET_MILLI,
        ENTRY_WALKS,
        ENTRY_SIDE,
        ENTRY_REJECTS,
        ENTRY_ENDING,
        ENTRY_DAY,
    ):
        s.monitors[i, column] = 0
    s.monitors[i, ENTRY_DEADLINE] = NEVER
    s.monitors[i, ENTRY_EXPIRES] = NEVER
    s.monitors[i, ENTRY_GOAL] = NOT_GIVEN
    renew_held(s, i)


@kernel
def journal_step(
    s: Core, kind: int, i: int, order_id: int, how: int, price: int, result: int
) -> None:
    """Record a step of an entry, or its end."""
    n = journal_row(s, kind, i)
    s.journal[n, STEP_SIGNAL] = s.monitors[i, ENTRY_SIGNAL]
    s.journal[n, STEP_ORDER] = order_id
    s.journal[n, STEP_TRY] = s.monitors[i, ENTRY_TRY]
    s.journal[n, STEP_KIND] = how
    s.journal[n, STEP_PRICE] = price
    s.journal[n, STEP_LOTS] = s.monitors[i, ENTRY_LEFT]
    s.journal[n, STEP_RESULT] = result
