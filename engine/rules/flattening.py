"""What is told while everything is being closed and something cannot be: one alert each ten minutes."""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.positions import tradable_lots
from engine.kernels.wakes import account_slot, set_wake
from engine.model.layout import (
    ACCOUNT_HELD,
    ACCOUNT_NOW,
    ACCOUNT_SEVERITY,
    KIND_ALERT,
    KIND_BAR,
    POSITION_HALTED,
    TERM_CALENDAR,
)
from engine.model.trading import ALERT_CRITICAL, ALERT_NOT_FLAT, FLATTENING
from engine.model.trading_layout import (
    ALERT_CODE,
    ALERT_NUMBER,
    ALERT_POSITION,
    ALERT_SEVERITY,
    CALENDAR_OPEN,
    GUARD_ALERTS,
    GUARD_FLATTEN_ALERTED,
    MONITOR_MARK_KIND,
    MONITOR_POSITION,
    NEVER,
    WAKE_FLATTEN,
)
from engine.state import Core

TELL_AGAIN = 600 * 10**9  # ns


@kernel
def watch_flattening(s: Core) -> None:
    """Count the minutes since all is being closed; after each ten tell what still cannot be."""
    now, since = s.account[ACCOUNT_NOW], s.guard[GUARD_FLATTEN_ALERTED]
    if s.account[ACCOUNT_SEVERITY] != FLATTENING:
        if since != 0:
            s.guard[GUARD_FLATTEN_ALERTED] = 0
            set_wake(s, account_slot(s, WAKE_FLATTEN), NEVER)
        return
    if since == 0:
        begin_minutes(s)
    elif now - since >= TELL_AGAIN:
        begin_minutes(s)
        tell_stuck(s)


@kernel
def begin_minutes(s: Core) -> None:
    """Look again in ten minutes."""
    now = max(s.account[ACCOUNT_NOW], 1)
    s.guard[GUARD_FLATTEN_ALERTED] = now
    set_wake(s, account_slot(s, WAKE_FLATTEN), now + TELL_AGAIN)


@kernel
def is_stuck(s: Core, i: int) -> bool:
    """Return whether a position could not be closed in ten minutes, and not only waits for its market.

    A closed market opens again, and an order on bars is filled at the next one; a halt may be for good.
    """
    if tradable_lots(s, i) == 0:
        return False
    is_closed = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_OPEN] < 0
    waits = is_closed or s.monitors[i, MONITOR_MARK_KIND] == KIND_BAR
    return bool(s.positions[i, POSITION_HALTED] == 1 or not waits)


@kernel
def tell_stuck(s: Core) -> None:
    """Tell the first position that cannot be closed, and how many there are."""
    first, count = -1, 0
    for n in range(s.account[ACCOUNT_HELD]):
        i = s.held[n]
        if is_stuck(s, i):
            count += 1
            if first < 0:
                first = i
    if count == 0:
        return
    s.guard[GUARD_ALERTS] += 1
    n = journal_row(s, KIND_ALERT, first)
    s.journal[n, ALERT_CODE] = ALERT_NOT_FLAT
    s.journal[n, ALERT_SEVERITY] = ALERT_CRITICAL
    s.journal[n, ALERT_POSITION] = s.monitors[first, MONITOR_POSITION]
    s.journal[n, ALERT_NUMBER] = count
