"""Signals that have waited: checked and sized once more, then sent like any other.

What a person approves while the market is closed is held until it can be judged: until the first price
after the open, so that the collar looks at that one. Where none comes before the session's end (bars of
whole sessions) it goes to the venue at once and trades at the open, as it would without a person.

Between signal and approval everything may have changed. So all that a signal meets when it comes it
meets again, at the present price; it becomes no larger than what the person was shown, and is refused
where the price has moved past the collar. One approval, one attempt: what is refused then is over.
"""

from __future__ import annotations

from engine.jit import kernel, loop_door
from engine.kernels.ledger import journal_row
from engine.kernels.money import add_checked, floor_to, multiply_divide_ceiling
from engine.kernels.orders import place
from engine.kernels.positions import tradable_lots
from engine.model.denials import (
    DENY_APPROVAL_HELD,
    DENY_APPROVAL_PRICE,
    DENY_APPROVAL_WITHDRAWN,
    DENY_NONE,
    DENY_TOO_SMALL,
)
from engine.model.layout import (
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_NOW,
    KIND_CHECKED,
    KIND_SIGNAL_APPROVED,
    ORDER_QUANTITY,
    ORDER_SIGNAL,
    ORDER_WIDTH,
    POSITION_CLOSED,
    POSITION_ENTRY,
    POSITION_HALTED,
    POSITION_LAST_TS,
    TERM_CALENDAR,
    TERM_LOT_STEP,
    TERM_PRICE_STEP,
)
from engine.model.trading import (
    PHASE_IDLE,
    QUEUE_AFTER_EXIT,
    QUEUE_APPROVED,
    QUEUE_DENIED,
    QUEUE_SENT,
    SOURCE_AGAIN,
    SOURCE_ORDER,
    TILT_HALVED,
    UNIT_PPM,
    VERDICT_OVER,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    ASKED_ROWS,
    CALENDAR_OPEN,
    CALENDAR_OPENED,
    CHECKED_CODE,
    CHECKED_LIMIT,
    CHECKED_NUMBER,
    CHECKED_SIGNAL,
    CHECKED_UNIT,
    CHECKED_VERDICT,
    EXIT_PHASE,
    GUARD_TILT,
    GUARD_WAITING,
    LIMIT_COLLAR_PPM,
    LIMIT_RISK,
    MONITOR_MARK_LENGTH,
    MONITOR_WANTS,
    NEVER,
    NOT_GIVEN,
    WAITING_CODE,
    WAITING_COUNT,
    WAITING_EXPIRES,
    WAITING_LOTS,
    WAITING_MARKET,
    WAITING_PRICE,
    WAITING_SIDE,
    WAITING_SIGNAL,
    WAITING_SOURCE,
    WAITING_STATE,
    WAITING_TIME,
    WAITING_WEIGHT,
    WANTS_EXIT,
)
from engine.rules.approval_queue import (
    answer,
    end_late,
    is_late,
    is_waiting_signal,
    journal_waiting,
    leave_queue,
    renew_expiry,
    usual_wait,
)
from engine.rules.decide import change_to
from engine.rules.hours import CLOSED, spans_session
from engine.rules.market_checks import entries_from, touch_price
from engine.rules.signal_checks import check_signal
from engine.rules.signals import deny, deny_order, enter, entry_price, send_signal, size_entry
from engine.rules.sizing import lots_for_share
from engine.rules.suspects import COLLAR_PPM
from engine.state import Core, Table

MILLION = 10**6


@kernel
def follow_queue(s: Core, intents: Table) -> None:
    """Send what a person has approved and what an exit made room for; end what has waited too long."""
    if s.guard[GUARD_WAITING] == 0:
        return
    for i in range(s.monitors.shape[0]):
        if s.monitors[i, WAITING_STATE] == QUEUE_AFTER_EXIT:
            turn_round(s, intents, i)
        elif s.monitors[i, WAITING_STATE] == QUEUE_APPROVED and not is_late(s, i):
            follow_approved(s, intents, i)
    end_late(s)


