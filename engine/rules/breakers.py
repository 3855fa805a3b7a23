"""Breakers: errors of the venue and of the database, an operator's wishes, a component's health.

Errors count once for each call that failed, whatever its retries; "more than n" trips on n + 1.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.wakes import latch_slot, set_wake
from engine.kernels.windows import count_since, push_time
from engine.model.layout import (
    ACCOUNT_NOW,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    KIND_API_ERROR,
    KIND_COMPONENT,
    KIND_DATABASE_ERROR,
    KIND_MARK_LOST,
    KIND_OPERATOR,
    KIND_RECONCILED,
)
from engine.model.trading import (
    ACTION_APPROVE,
    ACTION_FLATTEN,
    ACTION_KILL,
    ACTION_KILL_AND_FLATTEN,
    ACTION_PAUSE,
    ACTION_REJECT,
    ACTION_RESET,
    ACTION_RESUME,
    API_AUTHORIZATION,
    API_TRANSIENT,
    BY_ITSELF,
    BY_PERSON,
    FLATTENING,
    LATCH_API,
    LATCH_API_AUTHORIZATION,
    LATCH_DATA,
    LATCH_DATABASE,
    LATCH_HEALTH,
    LATCH_KILL,
    LATCH_PAUSE,
    LATCH_RECONCILING,
    LOCKED,
    PAUSED_ALL,
    REDUCE_ONLY,
)
from engine.model.trading_layout import (
    COMPONENT_GOOD,
    COMPONENT_NUMBER,
    ERROR_CLASS,
    GUARD_API_ERROR_AT,
    GUARD_API_GOOD_AT,
    GUARD_FLAT_READS,
    LATCH_UNTIL,
    LIMIT_API_ERRORS,
    LIMIT_API_WINDOW,
    LIMIT_DATABASE_ERRORS,
    LIMIT_DATABASE_WINDOW,
    LIMIT_GUARDS,
    NEVER,
    OPERATOR_ACTION,
    OPERATOR_LATCH,
    OPERATOR_SIGNAL,
    RECONCILED_FLAT,
    RECONCILED_OK,
    RING_API,
    RING_API_TRIPS,
    RING_DATABASE,
)
from engine.rules.approval_queue import hear_decision
from engine.rules.equity import end_quiet
from engine.rules.latches import clear_latch, is_set, set_latch
from engine.rules.tilt import note_manual
from engine.rules.trust import lose_mark
from engine.state import Core, Table

NS_PER_HOUR = 3600 * 10**9
TRIPS_MAX = 2  # of the venue's breaker in an hour; the next one needs a person


@loop_door
def hear_input(s: Core, events: Table, row: int) -> None:
    """Follow an event of the session itself: KIND_API_ERROR to KIND_COMPONENT."""
    end_quiet(s)
    kind = events[row, EVENT_KIND]
    if kind == KIND_API_ERROR:
        hear_api_error(s, events[row, ERROR_CLASS])
    elif kind == KIND_DATABASE_ERROR:
        hear_database_error(s)
    elif kind == KIND_RECONCILED:
        hear_reconciled(s, events[row, RECONCILED_OK], events[row, RECONCILED_FLAT])
    elif kind == KIND_OPERATOR:
        action = events[row, OPERATOR_ACTION]
        if action == ACTION_APPROVE or action == ACTION_REJECT:
            hear_decision(s, action, events[row, OPERATOR_SIGNAL])
        else:
            hear_operator(s, action, events[row, OPERATOR_LATCH])
        note_manual(s, events, row)
    elif kind == KIND_MARK_LOST:
        if events[row, EVENT_INSTRUMENT] >= 0:
            lose_mark(s, events[row, EVENT_INSTRUMENT])
    elif kind == KIND_COMPONENT:
        hear_component(s, events[row, COMPONENT_NUMBER], events[row, COMPONENT_GOOD])


@kernel
def hear_api_error(s: Core, error_class: int) -> None:
    """Count a call to the venue that failed; what the venue refuses as business is no failure."""
    now, window = s.account[ACCOUNT_NOW], s.limits[LIMIT_API_WINDOW]
    if error_class == API_AUTHORIZATION:
        set_latch(s, LATCH_API_AUTHORIZATION, PAUSED_ALL, error_class, 0, 1, NEVER)
    if error_class != API_TRANSIENT or s.limits[LIMIT_GUARDS] == 0:
        return
    push_time(s.rings, RING_API, now)
    s.guard[GUARD_API_ERROR_AT] = now
    s.guard[GUARD_API_GOOD_AT] = 0  # what was reconciled before an error proves nothing after it
    if is_set(s, LATCH_API):
        if s.latches[LATCH_API, LATCH_UNTIL] != NEVER:
            s.latches[LATCH_API, LATCH_UNTIL] = now + window
            set_wake(s, latch_slot(s, LATCH_API), now + window)
        return
    count, most = count_since(s.rings, RING_API, now, window), s.limits[LIMIT_API_ERRORS]
    if count > most:
        push_time(s.rings, RING_API_TRIPS, now)
        if count_since(s.rings, RING_API_TRIPS, now, NS_PER_HOUR) > TRIPS_MAX:
            set_latch(s, LATCH_API, REDUCE_ONLY, count, most, 1, NEVER)
        else:
            set_latch(s, LATCH_API, REDUCE_ONLY, count, most, 0, now + window)


@kernel
def hear_database_error(s: Core) -> None:
    """Count a write or read of the database that failed."""
    if s.limits[LIMIT_GUARDS] == 0:
        return
    now, most = s.account[ACCOUNT_NOW], s.limits[LIMIT_DATABASE_ERRORS]
    push_time(s.rings, RING_DATABASE, now)
    count = count_since(s.rings, RING_DATABASE, now, s.limits[LIMIT_DATABASE_WINDOW])
    if count > most:
        set_latch(s, LATCH_DATABASE, PAUSED_ALL, count, most, 1, NEVER)


@kernel
def hear_reconciled(s: Core, is_good: int, is_flat: int) -> None:
    """Take the venue's own account of what we have: it agrees with ours or it does not."""
    if is_good == 1:
        s.guard[GUARD_API_GOOD_AT] = max(s.account[ACCOUNT_NOW], 1)
        clear_latch(s, LATCH_RECONCILING, BY_ITSELF)
    else:
        set_latch(s, LATCH_RECONCILING, REDUCE_ONLY, 0, 0, 0, NEVER)
    reads = s.guard[GUARD_FLAT_READS]
    s.guard[GUARD_FLAT_READS] = reads + 1 if is_good == 1 and is_flat == 1 else 0


