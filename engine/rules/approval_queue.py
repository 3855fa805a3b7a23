"""Signals that wait, for a person or for an exit: one place for each instrument, in the monitor.

What a person says comes as an event (KIND_OPERATOR) and is only noted here; the signal itself is
looked at again in the turn that follows (`engine.rules.approvals`). The queue is part of the core's
block and a fold over events: a restart has it again, and nothing is approved twice.

A signal that turns a position round by a limit order waits in the same place for the position to be
closed: the limit might not fill, and one order must not do two things of which one is urgent.

An instrument's place keeps the last signal after it has been decided, so that whoever comes late is
told why.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.ledger import journal_row
from engine.kernels.money import add_checked
from engine.kernels.wakes import account_slot, set_wake
from engine.model.denials import (
    DENY_APPROVAL_AWAITED,
    DENY_APPROVAL_LATE,
    DENY_APPROVAL_LOCKED,
    DENY_APPROVAL_REJECTED,
    DENY_APPROVAL_TWICE,
    DENY_APPROVAL_UNKNOWN,
    DENY_APPROVAL_WITHDRAWN,
    DENY_INSTRUMENT_BUSY,
    DENY_NONE,
    DENY_SIGNAL_EXPIRED,
)
from engine.model.layout import (
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_NOW,
    KIND_APPROVAL_REFUSED,
    KIND_SIGNAL_DENIED,
    KIND_SIGNAL_QUEUED,
)
from engine.model.trading import (
    ACTION_APPROVE,
    ACTION_REJECT,
    QUEUE_AFTER_EXIT,
    QUEUE_APPROVED,
    QUEUE_EXPIRED,
    QUEUE_REJECTED,
    QUEUE_WAITING,
    QUEUE_WITHDRAWN,
    SOURCE_RULE,
    TILT_LOCKED,
)
from engine.model.trading_layout import (
    ANSWER_CODE,
    ANSWER_LOTS,
    ANSWER_NUMBER,
    ANSWER_ORDER,
    GUARD_TILT,
    GUARD_WAITING,
    LIMIT_EXPIRY,
    NEVER,
    NOT_GIVEN,
    QUEUED_CHECKED,
    QUEUED_CODE,
    QUEUED_EXPIRES,
    QUEUED_LOTS,
    QUEUED_NUMBER,
    QUEUED_PRICE,
    QUEUED_SIDE,
    REFUSED_ACTION,
    REFUSED_CODE,
    REFUSED_NUMBER,
    WAITING_CODE,
    WAITING_COUNT,
    WAITING_EXPIRES,
    WAITING_LOTS,
    WAITING_MARKET,
    WAITING_ORDER,
    WAITING_PRICE,
    WAITING_SIDE,
    WAITING_SIGNAL,
    WAITING_SINCE,
    WAITING_SOURCE,
    WAITING_STATE,
    WAITING_TIME,
    WAITING_WEIGHT,
    WAKE_QUEUE,
)
from engine.rules.hours import is_at_close
from engine.rules.market_checks import entries_from, touch_price
from engine.state import Core

USUAL_EXPIRY = 300 * 10**9  # what `[signals] expiry` is where there is no such table


@kernel
def answer(s: Core, kind: int, i: int, number: int, order_id: int, lots: int, code: int) -> None:
    """Record what became of a signal."""
    n = journal_row(s, kind, i)
    s.journal[n, ANSWER_NUMBER] = number
    s.journal[n, ANSWER_ORDER] = order_id
    s.journal[n, ANSWER_LOTS] = lots
    s.journal[n, ANSWER_CODE] = code


@kernel
def queue_signal(
    s: Core, i: int, side: int, number: int, order_id: int, lots: int, price: int, expires: int
) -> None:
    """Let a signal that passed all checks wait for a person; none waits for ever.

    One that comes as the market closes is for its next open: it has its whole time from then on.
    """
    time = 0
    if is_at_close(s, i):
        time, expires = usual_wait(s), NEVER
    elif expires == NEVER:
        expires = add_checked(s.account[ACCOUNT_NOW], usual_wait(s))
    begin_waiting(s, i, side, number, QUEUE_WAITING, lots, price, expires)
    s.monitors[i, WAITING_TIME] = time
    s.monitors[i, WAITING_ORDER] = order_id
    s.monitors[i, WAITING_MARKET] = touch_price(s, i, side)
    s.monitors[i, WAITING_CODE] = DENY_APPROVAL_AWAITED
    n = journal_waiting(s, i, DENY_APPROVAL_AWAITED)
    s.journal[n, QUEUED_CHECKED] = order_id


@kernel
def usual_wait(s: Core) -> int:
    """Return how long a signal may wait for a person, in ns."""
    return int(s.limits[LIMIT_EXPIRY] or USUAL_EXPIRY)


@kernel
def wait_for_exit(s: Core, i: int, side: int, number: int, price: int, expires: int) -> None:
    """Let a signal wait until the opposite position is closed; what it opens is worked out then."""
    begin_waiting(s, i, side, number, QUEUE_AFTER_EXIT, 0, price, expires)
    journal_waiting(s, i, DENY_INSTRUMENT_BUSY)


@kernel
def begin_waiting(
    s: Core, i: int, side: int, number: int, state: int, lots: int, price: int, expires: int
) -> None:
    """Put a signal in its instrument's place."""
    s.monitors[i, WAITING_SIGNAL] = number
    s.monitors[i, WAITING_STATE] = state
    s.monitors[i, WAITING_SIDE] = side
    s.monitors[i, WAITING_LOTS] = lots
    s.monitors[i, WAITING_PRICE] = price
    s.monitors[i, WAITING_EXPIRES] = expires
    s.monitors[i, WAITING_SINCE] = s.account[ACCOUNT_NOW]
    s.monitors[i, WAITING_TIME] = 0
    s.monitors[i, WAITING_SOURCE] = SOURCE_RULE
    s.monitors[i, WAITING_COUNT] = 0
    s.monitors[i, WAITING_WEIGHT] = NOT_GIVEN
    s.monitors[i, WAITING_CODE] = DENY_INSTRUMENT_BUSY
    s.guard[GUARD_WAITING] += 1
    renew_expiry(s)


