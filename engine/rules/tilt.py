"""Operator tilt: manual behaviour that is unusual for the operator, and what it restricts.

Four things count as anomalies: far more manual orders and cancels in a clock hour than in the hours
before; a large manual order soon after a closing with a loss; a manual entry right after one in the
same instrument; many edits of the configuration. They restrict manual actions and approvals only,
never what a strategy does, and every reduction of a position stays possible.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.money import add_checked, multiply_checked
from engine.kernels.wakes import account_slot, set_wake
from engine.kernels.windows import count_since, entry_of, push_time
from engine.model.layout import (
    ACCOUNT_NOW,
    EVENT_INSTRUMENT,
    KIND_TILT_CHANGED,
    UNKNOWN,
)
from engine.model.trading import (
    ACTION_CANCEL,
    ACTION_EDIT,
    ACTION_ORDER,
    TILT_HALVED,
    TILT_LOCKED,
    TILT_NONE,
    TILT_WARNED,
)
from engine.model.trading_layout import (
    CHANGED_FROM,
    CHANGED_NUMBER,
    CHANGED_TO,
    GUARD_HOUR,
    GUARD_HOUR_COUNT,
    GUARD_HOUR_TOLD,
    GUARD_HOURS,
    GUARD_HOURS_KNOWN,
    GUARD_LAST_LOSS_AT,
    GUARD_LAST_LOSS_INSTRUMENT,
    GUARD_MANUAL_COUNT,
    GUARD_MANUAL_SIZE,
    GUARD_TILT,
    GUARD_TILT_UNTIL,
    LIMIT_TILT_COOLING,
    LIMIT_TILT_WINDOW,
    MONITOR_POSITION,
    NEVER,
    NOT_GIVEN,
    OPERATOR_ACTION,
    OPERATOR_MINOR,
    RING_EDITS,
    RING_TILT,
    WAKE_TILT,
)
from engine.state import Core, Table

NS_PER_MINUTE = 60 * 10**9
NS_PER_HOUR = 60 * NS_PER_MINUTE
HOURS_KEPT = 20  # of the last ones with manual actions
HOURS_LEAST = 5  # before there are so many, nothing is known of what is usual
ACTIONS_LEAST = 5  # in an hour, before it can be unusual
SIZE_AFTER_LOSS = 30 * NS_PER_MINUTE
ENTRY_AFTER_LOSS = 5 * NS_PER_MINUTE
EDITS_MAX = 2  # in an hour
WARN_FROM = 2
HALVE_FROM = 4
LOCK_FROM = 6


@kernel
def note_manual(s: Core, events: Table, row: int) -> None:
    """Hold what a person does against what is usual for them."""
    if s.limits[LIMIT_TILT_WINDOW] <= 0:
        return
    action, i = events[row, OPERATOR_ACTION], events[row, EVENT_INSTRUMENT]
    found = 0
    if action == ACTION_ORDER or action == ACTION_CANCEL:
        found += count_in_hour(s)
    if action == ACTION_ORDER:
        found += count_size(s, events[row, OPERATOR_MINOR])
        found += count_reentry(s, i)
    if action == ACTION_EDIT:
        push_time(s.rings, RING_EDITS, s.account[ACCOUNT_NOW])
        if count_since(s.rings, RING_EDITS, s.account[ACCOUNT_NOW], NS_PER_HOUR) > EDITS_MAX:
            found += 1
    for _ in range(found):
        push_time(s.rings, RING_TILT, s.account[ACCOUNT_NOW])
    if found > 0 and anomalies(s) >= LOCK_FROM:
        s.guard[GUARD_TILT_UNTIL] = s.account[ACCOUNT_NOW] + s.limits[LIMIT_TILT_COOLING]
    follow_tilt(s)


@kernel
def anomalies(s: Core) -> int:
    """Return how many anomalies the window holds."""
    return count_since(s.rings, RING_TILT, s.account[ACCOUNT_NOW], s.limits[LIMIT_TILT_WINDOW])


# --- The four anomalies: each returns 1 where it is found, else 0 -----------------------------------------
@kernel
def count_in_hour(s: Core) -> int:
    """Count a manual order or cancel in its clock hour; an hour is found unusual once."""
    hour = s.account[ACCOUNT_NOW] // NS_PER_HOUR
    if hour != s.guard[GUARD_HOUR]:
        if s.guard[GUARD_HOUR_COUNT] > 0:
            keep_hour(s, s.guard[GUARD_HOUR_COUNT])
        s.guard[GUARD_HOUR] = hour
        s.guard[GUARD_HOUR_COUNT] = 0
        s.guard[GUARD_HOUR_TOLD] = 0
    s.guard[GUARD_HOUR_COUNT] += 1
    if s.guard[GUARD_HOUR_TOLD] == 1 or not is_unusual(s, s.guard[GUARD_HOUR_COUNT]):
        return 0
    s.guard[GUARD_HOUR_TOLD] = 1
    return 1


@kernel
def keep_hour(s: Core, count: int) -> None:
    """Remember an hour's manual actions; the newest stands first."""
    for place in range(GUARD_HOURS + HOURS_KEPT - 1, GUARD_HOURS, -1):
        s.guard[place] = s.guard[place - 1]
    s.guard[GUARD_HOURS] = count
    s.guard[GUARD_HOURS_KNOWN] = min(s.guard[GUARD_HOURS_KNOWN] + 1, HOURS_KEPT)