@kernel
def hear_operator(s: Core, action: int, latch: int) -> None:
    """Do what a person asks for; a reset names exactly one latch."""
    if action == ACTION_KILL:
        set_latch(s, LATCH_KILL, LOCKED, 0, 0, 1, NEVER)
    elif action == ACTION_KILL_AND_FLATTEN:
        set_latch(s, LATCH_KILL, FLATTENING, 0, 0, 1, NEVER)
    elif action == ACTION_PAUSE:
        set_latch(s, LATCH_PAUSE, REDUCE_ONLY, 0, 0, 1, NEVER)
    elif action == ACTION_FLATTEN:
        set_latch(s, LATCH_PAUSE, FLATTENING, 0, 0, 1, NEVER)
    elif action == ACTION_RESUME:
        clear_latch(s, LATCH_PAUSE, BY_PERSON)
    elif action == ACTION_RESET and LATCH_KILL <= latch <= LATCH_DATA:
        clear_latch(s, latch, BY_PERSON)


@kernel
def hear_component(s: Core, latch: int, is_good: int) -> None:
    """Follow what the session says of one of its own parts.

    A part that has no latch of its own counts as health: what is not known must not pass.
    """
    if latch <= LATCH_PAUSE or latch > LATCH_DATA:
        latch = LATCH_HEALTH
        if is_good == 1:
            return
    if is_good == 1:
        clear_latch(s, latch, BY_ITSELF)
    else:
        set_latch(s, latch, REDUCE_ONLY, 0, 0, 0, NEVER)
