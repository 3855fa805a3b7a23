"""Signals that have waited: checked and sized once more, then sent like any other.

Between signal and approval everything may have changed. So all that a signal meets when it comes it
meets again, at the present price; it becomes no larger than what the person was shown, and is refused
where the price has moved past the collar. One approval, one attempt: what is refused then is over.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.ledger import journal_row
from engine.kernels.money import multiply_divide_ceiling
from engine.kernels.positions import tradable_lots
from engine.model.denials import DENY_APPROVAL_PRICE, DENY_NONE
from engine.model.layout import ACCOUNT_NOW, KIND_CHECKED, TERM_PRICE_STEP
from engine.model.trading import (
    PHASE_IDLE,
    QUEUE_AFTER_EXIT,
    QUEUE_APPROVED,
    QUEUE_DENIED,
    QUEUE_SENT,
    SOURCE_AGAIN,
    UNIT_PPM,
    VERDICT_OVER,
    VERDICT_UNKNOWN,
)
from engine.model.trading_layout import (
    CHECKED_CODE,
    CHECKED_LIMIT,
    CHECKED_NUMBER,
    CHECKED_SIGNAL,
    CHECKED_UNIT,
    CHECKED_VERDICT,
    EXIT_PHASE,
    GUARD_WAITING,
    LIMIT_COLLAR_PPM,
    LIMIT_RISK,
    NOT_GIVEN,
    WAITING_EXPIRES,
    WAITING_LOTS,
    WAITING_PRICE,
    WAITING_SIDE,
    WAITING_SIGNAL,
    WAITING_STATE,
)
from engine.rules.approval_queue import end_late, is_late, leave_queue
from engine.rules.signal_checks import check_signal
from engine.rules.signals import deny, enter, entry_price, send_signal, size_entry
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
        elif s.monitors[i, WAITING_STATE] == QUEUE_APPROVED:
            leave_queue(s, i, QUEUE_SENT)
            if send_approved(s, intents, i) == 0:
                s.monitors[i, WAITING_STATE] = QUEUE_DENIED
    end_late(s)


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
    side, number = s.monitors[i, WAITING_SIDE], s.monitors[i, WAITING_SIGNAL]
    code = check_signal(s, i, side, SOURCE_AGAIN, s.account[ACCOUNT_NOW], number)
    price = entry_price(s, i, side)
    if code == DENY_NONE:
        code = check_moved(s, i, price, number)
    if code != DENY_NONE:
        return deny(s, i, side, number, 0, 0, code)
    lots = size_entry(s, i, side, price, number, s.monitors[i, WAITING_LOTS])
    if lots == 0:
        return 0
    return enter(s, intents, i, side, lots, price, number, s.monitors[i, WAITING_EXPIRES])


@kernel
def check_moved(s: Core, i: int, price: int, number: int) -> int:
    """Return why the price is too far from the one that the person was shown, or DENY_NONE.

    The collar is that of the risk checks; as there, one step is always near enough.
    """
    most, shown = COLLAR_PPM, s.monitors[i, WAITING_PRICE]
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