@kernel
def is_unusual(s: Core, count: int) -> bool:
    """Return whether an hour's count is over the mean and three deviations of the hours before.

    In whole numbers, times the number of hours n: n x - S > 3 sqrt(n Q - S^2), S the sum, Q that of
    squares.
    """
    hours = s.guard[GUARD_HOURS_KNOWN]
    if count < ACTIONS_LEAST or hours < HOURS_LEAST:
        return False
    total, squares = 0, 0
    for place in range(GUARD_HOURS, GUARD_HOURS + hours):
        total += s.guard[place]
        squares += s.guard[place] * s.guard[place]
    above = hours * count - total
    return above > 0 and above * above > 9 * (hours * squares - total * total)


@kernel
def count_size(s: Core, minor: int) -> int:
    """Count a manual order's size: over twice the mean so far, soon after a loss, it is unusual."""
    count, total = s.guard[GUARD_MANUAL_COUNT], s.guard[GUARD_MANUAL_SIZE]
    after = add_checked(total, minor)
    if minor <= 0 or after == NOT_GIVEN:
        return 0
    s.guard[GUARD_MANUAL_COUNT] = count + 1
    s.guard[GUARD_MANUAL_SIZE] = after
    if count == 0 or not is_after_loss(s, SIZE_AFTER_LOSS):
        return 0
    size, usual = multiply_checked(minor, count), multiply_checked(total, 2)
    if usual == NOT_GIVEN:
        return 0
    return 1 if size == NOT_GIVEN or size > usual else 0


@kernel
def count_reentry(s: Core, i: int) -> int:
    """Count a manual order that opens a position where one has just been closed with a loss."""
    if i < 0 or s.guard[GUARD_LAST_LOSS_INSTRUMENT] != i or s.monitors[i, MONITOR_POSITION] != 0:
        return 0
    return 1 if is_after_loss(s, ENTRY_AFTER_LOSS) else 0


@kernel
def is_after_loss(s: Core, window: int) -> bool:
    """Return whether the last closing with a loss is younger than `window`."""
    at = s.guard[GUARD_LAST_LOSS_AT]
    return at != 0 and s.account[ACCOUNT_NOW] - at < window


# --- The level ---------------------------------------------------------------------------------------------
@kernel
def follow_tilt(s: Core) -> None:
    """Set the level as the anomalies of the window say; it falls as they grow old."""
    if s.limits[LIMIT_TILT_WINDOW] <= 0:
        return
    now, count = s.account[ACCOUNT_NOW], anomalies(s)
    level, due = TILT_NONE, NEVER
    if count > 0:
        due = entry_of(s.rings, RING_TILT, count - 1) + s.limits[LIMIT_TILT_WINDOW]
    if now < s.guard[GUARD_TILT_UNTIL]:
        level = TILT_LOCKED
        due = min(due, s.guard[GUARD_TILT_UNTIL])
    elif count >= HALVE_FROM:
        level = TILT_HALVED
    elif count >= WARN_FROM:
        level = TILT_WARNED
    set_wake(s, account_slot(s, WAKE_TILT), due)
    if level != s.guard[GUARD_TILT]:
        n = journal_row(s, KIND_TILT_CHANGED, UNKNOWN)
        s.journal[n, CHANGED_FROM] = s.guard[GUARD_TILT]
        s.journal[n, CHANGED_TO] = level
        s.journal[n, CHANGED_NUMBER] = count
        s.guard[GUARD_TILT] = level