@kernel
def journal_waiting(s: Core, i: int, code: int) -> int:
    """Record that an instrument's signal waits, and for what; return the row."""
    s.account[ACCOUNT_LAST_DENIAL] = code
    n = journal_row(s, KIND_SIGNAL_QUEUED, i)
    s.journal[n, QUEUED_NUMBER] = s.monitors[i, WAITING_SIGNAL]
    s.journal[n, QUEUED_CODE] = code
    s.journal[n, QUEUED_LOTS] = s.monitors[i, WAITING_LOTS]
    s.journal[n, QUEUED_PRICE] = s.monitors[i, WAITING_PRICE]
    s.journal[n, QUEUED_EXPIRES] = s.monitors[i, WAITING_EXPIRES]
    s.journal[n, QUEUED_SIDE] = s.monitors[i, WAITING_SIDE]
    return n


@loop_door
def is_waiting_signal(s: Core, i: int) -> bool:
    """Return whether a signal of an instrument waits: for a person, an exit, or the market's open."""
    state = s.monitors[i, WAITING_STATE]
    return bool(state == QUEUE_WAITING or state == QUEUE_APPROVED or state == QUEUE_AFTER_EXIT)


@kernel
def leave_queue(s: Core, i: int, state: int) -> None:
    """Take a signal that waits out of the queue; its place remembers what became of it."""
    s.monitors[i, WAITING_STATE] = state
    s.guard[GUARD_WAITING] -= 1


@kernel
def end_waiting(s: Core, i: int, state: int, code: int) -> None:
    """End the wait of a signal that is not sent, and say why."""
    leave_queue(s, i, state)
    s.monitors[i, WAITING_CODE] = code
    lots = s.monitors[i, WAITING_LOTS]
    answer(s, KIND_SIGNAL_DENIED, i, s.monitors[i, WAITING_SIGNAL], 0, lots, code)


