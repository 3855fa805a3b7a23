"""Open hours as the core knows them: from the sessions' events, and waits that run in them only."""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.wakes import set_wake
from engine.model.layout import (
    ACCOUNT_CALENDAR,
    ACCOUNT_NOW,
    ACCOUNT_TOUCHED,
    KIND_BAR,
    POSITION_CLOSED,
    POSITION_HALTED,
    TERM_CALENDAR,
)
from engine.model.trading_layout import (
    CALENDAR_CLOSED,
    CALENDAR_CLOSES,
    CALENDAR_DAY,
    CALENDAR_LENGTH,
    CALENDAR_OPEN,
    CALENDAR_OPENED,
    CALENDAR_SESSIONS,
    MONITOR_MARK_KIND,
    MONITOR_MARK_LENGTH,
    NEVER,
    WAKE_AT,
)
from engine.rules.guards import begin_day
from engine.state import Core

CLOSED = -1


@loop_door
def note_session(s: Core, calendar: int, is_open: bool, closes: int, day: int) -> None:
    """Follow a session's open or close; `closes` is the time at which it will close, 0 if unknown.

    `day` numbers the trading day, which several sessions may share; 0: each opening begins one.
    """
    s.account[ACCOUNT_TOUCHED] = 1
    if not is_open:
        if s.calendars[calendar, CALENDAR_OPEN] == 1:
            s.calendars[calendar, CALENDAR_CLOSED] = s.account[ACCOUNT_NOW]
            length = s.account[ACCOUNT_NOW] - s.calendars[calendar, CALENDAR_OPENED]
            s.calendars[calendar, CALENDAR_LENGTH] = length
        s.calendars[calendar, CALENDAR_OPEN] = CLOSED
        s.calendars[calendar, CALENDAR_CLOSES] = 0
        return
    s.calendars[calendar, CALENDAR_OPEN] = 1
    s.calendars[calendar, CALENDAR_OPENED] = s.account[ACCOUNT_NOW]
    s.calendars[calendar, CALENDAR_CLOSES] = closes
    s.calendars[calendar, CALENDAR_SESSIONS] += 1
    days = s.calendars[calendar, CALENDAR_DAY]
    s.calendars[calendar, CALENDAR_DAY] = max(days, day) if day > 0 else days + 1
    if calendar == s.account[ACCOUNT_CALENDAR]:
        begin_day(s)


@kernel
def is_market_open(s: Core, i: int) -> bool:
    """Return whether orders of an instrument can trade now; a session nobody told of counts as open."""
    if s.positions[i, POSITION_CLOSED] == 1 or s.positions[i, POSITION_HALTED] == 1:
        return False
    return bool(s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_OPEN] != CLOSED)


@kernel
def is_at_close(s: Core, i: int) -> bool:
    """Return whether what is decided now can trade at the next open at the earliest."""
    calendar = s.terms[i, TERM_CALENDAR]
    closes = s.calendars[calendar, CALENDAR_CLOSES]
    is_closed = s.calendars[calendar, CALENDAR_OPEN] == CLOSED
    return bool(is_closed or 0 < closes <= s.account[ACCOUNT_NOW])


@kernel
def spans_session(s: Core, i: int) -> bool:
    """Return whether an instrument's last price is of a bar of a whole session.

    Then no other comes before the next session's end: what is to trade at its open is decided on this one.
    """
    calendar = s.terms[i, TERM_CALENDAR]
    length = s.calendars[calendar, CALENDAR_LENGTH]
    if (
        length == 0 and s.calendars[calendar, CALENDAR_CLOSES] > 0
    ):  # the first one has not closed yet
        length = s.calendars[calendar, CALENDAR_CLOSES] - s.calendars[calendar, CALENDAR_OPENED]
    return bool(is_timed_by_bars(s, i) and 0 < length <= s.monitors[i, MONITOR_MARK_LENGTH])


@kernel
def is_timed_by_bars(s: Core, i: int) -> bool:
    """Return whether an instrument's waits end at its bars and not between them.

    A bar does not tell when in it an order was filled: a wait that ended in its middle would cancel
    orders that have been filled at its open.
    """
    return bool(s.monitors[i, MONITOR_MARK_KIND] == KIND_BAR)


@kernel
def due_after(s: Core, i: int, wait: int) -> tuple[int, int]:
    """Return when a wait of `wait` ns of open hours ends, and what of it the session's close leaves.

    A wait that the close cuts, or that begins at it, has no end (NEVER) before the next open; where the close is not known
    it runs through.
    """
    now, calendar = s.account[ACCOUNT_NOW], s.terms[i, TERM_CALENDAR]
    closes = s.calendars[calendar, CALENDAR_CLOSES]
    if s.calendars[calendar, CALENDAR_OPEN] == CLOSED:
        return NEVER, wait
    if closes > 0 and closes >= now and now + wait > closes:
        return NEVER, wait - (closes - now)
    return now + wait, 0


@kernel
def waits_since(s: Core, i: int, at: int) -> int:
    """Return since when what came at a time has waited: where that was at the close, since the open after it."""
    calendar = s.terms[i, TERM_CALENDAR]
    if s.calendars[calendar, CALENDAR_CLOSED] > at:
        return at
    if s.calendars[calendar, CALENDAR_OPEN] == CLOSED:
        return s.account[ACCOUNT_NOW]
    return max(at, s.calendars[calendar, CALENDAR_OPENED])


@kernel
def wake_at(s: Core, i: int, at: int) -> None:
    """Have an instrument looked at at a time; one that bars tell of is looked at at its bars.

    The earliest of several wishes counts: each look says anew what is still waited for, and one in
    vain changes nothing.
    """
    if not is_timed_by_bars(s, i) and at < s.wakes[i, WAKE_AT]:
        set_wake(s, i, at)
