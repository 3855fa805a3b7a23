"""The checks of the market that an entry meets: is it open, is its price fresh."""

from __future__ import annotations

from engine.jit import kernel
from engine.model.layout import (
    ACCOUNT_NOW,
    KIND_QUOTE,
    POSITION_ASK,
    POSITION_BID,
    POSITION_CLOSED,
    POSITION_HALTED,
    POSITION_LAST,
    POSITION_LAST_TS,
    TERM_CALENDAR,
)
from engine.model.trading import (
    QUEUE_APPROVED,
    UNIT_NANOSECONDS,
    VERDICT_OFF,
    VERDICT_OVER,
    VERDICT_PASS,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    CALENDAR_CLOSED,
    CALENDAR_CLOSES,
    CALENDAR_OPEN,
    CALENDAR_OPENED,
    LIMIT_NO_ENTRY_FIRST,
    LIMIT_NO_ENTRY_LAST,
    LIMIT_QUOTE_AGE,
    MONITOR_MARK_KIND,
    MONITOR_MARK_LENGTH,
    NOT_GIVEN,
    WAITING_STATE,
)
from engine.rules.hours import CLOSED, is_market_open, spans_session
from engine.state import Core


@kernel
def touch_price(s: Core, i: int, side: int) -> int:
    """Return what an order at market would meet now: the touch, or the last where no quote is known."""
    price: int = s.positions[i, POSITION_LAST]
    if s.monitors[i, MONITOR_MARK_KIND] == KIND_QUOTE:
        price = s.positions[i, POSITION_ASK if side > 0 else POSITION_BID]
    return price


@kernel
def check_hours(s: Core, i: int) -> tuple[int, int, int, int]:
    """Judge whether an instrument may be entered now: open, and not too near to its open or close.

    Both bounds are half-open: [opened, opened + first) and [closes - last, closes) deny. So what is
    decided on the session's last bar, at its close, trades at the next open.
    """
    if goes_to_open(s, i):
        return VERDICT_PASS, 0, 0, UNIT_NANOSECONDS
    if not is_market_open(s, i):
        return VERDICT_OVER, 0, 0, UNIT_NANOSECONDS
    now, calendar = s.account[ACCOUNT_NOW], s.terms[i, TERM_CALENDAR]
    first, last = s.limits[LIMIT_NO_ENTRY_FIRST], s.limits[LIMIT_NO_ENTRY_LAST]
    if first > 0:
        if s.calendars[calendar, CALENDAR_OPEN] == 0:
            return VERDICT_UNKNOWN, NOT_GIVEN, first, UNIT_NANOSECONDS
        since = now - s.calendars[calendar, CALENDAR_OPENED]
        if since < first:
            return VERDICT_OVER, since, first, UNIT_NANOSECONDS
    if last > 0:
        closes = s.calendars[calendar, CALENDAR_CLOSES]
        if closes == 0:
            return VERDICT_UNKNOWN, NOT_GIVEN, last, UNIT_NANOSECONDS
        if 0 < closes - now <= last:
            return VERDICT_OVER, closes - now, last, UNIT_NANOSECONDS
    return VERDICT_PASS, 0, 0, UNIT_NANOSECONDS


@kernel
def entries_from(s: Core, i: int) -> int:
    """Return from when on in the present session an instrument may be entered."""
    opened = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_OPENED]
    return int(opened + s.limits[LIMIT_NO_ENTRY_FIRST])


@kernel
def goes_to_open(s: Core, i: int) -> bool:
    """Return whether a person has approved, while the market is closed, what is to trade at its open.

    Of bars that last a whole session only, as nothing newer is known before: at the venue it waits for the
    open, as what nobody is asked about does, which leaves at the close.
    """
    is_approved = s.monitors[i, WAITING_STATE] == QUEUE_APPROVED
    if not is_approved or s.positions[i, POSITION_CLOSED] == 1:
        return False
    is_closed = s.calendars[s.terms[i, TERM_CALENDAR], CALENDAR_OPEN] == CLOSED
    return bool(is_closed and s.positions[i, POSITION_HALTED] == 0 and spans_session(s, i))


@kernel
def age_of_price(s: Core, i: int) -> int:
    """Return how long ago the last price was; of bars of whole sessions without the time between two of them."""
    now, last = s.account[ACCOUNT_NOW], s.positions[i, POSITION_LAST_TS]
    calendar = s.terms[i, TERM_CALENDAR]
    closed, opened = s.calendars[calendar, CALENDAR_CLOSED], s.calendars[calendar, CALENDAR_OPENED]
    if last > closed or not spans_session(s, i):
        return int(now - last)
    return int(closed - last + max(now - opened if opened > closed else 0, 0))


@kernel
def check_age(s: Core, i: int) -> tuple[int, int, int, int]:
    """Judge how old the last price is; one of a bar may be as old as two of them are long."""
    if s.positions[i, POSITION_LAST] <= 0:
        return VERDICT_UNKNOWN, NOT_GIVEN, s.limits[LIMIT_QUOTE_AGE], UNIT_NANOSECONDS
    if s.limits[LIMIT_QUOTE_AGE] == 0:
        return VERDICT_OFF, 0, 0, UNIT_NANOSECONDS
    limit = max(s.limits[LIMIT_QUOTE_AGE], 2 * s.monitors[i, MONITOR_MARK_LENGTH])
    age = age_of_price(s, i)
    return VERDICT_OVER if age > limit else VERDICT_PASS, age, limit, UNIT_NANOSECONDS