@kernel
def follow_approved(s: Core, intents: Table, i: int) -> None:
    """Send a signal that a person has approved, or hold it until it can be judged, and say so once."""
    if is_held_back(s, i):
        if s.monitors[i, WAITING_CODE] != DENY_APPROVAL_HELD:
            s.monitors[i, WAITING_CODE] = DENY_APPROVAL_HELD
            journal_waiting(s, i, DENY_APPROVAL_HELD)
        return
    if send_approved(s, intents, i) != 0:
        leave_queue(s, i, QUEUE_SENT)
        s.monitors[i, WAITING_CODE] = DENY_NONE
    else:
        leave_queue(s, i, QUEUE_DENIED)
        s.monitors[i, WAITING_CODE] = s.account[ACCOUNT_LAST_DENIAL]


@kernel
def is_held_back(s: Core, i: int) -> bool:
    """Return whether what a person has approved cannot be judged yet.

    The exit of an opposite position works, the market has not opened, its first minutes are kept free, or
    no price of this session is known.
    """
    if s.positions[i, POSITION_CLOSED] == 1 or s.positions[i, POSITION_HALTED] == 1:
        return False  # nobody knows for how long: it is refused
    if turns_by_exit(s, i):
        return True
    calendar = s.terms[i, TERM_CALENDAR]
    if s.calendars[calendar, CALENDAR_OPEN] == 0:
        return False
    if s.calendars[calendar, CALENDAR_OPEN] == CLOSED:
        return not spans_session(s, i)
    if s.account[ACCOUNT_NOW] < entries_from(s, i):
        return True
    is_of_before = s.positions[i, POSITION_LAST_TS] <= s.calendars[calendar, CALENDAR_OPENED]
    return bool(is_of_before and not spans_session(s, i))


@kernel
def turns_by_exit(s: Core, i: int) -> bool:
    """Return whether a signal waits for the exit of an opposite position, which goes by itself."""
    is_opposite = s.monitors[i, WAITING_SIDE] * tradable_lots(s, i) < 0
    is_left = s.monitors[i, EXIT_PHASE] != PHASE_IDLE or s.monitors[i, MONITOR_WANTS] & WANTS_EXIT
    return bool(is_opposite and is_left and s.monitors[i, WAITING_SOURCE] != SOURCE_ORDER)


@loop_door
def begin_expiries(s: Core, calendar: int) -> None:
    """Let the time of what came as the market closed run from its open; it sees a price of the session."""
    if s.guard[GUARD_WAITING] == 0:
        return
    for i in range(s.monitors.shape[0]):
        time = s.monitors[i, WAITING_TIME]
        if s.terms[i, TERM_CALENDAR] == calendar and time > 0 and is_waiting_signal(s, i):
            if not spans_session(s, i):
                time = max(time, s.monitors[i, MONITOR_MARK_LENGTH])
            s.monitors[i, WAITING_TIME] = 0
            s.monitors[i, WAITING_EXPIRES] = add_checked(s.account[ACCOUNT_NOW], time)
    renew_expiry(s)


@kernel
def turn_round(s: Core, intents: Table, i: int) -> None:
    """Send the signal that waits for an exit, once nothing is left of the position and of the exit."""
    if tradable_lots(s, i) != 0 or s.monitors[i, EXIT_PHASE] != PHASE_IDLE or is_late(s, i):
        return
    side, number = s.monitors[i, WAITING_SIDE], s.monitors[i, WAITING_SIGNAL]
    leave_queue(s, i, QUEUE_SENT)
    code = check_signal(s, i, side, SOURCE_AGAIN, s.account[ACCOUNT_NOW], number)
    if code != DENY_NONE:
        deny(s, i, side, number, 0, 0, code)
    else:
        expires = s.monitors[i, WAITING_EXPIRES]
        send_signal(s, intents, i, side, number, entry_price(s, i, side), expires)


@kernel
def send_approved(s: Core, intents: Table, i: int) -> int:
    """Check a signal that a person approved once more; return the order that it became, or 0."""
    if s.monitors[i, WAITING_SOURCE] == SOURCE_ORDER:
        return send_own(s, intents, i)
    side, number = s.monitors[i, WAITING_SIDE], s.monitors[i, WAITING_SIGNAL]
    code = check_signal(s, i, side, SOURCE_AGAIN, s.account[ACCOUNT_NOW], number)
    price = entry_price(s, i, side)
    if code == DENY_NONE:
        code = check_moved(s, i, price, s.monitors[i, WAITING_PRICE], number)
    if code != DENY_NONE:
        return deny(s, i, side, number, 0, 0, code)
    lots = size_entry(s, i, side, price, number, s.monitors[i, WAITING_LOTS])
    if lots == 0:
        return 0
    expires = s.monitors[i, WAITING_EXPIRES]
    if expires == NEVER:
        expires = add_checked(s.account[ACCOUNT_NOW], usual_wait(s))
    return enter(s, intents, i, side, lots, price, number, expires)