@loop_door
def withdraw_waiting(s: Core, i: int, side: int) -> None:
    """Take back an instrument's signal to enter on a side: the strategy does not want it any more."""
    if is_waiting_signal(s, i) and s.monitors[i, WAITING_SIDE] == side:
        end_waiting(s, i, QUEUE_WITHDRAWN, DENY_APPROVAL_WITHDRAWN)


@kernel
def is_late(s: Core, i: int) -> bool:
    """Return whether the signal in an instrument's place has expired; in time is up to the moment."""
    return bool(s.account[ACCOUNT_NOW] > s.monitors[i, WAITING_EXPIRES])


@kernel
def end_late(s: Core) -> None:
    """End the waits that have lasted too long, and have the next one looked at in time."""
    for i in range(s.monitors.shape[0]):
        if is_waiting_signal(s, i) and is_late(s, i):
            is_asked = s.monitors[i, WAITING_STATE] == QUEUE_WAITING
            code = DENY_APPROVAL_LATE if is_asked else DENY_SIGNAL_EXPIRED
            end_waiting(s, i, QUEUE_EXPIRED, code)
    renew_expiry(s)


@kernel
def renew_expiry(s: Core) -> None:
    """Have the queue looked at when the first signal in it has expired, or may be sent."""
    first = NEVER
    for i in range(s.monitors.shape[0]):
        if is_waiting_signal(s, i):
            first = min(first, s.monitors[i, WAITING_EXPIRES])
            is_approved = s.monitors[i, WAITING_STATE] == QUEUE_APPROVED
            if is_approved and entries_from(s, i) > s.account[ACCOUNT_NOW]:
                first = min(first, entries_from(s, i) - 1)
    set_wake(s, account_slot(s, WAKE_QUEUE), NEVER if first == NEVER else first + 1)


# --- What a person says -----------------------------------------------------------------------------
@kernel
def hear_decision(s: Core, action: int, number: int) -> None:
    """Note that a person approves or rejects a signal, or record why that cannot be."""
    i = place_of_signal(s, number)
    if i >= 0 and s.monitors[i, WAITING_STATE] == QUEUE_WAITING and is_late(s, i):
        end_late(s)
    code = refusal(s, i, action)
    if code != DENY_NONE:
        n = journal_row(s, KIND_APPROVAL_REFUSED, i)
        s.journal[n, REFUSED_NUMBER] = number
        s.journal[n, REFUSED_CODE] = code
        s.journal[n, REFUSED_ACTION] = action
    elif action == ACTION_APPROVE:
        s.monitors[i, WAITING_STATE] = QUEUE_APPROVED
    else:
        end_waiting(s, i, QUEUE_REJECTED, DENY_APPROVAL_REJECTED)


@kernel
def place_of_signal(s: Core, number: int) -> int:
    """Return the instrument in whose place a signal is or was the last, or -1."""
    if number > 0:
        for i in range(s.monitors.shape[0]):
            if s.monitors[i, WAITING_SIGNAL] == number:
                return i
    return -1


@kernel
def refusal(s: Core, i: int, action: int) -> int:
    """Return why a person cannot decide on the signal in an instrument's place, or DENY_NONE.

    What is approved and not sent yet can still be rejected.
    """
    if i < 0 or s.monitors[i, WAITING_STATE] == QUEUE_AFTER_EXIT:
        return DENY_APPROVAL_UNKNOWN
    state = s.monitors[i, WAITING_STATE]
    if state == QUEUE_EXPIRED:
        return DENY_APPROVAL_LATE
    if state == QUEUE_WITHDRAWN:
        return DENY_APPROVAL_WITHDRAWN
    if state == QUEUE_APPROVED and action == ACTION_REJECT:
        return DENY_NONE
    if state != QUEUE_WAITING:
        return DENY_APPROVAL_TWICE
    if action == ACTION_APPROVE and s.guard[GUARD_TILT] == TILT_LOCKED:
        return DENY_APPROVAL_LOCKED
    return DENY_NONE