@kernel
def send_own(s: Core, intents: Table, i: int) -> int:
    """Send an order that its strategy sized itself, with what hangs on it; return its id, or 0."""
    side, number = s.monitors[i, WAITING_SIDE], s.monitors[i, WAITING_SIGNAL]
    code = check_signal(s, i, side, SOURCE_ORDER, s.account[ACCOUNT_NOW], number)
    if code == DENY_NONE:
        code = check_moved(s, i, touch_price(s, i, side), s.monitors[i, WAITING_MARKET], number)
    lots = s.monitors[i, WAITING_LOTS]
    if code == DENY_NONE:
        lots, code = own_lots(s, i, side, lots)
    if code != DENY_NONE:
        return deny(s, i, side, number, 0, lots, code)
    take_asked(s, intents, i, 0, lots)
    intents[0, ORDER_SIGNAL] = number
    order_id = place(s, intents, 0)
    if order_id == 0:
        return deny_order(s, i, side, number, lots)
    if s.monitors[i, WAITING_WEIGHT] != NOT_GIVEN:
        s.positions[i, POSITION_ENTRY] = order_id
    answer(s, KIND_SIGNAL_APPROVED, i, number, order_id, lots, DENY_NONE)
    for n in range(1, s.monitors[i, WAITING_COUNT]):
        take_asked(s, intents, i, n, lots)
        place(s, intents, 0)
    return order_id


@kernel
def own_lots(s: Core, i: int, side: int, shown: int) -> tuple[int, int]:
    """Return how many of the lots that a person was shown are sent, and why none where it is 0.

    Of a target weight no more than leads to the newest one; under tilt half of them.
    """
    lots, weight = shown, s.monitors[i, WAITING_WEIGHT]
    if weight != NOT_GIVEN:
        wanted = lots_for_share(s, i, abs(weight))
        change, _ = change_to(s, i, wanted if weight >= 0 else -wanted)
        lots = min(lots, side * change)
        if lots <= 0:
            return 0, DENY_APPROVAL_WITHDRAWN
    if s.guard[GUARD_TILT] == TILT_HALVED:
        lots = floor_to(lots // 2, s.terms[i, TERM_LOT_STEP])
    return lots, DENY_NONE if lots > 0 else DENY_TOO_SMALL


@kernel
def take_asked(s: Core, intents: Table, i: int, n: int, lots: int) -> None:
    """Put the n-th order that waits in an instrument into `intents[0]`, for so many lots at most."""
    for column in range(ORDER_WIDTH):
        intents[0, column] = s.asked[i * ASKED_ROWS + n, column]
    intents[0, ORDER_QUANTITY] = min(intents[0, ORDER_QUANTITY], lots)


@kernel
def check_moved(s: Core, i: int, price: int, shown: int, number: int) -> int:
    """Return why the price is too far from the one that the person was shown, or DENY_NONE.

    The collar is that of the risk checks; as there, one step is always near enough.
    """
    most = COLLAR_PPM
    if s.limits[LIMIT_RISK] == 1 and s.limits[LIMIT_COLLAR_PPM] > 0:
        most = s.limits[LIMIT_COLLAR_PPM]
    verdict, moved = VERDICT_UNKNOWN, NOT_GIVEN
    if price > 0 and shown > 0:
        distance = abs(price - shown)
        moved = multiply_divide_ceiling(distance, MILLION, shown)
        if distance <= s.terms[i, TERM_PRICE_STEP] or moved <= most:
            return DENY_NONE
        verdict = VERDICT_OVER
    n = journal_row(s, KIND_CHECKED, i)
    s.journal[n, CHECKED_SIGNAL] = number
    s.journal[n, CHECKED_CODE] = DENY_APPROVAL_PRICE
    s.journal[n, CHECKED_VERDICT] = verdict
    s.journal[n, CHECKED_NUMBER] = moved
    s.journal[n, CHECKED_LIMIT] = most
    s.journal[n, CHECKED_UNIT] = UNIT_PPM
    return DENY_APPROVAL_PRICE
